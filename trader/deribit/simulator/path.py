"""How does an invented price get from one full hour to the next?

Between the hours of the skeleton a Brownian bridge leads over the minutes, and inside each minute
one of some hundred prepared bridges, bent by one of some hundred slopes and scaled by the hour's
deviation, leads over twelve steps of five seconds; a jump happens at the start of its minute. The
extremes of a minute are prepared with its steps, so that bars cost a look-up. Normals and shapes
come from counter-based generators keyed by seed, component and block of days, in single precision
relative to the hour. Everything that is shown (points, bars of any resolution) is read off these
steps by one calculation, so that a bar is exactly the extremes of its points. Steps, minutes and
hours hold their price until the next begins: nothing of the future shows.
"""

from typing import Final, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from trader.deribit.simulator.skeleton import COINS, COMPONENTS, PERPETUAL_PRODUCTS, Hours, Skeleton
from trader.domain.units import DAY, HOUR, MINUTE, SECOND, YEAR
from trader.pricing.normal import Array

GENESIS: Final = 1_609_459_200 * SECOND  # 2021-01-01 00:00 UTC
END: Final = 2_208_988_800 * SECOND  # 2040-01-01 00:00 UTC

STEPS_PER_MINUTE: Final = 12
STEPS_PER_HOUR: Final = 60 * STEPS_PER_MINUTE
STEPS_PER_DAY: Final = 24 * STEPS_PER_HOUR
STEP: Final = MINUTE // STEPS_PER_MINUTE

BLOCK_DAYS: Final = 16
BLOCK_HOURS: Final = 24 * BLOCK_DAYS

_SHAPES: Final = 512
_BEND: Final = 0.5  # deviations of a step
_BENDS: Final = 28  # to either side: four deviations of a minute
_BRIDGES_KEPT: Final = 12
_LEADING_BRIDGES_KEPT: Final = 128  # of BTC and ETH, on which most products lean
_DAYS_KEPT: Final = 18
_HOURS_TO_STEP: Final = 1.0 / float(np.sqrt(STEPS_PER_HOUR))

Key = TypeVar("Key")
Kept = TypeVar("Kept")
Small = NDArray[np.float32]
Words = NDArray[np.uint32]


class Series(NamedTuple):
    """A path one can ask for: the sum of some components, finished into published numbers.

    `coin` says whose steps it takes. A perpetual adds the premium of its product (an index into
    `PERPETUAL_PRODUCTS`, or None), a future a carry a year until it expires. Without `decimals`
    the sum itself is published, else its exponential, rounded to them and then to `tick`.
    """

    components: tuple[int, ...]
    coin: int
    decimals: int | None
    tick: float | None = None
    premium: int | None = None
    carry: float = 0.0
    expires_at: int = 0


class Frame(NamedTuple):
    """Some hours of a series, [minute, hour]: where its minutes start off the hour's level.

    `slope` is how far a minute leads and `scale` the deviation of one step, by hour; `shape` is
    the row of each minute's prepared steps.
    """

    level: Array
    start: Small
    slope: Small
    scale: Small
    shape: NDArray[np.int32]


