"""The invented market: one path per seed, causal, consistent across every view of it."""

import os
import subprocess
import sys
from datetime import UTC, datetime

import numpy as np
import pytest

from trader.deribit.simulator.market import (
    END,
    GENESIS,
    MARKET_VERSION,
    STEP,
    UNDERLYINGS,
    Market,
)
from trader.deribit.simulator.path import perpetual_series
from trader.deribit.simulator.surface import IMPLIED_OVER_EXPECTED
from trader.domain.units import DAY, HOUR, MILLISECOND, MINUTE, SECOND, YEAR, nanoseconds
from trader.pricing.black_scholes import price

NOON = nanoseconds(datetime(2026, 11, 20, 12, 34, 26, tzinfo=UTC))
MORNING = NOON // DAY * DAY + 8 * HOUR


@pytest.fixture(scope="module")
def market() -> Market:
    """Share one market: its caches never change an answer."""
    return Market(11)


def _fingerprint(market: Market) -> str:
    bars = market.candles("ETH", NOON - 5 * HOUR, NOON, 15, NOON)
    return repr(
        (
            market.spot("BTC", NOON),
            market.spot("ETH", NOON),
            market.delivery_price("BTC", MORNING, NOON),
            market.funding_8h("ETH", NOON),
            market.forward("BTC", NOON + 30 * DAY, NOON),
            market.expected_vol("BTC", NOON, np.array([0.1])).tolist(),
            bars.close.tolist(),
            bars.volume.tolist(),
        )
    )


def test_access_order_does_not_matter() -> None:
    """Two markets of one seed agree, one asked forward, one asked backward and all around."""
    forward, backward = Market(11), Market(11)
    instants = [NOON + hour * 7 * HOUR for hour in range(-40, 40)]
    first = [forward.spot(name, at) for at in instants for name in UNDERLYINGS]
    backward.candles("BTC", NOON - 20 * DAY, NOON, 60, NOON)
    for at in reversed(instants):
        backward.spot("ETH", at)
    second = [backward.spot(name, at) for at in instants for name in UNDERLYINGS]
    assert first == second
    assert _fingerprint(forward) == _fingerprint(backward)


