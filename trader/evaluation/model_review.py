"""How good are the models, and did it matter? Regimes, weights, accuracy, edges, from facts alone.

The same for `trader models` and for the night, which reviews one day and what stood at its end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from trader.domain.models import (
    REGIMES,
    Edge,
    EdgesWeighed,
    ModelCalibrated,
    Regime,
    RegimeChanged,
    WeightsAdopted,
)
from trader.engine.model_book import ModelBook
from trader.pricing.accuracy import EXPIRIES, MONEYNESS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trader.domain.facts import Recorded

KINDS: Final = ("RegimeChanged", "ModelCalibrated", "WeightsAdopted", "EdgesWeighed")
"""The facts a review is made of."""
DECISIONS_MAX: Final = 20
"""Decisions in which a model alone would have done otherwise that are listed."""


class RegimeRow(msgspec.Struct, frozen=True, kw_only=True):
    """What kind of market it is, since when, and why. None: too little history."""

    underlying: str
    regime: Regime | None
    since: int
    reason: str


class WeightRow(msgspec.Struct, frozen=True, kw_only=True):
    """Weights of the models in one regime as they were adopted last, after how many rounds."""

    underlying: str
    regime: Regime
    adopted_at: int
    rounds: int
    weights: dict[str, float]


class RoundRow(msgspec.Struct, frozen=True, kw_only=True):
    """One round: forecasts met quotes, models lost, weights moved."""

    at: int
    underlying: str
    regime: Regime | None
    options: int
    losses: dict[str, float]
    weights: dict[str, float]


class AccuracyRow(msgspec.Struct, frozen=True, kw_only=True):
    """The record of a model in one bucket: mean absolute error and bias, fractions of volatility.

    `regime` "all", `moneyness` "all" or `expiry` "all" sum over the buckets.
    """

    underlying: str
    model: str
    regime: str
    moneyness: str
    expiry: str
    options: int
    mean_error: float
    bias: float


class FitRow(msgspec.Struct, frozen=True, kw_only=True):
    """What a model said last, and how often it was fitted, or was not, in the span."""

    said: ModelCalibrated
    fitted: int
    failed: int


class AloneRow(msgspec.Struct, frozen=True, kw_only=True):
    """What one model alone would have decided, against the ensemble, over the edges of a strategy.

    `edges` that the model has a value for; `ensemble` would have traded so many of them, the model
    alone `model`; `only_ensemble` and `only_model` are those in which they part.
    """

    strategy: str
    model: str
    edges: int
    ensemble: int
    model_alone: int
    only_ensemble: int
    only_model: int


class Disagreement(msgspec.Struct, frozen=True, kw_only=True):
    """One edge that some model alone would have decided otherwise; `otherwise` names them."""

    at: int
    strategy: str
    edge: Edge
    taken: bool
    otherwise: tuple[str, ...]


class ModelReview(msgspec.Struct, frozen=True, kw_only=True):
    """Everything known of the models at an instant; rounds, edges and accuracy are of the span."""

    regimes: tuple[RegimeRow, ...] = ()
    weights: tuple[WeightRow, ...] = ()
    rounds: tuple[RoundRow, ...] = ()
    accuracy: tuple[AccuracyRow, ...] = ()
    fits: tuple[FitRow, ...] = ()
    decisions: int = 0
    alone: tuple[AloneRow, ...] = ()
    disagreements: tuple[Disagreement, ...] = ()


def review(records: Iterable[Recorded], since: int, until: int) -> ModelReview:
    """Review what facts, oldest first, say of the models in [since, until), and before it."""
    found = _Reviewer(since)
    for recorded in records:
        if recorded.at >= until:
            break
        found.read(recorded)
    return found.result()


class _Reviewer:
    """Folds facts: all of them for what stands, those of the span for what happened in it."""

    def __init__(self, since: int) -> None:
        self._since = since
        self._book = ModelBook()
        self._span = ModelBook()
        self._regimes: dict[str, RegimeRow] = {}
        self._weights: dict[tuple[str, str], WeightRow] = {}
        self._rounds: list[RoundRow] = []
        self._counts: dict[tuple[str, str], list[int]] = {}
        self._weighed: list[tuple[int, EdgesWeighed]] = []

    def read(self, recorded: Recorded) -> None:
        """Take one fact in."""
        fact, at = recorded.fact, recorded.at
        self._book.apply(fact, at)
        inside = at >= self._since
        match fact:
            case RegimeChanged():
                self._regimes[fact.underlying] = RegimeRow(
                    underlying=fact.underlying, regime=fact.regime, since=at, reason=fact.reason
                )
            case ModelCalibrated() if inside:
                counts = self._counts.setdefault((fact.underlying, fact.model), [0, 0])
                counts[bool(fact.reason)] += 1
            case WeightsAdopted():
                self._adopted(fact, at, inside=inside)
            case EdgesWeighed() if inside:
                self._weighed.append((at, fact))
            case _:
                pass

    def _adopted(self, fact: WeightsAdopted, at: int, *, inside: bool) -> None:
        if fact.regime is not None:
            key = (fact.underlying, fact.regime)
            before = self._weights.get(key)
            self._weights[key] = WeightRow(
                underlying=fact.underlying,
                regime=fact.regime,
                adopted_at=at,
                rounds=1 if before is None else before.rounds + 1,
                weights=fact.weights,
            )
        if inside:
            self._span.apply(fact, at)
            self._rounds.append(
                RoundRow(
                    at=at,
                    underlying=fact.underlying,
                    regime=fact.regime,
                    options=fact.options,
                    losses=fact.losses,
                    weights=fact.weights,
                )
            )

    def result(self) -> ModelReview:
        """Sum up."""
        weights = sorted(
            self._weights.values(), key=lambda row: (row.underlying, REGIMES.index(row.regime))
        )
        fits = (
            FitRow(said=said, fitted=counts[0], failed=counts[1])
            for key, said in sorted(self._book.last.items())
            for counts in [self._counts.get(key, [0, 0])]
        )
        return ModelReview(
            regimes=tuple(self._regimes[name] for name in sorted(self._regimes)),
            weights=tuple(weights),
            rounds=tuple(self._rounds),
            accuracy=_accuracy(self._span),
            fits=tuple(fits),
            decisions=len(self._weighed),
            alone=_alone(self._weighed),
            disagreements=_disagreements(self._weighed),
        )


def _accuracy(book: ModelBook) -> tuple[AccuracyRow, ...]:
    """Lay out the table: each bucket, and above them each model over all of them."""
    rows = []
    for underlying, table in sorted(book.accuracy.items()):
        sums: dict[tuple[str, str, str, str], list[float]] = {}
        for (model, regime, moneyness, expiry), one in table.items():
            for key in (
                (model, "all", "all", "all"),
                (model, regime, "all", "all"),
                (model, regime, moneyness, expiry),
            ):
                total = sums.setdefault(key, [0, 0.0, 0.0])
                total[0] += one.options
                total[1] += one.absolute
                total[2] += one.signed
        for (model, regime, moneyness, expiry), total in sorted(sums.items(), key=_place):
            rows.append(
                AccuracyRow(
                    underlying=underlying,
                    model=model,
                    regime=regime,
                    moneyness=moneyness,
                    expiry=expiry,
                    options=int(total[0]),
                    mean_error=total[1] / total[0],
                    bias=total[2] / total[0],
                )
            )
    return tuple(rows)


_ORDERS: Final = (
    ("all", *REGIMES, "unknown"),
    ("all", *EXPIRIES),
    ("all", *MONEYNESS),
)


def _place(row: tuple[tuple[str, str, str, str], list[float]]) -> tuple[int, int, int, str]:
    """Sort by regime, expiry, moneyness, then model: sums first."""
    model, regime, moneyness, expiry = row[0]
    regimes, expiries, moneynesses = _ORDERS
    return regimes.index(regime), expiries.index(expiry), moneynesses.index(moneyness), model


def _alone(weighed: list[tuple[int, EdgesWeighed]]) -> tuple[AloneRow, ...]:
    """Count, per strategy and model, where they part from the ensemble."""
    counts: dict[tuple[str, str], list[int]] = {}
    for _, fact in weighed:
        for edge in fact.edges:
            for model in edge.worth.alone:
                row = counts.setdefault((fact.strategy, model), [0, 0, 0, 0, 0])
                both, alone = edge.enough, edge.enough_alone(model)
                row[0] += 1
                row[1] += both
                row[2] += alone
                row[3] += both and not alone
                row[4] += alone and not both
    return tuple(
        AloneRow(
            strategy=strategy, model=model, edges=row[0], ensemble=row[1], model_alone=row[2],
            only_ensemble=row[3], only_model=row[4],
        )
        for (strategy, model), row in sorted(counts.items())
    )  # fmt: skip


def _disagreements(weighed: list[tuple[int, EdgesWeighed]]) -> tuple[Disagreement, ...]:
    """List the last decisions that some model alone would have taken otherwise."""
    found = []
    for at, fact in weighed:
        for edge, taken in zip(fact.edges, fact.taken, strict=True):
            otherwise = tuple(
                model for model in edge.worth.alone if edge.enough_alone(model) != edge.enough
            )
            if otherwise:
                found.append(
                    Disagreement(
                        at=at, strategy=fact.strategy, edge=edge, taken=taken, otherwise=otherwise
                    )
                )
    return tuple(found[-DECISIONS_MAX:])
