"""What does the market show? Bars and the board, as strategies and pricing read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from trader.domain.instruments import Instrument

if TYPE_CHECKING:
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
        for before, after in zip(self.opened_at, self.opened_at[1:], strict=False):
            if after <= before:
                raise ValueError(
                    f"bars: opened_at {after} follows {before}: it must be strictly increasing "
                    "(sort, drop duplicates)"
                )


class Board:
    """The option board of one underlying at one instant, as arrays of equal length.

    Prices are in the settlement currency per unit; NaN means no price on that side. `fresh` is
    False where the quote is stale. `delta` is Black-76 on `underlying_price` with `mark_iv`
    (unadjusted, as Deribit shows it). Rows are sorted by expiry, strike, call before put.
    """

    __slots__ = (
        "ask", "ask_amount", "at", "bid", "bid_amount", "delta", "expires_at", "fresh", "index",
        "instruments", "is_call", "mark", "mark_iv", "strike", "underlying", "underlying_price",
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
        delta: Floats,
        fresh: Bools,
    ) -> None:
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
        self.delta = delta
        self.fresh = fresh

    def __len__(self) -> int:
        return len(self.instruments)

    def row(self, name: str) -> int | None:
        """Find the row of an instrument by name; None where it is not on the board."""
        for row, instrument in enumerate(self.instruments):
            if instrument.name == name:
                return row
        return None


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

    @property
    def two_sided(self) -> bool:
        """Whether both sides show a price with size: the only state a market order may meet."""
        return self.bid > 0 and self.ask > 0 and self.bid_amount > 0 and self.ask_amount > 0
