"""Where does the money go? Double entries in whole atoms for fills, funding and settlement.

Each list of postings sums to zero per currency; nothing else moves money.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trader.domain.errors import InvariantBroken
from trader.domain.facts import BookSide, LegSettlement, Posting, SpotDelivery
from trader.domain.units import fee_atoms, to_atoms
from trader.domain.valuation import delivery_fee, option_payoff, result, trade_fee

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trader.domain.instruments import Instrument
    from trader.domain.portfolio import Position
    from trader.domain.trading import LegFill


def move(book: BookSide, currency: str, atoms: int) -> tuple[Posting, ...]:
    """Pay `atoms` into cash (negative: out of it) from a book; nothing where it is zero."""
    if atoms == 0:
        return ()
    return (Posting("cash", currency, atoms), Posting(book, currency, -atoms))


def assert_balanced(postings: Iterable[Posting]) -> None:
    """Check conservation.

    Raises:
        InvariantBroken: a currency's postings do not sum to zero.
    """
    totals: dict[str, int] = {}
    for posting in postings:
        totals[posting.currency] = totals.get(posting.currency, 0) + posting.atoms
    wrong = {currency: atoms for currency, atoms in totals.items() if atoms}
    if wrong:
        raise InvariantBroken(f"postings do not sum to zero: {wrong} atoms left over")


def fill_postings(
    instrument: Instrument, fill: LegFill, held: float, entry_price: float
) -> tuple[Posting, ...]:
    """Book one leg: an option's premium or a coin's price now, a future's result as it reduces.

    `held` and `entry_price` describe the leg's position before the fill.
    """
    fees = move("fees", fill.currency, -fill.fee_atoms)
    if instrument.kind in ("option", "spot"):
        book: BookSide = "premium" if instrument.kind == "option" else "spot"
        return move(book, fill.currency, -to_atoms(fill.amount * fill.price)) + fees
    reduced = min(abs(held), abs(fill.amount)) if held * fill.amount < 0 else 0.0
    if not reduced:
        return fees
    closed = reduced if held > 0 else -reduced
    realized = to_atoms(result(instrument, closed, entry_price, fill.price))
    return move("realized", fill.currency, realized) + fees


def settle_leg(
    position: Position, delivery_price: float
) -> tuple[LegSettlement, tuple[Posting, ...]]:
    """Pay one leg at its end, at the delivery price of its expiry."""
    instrument = position.instrument
    currency = instrument.settlement_currency
    fee = fee_atoms(delivery_fee(instrument, position.amount, delivery_price))
    if instrument.kind == "option":
        payoff = option_payoff(instrument, delivery_price)
        paid = to_atoms(position.amount * payoff)
    else:
        payoff = delivery_price
        paid = to_atoms(result(instrument, position.amount, position.entry_price, delivery_price))
    settlement = LegSettlement(
        chain_id=position.chain_id,
        instrument=instrument.name,
        amount=position.amount,
        payoff=payoff,
        paid_atoms=paid,
        fee_atoms=fee,
        currency=currency,
    )
    return settlement, move("settlement", currency, paid) + move("fees", currency, -fee)


def deliver_spot(
    position: Position, coins: float, delivery_price: float, pair: Instrument
) -> tuple[SpotDelivery, tuple[Posting, ...]] | None:
    """Move the coin that a short option in the money is assigned; None where none moves.

    With the cash settlement beside it a put buys, and a call sells, at its strike: K - S is paid
    there and S here. A call sells no more than the `coins` its chain holds.
    """
    option = position.instrument
    if position.amount >= 0 or option.inverse or not option_payoff(option, delivery_price) > 0:
        return None
    short = -position.amount
    amount = short if option.option_type == "put" else -min(short, coins)
    if not amount:
        return None
    paid = to_atoms(-amount * delivery_price)
    fee = fee_atoms(trade_fee(pair, amount, delivery_price, delivery_price))
    currency = pair.settlement_currency
    moved = SpotDelivery(position.chain_id, pair, amount, delivery_price, paid, fee, currency)
    return moved, move("spot", currency, paid) + move("fees", currency, -fee)
