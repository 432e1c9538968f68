"""How does the market reach the engine? The client's events become domain events in the inbox.

Catalog, history and subscriptions are brought up again after every reconnect; what the feed tells
against itself becomes `FeedLost`, `FeedFault` and `FeedRestored`.
"""

from __future__ import annotations

import asyncio
import math
import time
from typing import TYPE_CHECKING, Final, assert_never

from msgspec import Raw

from trader.app.deliveries import Deliveries
from trader.app.exchange_time import ExchangeTime
from trader.app.feed_faults import FeedFaults
from trader.app.observability import logger
from trader.app.platform import CHANNELS as PLATFORM_CHANNELS
from trader.app.platform import Platform
from trader.deribit import history, translate
from trader.deribit.client import DeribitClient
from trader.deribit.feed import Connected, Disconnected, Failure, Fault, Recovered, Response
from trader.deribit.messages import IndexTick, Ticker
from trader.deribit.pushes import BOOK_PREFIX, INDEX_PREFIX, TICKER_PREFIX, Notification
from trader.domain.errors import FeedError
from trader.domain.events import FundingRate, InstrumentExpired, InstrumentListed
from trader.domain.instruments import INVERSE_COINS, perpetual_name
from trader.domain.units import DAY, DOLLARS, HOUR
from trader.engine.bars import BARS_MAX
from trader.engine.trust import BOOK_PREFIX as BOOK_SCOPE
from trader.pricing.regime import CLOSES_KEPT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from trader.app.driver import Inbox
    from trader.app.market_clock import MarketClock
    from trader.app.metrics import Metrics
    from trader.app.settings import FeedSettings
    from trader.deribit.feed import FeedEvent
    from trader.deribit.messages import SimulatorClock
    from trader.deribit.order_book import OrderBook
    from trader.deribit.sign_in import Credentials
    from trader.domain.instruments import Instrument

ANCHOR_EVERY_S: Final = 10.0
RELIST_EVERY_S: Final = 60.0
SETTLE_S: Final = 0.3
"""Listings come in swarms: after the first word of one, the rest is waited for."""
RETRY_S: Final = 1.0
RETRY_S_MAX: Final = 30.0
EXPIRY_HOUR: Final = 8 * HOUR
STATE_PREFIX: Final = "instrument.state."


