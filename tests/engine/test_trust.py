"""Does what the feed says about itself decide what is believed?"""

from __future__ import annotations

import numpy as np
import pytest

from tests.engine.books import CALL, CALL_UP, PUT
from trader.domain.events import FeedFault, FeedLost, FeedRestored
from trader.engine.trust import ALL, BOOK_PREFIX, Trust

BOARD = (CALL, CALL_UP, PUT)


def _trust(*lost: str, at: int = 0) -> Trust:
    trust = Trust()
    trust.lost(FeedLost("gap", lost, "test"), at)
    return trust


def _mask(trust: Trust) -> list[bool]:
    return [bool(one) for one in trust.mask(BOARD, np.ones(3, dtype=np.bool_))]


def test_at_first_everything_is_believed() -> None:
    """No news is good news."""
    trust = Trust()
    assert trust.trusted(CALL.name)
    assert trust.index_trusted("BTC")
    assert _mask(trust) == [True, True, True]
    assert (trust.suspended, trust.marks(0, 10)) == (False, ())


def test_a_lost_feed_takes_all_trust_until_all_is_restored() -> None:
    """Single quotes cannot lift what the whole connection lost."""
    trust = _trust(ALL)
    trust.quoted(CALL.name)
    trust.index_seen("BTC")
    assert not trust.trusted(CALL.name)
    assert not trust.index_trusted("BTC")
    assert _mask(trust) == [False, False, False]
    trust.restored(FeedRestored((CALL.name,), "test"))
    assert not trust.trusted(CALL.name)
    trust.restored(FeedRestored((ALL,), "test"))
    assert _mask(trust) == [True, True, True]


def test_one_lost_channel_takes_the_trust_of_its_instrument_alone() -> None:
    """Its next quote lifts it; a quote of another does not."""
    trust = _trust(CALL_UP.name)
    trust.quoted(CALL.name)
    assert _mask(trust) == [True, False, True]
    assert trust.index_trusted("BTC")
    assert trust.suspended_count == 1
    trust.quoted(CALL_UP.name)
    assert _mask(trust) == [True, True, True]
    assert trust.suspended_count == 0


def test_an_index_is_a_channel_of_its_own() -> None:
    """Losing one index distrusts that index until it speaks again."""
    trust = _trust("index:BTC")
    assert not trust.index_trusted("BTC")
    assert trust.index_trusted("ETH")
    assert trust.trusted("BTC")
    trust.index_seen("BTC")
    assert trust.index_trusted("BTC")


def test_restoring_everything_forgets_single_losses() -> None:
    """A new connection starts without old suspensions; a single name restores itself alone."""
    trust = _trust(CALL.name, PUT.name)
    trust.restored(FeedRestored((CALL.name,), "test"))
    assert _mask(trust) == [True, True, False]
    trust.restored(FeedRestored((ALL,), "test"))
    assert not trust.suspended


def test_a_mask_only_takes_away() -> None:
    """What was stale before stays stale, whatever is trusted."""
    stale = np.array([False, True, True])
    assert [bool(one) for one in _trust(PUT.name).mask(BOARD, stale)] == [False, True, False]


def test_trap_memory_grows_until_the_kernel_kills_the_daemon() -> None:
    """An instrument that left takes its suspension along."""
    trust = _trust(*(f"X{number}" for number in range(100)))
    for number in range(100):
        trust.forget(f"X{number}")
    assert not trust.suspended


def test_marks_name_what_is_wrong_and_what_was_lately() -> None:
    """The whole feed by its fault, single losses by their number, faults while they are recent."""
    trust = _trust(CALL.name, PUT.name, at=100)
    trust.fault(FeedFault("duplicate", (), "test"), 105)
    assert trust.marks(110, 10) == ("suspended:2", "fault:duplicate", "fault:gap")
    assert trust.marks(115, 10) == ("suspended:2", "fault:duplicate")
    trust.lost(FeedLost("server_gone", (ALL,), "test"), 120)
    assert trust.marks(121, 10) == ("feed_lost:server_gone", "suspended:2", "fault:server_gone")


@pytest.mark.parametrize("scope", [(), ("no-such-thing",)])
def test_losing_nothing_we_know_changes_nothing_we_show(scope: tuple[str, ...]) -> None:
    """An empty or unknown scope distrusts no instrument, and is still told."""
    trust = _trust(*scope)
    assert _mask(trust) == [True, True, True]
    assert trust.marks(1, 10)[-1] == "fault:gap"


def test_a_distrusted_book_leaves_with_its_instrument_and_spares_its_quotes() -> None:
    """The depth is doubted, not the touch; after the expiry nothing of it is kept."""
    trust = _trust(f"{BOOK_PREFIX}{CALL.name}")
    assert trust.trusted(CALL.name)
    assert trust.marks(0, 10) == ("suspended:1", "fault:gap")
    trust.forget(CALL.name)
    assert not trust.suspended
