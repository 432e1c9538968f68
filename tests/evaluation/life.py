"""How does a strategy rise and fall in these tests? Nights of evaluations, the real engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tests.engine.floor import Floor
from trader.domain.events import Promote
from trader.domain.units import DAY, iso
from trader.engine.stages import StageSettings
from trader.evaluation.night import Night, PaperTrades, Subject, conclude, needs_of

if TYPE_CHECKING:
    from trader.evaluation.strategy_card import Scorecard

SETTINGS = StageSettings()


class Life:
    """One strategy on a trading floor; nights come one a day."""

    def __init__(self) -> None:
        self.floor = Floor(stages={"alpha": "RESEARCH"})
        self.nights: list[Night] = []

    def wait(self, days: int) -> None:
        """Let days go by, without a trade."""
        self.floor.pass_time(days * DAY)

    def night(self, card: Scorecard, paper: PaperTrades | None = None) -> Subject:
        """Judge the day that ended, and let the engine take it."""
        self.wait(1)
        date = iso(self.floor.at - DAY)[:10]
        subjects = conclude(
            [card], self.floor.engine.ledger, {}, SETTINGS,
            {"alpha": paper or PaperTrades()}, {}, date,
        )  # fmt: skip
        night = Night(
            date=date, ends_at=self.floor.at // DAY * DAY, profile="full", market="test",
            software="0", subjects=subjects, needs=needs_of(subjects), notes=(),
        )  # fmt: skip
        self.nights.append(night)
        decoded = msgspec.json.decode(
            msgspec.json.encode(night.decisions), type=type(night.decisions)
        )
        self.floor.send(decoded)
        return subjects[0]

    def promote(self, *, override: bool = False) -> list[str]:
        """Let a person raise it to the top; return what was answered."""
        command = Promote(
            by="ana", reason="earned it", strategy="alpha", stage="PRODUCTION", override=override
        )
        return [alert.text for alert in self.floor.send(command).alerts]

    @property
    def stage(self) -> str:
        """Tell where it lives."""
        return self.floor.engine.ledger.stages["alpha"].stage
