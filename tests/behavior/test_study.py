"""Is a trader studied whole, and is nothing said that his trades cannot tell?"""

from __future__ import annotations

import math
from typing import Any

import msgspec
import numpy as np
import pytest

from tests.behavior.people import crowd, of_type, planted
from trader.behavior.features import FEATURES, PATTERNS
from trader.behavior.profiles import TraderProfiler
from trader.behavior.study import BehaviorStudy, study_behavior
from trader.behavior.trades import Trade


def studied(trades: list[Trade], **more: Any) -> BehaviorStudy:
    """Study trades of an account that nobody knows."""
    return study_behavior(trades, [None] * len(trades), **more)


def test_a_trader_is_studied_whole() -> None:
    """Every feature, pattern and close, with habits and a type."""
    study = studied(planted("revenge", np.random.default_rng(1)))
    assert tuple(study.features) == FEATURES
    assert tuple(study.patterns) == PATTERNS
    assert len(study.moments) == len(study.trades) == 80
    assert study.habits == ("REVENGE_TRADING",)
    assert study.profile is not None
    assert study.profile["type_name"] == "Moderate"
    assert study.untyped == ""


@pytest.mark.parametrize("kind", range(5))
def test_the_nearest_archetype_is_the_own(kind: int) -> None:
    """Distances are told of all five, the own type is the nearest."""
    study = studied(of_type(kind, np.random.default_rng(3)))
    assert study.profile is not None
    assert min(study.apart, key=study.apart.__getitem__) == study.profile["type_name"]


def test_a_fitted_profile_is_asked() -> None:
    """Who hands one in gets the type of its groups."""
    profiler = TraderProfiler()
    profiler.fit(crowd(np.random.default_rng(0), 20)[0])
    study = studied(of_type(3, np.random.default_rng(4)), fitted=profiler.fitted)
    assert study.profile is not None
    assert (study.profile["type_name"], study.profile["method"]) == ("Scalper", "clusters")


def test_fewer_than_twenty_trades_are_not_enough() -> None:
    """Nineteen are refused, twenty are not."""
    trades = of_type(1, np.random.default_rng(5), 20)
    with pytest.raises(ValueError, match="not enough: 19 closed trades"):
        studied(trades[1:])
    assert len(studied(trades).moments) == 20


def test_without_holding_times_there_is_no_type() -> None:
    """Zero minutes would be a Scalper's; the feature is not known, and says so."""
    trades = [
        msgspec.structs.replace(one, holding_minutes=0.0)
        for one in of_type(1, np.random.default_rng(6))
    ]
    study = studied(trades, knows_holding=False)
    assert study.profile is None
    assert "no holding times" in study.untyped
    assert math.isnan(study.features["avg_holding_time"])
    assert math.isnan(study.asked["avg_holding_time"])


def test_without_sizes_only_time_tells_a_type() -> None:
    """Scalper and Swing Trader are told, the three between are not; size features are unknown."""
    for kind, name in ((3, "Scalper"), (4, "Swing Trader"), (2, None)):
        trades = [
            msgspec.structs.replace(one, size=0.0)
            for one in of_type(kind, np.random.default_rng(7))
        ]
        study = studied(trades, knows_sizes=False)
        assert (study.profile and study.profile["type_name"]) == name
        assert bool(study.untyped) is (name is None)
        assert math.isnan(study.features["revenge_ratio"])


def test_amounts_are_no_fractions() -> None:
    """Sizes in contracts are told, and name no type."""
    trades = [
        msgspec.structs.replace(one, size=one.size * 1e4)
        for one in of_type(0, np.random.default_rng(8))
    ]
    study = studied(trades, knows_sizes=False)
    assert study.profile is None
    assert study.features["avg_position_size"] > 10
    assert math.isnan(study.asked["avg_position_size"])
