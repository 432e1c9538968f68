"""What is an account worth, what does it owe, what uses its limits? Read off ledger and market.

Nothing here is remembered: limits are functions of the ledger, so a restart cannot reset them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

from trader.domain.trading import Consumer
from trader.domain.units import DAY, from_atoms
from trader.domain.valuation import paid_in_full, result
from trader.engine.holdings import wanted
from trader.pricing.exposures import Exposure
from trader.risk.case import underlying_of
from trader.risk.greeks import Book, Lean, exposure_of, summed
from trader.risk.margin import standard_margin

if TYPE_CHECKING:
    from trader.domain.instruments import Instrument
    from trader.engine.chains import Chain, LegBook
    from trader.engine.holdings import Holdings
    from trader.engine.ledger import Ledger
    from trader.engine.market_state import MarketState
    from trader.engine.working_book import WorkingBook


class Worth(msgspec.Struct, frozen=True):
    """The value of an account at one instant, in USD; NaN where an index was never seen.

    `trading_pnl_usd` is against holding the starting balances; `stale` names marks not to trust.
    """

    equity_usd: float
    trading_pnl_usd: float
    stale: tuple[str, ...]


class Margins(msgspec.Struct, frozen=True):
    """Standard margin by currency: the balance it is held against, initial with open orders."""

    balance: dict[str, float]
    initial: dict[str, float]
    maintenance: dict[str, float]


class AccountView:
    """Reads one account's books against the market of one instant: it does not outlive either."""

    def __init__(self, ledger: Ledger, market: MarketState, holdings: Holdings) -> None:
        self._ledger = ledger
        self._market = market
        self._holdings = holdings
        self._rates = market.rates()
        self._worth: Worth | None = None
        self._margins: Margins | None = None
        self._consumers: tuple[float, tuple[Consumer, ...]] = (math.nan, ())
        self._books: dict[str, Book] = {}

    def worth(self) -> Worth:
        """Value cash at the indices and positions at their marks."""
        if self._worth is None:
            self._worth = self._valued()
        return self._worth

    def _valued(self) -> Worth:
        rates, account = self._rates, self._holdings.account
        if not self._holdings.owned <= rates.keys():
            return Worth(math.nan, math.nan, ())
        rates = {currency: rates.get(currency, 0.0) for currency in account.cash}
        stale: dict[str, None] = {}
        positions_usd = 0.0
        for chain in self._holdings.chains:
            for leg in chain.legs.values():
                value, fresh = self._value(leg)
                positions_usd += value * rates.get(leg.instrument.settlement_currency, math.nan)
                if not fresh:
                    stale[leg.instrument.name] = None
        equity = account.cash_usd(rates) + positions_usd
        return Worth(equity, equity - account.opening_usd(rates), tuple(sorted(stale)))

    def _value(self, leg: LegBook) -> tuple[float, bool]:
        """Value one leg in its settlement currency; without a mark at its entry, and say so.

        A coin is worth its index: nobody marks it.
        """
        if leg.instrument.kind == "spot":
            underlying = leg.instrument.underlying
            return leg.amount * self._market.index(underlying), self._market.index_fresh(underlying)
        touch = self._market.touch(leg.instrument.name)
        mark, fresh = (touch.mark, touch.fresh) if touch is not None else (math.nan, False)
        worthless = mark == 0 and leg.instrument.kind == "option"
        if not (mark > 0 or worthless):
            mark, fresh = leg.entry_price, False
        if leg.instrument.kind == "option":
            return leg.amount * mark, fresh
        return result(leg.instrument, leg.amount, leg.entry_price, mark), fresh

    def liquidation_usd(self, chain: Chain) -> float:
        """Value a chain at what closing it now would pay (bids for longs, asks for shorts); NaN
        where a side shows no price."""
        total = 0.0
        for leg in chain.legs.values():
            touch = self._market.touch(leg.instrument.name)
            if touch is None or not touch.fresh:
                return math.nan
            price = touch.bid if leg.amount > 0 else touch.ask
            if not price > 0:
                return math.nan
            rate = self._rates.get(leg.instrument.settlement_currency, math.nan)
            if paid_in_full(leg.instrument):
                total += leg.amount * price * rate
            else:
                total += result(leg.instrument, leg.amount, leg.entry_price, price) * rate
        return total

    def flows_usd(self, chain: Chain) -> float:
        """Value what a chain has paid and received so far at today's indices."""
        rates = self._rates
        return sum(
            [
                from_atoms(atoms) * rates.get(currency, math.nan)
                for currency, atoms in chain.flows.items()
            ]
        )

    def consumers(self, equity_usd: float) -> tuple[Consumer, ...]:
        """List what uses risk limits: positions and working orders, at shares of today's equity."""
        if self._consumers[0] != equity_usd:
            self._consumers = (equity_usd, self._consuming(equity_usd))
        return self._consumers[1]

    def _consuming(self, equity_usd: float) -> tuple[Consumer, ...]:
        found = [
            self._consumer(chain.id, "position", chain, chain.risk_usd, chain.risk_coin, equity_usd)
            for chain in self._holdings.chains
            if chain.risk_usd > 0 or chain.risk_coin > 0
        ]
        for book in self._holdings.orders:
            usd, coin = _reserved(book)
            if usd > 0 or coin > 0:
                chain = self._ledger.chain(book.order.chain_id)
                found.append(self._consumer(chain.id, "order", chain, usd, coin, equity_usd, book))
        return tuple(found)

    def _consumer(
        self,
        name: str,
        kind: str,
        chain: Chain,
        usd: float,
        coin: float,
        equity_usd: float,
        book: WorkingBook | None = None,
    ) -> Consumer:
        index = self._market.index(chain.underlying)
        share = max(usd, coin * index) / equity_usd
        return Consumer(
            id=name,
            kind="order" if kind == "order" else "position",
            strategy=chain.strategy,
            underlying=chain.underlying,
            share=share,
            frees_at=book.order.expires_at if book is not None else chain.expires_at,
        )

    def slots(self, strategy: str, at: int, equity_usd: float) -> tuple[Consumer, ...]:
        """List the chains that hold a slot of today for a strategy (ended ones keep theirs)."""
        midnight = at - at % DAY + DAY
        shares = {consumer.id: consumer.share for consumer in self.consumers(equity_usd)}
        account = self._holdings.account.name
        return tuple(
            Consumer(chain_id, "position", strategy, "", shares.get(chain_id, 0.0), midnight)
            for chain_id in self._ledger.slots_used(account, strategy, at)
        )

    def free_coins(self) -> dict[str, float]:
        """Tell what of each currency is promised neither to a short call nor to a put's coin."""
        return self._holdings.free_coins

    def margins(self) -> Margins:
        """Add up standard margin: positions netted per instrument, orders as if they filled."""
        if self._margins is None:
            self._margins = self._held_against()
        return self._margins

    def _held_against(self) -> Margins:
        holdings = self._holdings
        balance = dict(holdings.cash)
        initial = dict.fromkeys(balance, 0.0)
        maintenance = dict.fromkeys(balance, 0.0)
        for instrument, amount in holdings.net.values():
            currency = instrument.settlement_currency
            first, second = self._margin(instrument, amount)
            initial[currency] = initial.get(currency, 0.0) + first
            maintenance[currency] = maintenance.get(currency, 0.0) + second
        for leg in holdings.futures:
            currency = leg.instrument.settlement_currency
            balance[currency] = balance.get(currency, 0.0) + self._value(leg)[0]
        for book in holdings.orders:
            if book.order.action != "close":
                held = self._ledger.chain(book.order.chain_id).legs
                for instrument, amount in wanted(book):
                    if book.order.action == "roll" and instrument.name in held:
                        continue  # the leg that the roll closes
                    currency = instrument.settlement_currency
                    first, _ = self._margin(instrument, amount)
                    initial[currency] = initial.get(currency, 0.0) + first
        return Margins(balance, initial, maintenance)

    def book(self, underlying: str) -> Book:
        """Add up what leans on an underlying: positions, and working orders as if they filled."""
        if underlying not in self._books:
            self._books[underlying] = self._leaning(underlying)
        return self._books[underlying]

    def _leaning(self, underlying: str) -> Book:
        leans: list[Lean] = []
        unknown: dict[str, None] = {}

        def lean(chain: Chain, amounts: list[tuple[Instrument, float]], one: Consumer) -> None:
            parts: list[tuple[Exposure, float]] = []
            for instrument, amount in amounts:
                index = self._market.index(chain.underlying)
                touch = self._market.touch(instrument.name)
                unit = exposure_of(instrument, touch, index, self._market.at)
                if unit is None:
                    unknown[instrument.name] = None
                else:
                    parts.append((unit, amount))
            leans.append(Lean(one, summed(parts)))

        for chain in self._holdings.chains:
            if underlying_of(chain.underlying) == underlying and chain.legs:
                held = [(leg.instrument, leg.amount) for leg in chain.legs.values()]
                lean(chain, held, self._consumer(chain.id, "position", chain, 0.0, 0.0, 1.0))
        for book in self._holdings.orders:
            chain = self._ledger.chain(book.order.chain_id)
            if underlying_of(chain.underlying) == underlying and book.order.action != "close":
                one = self._consumer(chain.id, "order", chain, 0.0, 0.0, 1.0, book)
                lean(chain, wanted(book), one)
        return Book(tuple(leans), tuple(unknown))

    def _margin(self, instrument: Instrument, amount: float) -> tuple[float, float]:
        touch = self._market.touch(instrument.name)
        index = self._market.index(instrument.underlying)
        if amount == 0 or not index > 0:
            return 0.0, 0.0
        mark = touch.mark if touch is not None and touch.mark > 0 else 0.0
        forward = touch.underlying_price if touch is not None else index
        return standard_margin(instrument, amount, mark, forward if forward > 0 else index, index)


def _reserved(book: WorkingBook) -> tuple[float, float]:
    """Tell what a working order still reserves: the unfilled part of what it adds."""
    part = book.remaining / book.order.amount
    return book.approval.reservation.usd * part, book.approval.reservation.coin * part
