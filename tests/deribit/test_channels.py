"""Tests of `trader.deribit.channels`: what a session notices about what it hears."""

from __future__ import annotations

import itertools

import pytest

from tests.deribit.wire import INDEX, TICKER, answer_all, book, index, live, result, sent, ticker
from trader.deribit.feed import Fault, Recovered
from trader.deribit.order_book import OrderBook
from trader.deribit.pushes import Notification
from trader.deribit.session import ClientSession, SessionLimits


def test_a_mute_index_is_noticed_subscribed_afresh_and_recovers() -> None:
    """Trap alpaca-py#740: acknowledged but mute is a fault; it is asked for anew and recovers."""
    session = live(INDEX, limits=SessionLimits(mute_channel_s=5.0, heartbeat_overdue_s=99.0))
    assert session.receive(index(1_000), 1.0)
    assert session.tick(5.9) == []
    (fault,) = session.tick(6.1)
    assert isinstance(fault, Fault)
    assert (fault.kind, fault.channels, fault.lost) == ("mute_channel", (INDEX,), True)
    assert [frame["method"] for frame in sent(session)] == [
        "public/unsubscribe",
        "public/subscribe",
    ]
    session.receive(result(4, [INDEX]), 6.2)
    assert session.receive(index(7_000), 7.0)[0] == Recovered(INDEX)
    assert len(session.receive(index(8_000), 8.0)) == 1


def test_a_ticker_must_speak_once_then_may_be_still() -> None:
    """A still book says nothing for a minute; a ticker that never said anything is mute."""
    quiet = "ticker.BTC-25DEC26-95000-C.agg2"
    session = live(
        TICKER, quiet, "instrument.state.any.any", limits=SessionLimits(heartbeat_overdue_s=1e9)
    )
    session.receive(ticker(1), 0.5)
    (fault,) = session.tick(60.0)
    assert isinstance(fault, Fault)
    assert fault.channels == (quiet,)


def test_patience_with_a_mute_channel_doubles() -> None:
    """A channel that stays mute is asked for again ever less often."""
    session = live(INDEX, limits=SessionLimits(mute_channel_s=1.0, heartbeat_overdue_s=1e9))
    faults = []
    for tenth in range(1, 400):
        faults += [tenth / 10 for event in session.tick(tenth / 10) if isinstance(event, Fault)]
        answer_all(session, tenth / 10)
    waits = [round(b - a) for a, b in itertools.pairwise(faults)]
    assert waits == [2, 4, 8, 16]


def test_a_duplicate_is_dropped_and_noted() -> None:
    """The same push twice is delivered once; the same instant with other content is news."""
    session = live(TICKER)
    assert len(session.receive(ticker(5), 1.0)) == 1
    assert session.receive(ticker(5), 1.1) == [
        Fault("duplicate", (TICKER,), "the same push twice", lost=False)
    ]
    (news,) = session.receive(ticker(5, bid=0.021), 1.2)
    assert isinstance(news, Notification)


def test_the_present_state_after_a_reconnect_is_no_duplicate() -> None:
    """A still book repeats its state on a new connection: that restores trust."""
    session = live(TICKER)
    session.receive(ticker(5), 1.0)
    session.disconnected()
    session.connected(2.0)
    answer_all(session, 2.0)
    (push,) = session.receive(ticker(5), 2.1)
    assert isinstance(push, Notification)


def test_a_push_out_of_order_is_dropped_and_noted() -> None:
    """An older push never replaces a newer one."""
    session = live(TICKER)
    session.receive(ticker(5_000), 1.0)
    (fault,) = session.receive(ticker(4_000), 1.1)
    assert isinstance(fault, Fault)
    assert (fault.kind, fault.lost) == ("out_of_order", False)


def test_missing_index_pushes_are_a_gap_and_start_over() -> None:
    """The index beats once a second: what it skips, others may have lost too; all starts over."""
    session = live(INDEX, TICKER)
    session.receive(index(1_000), 1.0)
    session.receive(index(3_000), 3.0)
    (fault,) = session.receive(index(6_000), 6.0)
    assert isinstance(fault, Fault)
    assert (fault.kind, fault.channels, fault.lost) == ("gap", (), True)
    assert session.closing == fault


@pytest.mark.parametrize("speed", [1.0, 300.0])
def test_gaps_and_jumps_are_measured_at_the_markets_speed(speed: float) -> None:
    """On a fast market a second of wall time is many of its own; only the wall counts."""
    session = live(INDEX, TICKER)
    session.book.market_speed = speed
    for second in range(1, 5):
        assert len(session.receive(index(int(second * 1_000 * speed)), float(second))) == 1
    assert session.receive(ticker(int(4_200 * speed)), 4.2)
    (fault,) = session.receive(ticker(int(9_000 * speed)), 4.3)
    assert isinstance(fault, Fault)
    assert (fault.kind, fault.channels, fault.lost) == ("clock_jump", (TICKER,), True)
    assert session.closing is None


