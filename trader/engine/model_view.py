"""What may a strategy ask the models? A board of one instant, valued row by row when it asks."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from trader.domain.models import Edge, EdgesWeighed
from trader.domain.units import YEAR
from trader.pricing import ensemble

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trader.domain.market import Board, Floats, Ints
    from trader.domain.models import Observation, Worth
    from trader.domain.trading import Intent, Leg
    from trader.pricing.ensemble import Believed

EDGES_MAX: Final = 8
"""Edges of one decision that are journaled."""


class BoardModels:
    """The models that are believed, on one board. It remembers which edges it was asked for.

    Regime and models are looked up when somebody asks, within the step that shows the board.
    """

    __slots__ = ("_asked", "_believe", "_believed", "_board", "_look", "_seen")

    def __init__(
        self,
        board: Board,
        look: Callable[[], Observation],
        believe: Callable[[Observation], Sequence[Believed]],
    ) -> None:
        self._board = board
        self._look = look
        self._believe = believe
        self._seen: Observation | None = None
        self._believed: tuple[Believed, ...] | None = None
        self._asked: list[Edge] = []

    @property
    def seen(self) -> Observation:
        """The regime of the underlying, and why."""
        if self._seen is None:
            self._seen = self._look()
        return self._seen

    @property
    def _models(self) -> tuple[Believed, ...]:
        if self._believed is None:
            self._believed = tuple(self._believe(self.seen))
        return self._believed

    def vols(self, rows: Ints) -> Floats:
        """Return the ensemble's implied volatility of rows; NaN where it has none."""
        found = np.full(len(rows), np.nan)
        sound = self._sound(rows)
        if self._models and sound.any():
            found[sound] = ensemble.vols(self._models, *self._columns(rows[sound])[1:])
        return found

    def worth(self, legs: Sequence[Leg]) -> Worth | None:
        """Value a structure of options; None where a leg is none of the board or no model can."""
        places = [self._board.row(leg.instrument) for leg in legs]
        rows = np.array([place for place in places if place is not None], dtype=np.int64)
        if not self._models or len(rows) != len(legs) or not len(rows):
            return None
        if not self._sound(rows).all():
            return None
        ratio = np.array([leg.ratio for leg in legs])
        kind, forward, strike, years = self._columns(rows)
        unit = np.where(self._board.inverse[rows], forward, 1.0)
        return ensemble.worth(self._models, kind, forward, strike, years, ratio, unit)

    def edge(
        self, legs: Sequence[Leg], net: float, *, costs: float = 0.0, needed: float = 0.0
    ) -> Edge | None:
        """Hold a structure's worth against its executable net price; None where there is none."""
        worth = self.worth(legs)
        if worth is None:
            return None
        numbers = (net, costs, needed, worth.value, worth.uncertainty)
        if not all(math.isfinite(one) for one in numbers):
            return None
        edge = Edge(legs=tuple(legs), net=net, costs=costs, needed=needed, worth=worth)
        self._asked.append(edge)
        return edge

    def asked_of(self, legs: Sequence[Leg]) -> Worth | None:
        """Tell what was answered when a structure's edge was asked for; None where none was."""
        asked = tuple(legs)
        return next((edge.worth for edge in reversed(self._asked) if edge.legs == asked), None)

    def weighed(self, strategy: str, intents: Sequence[Intent]) -> EdgesWeighed | None:
        """Tell which edges were asked for and what was wished for; None where none were."""
        if not self._asked:
            return None
        wished = {intent.legs: None for intent in intents}
        once = {(edge.legs, edge.net): edge for edge in self._asked}
        ranked = sorted(
            once.values(), key=lambda edge: (edge.legs not in wished, -edge.gain, edge.net)
        )
        shown = tuple(ranked[:EDGES_MAX])
        return EdgesWeighed(
            strategy=strategy,
            underlying=self._board.underlying,
            regime=self.seen.regime,
            edges=shown,
            taken=tuple(edge.legs in wished for edge in shown),
            unshown=len(ranked) - len(shown),
        )

    def _columns(self, rows: Ints) -> tuple[Ints, Floats, Floats, Floats]:
        board = self._board
        kind = np.where(board.is_call[rows], 1, -1)
        years = np.maximum(board.expires_at[rows] - board.at, 0) / YEAR
        return kind, board.underlying_price[rows], board.strike[rows], years

    def _sound(self, rows: Ints) -> np.ndarray:
        forward = self._board.underlying_price[rows]
        return (forward > 0) & np.isfinite(forward)
