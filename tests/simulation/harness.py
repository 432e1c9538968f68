"""The simulation driver: the bundled market and the real engine in virtual time, no wire, no wall.

Every input is a function of the seed; faults and crashes are asked for by the test.
"""

from __future__ import annotations

import copy
import functools
import math
import tomllib
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from tests.source import ROOT
from trader.deribit.simulator.listing import PERPETUALS, Listing, Listings
from trader.deribit.simulator.market import Market
from trader.deribit.simulator.quotes import Board, Quotes
from trader.domain.events import (
    BoardSnapshot,
    DeliveryPrice,
    Event,
    FundingRate,
    HistoryLoaded,
    IndexPrice,
    InstrumentExpired,
    InstrumentListed,
    Quote,
    Stamped,
    TimerFired,
)
from trader.domain.facts import EpochOpened, Recorded
from trader.domain.instruments import Instrument
from trader.domain.market import Bars
from trader.domain.units import DAY, HOUR, MILLISECOND, SECOND
from trader.engine.chains import Chain
from trader.engine.conduct import Tape
from trader.engine.engine import Engine, EngineSettings
from trader.engine.ledger import Ledger, fold
from trader.engine.outcome import DeliveryPriceNeeded, Outcome, OutcomeDigest
from trader.engine.paper_broker import BrokerSettings
from trader.engine.quoting import Making
from trader.engine.review import Slot
from trader.risk.limits import RiskSettings
from trader.strategies.registry import BUILT_IN
from trader.strategies.strategy import StrategyFile, build

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

UNDERLYINGS = ("BTC", "ETH")
BALANCES = {"BTC": 20.0, "ETH": 300.0, "USDC": 1_000_000.0}


def to_instrument(listing: Listing) -> Instrument:
    """Make the domain's instrument of a listing (the wire does this through translate)."""
    return Instrument(
        name=listing.name,
        kind=listing.kind,
        underlying=listing.underlying,
        settlement_currency=listing.settlement_currency or listing.quote_currency,
        inverse=listing.inverse,
        price_index=listing.price_index,
        tick_size=listing.tick_size,
        tick_size_steps=listing.tick_size_steps,
        min_trade_amount=listing.min_trade_amount,
        contract_size=listing.contract_size,
        maker_fee_rate=listing.maker_commission,
        taker_fee_rate=listing.taker_commission,
        settlement_period=listing.settlement_period or "perpetual",
        option_type=listing.option_type,
        strike=listing.strike,
        expires_at=None if listing.kind == "perpetual" else listing.expires_at,
    )


@functools.cache
def demo_slots(folder: Path = ROOT / "config" / "demo" / "strategies") -> tuple[Slot, ...]:
    """Build the strategies of a configuration folder, at their stages, with the demo's floor."""
    kinds = {kind.kind: kind for kind in BUILT_IN}
    files = [
        StrategyFile.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        for path in sorted(folder.glob("*.toml"))
    ]
    return tuple(
        Slot(build(kinds[one.kind], one), "v1", one.initial_stage, "PILOT") for one in files
    )


def make_engine() -> Engine:
    """Make an engine of the demo that knows nothing yet."""
    return Engine(demo_slots(), RiskSettings(), BrokerSettings(), EngineSettings())


def ledger_state(ledger: Ledger) -> dict[str, object]:
    """Copy everything a ledger holds, orders of iteration included, for comparison."""
    chains = [
        {
            name: (
                [(leg.instrument, leg.amount, leg.entry_price) for leg in chain.legs.values()]
                if name == "legs"
                else copy.copy(getattr(chain, name))
            )
            for name in Chain.__slots__
        }
        for chain in ledger.chains.values()
    ]
    orders = [
        (one.order, one.approval, one.instruments, one.filled) for one in ledger.orders.values()
    ]
    accounts = {name: copy.deepcopy(vars(one)) for name, one in ledger.accounts.items()}
    plain = ("stages", "paused", "slots", "pending", "funded_at")
    return {
        "accounts": accounts,
        "chains": chains,
        "orders": orders,
        **{name: list(copy.deepcopy(getattr(ledger, name)).items()) for name in plain},
        "conduct": [
            (name, {one: copy.copy(getattr(tape, one)) for one in Tape.__slots__})
            for name, tape in ledger.conduct.tapes()
        ],
        "making": {name: list(getattr(ledger.making, name).items()) for name in Making.__slots__},
        "epoch": ledger.epoch,
        "last": (ledger.sequence, ledger.at),
    }


