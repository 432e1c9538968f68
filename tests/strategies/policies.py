"""What fitted policy do tests ask? A small valid one; every test changes what it is about."""

from __future__ import annotations

import copy
from typing import Any

from trader.strategies.fitted_policy import UNITS, VERSION, FittedPolicy

ESTIMATE = {"mean": 0.001, "low": -0.002, "high": 0.004}
CONTENT: dict[str, Any] = {
    "format": "covered_call_policy",
    "version": VERSION,
    "underlying": "BTC",
    "model": "ridge",
    "penalty": 10.0,
    "reward_unit": "fraction of spot",
    "missing": "decline",
    "features": [
        {"name": "iv", "unit": "fraction per year", "mean": 0.5, "scale": 0.1,
         "coefficient": 0.004, "low": 0.3, "high": 0.9},
        {"name": "trend", "unit": "standard deviations", "mean": 0.0, "scale": 1.0,
         "coefficient": -0.002, "low": -3.0, "high": 3.0},
    ],
    "intercept": 0.001,
    "threshold": 0.0,
    "terms": {
        "timeframe": "1h", "decision_interval_bars": 24, "target_dte": 7.0, "dte_tolerance": 3.0,
        "target_delta": 0.25, "delta_tolerance": 0.1, "fill": "bid", "drawdown_penalty": 0.0,
    },
    "trained": {
        "first": "2022-01-03T00:00:00Z", "last": "2022-06-03T00:00:00Z", "rows": 150,
        "left_out": {"no_call": 2}, "set_name": "covered_calls_btc.parquet", "set_sha256": "ab",
        "config_hash": "cd", "code_version": "0.1.0", "source": "modelled: test",
    },
    "tested": {
        "first": "2022-06-11T00:00:00Z", "last": "2022-09-03T00:00:00Z", "decisions": 80,
        "sold": 40, "declined_for_missing": 0, "independent": 12, "block_length": 21,
        "level": 0.9, "policy": ESTIMATE, "always": ESTIMATE, "policy_less_always": ESTIMATE,
        "advantage": False,
        "evidence": "no evidence of an advantage",
    },
    "residuals": {"rows": 80, "level": 0.9, "low": -0.03, "high": 0.02},
    "bands": [
        {"upto": 0.0, "rows_learned": 70, "mean_learned": -0.001, "rows_tested": 40,
         "mean_tested": -0.002},
        {"upto": None, "rows_learned": 80, "mean_learned": 0.003, "rows_tested": 0,
         "mean_tested": None},
    ],
}  # fmt: skip


def content(**changes: Any) -> dict[str, Any]:
    """Write the policy's file as a dict, with other values at the top."""
    return {**copy.deepcopy(CONTENT), **changes}


def policy(**changes: Any) -> FittedPolicy:
    """Read the policy, with other values at the top."""
    return FittedPolicy.model_validate(content(**changes))


def of_features(*names: str, **changes: Any) -> FittedPolicy:
    """Read a policy of other features: standard normal ones of coefficient .001."""
    uses = [
        {"name": name, "unit": UNITS[name], "mean": 0.0, "scale": 1.0, "coefficient": 0.001,
         "low": -5.0, "high": 5.0}
        for name in names
    ]  # fmt: skip
    return policy(**{"features": uses, **changes})
