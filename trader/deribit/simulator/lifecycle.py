"""What has come, settled, expired or been announced since the last look at the market?

At 08:00 UTC all books but those of spot close for settlement; what expires is delivered, the others
open again seconds later. Deribit, "Book states".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

from trader.deribit.simulator import payloads
from trader.deribit.simulator.listing import ARCHIVED_AFTER, SETTLING, Listing, State, currency
from trader.deribit.simulator.payloads import Payload
from trader.deribit.simulator.products import OPTIONS
from trader.deribit.simulator.venue import Venue, last_settlement
from trader.domain.units import HOUR


class Change(NamedTuple):
    """News of one stream, and which kind and currency it is about."""

    stream: Literal["state", "creation", "announcements"]
    kind: str
    currency: str
    content: Payload


class Lifecycle:
    """The catalog as it was at the last look. Invariant: it holds nothing but that look."""

    def __init__(self, venue: Venue) -> None:
        self.changes: tuple[Change, ...] = ()
        self._venue = venue
        self._boards: tuple[tuple[Listing, ...], ...] = ()
        self._looked_at = 0

    def look(self, at: int) -> frozenset[str] | None:
        """Note in `changes` what happened since the last look.

        Returns the names of what has expired; None where the catalog is the same object.
        """
        boards = tuple(self._venue.dated(product, at) for product in OPTIONS)
        before, since = self._boards, self._looked_at
        self._boards, self._looked_at, self.changes = boards, at, ()
        if not before:
            return frozenset()
        same = all(now is then for now, then in zip(boards, before, strict=True))
        eight = last_settlement(at)
        if same and since >= eight + SETTLING and since // HOUR == at // HOUR:
            return None
        old = {one.name: one for board in before for one in board}
        new = {one.name: one for board in boards for one in board}
        gone = [listing for name, listing in old.items() if name not in new]
        come = [listing for name, listing in new.items() if name not in old]
        self.changes = (
            *self._settled(since, eight),
            *_states(gone, "delivered", max(eight, since)),
            *self._reopened(since, eight + SETTLING, at),
            *_states(come, "open", at),
            *_creations(come, at),
            *_announced(self._venue, since, at),
        )
        return None if same else frozenset(listing.name for listing in gone)

    def _settled(self, since: int, eight: int) -> Iterator[Change]:
        """Tell what was closed at an 08:00 UTC, and what was put away a month after its end."""
        if since >= eight:
            return
        traded = (one for one in self._venue.listed(since) if one.kind != "spot")
        yield from _states(traded, "settlement", eight)
        ended_at = eight - ARCHIVED_AFTER
        if ended_at > self._venue.begins_at:
            for product in OPTIONS:
                yield from _states(self._venue.expired(product, ended_at), "archivized", eight)

    def _reopened(self, since: int, opens_at: int, at: int) -> Iterator[Change]:
        if since < opens_at <= at:
            settled_at = opens_at - SETTLING
            closed = (
                one
                for one in self._venue.listed(at)
                if one.kind != "spot" and one.listed_at < settled_at
            )
            yield from _states(closed, "open", opens_at)


def _states(listings: Iterable[Listing], state: State, at: int) -> Iterator[Change]:
    for one in listings:
        content = payloads.state_change(one, state, at)
        yield Change("state", payloads.wire_kind(one), currency(one), content)


def _creations(listings: Iterable[Listing], at: int) -> Iterator[Change]:
    for one in listings:
        content = payloads.instrument(one, at)
        yield Change("creation", payloads.wire_kind(one), currency(one), content)


def _announced(venue: Venue, since: int, at: int) -> Iterator[Change]:
    for one in venue.announcements(since, at):
        content = {
            "action": "new",
            "id": one.id,
            "title": one.title,
            "body": one.body,
            "publication_timestamp": payloads.milliseconds(one.at),
            "important": one.important,
        }
        yield Change("announcements", "any", "any", content)
