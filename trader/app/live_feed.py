"""How does the market reach the engine? The client's events become domain events in the inbox.

Catalog, history and subscriptions are brought up again after every reconnect; what the feed tells
against itself becomes `FeedLost`, `FeedFault` and `FeedRestored`.
"""

from __future__ import annotations

import asyncio
import math
import time
from typing import TYPE_CHECKING, Final, assert_never

from trader.app.feed_faults import FeedFaults, is_power_of_two
from trader.app.observability import logger
from trader.deribit import history, translate
from trader.deribit.client import DeribitClient
from trader.deribit.feed import Connected, Disconnected, Failure, Fault, Recovered, Response
from trader.deribit.messages import (
    INDEX_PREFIX,
    TICKER_PREFIX,
    IndexTick,
    Notification,
    RequestFailed,
    SimulatorClock,
    Ticker,
    decode_result,
)
from trader.domain.errors import ConfigurationError, FeedError
from trader.domain.events import FundingRate, InstrumentExpired, InstrumentListed
from trader.domain.units import DAY, HOUR, MILLISECOND, SECOND, iso
from trader.engine.bars import BARS_MAX

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from trader.app.driver import Inbox
    from trader.app.market_clock import MarketClock
    from trader.app.metrics import Metrics
    from trader.app.settings import FeedSettings
    from trader.deribit.feed import FeedEvent
    from trader.domain.instruments import Instrument

METHOD_NOT_FOUND: Final = -32601
ANCHOR_EVERY_S: Final = 10.0
RELIST_EVERY_S: Final = 60.0
SETTLE_S: Final = 0.3
"""Listings come in swarms: after the first word of one, the rest is waited for."""
DELIVERY_EVERY_S: Final = 1.0
DELIVERY_TRIES_QUICK: Final = 30
"""After so many tries a delivery price is asked for every tenth time only."""
RETRY_S: Final = 1.0
RETRY_S_MAX: Final = 30.0
JUMP_S_MAX: Final = 2.0
EXPIRY_HOUR: Final = 8 * HOUR
STATE_PREFIX: Final = "instrument.state."


