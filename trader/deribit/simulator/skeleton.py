"""Where does the invented market stand at each full hour, and in which mood is it?

Logarithms of BTC and of the ETH/BTC ratio follow regime-switching stochastic volatility with jumps
around a slow trend. A regime (bull, bear, chop, crash) is drawn once a day from a Markov chain and
sets drift, volatility and jumps; a log-volatility that reverts within days multiplies the latter.
Blocks of hours are always made in order from the genesis, each from its own counter of a
Philox generator, so that the path never depends on who asks for what.
"""

from itertools import accumulate
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trader.pricing.normal import Array

HOURS_PER_YEAR: Final = 365 * 24
STEPS_PER_HOUR: Final = 720

REGIMES: Final = ("bull", "bear", "chop", "crash")

# Days a regime lasts on average, and where it leads, in the order of REGIMES.
_DAYS: Final = np.array([60.0, 45.0, 35.0, 5.0])
_NEXT: Final = np.array(
    [
        [0.00, 0.25, 0.55, 0.20],
        [0.30, 0.00, 0.55, 0.15],
        [0.45, 0.40, 0.00, 0.15],
        [0.20, 0.40, 0.40, 0.00],
    ]
)
TRANSITION: Final = np.diag(1.0 - 1.0 / _DAYS) + _NEXT / _DAYS[:, None]

# Per year, by regime.
_DRIFT: Final = np.array([1.0, -1.0, 0.0, -6.0])
VOL: Final = {
    "BTC": np.array([0.48, 0.60, 0.36, 1.05]),
    "RATIO": np.array([0.28, 0.32, 0.22, 0.50]),
}
JUMPS_PER_YEAR: Final = {
    "BTC": np.array([10.0, 14.0, 6.0, 160.0]),
    "RATIO": np.array([6.0, 8.0, 4.0, 60.0]),
}
JUMP_MEAN: Final = {
    "BTC": np.array([-0.004, -0.006, -0.002, -0.018]),
    "RATIO": np.array([0.0, -0.004, 0.0, -0.008]),
}
JUMP_DEVIATION: Final = {
    "BTC": np.array([0.020, 0.025, 0.015, 0.030]),
    "RATIO": np.array([0.015, 0.018, 0.012, 0.020]),
}
COMPONENTS: Final = ("BTC", "RATIO")

# Log-volatility: reverts within days; its noise leans against the price's.
LOG_VOL_DEVIATION: Final = 0.28
LOG_VOL_REVERSION_PER_DAY: Final = 0.17
_LOG_VOL_LEVERAGE: Final = -0.35

_LEVEL_AT_GENESIS: Final = {"BTC": np.log(30_000.0), "RATIO": np.log(1.0 / 28.0)}
_TREND_PER_YEAR: Final = {"BTC": 0.17, "RATIO": 0.0}
_REVERSION_PER_YEAR: Final = {"BTC": 0.6, "RATIO": 0.9}

# Premium of the perpetual over the index: reverts within a day around a level of the regime.
_PREMIUM: Final = np.array([0.00020, -0.00005, 0.00005, -0.00060])
_PREMIUM_DEVIATION: Final = 0.00018
_PREMIUM_REVERSION_PER_HOUR: Final = 0.06

_BLOCK_DAYS: Final = 256
_BLOCK_HOURS: Final = _BLOCK_DAYS * 24


class Component(NamedTuple):
    """One driver of the prices, by hour.

    `level` is the logarithm at the hour's start, `deviation` that of the diffusion over the hour,
    `jump` the log jump inside it (mostly 0) and `jump_step` the grid step at which it happens.
    """

    level: Array
    deviation: Array
    jump: Array
    jump_step: NDArray[np.int64]


class Hours(NamedTuple):
    """The path by hour: regimes (index into `REGIMES`), log-volatility, components, premiums."""

    regime: NDArray[np.int64]
    log_vol: Array
    btc: Component
    ratio: Component
    premium_btc: Array
    premium_eth: Array


class _State(NamedTuple):
    """What one block hands to the next; levels are relative to the trend."""

    regime: int = REGIMES.index("chop")
    log_vol: float = 0.0
    btc: float = 0.0
    ratio: float = 0.0
    premium_btc: float = 0.0
    premium_eth: float = 0.0


class Skeleton:
    """The hourly path of one seed; grows forward on demand and never changes what it has shown."""

    def __init__(self, seed: int) -> None:
        """Start at the genesis with nothing made."""
        self._seed = seed
        self._state = _State()
        self._blocks = 0
        self._hours: Hours | None = None

    def upto(self, hour: int) -> Hours:
        """Return the path from the genesis to at least the end of `hour`."""
        while self._hours is None or len(self._hours.log_vol) <= hour + 1:
            block, self._state = _block(self._seed, self._blocks, self._state)
            self._blocks += 1
            self._hours = block if self._hours is None else _joined(self._hours, block)
        return self._hours


