"""Which quotes must not be believed, and why? What the feed told us about itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trader.domain.events import FeedFault, FeedLost, FeedRestored
    from trader.domain.instruments import Instrument
    from trader.domain.market import Bools

ALL = "*"
INDEX_PREFIX = "index:"
BOOK_PREFIX = "book:"
"""The full depth of an instrument: doubted by itself, its touch comes on another channel."""


class Trust:
    """Suspended scopes (`*`, instrument names, `index:BTC`, `book:NAME`) and recent faults.

    A quote that arrives lifts the suspension of its own instrument, never that of the whole feed.
    """

    def __init__(self) -> None:
        self._suspended: dict[str, str] = {}
        self._recent: dict[str, int] = {}

    @property
    def suspended(self) -> bool:
        """Whether anything at all is suspended."""
        return bool(self._suspended)

    @property
    def suspended_count(self) -> int:
        """How many scopes are suspended."""
        return len(self._suspended)

    def lost(self, event: FeedLost, at: int) -> None:
        """Stop believing a scope."""
        for name in event.scope:
            self._suspended[name] = event.kind
        self._recent[event.kind] = at

    def restored(self, event: FeedRestored) -> None:
        """Believe a scope again; restoring everything clears single suspensions too."""
        if ALL in event.scope:
            self._suspended.clear()
        for name in event.scope:
            self._suspended.pop(name, None)

    def fault(self, event: FeedFault, at: int) -> None:
        """Note a fault that lost no trust."""
        self._recent[event.kind] = at

    def quoted(self, name: str) -> None:
        """Take a quote as the sign that its channel lives."""
        if self._suspended:
            self._suspended.pop(name, None)

    def index_seen(self, underlying: str) -> None:
        """Take an index price as the sign that its channel lives."""
        if self._suspended:
            self._suspended.pop(INDEX_PREFIX + underlying, None)

    def forget(self, name: str) -> None:
        """Drop what is known about an instrument that left."""
        self._suspended.pop(name, None)
        self._suspended.pop(BOOK_PREFIX + name, None)

    def trusted(self, name: str) -> bool:
        """Whether an instrument's quotes may be believed."""
        return not self._suspended or not (ALL in self._suspended or name in self._suspended)

    def index_trusted(self, underlying: str) -> bool:
        """Whether an index may be believed."""
        return self.trusted(INDEX_PREFIX + underlying)

    def mask(self, instruments: tuple[Instrument, ...], fresh: Bools) -> Bools:
        """Clear the rows of suspended instruments."""
        if not self._suspended:
            return fresh
        if ALL in self._suspended:
            return fresh & False
        for row, instrument in enumerate(instruments):
            if instrument.name in self._suspended:
                fresh[row] = False
        return fresh

    def marks(self, at: int, window: int) -> tuple[str, ...]:
        """Name what is suspended and the faults of the last `window` nanoseconds."""
        if not self._suspended and not self._recent:
            return ()
        self._recent = {kind: seen for kind, seen in self._recent.items() if at - seen <= window}
        whole = [f"feed_lost:{self._suspended[ALL]}"] if ALL in self._suspended else []
        single = sum(1 for name in self._suspended if name != ALL)
        parts = [f"suspended:{single}"] if single else []
        return (*whole, *parts, *(f"fault:{kind}" for kind in sorted(self._recent)))
