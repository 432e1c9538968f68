"""Was this said today already? The refusals of changes of what is held, folded from the facts.

A strategy has no memory: what it may not do it proposes at each look, hundreds of times a day. The
gate is asked each time, and the first refusal of a chain, action and rule on a UTC day is the one
that is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trader.domain.units import utc_day

if TYPE_CHECKING:
    from trader.domain.trading import Action, Refused, Rule

CHANGES: Final[tuple[Action, ...]] = ("roll", "hedge", "add", "protect", "quote")
"""What a strategy proposes of a chain at every look; opens have a cadence, closes always pass."""


class Refusals:
    """The day on which each change of a living chain was last refused, by action and rule."""

    def __init__(self) -> None:
        self._days: dict[str, dict[tuple[Action, Rule], int]] = {}

    def __len__(self) -> int:
        return len(self._days)

    def take(self, refused: Refused, at: int) -> None:
        """Remember a refusal of a change; of a chain that lives."""
        intent = refused.intent
        if intent.chain_id is not None and intent.action in CHANGES:
            said = self._days.setdefault(intent.chain_id, {})
            said[intent.action, refused.rule] = utc_day(at)

    def known(self, refused: Refused, at: int) -> bool:
        """Tell whether the same chain was refused the same change by the same rule that day."""
        said = self._days.get(refused.intent.chain_id or "", {})
        return said.get((refused.intent.action, refused.rule)) == utc_day(at)

    def forget(self, chain_id: str) -> None:
        """Forget a chain that has ended."""
        self._days.pop(chain_id, None)
