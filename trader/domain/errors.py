"""What can go wrong, by consequence.

TraderError
├── ConfigurationError   refuse to start, one readable line per mistake (exit 78)
├── FeedError            expected: back off, retry, say so
├── StorageError         stop, do not guess (exit 74)
│   └── JournalLocked    another daemon owns the journal (exit 73)
└── InvariantBroken      our bug: crash, the supervisor restarts, recovery folds facts

A risk refusal, a failed study and a stale quote are values, not errors.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class TraderError(Exception):
    """The root of every error this package raises on purpose."""


class ConfigurationError(TraderError):
    """The configuration cannot be run; carries every mistake found, one line each."""

    def __init__(self, mistakes: str | Iterable[str]) -> None:
        self.mistakes = (mistakes,) if isinstance(mistakes, str) else tuple(mistakes)
        super().__init__("\n".join(self.mistakes))


class FeedError(TraderError):
    """The market's connection misbehaved; the client backs off and carries on."""


class StorageError(TraderError):
    """The journal cannot be trusted or written; nothing may go on without it."""


class JournalLocked(StorageError):
    """Another process writes this journal."""


class InvariantBroken(TraderError):
    """Something that must always hold does not: a bug of ours."""


def nearest(word: str, known: Iterable[str]) -> str:
    """Point from an unknown word to the one probably meant, or list what is known."""
    names = sorted(known)
    close = get_close_matches(word.lower(), [name.lower() for name in names], n=1, cutoff=0.6)
    match = next((name for name in names if close and name.lower() == close[0]), None)
    if match is not None:
        return f"did you mean {match}?"
    return f"known here: {', '.join(names)}" if names else "nothing can stand here"
