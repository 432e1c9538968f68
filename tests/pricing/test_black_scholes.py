"""Black-76: published vectors, an independent oracle, properties, limits, refusals."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.special import ndtr  # type: ignore[import-untyped]

from tests.pricing import chains
from trader.pricing.black_scholes import (
    ImpliedVolError,
    ImpliedVolStatus,
    greeks,
    implied_vol,
    inverse_price,
    price,
    price_and_greeks,
)
from trader.pricing.columns import Flag, Greeks, Kind, Numbers

MONTH = 30.0 / 365.0
FLAGS: tuple[Flag, ...] = ("call", "put")
YEAR_S = 365.0 * 86_400.0

forwards = st.floats(100.0, 500_000.0)
moneyness = st.floats(0.4, 2.5)
years_ = st.floats(1.0 / 365.0, 2.0)
vols = st.floats(0.1, 3.0)
kinds = st.sampled_from(FLAGS)
rates = st.floats(-0.05, 0.15)


def textbook(kind: Kind, forward: float, strike: float, years: float, vol: float) -> float:
    """Return Black-76 by scipy's normal distribution."""
    deviation = vol * np.sqrt(years)
    d1 = np.log(forward / strike) / deviation + 0.5 * deviation
    d2 = d1 - deviation
    if kind == "call":
        return float(forward * ndtr(d1) - strike * ndtr(d2))
    return float(strike * ndtr(-d2) - forward * ndtr(-d1))


@pytest.mark.parametrize(
    ("kind", "coin", "delta", "net_delta"),
    [
        ("call", 0.0391993782, 0.3651162496, 0.3259168714),
        ("put", 0.1161224552, -0.6348837504, -0.7510062055),
    ],
)
def test_decided_vector(kind: Kind, coin: float, delta: float, net_delta: float) -> None:
    """F 65000, K 70000, 30 days, 60 % gives the decided coin price and deltas to ten digits.

    The call is written so that delta less premium is the net delta, as the other digits have it.
    """
    assert inverse_price(kind, 65_000.0, 70_000.0, MONTH, 0.6) == pytest.approx(coin, abs=5e-11)
    figures = greeks(kind, 65_000.0, 70_000.0, MONTH, 0.6)
    assert figures.delta == pytest.approx(delta, abs=5e-11)
    assert figures.net_delta == pytest.approx(net_delta, abs=5e-11)


@given(forwards, moneyness, years_, vols)
def test_inverse_parity(forward: float, ratio: float, years: float, vol: float) -> None:
    """c - p = 1 - K/F in coin, and the deltas differ by one, the net ones by K/F."""
    strike = forward * ratio
    call = inverse_price("call", forward, strike, years, vol)
    put = inverse_price("put", forward, strike, years, vol)
    assert call - put == pytest.approx(1.0 - strike / forward, abs=1e-13)
    of_call = greeks("call", forward, strike, years, vol)
    of_put = greeks("put", forward, strike, years, vol)
    assert of_call.delta - of_put.delta == pytest.approx(1.0, abs=1e-13)
    assert of_call.net_delta - of_put.net_delta == pytest.approx(strike / forward, abs=1e-12)


def test_ticker_of_an_option_five_weeks_out() -> None:
    """A ticker sampled at 2026-11-20T10:00Z is reproduced to the digits it shows."""
    years = (1_798_185_600_000 - 1_795_168_799_965) / 1_000.0 / YEAR_S
    forward, strike, vol = 92_118.4, 100_000.0, 0.4812
    assert inverse_price("call", forward, strike, years, vol) == pytest.approx(0.02823418, abs=5e-9)
    shown = greeks("call", forward, strike, years, vol)
    assert shown.delta == pytest.approx(0.31662, abs=5e-6)
    assert shown.gamma == pytest.approx(3e-5, abs=5e-6)
    assert shown.vega == pytest.approx(101.43343, abs=6e-6)
    assert shown.theta == pytest.approx(-69.89465, abs=6e-6)
    assert shown.rho == pytest.approx(25.41288, abs=6e-6)


def test_theta_of_the_last_day_is_that_of_the_remaining_life() -> None:
    """Under a day Deribit shows the decay of what is left, and it fades to zero."""
    day = greeks("call", 65_000.0, 65_000.0, 1.0 / 365.0, 0.6).theta
    six_hours = greeks("call", 65_000.0, 65_000.0, 0.25 / 365.0, 0.6).theta
    # a quarter of the time at twice the rate per day
    assert six_hours == pytest.approx(0.5 * day, rel=1e-3)
    assert greeks("call", 65_000.0, 65_000.0, 1e-12, 0.6).theta == pytest.approx(0.0, abs=0.05)


