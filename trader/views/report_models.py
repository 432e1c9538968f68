"""What does a night tell of the models? Regimes, weights, accuracy, and what each alone decides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trader.views import report_numbers as say
from trader.views.blocks import Prose, Section, Table, columns, row
from trader.views.model_lines import edge_text, points, shares
from trader.views.models import NO_EDGE, parameters_text

if TYPE_CHECKING:
    from trader.evaluation.model_review import ModelReview
    from trader.views.blocks import Block

TITLE: Final = "Models"
OFF: Final = "No model takes part (`ensemble.enabled = false`, or none was calibrated yet)."
_INTRODUCTION: Final = (
    "Each model is fitted to the quotes of a board and forecasts the volatility of the same "
    "options; later quotes decide what it lost, and how much it counts in that kind of market. "
    "Errors are in volatility points: a positive bias sees more volatility than came."
)


def model_sections(review: ModelReview | None) -> tuple[Section, ...]:
    """Write the chapter on the models; none where a night knows nothing of them."""
    if review is None:
        return ()
    if not review.fits:
        blocks = (*_regimes(review), Prose(OFF, "muted"))
        return (Section(TITLE, blocks, "models", 2),)
    return (
        Section(TITLE, (Prose(_INTRODUCTION), *_regimes(review)), "models", 2),
        Section("How far each model is believed", (_weights(review), _fits(review))),
        Section("How well they forecast that day", (_accuracy(review),)),
        Section("What each model alone would have decided", _alone(review)),
    )


def _regimes(review: ModelReview) -> tuple[Block, ...]:
    rows = tuple(
        row(one.underlying, one.regime or "unknown", say.minute(one.since), one.reason)
        for one in review.regimes
    )
    return (Table(columns("coin", "market", "since", "because"), rows, stacked=True),)


def _weights(review: ModelReview) -> Block:
    rows = tuple(
        row(one.underlying, one.regime, shares(one.weights), str(one.rounds))
        for one in review.weights
    )
    if not rows:
        return Prose("All count alike: no forecast was held against quotes yet.", "muted")
    return Table(columns("coin", "market", "weights", "#rounds"), rows, stacked=True)


def _fits(review: ModelReview) -> Block:
    rows = tuple(
        row(
            one.said.underlying,
            one.said.model,
            say.minute(one.said.quoted_at),
            "not fitted" if one.said.reason else points(one.said.error),
            f"{one.fitted}/{one.failed}",
            parameters_text(one.said),
        )
        for one in review.fits
    )
    heads = columns("coin", "model", "last", "#fit error", "#fitted/failed", "parameters")
    return Table(heads, rows, stacked=True)


def _accuracy(review: ModelReview) -> Block:
    rows = tuple(
        row(
            one.underlying,
            one.regime,
            one.expiry,
            one.moneyness,
            one.model,
            str(one.options),
            points(one.mean_error),
            f"{100.0 * one.bias:+.2f}",
        )
        for one in review.accuracy
    )
    if not rows:
        return Prose("No forecast was old enough to be held against quotes.", "muted")
    heads = columns(
        "coin", "market", "expiry", "moneyness", "model", "#forecasts", "#mean error", "#bias"
    )
    return Table(heads, rows)


def _alone(review: ModelReview) -> tuple[Block, ...]:
    if not review.decisions:
        return (Prose(f"{NO_EDGE[0].upper()}{NO_EDGE[1:]}.", "muted"),)
    counts = tuple(
        row(
            one.strategy,
            one.model,
            *map(str, (one.edges, one.ensemble, one.model_alone)),
            str(one.only_ensemble),
            str(one.only_model),
        )
        for one in review.alone
    )
    heads = columns(
        "strategy", "model", "#edges", "#ensemble trades", "#alone trades", "#only ensemble",
        "#only model",
    )  # fmt: skip
    apart = tuple(
        row(
            say.minute(one.at),
            one.strategy,
            "taken" if one.taken else "left",
            edge_text(one.edge),
            ", ".join(one.otherwise),
        )
        for one in review.disagreements
    )
    listed = Table(
        columns("time", "strategy", "was", "edge per unit", "alone otherwise"), apart, stacked=True
    )
    return (Table(heads, counts), *((listed,) if apart else ()))
