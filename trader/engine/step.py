"""What has happened so far in this one step? Facts are folded the moment they are recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trader.domain.facts import Recorded

if TYPE_CHECKING:
    from trader.domain.facts import Fact
    from trader.engine.ledger import Ledger
    from trader.engine.outcome import Request
    from trader.engine.paper_broker import PaperBroker


class Step:
    """The facts and requests of one input, in order; names given here are unique for ever."""

    __slots__ = ("_broker", "_ledger", "_named", "at", "facts", "requests", "sequence")

    def __init__(self, ledger: Ledger, broker: PaperBroker, sequence: int, at: int) -> None:
        self._ledger = ledger
        self._broker = broker
        self._named = 0
        self.sequence = sequence
        self.at = at
        self.facts: list[Fact] = []
        self.requests: list[Request] = []

    def record(self, fact: Fact) -> None:
        """Make a fact true: the ledger and the broker's book of taken size fold it at once."""
        self._ledger.apply(Recorded(self.sequence, self.at, fact))
        self._broker.recall(fact)
        self.facts.append(fact)

    def name(self, kind: str) -> str:
        """Give the next id of this step, e.g. `V1234-0`."""
        named = f"{kind}{self.sequence}-{self._named}"
        self._named += 1
        return named