@given(kinds, forwards, moneyness, years_, vols)
def test_price_agrees_with_the_textbook(
    kind: Kind, forward: float, ratio: float, years: float, vol: float
) -> None:
    """The value equals the formula written with scipy's normal distribution."""
    strike = forward * ratio
    oracle = textbook(kind, forward, strike, years, vol)
    assert price(kind, forward, strike, years, vol) == pytest.approx(oracle, abs=2e-14 * forward)


@given(kinds, forwards, moneyness, years_, vols)
def test_bounds_and_monotony(
    kind: Kind, forward: float, ratio: float, years: float, vol: float
) -> None:
    """Between intrinsic and its bound; rising in volatility and time; monotone in the strike."""
    strike = forward * ratio
    value = price(kind, forward, strike, years, vol)
    sign = 1.0 if kind == "call" else -1.0
    tiny = 1e-13 * forward
    assert max(sign * (forward - strike), 0.0) <= value
    assert value <= (forward if kind == "call" else strike) + tiny
    assert price(kind, forward, strike, years, 1.01 * vol) >= value - tiny
    assert price(kind, forward, strike, 1.01 * years, vol) >= value - tiny
    assert sign * (value - price(kind, forward, 1.001 * strike, years, vol)) >= -tiny


@given(kinds, forwards, moneyness, st.floats(2.0 / 365.0, 2.0), vols, rates)
def test_greeks_are_the_slopes_of_the_price(
    kind: Kind, forward: float, ratio: float, years: float, vol: float, rate: float
) -> None:
    """Delta, gamma, vega, theta and rho equal central differences in Deribit's units."""
    strike = forward * ratio
    shown = greeks(kind, forward, strike, years, vol, rate)

    def value(f: float = forward, t: float = years, v: float = vol, r: float = rate) -> float:
        return price(kind, f, strike, t, v, r)

    step = 1e-4 * forward
    up, mid, down = value(forward + step), value(), value(forward - step)
    assert shown.delta == pytest.approx((up - down) / (2 * step), abs=2e-5)
    assert shown.gamma * forward == pytest.approx(
        (up - 2 * mid + down) / step**2 * forward, abs=1e-3
    )
    assert shown.vega == pytest.approx(
        (value(v=vol + 1e-5) - value(v=vol - 1e-5)) / 2e-3, abs=1e-6 * forward
    )
    hour = 1e-3 / 365.0
    per_day = (value(t=years - hour) - value(t=years + hour)) / (2 * hour) / 365.0
    assert shown.theta == pytest.approx(per_day, abs=1e-6 * forward)
    # a rate moves the forward of a fixed spot and the discount factor
    carried = 1e-6
    higher = value(f=forward * np.exp(carried * years), r=rate + carried)
    lower = value(f=forward * np.exp(-carried * years), r=rate - carried)
    assert shown.rho == pytest.approx((higher - lower) / (2e2 * carried), abs=1e-6 * forward)


@given(kinds, forwards, moneyness, years_, vols, rates)
def test_net_delta_is_the_delta_of_a_holder_who_paid_in_coin(
    kind: Kind, forward: float, ratio: float, years: float, vol: float, rate: float
) -> None:
    """The net delta is the delta less the premium in coin."""
    strike = forward * ratio
    shown = greeks(kind, forward, strike, years, vol, rate)
    coin = inverse_price(kind, forward, strike, years, vol, rate)
    assert shown.net_delta == pytest.approx(shown.delta - coin, abs=1e-13)


@given(kinds, forwards, moneyness, years_, vols, rates)
@settings(max_examples=300)
def test_implied_volatility_round_trip(
    kind: Kind, forward: float, ratio: float, years: float, vol: float, rate: float
) -> None:
    """The volatility comes back as exactly as the price determines it."""
    strike = forward * ratio
    paid = price(kind, forward, strike, years, vol, rate)
    vega = greeks(kind, forward, strike, years, vol, rate).vega * 100.0
    slack = 1e-15 * max(forward, strike) / vega if vega > 0.0 else np.inf
    if slack < 1e-3:
        found = implied_vol(kind, paid, forward, strike, years, rate)
        assert found == pytest.approx(vol, abs=1e-13 * vol + 4.0 * slack)


@given(st.floats(-20.0, 20.0), years_, vols)
def test_implied_volatility_in_the_far_wings(distance: float, years: float, vol: float) -> None:
    """Out-of-the-money prices, however small, give their volatility to 12 digits."""
    strike = float(65_000.0 * np.exp(distance * vol * np.sqrt(years)))
    kind: Kind = "call" if distance > 0.0 else "put"
    assume(1e-9 <= strike <= 1e15)
    paid = price(kind, 65_000.0, strike, years, vol)
    assert implied_vol(kind, paid, 65_000.0, strike, years) == pytest.approx(vol, rel=1e-12)


