"""How does the market reach the engine? The client's events become domain events in the inbox.

Catalog, history and subscriptions are brought up again after every reconnect; what the feed tells
against itself becomes `FeedLost`, `FeedFault` and `FeedRestored`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from trader.app.observability import logger
from trader.deribit import history, translate
from trader.deribit.client import DeribitClient
from trader.deribit.feed import Connected, Disconnected, Failure, Fault, Recovered
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
from trader.domain.events import (
    FeedFault,
    FeedLost,
    FeedRestored,
    FundingRate,
    InstrumentExpired,
    InstrumentListed,
    Quote,
)
from trader.domain.units import DAY
from trader.engine.bars import BARS_MAX
from trader.engine.trust import ALL
from trader.engine.trust import INDEX_PREFIX as INDEX_SCOPE

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
DELIVERY_EVERY_S: Final = 1.0
RETRY_S: Final = 1.0
JUMP_S_MAX: Final = 2.0
STATE_PREFIX: Final = "instrument.state."


class LiveFeed:
    """One market feed: owns the client and what is subscribed; gives events to the inbox.

    Invariant: quotes of an instrument arrive only after it was listed and before it expired.
    """

    def __init__(
        self, settings: FeedSettings, clock: MarketClock, inbox: Inbox, metrics: Metrics
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._inbox = inbox
        self._metrics = metrics
        self._log = logger("feed")
        self.client = DeribitClient(settings.endpoint, settings.client, self._deliver)
        self.market = settings.source
        self.alive = False
        self._connected = asyncio.Event()
        self._told = asyncio.Event()
        self._relist = asyncio.Event()
        self._listed: dict[str, Instrument] = {}
        self._watched: dict[str, None] = {}
        self._funding: dict[str, float] = {}
        self._wanted: dict[tuple[str, int], None] = {}
        self._faults: dict[str, int] = {}

    async def know_the_time(self) -> None:
        """Wait until the market clock can be read.

        Raises:
            ConfigurationError: the exchange at this address is another than was meant.
        """
        await self._told.wait()

    def want_delivery(self, underlying: str, expires_at: int) -> None:
        """Ask for a delivery price until it is known; it arrives as an event."""
        self._wanted[(underlying, expires_at)] = None

    def watch(self, names: Iterable[str]) -> None:
        """Follow these instruments at 100 ms: what is held or worked on."""
        wanted = dict.fromkeys(name for name in names if name in self._listed)
        new = [name for name in wanted if name not in self._watched]
        gone = [name for name in self._watched if name not in wanted]
        self._watched = wanted
        self.client.subscribe(_ticker(name, "100ms") for name in new)
        self.client.unsubscribe(_ticker(name, "agg2") for name in new)
        still = [name for name in gone if name in self._listed]
        self.client.subscribe(self._channel(self._listed[name]) for name in still)
        kept = {self._channel(self._listed[name]): None for name in still}
        dropped = (_ticker(name, "100ms") for name in gone)
        self.client.unsubscribe(channel for channel in dropped if channel not in kept)

    async def run(self) -> None:
        """Bring the feed up whenever the connection stands, and keep it current."""
        while True:
            await self._connected.wait()
            try:
                await self._bring_up()
                await self._keep_current()
            except FeedError as error:
                self._log.warning("feed.setup_failed", message=str(error), retry_s=RETRY_S)
                await asyncio.sleep(RETRY_S)

    async def fetch_deliveries(self) -> None:
        """Ask for missing delivery prices until each is known."""
        while True:
            await asyncio.sleep(DELIVERY_EVERY_S)
            for underlying, expires_at in tuple(self._wanted):
                if not self._connected.is_set():
                    break
                try:
                    price = await history.load_delivery_price(
                        self.client.call, underlying, expires_at
                    )
                except FeedError as error:
                    self._log.warning("delivery.not_available", message=str(error))
                    continue
                if price is not None:
                    del self._wanted[(underlying, expires_at)]
                    await self._inbox.put(price)

    async def _bring_up(self) -> None:
        await self._anchor()
        catalog = await history.load_instruments(self.client.call, self._settings.underlyings)
        for line in catalog.skipped[:5]:
            self._log.warning("feed.contract_skipped", message=line)
        await self._list(catalog.instruments)
        for underlying in self._settings.underlyings:
            now = self._clock.now()
            await self._inbox.put(
                await history.load_bars(self.client.call, underlying, BARS_MAX, now)
            )
        self.client.subscribe(
            INDEX_PREFIX + translate.index_name(underlying)
            for underlying in self._settings.underlyings
        )
        self.client.subscribe(
            f"{STATE_PREFIX}option.{underlying}" for underlying in self._settings.underlyings
        )
        await self._inbox.put(FeedRestored((ALL,), f"{len(self._listed)} contracts subscribed"))
        self.alive = True

    async def _keep_current(self) -> None:
        relist_in = RELIST_EVERY_S
        while self._connected.is_set():
            try:
                async with asyncio.timeout(ANCHOR_EVERY_S):
                    await self._relist.wait()
                    await asyncio.sleep(0.3)
            except TimeoutError:
                relist_in -= ANCHOR_EVERY_S
            if not self._connected.is_set():
                return
            await self._anchor()
            if self._relist.is_set() or relist_in <= 0:
                self._relist.clear()
                relist_in = RELIST_EVERY_S
                call = self.client.call
                catalog = await history.load_instruments(call, self._settings.underlyings)
                await self._list(catalog.instruments)

    async def _anchor(self) -> None:
        """Take the exchange's clock where it has one of its own; note jumps."""
        jumped = self._clock.drift() if self._clock.wall else await self._follow()
        self._told.set()
        if abs(jumped) > JUMP_S_MAX:
            detail = f"the clock moved by {jumped:+.1f} s of wall time at once"
            self._note("clock_jump", detail)
            await self._inbox.put(FeedFault("clock_jump", (), detail))

    async def _follow(self) -> float:
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
        market = f"{told.seed}@{told.market}"
        if self._told.is_set() and (market != self.market or told.speed != self._clock.speed):
            raise ConfigurationError(
                f"the exchange came back as market {market} at {told.speed:g}x, it was "
                f"{self.market} at {self._clock.speed:g}x: restart the daemon"
            )
        self.market = market
        self.client.set_market_speed(told.speed)
        return self._clock.anchor(told.now_at, told.speed)

    async def _list(self, instruments: Sequence[Instrument]) -> None:
        """Compare the catalog with what we know: list, subscribe, expire, unsubscribe."""
        wanted = {one.name: one for one in instruments if self._wants(one)}
        new = tuple(one for name, one in wanted.items() if name not in self._listed)
        gone = tuple(name for name in self._listed if name not in wanted)
        if gone:
            self.client.unsubscribe(
                channel
                for name in gone
                for channel in (_ticker(name, "agg2"), _ticker(name, "100ms"))
            )
            await self._inbox.put(InstrumentExpired(gone))
        if new:
            await self._inbox.put(InstrumentListed(new))
            self.client.subscribe(self._channel(one) for one in new)
        self._listed = wanted
        self._watched = {name: None for name in self._watched if name in wanted}
        if new or gone:
            text = f"{len(wanted)} contracts listed: {len(new)} new, {len(gone)} gone"
            self._log.info("feed.listed", message=text, at=self._clock.now())

    def _wants(self, instrument: Instrument) -> bool:
        if not instrument.inverse or instrument.underlying not in self._settings.underlyings:
            return False
        if instrument.kind == "perpetual":
            return True
        if instrument.kind != "option" or instrument.expires_at is None:
            return False
        left = instrument.expires_at - self._clock.now()
        return 0 < left <= self._settings.expiries_within_days * DAY

    def _channel(self, instrument: Instrument) -> str:
        quick = instrument.kind == "perpetual" or instrument.name in self._watched
        return _ticker(instrument.name, "100ms" if quick else "agg2")

    async def _deliver(self, events: Sequence[FeedEvent]) -> None:
        for event in events:
            match event:
                case Notification(payload=Ticker() as ticker):
                    await self._ticker(ticker)
                case Notification(payload=IndexTick() as tick):
                    await self._inbox.put(translate.index_price(tick))
                case Notification(channel=channel):
                    if channel.startswith(STATE_PREFIX):
                        self._relist.set()
                case Connected():
                    self._metrics.reconnects.inc()
                    self._log.info("feed.connected", message=f"connected to {self.market}")
                    self._connected.set()
                case Disconnected():
                    await self._gone(event)
                case Fault():
                    await self._fault(event)
                case Recovered(channel=channel):
                    scope = _scope((channel,))
                    await self._inbox.put(FeedRestored(scope, f"{channel} speaks again"))
                case Failure():
                    self._log.warning(
                        "feed.request_failed", message=f"{event.method}: {event.message}"
                    )
                case _:
                    pass

    async def _ticker(self, ticker: Ticker) -> None:
        if ticker.instrument_name not in self._listed:
            return
        for event in translate.ticker(ticker):
            if isinstance(event, Quote) or self._changed(event):
                await self._inbox.put(event)

    def _changed(self, rate: FundingRate) -> bool:
        if self._funding.get(rate.instrument) == rate.rate_8h:
            return False
        self._funding[rate.instrument] = rate.rate_8h
        return True

    async def _gone(self, event: Disconnected) -> None:
        self.alive = False
        self._clock.freeze()
        retry = f"{event.reason}; attempt {event.attempt + 1} in {event.retry_s:.1f} s"
        if self._connected.is_set():
            self._connected.clear()
            self._log.warning("feed.lost", kind=event.kind, message=retry)
            if self._told.is_set():
                await self._inbox.put(FeedLost(event.kind, (ALL,), event.reason))
        else:
            self._log.warning("feed.waiting", kind=event.kind, message=retry)

    async def _fault(self, fault: Fault) -> None:
        self._note(fault.kind, fault.detail)
        scope = _scope(fault.channels) or (ALL,)
        if fault.lost:
            await self._inbox.put(FeedLost(fault.kind, scope, fault.detail))
        else:
            await self._inbox.put(FeedFault(fault.kind, scope, fault.detail))

    def _note(self, kind: str, detail: str) -> None:
        """Log a fault: the first of its kind, then at each doubling of its count."""
        self._metrics.faults.labels(kind).inc()
        count = self._faults[kind] = self._faults.get(kind, 0) + 1
        if count & (count - 1) == 0:
            at = self._clock.now() if self._clock.known else None
            self._log.warning("feed.fault", kind=kind, message=detail, count=count, at=at)


def _ticker(name: str, interval: str) -> str:
    return f"{TICKER_PREFIX}{name}.{interval}"


def _scope(channels: Sequence[str]) -> tuple[str, ...]:
    """Name what the engine must distrust: instruments, or an index."""
    scope: dict[str, Any] = {}
    for channel in channels:
        if channel.startswith(TICKER_PREFIX):
            scope[channel.removeprefix(TICKER_PREFIX).rpartition(".")[0]] = None
        elif channel.startswith(INDEX_PREFIX):
            underlying = translate.underlying_of_index(channel.removeprefix(INDEX_PREFIX))
            scope[INDEX_SCOPE + underlying] = None
    return tuple(scope)
