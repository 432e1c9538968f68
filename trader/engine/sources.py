"""What did a chain's money come from? Every cash move of a fact by its source, in whole atoms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import msgspec

from trader.domain.facts import BookSide, Filled, FundingPaid, Settled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trader.domain.facts import Fact, LegSettlement, SpotDelivery

Source = Literal["premium", "delta", "fees", "funding"]
SOURCES: Final[tuple[Source, ...]] = ("premium", "delta", "fees", "funding")
"""Net premium of option fills, what the market did, fees of trades and deliveries, funding."""
SOURCE_OF: Final[dict[BookSide, Source]] = {
    "premium": "premium",
    "settlement": "delta",
    "spot": "delta",
    "realized": "delta",
    "fees": "fees",
    "funding": "funding",
}


class Move(msgspec.Struct, frozen=True, gc=False):
    """Cash that a chain received (negative: paid) in one currency, and what for."""

    chain_id: str
    currency: str
    source: Source
    atoms: int


def moves(fact: Fact) -> Iterator[Move]:
    """List what a fact moved, chain by chain; nothing of a fact that moves no money.

    The moves of a chain add up to its flows, atom by atom.
    """
    match fact:
        case Filled() | FundingPaid():
            for posting in fact.postings:
                if posting.book in SOURCE_OF:
                    source = SOURCE_OF[posting.book]
                    yield Move(fact.chain_id, posting.currency, source, -posting.atoms)
        case Settled():
            paid: tuple[LegSettlement | SpotDelivery, ...] = (*fact.legs, *fact.spot)
            for moved in paid:
                yield Move(moved.chain_id, moved.currency, "delta", moved.paid_atoms)
                yield Move(moved.chain_id, moved.currency, "fees", -moved.fee_atoms)
        case _:
            return
