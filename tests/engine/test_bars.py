"""Are bars closed, whole, sorted and bounded, and is the running hour hidden?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.domain.market import Bars
from trader.domain.units import DAY, HOUR, MINUTE
from trader.engine.bars import BARS_MAX, HOURS_KEPT, BarBook

if TYPE_CHECKING:
    from collections.abc import Callable

START = 20_000 * DAY


def _bars(hours: list[int], price: float = 1.0) -> Bars:
    column = (price,) * len(hours)
    return Bars(tuple(START + hour * HOUR for hour in hours), column, column, column, column)


def _hours(bars: Bars) -> list[int]:
    return [(opened_at - START) // HOUR for opened_at in bars.opened_at]


def test_a_bar_is_shown_once_its_hour_is_over() -> None:
    """Open, high, low, close of what was heard, and nothing of the hour that runs."""
    book = BarBook()
    for minute, price in ((0, 10.0), (10, 14.0), (20, 8.0), (59, 11.0)):
        book.grow("BTC", price, START + minute * MINUTE)
        assert book.closed("BTC").close == ()
    book.grow("BTC", 99.0, START + HOUR)
    assert book.closed("BTC") == Bars((START,), (10.0,), (14.0,), (8.0,), (11.0,))


@given(st.lists(st.tuples(st.integers(0, 200), st.floats(1.0, 1e6)), min_size=1))
def test_bars_hold_every_price_that_was_heard(ticks: list[tuple[int, float]]) -> None:
    """Each closed hour has the first, highest, lowest and last price of that hour."""
    book = BarBook()
    heard: dict[int, list[float]] = {}
    for minute, price in sorted(ticks, key=lambda tick: tick[0]):
        book.grow("BTC", price, START + minute * MINUTE)
        heard.setdefault(minute // 60, []).append(price)
    running = max(heard)
    bars = book.closed("BTC")
    columns = zip(_hours(bars), bars.open, bars.high, bars.low, bars.close, strict=True)
    assert [list(row) for row in columns] == [
        [hour, prices[0], max(prices), min(prices), prices[-1]]
        for hour, prices in heard.items()
        if hour != running
    ]


def test_an_hour_of_silence_is_a_gap_that_history_fills() -> None:
    """Nothing is invented for hours without a price; history adds what it knows."""
    book = BarBook()
    for hour in (0, 1, 4):
        book.grow("BTC", 5.0, START + hour * HOUR)
    assert _hours(book.closed("BTC")) == [0, 1]
    book.grow("BTC", 5.0, START + 5 * HOUR)
    assert _hours(book.closed("BTC")) == [0, 1, 4]
    book.load("BTC", _bars([2, 3, 4], 7.0), START + 5 * HOUR)
    bars = book.closed("BTC")
    assert _hours(bars) == [0, 1, 2, 3, 4]
    assert bars.close == (5.0, 5.0, 7.0, 7.0, 7.0)


def test_history_of_an_hour_we_half_heard_wins_and_stands_once() -> None:
    """The hour is over, no tick has closed it yet, history tells all of it: one bar, history's."""
    book = BarBook()
    book.grow("BTC", 5.0, START + 30 * MINUTE)
    book.load("BTC", _bars([0], 7.0), START + HOUR + MINUTE)
    book.grow("BTC", 9.0, START + HOUR + 2 * MINUTE)
    assert (_hours(book.closed("BTC")), book.closed("BTC").close) == ([0], (7.0,))


def test_trap_look_ahead_in_history() -> None:
    """Hours that have not closed yet are left out, whether we listened or not."""
    silent, listening = BarBook(), BarBook()
    now = START + 3 * HOUR + 20 * MINUTE
    listening.grow("BTC", 9.0, now)
    for book in (silent, listening):
        book.load("BTC", _bars([1, 2, 3, 4]), now)
        assert _hours(book.closed("BTC")) == [1, 2]
    listening.grow("BTC", 8.0, now + HOUR)
    assert listening.closed("BTC").open[-1] == 9.0


def test_hours_without_a_price_are_left_out_of_history() -> None:
    """NaN, 0 and infinity are no prices: the hour stays a gap."""
    for bad in (math.nan, 0.0, -1.0, math.inf):
        book = BarBook()
        column = (1.0, bad, 1.0)
        hours = tuple(START + hour * HOUR for hour in range(3))
        book.load("BTC", Bars(hours, column, column, column, column), START + DAY)
        assert _hours(book.closed("BTC")) == [0, 2]


