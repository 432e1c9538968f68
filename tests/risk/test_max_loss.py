"""Is the estimated max loss the worst of a brute-force search, reached and never exceeded?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.risk.scenes import NOW, SPOT, option, perpetual
from trader.domain.instruments import spot_pair
from trader.domain.units import DAY, YEAR
from trader.risk.max_loss import (
    PricedLeg,
    Stress,
    UndefinedRisk,
    UnitLoss,
    perpetual_loss,
    structure_loss,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from trader.domain.instruments import OptionType, SettlementPeriod

    Floats = NDArray[np.float64]

STRESS = Stress(sigma=0.6)
FREE = PricedLeg(option(), 1.0, 0.01)


def leg(
    kind: OptionType = "call",
    strike: float = 70_000.0,
    ratio: float = 1.0,
    premium: float = 0.01,
    *,
    spread: float = 0.0,
    inverse: bool = True,
    days: float = 7.0,
    period: SettlementPeriod = "week",
) -> PricedLeg:
    """Price one leg of a structure."""
    instrument = option(kind, strike, days, inverse=inverse, period=period)
    return PricedLeg(instrument, ratio, premium, spread)


def loss(*legs: PricedLeg, index: float = SPOT, stress: Stress = STRESS) -> UnitLoss:
    """Estimate with the defaults of these tests."""
    return structure_loss(legs, index=index, at=NOW, stress=stress)


def coin_result(legs: Sequence[PricedLeg], spots: Floats) -> Floats:
    """Book premium, fees, spread and settlement of inverse options by hand, in coin."""
    total = np.zeros_like(spots)
    for one in legs:
        strike = one.instrument.strike or 0.0
        sign = 1.0 if one.instrument.option_type == "call" else -1.0
        worth = np.maximum(sign * (spots - strike), 0.0) / spots
        delivery = 0.0 if one.instrument.daily else np.minimum(0.00015, worth / 8)
        total += one.ratio * (worth - one.entry_price)
        total -= abs(one.ratio) * (min(0.0003, one.entry_price / 8) + one.spread + delivery)
    return total


def usd_result(legs: Sequence[PricedLeg], spots: Floats, index: float) -> Floats:
    """Value the same in USD: flows of today at the index, flows of expiry at the spot."""
    at_expiry = [PricedLeg(one.instrument, one.ratio, 0.0, 0.0) for one in legs]
    settled = coin_result(at_expiry, spots)
    today = coin_result(legs, spots) - settled
    return today * index + settled * spots


def grid(low: float, high: float, legs: Sequence[PricedLeg]) -> Floats:
    """Lay a dense grid over a range, with every strike and both ends on it."""
    strikes = [one.instrument.strike or 0.0 for one in legs]
    inside = [strike for strike in strikes if low <= strike <= high]
    kinks = [strike * (1 + side) for strike in inside for side in (-0.0012, 0.00120144, 0.0013)]
    kept = [kink for kink in kinks if low <= kink <= high]
    return np.unique(np.concatenate([np.geomspace(low, high, 4001), inside, kept]))


def ranges(legs: Sequence[PricedLeg], index: float, stress: Stress) -> tuple[Floats, Floats]:
    """Decide by hand where the loss has a bottom, and lay the grids: (USD, coin)."""
    years = ((legs[0].instrument.expires_at or 0) - NOW) / YEAR
    move = max(math.log(stress.spot_move), stress.sigmas * stress.sigma * math.sqrt(years))
    low, high = index * math.exp(-move), index * math.exp(move)
    strikes = [one.instrument.strike or 0.0 for one in legs]
    calls = sum(one.ratio for one in legs if one.instrument.option_type == "call")
    puts = [one for one in legs if one.instrument.option_type == "put"]
    top = max([high, *(2 * strike for strike in strikes)]) if calls >= 0 else high
    bottomless_usd = sum(one.ratio for one in puts) < 0
    bottomless_coin = sum(one.ratio * (one.instrument.strike or 0.0) for one in puts) < 0
    lowest = min([low, *(strike / 2 for strike in strikes)])
    return (
        grid(low if bottomless_usd else lowest, top, legs),
        grid(low if bottomless_coin else lowest, 1e12 if calls >= 0 else high, legs),
    )


STRIKES = st.sampled_from([40_000.0, 55_000.0, 60_000.0, 65_000.0, 70_000.0, 80_000.0, 130_000.0])
LEGS = st.builds(
    leg,
    st.sampled_from(["call", "put"]),
    STRIKES,
    st.sampled_from([-2.0, -1.0, 1.0, 2.0]),
    st.floats(0.0005, 0.2),
    spread=st.floats(0.0, 0.002),
    days=st.just(7.0),
    period=st.sampled_from(["day", "week"]),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(LEGS, min_size=1, max_size=4), st.floats(0.2, 3.0))
def test_brute_force_reaches_and_never_exceeds_the_formula(
    legs: list[PricedLeg], sigma: float
) -> None:
    """Over the stressed range, or all spots where the loss has a bottom, the worst is found.

    Delivery fees in USD grow with the spot without end; they count within the searched range.
    """
    stress = Stress(sigma)
    found = loss(*legs, stress=stress)
    in_usd, in_coin = ranges(legs, SPOT, stress)
    usd = float(-usd_result(legs, in_usd, SPOT).min())
    coin = float(-coin_result(legs, in_coin).min())
    assert coin <= found.coin + 1e-9
    assert found.coin <= coin + 2e-4
    searched = in_usd[(in_usd >= found.stress_low) & (in_usd <= found.stress_high)]
    if not all(one.instrument.daily for one in legs):
        usd = float(-usd_result(legs, searched, SPOT).min())
    assert usd <= found.usd + 1e-6
    assert found.usd <= usd + 2e-4 * SPOT


def test_inverse_bear_call_spread_is_worst_at_the_long_strike() -> None:
    """70k/80k: 1 - 70/80 = .125 coin and 10,000 USD before premium and fees, wherever spot is."""
    for index in (30_000.0, 65_000.0, 90_000.0):
        found = loss(leg(ratio=-1.0, period="day"), leg(strike=80_000.0, period="day"), index=index)
        fees = 2 * 0.0003
        assert found.coin == pytest.approx(0.125 + fees, abs=1e-12)
        assert found.usd == pytest.approx(10_000 + fees * index, abs=1e-6)


def test_premium_fees_and_spread_are_in_it() -> None:
    """Credit .01 less .004, two fees of .0003, spreads .0004 and .0002, delivery of both legs."""
    found = loss(
        leg(ratio=-1.0, premium=0.010, spread=0.0004),
        leg(strike=80_000.0, premium=0.004, spread=0.0002),
    )
    by_hand = 0.125 - 0.006 + 0.0006 + 0.0006 + 0.00015
    assert found.coin == pytest.approx(by_hand, abs=2e-4)
    assert found.coin >= by_hand
    past_cap = 80_000 / (1 - 0.0012)
    assert found.coin == pytest.approx(
        max(by_hand, 10_000 / past_cap - 0.006 + 0.0012 + 0.0003), abs=1e-9
    )


def test_short_put_spread_in_coin_is_stressed_and_in_usd_exact() -> None:
    """(K2 - K1) / S has no bottom in coin, so s_min holds; in USD the width is the loss."""
    low = SPOT * math.exp(-4 * 0.6 * math.sqrt(7 / 365))
    found = loss(
        leg("put", 60_000.0, -1.0, 0.01, period="day"),
        leg("put", 50_000.0, 1.0, 0.01, period="day"),
    )
    assert found.usd == pytest.approx(10_000 + 0.0006 * SPOT)
    assert found.coin == pytest.approx(60_000 / low - 1 - max(50_000 / low - 1, 0) + 0.0006)
    far = loss(
        leg("put", 30_000.0, -1.0, 0.01, period="day"),
        leg("put", 20_000.0, 1.0, 0.01, period="day"),
    )
    assert far.usd == pytest.approx(10_000 + 0.0006 * SPOT)
    assert far.coin == pytest.approx(0.0006)


def test_naked_short_call_is_stressed_upward() -> None:
    """Against holding the coin a covered call loses what it pays at S exp(m)."""
    high = SPOT * 1.25
    found = loss(leg(strike=68_000.0, ratio=-1.0, days=1.0, period="day"), stress=Stress(0.3))
    assert found.coin == pytest.approx(1 - 68_000 / high - 0.01 + 0.0003)
    assert found.usd == pytest.approx(high - 68_000 - (0.01 - 0.0003) * SPOT)
    assert found.stress_high == pytest.approx(high)


def test_naked_short_puts_inverse_and_linear() -> None:
    """Inverse: the loss at s_min in both; linear: bounded on both sides, so K at S = 0, exact."""
    low = SPOT / 1.25
    found = loss(leg("put", 60_000.0, -1.0, days=1.0, period="day"), stress=Stress(0.3))
    assert found.usd == pytest.approx(60_000 - low - (0.01 - 0.0003) * SPOT)
    assert found.coin == pytest.approx(60_000 / low - 1 - 0.01 + 0.0003)
    secured = loss(leg("put", 60_000.0, -1.0, 600.0, inverse=False, period="day"))
    assert secured.usd == pytest.approx(60_000 - 600 + 0.0003 * SPOT)
    assert secured.coin == pytest.approx(secured.usd / SPOT)
    assert secured.stress_low == 0.0


def test_linear_spread_is_its_width_in_usd() -> None:
    """A USD-settled bear call spread loses width less credit; its coin is that at the index."""
    found = loss(
        leg(ratio=-1.0, premium=900.0, inverse=False, period="day"),
        leg(strike=80_000.0, premium=200.0, inverse=False, period="day"),
    )
    assert found.usd == pytest.approx(10_000 - 700 + 2 * 0.0003 * SPOT)
    assert found.coin == pytest.approx(found.usd / SPOT)


def test_a_bought_option_loses_its_premium() -> None:
    """Long calls and puts lose premium, fee and spread, in coin also as S -> infinity."""
    for kind in ("call", "put"):
        found = loss(leg("call" if kind == "call" else "put", 70_000.0, 2.0, 0.03, spread=0.001))
        assert found.coin == pytest.approx(2 * (0.03 + 0.0003 + 0.001))
        assert found.usd == pytest.approx(found.coin * SPOT)


def test_a_long_box_can_lose_all_of_its_coin() -> None:
    """It pays a fixed sum of USD, which is nothing in coin as S -> infinity."""
    box = (
        leg("call", 60_000.0, 1.0, 0.10, period="day"),
        leg("call", 80_000.0, -1.0, 0.01, period="day"),
        leg("put", 80_000.0, 1.0, 0.24, period="day"),
        leg("put", 60_000.0, -1.0, 0.02, period="day"),
    )
    assert loss(*box).coin == pytest.approx(0.31 + 4 * 0.0003)


def test_several_expiries_end_at_the_nearest() -> None:
    """A later long counts at intrinsic value; a later short stands alone to its own expiry."""
    near, later = leg(ratio=-1.0, period="day"), leg(premium=0.02, days=30.0, period="day")
    calendar = loss(near, later)
    assert calendar.usd == pytest.approx((0.02 - 0.01 + 0.0006) * SPOT)
    reverse = (leg(ratio=1.0, period="day"), leg(ratio=-1.0, premium=0.02, days=30.0, period="day"))
    apart = loss(reverse[0]).usd + loss(reverse[1]).usd
    assert loss(*reverse).usd == pytest.approx(apart)
    assert loss(*reverse).coin == pytest.approx(loss(reverse[0]).coin + loss(reverse[1]).coin)


def test_currencies_are_bounded_apart_and_added() -> None:
    """Coin-settled and USD-settled legs do not offset each other."""
    inverse, linear = leg(ratio=-1.0), leg(ratio=1.0, premium=650.0, inverse=False)
    both = loss(inverse, linear)
    assert both.usd == pytest.approx(loss(inverse).usd + loss(linear).usd)


def test_a_perpetual_beside_options_is_part_of_the_structure() -> None:
    """A short call hedged by one long coin of perpetual loses nothing above the strike."""
    hedge = PricedLeg(perpetual(), SPOT, SPOT, 0.5)
    naked, hedged = loss(leg(ratio=-1.0)), loss(leg(ratio=-1.0), hedge)
    low = SPOT * math.exp(-4 * 0.6 * math.sqrt(7 / 365))
    fee = 0.0005 * SPOT
    assert hedged.stress_high >= naked.stress_high
    assert hedged.usd == pytest.approx(SPOT - low - (0.01 - 0.0003) * SPOT + fee + 0.5, rel=1e-6)


def test_the_stress_grows_with_volatility_and_time() -> None:
    """m is at least ln 1.25 and 4 sigma sqrt(T) beyond that."""
    assert Stress(0.3).log_move(1 / 365) == pytest.approx(math.log(1.25))
    assert Stress(0.6).log_move(0.25) == pytest.approx(4 * 0.6 * 0.5)
    with pytest.raises(UndefinedRisk, match="time to expiry"):
        Stress(0.6).log_move(-1.0)


@pytest.mark.parametrize("sigma", [math.nan, math.inf, 0.0, -0.5, 1e9])
def test_unbounded_without_a_stated_stress_is_refused(sigma: float) -> None:
    """Without a volatility nothing says how far the spot may go."""
    with pytest.raises(UndefinedRisk, match=r"volatility|range|overflow"):
        loss(leg(ratio=-1.0), stress=Stress(sigma))


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 0.0, -1.0])
def test_numbers_that_are_none_are_refused_by_name(bad: float) -> None:
    """Index, price, ratio and spread are checked before anything is compared."""
    with pytest.raises(UndefinedRisk, match="index"):
        loss(leg(), index=bad)
    with pytest.raises(UndefinedRisk, match="price"):
        loss(leg(premium=bad))
    if bad <= 0 or not math.isfinite(bad):
        with pytest.raises(UndefinedRisk, match=r"ratio|spread"):
            loss(leg(ratio=bad if not math.isfinite(bad) or bad == 0 else 1.0, spread=-1.0))


def test_structures_that_cannot_be_judged_are_refused() -> None:
    """No legs, a perpetual without a stop, an expired option: typed errors, never numbers."""
    with pytest.raises(UndefinedRisk, match="no legs"):
        loss()
    with pytest.raises(UndefinedRisk, match="no option leg"):
        loss(PricedLeg(perpetual(), SPOT, SPOT))
    with pytest.raises(UndefinedRisk, match="expired"):
        structure_loss([leg()], index=SPOT, at=NOW + 8 * DAY, stress=STRESS)
    with pytest.raises(UndefinedRisk, match=r"overflow|not finite"):
        loss(leg(ratio=1e200, premium=1e200))


def test_perpetual_loses_stop_and_gap_times_size_and_fees() -> None:
    """Two coins, stop 1,500 and ATR 500 away: 4,000 USD and fees, in coin at the worst price."""
    for size, worst in ((130_000.0, 63_000.0), (-130_000.0, 67_000.0)):
        found = perpetual_loss(
            perpetual(), size, price=SPOT, stop_distance=1_500.0, atr=500.0, fees_usd=90.0
        )
        assert found.usd == pytest.approx(4_000 + 90)
        by_hand = 130_000 * abs(1 / SPOT - 1 / worst)
        assert found.coin == pytest.approx(by_hand + 90 / min(SPOT, worst))
    linear = perpetual_loss(
        perpetual(inverse=False), -2.0, price=SPOT, stop_distance=1_500.0, atr=500.0, fees_usd=90.0
    )
    assert (linear.usd, linear.coin) == pytest.approx((4_090.0, 4_090 / SPOT))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("price", math.nan),
        ("stop_distance", 0.0),
        ("stop_distance", math.inf),
        ("stop_distance", 65_000.0),
        ("atr", -1.0),
        ("atr", math.nan),
        ("fees_usd", math.nan),
    ],
)
def test_perpetual_without_a_defined_stop_is_refused(field: str, value: float) -> None:
    """A stop, gap or fee that is no number leaves the risk undefined."""
    numbers = {"price": SPOT, "stop_distance": 1_500.0, "atr": 500.0, "fees_usd": 0.0}
    with pytest.raises(UndefinedRisk):
        perpetual_loss(perpetual(), 130_000.0, **(numbers | {field: value}))


def test_share_is_the_worse_of_usd_and_coin() -> None:
    """10,000 USD and .2 coin at 65,000 on a million: 1.3 %, the coin."""
    unit = UnitLoss(10_000.0, 0.2, 50_000.0, 80_000.0)
    assert unit.share(1e6, SPOT) == pytest.approx(0.013)
    stated = unit.of(0.5, 1e6, SPOT)
    assert (stated.usd, stated.coin, stated.share) == pytest.approx((5_000.0, 0.1, 0.0065))


COIN = PricedLeg(spot_pair("BTC"), 1.0, 60_000.0, 10.0)


def test_coin_alone_can_lose_what_it_cost() -> None:
    """No stress is needed: 60,000 and one spread of 10, whatever the volatility."""
    loss = structure_loss([COIN], index=SPOT, at=NOW, stress=Stress(sigma=math.nan))
    assert (loss.usd, loss.coin) == pytest.approx((60_010.0, 60_010 / SPOT))
    assert (loss.stress_low, loss.stress_high) == (0.0, SPOT)


def test_coin_covers_a_call_and_its_premium_lowers_the_loss() -> None:
    """Nothing is lost above the strike; at a price of 0 the coin less the premium."""
    call = leg("call", 70_000.0, -1.0, 800.0, inverse=False)
    fee = 0.0003 * SPOT
    covered = structure_loss([COIN, call], index=SPOT, at=NOW, stress=STRESS)
    assert covered.usd == pytest.approx(60_010.0 - 800.0 + fee)
    twice = structure_loss([COIN, call, call], index=SPOT, at=NOW, stress=STRESS)
    high = SPOT * math.exp(STRESS.log_move(7 / 365))
    assert twice.stress_high == pytest.approx(high)
    assert twice.usd > covered.usd - 800.0
    later = leg("call", 70_000.0, -1.0, 800.0, inverse=False, days=14.0)
    naked = structure_loss([later], index=SPOT, at=NOW, stress=STRESS)
    apart = structure_loss([COIN, call, later], index=SPOT, at=NOW, stress=STRESS)
    assert apart.usd == pytest.approx(covered.usd + naked.usd)


@given(st.floats(20_000.0, 120_000.0), st.integers(1, 40), st.floats(1.0, 5_000.0))
def test_covered_calls_lose_no_more_than_a_search_finds(
    cost: float, strike_steps: int, premium: float
) -> None:
    """The formula is the worst of ten thousand prices from 0 to three times the index."""
    coin = PricedLeg(spot_pair("BTC"), 1.0, cost)
    call = leg("call", 40_000.0 + 1_000.0 * strike_steps, -1.0, premium, inverse=False)
    loss = structure_loss([coin, call], index=SPOT, at=NOW, stress=STRESS)
    prices = np.linspace(0.0, 3 * SPOT, 10_001)
    fee = min(0.0003 * SPOT, 0.125 * premium)
    gone = np.maximum(prices - (call.instrument.strike or 0.0), 0.0)
    delivery = np.minimum(0.00015 * prices, 0.125 * gone)
    lost = cost - prices + gone + delivery + fee - premium
    assert loss.usd == pytest.approx(lost.max(), abs=1e-6)


def test_coin_cannot_be_sold_short() -> None:
    """Nobody holds it: no loss is stated."""
    short = PricedLeg(spot_pair("BTC"), -1.0, 60_000.0)
    with pytest.raises(UndefinedRisk, match="cannot be sold"):
        structure_loss([short], index=SPOT, at=NOW, stress=STRESS)
