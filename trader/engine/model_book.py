"""What have the models said, and how far are they believed? The fold of their facts.

Recovery and live take the same door, `apply`: weights, forecasts that wait for quotes and the
record of accuracy come back after a restart as they were.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from trader.domain.models import ModelCalibrated, RegimeChanged, WeightsAdopted
from trader.pricing.accuracy import Accuracy, bucket_of

if TYPE_CHECKING:
    from trader.domain.facts import Fact
    from trader.domain.models import Regime
    from trader.pricing.accuracy import Bucket


class Round(msgspec.Struct, frozen=True):
    """What models said of one surface; their forecasts wait for later quotes."""

    quoted_at: int
    regime: Regime | None
    said: dict[str, ModelCalibrated]


class ModelBook:
    """The models' facts, folded. Invariant: nothing here is known that no fact says."""

    def __init__(self) -> None:
        self.regimes: dict[str, RegimeChanged] = {}
        self.last: dict[tuple[str, str], ModelCalibrated] = {}
        self.fitted: dict[tuple[str, str], ModelCalibrated] = {}
        self.rounds: dict[str, Round] = {}
        self.beliefs: dict[tuple[str, Regime], dict[str, float]] = {}
        self.adopted: dict[str, tuple[int, WeightsAdopted]] = {}
        self.accuracy: dict[str, dict[Bucket, Accuracy]] = {}

    def apply(self, fact: Fact, at: int) -> None:
        """Fold one fact; those that are not about models change nothing."""
        match fact:
            case RegimeChanged():
                self.regimes[fact.underlying] = fact
            case ModelCalibrated():
                self._calibrated(fact)
            case WeightsAdopted():
                self._adopted(fact, at)
            case _:
                pass

    def regime(self, underlying: str) -> Regime | None:
        """Tell the regime that was last journaled."""
        changed = self.regimes.get(underlying)
        return changed.regime if changed is not None else None

    def belief(self, underlying: str, regime: Regime | None) -> dict[str, float]:
        """Tell what is believed of the models in a regime; nothing where nothing was learned."""
        return self.beliefs.get((underlying, regime), {}) if regime is not None else {}

    def _calibrated(self, said: ModelCalibrated) -> None:
        key = (said.underlying, said.model)
        self.last[key] = said
        if not said.reason:
            self.fitted[key] = said
        if not said.targets:
            return
        waiting = self.rounds.get(said.underlying)
        if waiting is None or waiting.quoted_at < said.quoted_at:
            waiting = Round(said.quoted_at, self.regime(said.underlying), {})
        if waiting.quoted_at == said.quoted_at:
            both = waiting.said | {said.model: said}
            self.rounds[said.underlying] = Round(waiting.quoted_at, waiting.regime, both)

    def _adopted(self, adopted: WeightsAdopted, at: int) -> None:
        underlying = adopted.underlying
        if adopted.regime is not None:
            self.beliefs[(underlying, adopted.regime)] = adopted.belief
        self.adopted[underlying] = (at, adopted)
        waiting = self.rounds.get(underlying)
        if waiting is not None and waiting.quoted_at <= adopted.quoted_at:
            del self.rounds[underlying]
        table = self.accuracy.setdefault(underlying, {})
        for score in adopted.scores:
            bucket = bucket_of(score, adopted.regime)
            table[bucket] = table.get(bucket, Accuracy()).with_score(score)