def test_boards_broadcast() -> None:
    """Arrays of any compatible shapes broadcast; each cell equals its scalar answer."""
    strikes = np.array([50_000.0, 65_000.0, 90_000.0])
    terms = np.array([[0.01], [0.5]])
    board = price("put", 65_000.0, strikes, terms, 0.7)
    shown = greeks("put", 65_000.0, strikes, terms, 0.7)
    solved = implied_vol("put", board, 65_000.0, strikes, terms)
    assert board.shape == shown.theta.shape == solved.vol.shape == (2, 3)
    for row in range(2):
        for column in range(3):
            strike, years = float(strikes[column]), float(terms[row, 0])
            alone = price("put", 65_000.0, strike, years, 0.7)
            assert board[row, column] == pytest.approx(alone, rel=1e-15)
            gamma = greeks("put", 65_000.0, strike, years, 0.7).gamma
            assert shown.gamma[row, column] == pytest.approx(gamma, rel=1e-14)
            found = implied_vol("put", alone, 65_000.0, strike, years)
            assert solved.vol[row, column] == pytest.approx(found, rel=1e-14)


def test_kinds_may_be_words_signs_or_arrays() -> None:
    """ "call" is +1 and "put" is -1, alone or in arrays."""
    strikes = np.array([60_000.0, 70_000.0])
    words = price(np.array(["call", "put"]), 65_000.0, strikes, 0.1, 0.6)
    signs = price(np.array([1, -1]), 65_000.0, strikes, 0.1, 0.6)
    assert words.tolist() == signs.tolist()
    assert words[0] == price("call", 65_000.0, 60_000.0, 0.1, 0.6)
    assert words[1] == price(-1, 65_000.0, 70_000.0, 0.1, 0.6)


def test_one_pass_gives_both() -> None:
    """Price and Greeks of one pass equal those of two."""
    strikes = np.linspace(40_000.0, 90_000.0, 11)
    value, shown = price_and_greeks("call", 65_000.0, strikes, 0.2, 0.5, 0.03)
    assert value.tolist() == price("call", 65_000.0, strikes, 0.2, 0.5, 0.03).tolist()
    apart = greeks("call", 65_000.0, strikes, 0.2, 0.5, 0.03)
    assert [one.tolist() for one in shown] == [one.tolist() for one in apart]


def test_empty_boards_are_fine() -> None:
    """No options give no prices, no Greeks and no volatilities."""
    none = np.empty(0)
    assert price("call", none, none, none, none).size == 0
    assert greeks("call", none, none, none, none).delta.size == 0
    assert implied_vol("call", none, none, none, none).vol.size == 0


@pytest.mark.parametrize(("years", "vol"), [(0.0, 0.6), (0.3, 0.0), (0.0, 0.0)])
@pytest.mark.parametrize(
    ("kind", "strike", "value", "delta"),
    [
        ("call", 60_000.0, 5_000.0, 1.0),
        ("call", 65_000.0, 0.0, 0.5),
        ("call", 70_000.0, 0.0, 0.0),
        ("put", 60_000.0, 0.0, 0.0),
        ("put", 65_000.0, 0.0, -0.5),
        ("put", 70_000.0, 5_000.0, -1.0),
    ],
)
def test_limits_without_time_or_volatility(
    kind: Kind, strike: float, value: float, delta: float, years: float, vol: float
) -> None:
    """Greeks do not divide by zero on expiry day: intrinsic value, delta 0, one half or one."""
    assert price(kind, 65_000.0, strike, years, vol) == value
    shown = greeks(kind, 65_000.0, strike, years, vol)
    assert shown.delta == delta
    assert shown.gamma == 0.0
    assert shown.theta == 0.0
    assert np.isfinite(shown).all()
    if years == 0.0:
        assert shown.vega == 0.0
        assert shown.rho == 0.0


@given(
    kinds,
    st.floats(1e-9, 1e15),
    st.floats(1e-9, 1e15),
    st.one_of(st.just(0.0), st.floats(0.0, 1e3)),
    st.one_of(st.just(0.0), st.floats(0.0, 1e3)),
)
@settings(max_examples=300)
def test_no_valid_input_gives_anything_but_finite_numbers(
    kind: Kind, forward: float, strike: float, years: float, vol: float
) -> None:
    """Over the whole stated domain price and Greeks are finite and nothing warns."""
    assert np.isfinite(price(kind, forward, strike, years, vol))
    assert np.isfinite(greeks(kind, forward, strike, years, vol)).all()


GOOD: dict[str, float] = {"forward": 65_000.0, "strike": 70_000.0, "years": 0.1, "vol": 0.6}


