"""Does the market reach the engine whole and in order, through everything the feed does?

A real exchange on loopback, a real client; the test stands where the engine does and takes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import msgspec
import pytest

from tests.app.exchange_thread import exchange_thread
from tests.app.feed_scene import START, Scene, running
from tests.app.meddler import meddling
from trader.app.platform import CHANNELS
from trader.deribit.simulator.market import MARKET_VERSION
from trader.domain.events import (
    DeliveryPrice,
    FeedFault,
    FeedLost,
    FeedRestored,
    FundingRate,
    HistoryLoaded,
    IndexPrice,
    InstrumentExpired,
    InstrumentListed,
    Quote,
)
from trader.domain.units import DAY, HOUR, MINUTE
from trader.pricing.regime import CLOSES_KEPT


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The address of an exchange that all tests share; none of them outlives a market day."""
    with exchange_thread(seed=1, speed=300.0, start_at=START) as served:
        yield served


def frame_of(channel: str) -> bytes:
    """Find a push of a channel in a frame."""
    return b'"channel":"' + channel.encode()


async def test_everything_comes_up_in_the_order_the_engine_needs(url: str) -> None:
    """Contracts before their quotes, history and indices before trust; only near contracts."""
    async with running(url) as scene:
        await scene.alive()
        await scene.until(lambda: len({one.underlying for one in scene.of(IndexPrice)}) == 2)
        await scene.until(lambda: scene.of(FundingRate))
        assert isinstance(scene.events[0], InstrumentListed)
        assert [one.underlying for one in scene.of(HistoryLoaded)] == ["BTC", "ETH"]
        assert {len(one.bars.opened_at) for one in scene.of(HistoryLoaded)} == {CLOSES_KEPT}
        listed = scene.listed()
        assert {one.instrument for one in scene.of(Quote)} <= set(listed)
        assert {one.underlying for one in listed.values()} == {"BTC", "ETH"}
        edge = scene.clock.now() + int(2.0 * DAY)
        assert all(one.kind == "perpetual" or (one.expires_at or 0) <= edge
                   for one in listed.values())  # fmt: skip
        assert scene.trust() == ["FeedRestored *"]
        assert scene.feed.market == f"1@{MARKET_VERSION}"
        assert START < scene.clock.now() < START + 12 * HOUR
        assert sorted(scene.feed.client.channels) == sorted(expected_channels(scene, ()))


def expected_channels(scene: Scene, held: tuple[str, ...]) -> list[str]:
    """Name exactly the channels that must be subscribed."""
    perpetuals = (name for name, one in scene.listed().items() if one.kind == "perpetual")
    quick = (*perpetuals, *held)
    channels = [f"ticker.{name}.{'100ms' if name in quick else 'agg2'}" for name in scene.listed()]
    for coin in ("BTC", "ETH"):
        channels += [f"deribit_price_index.{coin.lower()}_usd", f"instrument.state.option.{coin}"]
    return [*channels, *CHANNELS]


async def test_boards_in_usdc_come_with_the_coin_where_they_are_asked_for(url: str) -> None:
    """Options and perpetuals settled in USDC, the spot pair of each coin, on the same index."""
    async with running(url, linear=True) as scene:
        await scene.alive()
        listed = scene.listed()
        pairs = {name for name, one in listed.items() if one.kind == "spot"}
        linear = {name for name, one in listed.items() if not one.inverse} - pairs
        assert pairs == {"BTC_USDC", "ETH_USDC"}
        assert {name for name in linear if listed[name].kind == "perpetual"} == {
            "BTC_USDC-PERPETUAL", "ETH_USDC-PERPETUAL",
        }  # fmt: skip
        assert {listed[name].kind for name in linear} == {"option", "perpetual"}
        assert {listed[name].settlement_currency for name in linear} == {"USDC"}
        assert {listed[name].underlying for name in linear} == {"BTC", "ETH"}
        await scene.until(lambda: pairs <= {one.instrument for one in scene.of(Quote)})
        await scene.until(lambda: linear & {one.instrument for one in scene.of(Quote)})
        spot = next(one for one in scene.of(Quote) if one.instrument == "BTC_USDC")
        assert spot.bid < spot.ask
        assert abs(spot.mark / spot.index_price - 1) < 0.01
        expected = expected_channels(scene, ())
        assert sorted(scene.feed.client.channels) == sorted(
            [*expected, "instrument.state.option.USDC"]
        )


