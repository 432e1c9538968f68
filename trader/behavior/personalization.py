"""What suits a trader of this type, as things stand? Limits by type, tightened by alerts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, TypedDict

if TYPE_CHECKING:
    from collections.abc import Mapping


class StrategyParams(TypedDict):
    """Limits of one trader: position as a fraction of equity, stops in multiples of ATR."""

    max_position_pct: float
    sl_atr_mult: float
    tp_atr_mult: float
    min_confidence: float
    max_trades_per_day: int


def _params(
    position: float, stop: float, target: float, sure: float, trades: int
) -> StrategyParams:
    return {
        "max_position_pct": position,
        "sl_atr_mult": stop,
        "tp_atr_mult": target,
        "min_confidence": sure,
        "max_trades_per_day": trades,
    }


STRATEGY_PARAMS: Final = {
    0: _params(0.02, 1.5, 2.0, 0.70, 3),
    1: _params(0.05, 2.0, 3.0, 0.60, 5),
    2: _params(0.10, 2.5, 4.0, 0.55, 10),
    3: _params(0.03, 0.5, 1.0, 0.55, 50),
    4: _params(0.08, 3.0, 5.0, 0.65, 2),
}
"""By type: Conservative, Moderate, Aggressive, Scalper, Swing Trader."""
MODERATE: Final = 1
"""Whoever is of no known type is taken for Moderate."""
REVENGE_CONFIDENCE: Final = 0.15
CONFIDENCE_MAX: Final = 0.9


class PersonalizationEngine:
    """Turns a profile and the alerts of the moment into limits."""

    def __init__(self) -> None:
        self.strategy_params = STRATEGY_PARAMS

    def get_personalized_params(
        self, trader_profile: Mapping[str, Any], behavior_alerts: Mapping[str, Any]
    ) -> StrategyParams:
        """Return the limits of the profile's `cluster`, as `analyze` tightens them.

        The multiplier shrinks the position, revenge asks for more confidence, overtrading halves
        the trades of a day.

        Raises:
            ValueError: the multiplier is no fraction from 0 to 1.
        """
        kind = trader_profile.get("cluster", MODERATE)
        params = self.strategy_params.get(kind, self.strategy_params[MODERATE]).copy()
        multiplier = float(behavior_alerts.get("risk_multiplier", 1.0))
        if not (math.isfinite(multiplier) and 0 <= multiplier <= 1):
            raise ValueError(f"risk_multiplier is {multiplier}, must be a fraction from 0 to 1")
        raised = {one["type"] for one in behavior_alerts.get("alerts", ())}
        params["max_position_pct"] *= multiplier
        if "REVENGE_TRADING" in raised:
            params["min_confidence"] = min(
                params["min_confidence"] + REVENGE_CONFIDENCE, CONFIDENCE_MAX
            )
        if "OVERTRADING" in raised:
            params["max_trades_per_day"] = max(1, params["max_trades_per_day"] // 2)
        return params
