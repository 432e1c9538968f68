"""Which strategies may open in the market as it is? The selector, asked by a strategy's name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trader.strategies.selector import choose

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trader.domain.models import Observation
    from trader.domain.trading import Intent
    from trader.strategies.selector import Choice, SelectorSettings
    from trader.strategies.strategy import Strategy


class Families:
    """Knows the kind of every strategy. Invariant: it holds settings and names, and remembers
    nothing: the regime is asked for at each opening.
    """

    def __init__(self, strategies: Sequence[Strategy], settings: SelectorSettings) -> None:
        self._kinds = {one.name: one.kind for one in strategies}
        self._settings = settings

    def choice(self, intent: Intent, seen: Callable[[str], Observation]) -> Choice | None:
        """Tell whether an opening fits the regime that `seen` tells of its coin; None for
        everything else, for strangers, and where no regime is asked.
        """
        kind = self._kinds.get(intent.strategy)
        if intent.action != "open" or kind is None or not self._settings.enabled:
            return None
        return choose(self._settings, kind, seen(intent.underlying))
