"""How may a program ask? Bounded questions; the same words mean the same in every one."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

PREFIX: Final = "/api/v1"
"""Where the answers lie, for programs."""
LIMIT: Final = 50
LIMIT_MAX: Final = 500
SCAN_MAX: Final = 20_000
"""So many facts are looked at for one answer; where that did not fill it, `next` goes on."""
ID_MAX: Final = 2**63 - 1

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Limit = Annotated[
    int, msgspec.Meta(ge=1, le=LIMIT_MAX, description="How many at most, newest first.")
]
Before = Annotated[
    int,
    msgspec.Meta(
        ge=1, le=ID_MAX, description="Only what is older than this id: the `next` of an answer."
    ),
]
Strategy = Annotated[
    str, msgspec.Meta(min_length=1, max_length=200, description="Only of this strategy.")
]
Date = Annotated[
    str, msgspec.Meta(pattern=r"^\d{4}-\d{2}-\d{2}$", description="A UTC day, YYYY-MM-DD.")
]


class Question(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an address asks; this one asks nothing beyond its path."""


class Paged(Question, frozen=True, kw_only=True):
    """Asks for a page of what is ordered by id, newest first."""

    limit: Limit = LIMIT
    before: Before | None = None
