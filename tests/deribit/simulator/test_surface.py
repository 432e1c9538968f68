"""The surfaces: no arbitrage in the traded range, moods and premium as stated."""

import numpy as np
import pytest

from trader.deribit.simulator.market import GENESIS, UNDERLYINGS, Market
from trader.deribit.simulator.surface import (
    IMPLIED_OVER_EXPECTED,
    State,
    expected_vol,
    smiled,
    variance_swap_vol,
)
from trader.domain.units import DAY
from trader.pricing.black_scholes import price


def _state(before: int, now: int, weight: float, log_vol: float) -> State:
    return State(np.array([before]), np.array([now]), np.array([weight]), np.array([log_vol]))


@pytest.mark.parametrize("coin", UNDERLYINGS)
def test_no_calendar_arbitrage_in_any_state(coin: str) -> None:
    """At each moneyness total variance rises with time, whatever mood and log-volatility."""
    days = np.array([0.02, 0.3, 1, 2, 3, 7, 14, 30, 60, 120, 240, 370])
    for before, now in ((0, 0), (2, 3), (3, 2), (1, 0)):
        for weight in (0.1, 0.6, 1.0):
            for log_vol in (-1.2, -0.33, 0.0, 0.71, 1.4):
                state = _state(before, now, weight, log_vol)
                level = IMPLIED_OVER_EXPECTED * expected_vol(coin, state, days / 365.0)
                for moneyness in np.linspace(-1.0, 1.0, 21):
                    total = smiled(level, days / 365.0, moneyness) ** 2 * days
                    assert (np.diff(total) > 0.0).all()


@pytest.mark.parametrize("vol", [0.25, 0.6, 1.3, 2.4])
@pytest.mark.parametrize("days", [0.04, 1.0, 7.0, 30.0, 180.0, 365.0])
def test_no_butterfly_arbitrage_at_any_level(vol: float, days: float) -> None:
    """Call prices fall and are convex in the strike over eight deviations."""
    years = np.full(801, days / 365.0)
    deviation = vol * np.sqrt(years[0])
    strikes = np.linspace(np.exp(-4.0 * deviation), np.exp(4.0 * deviation), 801)
    calls = price("call", 1.0, strikes, years, smiled(np.full(801, vol), years, np.log(strikes)))
    assert (np.diff(calls) < 1e-13).all()
    assert (np.diff(calls, 2) > -1e-13).all()


def test_a_new_mood_enters_gradually() -> None:
    """Between a calm and a wild mood the expected variance is their mixture."""
    years = np.array([7.0 / 365.0])
    calm, wild, mixed = (
        float(expected_vol("BTC", _state(2, 3, weight, 0.0), years)[0]) ** 2
        for weight in (0.0, 1.0, 0.25)
    )
    assert calm < wild
    assert mixed == pytest.approx(0.75 * calm + 0.25 * wild)


def test_the_smile_sticks_to_moneyness() -> None:
    """The quoted volatility depends on K/F alone, at any forward; puts are dearer than calls."""
    level, years = np.array([0.5]), np.array([0.1])
    assert smiled(level, years, 0.0) == level
    below, above = smiled(level, years, -0.3)[0], smiled(level, years, 0.3)[0]
    assert below > above > level[0]


def test_a_variance_swap_costs_more_than_the_money() -> None:
    """The fair variance is what a strip of options over all strikes costs; above the money's."""
    for level, days in ((0.5, 30.0), (1.1, 30.0), (0.4, 300.0)):
        years = days / 365.0
        fair = float(variance_swap_vol(np.array([level]), years)[0])
        strikes = np.exp(np.linspace(-12.0, 12.0, 24_001) * level * np.sqrt(years))
        vols = smiled(np.full(strikes.shape, level), np.full(strikes.shape, years), np.log(strikes))
        kinds = np.where(strikes < 1.0, -1.0, 1.0)
        strip = price(kinds, 1.0, strikes, years, vols) / strikes**2
        total = 2.0 * float(np.sum(0.5 * (strip[1:] + strip[:-1]) * np.diff(strikes)))
        assert fair == pytest.approx(np.sqrt(total / years), rel=1e-3)
        assert 1.0 < fair / level < 1.5


def test_coins_differ_in_volatility() -> None:
    """A coin with a ratio of its own is expected to move more than BTC."""
    market = Market(1)
    years = np.array([0.1])
    vols = {
        coin: float(market.expected_vol(coin, GENESIS + 900 * DAY, years)[0])
        for coin in UNDERLYINGS
    }
    assert min(vols, key=lambda coin: vols[coin]) == "BTC"
    assert vols["ETH"] < vols["SOL"]
