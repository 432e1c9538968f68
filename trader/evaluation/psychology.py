"""Can a person live with this strategy? A score of how often it wins and how badly it can hurt.

The score starts at 50 and can only lie between 35 and 71.25; it does not punish a negative
expectancy. It is therefore shown with its range and its thresholds, never as a percentage.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from trader.evaluation.monte_carlo import VarianceProfile
    from trader.evaluation.trade_stats import StrategyStats

SCORE_MIN: Final = 35.0
SCORE_MAX: Final = 71.25
SCORE_NEUTRAL: Final = 50.0
POINTS: Final = {
    "win_rate_score": 10.0,
    "expectancy_score": 7.5,
    "streak_penalty": -5.0,
    "dd_penalty": -2.5,
}
"""Points of the score by one unit of each component: 25 times its weight."""


class PsychologyScore(msgspec.Struct, frozen=True):
    """A score from 35 to 71.25 and the four components it is made of, in their own units."""

    score: float
    components: dict[str, float]


def compute_psychology_score(
    stats: StrategyStats, variance: VarianceProfile, target_expectancy_per_trade: float = 0.001
) -> PsychologyScore:
    """Score wins and expectancy against the worst simulated losing run and drawdown.

    Raises:
        ValueError: the target is not positive, or an input is not finite; names it.
    """
    if not (math.isfinite(target_expectancy_per_trade) and target_expectancy_per_trade > 0):
        raise ValueError(
            f"target_expectancy_per_trade is {target_expectancy_per_trade}, must be a positive"
            " fraction, e.g. 0.001"
        )
    inputs = {
        "win_rate": stats.win_rate,
        "expectancy_per_trade": stats.expectancy_per_trade,
        "worst_max_dd": variance.worst_max_dd,
    }
    for name, value in inputs.items():
        if not math.isfinite(value):
            raise ValueError(f"{name} is {value}, must be finite: check the trades it came from")
    win_rate_score = min(max((stats.win_rate - 0.4) / 0.4, 0.0), 1.0)
    expectancy_score = min(max(stats.expectancy_per_trade / target_expectancy_per_trade, 0.0), 1.5)
    streak_penalty = min(variance.worst_max_loss_streak / 10.0, 2.0)
    dd_penalty = min(abs(variance.worst_max_dd) / 0.3, 2.0)
    raw_score = (
        0.4 * win_rate_score + 0.3 * expectancy_score - 0.2 * streak_penalty - 0.1 * dd_penalty
    )
    return PsychologyScore(
        score=(max(raw_score, -2.0) + 2.0) * 25.0,
        components={
            "win_rate_score": win_rate_score,
            "expectancy_score": expectancy_score,
            "streak_penalty": streak_penalty,
            "dd_penalty": dd_penalty,
        },
    )


def component_points(psych: PsychologyScore) -> dict[str, float]:
    """Return what each component adds to the neutral 50, in points of the score."""
    return {name: weight * psych.components[name] for name, weight in POINTS.items()}


def score_sentence(score: float, pilot: float = 40.0, production: float = 60.0) -> str:
    """Say a score with its range and what the stages ask for.

    >>> score_sentence(57.6667)
    '57.7 (possible 35.0-71.3; pilot needs 40, production 60)'
    """
    highest = math.ceil(SCORE_MAX * 10.0) / 10.0  # outward: no score is shown beyond its range
    return (
        f"{score:.1f} (possible {SCORE_MIN:.1f}-{highest:.1f};"
        f" pilot needs {pilot:g}, production {production:g})"
    )
