"""What every pricing model must keep, built in or registered by others: one suite over all."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from trader.app.plugins import pricing_models
from trader.pricing import black_scholes
from trader.pricing.calibration import Calibrated, NotCalibrated, vol_quotes

if TYPE_CHECKING:
    from trader.pricing.columns import Flag, Range
    from trader.pricing.model import PricingModel
    from trader.pricing.normal import Array

MODELS = {name: kind() for name, kind in pricing_models().items()}
FORWARD = 65_000.0
ROUNDING = 1e-12 * FORWARD
# Where a parameter of this name is drawn from; others from their valid range, to 1 at most.
USUAL = {
    "vol": (0.05, 3.0),
    "jump_intensity": (0.0, 30.0),
    "jump_mean": (-0.5, 0.3),
    "jump_std": (0.0, 0.5),
    "v0": (0.01, 4.0),
    "kappa": (0.5, 10.0),
    "theta": (0.01, 2.0),
    "vol_of_vol": (0.0, 3.0),
    "rho": (-0.95, 0.95),
}
# What a model may refuse although each argument alone is valid.
TOGETHER = ("jump_intensity", "ln(strike / forward)")
every_model = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
kinds: st.SearchStrategy[Flag] = st.sampled_from(("call", "put"))
years_ = st.floats(math.log(1.0 / 365.0), 0.0).map(math.exp)
quick = settings(max_examples=25)


def usual(limits: Range) -> tuple[float, float]:
    """Return where a parameter is drawn from."""
    low, high = USUAL.get(limits.name, (limits.low, 1.0))
    return max(low, limits.low), min(high, limits.high)


def draw(model: PricingModel, choice: st.DataObject) -> tuple[float, ...]:
    """Draw parameters of a model."""
    spans = [usual(limits) for limits in model.parameters]
    return tuple(choice.draw(st.floats(low, high)) for low, high in spans)


def middle(model: PricingModel) -> tuple[float, ...]:
    """Return parameters in the middle of what is usual, where something happens."""
    return tuple(0.7 * low + 0.3 * high for low, high in map(usual, model.parameters))


def board(years: float) -> Array:
    """Return strikes around the forward, wider the later they expire."""
    return FORWARD * np.exp(np.linspace(-2.5, 2.5, 21) * math.sqrt(years))


@every_model
@given(st.data(), years_)
@quick
def test_parity_bounds_and_shape(model: PricingModel, choice: st.DataObject, years: float) -> None:
    """c - p = F - K; between intrinsic and bound; monotone and convex in the strike."""
    parameters, strike = draw(model, choice), board(years)
    call = np.asarray(model.price("call", FORWARD, strike, years, *parameters))
    put = np.asarray(model.price("put", FORWARD, strike, years, *parameters))
    assert call - put == pytest.approx(FORWARD - strike, abs=1e-15 * strike.max() + ROUNDING)
    assert (call >= np.maximum(FORWARD - strike, 0.0)).all()
    assert (put >= np.maximum(strike - FORWARD, 0.0)).all()
    assert (call <= FORWARD).all()
    assert (put <= strike).all()
    slope = np.diff(call) / np.diff(strike)
    steepest = ROUNDING / np.diff(strike).min()
    assert (slope <= steepest).all()
    assert (slope >= -1.0 - steepest).all()
    assert (np.diff(slope) >= -4.0 * steepest).all()


@every_model
@given(st.data(), kinds, years_)
@quick
def test_no_calendar_is_free(
    model: PricingModel, choice: st.DataObject, kind: Flag, years: float
) -> None:
    """With the forward still, more time is never worth less: the forward is a martingale."""
    parameters, strike = draw(model, choice), board(years)
    sooner = np.asarray(model.price(kind, FORWARD, strike, years, *parameters))
    later = np.asarray(model.price(kind, FORWARD, strike, 1.1 * years, *parameters))
    assert (later >= sooner - ROUNDING).all()


@every_model
@given(st.data(), kinds, years_, st.floats(0.01, 100.0))
@quick
def test_values_scale_with_the_forward(
    model: PricingModel, choice: st.DataObject, kind: Flag, years: float, scale: float
) -> None:
    """Forward and strike in another unit give the value in that unit; coin is USD per forward."""
    parameters, strike = draw(model, choice), board(years)
    one = np.asarray(model.price(kind, FORWARD, strike, years, *parameters))
    other = np.asarray(model.price(kind, scale * FORWARD, scale * strike, years, *parameters))
    assert other == pytest.approx(scale * one, abs=scale * ROUNDING)
    coin = np.asarray(model.inverse_price(kind, FORWARD, strike, years, *parameters))
    assert coin == pytest.approx(one / FORWARD, abs=1e-15)


@every_model
@given(st.data(), kinds, st.floats(7.0 / 365.0, 1.0), st.floats(-0.02, 0.1))
@quick
def test_greeks_are_the_slopes_of_the_price(
    model: PricingModel, choice: st.DataObject, kind: Flag, years: float, rate: float
) -> None:
    """Delta, gamma, theta, rho and net delta equal central differences, in Deribit's units."""
    parameters = draw(model, choice)
    strike = FORWARD * np.exp(np.linspace(-1.5, 1.5, 7) * math.sqrt(years))

    def value(forward: float = FORWARD, years: float = years, rate: float = rate) -> Array:
        return np.asarray(model.price(kind, forward, strike, years, *parameters, rate=rate))

    shown = model.greeks(kind, FORWARD, strike, years, *parameters, rate=rate)
    # curvature sets how far apart prices may be taken
    step = 0.02 / max(float(np.max(shown.gamma)) * FORWARD, 1.0) * FORWARD
    step = min(step, 1e-3 * FORWARD)
    up, mid, down = value(FORWARD + step), value(), value(FORWARD - step)
    assert shown.delta == pytest.approx((up - down) / (2.0 * step), abs=2e-3)
    curved = (up - 2.0 * mid + down) / step**2
    assert shown.gamma * FORWARD == pytest.approx(
        curved * FORWARD, abs=0.02 * float(np.max(shown.gamma)) * FORWARD + 1e-3
    )
    assert shown.net_delta == pytest.approx(shown.delta - mid / FORWARD, abs=1e-12)
    hour = 1e-4 * years
    fades = (value(years=years - hour) - value(years=years + hour)) / (2.0 * hour) / 365.0
    decay = float(np.abs(fades).max())
    assert shown.theta == pytest.approx(fades, abs=1e-4 * decay + 1e-8 * FORWARD)
    carried = 1e-6
    higher = value(FORWARD * math.exp(carried * years), rate=rate + carried)
    lower = value(FORWARD * math.exp(-carried * years), rate=rate - carried)
    assert shown.rho == pytest.approx((higher - lower) / (200.0 * carried), abs=1e-6 * FORWARD)