async def test_what_is_held_is_followed_closely_and_nothing_else(url: str) -> None:
    """Held contracts move to 100 ms and back; a perpetual never loses its only channel."""
    async with running(url) as scene:
        early = "BTC-PERPETUAL"
        scene.feed.watch([early, "BTC-1JAN20-1-C"])
        await scene.alive()
        one, two = [name for name in scene.listed() if name.endswith("-C")][:2]
        for held in ((one, early), (two, one), (two,), ()):
            scene.feed.watch(held)
            assert sorted(scene.feed.client.channels) == sorted(expected_channels(scene, held))
        scene.feed.watch([one])
        await asyncio.sleep(0.3)
        seen = len(scene.events)
        await scene.until(lambda: any(q.instrument == one for q in scene.of(Quote, seen)))


async def test_what_was_held_before_a_restart_is_followed_once_it_is_listed(url: str) -> None:
    """Positions recovered before the catalog is known get their close channel with the listing."""
    async with running(url) as scene:
        await scene.alive()
        held = next(name for name in scene.listed() if name.endswith("-C"))
    async with running(url) as scene:
        scene.feed.watch([held])
        await scene.alive()
        assert held in scene.listed()
        assert sorted(scene.feed.client.channels) == sorted(expected_channels(scene, (held,)))


async def test_what_settled_is_not_followed_any_more(url: str) -> None:
    """A contract that is released because it expired is asked for on no channel: there is none."""
    async with running(url) as scene:
        await scene.alive()
        gone = min(
            (one for one in scene.listed().values() if one.expires_at),
            key=lambda one: one.expires_at or 0,
        )
        scene.feed.watch([gone.name])
        scene.clock.anchor((gone.expires_at or 0) + 1, scene.clock.speed)
        scene.feed.watch([])
        assert not [name for name in scene.feed.client.channels if gone.name in name]


async def test_a_short_break_brings_everything_up_again(url: str) -> None:
    """After each cut, however quick the reconnect: lost once, history anew, then trusted again."""
    async with (
        meddling(url) as line,
        running(line.url) as scene,
    ):
        await scene.alive()
        for breaks in (1, 2):
            stood = scene.clock.now()
            line.cut()
            await scene.until(lambda: not scene.feed.alive)
            assert scene.clock.standing
            await scene.until(lambda: scene.feed.alive)
            await scene.until(lambda: scene.trust()[-1] == "FeedRestored *")
            assert scene.clock.now() >= stood
            assert len(scene.of(HistoryLoaded)) == 2 * (breaks + 1)
        assert scene.trust() == ["FeedRestored *"] + ["FeedLost *", "FeedRestored *"] * 2
        seen = len(scene.events)
        await scene.until(lambda: len(scene.of(Quote, seen)) > 100)
        assert scene.of(FeedFault) == []
        assert len(scene.of(InstrumentListed)) == 1


async def test_expiry_lists_settles_and_forgets() -> None:
    """At 08:00 what expired goes, what is new comes, and the delivery price is fetched."""
    expires_at = 20_606 * DAY + 8 * HOUR
    with exchange_thread(seed=1, speed=300.0, start_at=expires_at - 20 * MINUTE) as url:
        async with running(url) as scene:
            await scene.alive()
            before = scene.listed()
            today = {name for name, one in before.items() if one.expires_at == expires_at}
            assert today
            scene.feed.deliveries.want("BTC", expires_at)
            scene.feed.deliveries.want("BTC", expires_at)
            await scene.until(lambda: scene.of(InstrumentExpired))
            assert set(scene.of(InstrumentExpired)[0].names) == today
            assert 0 < (scene.clock.now() - expires_at) / 1e9 / 300 < 3
            await scene.until(lambda: len(scene.of(InstrumentListed)) > 1)
            await scene.until(lambda: scene.of(DeliveryPrice))
            price = scene.of(DeliveryPrice)[0]
            assert (price.underlying, price.expires_at) == ("BTC", expires_at)
            await asyncio.sleep(1.2)
            assert len(scene.of(DeliveryPrice)) == 1
            assert quoted_while_unlisted(scene) == []
            assert sorted(scene.feed.client.channels) == sorted(expected_channels(scene, ()))
            sizes = scene.feed.sizes()
            assert sizes["channels"] == len(expected_channels(scene, ())) > sizes["listed"]
            assert sizes["deliveries"] == 0


