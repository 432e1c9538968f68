"""What does the market show? Bars and the board, as strategies and pricing read them."""

from __future__ import annotations

import copy
import itertools
import math
import operator
from typing import TYPE_CHECKING, ClassVar, Final

import msgspec
import numpy as np

from trader.domain.instruments import Instrument, OptionType

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Bools = NDArray[np.bool_]
    Ints = NDArray[np.int64]


class Bars(msgspec.Struct, frozen=True):
    """Closed hourly bars of one index, oldest first. A bar is known at `opened_at + 1 h`.

    Invariant: hours strictly increase and every column has one price for each. Readers must bear
    prices that are none (NaN): that is how tests poison the future.
    """

    opened_at: tuple[int, ...]
    open: tuple[float, ...]
    high: tuple[float, ...]
    low: tuple[float, ...]
    close: tuple[float, ...]

    def __post_init__(self) -> None:
        columns = {"open": self.open, "high": self.high, "low": self.low, "close": self.close}
        lengths = {"opened_at": len(self.opened_at)}
        lengths |= {name: len(column) for name, column in columns.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"bars: columns differ in length {lengths}: give each hour all five")
        rising = map(operator.lt, self.opened_at, self.opened_at[1:])
        if not all(rising):
            before, after = next(
                pair for pair in itertools.pairwise(self.opened_at) if pair[1] <= pair[0]
            )
            raise ValueError(
                f"bars: opened_at {after} follows {before}: it must be strictly increasing "
                "(sort, drop duplicates)"
            )

    @classmethod
    def of_hours(
        cls,
        opened_at: tuple[int, ...],
        opens: tuple[float, ...],
        highs: tuple[float, ...],
        lows: tuple[float, ...],
        closes: tuple[float, ...],
    ) -> Bars:
        """Take hours that were put in order one by one: they are not checked again."""
        bars = copy.copy(_NO_BARS)
        columns = (opened_at, opens, highs, lows, closes)
        for name, column in zip(cls.__struct_fields__, columns, strict=True):
            msgspec.structs.force_setattr(bars, name, column)
        return bars


_NO_BARS: Final = Bars((), (), (), (), ())
_NOTHING: Final = (np.empty(0, dtype=np.int64), np.empty(0))


class Closes(msgspec.Struct, frozen=True):
    """Closes by the instant they were known, rising; prices that are none are left out."""

    known_at: Ints
    close: Floats

    def after(self, start: int, end: int) -> Closes:
        """Keep what became known after `start` and by `end`."""
        first, last = np.searchsorted(self.known_at, (start, end), side="right")
        return Closes(self.known_at[first:last], self.close[first:last])

    def last(self, at: int, age_max: int) -> float | None:
        """Return the last close known at an instant, None where it is older than allowed."""
        place = int(np.searchsorted(self.known_at, at, side="right")) - 1
        if place < 0 or at - int(self.known_at[place]) > age_max:
            return None
        return float(self.close[place])


class Listing:
    """The contracts of a board: what stays as it is from one instant to the next.

    Rows are sorted by expiry, strike, call before put; every column has one value for each.
    """

    __slots__ = (
        "_inverse", "_ladders", "_places", "expires_at", "instruments", "is_call", "strike",
    )  # fmt: skip

    def __init__(
        self,
        instruments: tuple[Instrument, ...],
        strike: Floats,
        expires_at: Ints,
        is_call: Bools,
    ) -> None:
        self.instruments = instruments
        self.strike = strike
        self.expires_at = expires_at
        self.is_call = is_call
        self._inverse: Bools | None = None
        self._places: dict[str, int] | None = None
        self._ladders: dict[tuple[OptionType, bool], dict[int, Ints]] = {}

    @property
    def inverse(self) -> Bools:
        """Whether each option is settled in the coin."""
        if self._inverse is None:
            rows = (one.inverse for one in self.instruments)
            self._inverse = np.fromiter(rows, np.bool_, len(self.instruments))
            self._inverse.flags.writeable = False
        return self._inverse

    @property
    def places(self) -> Mapping[str, int]:
        """The row of each name."""
        if self._places is None:
            self._places = {one.name: row for row, one in enumerate(self.instruments)}
        return self._places

    def ladder(self, option_type: OptionType, *, inverse: bool = True) -> Mapping[int, Ints]:
        """Find the rows of each expiry's options of a type, settled in coin or not: both rise."""
        ladder = self._ladders.get((option_type, inverse))
        if ladder is None:
            listed = np.flatnonzero(
                (self.inverse == inverse) & (self.is_call == (option_type == "call"))
            )
            expires_at = self.expires_at[listed]
            ladder = {one: listed[expires_at == one] for one in np.unique(expires_at).tolist()}
            for rows in ladder.values():
                rows.flags.writeable = False
            self._ladders[option_type, inverse] = ladder
        return ladder


