"""Where does the invented market stand at each full hour, and in which mood is it?

Logarithms of BTC and of each coin's ratio to BTC follow regime-switching stochastic volatility with
jumps around a slow trend. A regime (bull, bear, chop, crash) is drawn once a day from a Markov
chain and sets drift, volatility and jumps; a log-volatility that reverts within days multiplies the
latter. No mood stays away for more than `ABSENCE_DAYS_MAX`, so that any four years show all.
Blocks of hours are always made in order from the genesis, each from its own counter of a
Philox generator, so that the path never depends on who asks for what.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trader.pricing.normal import Array

HOURS_PER_YEAR: Final = 365 * 24

COINS: Final = ("BTC", "ETH", "SOL", "XRP", "ADA", "AVAX")
"""The first is a level, each other a ratio to it."""

COMPONENTS: Final = (*COINS, "LOG_VOL")
LOG_VOL: Final = COMPONENTS.index("LOG_VOL")

PERPETUAL_PRODUCTS: Final = (
    "BTC",
    "ETH",
    "BTC_USDC",
    "ETH_USDC",
    "SOL_USDC",
    "XRP_USDC",
    "ADA_USDC",
    "AVAX_USDC",
)
"""Whose perpetuals have a premium of their own; the coin comes before the underscore."""

REGIMES: Final = ("bull", "bear", "chop", "crash")
ABSENCE_DAYS_MAX: Final = 1_200

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

# Per year, by coin (rows) and regime (columns).
_DRIFT: Final = np.array([1.0, -1.0, 0.0, -6.0])
VOL: Final = np.array(
    [
        [0.48, 0.60, 0.36, 1.05],
        [0.28, 0.32, 0.22, 0.50],
        [0.50, 0.50, 0.38, 0.80],
        [0.50, 0.48, 0.36, 0.75],
        [0.48, 0.48, 0.36, 0.75],
        [0.52, 0.52, 0.40, 0.85],
    ]
)
_RATIO_JUMPS: Final = [6.0, 8.0, 4.0, 60.0]
JUMPS_PER_YEAR: Final = np.array([[10.0, 14.0, 6.0, 160.0], *[_RATIO_JUMPS] * 5])
_RATIO_JUMP_MEAN: Final = [0.0, -0.004, 0.0, -0.008]
JUMP_MEAN: Final = np.array([[-0.004, -0.006, -0.002, -0.018], *[_RATIO_JUMP_MEAN] * 5])
JUMP_DEVIATION: Final = np.array(
    [
        [0.020, 0.025, 0.015, 0.030],
        [0.015, 0.018, 0.012, 0.020],
        *[[0.025, 0.030, 0.020, 0.035]] * 4,
    ]
)

# Log-volatility: reverts within days; its noise leans against the price's.
LOG_VOL_DEVIATION: Final = 0.28
LOG_VOL_REVERSION_PER_DAY: Final = 0.17
_LOG_VOL_LEVERAGE: Final = -0.35

_LEVEL_AT_GENESIS: Final = np.log(
    [30_000.0, 1.0 / 28.0, 1.0 / 600.0, 1.0 / 45_000.0, 1.0 / 150_000.0, 1.0 / 3_600.0]
)
_TREND_PER_YEAR: Final = (0.17, 0.0, 0.0, 0.0, 0.0, 0.0)
_REVERSION_PER_YEAR: Final = (0.6, 0.9, 0.9, 0.9, 0.9, 0.9)

# Premium of a perpetual over the index: reverts within a day around a level of the regime.
_PREMIUM: Final = np.array([0.00020, -0.00005, 0.00005, -0.00060])
_PREMIUM_DEVIATION: Final = 0.00018
_PREMIUM_REVERSION_PER_HOUR: Final = 0.06

_BLOCK_DAYS: Final = 256
_BLOCK_HOURS: Final = _BLOCK_DAYS * 24


class Hours(NamedTuple):
    """The path by hour, hours in the last axis.

    `regime` indexes `REGIMES`. By component: `level` is the logarithm at the hour's start (the
    log-volatility itself for the last), `deviation` that of the diffusion over the hour, `jump` the
    log jump inside it (mostly 0) and `jump_minute` the minute, 1 to 59, at whose start it happens.
    `premium` is by perpetual product.
    """

    regime: NDArray[np.int64]
    level: Array
    deviation: Array
    jump: Array
    jump_minute: NDArray[np.int64]
    premium: Array


class _State(NamedTuple):
    """What one block hands to the next; levels are relative to the trend."""

    regime: int = REGIMES.index("chop")
    absent: tuple[int, ...] = (0,) * len(REGIMES)
    log_vol: float = 0.0
    gap: tuple[float, ...] = (0.0,) * len(COINS)
    premium: tuple[float, ...] = (0.0,) * len(PERPETUAL_PRODUCTS)


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
        while self._hours is None or len(self._hours.regime) <= hour + 1:
            block, self._state = _block(self._seed, self._blocks, self._state)
            self._blocks += 1
            self._hours = block if self._hours is None else _joined(self._hours, block)
        return self._hours


def _block(seed: int, number: int, state: _State) -> tuple[Hours, _State]:
    """Make one block of hours from the state the previous one left."""
    random = np.random.Generator(np.random.Philox(key=[seed, 0], counter=[0, 0, 0, number]))
    daily, absent = _regimes(random.random(_BLOCK_DAYS), state)
    regime = np.repeat(daily, 24)
    moves = random.standard_normal((len(COMPONENTS), _BLOCK_HOURS))
    pressure = random.standard_normal((len(PERPETUAL_PRODUCTS), _BLOCK_HOURS))
    uniforms = random.random((2, len(COINS), _BLOCK_HOURS))
    jump_sizes = random.standard_normal((len(COINS), _BLOCK_HOURS))

    log_vol, log_vol_deviation = _log_vol(moves, state.log_vol)
    factor = np.exp(log_vol[:-1] - LOG_VOL_DEVIATION**2) / np.sqrt(HOURS_PER_YEAR)
    deviation = VOL[:, regime] * factor
    happens = uniforms[0] < JUMPS_PER_YEAR[:, regime] / HOURS_PER_YEAR
    sizes = JUMP_MEAN[:, regime] + JUMP_DEVIATION[:, regime] * jump_sizes
    jump = np.where(happens, sizes, 0.0)
    change = deviation * moves[:-1] + jump
    change[0] += (_DRIFT - _STATIONARY @ _DRIFT)[regime] / HOURS_PER_YEAR
    gaps = np.array(
        [
            _reverting(change[one], 1.0 - reversion / HOURS_PER_YEAR, state.gap[one])
            for one, reversion in enumerate(_REVERSION_PER_YEAR)
        ]
    )
    premiums = np.array(
        [_premium(regime, *one) for one in zip(pressure, state.premium, strict=True)]
    )
    years = (number * _BLOCK_HOURS + np.arange(_BLOCK_HOURS)) / HOURS_PER_YEAR
    trend = _LEVEL_AT_GENESIS[:, None] + np.outer(_TREND_PER_YEAR, years)
    left = _State(
        int(daily[-1]),
        absent,
        float(log_vol[-1]),
        tuple(gaps[:, -1].tolist()),
        tuple(premiums[:, -1].tolist()),
    )
    made = Hours(
        regime,
        np.vstack((trend + gaps[:, :-1], log_vol[:-1])),
        np.vstack((deviation, np.full(_BLOCK_HOURS, log_vol_deviation))),
        np.vstack((jump, np.zeros(_BLOCK_HOURS))),
        np.vstack(
            (1 + (uniforms[1] * 59.0).astype(np.int64), np.ones(_BLOCK_HOURS, dtype=np.int64))
        ),
        premiums[:, :-1],
    )
    return made, left


def _log_vol(moves: Array, start: float) -> tuple[Array, float]:
    """Return the log-volatility at each hour and after the last, and its deviation in an hour."""
    lean = _LOG_VOL_LEVERAGE
    noise = lean * moves[0] + np.sqrt(1.0 - lean * lean) * moves[LOG_VOL]
    keep = float(np.exp(-LOG_VOL_REVERSION_PER_DAY / 24.0))
    deviation = LOG_VOL_DEVIATION * float(np.sqrt(1.0 - keep * keep))
    return _reverting(noise * deviation, keep, start), deviation


def _stationary() -> Array:
    """Return the long-run share of days in each regime."""
    share: Array = np.linalg.matrix_power(TRANSITION, 4096)[0]
    return share


_STATIONARY: Final = _stationary()


def _regimes(uniforms: Array, state: _State) -> tuple[NDArray[np.int64], tuple[int, ...]]:
    """Walk the daily Markov chain on; a mood that stayed away for too long comes next.

    Returns the mood of each day and for how many days each mood has been away at the end.
    """
    rows = np.cumsum(TRANSITION, axis=1)[:, :-1].tolist()
    regime, absent = state.regime, list(state.absent)
    walk = []
    for uniform in uniforms.tolist():
        longest = max(absent)
        if longest >= ABSENCE_DAYS_MAX:
            regime = absent.index(longest)
        else:
            regime = sum(uniform >= bound for bound in rows[regime])
        absent = [days + 1 for days in absent]
        absent[regime] = 0
        walk.append(regime)
    return np.array(walk, dtype=np.int64), tuple(absent)


def _reverting(moves: Array, keep: float, start: float) -> Array:
    """Return start, keep * start + moves[0], ...: one value more than there are moves.

    The sum of moves brought to the start's footing; a block is short enough for that to be exact.
    """
    fade = keep ** np.arange(moves.shape[-1] + 1)
    walk = np.concatenate(([start], moves / fade[1:])).cumsum()
    walk *= fade
    return walk


def _premium(regime: NDArray[np.int64], normals: Array, start: float) -> Array:
    """Return a perpetual's premium at the start of each hour and after the last."""
    pull = _PREMIUM_REVERSION_PER_HOUR
    noise = normals * _PREMIUM_DEVIATION * np.sqrt(2.0 * pull)
    return _reverting(pull * _PREMIUM[regime] + noise, 1.0 - pull, start)


def _joined(before: Hours, after: Hours) -> Hours:
    """Append one stretch of hours to another."""
    return Hours(*(np.concatenate(pair, axis=-1) for pair in zip(before, after, strict=True)))
