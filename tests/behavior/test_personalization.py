"""Are limits those of the type, tightened by alerts as the seed does?"""

from __future__ import annotations

import math

import pytest

from trader.behavior.alerts import BehaviorAlertSystem
from trader.behavior.personalization import PersonalizationEngine

ENGINE = PersonalizationEngine()
CALM = BehaviorAlertSystem().analyze([], 1.0)


@pytest.mark.parametrize(
    ("cluster", "limits"),
    [
        (0, (0.02, 1.5, 2.0, 0.7, 3)),
        (1, (0.05, 2.0, 3.0, 0.6, 5)),
        (2, (0.10, 2.5, 4.0, 0.55, 10)),
        (3, (0.03, 0.5, 1.0, 0.55, 50)),
        (4, (0.08, 3.0, 5.0, 0.65, 2)),
        (9, (0.05, 2.0, 3.0, 0.6, 5)),
    ],
)
def test_limits_of_a_type(cluster: int, limits: tuple[float, ...]) -> None:
    """The seed's table; whoever is of no known type is Moderate."""
    params = ENGINE.get_personalized_params({"cluster": cluster}, CALM)
    assert tuple(params.values()) == limits
    assert list(params) == [
        "max_position_pct", "sl_atr_mult", "tp_atr_mult", "min_confidence", "max_trades_per_day"
    ]  # fmt: skip


def test_alerts_tighten() -> None:
    """The multiplier shrinks, revenge asks for confidence, haste halves; one trade stays."""
    alerts = [{"type": "REVENGE_TRADING"}, {"type": "OVERTRADING"}]
    told = {"risk_multiplier": 0.15, "alerts": alerts}
    swing = ENGINE.get_personalized_params({"cluster": 4}, told)
    assert swing["max_position_pct"] == pytest.approx(0.012)
    assert swing["min_confidence"] == pytest.approx(0.8)
    assert swing["max_trades_per_day"] == 1
    cautious = ENGINE.get_personalized_params({"cluster": 0}, told)
    assert (cautious["min_confidence"], cautious["max_trades_per_day"]) == (0.85, 1)
    again = ENGINE.get_personalized_params({"cluster": 4}, CALM)
    assert again["max_position_pct"] == 0.08, "the table itself must not change"


@pytest.mark.parametrize("multiplier", [math.nan, -0.1, 1.1])
def test_an_impossible_multiplier_is_refused(multiplier: float) -> None:
    """Alerts never raise a limit, and NaN is none."""
    with pytest.raises(ValueError, match="risk_multiplier"):
        ENGINE.get_personalized_params({}, {"risk_multiplier": multiplier})
