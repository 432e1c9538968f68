"""What must a source of option data answer? Chains and candles, the way a call study asks for them.

A stranger's source with just the three methods of `DeribitDataSource` will do; its frames may be
anything with an `index` of instants and a column "close" (a DataFrame, or our `Ohlc`).
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

import msgspec
import numpy as np

from trader.domain.market import Closes
from trader.domain.units import DAY, HOUR, MINUTE, nanoseconds

if TYPE_CHECKING:
    from trader.domain.market import Floats, Ints

Timeframe = Literal["1m", "5m", "15m", "1h", "4h", "1d"]
TIMEFRAMES: Final[dict[str, int]] = {
    "1m": MINUTE, "5m": 5 * MINUTE, "15m": 15 * MINUTE, "1h": HOUR, "4h": 4 * HOUR, "1d": DAY,
}  # fmt: skip
"""Nanoseconds of each timeframe."""

_STRIKE: Final = re.compile(r"-(\d+(?:d\d+)?)-[CP]$")


def timeframe_ns(timeframe: str) -> int:
    """Return the length of a bar in nanoseconds.

    Raises:
        ValueError: it is none of `TIMEFRAMES`.
    """
    if timeframe not in TIMEFRAMES:
        raise ValueError(f"timeframe {timeframe!r}: choose one of {', '.join(TIMEFRAMES)}")
    return TIMEFRAMES[timeframe]


class Quoted(Protocol):
    """What a chain must tell of one option.

    Beyond this, `strike`, `bid_price`, `ask_price` and `mark_iv` are read where they are.
    """

    @property
    def kind(self) -> str:
        """Whether it is a "call" or a "put"."""

    @property
    def expiry(self) -> datetime:
        """When it expires, with a timezone."""

    @property
    def delta(self) -> float | None:
        """Its delta; None where it is not known."""

    @property
    def mark_price(self) -> float | None:
        """Its price by the venue's model; None where there is none."""

    @property
    def instrument_name(self) -> str:
        """Its name, as candles are asked for."""


class OptionSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """One option as a chain showed it. Prices in the premium's currency per unit of the coin.

    `bid_price` and `ask_price`: None where the source tells of marks only, NaN (or 0) where that
    side showed no price. `mark_iv` is a fraction.
    """

    kind: str
    expiry: datetime
    delta: float | None
    mark_price: float | None
    instrument_name: str
    strike: float | None = None
    bid_price: float | None = None
    ask_price: float | None = None
    mark_iv: float | None = None


class Frame(Protocol):
    """Bars: instants in `index`, prices under "close"."""

    @property
    def index(self) -> Any:  # noqa: ANN401 - strangers' frames
        """Instants of the bars, rising."""

    def __getitem__(self, column: str, /) -> Any:  # noqa: ANN401 - strangers' frames
        """Return a column."""


class Ohlc(msgspec.Struct, frozen=True):
    """Bars by the instant they opened, UTC nanoseconds; known one timeframe later."""

    opened_at: Ints
    open: Floats
    high: Floats
    low: Floats
    close: Floats

    @property
    def index(self) -> Any:  # noqa: ANN401 - as a frame has it
        """When each bar opened, as datetime64 in UTC."""
        return self.opened_at.view("datetime64[ns]")

    @property
    def empty(self) -> bool:
        """Whether there are no bars."""
        return not len(self.opened_at)

    def __getitem__(self, column: str) -> Floats:
        if column not in ("open", "high", "low", "close"):
            raise KeyError(f"{column!r}: bars have open, high, low, close")
        return np.asarray(getattr(self, column), dtype=np.float64)

    def __len__(self) -> int:
        return len(self.opened_at)


class DeribitDataSource(Protocol):
    """What a call study asks of the past.

    Three more answers are used where a source gives them: `get_delivery_price(underlying, expiry)`
    (USD, or None), `candle_label` ("open", the default, or "close": which end of a bar its instant
    names) and `tape` (see `trader.backtest.call_tape`: whole arrays, for speed).
    """

    def list_option_chain(self, underlying: str, as_of: datetime) -> Sequence[Quoted]:
        """Return the options as they were shown at an instant; empty where none were."""

    def get_spot_ohlc(
        self, underlying: str, start: datetime, end: datetime, timeframe: str
    ) -> Frame:
        """Return bars of the coin in USD."""

    def get_option_ohlc(
        self, instrument_name: str, start: datetime, end: datetime, timeframe: str
    ) -> Frame:
        """Return bars of an option's mark, in the premium's currency."""


def read_closes(frame: Frame, step: int, label: str = "open") -> Closes:
    """Read when each close of a frame was known, and what it was.

    Raises:
        ValueError: instants without timezone or out of order, another number of closes, or a label
            that is neither "open" nor "close".
    """
    if label not in ("open", "close"):
        raise ValueError(f'candle_label {label!r}: bars are labelled by their "open" or "close"')
    at = _instants(frame.index) + (step if label == "open" else 0)
    close = np.asarray(frame["close"], dtype=np.float64)
    if len(close) != len(at):
        raise ValueError(f"bars: {len(close)} closes for {len(at)} instants")
    if (np.diff(at) <= 0).any():
        raise ValueError("bars: instants must rise: sort them, drop duplicates")
    kept = np.isfinite(close) & (close >= 0)
    return Closes(at[kept], close[kept])


def _instants(index: Any) -> Ints:  # noqa: ANN401 - strangers' indices
    if getattr(index, "tz", UTC) is None:
        raise ValueError("bars: the index has no timezone: localize it to UTC")
    values = np.asarray(index)
    if values.dtype.kind == "M":
        return values.astype("datetime64[ns]").astype(np.int64)
    return np.array([nanoseconds(one) for one in values.tolist()], dtype=np.int64)


@functools.lru_cache(4096)
def strike_of(instrument_name: str) -> float | None:
    """Read the strike off a name as Deribit writes them; None where it has none.

    >>> strike_of("BTC-27MAR26-90000-C"), strike_of("XRP_USDC-27MAR26-0d625-C"), strike_of("x")
    (90000.0, 0.625, None)
    """
    found = _STRIKE.search(instrument_name)
    return float(found[1].replace("d", ".")) if found else None


def is_linear(instrument_name: str) -> bool:
    """Tell by its name whether an option's premium is in dollars.

    >>> is_linear("BTC_USDC-27MAR26-90000-C"), is_linear("BTC-27MAR26-90000-C")
    (True, False)
    """
    return "_USD" in instrument_name.partition("-")[0]


def told(value: float | None) -> float:
    """Return a number; NaN where there is none."""
    return math.nan if value is None else float(value)
