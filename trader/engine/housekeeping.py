"""What must be done whoever trades? Expiry, settlement, funding, marks, the end of chains."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from trader.domain.facts import (
    AccountMarked,
    AlertRaised,
    ChainEnded,
    FundingPaid,
    OrderEnded,
)
from trader.domain.instruments import pair_name
from trader.domain.units import HOUR, from_atoms, to_atoms
from trader.domain.valuation import funding
from trader.engine import quoting
from trader.engine.outcome import DeliveryPriceNeeded
from trader.engine.posting import move
from trader.engine.settlement import newly_pending, settlements

if TYPE_CHECKING:
    from trader.domain.events import DeliveryPrice
    from trader.domain.facts import OrderEnd
    from trader.engine.chains import Chain
    from trader.engine.ledger import Ledger
    from trader.engine.market_state import MarketState
    from trader.engine.review import Review
    from trader.engine.step import Step


def stop_opening(
    ledger: Ledger,
    step: Step,
    end: OrderEnd,
    detail: str,
    *,
    strategy: str | None = None,
    account: str | None = None,
) -> None:
    """Cancel the working orders that would open or enlarge a chain, of all where unnamed.

    A session of quotes ends with that: what it holds is worked down.
    """
    for chain in tuple(ledger.chains.values()):
        if strategy in (None, chain.strategy) and account in (None, chain.account):
            quoting.withdraw(ledger, chain, end, detail, step)
    for book in tuple(ledger.orders.values()):
        order = book.order
        if (
            order.action in ("open", "add")
            and strategy in (None, order.strategy)
            and account in (None, order.account)
        ):
            step.record(OrderEnded(order.order_id, order.account, end, detail))


def expire(ledger: Ledger, step: Step) -> None:
    """Mark what expired as pending, end its orders and ask for the delivery price."""
    quoting.withdraw_expired(ledger, step)
    for pending in tuple(newly_pending(ledger, step.at)):
        step.record(pending)
        step.requests.append(DeliveryPriceNeeded(pending.underlying, pending.expires_at))
        for book in tuple(ledger.orders.values()):
            if any(name in book.instruments for name in pending.instruments):
                step.record(OrderEnded(book.order.order_id, book.order.account, "leg_expired"))


def ask_for_deliveries(ledger: Ledger, step: Step) -> None:
    """Ask again for every delivery price that is still missing (after a restart)."""
    asked = {(pending.underlying, pending.expires_at): None for pending in ledger.pending.values()}
    step.requests.extend(DeliveryPriceNeeded(*key) for key in sorted(asked))


def settle(ledger: Ledger, market: MarketState, delivery: DeliveryPrice, step: Step) -> None:
    """Settle what waits for this price; a price that is none is refused and said so."""
    pair = market.instrument(pair_name(delivery.underlying))
    try:
        settled = tuple(settlements(ledger, delivery, pair))
    except ValueError as error:
        text = f"{delivery.underlying} {error}: settlement stays pending"
        step.record(AlertRaised(kind="delivery_price_refused", severity="critical", text=text))
        return
    for fact in settled:
        step.record(fact)


def pay_funding(ledger: Ledger, market: MarketState, step: Step) -> None:
    """Post funding of perpetual legs since the last time, at the latest known rate."""
    for chain in tuple(ledger.chains.values()):
        for leg in tuple(chain.legs.values()):
            instrument = leg.instrument
            rate = market.funding.get(instrument.name)
            index = market.index(instrument.underlying)
            if instrument.kind != "perpetual" or rate is None or not index > 0:
                continue
            since = ledger.funded_at.get((chain.id, instrument.name), chain.opened_at or step.at)
            paid = funding(instrument, leg.amount, rate, index, (step.at - since) / HOUR)
            step.record(
                FundingPaid(
                    account=chain.account,
                    chain_id=chain.id,
                    instrument=instrument.name,
                    rate_8h=rate,
                    from_at=since,
                    to_at=step.at,
                    postings=move("funding", instrument.settlement_currency, to_atoms(paid)),
                )
            )


def mark(ledger: Ledger, review: Review, step: Step) -> None:
    """Write down what each account is worth: at the top of the hour, and when halts are reset."""
    rates = review.rates()
    scores = {name: round(score, 3) for name, score in review.scores().items()}
    for name in tuple(ledger.accounts):
        worth = review.view(name).worth()
        if math.isfinite(worth.equity_usd):
            step.record(
                AccountMarked(
                    account=name,
                    equity_usd=worth.equity_usd,
                    trading_pnl_usd=worth.trading_pnl_usd,
                    indices=rates,
                    stale=worth.stale,
                    data_quality=scores,
                )
            )


def end_chains(ledger: Ledger, market: MarketState, step: Step) -> None:
    """End what is flat: leftover orders first, then the chain with its one result."""
    for chain in tuple(ledger.chains.values()):
        if chain.over:
            for book in ledger.working(chain.id):
                detail = "the chain is flat"
                step.record(OrderEnded(book.order.order_id, chain.account, "canceled", detail))
    for chain in ledger.flat_chains():
        step.record(_ended(chain, market))


def _ended(chain: Chain, market: MarketState) -> ChainEnded:
    rates = market.rates()
    rates.setdefault(chain.underlying, chain.index_at_open)
    at_open = rates | {chain.underlying: chain.index_at_open}
    pnl_usd = sum(from_atoms(atoms) * rates[currency] for currency, atoms in chain.flows.items())
    valued = sum(from_atoms(atoms) * at_open[currency] for currency, atoms in chain.flows.items())
    return ChainEnded(
        account=chain.account,
        strategy=chain.strategy,
        chain_id=chain.id,
        underlying=chain.underlying,
        opened_at=chain.opened_at or chain.approved_at,
        pnl=dict(chain.flows),
        pnl_usd=pnl_usd,
        pnl_pct=valued / chain.equity_at_open_usd,
        how="settled" if chain.settled else "closed",
    )
