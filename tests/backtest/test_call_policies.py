"""Do policies decide by what they name, and decline what they cannot know?"""

from __future__ import annotations

import math
from typing import Any

import pytest

from trader.backtest.call_policies import (
    EdgePolicy,
    EnsemblePolicy,
    IvRankPolicy,
    ModelPolicy,
    RegimePolicy,
    TrendPolicy,
    always_trade_policy,
    never_trade_policy,
    policy_named,
)


@pytest.mark.parametrize(
    ("policy", "state", "answer"),
    [
        (always_trade_policy, {"spot": 1.0}, True),
        (always_trade_policy, {"spot": None}, False),
        (never_trade_policy, {"spot": 1.0}, False),
        (IvRankPolicy(0.6), {"iv_rank": 0.6}, True),
        (IvRankPolicy(0.6), {"iv_rank": 0.59}, False),
        (IvRankPolicy(), {"iv_rank": None}, False),
        (TrendPolicy(1.0), {"trend": 1.0}, True),
        (TrendPolicy(1.0), {"trend": 1.1}, False),
        (TrendPolicy(), {}, False),
        (EdgePolicy(0.25), {"iv": 0.5, "realized_vol": 0.4}, True),
        (EdgePolicy(0.25), {"iv": 0.49, "realized_vol": 0.4}, False),
        (EdgePolicy(), {"iv": 0.5, "realized_vol": 0.0}, False),
        (EdgePolicy(), {"iv": 0.5, "realized_vol": None}, False),
        (EdgePolicy(), {"realized_vol": 0.4}, False),
        (RegimePolicy(("Crisis",)), {"regime": "Crisis"}, True),
        (RegimePolicy(), {"regime": "Volatile"}, False),
        (RegimePolicy(), {"regime": None}, False),
        (EnsemblePolicy(0.002), {"ensemble_edge": 0.002}, True),
        (EnsemblePolicy(0.002), {"ensemble_edge": 0.0019}, False),
        (EnsemblePolicy(), {"ensemble_edge": None}, False),
    ],
)
def test_thresholds_hold_with_equality(policy: Any, state: dict[str, Any], answer: bool) -> None:
    """At the threshold it sells; without the figure it does not."""
    assert policy(state) is answer


def test_a_fitted_model_scores_its_features_in_order() -> None:
    """Above the threshold it sells; a feature that is missing or no number declines."""
    policy = ModelPolicy(lambda row: 2.0 * row[0] - row[1], ("iv", "trend"), 0.5)
    assert policy({"iv": 1.0, "trend": 1.0})
    assert not policy({"iv": 1.0, "trend": 1.5})
    assert not policy({"iv": 1.0, "trend": None})
    assert not policy({"iv": math.nan, "trend": 0.0})


def test_policies_are_found_by_name() -> None:
    """With and without a threshold; what is none is refused with the choice."""
    assert policy_named("always") is always_trade_policy
    assert policy_named("never") is never_trade_policy
    assert policy_named("iv_rank:0.7") == IvRankPolicy(0.7)
    assert policy_named("trend") == TrendPolicy()
    assert policy_named("edge:0.2") == EdgePolicy(0.2)
    assert policy_named("edge") == EdgePolicy()
    assert policy_named("regime") == RegimePolicy(("Calm", "Trending"))
    assert policy_named("regime:crisis, Calm") == RegimePolicy(("Crisis", "Calm"))
    assert policy_named("ensemble:0.001") == EnsemblePolicy(0.001)
    assert policy_named("ensemble") == EnsemblePolicy(0.0)
    for wrong in (
        "sometimes", "always:1", "", "iv_rank:high", "trend:nan", "edge:inf", "regime:",
        "regime:bull", "regime:calm,calm", "ensemble:much", "iv_rank:",
    ):  # fmt: skip
        with pytest.raises(ValueError, match=f"policy '{wrong}'"):
            policy_named(wrong)
