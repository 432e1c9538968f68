"""A trader who tilts, planted for the behavior layer: calm losses, then doubled ones in a hurry.

It sells a call and buys it back at the next review, which costs spread and fees each time. From
18:00 UTC it does so every half hour; from 20:10 on every ten minutes and four times as large. At
06:00, 12:00 and 16:00 it sells twice its calm size and holds, for what is granted to be seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import pydantic

from trader.domain.situation import Situation
from trader.domain.trading import Intent, Leg, Pricing
from trader.domain.units import DAY, HOUR, MINUTE
from trader.strategies.strategy import Cadence, SketchLeg

CALM_FROM, HURRIED_FROM, HURRIED_TO = 18 * HOUR, 20 * HOUR + 10 * MINUTE, 21 * HOUR
SEEN_AT = (6 * HOUR, 12 * HOUR, 16 * HOUR)


class TiltedSettings(pydantic.BaseModel):
    """Its calm size in coins."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    size: float = 0.4


class Tilted:
    """Follows the clock alone, so that every restart and replay finds it the same."""

    kind: ClassVar[str] = "tilted"
    Settings: ClassVar[type[pydantic.BaseModel]] = TiltedSettings

    def __init__(
        self, *, name: str, underlying: str, settings: pydantic.BaseModel, timetable: Cadence
    ) -> None:
        assert isinstance(settings, TiltedSettings)
        self.name, self.underlying, self.settings = name, underlying, settings
        self._timetable = timetable

    def cadence(self) -> Cadence:
        """Be asked as configured: every ten minutes, about exits more often."""
        return self._timetable

    def propose(self, situation: Situation) -> tuple[Intent, ...]:
        """Buy back what is to be bought back, then sell what the clock says."""
        time = situation.at % DAY // (10 * MINUTE) * (10 * MINUTE)
        closes = tuple(
            self._intent("close", (), "bought back", chain_id=one.chain_id)
            for one in situation.chains
            if one.state == "open" and one.approved_at % DAY >= CALM_FROM
        )
        free = not any(one.approved_at % DAY >= CALM_FROM for one in situation.chains)
        if situation.occasion != "open" or not free or (size := self._size(time)) is None:
            return closes
        board = situation.board
        fit = board.is_call & board.fresh & (board.bid > 0) & (board.ask > 0)
        later = board.expires_at[fit & (board.expires_at > situation.at + 4 * HOUR)]
        if not len(later):
            return closes
        rows = np.flatnonzero(fit & (board.expires_at == later.min()))
        row = rows[np.argmin(np.abs(board.delta[rows] - 0.25))]
        bid = float(board.bid[row])
        pricing = Pricing(limit_net=-bid, worst_net=-bid / 2, lifetime=5 * MINUTE)
        legs = (Leg(board.instruments[row].name, -1),)
        return (*closes, self._intent("open", legs, "tilt", amount=size, pricing=pricing))

    def _size(self, time: int) -> float | None:
        """Tell what to sell at a time of day; None for nothing."""
        if time in SEEN_AT:
            return self.settings.size * 2
        if CALM_FROM <= time < HURRIED_FROM:
            return self.settings.size if time % (30 * MINUTE) == 0 else None
        return self.settings.size * 4 if HURRIED_FROM <= time < HURRIED_TO else None

    def _intent(self, action: object, legs: tuple[Leg, ...], reason: str, **more: object) -> Intent:
        return Intent(
            strategy=self.name, action=action, underlying=self.underlying, legs=legs,  # type: ignore[arg-type]
            confidence=0.75, reason=reason, **more,  # type: ignore[arg-type]
        )  # fmt: skip

    def parameter_space(self) -> Mapping[str, tuple[float, ...]]:
        """Offer nothing to study."""
        return {}

    def sketch(self, index: float, iv: float, at: int) -> tuple[SketchLeg, ...]:
        """Draw nothing."""
        return ()
