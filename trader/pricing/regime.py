"""What kind of market is it? Crisis, Volatile, Trending or Calm, from hourly closes up to now.

The first that fits is taken (decisions, 10), each from trailing numbers alone:

- Crisis: the realized volatility of a day is above three times its median of the 30 days before, or
  the return of a day beyond four deviations of the 30 days before it, or the price more than 20 %
  below its highest close of seven days.
- Volatile: the realized volatility of seven days lies at or above the 80th percentile of a year
  (what there is of it), a value a day.
- Trending: the return of 30 days is at least 1.5 of their own deviations.
- Calm: nothing of it.

Crisis and Volatile are left for something milder once two closes in a row ask for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from trader.domain.models import REGIMES, Observation, Regime

if TYPE_CHECKING:
    from trader.domain.market import Floats, Ints

DAY: Final = 24
WEEK: Final = 7 * DAY
MONTH: Final = 30 * DAY
YEAR: Final = 365 * DAY
CLOSES_MIN: Final = 2 * MONTH + 1
"""Hourly closes, 60 days of them, before which nothing is said."""
CLOSES_KEPT: Final = YEAR + WEEK + 2
"""Closes that can matter to what is read now: a year of weekly volatilities."""

VOL_SPIKE: Final = 3.0
MOVE_MAX: Final = 4.0
DRAWDOWN_MAX: Final = 0.20
RANK_HIGH: Final = 0.80
TREND_MIN: Final = 1.5
TIE: Final = 1e-9
"""Volatilities that differ by less, relatively, are the same: sums of squares carry dust."""
STICKY: Final = ("Crisis", "Volatile")
LEAVING: Final = 2
"""Observations that it takes to leave one of those."""


class Readings(msgspec.Struct, frozen=True):
    """What is read at each close; NaN where there is too little before it.

    Volatilities are fractions per year. `vol_1d_usual` is the median of 30 days, `move_1d` and
    `trend_30d` are log returns in deviations, `drawdown_7d` a positive fraction, `vol_7d_rank` the
    share of a year's values (one a day, this one among them) that are not above `vol_7d`.
    """

    vol_1d: Floats
    vol_1d_usual: Floats
    move_1d: Floats
    drawdown_7d: Floats
    vol_7d: Floats
    vol_7d_rank: Floats
    trend_30d: Floats


def readings(close: Floats) -> Readings:
    """Read the market at each hourly close, oldest first, gaps filled with the last one.

    Raises:
        ValueError: a close is no positive number.
    """
    wrong = ~(np.isfinite(close) & (close > 0))
    if wrong.any():
        row = int(wrong.argmax())
        raise ValueError(f"close {float(close[row])!r} in row {row} must be a positive number")
    level = np.log(close)
    squares = np.concatenate((np.zeros(min(1, len(close))), np.cumsum(np.diff(level) ** 2)))
    vol_1d, vol_7d, vol_30d = (_volatility(squares, hours) for hours in (DAY, WEEK, MONTH))
    days = np.array([_before(vol_1d, DAY * back) for back in range(1, 31)])
    before = _before(vol_30d, DAY)
    return Readings(
        vol_1d=vol_1d,
        vol_1d_usual=np.median(days, axis=0),
        move_1d=in_deviations(level - _before(level, DAY), before, DAY),
        drawdown_7d=1.0 - close / _highest(close, WEEK),
        vol_7d=vol_7d,
        vol_7d_rank=_rank(vol_7d),
        trend_30d=in_deviations(level - _before(level, MONTH), vol_30d, MONTH),
    )


def regimes(close: Floats) -> tuple[Regime | None, ...]:
    """Tell the regime at each hourly close; None before there are 60 days.

    Raises:
        ValueError: a close is no positive number.
    """
    unknown = min(len(close), CLOSES_MIN - 1)
    found, _ = _walk(fitting(readings(close))[CLOSES_MIN - 1 :].tolist())
    return (*[None] * unknown, *found)


def regime_now(close: Floats) -> Observation:
    """Tell the regime at the last close, with the numbers that decide.

    Raises:
        ValueError: a close is no positive number.
    """
    read = readings(close)
    standing = _walk(fitting(read)[CLOSES_MIN - 1 :].tolist())[1]
    return observation(read, standing, len(close))


def observation(
    last: Readings | None, standing: tuple[int, int] | None, closes: int
) -> Observation:
    """Say what is so at the last of some closes, with the regime that was found to stand."""
    if last is None or standing is None:
        return Observation(None, f"{closes / DAY:.1f} days of closes, 60 are needed")
    fits, stands = int(fitting(last)[-1]), standing[0]
    numbers = {name: float(getattr(last, name)[-1]) for name in Readings.__struct_fields__}
    reason = _told(REGIMES[fits], numbers)
    if fits != stands:
        stays = f"{REGIMES[stands]} stays until {LEAVING} closes in a row ask for less"
        reason = f"{stays}: {reason}"
    return Observation(REGIMES[stands], reason)


def fitting(read: Readings) -> Ints:
    """Find the gravest regime that fits at each close, by its place."""
    found: Ints = np.select([mask for _, mask in _rules(read)], range(3), 3).astype(np.int64)
    return found


def _rules(read: Readings) -> tuple[tuple[Regime, np.ndarray], ...]:
    """Ask each question of each close; what is not known answers no."""
    return (
        (
            "Crisis",
            (read.vol_1d > VOL_SPIKE * read.vol_1d_usual)
            | (np.abs(read.move_1d) > MOVE_MAX)
            | (read.drawdown_7d > DRAWDOWN_MAX),
        ),
        ("Volatile", read.vol_7d_rank >= RANK_HIGH),
        ("Trending", np.abs(read.trend_30d) >= TREND_MIN),
    )


def settle(standing: tuple[int, int] | None, fits: int) -> tuple[int, int]:
    """Let a grave regime be left slowly: the regime, and how many closes in a row ask for less."""
    if standing is None or fits <= standing[0] or REGIMES[standing[0]] not in STICKY:
        return fits, 0
    now, milder = standing
    return (fits, 0) if milder + 1 == LEAVING else (now, milder + 1)


def _walk(fits: list[int]) -> tuple[list[Regime | None], tuple[int, int] | None]:
    """Settle close by close: the regime at each, and how it stands at the last."""
    found: list[Regime | None] = []
    standing: tuple[int, int] | None = None
    for one in fits:
        standing = settle(standing, one)
        found.append(REGIMES[standing[0]])
    return found, standing


def _told(fits: Regime, last: dict[str, float]) -> str:
    """Say the numbers that decide, gravest first."""
    if fits == "Calm":
        return (
            f"volatility of 7 days {last['vol_7d']:.0%}, at {last['vol_7d_rank']:.0%} of its year; "
            f"30 days moved {last['trend_30d']:+.1f} deviations"
        )
    if fits == "Trending":
        return f"30 days moved {last['trend_30d']:+.1f} deviations (from {TREND_MIN:g} on)"
    if fits == "Volatile":
        return (
            f"volatility of 7 days {last['vol_7d']:.0%}, at {last['vol_7d_rank']:.0%} of its year "
            f"(from {RANK_HIGH:.0%} on)"
        )
    told = []
    if last["vol_1d"] > VOL_SPIKE * last["vol_1d_usual"]:
        times = f"{last['vol_1d'] / last['vol_1d_usual']:.1f}x its usual"
        told.append(f"volatility of a day {last['vol_1d']:.0%}, {times} (above {VOL_SPIKE:g}x)")
    if abs(last["move_1d"]) > MOVE_MAX:
        told.append(f"a day moved {last['move_1d']:+.1f} deviations (beyond {MOVE_MAX:g})")
    if last["drawdown_7d"] > DRAWDOWN_MAX:
        told.append(f"{last['drawdown_7d']:.0%} below the highest close of 7 days")
    return "; ".join(told)


def _volatility(squares: Floats, hours: int) -> Floats:
    """Return the realized volatility of the last hours from running sums of squared returns."""
    spent = squares - _before(squares, hours)
    vol: Floats = np.sqrt(np.maximum(spent, 0.0) * (YEAR / hours))
    return vol


def _before(values: Floats, hours: int) -> Floats:
    """Return what stood some hours before; NaN where nothing did."""
    kept = max(len(values) - hours, 0)
    return np.concatenate((np.full(len(values) - kept, np.nan), values[:kept]))


def in_deviations(move: Floats, vol: Floats, hours: int) -> Floats:
    """Count log returns of some hours in deviations of a yearly volatility; a market that never
    moved has none, and moves none.
    """
    deviation = vol * np.sqrt(hours / YEAR)
    found: Floats = np.divide(move, deviation, out=np.zeros_like(move), where=deviation != 0)
    return found


def _highest(close: Floats, hours: int) -> Floats:
    """Return the highest of the last hours and now."""
    padded = np.concatenate((np.full(hours, -np.inf), close))
    if not len(close):
        return close
    highest: Floats = np.lib.stride_tricks.sliding_window_view(padded, hours + 1).max(axis=1)
    return highest


def _rank(vol: Floats) -> Floats:
    """Rank each value among those of the same hour of each day of the year before, and itself."""
    below, known = np.zeros(len(vol)), np.zeros(len(vol))
    for back in range(0, YEAR + 1, DAY):
        earlier = _before(vol, back)
        known += np.isfinite(earlier)
        below += earlier <= vol * (1.0 + TIE)
    found: Floats = np.divide(below, known, out=np.full(len(vol), np.nan), where=known > 0)
    found[~np.isfinite(vol)] = np.nan
    return found