def test_another_process_and_hash_seed_agree(market: Market) -> None:
    """A fresh interpreter under another PYTHONHASHSEED makes the same path."""
    code = (
        "from tests.deribit.simulator.test_market import _fingerprint, Market;"
        "print(_fingerprint(Market(11)))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "4242"}
    run = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == _fingerprint(market)


def test_seed_and_version_are_stated(market: Market) -> None:
    """A market says which path it is."""
    assert (market.seed, market.version, market.underlyings) == (11, MARKET_VERSION, UNDERLYINGS)
    assert Market(12).spot("BTC", NOON) != market.spot("BTC", NOON)


def test_arrays_equal_single_instants(market: Market) -> None:
    """Random access through an array gives what single questions give."""
    instants = NOON + np.arange(-400, 400) * (37 * MINUTE)
    for name in UNDERLYINGS:
        together = market.spots(name, instants)
        alone = [market.spot(name, int(at)) for at in instants]
        assert together.tolist() == alone


def test_bridges_meet_the_skeleton(market: Market) -> None:
    """At full hours the fine grid is the hourly path, and it arrives there without a leap."""
    hours = np.arange(NOON // HOUR * HOUR - 50 * HOUR, NOON, HOUR)
    for name in UNDERLYINGS:
        skeleton = market.hourly_spots(name, int(hours[0]), int(hours[-1]))
        assert market.spots(name, hours).tolist() == skeleton.tolist()
        before = market.spots(name, hours - STEP)
        assert np.max(np.abs(np.log(skeleton / before))) < 0.01


def test_prices_stand_still_between_grid_points(market: Market) -> None:
    """Nothing of the next grid point shows before its time."""
    at = NOON // STEP * STEP
    assert market.spot("BTC", at) == market.spot("BTC", at + STEP - 1)
    path = market.spots("BTC", at + STEP * np.arange(100))
    assert len(set(path.tolist())) > 80


def test_prices_are_positive_in_cents(market: Market) -> None:
    """Every index price is positive with two decimals, that of small coins with four."""
    path = market.spots("ETH", NOON + np.arange(2_000) * MINUTE)
    assert path.min() > 0.0
    assert np.allclose(path * 100.0, np.round(path * 100.0), atol=1e-6)
    small = market.spots("XRP", NOON + np.arange(2_000) * MINUTE) * 10_000.0
    assert np.allclose(small, np.round(small), atol=1e-6)


def test_underlyings_move_together() -> None:
    """Hourly returns of BTC and ETH correlate strongly but not perfectly; levels keep a band."""
    for seed in range(4):
        market = Market(seed)
        btc, eth = (market.hourly_spots(name, GENESIS, NOON) for name in ("BTC", "ETH"))
        assert 0.75 < np.corrcoef(np.diff(np.log(btc)), np.diff(np.log(eth)))[0, 1] < 0.95
        assert 10.0 < np.median(btc / eth) < 60.0


def test_realized_volatility_is_what_the_model_expects() -> None:
    """Over seeds and dates, variance on the fine grid averages to the expected variance."""
    ratios = []
    for seed in range(16):
        market = Market(seed)
        for start in range(NOON - 700 * DAY, NOON, 140 * DAY):
            expected = float(market.expected_vol("ETH", start, np.array([14 / 365]))[0])
            path = market.spots("ETH", np.arange(start, start + 14 * DAY, 5 * MINUTE))
            realized = np.sum(np.diff(np.log(path)) ** 2) * 365 / 14
            ratios.append(realized / expected**2)
    error = np.std(ratios) / np.sqrt(len(ratios))
    assert np.mean(ratios) == pytest.approx(1.0, abs=4.0 * error)
    assert error < 0.08


def test_expected_volatility_reverts(market: Market) -> None:
    """Whatever today's state, a year ahead lies nearer to the long run than tomorrow does."""
    horizons = np.array([1.0, 7.0, 30.0, 365.0]) / 365.0
    table = np.array(
        [market.expected_vol("BTC", NOON - 31 * DAY * back, horizons) for back in range(40)]
    )
    spread = table.std(axis=0)
    assert (np.diff(spread) < 0.0).all()
    assert 0.3 < table[:, -1].mean() < 0.8


def test_quoted_volatility_is_expected_volatility_with_a_premium(market: Market) -> None:
    """At the money the quoted volatility is 1.15 times the expected one, at every horizon."""
    years = np.array([0.5, 1.0, 7.0, 90.0, 360.0]) / 365.0
    quoted = market.implied_vol("ETH", NOON, years, 0.0)
    assert IMPLIED_OVER_EXPECTED == 1.15
    assert quoted == pytest.approx(1.15 * market.expected_vol("ETH", NOON, years), rel=1e-12)


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("underlying", UNDERLYINGS)
def test_surface_has_no_butterfly_or_calendar_arbitrage(seed: int, underlying: str) -> None:
    """Calls fall and are convex in the strike; total variance rises with time, wings included."""
    market = Market(seed)
    total = []
    points = np.linspace(-1.2, 1.2, 401)
    for days in (0.5, 1.0, 3.0, 7.0, 21.0, 60.0, 180.0, 360.0):
        years = np.full(points.shape, days / 365.0)
        vol = market.implied_vol(underlying, NOON, years, points)
        total.append(vol * vol * years)
        reach = np.linspace(-3.5, 3.5, 401) * vol[200] * np.sqrt(years[0])
        strikes = np.linspace(np.exp(reach[0]), np.exp(reach[-1]), 401)
        smile = market.implied_vol(underlying, NOON, years, np.log(strikes))
        calls = price("call", 1.0, strikes, years, smile)
        assert (np.diff(calls) < 1e-12).all()
        assert (np.diff(calls, 2) > -1e-12).all()
    assert (np.diff(np.array(total), axis=0) > 0.0).all()


def test_puts_are_dearer_than_calls(market: Market) -> None:
    """The smile leans to the downside."""
    years = np.array([30.0 / 365.0])
    below = market.implied_vol("BTC", NOON, years, -0.2)[0]
    above = market.implied_vol("BTC", NOON, years, 0.2)[0]
    assert below > above > market.implied_vol("BTC", NOON, years, 0.0)[0]


def test_forwards_converge_to_the_index(market: Market) -> None:
    """The forward carries a little more for each day and is the index at expiry."""
    spot = market.spot("BTC", NOON)
    assert market.forward("BTC", NOON, NOON) == spot
    later = [market.forward("BTC", NOON + days * DAY, NOON) for days in (1, 30, 365)]
    assert spot < later[0] < later[1] < later[2] < 1.06 * spot


def test_funding_is_the_premium_beyond_the_damper() -> None:
    """Funding is zero inside the damper, follows the premium beyond it and stays in its cap."""
    seen = []
    for seed in range(3):
        market = Market(seed)
        for back in range(400):
            at = NOON - back * 53 * HOUR
            premium = market.premium("BTC", at)
            funding = market.funding_8h("BTC", at)
            if abs(premium) <= 0.00025:
                assert funding == pytest.approx(0.0, abs=1e-18)
            else:
                assert abs(funding) == pytest.approx(abs(premium) - 0.00025)
                assert funding * premium > 0.0
            assert abs(funding) <= 0.005
            mark = market.perpetual_mark("BTC", at)
            assert mark == pytest.approx(market.spot("BTC", at) * (1 + premium), rel=4e-7)
            seen.append(funding)
    assert min(seen) < 0.0 < max(seen)


def test_delivery_price_is_the_mean_of_the_window(market: Market) -> None:
    """The delivery price averages the grid over 07:30-08:00 and is unknown until 08:00."""
    window = MORNING - 30 * MINUTE + STEP * np.arange(30 * MINUTE // STEP)
    mean = round(float(market.spots("BTC", window).mean()), 2)
    assert market.delivery_price("BTC", MORNING, MORNING) == mean
    assert market.delivery_price("BTC", MORNING, NOON + 900 * DAY) == mean
    assert market.delivery_price("BTC", MORNING, MORNING - 1) is None
    assert Market(11).delivery_price("BTC", MORNING, MORNING) == mean


def test_estimated_delivery_price_runs_into_the_delivery_price(market: Market) -> None:
    """Outside the window it is the index; inside a running mean that ends at delivery."""
    assert market.estimated_delivery_price("BTC", NOON) == market.spot("BTC", NOON)
    opening = MORNING - 30 * MINUTE
    assert market.estimated_delivery_price("BTC", opening) == market.spot("BTC", opening)
    tenth = opening + 10 * MINUTE
    seen = market.spots("BTC", np.arange(opening, tenth + 1, STEP))
    assert market.estimated_delivery_price("BTC", tenth) == round(float(seen.mean()), 2)
    last = market.estimated_delivery_price("BTC", MORNING - 1)
    assert last == market.delivery_price("BTC", MORNING, MORNING)


def test_delivery_prices_page_backward(market: Market) -> None:
    """Newest first, in pages that join, each equal to its single question."""
    page = market.delivery_prices("ETH", NOON, 5)
    assert [at for at, _ in page] == [MORNING - back * DAY for back in range(5)]
    assert market.delivery_prices("ETH", NOON, 3, offset=2) == page[2:]
    assert all(market.delivery_price("ETH", at, NOON) == value for at, value in page)
    assert market.delivery_prices("ETH", MORNING - 1, 1)[0][0] == MORNING - DAY
    days = (MORNING - GENESIS) // DAY + 1
    assert len(market.delivery_prices("ETH", NOON, 10, offset=days - 4)) == 4


def test_index_candles_are_those_of_the_path(market: Market) -> None:
    """The index has bars without volume, of its own published points."""
    bars = market.candles("SOL", NOON - 6 * HOUR, NOON, 60, NOON)
    for index in (0, 3, -1):
        opened = int(bars.ticks[index]) * MILLISECOND
        points = market.spots("SOL", np.arange(opened, min(opened + HOUR, NOON + 1), STEP))
        bar = [column[index] for column in bars[1:5]]
        assert bar == [points[0], points.max(), points.min(), points[-1]]
    assert not bars.volume.any()
    assert not bars.cost.any()


def test_whole_life_is_defined() -> None:
    """The market answers from its first to its last instant and refuses what lies beyond."""
    market = Market(0)
    assert market.spot("BTC", GENESIS) == pytest.approx(30_000.0, rel=1e-6)
    assert market.spot("ETH", END - 1) > 0.0
    for at in (GENESIS - 1, END):
        with pytest.raises(ValueError, match=f"at = {at}"):
            market.spot("BTC", at)


def test_mistakes_are_refused_by_name(market: Market) -> None:
    """A bad seed, underlying or resolution raises with its name and value."""
    with pytest.raises(ValueError, match="seed = -1"):
        Market(-1)
    with pytest.raises(ValueError, match="underlying = 'DOGE'"):
        market.spot("DOGE", NOON)
    with pytest.raises(ValueError, match="underlying = 'btc'"):
        market.hourly_spots("btc", NOON - DAY, NOON)
    with pytest.raises(ValueError, match="product = 'btc'"):
        market.premium("btc", NOON)
    with pytest.raises(ValueError, match="resolution_minutes = 7"):
        market.candles("BTC", NOON - DAY, NOON, 7, NOON)


def test_caches_stay_bounded() -> None:
    """Days of fine grid and bridges leave as new ones come."""
    market = Market(0)
    for back in range(120):
        at = NOON - back * DAY
        market.spot("BTC", at)
        market.expected_vol("BTC", at, np.array([10 * SECOND / YEAR]))
    path = market.path
    assert len(path._days) <= 48
    assert max(map(len, path._walks)) <= 128
    assert max(map(len, path._words)) <= 128


def test_a_full_hour_is_known_without_its_day() -> None:
    """The same figure as a point of the day, asked before it or after it."""
    market, other = Market(5), Market(5)
    series = perpetual_series("ETH_USDC")
    for hours in (30, 31, 30, 5_000):
        at = GENESIS + hours * HOUR
        assert market.hourly_point(series, at) == other.point(series, at)
        assert market.point(series, at) == market.hourly_point(series, at)
