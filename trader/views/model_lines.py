"""What does the log say of the models? Regimes, calibrations, weights and edges, in a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trader.views.text import number, percent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trader.domain.models import (
        Edge,
        EdgesWeighed,
        ModelCalibrated,
        RegimeChanged,
        WeightsAdopted,
    )
    from trader.views.trade_lines import Fields


def points(vol: float) -> str:
    """Tell a volatility, or an error of one, in points."""
    return f"{100.0 * vol:.2f} points"


def counted(excluded: Mapping[str, int]) -> str:
    """List how many quotes were left out, by reason, most first."""
    ranked = sorted(excluded.items(), key=lambda one: (-one[1], one[0]))
    return ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in ranked)


def shares(weights: Mapping[str, float]) -> str:
    """List weights, largest first."""
    ranked = sorted(weights.items(), key=lambda one: (-one[1], one[0]))
    return ", ".join(f"{name} {percent(weight)}" for name, weight in ranked)


def regime_changed(fact: RegimeChanged) -> Fields:
    """Tell what kind of market it is now, and why."""
    return {
        "message": f"{fact.underlying}: market is {fact.regime or 'unknown'} now: {fact.reason}",
        "underlying": fact.underlying,
        "regime": fact.regime or "unknown",
    }


def calibrated(fact: ModelCalibrated) -> Fields:
    """Tell how a model fits, or why it was not fitted."""
    left_out = f"; left out: {counted(fact.excluded)}" if fact.excluded else ""
    if fact.reason:
        message = f"{fact.underlying}: {fact.model} not calibrated: {fact.reason}{left_out}"
    else:
        edge = f", at its bounds: {', '.join(fact.at_bound)}" if fact.at_bound else ""
        message = (
            f"{fact.underlying}: {fact.model} fits {fact.quotes} quotes of {len(fact.expiries)}"
            f" expiries to {points(fact.error)} in {fact.took_s:.2f} s{edge}{left_out}"
        )
    return {
        "message": message,
        "underlying": fact.underlying,
        "model": fact.model,
        "parameters": " ".join(number(one) for one in fact.parameters),
        "reason": fact.reason,
    }


def adopted(fact: WeightsAdopted) -> Fields:
    """Tell what each model lost, and how much it counts now."""
    lost = ", ".join(f"{name} {loss:.3f}" for name, loss in fact.losses.items())
    return {
        "message": (
            f"{fact.underlying}, {fact.regime or 'unknown regime'}: {fact.options} forecasts met"
            f" quotes, lost {lost}; weights {shares(fact.weights)}"
        ),
        "underlying": fact.underlying,
        "regime": fact.regime or "unknown",
        "weights": shares(fact.weights),
    }


def weighed(fact: EdgesWeighed) -> Fields:
    """Tell what edges a strategy saw, and whether it took one."""
    told = "; ".join(
        f"{edge_text(edge)}{' (taken)' if taken else ''}"
        for edge, taken in zip(fact.edges[:3], fact.taken, strict=False)
    )
    more = len(fact.edges) - 3 + fact.unshown
    rest = f"; and {more} more" if more > 0 else ""
    return {
        "message": f"{fact.strategy} weighed {told or 'nothing'}{rest}",
        "strategy": fact.strategy,
        "underlying": fact.underlying,
        "regime": fact.regime or "unknown",
    }


def edge_text(edge: Edge) -> str:
    """Tell one edge with all it was held against."""
    legs = " ".join(f"{leg.ratio:+g} {leg.instrument}" for leg in edge.legs)
    return (
        f"{legs}: worth {number(edge.worth.value)} +- {number(edge.worth.uncertainty)} against"
        f" {number(edge.net)} and {number(edge.costs)} of costs, gain {number(edge.gain)}"
    )