def _block(seed: int, number: int, state: _State) -> tuple[Hours, _State]:
    """Make one block of hours from the state the previous one left."""
    random = np.random.Generator(np.random.Philox(key=[seed, 0], counter=[0, 0, 0, number]))
    daily = _regimes(random.random(_BLOCK_DAYS), state.regime)
    regime = np.repeat(daily, 24)
    normals = random.standard_normal((5, _BLOCK_HOURS))
    uniforms = random.random((4, _BLOCK_HOURS))
    jump_normals = random.standard_normal((2, _BLOCK_HOURS))

    lean = _LOG_VOL_LEVERAGE
    noise = lean * normals[0] + np.sqrt(1.0 - lean * lean) * normals[2]
    keep = np.exp(-LOG_VOL_REVERSION_PER_DAY / 24.0)
    log_vol = _reverting(
        noise * LOG_VOL_DEVIATION * np.sqrt(1.0 - keep * keep), float(keep), state.log_vol
    )
    factor = np.exp(log_vol[:-1] - LOG_VOL_DEVIATION**2) / np.sqrt(HOURS_PER_YEAR)
    first = number * _BLOCK_HOURS
    parts, ends = [], []
    for index, name in enumerate(COMPONENTS):
        jump = _jumps(name, regime, uniforms[2 * index], jump_normals[index])
        deviation = VOL[name][regime] * factor
        move = deviation * normals[index] + jump
        if name == "BTC":
            move = move + (_DRIFT - _STATIONARY @ _DRIFT)[regime] / HOURS_PER_YEAR
        reversion = 1.0 - _REVERSION_PER_YEAR[name] / HOURS_PER_YEAR
        gap = _reverting(move, reversion, state.btc if name == "BTC" else state.ratio)
        hours = first + np.arange(_BLOCK_HOURS)
        trend = _LEVEL_AT_GENESIS[name] + _TREND_PER_YEAR[name] * hours / HOURS_PER_YEAR
        steps = 1 + (uniforms[2 * index + 1] * (STEPS_PER_HOUR - 1)).astype(np.int64)
        parts.append(Component(trend + gap[:-1], deviation, jump, steps))
        ends.append(float(gap[-1]))
    premiums = [
        _premium(regime, normals[3 + index], start)
        for index, start in enumerate((state.premium_btc, state.premium_eth))
    ]
    left = _State(
        int(daily[-1]),
        float(log_vol[-1]),
        ends[0],
        ends[1],
        float(premiums[0][-1]),
        float(premiums[1][-1]),
    )
    made = Hours(regime, log_vol[:-1], parts[0], parts[1], premiums[0][:-1], premiums[1][:-1])
    return made, left


def _stationary() -> Array:
    """Return the long-run share of days in each regime."""
    share: Array = np.linalg.matrix_power(TRANSITION, 4096)[0]
    return share


_STATIONARY: Final = _stationary()


def _regimes(uniforms: Array, before: int) -> NDArray[np.int64]:
    """Walk the daily Markov chain on from the regime of the day before."""
    rows = np.cumsum(TRANSITION, axis=1)[:, :-1].tolist()

    def step(regime: int, uniform: float) -> int:
        return sum(uniform >= bound for bound in rows[regime])

    walk = accumulate(uniforms.tolist(), step, initial=before)
    return np.array(list(walk)[1:], dtype=np.int64)


def _reverting(moves: Array, keep: float, start: float) -> Array:
    """Return start, keep * start + moves[0], ...: one value more than there are moves."""
    walk = accumulate(moves.tolist(), lambda now, move: keep * now + move, initial=start)
    return np.array(list(walk))


def _jumps(name: str, regime: NDArray[np.int64], uniforms: Array, normals: Array) -> Array:
    """Return the log jump of each hour, zero for most."""
    happens = uniforms < JUMPS_PER_YEAR[name][regime] / HOURS_PER_YEAR
    return np.where(happens, JUMP_MEAN[name][regime] + JUMP_DEVIATION[name][regime] * normals, 0.0)


def _premium(regime: NDArray[np.int64], normals: Array, start: float) -> Array:
    """Return the perpetual's premium at the start of each hour and after the last."""
    pull = _PREMIUM_REVERSION_PER_HOUR
    noise = normals * _PREMIUM_DEVIATION * np.sqrt(2.0 * pull)
    return _reverting(pull * _PREMIUM[regime] + noise, 1.0 - pull, start)


def _joined(before: Hours, after: Hours) -> Hours:
    """Append one stretch of hours to another."""
    join = np.concatenate
    return Hours(
        join((before.regime, after.regime)),
        join((before.log_vol, after.log_vol)),
        Component(*(join(pair) for pair in zip(before.btc, after.btc, strict=True))),
        Component(*(join(pair) for pair in zip(before.ratio, after.ratio, strict=True))),
        join((before.premium_btc, after.premium_btc)),
        join((before.premium_eth, after.premium_eth)),
    )