class LiveFeed:
    """One market feed: owns the client and what is subscribed; gives events to the inbox.

    Invariant: quotes of an instrument arrive only after it was listed and before it expired; the
    engine hears that the feed is restored only while the connection stands that was brought up.
    """

    def __init__(
        self, settings: FeedSettings, clock: MarketClock, inbox: Inbox, metrics: Metrics
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._inbox = inbox
        self._metrics = metrics
        self._faults = FeedFaults(clock, inbox, metrics)
        self._log = logger("feed")
        self.client = DeribitClient(settings.endpoint, settings.client, self._deliver)
        self.market = settings.source
        self.alive = False
        self._connection = 0
        self._connected = asyncio.Event()
        self._told = asyncio.Event()
        self._news = asyncio.Event()
        self._relist = False
        self._listed: dict[str, Instrument] = {}
        self._held: dict[str, None] = {}
        self._funding: dict[str, float] = {}
        self._wanted: dict[tuple[str, int], int] = {}

    async def know_the_time(self) -> None:
        """Wait until the market clock can be read.

        Raises:
            ConfigurationError: the exchange at this address is another than was meant.
        """
        await self._told.wait()

    def want_delivery(self, underlying: str, expires_at: int) -> None:
        """Ask for a delivery price until it is known; it arrives as an event."""
        self._wanted.setdefault((underlying, expires_at), 0)

    def watch(self, names: Iterable[str]) -> None:
        """Follow these instruments at 100 ms, as soon as they are listed: what is held."""
        held = dict.fromkeys(names)
        moved = [name for name in {**self._held, **held} if (name in held) != (name in self._held)]
        self._held = held
        listed = [self._listed[name] for name in moved if name in self._listed]
        options = [one for one in listed if one.kind != "perpetual"]
        self.client.subscribe(self._channel(one) for one in options if self._wants(one))
        self.client.unsubscribe(
            _ticker(one.name, "agg2" if one.name in held else "100ms") for one in options
        )
        self._faults.forget(one.name for one in options)

    async def run(self) -> None:
        """Bring the feed up whenever the connection stands, and keep it current."""
        retry_s = RETRY_S
        while True:
            await self._connected.wait()
            connection, began = self._connection, time.monotonic()
            try:
                if not self.alive:
                    await self._bring_up(connection)
                await self._keep_current(connection)
            except FeedError as error:
                self._relist = True
                if time.monotonic() - began > RELIST_EVERY_S:
                    retry_s = RETRY_S
                if self._stands(connection):
                    message = f"{error}; asking again in {retry_s:g} s"
                    self._log.warning("feed.setup_failed", message=message, retry_s=retry_s)
                    await asyncio.sleep(retry_s)
                    retry_s = min(2.0 * retry_s, RETRY_S_MAX)
            if not self._stands(connection):  # the client says so in a moment, and tries again
                await asyncio.sleep(SETTLE_S)

    def _stands(self, connection: int) -> bool:
        return self.client.connected and self._connected.is_set() and self._connection == connection

    async def fetch_deliveries(self) -> None:
        """Ask for missing delivery prices until each is known."""
        while True:
            await asyncio.sleep(DELIVERY_EVERY_S)
            for wanted, tries in tuple(self._wanted.items()):
                if not self._connected.is_set():
                    break
                self._wanted[wanted] = tries + 1
                if tries < DELIVERY_TRIES_QUICK or tries % 10 == 0:
                    await self._fetch_delivery(*wanted)

    async def _fetch_delivery(self, underlying: str, expires_at: int) -> None:
        wanted = (underlying, expires_at)
        missing = "is not published yet"
        try:
            price = await history.load_delivery_price(self.client.call, underlying, expires_at)
        except FeedError as error:
            price, missing = None, f"was not told: {error}"
        if price is not None:
            del self._wanted[wanted]
            await self._inbox.put(price)
        elif is_power_of_two(self._wanted[wanted]):
            message = f"the delivery price of {underlying} at {iso(expires_at)} {missing}"
            self._log.warning("delivery.missing", message=message, tries=self._wanted[wanted])

    async def _bring_up(self, connection: int) -> None:
        await self._anchor()
        if self._clock.wall:
            await self._compare_clocks()
        for line in (await self._load_catalog())[:5]:
            self._log.warning("feed.contract_skipped", message=line)
        for underlying in self._settings.underlyings:
            now = self._clock.now()
            await self._inbox.put(
                await history.load_bars(self.client.call, underlying, BARS_MAX, now)
            )
        self._subscribe_again()
        if not self._stands(connection):
            return
        self.alive = True
        await self._faults.restore(f"{len(self._listed)} contracts subscribed")

    async def _keep_current(self, connection: int) -> None:
        relist_at = time.monotonic() + RELIST_EVERY_S
        while self._stands(connection):
            expiry_at = self._next_expiry()
            await self._rest(expiry_at)
            if not self._stands(connection):
                return
            await self._anchor()
            expired = expiry_at <= self._clock.now()
            if self._relist or expired or time.monotonic() >= relist_at:
                self._relist = False
                relist_at = time.monotonic() + RELIST_EVERY_S
                await self._load_catalog()
                self._subscribe_again()

    def _next_expiry(self) -> float:
        known = (one.expires_at for one in self._listed.values())
        return min((at for at in known if at is not None), default=math.inf)

    async def _rest(self, expiry_at: float) -> None:
        """Wait for news, for the next expiry, or until it is time to look at the clock."""
        rest_s = ANCHOR_EVERY_S
        if expiry_at < math.inf:
            rest_s = min(rest_s, self._clock.wall_s_until(int(expiry_at)) + SETTLE_S)
        try:
            async with asyncio.timeout(rest_s):
                await self._news.wait()
                self._news.clear()
                await asyncio.sleep(SETTLE_S)
        except TimeoutError:
            return

    async def _anchor(self) -> None:
        """Take the exchange's clock where it has one of its own; note jumps."""
        jumped = self._clock.drift() if self._clock.wall else await self._follow()
        self._told.set()
        if abs(jumped) > JUMP_S_MAX:
            text = f"the clock moved by {jumped:+.1f} s of wall time at once"
            await self._faults.note("clock_jump", text)

    async def _compare_clocks(self) -> None:
        """Hold the system's clock against the venue's: ages and expiries hang on it."""
        began = time.monotonic()
        told = decode_result(await self.client.call("public/get_time"), int) * MILLISECOND
        ahead_s = (self._clock.now() - told) / SECOND
        if not -JUMP_S_MAX <= ahead_s <= JUMP_S_MAX + time.monotonic() - began:
            text = f"the system's clock is {ahead_s:+.1f} s off the exchange's: synchronize it"
            await self._faults.note("clock_jump", text)

    async def _follow(self) -> float:
        began = time.monotonic()
        try:
            answer = await self.client.call("simulator/clock")
        except RequestFailed as error:
            if error.code != METHOD_NOT_FOUND:
                raise
            raise ConfigurationError(
                f"feed.source {self._settings.source!r}: {self._settings.endpoint} is not the "
                "bundled exchange; name the venue (deribit, deribit-test) or its URL as source"
            ) from error
        told = decode_result(answer, SimulatorClock)
        if not (math.isfinite(told.speed) and told.speed > 0):
            raise FeedError(f"simulator/clock: speed {told.speed!r} is not a positive number")
        market = f"{told.seed}@{told.market}"
        if self._told.is_set() and (market != self.market or told.speed != self._clock.speed):
            raise ConfigurationError(
                f"the exchange came back as market {market} at {told.speed:g}x, it was "
                f"{self.market} at {self._clock.speed:g}x: restart the daemon"
            )
        self.market = market
        self.client.set_market_speed(told.speed)
        return self._clock.anchor(told.now_at, told.speed, time.monotonic() - began)

    async def _load_catalog(self) -> Sequence[str]:
        """Take over what the venue lists now; give back a line for each row not understood.

        Raises:
            FeedError: refused, or nothing is listed for a coin: that would expire all we hold.
        """
        underlyings = self._settings.underlyings
        catalog = await history.load_instruments(self.client.call, underlyings)
        wanted = {one.name: one for one in catalog.instruments if self._wants(one)}
        listed = {one.underlying for one in wanted.values()}
        for underlying in underlyings:
            if underlying not in listed:
                raise FeedError(f"the exchange lists no contract of {underlying}")
        await self._list(wanted)
        return catalog.skipped

    async def _list(self, wanted: dict[str, Instrument]) -> None:
        """Compare with what we know: list, subscribe, unsubscribe, expire."""
        new = tuple(one for name, one in wanted.items() if name not in self._listed)
        gone = tuple(name for name in self._listed if name not in wanted)
        if gone:
            self.client.unsubscribe(
                _ticker(name, interval) for name in gone for interval in ("agg2", "100ms")
            )
            self._faults.forget(gone)
            for name in gone:
                del self._listed[name]
                self._funding.pop(name, None)
            await self._inbox.put(InstrumentExpired(gone))
        if new:
            await self._inbox.put(InstrumentListed(new))
            self._listed.update({one.name: one for one in new})
            self.client.subscribe(self._channel(one) for one in new)
        if new or gone:
            text = f"{len(wanted)} contracts listed: {len(new)} new, {len(gone)} gone"
            self._log.info("feed.listed", message=text, at=self._clock.now())

    def _subscribe_again(self) -> None:
        """Want indices, listings and what fell silent: what the venue refused is asked for anew."""
        for underlying in self._settings.underlyings:
            index = INDEX_PREFIX + translate.index_name(underlying)
            self.client.subscribe((index, f"{STATE_PREFIX}option.{underlying}"))
        silent = [self._listed[name] for name in self._faults.silent if name in self._listed]
        self.client.subscribe(self._channel(one) for one in silent)

    def _wants(self, instrument: Instrument) -> bool:
        if not instrument.inverse or instrument.underlying not in self._settings.underlyings:
            return False
        if instrument.kind == "perpetual":
            return True
        expires_at = instrument.expires_at
        if instrument.kind != "option" or expires_at is None or expires_at % DAY != EXPIRY_HOUR:
            return False
        return 0 < expires_at - self._clock.now() <= self._settings.expiries_within_days * DAY

    def _channel(self, instrument: Instrument) -> str:
        quick = instrument.kind == "perpetual" or instrument.name in self._held
        return _ticker(instrument.name, "100ms" if quick else "agg2")

    async def _deliver(self, events: Sequence[FeedEvent]) -> None:
        for event in events:
            match event:
                case Notification():
                    await self._heard(event)
                case Connected():
                    self._connect()
                case Disconnected():
                    await self._gone(event)
                case Fault():
                    await self._fault(event)
                case Recovered(channel=channel):
                    await self._faults.recovered(channel)
                case Failure():
                    self._log.warning(
                        "feed.request_failed", message=f"{event.method}: {event.message}"
                    )
                case Response():  # whoever asked has given up waiting
                    pass
                case _:
                    assert_never(event)

    async def _heard(self, note: Notification) -> None:
        """Pass a push on; one that cannot be understood is a fault, never an error."""
        try:
            match note.payload:
                case Ticker() as ticker:
                    if ticker.instrument_name in self._listed:
                        for event in translate.ticker(ticker):
                            if not isinstance(event, FundingRate) or self._changed(event):
                                await self._inbox.put(event)
                case IndexTick() as tick:
                    await self._inbox.put(translate.index_price(tick))
                case _:
                    if note.channel.startswith(STATE_PREFIX):
                        self._look_again()
        except FeedError as error:
            await self._fault(Fault("garbage", (note.channel,), str(error)))

    def _look_again(self) -> None:
        self._relist = True
        self._news.set()

    def _changed(self, rate: FundingRate) -> bool:
        if self._funding.get(rate.instrument) == rate.rate_8h:
            return False
        self._funding[rate.instrument] = rate.rate_8h
        return True

    def _connect(self) -> None:
        self._metrics.reconnects.inc()
        self._log.info("feed.connected", message=f"connected to {self._settings.endpoint}")
        self._connection += 1
        self._faults.connected()
        self._connected.set()
        self._news.set()

    async def _gone(self, event: Disconnected) -> None:
        self._clock.freeze()
        retry = f"{event.reason}; attempt {event.attempt + 1} in {event.retry_s:.1f} s"
        if not self._connected.is_set():
            self._log.warning("feed.waiting", kind=event.kind, message=retry)
            return
        self._connected.clear()
        self._news.set()
        self.alive = False
        self._log.warning("feed.lost", kind=event.kind, message=retry)
        await self._faults.lose(event.kind, event.reason)

    async def _fault(self, fault: Fault) -> None:
        if fault.lost and not fault.channels:
            self.alive = False
        if any(channel.startswith(STATE_PREFIX) for channel in fault.channels):
            self._look_again()  # what a channel of listings did not tell, the catalog does
        await self._faults.take(fault)


def _ticker(name: str, interval: str) -> str:
    return f"{TICKER_PREFIX}{name}.{interval}"
