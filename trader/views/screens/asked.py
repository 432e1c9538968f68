"""What does an address ask for? Its parts and its query, read with their bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trader.views.reading import NotUnderstood

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trader.views.reading import Asked

PLAIN: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
"""Bytes that stand in an address as they are (RFC 3986, "Unreserved Characters")."""


def part(text: str) -> str:
    """Write a text so that it is one part of an address, whatever stands in it.

    >>> part("C1-0"), part("a/b?c"), part("é")
    ('C1-0', 'a%2Fb%3Fc', '%C3%A9')
    """
    raw = text.encode("utf-8", "replace")
    return "".join(chr(one) if one in PLAIN else f"%{one:02X}" for one in raw)


def address(path: str, query: Mapping[str, str]) -> str:
    """Write an address; what is asked for with nothing is left out.

    >>> address("/chains", {"strategy": "a b", "before": ""})
    '/chains?strategy=a%20b'
    """
    asked = "&".join(f"{part(name)}={part(value)}" for name, value in query.items() if value)
    return f"{path}?{asked}" if asked else path


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