def quoted_while_unlisted(scene: Scene) -> list[str]:
    """Name instruments whose quote came before their listing, or after they expired."""
    known: set[str] = set()
    wrong = []
    for event in scene.events:
        match event:
            case InstrumentListed():
                known |= {one.name for one in event.instruments}
            case InstrumentExpired():
                known -= set(event.names)
            case Quote() if event.instrument not in known:
                wrong.append(event.instrument)
            case _:
                pass
    return wrong


async def test_an_index_that_falls_silent_is_distrusted_and_trusted_again(url: str) -> None:
    """A mute index loses only its own scope, once, and is back when it speaks."""
    async with running(url, mute_channel_s=1.6, gap_s=20.0) as scene:
        await scene.alive()
        await scene.fault("mute", "deribit_price_index.btc_usd", 2.5)
        await scene.until(lambda: "FeedLost index:BTC" in scene.trust())
        await scene.until(lambda: scene.trust()[-1] == "FeedRestored index:BTC")
        assert scene.trust() == ["FeedRestored *", "FeedLost index:BTC", "FeedRestored index:BTC"]
        assert scene.feed.alive


async def test_many_broken_channels_come_back_as_one_word(url: str) -> None:
    """Half frames of hundreds of tickers: each lost once, the return of all told together."""
    async with running(url) as scene:
        await scene.alive()
        await scene.fault("truncate", "ticker.*", 0.8)
        await scene.until(lambda: scene.of(FeedLost))
        await asyncio.sleep(1.2)
        await scene.until(lambda: scene.trust()[-1].startswith("FeedRestored"))
        lost = {name for one in scene.of(FeedLost) for name in one.scope}
        back = {name for one in scene.of(FeedRestored)[1:] for name in one.scope}
        assert lost == back
        assert lost <= set(scene.listed())
        assert len(scene.of(FeedRestored)) - 1 <= len(scene.of(FeedLost))
        assert scene.feed.alive


async def test_a_push_that_means_nothing_is_a_fault_and_no_end(url: str) -> None:
    """A ticker without an instant and an index of 0 are noted as garbage; the feed lives on."""
    async with (
        meddling(url) as line,
        running(line.url) as scene,
    ):
        await scene.alive()

        def no_price(frame: bytes) -> bytes:
            if frame_of("deribit_price_index.eth_usd") not in frame:
                return frame
            note = msgspec.json.decode(frame)
            note["params"]["data"]["price"] = 0
            return msgspec.json.encode(note)

        line.tell = no_price
        await scene.until(lambda: scene.of(FeedFault))
        line.tell = bytes
        fault = scene.of(FeedFault)[0]
        assert (fault.kind, fault.scope) == ("garbage", ("index:ETH",))
        assert "is not positive" in fault.detail
        seen = len(scene.events)
        await scene.until(
            lambda: any(tick.underlying == "ETH" for tick in scene.of(IndexPrice, seen))
        )
        assert scene.feed.alive


async def test_a_venue_that_refuses_is_asked_again(url: str) -> None:
    """While calls fail, nothing is trusted and nothing dies; then everything comes up."""
    async with (
        meddling(url) as line,
        running(line.url) as scene,
    ):
        line.ask = lambda frame: frame.replace(b"public/get_instruments", b"public/maintenance")
        await scene.until(lambda: scene.feed.client.connected)
        await asyncio.sleep(0.5)
        assert not scene.feed.alive
        assert scene.events == []
        line.ask = bytes
        await scene.alive()
        assert scene.trust() == ["FeedRestored *"]


async def test_a_cut_while_coming_up_ends_in_a_feed_that_is_up(url: str) -> None:
    """A connection that breaks between catalog and history restores nothing; the next one does."""
    async with (
        meddling(url) as line,
        running(line.url) as scene,
    ):

        def cut(frame: bytes) -> bytes:
            if b"get_tradingview_chart_data" in frame:
                line.ask = bytes
                line.cut()
            return frame

        line.ask = cut
        await scene.alive()
        assert scene.trust() == ["FeedLost *", "FeedRestored *"]
        assert len(scene.of(InstrumentListed)) == 1