class Path:
    """All paths of one seed. Caches are bounded and never change an answer."""

    def __init__(self, seed: int) -> None:
        """Make nothing yet: paths grow when they are asked for."""
        self.seed = seed
        self.skeleton = Skeleton(seed)
        self._walks: list[dict[int, Small]] = [{} for _ in COMPONENTS]
        self._words: list[dict[int, Words]] = [{} for _ in COINS]
        self._days: dict[tuple[Series, int], Array] = {}

    def day(self, series: Series, day: int) -> Array:
        """Return what is published at every step of a day (counted from the genesis)."""
        known = self._days.get((series, day))
        if known is None:
            known = self._steps(series, 24 * day, 24)
            keep(self._days, (series, day), known, _DAYS_KEPT)
        return known

    def hour(self, series: Series, hour: int) -> Array:
        """Return what is published at every step of an hour (counted from the genesis)."""
        known = self._days.get((series, hour // 24))
        if known is None:
            return self._steps(series, hour, 1)
        return known[hour % 24 * STEPS_PER_HOUR : (hour % 24 + 1) * STEPS_PER_HOUR]

    def _steps(self, series: Series, first: int, hours: int) -> Array:
        """Make the steps of some hours of one block."""
        block, into = divmod(first, BLOCK_HOURS)
        frame = self.frame(series, block, slice(into, into + hours))
        steps = np.array([read(frame, steps) for steps in _STEPS])
        in_order = np.ascontiguousarray(steps.transpose(2, 1, 0))
        return finish(series, in_order + frame.level[:, None, None]).ravel()

    def frame(self, series: Series, block: int, rows: slice = slice(None)) -> Frame:
        """Return some hours of a block of days."""
        first = BLOCK_HOURS * block
        hours = self.skeleton.upto(first + BLOCK_HOURS)
        here = slice(first, first + BLOCK_HOURS)
        chosen = np.arange(first, first + BLOCK_HOURS)[rows]
        walk = np.zeros((61, len(chosen)), dtype=np.float32)
        level, variance = np.zeros(len(chosen)), np.zeros(len(chosen))
        for one in series.components:
            walk += self._walk(one, block)[:, rows]
            level += hours.level[one, here][rows]
            variance += hours.deviation[one, here][rows] ** 2
        slope = walk[1:] - walk[:-1]
        start = walk[:-1] + _drift(series, hours, chosen)
        for one in series.components:
            jumps = hours.jump[one, here][rows]
            for row in np.flatnonzero(jumps):
                start[hours.jump_minute[one, chosen[row]] :, row] += np.float32(jumps[row])
        scale = (np.sqrt(variance) * _HOURS_TO_STEP).astype(np.float32)
        bend = np.rint(slope * (np.float32(1.0 / _BEND) / scale)).astype(np.int32)
        np.clip(bend, -_BENDS, _BENDS, out=bend)
        bend += self._shape(series.coin, block)[:, rows]
        return Frame(level, start, slope, scale, bend)

    def words(self, coin: int, block: int) -> Words:
        """Return 32 random bits for each minute of a block; the lower 12 choose its shape."""
        known = self._words[coin].get(block)
        if known is None:
            random = self._random(100 + coin, block)
            known = random.integers(0, 2**32, (60, BLOCK_HOURS), dtype=np.uint32)
            keep(self._words[coin], block, known, _kept(coin))
        return known

    def _shape(self, coin: int, block: int) -> NDArray[np.int32]:
        """Choose the minutes' bridges: three times in four the one that BTC takes.

        Returns the row of the unbent bridge.
        """
        own = self.words(coin, block)
        chosen = own & np.uint32(_SHAPES - 1)
        if coin:
            alone = own & np.uint32(3 << 10) == 0
            chosen = np.where(alone, chosen, self.words(0, block) & np.uint32(_SHAPES - 1))
        chosen *= np.uint32(2 * _BENDS + 1)
        chosen += np.uint32(_BENDS)
        return chosen.view(np.int32)

    def _walk(self, component: int, block: int) -> Small:
        """Return a component's bridge over the minutes of a block, without its jumps.

        [61, hour]: from 0 at each hour's start to what the next hour's level asks for.
        """
        known = self._walks[component].get(block)
        if known is None:
            first = BLOCK_HOURS * block
            hours = self.skeleton.upto(first + BLOCK_HOURS)
            here = slice(first, first + BLOCK_HOURS)
            level = hours.level[component, first : first + BLOCK_HOURS + 1]
            random = self._random(1 + component, block)
            noise = random.standard_normal((60, BLOCK_HOURS), dtype=np.float32)
            noise *= (hours.deviation[component, here] / np.sqrt(60.0)).astype(np.float32)
            known = np.zeros((61, BLOCK_HOURS), dtype=np.float32)
            np.cumsum(noise, axis=0, out=known[1:])
            ends = (np.diff(level) - hours.jump[component, here]).astype(np.float32)
            known += _MINUTE_SHARE * (ends - known[60])
            keep(self._walks[component], block, known, _kept(component))
        return known

    def _random(self, stream: int, block: int) -> np.random.Generator:
        return np.random.Generator(
            np.random.Philox(key=[self.seed, stream], counter=[0, 0, 0, block])
        )


def read(frame: Frame, steps: Small) -> Small:
    """Return prepared `steps` (one, or the extremes) of every minute of a frame, off its level."""
    values = steps.take(frame.shape, mode="clip")
    values *= frame.scale
    values += frame.start
    return values


def finish(series: Series, values: Array) -> Array:
    """Turn sums of components into published numbers; monotone, so that extremes stay extremes."""
    if series.decimals is None:
        return values
    prices: Array = np.exp(values).round(series.decimals)
    return prices if series.tick is None else on_tick(prices, series.tick)


def on_tick(prices: Array, tick: float) -> Array:
    """Round prices to the nearest tick."""
    rounded: Array = np.round(np.round(prices / tick) * tick, 6)
    return rounded


def premium_logs(product: int, hours: Hours, chosen: NDArray[np.int64]) -> Array:
    """Return the logarithm of 1 + premium at the start of each hour; it lags an hour behind."""
    logs: Array = np.log1p(hours.premium[product, np.maximum(chosen - 1, 0)])
    return logs


def _drift(series: Series, hours: Hours, chosen: NDArray[np.int64]) -> Small:
    """Return what a perpetual's premium or a future's carry adds from each minute on.

    It stands for the minute, so that marks and index share the shape of their steps.
    """
    if series.premium is not None:
        before = premium_logs(series.premium, hours, chosen)
        after = premium_logs(series.premium, hours, chosen + 1)
        return before.astype(np.float32) + _MINUTE_SHARE[:60] * (after - before).astype(np.float32)
    if series.carry:
        opens_at = GENESIS + HOUR * chosen
        left = (series.expires_at - opens_at - MINUTE * np.arange(60)[:, None]) / YEAR
        return (series.carry * np.maximum(left, 0.0)).astype(np.float32)
    return np.zeros((1, 1), dtype=np.float32)


def _kept(component: int) -> int:
    return _LEADING_BRIDGES_KEPT if component < 2 else _BRIDGES_KEPT


def _steps() -> Small:
    """Prepare bent bridges of twelve steps of deviation 1, [step, shape and bend]."""
    random = np.random.Generator(np.random.Philox(key=[2, 5]))
    walk = np.cumsum(random.standard_normal((STEPS_PER_MINUTE, _SHAPES // 2)), axis=0)
    bridge = np.vstack((np.zeros((1, walk.shape[1])), walk[:-1]))
    share = np.arange(STEPS_PER_MINUTE) / STEPS_PER_MINUTE
    bridge -= np.outer(share, walk[-1])
    bridge *= np.sqrt(11.0 / (np.diff(bridge, axis=0, append=0.0) ** 2).sum(axis=0).mean())
    both = np.hstack((bridge, -bridge))
    slopes = _BEND * np.arange(-_BENDS, _BENDS + 1)
    bent = both[:, :, None] + share[:, None, None] * slopes
    return bent.reshape(STEPS_PER_MINUTE, -1).astype(np.float32)


def keep(cache: dict[Key, Kept], key: Key, kept: Kept, limit: int) -> None:
    """Remember an answer and forget the oldest ones above a limit."""
    while len(cache) >= limit:
        del cache[next(iter(cache))]
    cache[key] = kept


_STEPS: Final = _steps()
HIGHEST: Final = _STEPS.max(axis=0)
LOWEST: Final = _STEPS.min(axis=0)
LATEST: Final = _STEPS[-1]
_MINUTE_SHARE: Final = (np.arange(61) / 60).astype(np.float32)[:, None]


def spot_series(coin: str) -> Series:
    """Return the path of a coin's index."""
    number = COINS.index(coin)
    components = (0,) if number == 0 else (0, number)
    return Series(components, number, INDEX_DECIMALS[coin])


def perpetual_series(product: str, tick: float | None = None) -> Series:
    """Return the path of a perpetual's mark, or with its tick that of its prints."""
    spot = spot_series(product.partition("_")[0])
    return spot._replace(premium=PERPETUAL_PRODUCTS.index(product), tick=tick)


INDEX_DECIMALS: Final = {"BTC": 2, "ETH": 2, "SOL": 2, "XRP": 4, "ADA": 4, "AVAX": 4}
DAYS_IN_ALL: Final = (END - GENESIS) // DAY