@every_model
@given(st.data(), kinds)
@quick
def test_without_time_a_value_is_intrinsic(
    model: PricingModel, choice: st.DataObject, kind: Flag
) -> None:
    """At expiry: intrinsic, delta 0, one half or one; a second before, close to it. All finite."""
    parameters = draw(model, choice)
    strike = np.array([60_000.0, 65_000.0, 70_000.0])
    sign = 1.0 if kind == "call" else -1.0
    intrinsic = np.maximum(sign * (FORWARD - strike), 0.0)
    assert np.asarray(model.price(kind, FORWARD, strike, 0.0, *parameters)).tolist() == (
        intrinsic.tolist()
    )
    shown = model.greeks(kind, FORWARD, strike, 0.0, *parameters)
    assert np.isfinite(shown).all()
    assert (
        np.asarray(shown.delta).tolist()
        == (sign * np.array([1.0, 0.5, 0.0])[:: int(sign)]).tolist()
    )
    second = 1.0 / (365.0 * 86_400.0)
    soon = np.asarray(model.price(kind, FORWARD, strike, second, *parameters))
    assert soon == pytest.approx(intrinsic, abs=2e-3 * FORWARD)
    assert np.isfinite(model.greeks(kind, FORWARD, strike, second, *parameters)).all()


@every_model
@given(st.data(), kinds)
@settings(max_examples=50)
def test_all_of_the_valid_domain_has_values(
    model: PricingModel, choice: st.DataObject, kind: Flag
) -> None:
    """Wherever parameters are valid, a value lies between its bounds and Greeks are numbers."""
    forward, strike, years, _, *ranges = model.valid_domain
    at = choice.draw(st.floats(max(1.0, forward.low), min(1e6, forward.high)))
    away = st.floats(-3.0, 3.0) | st.floats(-20.0, 20.0)
    reach = choice.draw(st.lists(away, min_size=1, max_size=3))
    strikes = [min(max(at * math.exp(one), strike.low), strike.high) for one in reach]
    until = choice.draw(st.floats(years.low, min(years.high, 5.0)))
    parameters = tuple(choice.draw(st.floats(one.low, one.high)) for one in ranges)
    here = np.array(strikes)
    try:
        worth = np.asarray(model.price(kind, at, here, until, *parameters))
    except ValueError as refused:
        assume(not any(one in str(refused) for one in TOGETHER))
        raise
    bound = np.full_like(here, at) if kind == "call" else here
    sign = 1.0 if kind == "call" else -1.0
    assert (worth >= np.maximum(sign * (at - here), 0.0)).all()
    assert (worth <= bound * (1.0 + 1e-12)).all()
    assert np.isfinite(model.greeks(kind, at, here, until, *parameters)).all()


