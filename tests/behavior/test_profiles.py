"""Is a trader's type told by groups or by rule, with how sure that is, and kept as plain data?"""

from __future__ import annotations

import functools
import json
import math

import numpy as np
import pytest

from tests.behavior.lists import seed_features, untimed
from tests.behavior.people import crowd
from trader.behavior.archetypes import TRADER_TYPES
from trader.behavior.clustering import FittedProfiles
from trader.behavior.features import FEATURES
from trader.behavior.profiles import (
    UNFITTED,
    TraderProfiler,
    profiles_json,
    read_profiles,
)


@functools.cache
def learned() -> FittedProfiles:
    """Fit a crowd once."""
    profiler = TraderProfiler()
    profiler.fit(crowd(np.random.default_rng(0), 20)[0])
    assert profiler.fitted is not None
    return profiler.fitted


def test_without_a_fit_types_are_by_rule() -> None:
    """The seed's answer, with the reason and how sure."""
    profiler = TraderProfiler()
    trades = untimed(np.random.default_rng(3), 40)
    profile = profiler.predict_type(profiler.extract_behavior_features(trades))
    seeds = seed_features(trades)
    assert profile["type_name"] == TRADER_TYPES[profile["cluster"]]
    assert list(profile["features"]) == [
        "win_rate", "profit_factor", "avg_holding_time", "revenge_ratio", "max_drawdown"
    ]  # fmt: skip
    assert profile["features"]["profit_factor"] == pytest.approx(seeds[3])
    assert (profile["method"], profile["reason"]) == ("rules", UNFITTED)
    assert 0 <= profile["confidence"] < 1


def test_a_fit_tells_types_by_groups() -> None:
    """Method, reason and confidence are of groups; confidence falls on the way to another."""
    rows, kinds = crowd(np.random.default_rng(5), 10)
    profiler = TraderProfiler(fitted=learned())
    told = [profiler.predict_type(row) for row in rows]
    assert np.mean([one["cluster"] == kind for one, kind in zip(told, kinds, strict=True)]) > 0.9
    assert {one["method"] for one in told} == {"clusters"}
    between = profiler.predict_type((rows[kinds.index(0)] + rows[kinds.index(2)]) / 2)
    assert between["confidence"] < np.median([one["confidence"] for one in told])
    assert all(0 <= one["confidence"] < 1 for one in told)


def test_where_there_are_no_groups_types_stay_by_rule_and_say_why() -> None:
    """A refused fit forgets an earlier one."""
    profiler = TraderProfiler(fitted=learned())
    rows, _ = crowd(np.random.default_rng(6), 1)
    profiler.fit(rows)
    assert not profiler.is_fitted
    profile = profiler.predict_type(rows[0])
    assert (profile["method"], profile["cluster"]) == ("rules", 0)
    assert "5 traders are too few" in profile["reason"]


def test_what_was_learned_is_plain_data() -> None:
    """Written and read it is the same, to the byte; a person can read it."""
    content = profiles_json(learned())
    assert read_profiles(content) == learned()
    assert profiles_json(read_profiles(content)) == content
    told = json.loads(content)
    assert (told["format"], told["version"]) == ("trader_profiles", 1)
    assert [one["type_name"] for one in told["clusters"]] == list(TRADER_TYPES.values())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"version": 2}, "version 2: only 1"),
        ({"format": "other"}, "no trader_profiles"),
        ({"columns": []}, "do not fit"),
        ({"clusters": []}, "do not fit"),
        ({"more": 1}, "no trader_profiles"),
    ],
)
def test_a_file_of_something_else_is_refused(change: dict[str, object], said: str) -> None:
    """Each mistake names what is wrong and what to do."""
    broken = json.loads(profiles_json(learned())) | change
    with pytest.raises(ValueError, match=f"{said}.*fit the profiles anew"):
        read_profiles(json.dumps(broken).encode())
    with pytest.raises(ValueError, match="no trader_profiles"):
        read_profiles(b"\x80\x04 a pickle")


@pytest.mark.parametrize("change", [{"scale": 0.0}, {"unit": -1.0}, {"low": 1e9}])
def test_a_scale_that_scales_nothing_is_refused(change: dict[str, float]) -> None:
    """It would divide by zero, or turn types around."""
    broken = json.loads(profiles_json(learned()))
    broken["columns"][0] |= change
    with pytest.raises(ValueError, match="do not fit"):
        read_profiles(json.dumps(broken).encode())


def test_what_is_not_finite_is_refused_by_name() -> None:
    """Trader, feature and value are told; nothing is learned from them."""
    rows, _ = crowd(np.random.default_rng(7), 8)
    rows[3, FEATURES.index("avg_loss")] = math.nan
    with pytest.raises(ValueError, match="trader 3: avg_loss is nan"):
        TraderProfiler().fit(rows)
    with pytest.raises(ValueError, match="avg_loss is nan"):
        TraderProfiler().predict_type(rows[3])


def test_what_is_of_another_shape_is_refused() -> None:
    """Fifteen features a trader, two to five groups."""
    with pytest.raises(ValueError, match="shape"):
        TraderProfiler().fit(np.zeros((40, 14)))
    with pytest.raises(ValueError, match="shape"):
        TraderProfiler().predict_type(np.zeros(14))
    for count in (1, 6):
        with pytest.raises(ValueError, match="n_clusters"):
            TraderProfiler(count)