class Board:
    """The option board of one underlying at one instant, as arrays of equal length.

    Prices are in the settlement currency per unit; NaN means no price on that side. `fresh` is
    False where the quote is stale; `quality` scores its channel from 0 to 1. `delta` is Black-76 on
    `underlying_price` with `mark_iv` (unadjusted, as Deribit shows it). Rows are sorted by expiry,
    strike, call before put.
    """

    FIELDS: ClassVar = (
        "underlying", "at", "index", "instruments", "strike", "expires_at", "is_call", "bid",
        "bid_amount", "ask", "ask_amount", "mark", "mark_iv", "underlying_price", "delta", "fresh",
        "quality",
    )  # fmt: skip
    __slots__ = (
        "_asked", "_delta", "_listing", "_quality", "ask", "ask_amount", "at", "bid",
        "bid_amount",
        "expires_at", "fresh", "index", "instruments", "is_call", "mark", "mark_iv", "strike",
        "underlying", "underlying_price",
    )  # fmt: skip

    def __init__(
        self,
        *,
        underlying: str,
        at: int,
        index: float,
        instruments: tuple[Instrument, ...],
        strike: Floats,
        expires_at: Ints,
        is_call: Bools,
        bid: Floats,
        bid_amount: Floats,
        ask: Floats,
        ask_amount: Floats,
        mark: Floats,
        mark_iv: Floats,
        underlying_price: Floats,
        delta: Floats | Callable[[Ints | slice], Floats],
        fresh: Bools,
        quality: Floats | Callable[[], Floats] | None = None,
        listing: Listing | None = None,
    ) -> None:
        """Take the columns; `delta` (of some rows) and `quality` may be what computes them.

        `listing` follows from the contracts: the maker of many boards has it already.
        """
        self.underlying = underlying
        self.at = at
        self.index = index
        self.instruments = instruments
        self.strike = strike
        self.expires_at = expires_at
        self.is_call = is_call
        self.bid = bid
        self.bid_amount = bid_amount
        self.ask = ask
        self.ask_amount = ask_amount
        self.mark = mark
        self.mark_iv = mark_iv
        self.underlying_price = underlying_price
        self._delta = delta
        self._asked = _NOTHING
        self.fresh = fresh
        self._quality = quality
        self._listing = listing

    def __len__(self) -> int:
        return len(self.instruments)

    @property
    def score(self) -> float:
        """The mean quality of the rows; 0 where there are none."""
        return float(self.quality.mean()) if len(self.quality) else 0.0

    @property
    def listing(self) -> Listing:
        """The contracts, and where to find them."""
        if self._listing is None:
            columns = (self.strike, self.expires_at, self.is_call)
            self._listing = Listing(self.instruments, *columns)
        return self._listing

    def row(self, name: str) -> int | None:
        """Find the row of an instrument by name; None where it is not on the board."""
        return self.listing.places.get(name)

    @property
    def inverse(self) -> Bools:
        """Whether each option is settled in the coin."""
        return self.listing.inverse

    @property
    def quality(self) -> Floats:
        """Scores of the channels, from 0 to 1; 1 where nobody scores them."""
        if callable(self._quality):
            self._quality = self._quality()
        if self._quality is None:
            self._quality = np.ones(len(self.instruments))
        return self._quality

    @property
    def delta(self) -> Floats:
        """Black-76 deltas, NaN where a quote lacks its forward or its volatility."""
        if callable(self._delta):
            self._delta = self._delta(slice(None))
        return self._delta

    def delta_of(self, rows: Ints) -> Floats:
        """Deltas of some rows: the others are not computed for it."""
        if not callable(self._delta):
            return self._delta[rows]
        asked = self._delta(rows)
        self._asked = (rows, asked)
        return asked

    def delta_at(self, row: int) -> float:
        """Return the delta of one row: one that was asked for lately is not computed again."""
        asked, deltas = self._asked
        if callable(self._delta) and row in (rows := asked.tolist()):
            return float(deltas[rows.index(row)])
        return float(self.delta_of(np.array([row]))[0])

    def has_delta(self, row: int) -> bool:
        """Whether a row has a delta from -1 to 1; it has one where forward and volatility are."""
        if callable(self._delta):
            forward, vol = self.underlying_price.item(row), self.mark_iv.item(row)
            return 0 < forward < math.inf and 0 < vol < math.inf
        return bool(abs(self._delta[row]) <= 1)


class Touch(msgspec.Struct, frozen=True):
    """What one instrument displays right now, with how far it can be trusted."""

    instrument: Instrument
    bid: float
    bid_amount: float
    ask: float
    ask_amount: float
    mark: float
    mark_iv: float
    underlying_price: float
    index: float
    fresh: bool
    age_s: float
    quality: float = 1.0

    @property
    def two_sided(self) -> bool:
        """Whether both sides show a price with size: the only state a market order may meet."""
        return self.bid > 0 and self.ask > 0 and self.bid_amount > 0 and self.ask_amount > 0
