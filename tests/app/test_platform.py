"""Does trading pause while the exchange is closed, with its reason, and go on by itself?"""

from __future__ import annotations

import json

import pytest

from tests.app.exchange_thread import exchange_thread
from tests.app.feed_scene import START, running
from tests.app.meddler import meddling
from tests.builders import NOW
from trader.app.driver import Inbox
from trader.app.feed_faults import FeedFaults
from trader.app.market_clock import MarketClock
from trader.app.metrics import Metrics
from trader.app.platform import CLOSED, Platform
from trader.deribit.client import ClientSettings, DeribitClient
from trader.deribit.feed import Failure
from trader.deribit.messages import RequestFailed
from trader.domain.events import FeedLost, FeedRestored


class Scene:
    """A platform, and what the engine was told of it."""

    def __init__(self) -> None:
        clock = MarketClock(wall=False)
        clock.anchor(NOW, 1.0)
        self.inbox = Inbox()
        faults = FeedFaults(clock, self.inbox, Metrics())

        async def nowhere(_: object) -> None:
            return

        client = DeribitClient("ws://127.0.0.1:1/", ClientSettings(), nowhere)
        self.platform = Platform(("BTC", "ETH"), client, faults)

    async def say(self, **said: object) -> list[str]:
        """Let a channel say something; what the engine was told of it."""
        await self.platform.hear(json.dumps(said).encode())
        return self.told()

    def told(self) -> list[str]:
        """Take what the engine was told."""
        told = []
        while (event := self.inbox.take()) is not None:
            assert isinstance(event, FeedLost | FeedRestored)
            told.append(f"{type(event).__name__} {' '.join(event.scope)}: {event.detail}")
        return told


async def test_maintenance_is_a_loss_with_its_reason_until_it_is_over() -> None:
    """Told once, however often it is said; what says nothing of us changes nothing."""
    scene = Scene()
    assert await scene.say(price_index="btc_usd", locked=False) == []
    assert await scene.say(maintenance=True) == ["FeedLost *: the exchange is in maintenance"]
    assert await scene.say(maintenance=True) == []
    assert await scene.say(price_index="sol_usd", locked=True) == []
    assert await scene.say(maintenance=False) == ["FeedRestored *: the exchange is open again"]


async def test_several_reasons_end_with_the_last() -> None:
    """A lock of one of our indices outlives the end of another reason."""
    scene = Scene()
    assert await scene.say(price_index="eth_usd", locked=True) == ["FeedLost *: eth_usd is locked"]
    assert await scene.say(allow_unauthenticated_public_requests=False) == []
    assert await scene.say(price_index="eth_usd", locked=False) == []
    assert scene.platform.closed
    assert await scene.say(allow_unauthenticated_public_requests=True) == [
        "FeedRestored *: the exchange is open again"
    ]


@pytest.mark.parametrize("code", CLOSED)
async def test_a_refusal_of_a_closed_exchange_pauses_until_the_feed_is_up(code: int) -> None:
    """10041 at 08:00, 11051 and 11056: trading waits; other refusals are none of its business."""
    scene = Scene()
    assert await scene.platform.refused(RequestFailed("public/x", code, "no"))
    assert scene.told() == [f"FeedLost *: {CLOSED[code]} ({code})"]
    assert not await scene.platform.refused(Failure(1, "public/x", -32_602, "no", ""))
    await scene.platform.restore("up")
    assert scene.told() == ["FeedRestored *: up"]


async def test_a_feed_that_comes_up_while_the_exchange_is_closed_is_not_restored() -> None:
    """Connected is not open; a new connection begins without reasons."""
    scene = Scene()
    await scene.say(maintenance=True)
    scene.told()
    await scene.platform.restore("up")
    assert scene.told() == []
    scene.platform.restart()
    await scene.platform.restore("up")
    assert scene.told() == ["FeedRestored *: up"]


async def test_noise_on_the_channel_says_nothing() -> None:
    """What cannot be read is no reason to stop, nor to go on."""
    scene = Scene()
    for payload in (b"", b"[]", b'{"maintenance":"yes"}', b"\xff"):
        await scene.platform.hear(payload)
    assert scene.told() == []


async def test_a_lock_pauses_a_live_feed_without_a_reconnect_and_is_asked_after() -> None:
    """platform_state says locked, once and for ever: `public/status` ends the pause by itself."""
    with exchange_thread(seed=1, speed=300.0, start_at=START) as url:
        async with meddling(url) as line:
            line.tell = lambda frame: (
                frame.replace(b'"locked":false', b'"locked":true')
                if b'"channel":"platform_state' in frame
                else frame
            )
            async with running(line.url) as scene:
                await scene.until(lambda: scene.of(FeedLost))
                (lost,) = scene.of(FeedLost)
                assert (lost.kind, lost.scope) == ("maintenance", ("*",))
                assert lost.detail == "btc_usd is locked"
                await scene.until(lambda: scene.trust()[-1] == "FeedRestored *", seconds=20.0)
                assert scene.of(FeedRestored)[-1].detail == "the exchange is open again"
                connects = scene.metrics.registry.get_sample_value("trader_feed_connects_total")
                assert connects == 1.0
