"""What do the boards show at this instant? Copies taken on the loop, read beside the engine."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from trader.views.reading import BoardNow

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trader.engine.engine import Engine

FRESH_S: Final = 0.1
"""Wall seconds for which one copy serves all who look."""


class Present:
    """The boards of a running engine. Invariant: what it gave never changes."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._taken_at = float("-inf")
        self._boards: Mapping[tuple[str, bool], BoardNow] = {}

    def boards(self) -> Mapping[tuple[str, bool], BoardNow]:
        """Copy what is shown, by underlying and whether coins settle it; call it on the loop."""
        now = asyncio.get_running_loop().time()
        if now - self._taken_at >= FRESH_S:
            self._boards = dict(self._copied())
            self._taken_at = now
        return self._boards

    def _copied(self) -> list[tuple[tuple[str, bool], BoardNow]]:
        market, models = self._engine.market, self._engine.models
        found = []
        for underlying in sorted(market.rates()):
            for inverse in (True, False):
                board = market.board(underlying, inverse=inverse)
                if len(board):
                    seen, believed = models.now(board)
                    found.append(((underlying, inverse), BoardNow(board, inverse, seen, believed)))
        return found
