"""Tests of `trader.deribit.conflation`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.deribit.conflation import Conflation, ConflationFull


def test_a_newer_quote_takes_the_place_of_the_waiting_one() -> None:
    """Of one instrument only the newest quote waits, where the older one stood."""
    waiting: Conflation[str] = Conflation(10)
    waiting.put("A1", key="A")
    waiting.put("timer")
    waiting.put("A2", key="A")
    waiting.put("B1", key="B")
    assert waiting.take(9) == ["A2", "timer", "B1"]
    assert (waiting.accepted, waiting.conflated, waiting.waiting_max) == (4, 1, 3)


def test_a_taken_quote_is_replaced_no_more() -> None:
    """What has left is history: the next quote waits anew."""
    waiting: Conflation[str] = Conflation(10)
    waiting.put("A1", key="A")
    assert waiting.take(1) == ["A1"]
    waiting.put("A2", key="A")
    assert waiting.take(1) == ["A2"]
    assert waiting.conflated == 0


def test_nothing_moves_across_a_barrier() -> None:
    """A quote after `feed restored` restores trust: it must not slip before it."""
    waiting: Conflation[str] = Conflation(10)
    waiting.put("A1", key="A")
    waiting.put("lost", barrier=True)
    waiting.put("restored", barrier=True)
    waiting.put("A2", key="A")
    waiting.put("A3", key="A")
    assert waiting.take(2) == ["A1", "lost"]
    waiting.put("A4", key="A")
    assert waiting.take(9) == ["restored", "A4"]


def test_a_full_queue_says_so_and_still_takes_newer_quotes() -> None:
    """No room is an error that changes nothing; replacing needs no room."""
    waiting: Conflation[str] = Conflation(2)
    waiting.put("A1", key="A")
    waiting.put("command")
    assert waiting.full
    with pytest.raises(ConflationFull, match="2 items wait"):
        waiting.put("B1", key="B")
    with pytest.raises(ConflationFull, match="2 items wait"):
        waiting.put("timer", barrier=True)
    waiting.put("A2", key="A")
    assert waiting.take(9) == ["A2", "command"]
    assert not waiting.full


@pytest.mark.parametrize("capacity", [0, -1])
def test_a_queue_without_room_is_refused(capacity: int) -> None:
    """A capacity below one is a mistake of the configuration."""
    with pytest.raises(ValueError, match="capacity"):
        Conflation(capacity)


STEPS = st.lists(
    st.tuples(st.sampled_from(["A", "B", "C", None, "barrier", "take"]), st.integers(1, 3)),
    max_size=80,
)


@given(STEPS)
def test_no_story_loses_an_event_or_the_newest_quote(steps: list[tuple[str | None, int]]) -> None:
    """Events come out once and in order; the newest quote of each instrument always comes out."""
    waiting: Conflation[tuple[str | None, int]] = Conflation(1_000)
    put: list[tuple[str | None, int]] = []
    taken: list[tuple[str | None, int]] = []
    for number, (kind, count) in enumerate(steps):
        if kind == "take":
            taken += waiting.take(count)
            continue
        put.append((kind, number))
        key = kind if kind in ("A", "B", "C") else None
        waiting.put((kind, number), key=key, barrier=kind == "barrier")
    taken += waiting.take(10_000)
    assert len(waiting) == 0
    for kind in (None, "barrier"):
        assert [item for item in taken if item[0] == kind] == [
            item for item in put if item[0] == kind
        ]
    for kind in "ABC":
        mine = [number for name, number in taken if name == kind]
        assert mine == sorted(set(mine))
        assert mine[-1:] == [number for name, number in put if name == kind][-1:]
    barriers = [number for kind, number in taken if kind == "barrier"]
    for barrier in barriers:
        place = taken.index(("barrier", barrier))
        assert all(number < barrier for _, number in taken[:place])
        assert all(number > barrier for _, number in taken[place + 1 :])
    assert len(put) == len(taken) + waiting.conflated
