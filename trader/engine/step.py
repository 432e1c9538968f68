"""What has happened so far in this one step? Facts are folded the moment they are recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trader.domain.facts import Recorded

if TYPE_CHECKING:
    from collections.abc import Callable

    from trader.domain.facts import Fact
    from trader.engine.outcome import Request


class Step:
    """The facts and requests of one input, in order; names given here are unique for ever.

    `fold` makes a fact true in every book; it is called for each one before the next is thought of.
    """

    __slots__ = ("_fold", "_named", "at", "facts", "requests", "sequence")

    def __init__(self, fold: Callable[[Recorded], None], sequence: int, at: int) -> None:
        self._fold = fold
        self._named = 0
        self.sequence = sequence
        self.at = at
        self.facts: list[Fact] = []
        self.requests: list[Request] = []

    def record(self, fact: Fact) -> None:
        """Make a fact true at once."""
        self._fold(Recorded(self.sequence, self.at, fact))
        self.facts.append(fact)

    def name(self, kind: str) -> str:
        """Give the next id of this step, e.g. `V1234-0`."""
        named = f"{kind}{self.sequence}-{self._named}"
        self._named += 1
        return named
