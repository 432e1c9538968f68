"""Is every delivery price asked for until it is known, and told once?"""

from __future__ import annotations

import asyncio

from tests.app.exchange_thread import exchange_thread
from tests.app.feed_scene import running
from trader.domain.events import DeliveryPrice
from trader.domain.units import DAY, HOUR, MINUTE


async def test_a_price_is_told_once_however_often_it_was_wanted() -> None:
    """One that is not known yet stays wanted; the known one leaves nothing behind."""
    expires_at = 20_606 * DAY + 8 * HOUR
    with exchange_thread(seed=1, speed=1.0, start_at=expires_at + 20 * MINUTE) as url:
        async with running(url) as scene:
            await scene.alive()
            deliveries = scene.feed.deliveries
            for wanted in (expires_at, expires_at, expires_at + DAY):
                deliveries.want("BTC", wanted)
            assert len(deliveries) == 2
            await scene.until(lambda: scene.of(DeliveryPrice))
            await asyncio.sleep(1.2)
            (price,) = scene.of(DeliveryPrice)
            assert (price.underlying, price.expires_at) == ("BTC", expires_at)
            assert len(deliveries) == 1