def test_an_index_that_jumps_is_a_clock_jump() -> None:
    """When the market's clock jumps, forward or back, the connection starts over."""
    for jump in (60_000, -60_000):
        session = live(INDEX)
        session.receive(index(1_000_000), 1.0)
        (fault,) = session.receive(index(1_001_000 + jump), 2.0)
        assert isinstance(fault, Fault)
        assert fault.kind == "clock_jump"
        assert session.closing is not None


def test_our_own_stall_is_not_blamed_on_the_feed() -> None:
    """Frames read late in a bunch are neither gap nor jump."""
    session = live(INDEX, TICKER)
    session.receive(index(1_000), 1.0)
    for second in range(2, 9):
        (push,) = session.receive(index(second * 1_000), 9.0 + second / 1_000)
        assert isinstance(push, Notification)


BOOK = "book.BTC-PERPETUAL.100ms"
LEVEL = ["new", 100.0, 1.0]


def shown(session: ClientSession) -> OrderBook:
    """Find the followed book."""
    channel = session.book.get(BOOK)
    assert channel is not None
    assert channel.book is not None
    return channel.book


def test_a_gap_in_a_book_unsubscribes_subscribes_and_waits_for_the_snapshot() -> None:
    """No state is believed between the gap and the snapshot that only a new subscription brings."""
    session = live(BOOK)
    assert len(session.receive(book(None, 5, LEVEL), 1.0)) == 1
    assert len(session.receive(book(5, 9, ["change", 100.0, 2.0]), 1.1)) == 1
    (fault,) = session.receive(book(12, 13, ["change", 100.0, 3.0]), 1.2)
    assert isinstance(fault, Fault)
    assert (fault.kind, fault.channels, fault.lost) == ("gap", (BOOK,), True)
    assert not shown(session).usable
    unsubscribe, subscribe = sent(session)
    assert (unsubscribe["method"], subscribe["method"]) == (
        "public/unsubscribe",
        "public/subscribe",
    )
    assert unsubscribe["params"] == subscribe["params"] == {"channels": [BOOK]}
    assert session.receive(book(13, 15, ["change", 100.0, 4.0]), 1.3) == []  # was on its way
    session.receive(result(subscribe["id"], [BOOK]), 1.4)
    recovered, note = session.receive(book(None, 20, LEVEL), 1.5)
    assert (recovered, type(note)) == (Recovered(BOOK), Notification)
    assert shown(session).usable


def test_a_book_that_tears_at_once_again_waits_before_it_asks() -> None:
    """Snapshots are dear: a book lost twice within the gap is asked for only after it."""
    session = live(BOOK, limits=SessionLimits(gap_s=2.5, heartbeat_overdue_s=99.0))
    session.receive(book(None, 5, LEVEL), 1.0)
    session.receive(book(6, 7), 1.1)
    answer_all(session, 1.2)
    session.receive(book(None, 8, LEVEL), 1.3)
    session.receive(book(9, 10), 1.4)
    assert [frame["method"] for frame in sent(session)] == ["public/unsubscribe"]
    session.tick(3.8)
    assert sent(session) == []
    session.tick(4.0)
    assert [frame["method"] for frame in sent(session)] == ["public/subscribe"]


def test_a_book_without_a_snapshot_is_mute_and_a_repeated_change_only_noted() -> None:
    """A subscription that brings changes alone never becomes a book: it starts afresh."""
    session = live(BOOK, limits=SessionLimits(mute_channel_s=5.0, heartbeat_overdue_s=99.0))
    assert session.receive(book(5, 6), 1.0) == []
    (fault,) = session.tick(5.5)
    assert isinstance(fault, Fault)
    assert (fault.kind, fault.channels) == ("mute_channel", (BOOK,))
    answer_all(session, 5.6)
    session.receive(book(None, 7, LEVEL), 5.7)
    session.receive(book(7, 8), 5.8)
    (repeated,) = session.receive(book(7, 8), 5.9)
    assert isinstance(repeated, Fault)
    assert (repeated.kind, repeated.lost) == ("duplicate", False)
    assert session.tick(30.0) == []


def test_a_new_connection_knows_no_book() -> None:
    """What one connection told of a book says nothing about the next."""
    session = live(BOOK)
    session.receive(book(None, 5, LEVEL), 1.0)
    session.disconnected()
    session.connected(2.0)
    assert not shown(session).usable
