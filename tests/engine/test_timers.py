"""Is everything due when a clock on the wall would say so, and once?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.domain.errors import InvariantBroken
from trader.domain.units import DAY, HOUR, MINUTE, SECOND
from trader.engine.timers import Timers
from trader.strategies.strategy import Cadence

MIDNIGHT = 20_000 * DAY


def _dues(every: int, offset: int, count: int, at: int = MIDNIGHT - 1) -> list[int]:
    timers = Timers()
    timers.add("t", every, offset, at)
    dues = []
    for _ in range(count):
        due = timers.due_at("t")
        dues.append(due - MIDNIGHT)
        timers.fired("t", due)
    return dues


def test_a_timer_is_due_at_multiples_past_midnight() -> None:
    """Every two hours, 30 minutes past, across midnight."""
    hours = [due / HOUR for due in _dues(2 * HOUR, 30 * MINUTE, 14)]
    assert hours == [0.5 + 2 * k for k in range(14)]


def test_a_period_that_does_not_divide_the_day_starts_anew_at_midnight() -> None:
    """Every 5 hours: 0, 5, 10, 15, 20, and again at 0."""
    assert [due // HOUR for due in _dues(5 * HOUR, 0, 7)] == [0, 5, 10, 15, 20, 24, 29]
    assert [due // HOUR for due in _dues(5 * HOUR, HOUR, 7)] == [1, 6, 11, 16, 21, 25, 30]
    assert [due // HOUR for due in _dues(23 * HOUR, HOUR, 4)] == [1, 24 + 1, 48 + 1, 72 + 1]


def test_a_daily_timer_is_due_at_its_time_of_day() -> None:
    """Once a day at 08:05, the offset wrapped where it is longer than the period."""
    assert _dues(DAY, 8 * HOUR + 5 * MINUTE, 2) == [485 * MINUTE, DAY + 485 * MINUTE]
    assert _dues(DAY, 32 * HOUR, 1) == [8 * HOUR]
    assert _dues(HOUR, 90 * MINUTE, 2) == [30 * MINUTE, 90 * MINUTE]
    assert _dues(HOUR, -10 * MINUTE, 1) == [50 * MINUTE]


def test_nothing_is_due_at_the_moment_it_is_set() -> None:
    """Set exactly on the hour, an hourly timer waits for the next one."""
    assert _dues(HOUR, 0, 1, at=MIDNIGHT) == [HOUR]
    assert _dues(HOUR, 0, 1, at=MIDNIGHT - 1) == [0]


def test_trap_the_nightly_job_skipped_by_a_grace_of_a_second() -> None:
    """However late, one firing stands for all that were missed, and the next is yet to come."""
    timers = Timers()
    timers.add("night", DAY, 10 * MINUTE, MIDNIGHT)
    late = MIDNIGHT + 5 * DAY + HOUR
    assert timers.next_due() == (MIDNIGHT + 10 * MINUTE, "night")
    timers.fired("night", late)
    assert timers.next_due() == (MIDNIGHT + 6 * DAY + 10 * MINUTE, "night")


@given(
    st.integers(1, DAY // SECOND).map(lambda s: s * SECOND),
    st.integers(-2 * DAY, 2 * DAY),
    st.lists(st.integers(0, 3 * DAY), max_size=20),
)
def test_the_next_firing_is_always_ahead_on_the_grid_of_its_day(
    every: int, offset: int, waits: list[int]
) -> None:
    """Whatever the period and however late: the first instant of the grid after now."""
    timers = Timers()
    at = MIDNIGHT
    timers.add("t", every, offset, at)
    for wait in waits:
        due = timers.due_at("t")
        assert (due % DAY - offset % every) % every == 0
        today = range(at - at % DAY + offset % every, at - at % DAY + DAY, every)
        ahead = (at - today.start) // every + 1
        assert due == (today[max(ahead, 0)] if ahead < len(today) else today.start + DAY)
        at = max(at + wait, due)
        timers.fired("t", at)


def test_the_earliest_timer_comes_first_and_ties_go_by_name() -> None:
    """Order is by time, then by name: the same on every machine."""
    timers = Timers()
    for name in ("c", "a", "b"):
        timers.add(name, HOUR, 0, MIDNIGHT)
    timers.add("early", HOUR, 30 * MINUTE, MIDNIGHT)
    fired = []
    for _ in range(5):
        due = timers.next_due()
        assert due is not None
        fired.append(due[1])
        timers.fired(due[1], due[0])
    assert fired == ["early", "a", "b", "c", "early"]


def test_one_that_fires_out_of_turn_keeps_the_others() -> None:
    """A driver may fire any timer: the others stay due as they were."""
    timers = Timers()
    timers.add("hourly", HOUR, 0, MIDNIGHT)
    timers.add("daily", DAY, 0, MIDNIGHT)
    timers.fired("daily", MIDNIGHT + DAY)
    assert timers.due_at("hourly") == MIDNIGHT + HOUR
    assert timers.due_at("daily") == MIDNIGHT + 2 * DAY
    assert timers.next_due() == (MIDNIGHT + HOUR, "hourly")


@pytest.mark.parametrize("every", [0, -1, DAY + 1, 7 * DAY + 1])
def test_a_period_outside_a_day_is_refused(every: int) -> None:
    """Neither within a day nor whole days: the error names timer, value and limit."""
    with pytest.raises(ValueError, match=rf"timer t: period {every} ns must be positive and at"):
        Timers().add("t", every, 0, MIDNIGHT)


def test_names_are_known_once() -> None:
    """A second timer of a name, a firing or a question about an unknown one are refused."""
    timers = Timers()
    assert timers.next_due() is None
    timers.add("t", HOUR, 0, MIDNIGHT)
    with pytest.raises(ValueError, match="timer t exists already"):
        timers.add("t", HOUR, 0, MIDNIGHT)
    with pytest.raises(InvariantBroken, match="'x' fired but was never set"):
        timers.fired("x", MIDNIGHT)
    with pytest.raises(InvariantBroken, match="'x' was never set"):
        timers.due_at("x")


def test_a_weekly_timer_is_due_when_a_weekly_cadence_is() -> None:
    """Whole days above one are counted from 1970, as a strategy counts its own slots."""
    week, offset = 7 * DAY, 9 * HOUR
    cadence = Cadence(every=week, offset=offset, manage_every=HOUR)
    timers = Timers()
    timers.add("t", week, offset, MIDNIGHT)
    for _ in range(3):
        due = timers.due_at("t")
        assert due == cadence.next_due(due - 1) == cadence.latest_due(due)
        timers.fired("t", due)
        assert timers.due_at("t") == due + week


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 7200), st.booleans()), max_size=40))
def test_the_next_timer_is_the_first_of_all(steps: list[tuple[int, int, bool]]) -> None:
    """However they were set and fired, asked often or once: none is due before it."""
    timers, names, at = Timers(), list[str](), MIDNIGHT
    for hours, seconds, asked in steps:
        if len(names) < hours:
            names.append(f"t{len(names)}")
            timers.add(names[-1], hours * HOUR, seconds * SECOND, at)
        else:
            timers.fired(names[hours - 1], at)
        at += seconds * SECOND
        if asked:
            assert timers.next_due() == min((timers.due_at(name), name) for name in names)
    assert timers.next_due() == min(((timers.due_at(name), name) for name in names), default=None)
