"""What happens at an expiry? No guess is booked: pending first, then one price for all."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from trader.domain.facts import LegSettlement, Posting, Settled, SettlementPending, SpotDelivery
from trader.domain.instruments import spot_pair
from trader.domain.portfolio import Position
from trader.domain.units import tidy
from trader.engine.posting import deliver_spot, settle_leg

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trader.domain.events import DeliveryPrice
    from trader.domain.instruments import Instrument
    from trader.engine.chains import Chain
    from trader.engine.ledger import Ledger


def next_expiry(ledger: Ledger) -> int | None:
    """Tell the earliest expiry of any leg held that is not already pending, or that is quoted."""
    waiting: dict[int, None] = {}
    for chain in ledger.chains.values():
        for leg in chain.legs.values():
            expires_at = leg.instrument.expires_at
            if expires_at is None:
                continue
            known = ledger.pending.get((chain.account, chain.underlying, expires_at))
            if known is None or leg.instrument.name not in known.instruments:
                waiting[expires_at] = None
        if chain.quotes and chain.expires_at is not None:
            waiting[chain.expires_at] = None
    return min(waiting, default=None)


def newly_pending(ledger: Ledger, at: int) -> Iterator[SettlementPending]:
    """List what expired by `at` and is not known as pending, per account and expiry."""
    found: dict[tuple[str, str, int], dict[str, None]] = {}
    for chain in ledger.chains.values():
        for leg in chain.legs.values():
            expires_at = leg.instrument.expires_at
            if expires_at is not None and expires_at <= at:
                key = (chain.account, chain.underlying, expires_at)
                found.setdefault(key, {})[leg.instrument.name] = None
    for key, names in sorted(found.items()):
        known = ledger.pending.get(key)
        if known is None or any(name not in known.instruments for name in names):
            yield SettlementPending(*key, instruments=tuple(sorted(names)))


def settlements(
    ledger: Ledger, delivery: DeliveryPrice, pair: Instrument | None = None
) -> Iterator[Settled]:
    """Settle every pending leg of one expiry, account by account, at the one delivery price.

    Chains that asked for it get or give coin of the spot `pair` at the same price;
    without one of the pair as the venue describes it.

    Raises:
        ValueError: the price is not a positive number.
    """
    if not (math.isfinite(delivery.price) and delivery.price > 0):
        raise ValueError(f"delivery price {delivery.price!r} must be a positive number")
    for account, underlying, expires_at in sorted(ledger.pending):
        if (underlying, expires_at) == (delivery.underlying, delivery.expires_at):
            yield _settled(ledger, account, delivery, pair or spot_pair(underlying))


def fold_pending(ledger: Ledger, pending: SettlementPending) -> None:
    """Fold into the books that an expiry waits for its price."""
    ledger.pending[(pending.account, pending.underlying, pending.expires_at)] = pending
    for chain in ledger.chains_of(pending.account):
        if any(name in chain.legs for name in pending.instruments):
            chain.pending = True


def fold_settled(ledger: Ledger, settled: Settled) -> None:
    """Fold a settlement into the books: cash, then the chains it is about."""
    ledger.pending.pop((settled.account, settled.underlying, settled.expires_at), None)
    ledger.account(settled.account).post(settled.postings)
    for leg in settled.legs:
        chain = ledger.chain(leg.chain_id)
        chain.settle(leg)
        chain.pending = _waits(ledger, chain)
    for spot in settled.spot:
        ledger.chain(spot.chain_id).deliver(spot)
    for chain_id in dict.fromkeys(leg.chain_id for leg in settled.legs):
        ledger.chain(chain_id).reassess(settled.delivery_price)


def _waits(ledger: Ledger, chain: Chain) -> bool:
    """Tell whether another expiry of a chain still waits for its price."""
    return any(
        name in chain.legs
        for (account, _, _), pending in ledger.pending.items()
        if account == chain.account
        for name in pending.instruments
    )


def _settled(ledger: Ledger, account: str, delivery: DeliveryPrice, pair: Instrument) -> Settled:
    legs: list[LegSettlement] = []
    spot: list[SpotDelivery] = []
    postings: list[Posting] = []
    for chain in ledger.chains_of(account):
        if chain.underlying != delivery.underlying:
            continue
        coins = chain.held(pair).amount
        for held in chain.legs.values():
            if held.instrument.expires_at == delivery.expires_at:
                position = Position(chain.id, held.instrument, held.amount, held.entry_price)
                leg, moved = settle_leg(position, delivery.price)
                legs.append(leg)
                postings.extend(moved)
                assigned = None
                if chain.delivery == "spot":
                    assigned = deliver_spot(position, coins, delivery.price, pair)
                if assigned is not None:
                    spot.append(assigned[0])
                    postings.extend(assigned[1])
                    coins = tidy(coins + assigned[0].amount)
    return Settled(
        account=account,
        underlying=delivery.underlying,
        expires_at=delivery.expires_at,
        delivery_price=delivery.price,
        legs=tuple(legs),
        postings=tuple(postings),
        spot=tuple(spot),
    )
