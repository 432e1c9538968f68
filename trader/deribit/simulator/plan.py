"""Where does what is wanted come from? Channels sorted by the question they put to the market."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from trader.deribit.simulator.channels import OF_INSTRUMENTS, Channel
from trader.deribit.simulator.listing import Listing
from trader.deribit.simulator.venue import Venue

SINGLES_MAX: Final = 8
"""Up to so many wanted options are quoted one by one; for more the whole board costs less."""


class Wish(NamedTuple):
    """A channel about an option, and the row of what is quoted that it is about."""

    row: int
    listing: Listing
    channel: Channel


class OptionsWanted(NamedTuple):
    """What is wanted of the options of a product, quoted as a board or, if `few`, one by one.

    `fast` is the part of `every` that is due at every look.
    """

    product: str
    few: tuple[Listing, ...]
    fast: tuple[Wish, ...]
    every: tuple[Wish, ...]
    with_books: bool


class DeltaOneWanted(NamedTuple):
    """What is wanted of a perpetual, a future or a spot pair."""

    listing: Listing
    channels: tuple[Channel, ...]


class Plan(NamedTuple):
    """Every wanted topic once, as a fast channel where there is one of it."""

    general: tuple[Channel, ...]
    trades: tuple[Channel, ...]
    delta_ones: tuple[DeltaOneWanted, ...]
    options: tuple[OptionsWanted, ...]

    def topics(self) -> set[str]:
        """Return every topic of the plan."""
        return {channel.topic for channel in self._channels()}

    def _channels(self) -> Iterator[Channel]:
        yield from self.general
        yield from self.trades
        for one in self.delta_ones:
            yield from one.channels
        for options in self.options:
            yield from (wish.channel for wish in options.every)


def plan(venue: Venue, wanted: Iterable[Channel], at: int) -> Plan:
    """Sort what is wanted; what is about an instrument that is not listed is left out."""
    general: list[Channel] = []
    trades: list[Channel] = []
    found: dict[str, tuple[Listing, list[Channel]]] = {}
    for channel in _topics(wanted):
        if channel.stream in ("trades", "tape"):
            trades.append(channel)
        elif channel.stream not in OF_INSTRUMENTS or channel.stream == "chart":
            general.append(channel)
        elif channel.subject in found:
            found[channel.subject][1].append(channel)
        elif (listing := venue.find(channel.subject, at)) is not None:
            found[channel.subject] = (listing, [channel])
    options: dict[str, list[tuple[Listing, list[Channel]]]] = {}
    delta_ones: list[DeltaOneWanted] = []
    for listing, channels in found.values():
        if listing.kind == "option":
            options.setdefault(listing.product, []).append((listing, channels))
        else:
            delta_ones.append(DeltaOneWanted(listing, tuple(channels)))
    of_options = (_options(venue, product, of, at) for product, of in options.items())
    return Plan(tuple(general), tuple(trades), tuple(delta_ones), tuple(of_options))


def _topics(wanted: Iterable[Channel]) -> list[Channel]:
    """List each topic once; a fast channel stands for the slow ones of its topic."""
    topics: dict[str, Channel] = {}
    for channel in wanted:
        known = topics.get(channel.topic)
        if known is None or (channel.fast and not known.fast):
            topics[channel.topic] = channel
    return list(topics.values())


def _options(
    venue: Venue, product: str, wanted: Sequence[tuple[Listing, list[Channel]]], at: int
) -> OptionsWanted:
    few: tuple[Listing, ...] = ()
    if len(wanted) <= SINGLES_MAX:
        few = tuple(listing for listing, _ in wanted)
    rows = {one.name: row for row, one in enumerate(few or venue.board(product, at).listings)}
    every = tuple(
        Wish(rows[listing.name], listing, channel)
        for listing, channels in wanted
        for channel in channels
    )
    return OptionsWanted(
        product,
        few,
        tuple(wish for wish in every if wish.channel.fast),
        every,
        any(wish.channel.stream in ("book", "grouped") for wish in every),
    )
