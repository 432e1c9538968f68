"""What happened before? The contract of everything a backtest can be run on.

A history is events in the order of their instants, each known then and not earlier: closed bars,
boards, indices, delivery prices. Recorded chains and modelled ones come through the same door.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

import msgspec

from trader.domain.units import iso

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trader.domain.events import Event

Kind = Literal["recorded", "modelled"]


class Provenance(msgspec.Struct, frozen=True, kw_only=True):
    """Where a history comes from; every result made from it carries this.

    `caveats` are sentences for people: what was assumed, modelled or missing.
    """

    kind: Kind
    source: str
    caveats: tuple[str, ...] = ()


class History(Protocol):
    """The past of one underlying's board."""

    @property
    def underlying(self) -> str:
        """The coin."""

    @property
    def step(self) -> int:
        """Nanoseconds for which a board is believed: no more than lies between two of them."""

    @property
    def span(self) -> tuple[int, int]:
        """First and last instant that can be asked for."""

    @property
    def provenance(self) -> Provenance:
        """Where it comes from."""

    def events(self, start: int, end: int) -> Iterator[tuple[int, Event]]:
        """Walk from `start` to before `end`: (instant, event), instants never falling.

        The first event loads the bars that had closed by `start`. A delivery price comes at its
        expiry, before the first board without the contracts that expired.

        Raises:
            ValueError: the span does not hold `start` and `end`, or they are out of order.
        """


def check_span(span: tuple[int, int], start: int, end: int) -> None:
    """Refuse to walk outside a span.

    Raises:
        ValueError: it does not hold `start` and `end`, or they are out of order.
    """
    if start >= end:
        raise ValueError(f"from {iso(start)} to {iso(end)}: the end must come later")
    first, last = span
    if not (first <= start and end <= last):
        raise ValueError(
            f"{iso(start)} to {iso(end)} is not within {iso(first)} to {iso(last)}: "
            "ask for less, or get more history"
        )