def recovered(records: Iterable[Recorded]) -> Ledger:
    """Fold facts that went through their JSON, as a restart does."""
    decoder = msgspec.json.Decoder(Recorded)
    return fold(decoder.decode(msgspec.json.encode(one)) for one in records)


def _price(value: float) -> float:
    return value if value > 0 else math.nan


class MarketFeed:
    """The bundled market as engine events, `step_s` market seconds apart.

    With `snapshots` a board is one event, as from history; else a quote per contract that changed.
    """

    def __init__(
        self, seed: int, start_at: int, step_s: float = 60.0, *, snapshots: bool = False
    ) -> None:
        self.market = Market(seed)
        self.listings = Listings(self.market)
        self.quotes = Quotes(self.market, self.listings)
        self.at = start_at
        self.step = int(step_s * SECOND)
        self._snapshots = snapshots
        self._boards: dict[str, tuple[tuple[Listing, ...], tuple[Instrument, ...]]] = {}
        self._listed: dict[str, None] = {}
        self._shown: dict[str, tuple[float, ...]] = {}

    def history(self, hours: int = 24 * 30) -> Iterator[Event]:
        """Closed hourly bars from before the start."""
        for underlying in UNDERLYINGS:
            end = self.at - self.at % HOUR
            candles = self.market.candles(underlying, end - hours * HOUR, end - 1, 60, self.at)
            yield HistoryLoaded(
                underlying,
                Bars(
                    tuple(int(tick) * MILLISECOND for tick in candles.ticks),
                    tuple(map(float, candles.open)),
                    tuple(map(float, candles.high)),
                    tuple(map(float, candles.low)),
                    tuple(map(float, candles.close)),
                ),
            )

    def tick(self) -> Iterator[Event]:
        """Everything the venue shows at the present instant that it did not show before."""
        yield from self._relist()
        for underlying in UNDERLYINGS:
            yield IndexPrice(underlying, self.market.spot(underlying, self.at), self.at)
            perpetual = self.quotes.perpetual(underlying, self.at)
            name = f"{underlying}-PERPETUAL"
            yield FundingRate(name, perpetual.funding_8h, self.at)
            yield Quote(
                name, self.at, perpetual.bid, perpetual.bid_amount, perpetual.ask,
                perpetual.ask_amount, perpetual.mark, math.nan, perpetual.index_price,
                perpetual.index_price,
            )  # fmt: skip
            board = self.quotes.board(underlying, self.at)
            yield from (
                (self._snapshot(underlying, board),) if self._snapshots else self._board(board)
            )

    def forget(self) -> None:
        """Show everything again: whoever listens now heard nothing."""
        self._listed.clear()
        self._shown.clear()

    def _snapshot(self, underlying: str, board: Board) -> BoardSnapshot:
        cached = self._boards.get(underlying)
        if cached is None or cached[0] != tuple(board.listings):
            cached = (tuple(board.listings), tuple(to_instrument(one) for one in board.listings))
            self._boards[underlying] = cached
        return BoardSnapshot(
            underlying, self.at, float(board.index_price), cached[1],
            np.where(board.bid > 0, board.bid, np.nan), board.bid_amount,
            np.where(board.ask > 0, board.ask, np.nan), board.ask_amount,
            np.where(board.mark > 0, board.mark, np.nan), board.mark_iv, board.underlying_price,
        )  # fmt: skip

    def _relist(self) -> Iterator[Event]:
        listed = {
            one.name: one
            for underlying in UNDERLYINGS
            for one in (PERPETUALS[underlying], *self.listings.options(underlying, self.at))
        }
        gone = tuple(name for name in self._listed if name not in listed)
        new = tuple(to_instrument(one) for name, one in listed.items() if name not in self._listed)
        if gone:
            for name in gone:
                self._shown.pop(name, None)
            yield InstrumentExpired(gone)
        if new:
            yield InstrumentListed(new)
        self._listed = dict.fromkeys(listed)

    def _board(self, board: Board) -> Iterator[Event]:
        columns = zip(
            board.listings, board.bid.tolist(), board.bid_amount.tolist(), board.ask.tolist(),
            board.ask_amount.tolist(), board.mark.tolist(), board.mark_iv.tolist(),
            board.underlying_price.tolist(), strict=True,
        )  # fmt: skip
        for listing, bid, bid_amount, ask, ask_amount, mark, mark_iv, forward in columns:
            row = (bid, bid_amount, ask, ask_amount, mark, mark_iv, forward)
            if self._shown.get(listing.name) != row:
                self._shown[listing.name] = row
                yield Quote(
                    listing.name, self.at, _price(bid), bid_amount, _price(ask), ask_amount,
                    _price(mark), mark_iv, forward, float(board.index_price),
                )  # fmt: skip