async def test_an_empty_catalog_expires_nothing(url: str) -> None:
    """A venue that lists nothing for a moment is asked again; what we hold stays listed."""
    async with (
        meddling(url) as line,
        running(line.url) as scene,
    ):
        await scene.alive()
        emptied = []

        def empty(frame: bytes) -> bytes:
            if b'"instrument_name":"BTC-PERPETUAL"' in frame and b'"params"' not in frame:
                emptied.append(frame)
                answer = msgspec.json.decode(frame)
                answer["result"] = []
                return msgspec.json.encode(answer)
            return frame

        line.tell = empty
        line.cut()
        await scene.until(lambda: emptied)
        await asyncio.sleep(0.3)
        assert not scene.feed.alive
        line.tell = bytes
        await scene.until(lambda: scene.feed.alive)
        assert scene.of(InstrumentExpired) == []


async def test_delivery_prices_are_asked_for_until_they_are_there(url: str) -> None:
    """Refused at first and asked again each second: it arrives once, also across a break."""
    expires_at = 20_605 * DAY + 8 * HOUR
    async with (
        meddling(url) as line,
        running(line.url) as scene,
    ):
        line.ask = lambda frame: frame.replace(b"get_delivery_prices", b"get_nothing")
        scene.feed.deliveries.want("ETH", expires_at)
        await scene.alive()
        await asyncio.sleep(1.2)
        line.cut()
        assert scene.of(DeliveryPrice) == []
        line.ask = bytes
        await scene.until(lambda: scene.of(DeliveryPrice))
        assert scene.of(DeliveryPrice)[0].price > 0


async def test_a_gap_in_an_order_book_distrusts_it_until_a_new_snapshot_came(url: str) -> None:
    """A book that missed a change is not shown; unsubscribed and subscribed, it comes back."""
    name, scope = "BTC-PERPETUAL", ("book:BTC-PERPETUAL",)
    async with running(url, books=(name,)) as scene:
        await scene.alive()
        await scene.until(lambda: scene.feed.order_book(name))
        await scene.fault("gap", "book.*", duration_s=1.0)
        await scene.until(lambda: any(one.scope == scope for one in scene.of(FeedLost)))
        lost = next(one for one in scene.of(FeedLost) if one.scope == scope)
        assert lost.kind == "gap"
        assert "a change is missing" in lost.detail
        await scene.until(lambda: any(one.scope == scope for one in scene.of(FeedRestored)))
        await scene.until(lambda: scene.feed.order_book(name))
        book = scene.feed.order_book(name)
        assert book is not None
        assert not book.crossed
        assert len(book.bids(3)) == len(book.asks(3)) == 3
        assert scene.feed.alive


async def test_coins_without_contracts_of_their_own_bring_their_perpetual(url: str) -> None:
    """Of SOL and XRP the perpetual in USDC, its history and index; of BTC what there ever was."""
    async with running(url, underlyings=("BTC", "SOL", "XRP")) as scene:
        await scene.alive()
        coins = {"BTC", "SOL", "XRP"}
        await scene.until(lambda: {one.underlying for one in scene.of(IndexPrice)} == coins)
        listed = scene.listed()
        linear = {name for name, one in listed.items() if not one.inverse}
        assert linear == {"SOL_USDC-PERPETUAL", "XRP_USDC-PERPETUAL"}
        assert [one.underlying for one in scene.of(HistoryLoaded)] == ["BTC", "SOL", "XRP"]
        assert all(len(one.bars.close) >= 24 * 60 for one in scene.of(HistoryLoaded))
        await scene.until(lambda: linear <= {one.instrument for one in scene.of(Quote)})
        await scene.until(lambda: linear <= {one.instrument for one in scene.of(FundingRate)})
        channels = sorted(scene.feed.client.channels)
        assert {"deribit_price_index.sol_usdc", "deribit_price_index.xrp_usdc"} <= set(channels)
        assert [one for one in channels if one.startswith("instrument.state")] == [
            "instrument.state.option.BTC"
        ]
