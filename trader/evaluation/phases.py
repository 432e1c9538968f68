"""Was the market rising, falling or going nowhere? Bull, bear and chop, one label a day.

Turning points are directional changes (Lunde and Timmermann 2004, "Duration dependence in stock
prices"): a bear begins where prices fell by a third from their peak, a bull where they rose by half
from their trough. The dated state is known in hindsight and labels the past; the confirmed one is
what could be known on the day.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import msgspec
import numpy as np

from trader.domain.units import DAY

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trader.domain.market import Floats, Ints

Phase = Literal["bull", "bear", "chop"]
PHASES: Final[tuple[Phase, ...]] = ("bull", "bear", "chop")
FALL: Final = 1.0 / 3.0
RISE: Final = 0.5
CHOP_DAYS: Final = 90
CHOP_ENTERS: Final = 0.5
CHOP_LEAVES: Final = 0.7
TRADES_MIN: Final = 20
DAYS_MIN: Final = 60


class Turn(msgspec.Struct, frozen=True):
    """A turning point: the row of its extreme and the row that confirmed it."""

    kind: Literal["peak", "trough"]
    extreme: int
    confirmed: int


def turning_points(prices: Floats, *, fall: float = FALL, rise: float = RISE) -> tuple[Turn, ...]:
    """Find where the market turned.

    Raises:
        ValueError: a price is no positive number, or a threshold is not in (0, 1] and above 0.
    """
    if not (0 < fall < 1 and rise > 0):
        raise ValueError(f"fall {fall!r} must lie in (0, 1), rise {rise!r} above 0")
    if not ((prices > 0) & np.isfinite(prices)).all():
        raise ValueError("prices must be positive numbers")
    turns: list[Turn] = []
    values = prices.tolist()
    peak = trough = 0
    state = ""
    for row, price in enumerate(values):
        if price > values[peak]:
            peak = row
        if price < values[trough]:
            trough = row
        if state != "bull" and price >= values[trough] * (1 + rise) - 1e-12:
            turns.append(Turn("trough", trough, row))
            state, peak = "bull", row
        elif state != "bear" and price <= values[peak] * (1 - fall) + 1e-12:
            turns.append(Turn("peak", peak, row))
            state, trough = "bear", row
    return tuple(turns)


def labels(prices: Floats) -> tuple[Phase, ...]:
    """Label each day of daily closes in hindsight: chop where it is asked first, else the trend."""
    rising = _dated(prices)
    choppy = _chop(prices)
    return tuple(
        "chop" if flat else "bull" if up else "bear"
        for up, flat in zip(rising.tolist(), choppy.tolist(), strict=True)
    )


def confirmed(prices: Floats) -> tuple[Phase, ...]:
    """Label each day by what could be known at its close: no look-ahead."""
    state = np.ones(len(prices), dtype=bool)
    for turn in turning_points(prices):
        state[turn.confirmed :] = turn.kind == "trough"
    choppy = _chop(prices)
    return tuple(
        "chop" if flat else "bull" if up else "bear"
        for up, flat in zip(state.tolist(), choppy.tolist(), strict=True)
    )


def _dated(prices: Floats) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Tell whether each day belongs to a rise; before the first turn, to the opposite of it."""
    rising = np.ones(len(prices), dtype=bool)
    turns = turning_points(prices)
    if turns:
        rising[:] = turns[0].kind == "peak"
    elif len(prices):
        rising[:] = prices[-1] >= prices[0]
    for turn in turns:
        rising[turn.extreme :] = turn.kind == "trough"
    return rising


def _chop(prices: Floats) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Tell which days go nowhere: |ln(P_t / P_t-90)| below half (to leave: .7) sigma sqrt(90)."""
    days = len(prices)
    choppy = np.zeros(days, dtype=bool)
    logs = np.log(prices)
    moves = np.diff(logs)
    inside = False
    for day in range(CHOP_DAYS, days):
        sigma = float(np.std(moves[day - CHOP_DAYS : day], ddof=1))
        reach = sigma * CHOP_DAYS**0.5
        moved = abs(float(logs[day] - logs[day - CHOP_DAYS]))
        inside = moved < (CHOP_LEAVES if inside else CHOP_ENTERS) * reach
        choppy[day] = inside
    return choppy


class PhaseRow(msgspec.Struct, frozen=True):
    """What a strategy did in one phase; covered with enough trades and enough days."""

    phase: Phase
    days: int
    trades: int
    expectancy: float | None
    win_rate: float | None
    covered: bool


def coverage(
    day_of_first: int, phases: tuple[Phase, ...], closed: Iterable[tuple[int, float]]
) -> tuple[PhaseRow, ...]:
    """Sum trades up by the phase of the day they closed on.

    `day_of_first` is the day number (since 1970) of the first label, `closed` (closed_at, pnl).
    """
    by_phase: dict[Phase, list[float]] = {phase: [] for phase in PHASES}
    for closed_at, pnl in closed:
        place = closed_at // DAY - day_of_first
        if 0 <= place < len(phases):
            by_phase[phases[place]].append(pnl)
    return tuple(
        PhaseRow(
            phase=phase,
            days=phases.count(phase),
            trades=len(results),
            expectancy=sum(results) / len(results) if results else None,
            win_rate=sum(pnl > 0 for pnl in results) / len(results) if results else None,
            covered=len(results) >= TRADES_MIN and phases.count(phase) >= DAYS_MIN,
        )
        for phase, results in by_phase.items()
    )


def daily_closes(opened_at: Ints, close: Floats) -> tuple[int, Floats]:
    """Take the last close of each UTC day of hourly bars: (day of the first, closes)."""
    days = opened_at // DAY
    last = np.flatnonzero(np.append(np.diff(days) > 0, True))
    return int(days[last[0]]), close[last]
