"""Does the engine hear of each loss once, and of nothing that is none?"""

from __future__ import annotations

import pytest

from tests.builders import NOW
from trader.app.driver import Errand, Inbox
from trader.app.feed_faults import FeedFaults, is_power_of_two, scope_of
from trader.app.market_clock import MarketClock
from trader.app.metrics import Metrics
from trader.deribit.feed import Fault
from trader.domain.events import Event, FeedFault, FeedLost, FeedRestored

ONE = "ticker.BTC-21NOV26-95000-C.agg2"
TWO = "ticker.BTC-21NOV26-96000-C.100ms"
INDEX = "deribit_price_index.btc_usd"
STATE = "instrument.state.option.BTC"


class Scene:
    """Faults, and the inbox they are told to."""

    def __init__(self, *, known: bool = True) -> None:
        self.clock = MarketClock(wall=False)
        if known:
            self.clock.anchor(NOW, 300.0)
        self.inbox = Inbox()
        self.metrics = Metrics()
        self.faults = FeedFaults(self.clock, self.inbox, self.metrics)

    def told(self) -> list[Event | Errand]:
        """Take what the engine was told."""
        taken = []
        while (event := self.inbox.take()) is not None:
            taken.append(event)
        return taken


def lost(*channels: str) -> Fault:
    """Lose channels, or without any the whole feed."""
    return Fault("half_frame", channels, "cut", lost=True)


async def test_a_lost_feed_is_told_once_until_it_is_restored() -> None:
    """The fault that ends a connection and the disconnection after it are one loss."""
    scene = Scene()
    await scene.faults.take(lost())
    await scene.faults.lose("server_gone", "gone")
    assert scene.told() == [FeedLost("half_frame", ("*",), "cut")]
    await scene.faults.restore("up")
    await scene.faults.lose("server_gone", "gone")
    assert scene.told() == [FeedRestored(("*",), "up"), FeedLost("server_gone", ("*",), "gone")]


async def test_before_there_is_a_market_time_nothing_is_lost() -> None:
    """An exchange that was never reached had no trust to lose."""
    scene = Scene(known=False)
    await scene.faults.lose("server_gone", "gone")
    assert scene.told() == []


async def test_a_channel_is_lost_once_and_told_back_with_the_last() -> None:
    """Repeated losses of a channel are one; the return is told when nothing is silent any more."""
    scene = Scene()
    for fault in (lost(ONE, INDEX), lost(ONE), lost(ONE, TWO)):
        await scene.faults.take(fault)
    names = [one.scope for one in scene.told() if isinstance(one, FeedLost)]
    assert names == [("BTC-21NOV26-95000-C", "index:BTC"), ("BTC-21NOV26-96000-C",)]
    for channel in (ONE, TWO, TWO):
        await scene.faults.recovered(channel)
    assert scene.told() == []
    await scene.faults.recovered(INDEX)
    back = ("BTC-21NOV26-95000-C", "BTC-21NOV26-96000-C", "index:BTC")
    assert scene.told() == [FeedRestored(back, "3 silent channels speak again")]
    assert scene.faults.silent == ()


async def test_what_is_silent_on_this_connection_outlives_its_restoration() -> None:
    """Restoring everything does not restore a channel that fell silent while it came up."""
    scene = Scene()
    await scene.faults.take(lost(ONE))
    await scene.faults.restore("up")
    first, second, third = scene.told()
    assert isinstance(first, FeedLost)
    assert second == FeedRestored(("*",), "up")
    assert isinstance(third, FeedLost)
    assert third.scope == ("BTC-21NOV26-95000-C",)


async def test_a_new_connection_begins_without_silence() -> None:
    """What was silent before the reconnect is subscribed anew: nobody waits for its return."""
    scene = Scene()
    await scene.faults.take(lost(ONE))
    scene.told()
    scene.faults.connected()
    await scene.faults.recovered(ONE)
    await scene.faults.restore("up")
    assert scene.told() == [FeedRestored(("*",), "up")]


async def test_what_is_gone_is_waited_for_no_longer() -> None:
    """An instrument that expired while silent does not hold back the word of the others."""
    scene = Scene()
    await scene.faults.take(lost(ONE, TWO))
    scene.told()
    scene.faults.forget(["BTC-21NOV26-95000-C"])
    await scene.faults.recovered(TWO)
    (back,) = scene.told()
    assert back == FeedRestored(("BTC-21NOV26-96000-C",), "1 silent channels speak again")


@pytest.mark.parametrize(
    ("fault", "scope"),
    [
        (lost(STATE), ()),
        (Fault("duplicate", (ONE,), "twice"), ("BTC-21NOV26-95000-C",)),
        (Fault("garbage", (), "noise"), ("*",)),
    ],
    ids=["a channel of listings", "a duplicate", "garbage of nobody"],
)
async def test_what_loses_no_quote_loses_no_trust(fault: Fault, scope: tuple[str, ...]) -> None:
    """Such faults are noted and counted; above all a channel of listings distrusts no market."""
    scene = Scene()
    await scene.faults.take(fault)
    assert scene.told() == [FeedFault(fault.kind, scope, fault.detail)]
    assert f'trader_feed_faults_total{{kind="{fault.kind}"}} 1.0'.encode() in scene.metrics.text()


async def test_a_storm_of_faults_is_logged_ever_more_rarely(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The first of a kind, then each doubling: a thousand faults are eleven lines."""
    scene = Scene()
    for _ in range(1_024):
        await scene.faults.note("duplicate", "the same push twice")
    assert capsys.readouterr().out.count("feed.fault") == 11


def test_scopes_are_instruments_and_indices() -> None:
    """Each name once, in order; the interval of a channel is no part of what is distrusted."""
    again = ONE.replace("agg2", "100ms")
    assert scope_of((ONE, again, INDEX, STATE)) == ("BTC-21NOV26-95000-C", "index:BTC")
    assert scope_of(()) == ()


def test_doublings() -> None:
    """1, 2, 4, 8 and so on are spoken of."""
    assert [count for count in range(1, 40) if is_power_of_two(count)] == [1, 2, 4, 8, 16, 32]


async def test_a_book_is_lost_and_restored_by_itself() -> None:
    """Its instrument's quotes come on another channel; it waits for no other channel's return."""
    scene = Scene()
    book = "book.BTC-PERPETUAL.100ms"
    await scene.faults.take(lost(book, ONE))
    await scene.faults.recovered(book)
    (gone, back) = scene.told()
    assert isinstance(gone, FeedLost)
    assert gone.scope == ("book:BTC-PERPETUAL", "BTC-21NOV26-95000-C")
    assert back == FeedRestored(("book:BTC-PERPETUAL",), f"{book}: a new snapshot came")
    await scene.faults.take(lost(book))
    scene.faults.forget(["BTC-PERPETUAL", "BTC-21NOV26-95000-C"])
    assert scene.faults.silent == ()
