"""What did a chain's money come from? Every cash move of a fact by its source, in whole atoms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import msgspec

from trader.domain.facts import BookSide, ChainEnded, Filled, FundingPaid, Settled
from trader.domain.instruments import is_option
from trader.domain.units import tidy, to_atoms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trader.domain.facts import Fact, LegSettlement, SpotDelivery

Source = Literal["premium", "delta", "fees", "funding"]
SOURCES: Final[tuple[Source, ...]] = ("premium", "delta", "fees", "funding")
"""Premium of options that were opened, what the market did, fees of trades and deliveries, funding.
"""
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


class Sources:
    """Tells moves apart as facts come in their order. Invariant: it knows open options only.

    Premium is what opening an option brought or cost. What leaving it cost or brought is the
    market's, whether it was bought back or settled: so a result does not depend on how it ended.
    """

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held: dict[str, dict[str, float]] = {}

    def moves(self, fact: Fact) -> Iterator[Move]:
        """List what a fact moved, chain by chain; nothing of a fact that moves no money.

        The moves of a chain add up to its flows, atom by atom. Caller's obligation: each fact
        once, in the journal's order, and all of the iterator.
        """
        match fact:
            case Filled():
                yield from self._filled(fact)
            case FundingPaid():
                yield from _posted(fact)
            case Settled():
                yield from self._settled(fact)
            case ChainEnded():
                self._held.pop(fact.chain_id, None)
            case _:
                return

    def _filled(self, fact: Filled) -> Iterator[Move]:
        """Split the premium of a fill: what reduced a position is no premium."""
        yield from _posted(fact)
        options = {one.currency for one in fact.postings if one.book == "premium"}
        held = self._held.setdefault(fact.chain_id, {})
        for leg in fact.legs:
            before = held.get(leg.instrument, 0.0)
            held[leg.instrument] = tidy(before + leg.amount)
            left = min(abs(before), abs(leg.amount)) if before * leg.amount < 0 else 0.0
            if left and leg.currency in options and is_option(leg.instrument):
                opened = leg.amount + (left if before > 0 else -left)
                atoms = to_atoms(opened * leg.price) - to_atoms(leg.amount * leg.price)
                yield Move(fact.chain_id, leg.currency, "delta", atoms)
                yield Move(fact.chain_id, leg.currency, "premium", -atoms)

    def _settled(self, fact: Settled) -> Iterator[Move]:
        paid: tuple[LegSettlement | SpotDelivery, ...] = (*fact.legs, *fact.spot)
        for moved in paid:
            yield Move(moved.chain_id, moved.currency, "delta", moved.paid_atoms)
            yield Move(moved.chain_id, moved.currency, "fees", -moved.fee_atoms)
        for leg in fact.legs:
            self._held.get(leg.chain_id, {}).pop(leg.instrument, None)


def _posted(fact: Filled | FundingPaid) -> Iterator[Move]:
    for posting in fact.postings:
        if posting.book in SOURCE_OF:
            source = SOURCE_OF[posting.book]
            yield Move(fact.chain_id, posting.currency, source, -posting.atoms)
