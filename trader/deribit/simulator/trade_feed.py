"""Which trades are new to those who follow them?

Prints are numbered without a gap, so what is new is a stretch of numbers per instrument.
"""

from __future__ import annotations

from collections.abc import Iterable

from trader.deribit.simulator.channels import Channel
from trader.deribit.simulator.listing import Listing, currency
from trader.deribit.simulator.payloads import Payload, wire_kind
from trader.deribit.simulator.plan import SINGLES_MAX
from trader.deribit.simulator.trades import rows
from trader.deribit.simulator.venue import Venue


class TradeFeed:
    """The prints since the last look. Invariant: it holds what is followed, and nothing else."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._fast: dict[str, bool] = {}
        self._topics: dict[str, list[str]] = {}
        self._counts: dict[str, int] = {}
        self._pending: dict[str, list[Payload]] = {}
        self._singles: list[Listing] = []
        self._boards: list[str] = []
        self._looked_at = 0

    def follow(self, channels: Iterable[Channel], at: int) -> None:
        """Follow these and no others; of what was not followed before, only what comes from now."""
        self._fast = {one.topic: one.fast for one in channels}
        self._pending = {topic: self._pending.get(topic, []) for topic in self._fast}
        self._topics, self._singles, self._boards = {}, [], []
        if not self._fast:
            self._counts = {}
            return
        if not self._counts:
            self._looked_at = at
        wanted = _topics_by_subject(channels)
        options: dict[str, list[Listing]] = {}
        for listing in self._venue.listed(at):
            topics = [topic for subject in _subjects(listing) for topic in wanted.get(subject, ())]
            if not topics:
                continue
            self._topics[listing.name] = topics
            if listing.kind == "option":
                options.setdefault(listing.product, []).append(listing)
            else:
                self._singles.append(listing)
        for product, followed in options.items():
            if len(followed) > SINGLES_MAX:
                self._boards.append(product)
            else:
                self._singles += followed
        known = self._counts
        self._counts = {one.name: known.get(one.name, now) for one, now in self._counted(at)}

    def look(self, at: int, *, slow: bool) -> dict[str, list[Payload]]:
        """Write what is new by topic, oldest first; of slow topics only where `slow`."""
        counted = self._counted(at)
        new = [one for one, count in counted if count > self._counts.get(one.name, count)]
        for listing, prints in self._venue.tape.of_many(new, self._looked_at + 1, at, at):
            before = self._counts[listing.name]
            printed = [row for row in rows(listing, prints) if row["trade_seq"] > before]
            for topic in self._topics[listing.name]:
                self._pending[topic] += printed
        self._counts.update((one.name, count) for one, count in counted)
        self._looked_at = at
        news = {}
        for topic, pending in self._pending.items():
            if pending and (slow or self._fast[topic]):
                news[topic] = sorted(pending, key=_moment)
                self._pending[topic] = []
        return news

    def _counted(self, at: int) -> list[tuple[Listing, int]]:
        """Count the prints of everything followed."""
        tape = self._venue.tape
        counted = [(one, tape.latest_seq(one, at)) for one in self._singles]
        for product in self._boards:
            listings = self._venue.board(product, at).listings
            counts = zip(listings, tape.counts(listings, at), strict=True)
            counted += [(one, count) for one, count in counts if one.name in self._topics]
        return counted


def _topics_by_subject(channels: Iterable[Channel]) -> dict[str, list[str]]:
    wanted: dict[str, list[str]] = {}
    for channel in channels:
        wanted.setdefault(channel.subject, []).append(channel.topic)
    return wanted


def _subjects(listing: Listing) -> list[str]:
    """Name what the trades of an instrument are filed under."""
    kind, filed = wire_kind(listing), currency(listing)
    return [listing.name, f"{kind}.{filed}", f"{kind}.any", f"any.{filed}", "any.any"]


def _moment(trade: Payload) -> tuple[int, str, int]:
    return trade["timestamp"], trade["instrument_name"], trade["trade_seq"]
