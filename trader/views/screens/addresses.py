"""Where does each thing have its page? Addresses that any name can be part of."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING, Final

from trader.views.blocks import Cell

if TYPE_CHECKING:
    from trader.views.blocks import Tone

PLAIN: Final = frozenset((string.ascii_letters + string.digits + "-._~").encode())
"""Bytes that stand in an address as they are (RFC 3986, "unreserved")."""


def encoded(text: str) -> str:
    """Write any text as one part of an address.

    >>> encoded("a/b?c=1 é")
    'a%2Fb%3Fc%3D1%20%C3%A9'
    """
    return "".join(chr(one) if one in PLAIN else f"%{one:02X}" for one in text.encode())


def asking(path: str, **asked: str) -> str:
    """Write an address with a query; what is empty is left out.

    >>> asking("/verdicts", strategy="a b", rule="")
    '/verdicts?strategy=a%20b'
    """
    query = "&".join(f"{encoded(name)}={encoded(value)}" for name, value in asked.items() if value)
    return f"{path}?{query}" if query else path


def strategy_page(name: str, anchor: str = "") -> str:
    """Say where a strategy is told of."""
    return f"/strategies/{encoded(name)}" + (f"#{anchor}" if anchor else "")


def chain_page(chain_id: str) -> str:
    """Say where a chain is told of."""
    return f"/chains/{encoded(chain_id)}"


def verdict_page(verdict_id: str) -> str:
    """Say where a verdict is explained."""
    return f"/verdicts/{encoded(verdict_id)}"


def night_page(date: str) -> str:
    """Say where a night is told of."""
    return f"/nights/{encoded(date)}"


def strategy_cell(name: str, tone: Tone = "") -> Cell:
    """Name a strategy and lead to it."""
    return Cell(name, tone, href=strategy_page(name))


def chain_cell(chain_id: str) -> Cell:
    """Name a chain and lead to it."""
    return Cell(chain_id, href=chain_page(chain_id))


def verdict_cell(verdict_id: str) -> Cell:
    """Name a verdict and lead to its explanation."""
    return Cell(verdict_id, href=verdict_page(verdict_id))
