"""Which contracts of a recording are listed at an instant? From first quote until expiry."""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

import msgspec
import numpy as np

from trader.deribit.simulator.listing import PERPETUALS, Listing, option_listing
from trader.deribit.simulator.path import keep
from trader.deribit.simulator.products import OPTIONS
from trader.deribit.simulator.recording import Rows
from trader.deribit.translate import contract_name
from trader.domain.expiries import expiry_of

_BOARDS_KEPT: Final = 8


class ReplayListings:
    """The catalog of a recording; of one product it is the same object while nothing changes."""

    def __init__(self, rows: Rows) -> None:
        """Read the contracts off the names of `rows`; names that are none are never listed."""
        first = np.full(len(rows.names), -1, dtype=np.int64)
        codes, places = np.unique(rows.instrument, return_index=True)
        first[codes] = rows.at[places]
        self.code: dict[str, int] = {}
        self._options: dict[str, list[Listing]] = {}
        self._perpetuals: dict[str, Listing] = {}
        for code, name in enumerate(rows.names):
            listing = None if first[code] < 0 else recorded_listing(name, int(first[code]))
            if listing is None:
                continue
            self.code[name] = code
            if listing.kind == "option":
                self._options.setdefault(listing.product, []).append(listing)
            else:
                self._perpetuals[name] = listing
        self._by_name = {one.name: one for some in self._options.values() for one in some}
        self._changes: dict[str, list[int]] = {}
        for product, options in self._options.items():
            options.sort(key=lambda one: (one.expires_at, one.strike, one.option_type))
            moments = {at for one in options for at in (one.listed_at, one.expires_at)}
            self._changes[product] = sorted(moments)
        self._boards: dict[tuple[str, int], tuple[Listing, ...]] = {}

    def options(self, product: str, at: int) -> tuple[Listing, ...]:
        """Return the options of a product, by expiry, strike, call before put."""
        change = bisect_right(self._changes.get(product, ()), at)
        board = self._boards.get((product, change))
        if board is None:
            board = tuple(
                one
                for one in self._options.get(product, ())
                if one.listed_at <= at < one.expires_at
            )
            keep(self._boards, (product, change), board, _BOARDS_KEPT)
        return board

    def listed(self, at: int) -> tuple[Listing, ...]:
        """Return everything that trades."""
        perpetuals = [one for one in self._perpetuals.values() if one.listed_at <= at]
        return (*perpetuals, *(one for product in OPTIONS for one in self.options(product, at)))

    def find(self, name: str, at: int) -> Listing | None:
        """Return what is listed under a name at an instant."""
        listing = self._by_name.get(name) or self._perpetuals.get(name)
        alive = listing is not None and listing.listed_at <= at < listing.expires_at
        return listing if alive else None

    def find_expired(self, name: str, at: int) -> Listing | None:
        """Return a contract that expired at or before an instant."""
        listing = self._by_name.get(name)
        return listing if listing is not None and listing.expires_at <= at else None

    def expired(self, product: str, expires_at: int) -> tuple[Listing, ...]:
        """Return the options of a product that expired at an instant."""
        options = self._options.get(product, ())
        return tuple(one for one in options if one.expires_at == expires_at)

    def next_change(self, at: int) -> int | None:
        """Return when the next contract is listed or expires, None where none is left."""
        following = [
            moments[place]
            for moments in self._changes.values()
            if (place := bisect_right(moments, at)) < len(moments)
        ]
        return min(following, default=None)


def recorded_listing(name: str, listed_at: int) -> Listing | None:
    """Make the listing of a recorded name; None for what is not shown: dated futures, combos.

    A recording tells no ticks, steps or fees: they are the venue's for the product.
    """
    product = name.partition("-")[0]
    perpetual = PERPETUALS.get(product)
    if perpetual is not None and name == perpetual.name:
        return msgspec.structs.replace(perpetual, listed_at=listed_at)
    contract = contract_name(name)
    if contract is None or contract.strike is None or contract.option_type is None:
        return None
    if product not in OPTIONS:
        return None
    expiry = expiry_of(contract.expires_at)
    return option_listing(product, expiry, contract.strike, contract.option_type, listed_at)
