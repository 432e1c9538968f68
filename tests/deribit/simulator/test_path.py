"""The path between hours: one calculation for points and extremes, right in deviation."""

from datetime import UTC, datetime

import numpy as np

from trader.deribit.simulator.path import (
    BLOCK_DAYS,
    GENESIS,
    HIGHEST,
    LATEST,
    LOWEST,
    STEPS_PER_DAY,
    Path,
    finish,
    keep,
    on_tick,
    perpetual_series,
    read,
    spot_series,
)
from trader.deribit.simulator.skeleton import COINS, PERPETUAL_PRODUCTS
from trader.domain.units import DAY, nanoseconds

TODAY = (nanoseconds(datetime(2026, 11, 20, tzinfo=UTC)) - GENESIS) // DAY


def test_extremes_are_those_of_the_points() -> None:
    """The prepared highest, lowest and last step of each minute are those of a day's points."""
    path = Path(5)
    for series in (spot_series("ETH"), perpetual_series("SOL_USDC", 0.01)):
        block, into = divmod(TODAY, BLOCK_DAYS)
        frame = path.frame(series, block, slice(24 * into, 24 * into + 24))
        minutes = path.day(series, TODAY).reshape(1_440, 12)
        for steps, of_points in (
            (HIGHEST, minutes.max(axis=1)),
            (LOWEST, minutes.min(axis=1)),
            (LATEST, minutes[:, -1]),
        ):
            looked_up = finish(series, (frame.level + read(frame, steps)).T.ravel())
            assert looked_up.tolist() == of_points.tolist()


def test_deviation_is_the_skeletons_at_every_scale() -> None:
    """Squared moves over steps and over minutes both add up to the hours' variance."""
    by_step, by_minute, expected = [], [], []
    for seed in range(6):
        path = Path(seed)
        for day in range(TODAY - 120, TODAY, 8):
            hours = path.skeleton.upto(24 * day + 24)
            here = slice(24 * day, 24 * day + 24)
            if hours.jump[:2, here].any():
                continue
            log = np.log(path.day(spot_series("ETH"), day))
            by_step.append(np.sum(np.diff(log) ** 2))
            by_minute.append(np.sum(np.diff(log[::12]) ** 2))
            expected.append(np.sum(hours.deviation[:2, here] ** 2))
    assert abs(np.sum(by_step) / np.sum(expected) - 1.0) < 0.03
    assert abs(np.sum(by_minute) / np.sum(expected) - 1.0) < 0.05


def test_steps_of_different_coins_are_related_not_equal() -> None:
    """Moves over five seconds correlate between coins."""
    path = Path(1)
    moves = [np.diff(np.log(path.day(spot_series(coin), TODAY))) for coin in COINS[:3]]
    correlation = np.corrcoef(moves)
    assert 0.4 < correlation[0, 1] < 0.98
    assert 0.3 < correlation[0, 2] < 0.98


def test_perpetuals_share_the_shape_of_their_spot() -> None:
    """The mark over the index changes from minute to minute only, by its premium."""
    path = Path(2)
    spot = path.day(spot_series("BTC"), TODAY)
    for product in ("BTC", "BTC_USDC"):
        ratio = (path.day(perpetual_series(product), TODAY) / spot).reshape(1_440, 12)
        assert np.ptp(ratio, axis=1).max() < 4e-7
        assert 1e-6 < np.ptp(ratio) < 0.01


def test_every_series_has_a_whole_day() -> None:
    """A day has a positive price for each step of each product, on its tick."""
    path = Path(3)
    for product in PERPETUAL_PRODUCTS:
        prices = path.day(perpetual_series(product, 0.001), TODAY)
        assert prices.shape == (STEPS_PER_DAY,)
        assert prices.min() > 0.0
        assert prices.tolist() == on_tick(prices, 0.001).tolist()


def test_days_do_not_depend_on_each_other() -> None:
    """A day asked for alone, in a fresh path, is the day seen on a walk."""
    walked = Path(4)
    for day in range(TODAY - 40, TODAY):
        walked.day(spot_series("XRP"), day)
    alone = Path(4).day(spot_series("XRP"), TODAY - 17)
    assert walked.day(spot_series("XRP"), TODAY - 17).tolist() == alone.tolist()


def test_caches_forget_the_oldest() -> None:
    """A cache never holds more than its limit and keeps the newest."""
    cache: dict[int, str] = {}
    for one in range(10):
        keep(cache, one, str(one), 3)
    assert cache == {7: "7", 8: "8", 9: "9"}