class Simulation:
    """One engine on one market feed. `run` drives it; `crash` loses all but the journaled facts."""

    def __init__(
        self, make_engine: Callable[[], Engine], feed: MarketFeed, speed: float = 300.0
    ) -> None:
        self.make_engine = make_engine
        self.feed = feed
        self.speed = speed
        self.engine = make_engine()
        self.records: list[Recorded] = []
        self.inputs: list[Stamped] = []
        self.digest = OutcomeDigest()
        self.record_inputs = False
        self.deliveries: dict[tuple[str, int], None] = {}
        self.epoch = 0
        self.check: Callable[[Simulation, Outcome], None] | None = None

    def start(self, balances: Mapping[str, float] | None = None) -> None:
        """Open an epoch and give the engine its warm history."""
        self.epoch += 1
        epoch = EpochOpened(
            epoch=self.epoch,
            feed="simulation",
            speed=self.speed,
            market=f"{self.feed.market.seed}@v1",
            software="test",
            configuration_hash="test",
            behavior=True,
            sizing=True,
        )
        self._take(self.engine.start(epoch, balances or BALANCES, self.feed.at))
        for event in self.feed.history():
            self.send(event)

    def crash(self) -> None:
        """Forget everything in memory and recover from the facts alone, through their JSON."""
        decoder = msgspec.json.Decoder(Recorded)
        self.engine = self.make_engine()
        for recorded in self.records:
            self.engine.recover(decoder.decode(msgspec.json.encode(recorded)))
        self.feed.forget()
        self.start()

    def send(self, event: Event) -> Outcome:
        """Stamp one event at the present instant and process it."""
        stamped = Stamped(self.engine.sequence + 1, self.feed.at, event)
        if self.record_inputs:
            self.inputs.append(stamped)
        return self._take(self.engine.process(stamped))

    def _take(self, outcome: Outcome) -> Outcome:
        self.records.extend(outcome.records)
        self.digest.add(outcome)
        for request in outcome.requests:
            if isinstance(request, DeliveryPriceNeeded):
                self.deliveries[(request.underlying, request.expires_at)] = None
        if self.check is not None and outcome.facts:
            self.check(self, outcome)
        return outcome

    def run(self, duration: int) -> None:
        """Drive the market forward."""
        end = self.feed.at + duration
        while self.feed.at < end:
            self.step()

    def step(self) -> None:
        """One instant: due timers, the market, delivery prices that became known."""
        self.feed.at += self.feed.step
        for event in self.feed.tick():
            self.send(event)
        while (due := self.engine.timers.next_due()) is not None and due[0] <= self.feed.at:
            self.send(TimerFired(due[1], due[0]))
        for underlying, expires_at in tuple(self.deliveries):
            price = self.feed.market.delivery_price(underlying, expires_at, self.feed.at)
            if price is not None:
                del self.deliveries[(underlying, expires_at)]
                self.send(DeliveryPrice(underlying, expires_at, price))


def demo_start(day: int = 20605, hour: int = 18) -> int:
    """The instant a demo starts: 18:00 UTC of 2026-06-01."""
    return day * DAY + hour * HOUR