@every_model
def test_boards_broadcast_and_scalars_give_floats(model: PricingModel) -> None:
    """Every cell of a board is what the scalar call says; parameters may be columns too."""
    parameters = middle(model)
    strikes, terms = np.array([50_000.0, 65_000.0, 90_000.0]), np.array([[0.02], [0.5]])
    worth = np.asarray(model.price("put", FORWARD, strikes, terms, *parameters))
    shown = model.greeks("put", FORWARD, strikes, terms, *parameters)
    assert worth.shape == np.shape(shown.gamma) == (2, 3)
    for row, column in np.ndindex(2, 3):
        at, years = float(strikes[column]), float(terms[row, 0])
        alone = model.price("put", FORWARD, at, years, *parameters)
        assert isinstance(alone, float)
        assert worth[row, column] == pytest.approx(alone, abs=ROUNDING)
        greeks = model.greeks("put", FORWARD, at, years, *parameters)
        assert all(isinstance(one, float) for one in greeks)
        assert np.asarray(shown.delta)[row, column] == pytest.approx(greeks.delta, abs=1e-11)
    columns = [np.array([one, 1.01 * one]) for one in parameters]
    both = np.asarray(model.price("call", FORWARD, 66_000.0, 0.1, *columns))
    second = model.price("call", FORWARD, 66_000.0, 0.1, *(1.01 * one for one in parameters))
    assert both[1] == pytest.approx(second, abs=ROUNDING)
    none = np.empty(0)
    assert np.size(model.price("call", FORWARD, none, 0.1, *parameters)) == 0
    assert np.size(model.greeks("call", FORWARD, none, 0.1, *parameters).delta) == 0


@every_model
def test_what_lies_outside_is_refused_by_name(model: PricingModel) -> None:
    """Each argument of `valid_domain`: no number, infinite, below and above; named."""
    good = (FORWARD, 70_000.0, 0.1, 0.0, *middle(model))
    for place, limits in enumerate(model.valid_domain):
        beyond = (math.nan, math.inf, -math.inf, math.nextafter(limits.low, -math.inf),
                  math.nextafter(limits.high, math.inf))  # fmt: skip
        for wrong in beyond:
            asked = [*good[:place], wrong, *good[place + 1 :]]
            forward, strike, years, rate, *parameters = asked
            with pytest.raises(ValueError, match=f"{limits.name} = {wrong!r}".replace("+", r"\+")):
                model.price("call", forward, strike, years, *parameters, rate=rate)
            board_of_two = np.array([strike, good[1]])
            with pytest.raises(ValueError, match=f"{limits.name} = "):
                model.greeks("put", forward, board_of_two, years, *parameters, rate=rate)
    with pytest.raises(ValueError, match="kind = 'Call'"):
        model.price("Call", *good[:3], *good[4:])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=f"{model.name} got 0 parameters"):
        model.price("call", *good[:3])


@every_model
def test_its_own_surface_calibrates_it(model: PricingModel) -> None:
    """Quotes that a model made are fitted, cold and warm; the warm start takes no more work."""
    parameters = middle(model)
    years = np.repeat([0.05, 0.2, 0.6], 7)
    strike = FORWARD * np.exp(np.tile(np.linspace(-1.2, 1.2, 7), 3) * np.sqrt(years))
    kind = np.where(strike >= FORWARD, 1, -1)
    worth = model.price(kind, FORWARD, strike, years, *parameters)
    vol = black_scholes.implied_vol(kind, np.asarray(worth), FORWARD, strike, years).vol
    quotes = vol_quotes(FORWARD, strike, years, vol)
    cold = model.calibrate(quotes)
    assert isinstance(cold, Calibrated), cold
    assert cold.error < 1e-4
    assert [one.options for one in cold.expiries] == [7, 7, 7]
    warm = model.calibrate(quotes, cold.parameters)
    assert isinstance(warm, Calibrated)
    assert warm.error <= cold.error + 1e-9
    assert warm.steps <= cold.steps


@every_model
def test_too_few_quotes_are_not_calibrated(model: PricingModel) -> None:
    """No quotes, or some, are no calibration: a value with its reason."""
    for some in (np.empty(0), np.array([60_000.0, 70_000.0])):
        found = model.calibrate(vol_quotes(FORWARD, some, 0.1, 0.6))
        assert isinstance(found, NotCalibrated)
        assert "needed" in found.reason