@pytest.mark.parametrize("hours", [[2, 1], [1, 1]])
def test_unsorted_history_cannot_be_stated(hours: list[int]) -> None:
    """The bars themselves refuse unsorted and repeated hours."""
    with pytest.raises(ValueError, match="strictly increasing"):
        BarBook().load("BTC", _bars(hours), START + DAY)


def test_trap_memory_grows_until_the_kernel_kills_the_daemon() -> None:
    """Years of hours and repeated histories keep the last BARS_MAX bars."""
    book = BarBook()
    for hour in range(2 * BARS_MAX):
        book.grow("BTC", 1.0, START + hour * HOUR)
    assert len(book.closed("BTC").close) == BARS_MAX
    book.load("BTC", _bars(list(range(2 * BARS_MAX))), START + 2 * BARS_MAX * HOUR)
    assert _hours(book.closed("BTC"))[-1] == 2 * BARS_MAX - 1
    assert len(book) == BARS_MAX
    assert len(book.closed("BTC").close) == BARS_MAX


def test_underlyings_do_not_mix() -> None:
    """Each index has its own bars, and an unknown one has none."""
    book = BarBook()
    book.load("BTC", _bars([0]), START + DAY)
    assert book.closed("ETH") == Bars((), (), (), (), ())
    assert len(book.closed("BTC").close) == 1


def test_what_was_shown_does_not_change() -> None:
    """Bars are values: the next hour makes new ones and leaves the old ones as they were."""
    book = BarBook()
    book.load("BTC", _bars([0]), START + HOUR)
    shown = book.closed("BTC")
    assert book.closed("BTC") is shown
    book.grow("BTC", 3.0, START + HOUR)
    book.grow("BTC", 3.0, START + 2 * HOUR)
    assert _hours(shown) == [0]
    assert _hours(book.closed("BTC")) == [0, 1]


@given(st.lists(st.tuples(st.integers(1, 3), st.booleans()), max_size=30))
def test_looking_in_between_changes_nothing(hours: list[tuple[int, bool]]) -> None:
    """Bars shown as they grow are the bars shown at the end."""
    often, once, now = BarBook(), BarBook(), 0
    for hour, look in hours:
        now += hour
        for book in (often, once):
            book.grow("BTC", float(now), START + now * HOUR)
        if look:
            often.closed("BTC")
    assert often.closed("BTC") == once.closed("BTC")


@given(st.lists(st.tuples(st.integers(1, 30), st.booleans()), min_size=1, max_size=60))
def test_trap_look_ahead_through_a_kept_history(hours: list[tuple[int, bool]]) -> None:
    """Whoever looks late sees what had closed when it was shown, through history and years."""
    book, now = BarBook(), 0
    kept: list[tuple[Callable[[], Bars], Bars]] = []
    for hour, loads in hours:
        now += hour
        if loads:
            book.load("BTC", _bars(list(range(now - hour, now)), float(now)), START + now * HOUR)
        book.grow("BTC", float(now), START + now * HOUR)
        later, at_once = book.history("BTC"), book.closed("BTC")
        kept.append((later, at_once))
    assert all(later() == at_once for later, at_once in kept)
    assert all(later() == at_once for later, at_once in reversed(kept))


def test_years_of_hours_leave_what_was_shown_as_it_was() -> None:
    """Hours that are left behind stay with whoever was shown them."""
    book = BarBook()
    for hour in range(HOURS_KEPT):
        book.grow("BTC", float(hour + 1), START + hour * HOUR)
    later, at_once = book.history("BTC"), book.closed("BTC")
    for hour in range(HOURS_KEPT, HOURS_KEPT + 4):
        book.grow("BTC", float(hour + 1), START + hour * HOUR)
    assert later() == at_once
    assert _hours(book.closed("BTC")) == list(range(HOURS_KEPT + 3 - BARS_MAX, HOURS_KEPT + 3))
    assert len(book) == BARS_MAX


def test_closed_hours_since_an_instant_are_listed_with_their_closes() -> None:
    """From the hour that opened then; beyond what is shown too, until the older half is dropped."""
    book = BarBook()
    assert list(book.since("BTC", 0)) == []
    for hour in range(BARS_MAX + 11):
        book.grow("BTC", 100.0 + hour, START + hour * HOUR)
    assert list(book.since("BTC", START + (BARS_MAX + 8) * HOUR)) == [
        (START + (BARS_MAX + more) * HOUR, 100.0 + BARS_MAX + more) for more in (8, 9)
    ]
    assert len(list(book.since("BTC", 0))) == BARS_MAX + 10
    assert len(book.closed("BTC").close) == BARS_MAX