class LiveFeed:
    """One market feed: owns the client and what is subscribed; gives events to the inbox.

    Invariant: quotes of an instrument arrive only after it was listed and before it expired; the
    engine hears that the feed is restored only while the connection stands that was brought up.
    """

    def __init__(
        self,
        settings: FeedSettings,
        clock: MarketClock,
        inbox: Inbox,
        metrics: Metrics,
        credentials: Credentials | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._inbox = inbox
        self._metrics = metrics
        self._faults = FeedFaults(clock, inbox, metrics)
        self._log = logger("feed")
        self.client = DeribitClient(
            settings.endpoint, settings.client, self._deliver, credentials=credentials
        )
        self._book_interval = "100ms" if credentials is None else "raw"
        self._platform = Platform(settings.underlyings, self.client, self._faults)
        self._time = ExchangeTime(settings, self.client, clock, self._faults)
        self.alive = False
        self._hours = CLOSES_KEPT  # what a regime is read from; a reconnect fills its gap only
        self._connection = 0
        self._connected = asyncio.Event()
        self._news = asyncio.Event()
        self._relist = False
        self._relisting = False
        self._listed: dict[str, Instrument] = {}
        self._held: dict[str, None] = {}
        self._funding: dict[str, float] = {}
        self.deliveries = Deliveries(self.client, clock, inbox)

    @property
    def market(self) -> str:
        """Which market this is: the venue, or seed and version of the bundled exchange."""
        return self._time.market

    @property
    def announced(self) -> SimulatorClock | None:
        """What the bundled exchange says of its clock and quotes; None before, and elsewhere."""
        return self._time.announced

    async def know_the_time(self) -> None:
        """Wait until the market clock can be read.

        Raises:
            ConfigurationError: the exchange at this address is another than was meant.
        """
        await self._time.known()

    @property
    def settled(self) -> bool:
        """Whether everything the exchange told was looked into, and nothing is asked for."""
        busy = self._relist or self._relisting or self._news.is_set() or bool(len(self.deliveries))
        return self.alive and not busy and self.client.settled

    def sizes(self) -> dict[str, int]:
        """Count what is followed."""
        return {
            "listed": len(self._listed),
            "channels": len(self.client.channels),
            "deliveries": len(self.deliveries),
        }

    def order_book(self, name: str) -> OrderBook | None:
        """Show the full depth of an instrument of `feed.books`; None while it is not to be used."""
        return self.client.order_book(self._book(name))

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
                await self._platform.refused(error)
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

    async def _bring_up(self, connection: int) -> None:
        await self._time.anchor()
        if self._clock.wall:
            await self._time.compare()
        for line in (await self._load_catalog())[:5]:
            self._log.warning("feed.contract_skipped", message=line)
        for underlying in self._settings.underlyings:
            now = self._clock.now()
            await self._inbox.put(
                await history.load_bars(self.client.call, underlying, self._hours, now)
            )
        self._subscribe_again()
        if not self._stands(connection):
            return
        self.alive, self._hours = True, BARS_MAX
        await self._platform.restore(f"{len(self._listed)} contracts subscribed")

    async def _keep_current(self, connection: int) -> None:
        relist_at = time.monotonic() + RELIST_EVERY_S
        while self._stands(connection):
            expiry_at = self._next_expiry()
            await self._rest(expiry_at)
            if not self._stands(connection):
                return
            await self._time.anchor()
            expired = expiry_at <= self._clock.now()
            due = self._relist or self._platform.closed or time.monotonic() >= relist_at
            if due or expired:
                self._relist, self._relisting = False, True
                relist_at = time.monotonic() + RELIST_EVERY_S
                await self._load_catalog()
                self._subscribe_again()
                await self._platform.ask()
            self._relisting = False

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
                self._relisting = True
                self._news.clear()
                await asyncio.sleep(0.0 if self._clock.stepped else SETTLE_S)
        except TimeoutError:
            return

    async def _load_catalog(self) -> Sequence[str]:
        """Take over what the venue lists now; give back a line for each row not understood.

        Raises:
            FeedError: refused, or nothing is listed for a coin: that would expire all we hold.
        """
        underlyings = self._settings.underlyings
        catalog = await history.load_instruments(self.client.call, self._currencies)
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
            self.client.unsubscribe(channel for name in gone for channel in self._all_of(name))
            self._faults.forget(gone)
            for name in gone:
                del self._listed[name]
                self._funding.pop(name, None)
            await self._inbox.put(InstrumentExpired(gone))
        if new:
            await self._inbox.put(InstrumentListed(new))
            self._listed.update({one.name: one for one in new})
            self.client.subscribe(channel for one in new for channel in self._channels(one))
        if new or gone:
            text = f"{len(wanted)} contracts listed: {len(new)} new, {len(gone)} gone"
            self._log.info("feed.listed", message=text, at=self._clock.now())

    def _subscribe_again(self) -> None:
        """Want indices, listings and what fell silent: what the venue refused is asked for anew."""
        self.client.subscribe(PLATFORM_CHANNELS)
        coins = self._settings.underlyings
        self.client.subscribe(INDEX_PREFIX + translate.index_name(coin) for coin in coins)
        boards = (one for one in self._currencies if self._settings.linear or one != DOLLARS)
        self.client.subscribe(f"{STATE_PREFIX}option.{one}" for one in boards)
        names = dict.fromkeys(name.removeprefix(BOOK_SCOPE) for name in self._faults.silent)
        silent = [self._listed[name] for name in names if name in self._listed]
        self.client.subscribe(channel for one in silent for channel in self._channels(one))

    @property
    def _currencies(self) -> tuple[str, ...]:
        """Whose contracts are asked for: what is linear is listed under its dollars."""
        coins = self._settings.underlyings
        inverse = tuple(one for one in coins if one in INVERSE_COINS)
        linear = (DOLLARS,) if self._settings.linear or len(inverse) < len(coins) else ()
        return (*inverse, *linear)

    def _wants(self, instrument: Instrument) -> bool:
        if instrument.underlying not in self._settings.underlyings:
            return False
        if instrument.underlying not in INVERSE_COINS:
            return instrument.name == perpetual_name(instrument.underlying)
        if not instrument.inverse:
            if not self._settings.linear or instrument.settlement_currency != DOLLARS:
                return False
            if instrument.kind in ("spot", "perpetual"):
                return True
        elif instrument.kind == "perpetual":
            return True
        expires_at = instrument.expires_at
        if instrument.kind != "option" or expires_at is None or expires_at % DAY != EXPIRY_HOUR:
            return False
        return 0 < expires_at - self._clock.now() <= self._settings.expiries_within_days * DAY

    def _channel(self, instrument: Instrument) -> str:
        quick = instrument.kind == "perpetual" or instrument.name in self._held
        return _ticker(instrument.name, "100ms" if quick else "agg2")

    def _channels(self, instrument: Instrument) -> Iterator[str]:
        yield self._channel(instrument)
        if instrument.name in self._settings.books:
            yield self._book(instrument.name)

    def _book(self, name: str) -> str:
        return f"{BOOK_PREFIX}{name}.{self._book_interval}"

    def _all_of(self, name: str) -> Iterator[str]:
        """Name every channel that may be subscribed for an instrument."""
        yield from (_ticker(name, interval) for interval in ("agg2", "100ms"))
        yield self._book(name)

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
                    message = f"{event.method}: {event.message}"
                    self._log.warning("feed.request_failed", message=message)
                    if await self._platform.refused(event):
                        self._look_again()
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
                    price = translate.index_price(tick)
                    self._clock.hear(price.exchange_at)
                    await self._inbox.put(price)
                case _:
                    if note.channel.startswith(STATE_PREFIX):
                        self._look_again()
                    elif note.channel in PLATFORM_CHANNELS and isinstance(note.payload, Raw):
                        await self._platform.hear(bytes(note.payload))
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
        self._platform.restart()
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
