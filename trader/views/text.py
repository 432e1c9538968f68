"""How are numbers, times and rows written for people? One way for tables, verdicts, log lines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal

import msgspec

from trader.domain.units import DAY, HOUR, MINUTE, SECOND, from_atoms, iso

Align = Literal["left", "right"]
NOTHING: Final = "-"
_DOLLARS: Final = ("USD", "USDC", "USDT", "USDE")


class Column(msgspec.Struct, frozen=True):
    """One column of a table: the field it shows, its title, the side its text leans to."""

    field: str
    title: str
    align: Align = "left"


def table(rows: Sequence[Mapping[str, str]], columns: Sequence[Column]) -> str:
    """Set rows of ready texts under their titles, aligned; one line that says so when empty."""
    if not rows:
        return "(none)"
    lines = [[column.title for column in columns]]
    lines += [[row.get(column.field, NOTHING) or NOTHING for column in columns] for row in rows]
    widths = [max(len(line[place]) for line in lines) for place in range(len(columns))]
    return "\n".join(_line(line, widths, columns) for line in lines)


def pairs(entries: Iterable[tuple[str, str]]) -> str:
    """Set names beside their values, one pair a line, values aligned."""
    listed = list(entries)
    width = max((len(name) for name, _ in listed), default=0)
    return "\n".join(f"{name.ljust(width)}  {value}" for name, value in listed)


def number(value: float) -> str:
    """Write a number without binary dust: at most 8 decimals, thousands apart."""
    text = f"{value:,.8f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def percent(fraction: float) -> str:
    """Write a fraction as percent with two decimals; nothing has no sign."""
    text = f"{fraction * 100:.2f}"
    return f"{text.removeprefix('-') if float(text) == 0 else text} %"


def usd(amount: float) -> str:
    """Write dollars: cents below 100, whole dollars above."""
    text = f"{amount:,.2f}" if abs(amount) < 100 else f"{amount:,.0f}"
    return f"{text.removeprefix('-') if float(text.replace(',', '')) == 0 else text} USD"


def signed_usd(amount: float) -> str:
    """Write dollars with their sign: a result, not a size."""
    return f"+{usd(amount)}" if amount > 0 else usd(amount)


def money(amount: float, currency: str) -> str:
    """Write an amount of a currency: coins exactly, dollars as dollars."""
    if is_dollar(currency):
        return usd(amount).replace("USD", currency)
    return f"{number(amount)} {currency}"


def atoms(count: int, currency: str) -> str:
    """Write atoms of a currency as an amount of it."""
    return money(from_atoms(count), currency)


def is_dollar(currency: str) -> bool:
    """Whether one unit of a currency counts as one USD."""
    return currency in _DOLLARS


def duration(nanoseconds: int) -> str:
    """Write a span of time in its two largest units."""
    span = abs(nanoseconds)
    for unit, smaller, name, small_name in (
        (DAY, HOUR, "d", "h"),
        (HOUR, MINUTE, "h", "min"),
        (MINUTE, SECOND, "min", "s"),
    ):
        if span >= unit:
            rest = span % unit // smaller
            return f"{span // unit} {name}" + (f" {rest} {small_name}" if rest else "")
    return f"{span / SECOND:.3g} s"


def when(instant: int, at: int, speed: float = 1.0) -> str:
    """Write an instant as ISO and relative to `at`; on a fast market also in seconds of the wall.

    `speed` is market seconds per wall second.
    """
    distance = instant - at
    if distance == 0:
        return f"{iso(instant)} (now)"
    if distance < 0:
        return f"{iso(instant)} ({duration(distance)} ago)"
    wall = f" of market time, {duration(round(distance / speed))} of yours" if speed != 1 else ""
    return f"{iso(instant)} (in {duration(distance)}{wall})"


def _line(cells: Sequence[str], widths: Sequence[int], columns: Sequence[Column]) -> str:
    return "  ".join(
        cell.rjust(width) if column.align == "right" else cell.ljust(width)
        for cell, width, column in zip(cells, widths, columns, strict=True)
    ).rstrip()