@pytest.mark.parametrize("field", ["forward", "strike", "years", "vol"])
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -1.0, -float("inf")])
def test_invalid_input_is_refused_by_name(field: str, bad: float) -> None:
    """NaN, infinite and negative arguments raise, naming the field and the value."""
    with pytest.raises(ValueError, match=rf"{field} = {bad!r}: must be a finite number"):
        price("call", **{**GOOD, field: bad})
    columns: dict[str, Numbers] = {**GOOD, field: np.array([GOOD[field], bad])}
    with pytest.raises(ValueError, match=rf"{field} = {bad!r}: must be a finite number"):
        greeks("call", **columns)


@pytest.mark.parametrize("field", ["forward", "strike"])
def test_zero_levels_are_refused(field: str) -> None:
    """A forward or strike of zero is no option."""
    with pytest.raises(ValueError, match=f"{field} = 0.0"):
        price("call", **{**GOOD, field: 0.0})


def test_nan_rate_is_refused() -> None:
    """A rate that is no number is refused as well."""
    with pytest.raises(ValueError, match="rate = nan"):
        price("call", **GOOD, rate=float("nan"))


@pytest.mark.parametrize("kind", ["Call", 0, 2, np.array([1, 3]), np.array(["put", "x"])])
def test_unknown_kinds_are_refused(kind: object) -> None:
    """Anything but the two kinds raises and says what is allowed."""
    with pytest.raises(ValueError, match="must be 'call', 'put'"):
        price(kind, 65_000.0, np.array([60_000.0, 70_000.0]), 0.1, 0.6)  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("kind", "paid", "strike", "years", "status"),
    [
        ("call", 4_000.0, 60_000.0, 0.1, ImpliedVolStatus.BELOW_INTRINSIC),
        ("call", 5_000.0, 60_000.0, 0.1, ImpliedVolStatus.AT_INTRINSIC),
        ("call", 0.0, 70_000.0, 0.1, ImpliedVolStatus.AT_INTRINSIC),
        ("call", 65_000.0, 70_000.0, 0.1, ImpliedVolStatus.AT_OR_ABOVE_BOUND),
        ("put", 70_001.0, 70_000.0, 0.1, ImpliedVolStatus.AT_OR_ABOVE_BOUND),
        ("call", 100.0, 70_000.0, 0.0, ImpliedVolStatus.EXPIRED),
    ],
)
def test_unsolvable_prices_fail_by_type(
    kind: Kind, paid: float, strike: float, years: float, status: ImpliedVolStatus
) -> None:
    """A scalar raises with its reason; in an array the element says so and is no number."""
    with pytest.raises(ImpliedVolError) as raised:
        implied_vol(kind, paid, 65_000.0, strike, years)
    assert raised.value.status is status
    solved = implied_vol(kind, np.array([paid, 9_000.0]), 65_000.0, strike, years)
    assert solved.status[0] == status
    assert np.isnan(solved.vol[0])


def test_one_unsolvable_price_leaves_the_others_alone() -> None:
    """Each element of an array is solved on its own."""
    strikes = np.array([60_000.0, 65_000.0, 70_000.0])
    paid = price("call", 65_000.0, strikes, 0.1, 0.6)
    paid[1] = 0.0
    solved = implied_vol("call", paid, 65_000.0, strikes, 0.1)
    assert solved.status.tolist() == [0, ImpliedVolStatus.AT_INTRINSIC, 0]
    assert solved.vol[[0, 2]] == pytest.approx([0.6, 0.6], rel=1e-12)


@pytest.mark.parametrize("bad", [float("nan"), -0.01, float("inf")])
def test_prices_that_are_no_prices_are_refused(bad: float) -> None:
    """A price that is not a finite non-negative number raises by name."""
    with pytest.raises(ValueError, match=rf"price = {bad!r}"):
        implied_vol("call", bad, 65_000.0, 70_000.0, 0.1)


def test_scalars_in_floats_out() -> None:
    """Scalars give plain floats that a journal can hold."""
    assert type(price("call", 65_000.0, 70_000.0, 0.1, 0.6)) is float
    shown = greeks("call", 65_000.0, 70_000.0, 0.1, 0.6)
    assert isinstance(shown, Greeks)
    assert all(type(one) is float for one in shown)


@pytest.mark.real_data
@pytest.mark.parametrize("coin", ["btc", "eth"])
def test_marks_of_four_months_are_reproduced(real_data: Path, coin: str) -> None:
    """Mark volatilities give the marks that the venue shows, half of them to 1e-5 coin."""
    chain = chains.read(real_data, coin)
    assert len(chain.mark) > 300_000
    ours = inverse_price(chain.sign, chain.forward, chain.strike, chain.years, chain.vol)
    assert np.median(np.abs(ours - chain.mark)) <= 1e-5
