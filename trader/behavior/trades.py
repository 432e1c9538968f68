"""What is one trade to a student of behavior? A structure from its first open to its last close.

Dicts of a person's trades, results that statistics count and chains of ours become the same value.
Legs that share a chain count once: their results add up, the largest leg is the size.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec

from trader.domain.units import MICROSECOND, MILLISECOND, MINUTE, SECOND, nanoseconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_MAGNITUDES: Final = ((1e11, SECOND), (1e14, MILLISECOND), (1e17, MICROSECOND))
"""A number below the first counts seconds since 1970, and so on; beyond the last, nanoseconds."""
_TIMES: Final = ("timestamp", "opened_at", "closed_at")


class Result(Protocol):
    """A closed trade that states when it closed and what it made, as statistics count it."""

    @property
    def timestamp(self) -> datetime:
        """When it closed; aware."""

    @property
    def pnl_pct(self) -> float:
        """Its result, a fraction of equity."""

    @property
    def chain_id(self) -> str | None:
        """The chain it is, or is a leg of."""


class Closed(Protocol):
    """A chain that ended: instants in UTC nanoseconds, result and risk as fractions of equity."""

    @property
    def chain_id(self) -> str:
        """Its name."""

    @property
    def opened_at(self) -> int:
        """First fill."""

    @property
    def closed_at(self) -> int:
        """Its end."""

    @property
    def pnl_pct(self) -> float:
        """Its result."""

    @property
    def risk_pct(self) -> float:
        """The max loss it was approved with: its size."""


class Trade(msgspec.Struct, frozen=True, kw_only=True):
    """One closed trade. `size` >= 0, in one unit for all trades of a trader; types read it as a
    fraction of equity. Zero is "not known".

    `closed_at` and `opened_at` are UTC nanoseconds, where they are stated: an opening that only
    follows from a holding time is not.
    """

    pnl: float
    size: float = 0.0
    holding_minutes: float = 0.0
    closed_at: int | None = None
    opened_at: int | None = None
    chain_id: str | None = None
    scheduled_roll: bool = False
    """It continues a position by plan, so that its size says nothing of temper."""
    legs: int = 1
    symbol: str = ""
    entry_price: float | None = None
    exit_price: float | None = None
    direction: int = 1
    """1 long, -1 short."""

    @property
    def began_at(self) -> int | None:
        """When it was opened: as stated, or as its close and its holding time say."""
        if self.opened_at is not None or self.closed_at is None:
            return self.opened_at
        return self.closed_at - round(self.holding_minutes * MINUTE)


TradeLike = Trade | Mapping[str, Any] | Result | Closed


def behavior_trades(trades: Iterable[TradeLike]) -> list[Trade]:
    """Return trades as structures that count once, by the time they closed.

    Where one states no time, all stay in the order given.

    Raises:
        ValueError: a time is naive, or a number not finite or negative; names trade and field.
    """
    return structures(legs_of(trades))


def legs_of(trades: Iterable[TradeLike]) -> list[Trade]:
    """Return trades as they were given, a leg for a leg, by the time they closed.

    Raises:
        ValueError: as `behavior_trades`.
    """
    legs = [_trade(place, one) for place, one in enumerate(trades)]
    if any(one.closed_at is None for one in legs):
        return legs
    return sorted(legs, key=attrgetter("closed_at"))


def structures(legs: Sequence[Trade]) -> list[Trade]:
    """Let the legs of each chain count once, where the last of them closed."""
    by_chain: dict[str, list[Trade]] = {}
    for one in legs:
        if one.chain_id is not None:
            by_chain.setdefault(one.chain_id, []).append(one)
    last = {name: ones[-1] for name, ones in by_chain.items()}
    return [
        one if one.chain_id is None else _joined(by_chain[one.chain_id])
        for one in legs
        if one.chain_id is None or one is last[one.chain_id]
    ]


def fills_joined(legs: Sequence[Trade], within: int) -> list[Trade]:
    """Let fills of one symbol that follow each other within so many nanoseconds be one structure.

    For ledgers that book every fill of a close: a hundred of them are one decision. Legs that name
    their chain stay as they are.
    """
    last: dict[str, tuple[int, str]] = {}
    named = []
    for place, one in enumerate(legs):
        at = one.closed_at
        if one.chain_id is not None or at is None:
            named.append(one)
            continue
        before, name = last.get(one.symbol, (at - within - 1, ""))
        name = name if at - before <= within else f"fills from {place}"
        last[one.symbol] = (at, name)
        named.append(msgspec.structs.replace(one, chain_id=name))
    return named


def instant(value: object, name: str = "timestamp") -> int:
    """Read an instant as UTC nanoseconds: an aware datetime, ISO 8601 with a zone, or a number
    since 1970, in seconds, milliseconds, microseconds or nanoseconds as its size tells.

    >>> instant(1_700_000_000) == instant("2023-11-14T22:13:20Z") == 1_700_000_000_000_000_000
    True

    Raises:
        ValueError: it is naive, or no time.
    """
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError as error:
            raise ValueError(
                f"{name} {value!r} is no time; write e.g. 2024-05-01T08:00:00Z"
            ) from error
    if isinstance(value, datetime):
        if value.utcoffset() is None:
            raise ValueError(f"{name} {value.isoformat()} is naive; give it a timezone, e.g. UTC")
        return nanoseconds(value.astimezone(UTC))
    number = _number(value, name)
    unit = next((unit for below, unit in _MAGNITUDES if abs(number) < below), 1)
    return int(value) if unit == 1 and isinstance(value, int) else round(number * unit)


def _trade(place: int, given: TradeLike) -> Trade:
    try:
        if isinstance(given, Trade):
            return _checked(given)
        if isinstance(given, Mapping):
            return _checked(_of_dict(given))
        return _checked(_of_ours(given))
    except ValueError as error:
        raise ValueError(f"trade {place}: {error}") from error


def _of_dict(given: Mapping[str, Any]) -> Trade:
    """Read a dict; `timestamp` is when it closed, what is missing is nothing, as in the seed."""
    times = {name: instant(given[name], name) for name in _TIMES if given.get(name) is not None}
    closed_at = times.get("closed_at", times.get("timestamp"))
    opened_at = times.get("opened_at")
    held = given.get("holding_time")
    if held is None and opened_at is not None and closed_at is not None:
        held = (closed_at - opened_at) / MINUTE
    prices = {
        name: None if given.get(name) is None else _number(given[name], name)
        for name in ("entry_price", "exit_price")
    }
    chain = given.get("chain_id")
    return Trade(
        pnl=_number(given.get("pnl", 0), "pnl"),
        size=_number(given.get("size", 0), "size"),
        holding_minutes=_number(held or 0, "holding_time"),
        closed_at=closed_at,
        opened_at=opened_at,
        chain_id=None if chain is None else str(chain),
        scheduled_roll=bool(given.get("scheduled_roll", False)),
        symbol=str(given.get("symbol", "")),
        entry_price=prices["entry_price"],
        exit_price=prices["exit_price"],
        direction=-1 if _number(given.get("direction", 1), "direction") < 0 else 1,
    )


def _of_ours(given: Result | Closed) -> Trade:
    opened_at = getattr(given, "opened_at", None)
    if opened_at is None:
        closed_at = instant(getattr(given, "timestamp", None))
        return Trade(pnl=given.pnl_pct, closed_at=closed_at, chain_id=given.chain_id)
    closed = int(getattr(given, "closed_at", opened_at))
    return Trade(
        pnl=given.pnl_pct,
        size=float(getattr(given, "risk_pct", 0.0)),
        holding_minutes=(closed - opened_at) / MINUTE,
        closed_at=closed,
        opened_at=int(opened_at),
        chain_id=given.chain_id,
    )


def _checked(trade: Trade) -> Trade:
    if not math.isfinite(trade.pnl):
        raise ValueError(f"pnl is {trade.pnl}, must be finite; correct it or leave the trade out")
    for name, value in (("size", trade.size), ("holding_time", trade.holding_minutes)):
        if not (math.isfinite(value) and value >= 0):
            raise ValueError(
                f"{name} is {value}, must be finite and not negative; correct it or leave the"
                " trade out"
            )
    return trade


def _number(value: object, name: str) -> float:
    try:
        return float(value)  # type: ignore[arg-type] # what is no number is told as such
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} {value!r} is no number; correct it") from error


def _joined(legs: Sequence[Trade]) -> Trade:
    """Make one trade of the legs of a chain: net result, largest leg, from first to last."""
    if len(legs) == 1:
        return legs[0]
    opened = [one.began_at for one in legs if one.began_at is not None]
    stated = all(one.opened_at is not None for one in legs)
    closed_at = legs[-1].closed_at
    held = max(one.holding_minutes for one in legs)
    if closed_at is not None and opened:
        held = max(held, (closed_at - min(opened)) / MINUTE)
    return msgspec.structs.replace(
        max(legs, key=attrgetter("size")),
        pnl=math.fsum(one.pnl for one in legs),
        holding_minutes=held,
        closed_at=closed_at,
        opened_at=min(opened) if stated and opened else None,
        scheduled_roll=all(one.scheduled_roll for one in legs),
        legs=sum(one.legs for one in legs),
        entry_price=None,
        exit_price=None,
    )
