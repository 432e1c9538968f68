"""What does an address ask for? Its parts and its query, read with their bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trader.views.reading import NotUnderstood

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trader.views.reading import Asked


def whole(asked: Asked, name: str, default: int, low: int, high: int) -> int:
    """Read a whole number.

    Raises:
        NotUnderstood: it is none, or out of bounds.
    """
    text = asked.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdecimal() and len(text) <= 9 and low <= int(text) <= high):
        raise NotUnderstood(f"{name} = {text!r}: give a whole number from {low} to {high}")
    return int(text)


def one_of(asked: Asked, name: str, choices: Sequence[str], default: str = "") -> str:
    """Read one of some values; nothing means `default`.

    Raises:
        NotUnderstood: it is none of them.
    """
    text = asked.get(name, "")
    if not text:
        return default
    if text not in choices:
        raise NotUnderstood(f"{name} = {text!r}: choose from {', '.join(choices) or 'none'}")
    return text
