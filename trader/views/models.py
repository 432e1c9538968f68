"""What does `trader models` print? Regimes, weights, their history, accuracy, the last fits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trader.domain.units import iso
from trader.views.model_lines import counted, edge_text, points, shares
from trader.views.text import Column, number, table

if TYPE_CHECKING:
    from trader.domain.models import ModelCalibrated
    from trader.evaluation.model_review import ModelReview

ROUNDS_SHOWN: Final = 12
NO_FACTS: Final = (
    "no model was calibrated yet: the daemon asks for it at `calibration.every_minutes`"
    " (with `ensemble.enabled = false` never)"
)
NO_EDGE: Final = "no decision depended on a model: no strategy that ran asks for an edge"
_FIT_COLUMNS: Final = (
    Column("coin", "coin"),
    Column("model", "model"),
    Column("at", "last calibration"),
    Column("error", "fit error", "right"),
    Column("quotes", "quotes", "right"),
    Column("took", "took", "right"),
    Column("times", "fitted/failed", "right"),
    Column("parameters", "parameters, or why not"),
)
_ACCURACY_COLUMNS: Final = (
    Column("coin", "coin"),
    Column("regime", "regime"),
    Column("expiry", "expiry"),
    Column("moneyness", "moneyness"),
    Column("model", "model"),
    Column("options", "forecasts", "right"),
    Column("mean_error", "mean error", "right"),
    Column("bias", "bias", "right"),
)
_ALONE_COLUMNS: Final = (
    Column("strategy", "strategy"),
    Column("model", "model"),
    Column("edges", "edges", "right"),
    Column("ensemble", "ensemble trades", "right"),
    Column("alone", "model alone", "right"),
    Column("apart", "apart", "right"),
)


def models_text(review: ModelReview, *, buckets: bool = True) -> str:
    """Write the whole review; without `buckets` accuracy is told per regime alone."""
    if not (review.fits or review.regimes):
        return NO_FACTS
    parts = [
        _titled("market", _regimes(review)),
        _titled("weights by regime", _weights(review)),
        _titled(f"last rounds, {ROUNDS_SHOWN} at most", _rounds(review)),
        _titled(
            "accuracy: forecasts against later quotes, in volatility",
            table(_accuracy_rows(review, buckets=buckets), _ACCURACY_COLUMNS),
        ),
        _titled("last calibrations", table(_fit_rows(review), _FIT_COLUMNS)),
        _titled("fit error by expiry", "\n".join(_expiries(review)) or "(none)"),
        _titled("what each model alone would have decided", _alone(review)),
    ]
    return "\n\n".join(parts)


def _titled(title: str, text: str) -> str:
    return f"{title}\n{text}"


def _regimes(review: ModelReview) -> str:
    lines = [
        f"  {one.underlying}  {one.regime or 'unknown'} since {iso(one.since)}: {one.reason}"
        for one in review.regimes
    ]
    return "\n".join(lines) or "(none)"


def _weights(review: ModelReview) -> str:
    lines = [
        f"  {one.underlying}  {one.regime:<9} {shares(one.weights)} "
        f"({one.rounds} rounds, the last {iso(one.adopted_at)})"
        for one in review.weights
    ]
    return "\n".join(lines) or "  all equal: nothing was learned yet"


def _rounds(review: ModelReview) -> str:
    lines = [
        f"  {iso(one.at)}  {one.underlying}  {one.regime or 'unknown':<9}"
        f" {one.options:>3} forecasts, lost "
        + ", ".join(f"{model} {loss:.3f}" for model, loss in one.losses.items())
        + f"; weights {shares(one.weights)}"
        for one in review.rounds[-ROUNDS_SHOWN:]
    ]
    return "\n".join(lines) or "(none)"


def _accuracy_rows(review: ModelReview, *, buckets: bool) -> list[dict[str, str]]:
    return [
        {
            "coin": one.underlying,
            "regime": one.regime,
            "expiry": one.expiry,
            "moneyness": one.moneyness,
            "model": one.model,
            "options": str(one.options),
            "mean_error": points(one.mean_error),
            "bias": f"{100.0 * one.bias:+.2f}",
        }
        for one in review.accuracy
        if buckets or one.moneyness == "all"
    ]


def _fit_rows(review: ModelReview) -> list[dict[str, str]]:
    return [
        {
            "coin": one.said.underlying,
            "model": one.said.model,
            "at": iso(one.said.quoted_at),
            "error": "" if one.said.reason else points(one.said.error),
            "quotes": str(one.said.quotes),
            "took": "" if one.said.reason else f"{one.said.took_s:.2f} s",
            "times": f"{one.fitted}/{one.failed}",
            "parameters": parameters_text(one.said),
        }
        for one in review.fits
    ]


def parameters_text(said: ModelCalibrated) -> str:
    """Tell the parameters of a fit, or why there is none, and what was left out."""
    left_out = f" (left out: {counted(said.excluded)})" if said.excluded else ""
    if said.reason:
        return f"{said.reason}{left_out}"
    bound = f", at its bounds: {' '.join(said.at_bound)}" if said.at_bound else ""
    return " ".join(f"{one:.4g}" for one in said.parameters) + bound + left_out


def _expiries(review: ModelReview) -> list[str]:
    return [
        f"  {fit.said.underlying} {fit.said.model}: "
        + ", ".join(
            f"{number(round(365.0 * one.years, 1))} d {points(one.error)}"
            for one in fit.said.expiries
        )
        for fit in review.fits
        if fit.said.expiries
    ]


def _alone(review: ModelReview) -> str:
    if not review.decisions:
        return f"  {NO_EDGE}"
    rows = [
        {
            "strategy": one.strategy,
            "model": one.model,
            "edges": str(one.edges),
            "ensemble": str(one.ensemble),
            "alone": str(one.model_alone),
            "apart": str(one.only_ensemble + one.only_model),
        }
        for one in review.alone
    ]
    lines = [table(rows, _ALONE_COLUMNS)]
    lines += [
        f"  {iso(one.at)} {one.strategy} {'took' if one.taken else 'left'} {edge_text(one.edge)};"
        f" alone otherwise: {', '.join(one.otherwise)}"
        for one in review.disagreements
    ]
    return "\n".join(lines)
