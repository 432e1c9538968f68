"""Is a fitted policy read strictly, and does it decide and score as a hand computes it?"""

from __future__ import annotations

import json
import math
from typing import Any

import pydantic
import pytest

from tests.strategies.policies import content, of_features, policy
from trader.strategies.fitted_policy import FittedPolicy, known, policy_json, score

SEEN = {"iv": 0.6, "trend": 1.0}


def refused(**changes: Any) -> str:
    """Read the policy with changes; return what was said against it."""
    with pytest.raises(pydantic.ValidationError) as caught:
        FittedPolicy.model_validate_json(json.dumps(content(**changes)), strict=True)
    return str(caught.value)


def changed(place: int, **values: Any) -> list[dict[str, Any]]:
    """Change one feature."""
    features: list[dict[str, Any]] = content()["features"]
    features[place] |= values
    return features


def test_a_file_reads_back_to_the_same_bytes() -> None:
    """Strictly, from its own JSON; the digest is that of the content."""
    one = policy()
    text = policy_json(one)
    again = FittedPolicy.model_validate_json(text, strict=True)
    assert again == one
    assert policy_json(again) == text
    assert again.digest == one.digest != policy(threshold=0.001).digest


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"version": 1}, "version 1: only 2 is read here; train the policy anew"),
        ({"format": "pickle"}, "covered_call_policy"),
        ({"intercept": math.nan}, "finite number"),
        ({"threshold": math.inf}, "finite number"),
        ({"features": []}, "at least 1 item"),
        ({"features": changed(0, name="mood")}, "'mood' is unknown; choose among return_1d"),
        ({"features": changed(1, scale=0.0)}, "greater than 0"),
        ({"features": changed(1, coefficient=math.nan)}, "finite number"),
        ({"features": changed(1, unit="log")}, "unit 'log' of trend is another than 'standard dev"),
        ({"features": changed(0, low=1.0)}, "low 1 of iv is above high 0.9"),
        ({"features": changed(0, name="trend", unit="standard deviations")}, "'trend' is named tw"),
        ({"bands": content()["bands"][:1]}, "upto must rise and end with null"),
        ({"bands": content()["bands"][::-1]}, "upto must rise and end with null"),
        ({"mood": 1}, "Extra inputs"),
        ({"trained": {**content()["trained"], "first": "2022-01-03T00:00:00"}}, "timezone"),
        ({"tested": {**content()["tested"], "decisions": 0}}, "greater than or equal to 1"),
    ],
)
def test_what_is_no_policy_is_refused_by_name(changes: dict[str, Any], said: str) -> None:
    """Unknown version or feature, NaN, no scale, another unit: each with what to do."""
    assert said in refused(**changes)


@pytest.mark.parametrize("key", list(content()))
def test_a_file_without_one_of_its_keys_is_none(key: str) -> None:
    """Nothing has a default that could decide in silence, and no text passes for a number."""
    lacking = content()
    del lacking[key]
    with pytest.raises(pydantic.ValidationError, match=rf"{key}\n  Field required"):
        FittedPolicy.model_validate_json(json.dumps(lacking), strict=True)
    assert "valid number" in refused(intercept="0.1")


def test_it_decides_by_the_expected_reward() -> None:
    """By hand: .001 + .004 * (.6 - .5) / .1 - .002 * 1; at the threshold it does not sell."""
    one = policy()
    assert one.expected([0.6, 1.0]) == pytest.approx(0.003)
    assert one(SEEN)
    assert not one({"iv": 0.4, "trend": 1.0})
    exactly = one.expected([0.6, 1.0])
    assert not policy(threshold=exactly)(SEEN)


@pytest.mark.parametrize("missing", [None, math.nan, math.inf])
def test_it_declines_what_it_does_not_know(missing: float | None) -> None:
    """A feature that is missing or no number is never guessed."""
    assert known(policy(), {"iv": 0.6, "trend": missing}) is None
    assert not policy(intercept=1.0)({"iv": 0.6, "trend": missing})
    assert not policy(intercept=1.0)({"iv": 0.6})


def test_a_score_tells_what_candidates_like_it_earned() -> None:
    """Expected reward, interval of the residuals, the band's rows, in dollars where spot is."""
    told = score(policy(), {**SEEN, "spot": 50_000.0, "time": "whenever"})
    assert told.action == "SELL_CALL"
    assert told.expected_reward == pytest.approx(0.003)
    assert told.expected_reward_usd == pytest.approx(150.0)
    assert (told.low, told.high) == pytest.approx((-0.027, 0.023))
    assert (told.similar_learned, told.similar_learned_mean) == (80, 0.003)
    assert (told.similar_tested, told.similar_tested_mean) == (0, None)
    assert told.outside == ()
    assert told.says.startswith("this candidate historically has reward +0.30% of spot (-2.70% to")
    assert "no later ones" in told.says
    assert told.says.endswith("no evidence of an advantage")
    low = score(policy(), {"iv": 0.4, "trend": 0.0})
    assert (low.action, low.similar_tested, low.expected_reward_usd) == ("DO_NOTHING", 40, None)


def test_what_was_never_seen_is_named() -> None:
    """A value outside of the range it was learned in; its ends are inside."""
    told = score(policy(), {"iv": 1.2, "trend": 3.0})
    (one,) = told.outside
    assert (one.feature, one.value, one.low, one.high) == ("iv", 1.2, 0.3, 0.9)
    assert "outside of what was seen: iv;" in told.says


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (
            {"iv": 0.6},
            r"trend is missing: give a finite number \(standard deviations\); needed: iv",
        ),
        ({"iv": "high", "trend": 0.0}, "iv is 'high'"),
        ({"iv": True, "trend": 0.0}, "iv is True"),
        ({"iv": math.nan, "trend": 0.0}, "iv is nan"),
        ({**SEEN, "underlying": "ETH"}, "underlying 'ETH': the policy was learned on BTC"),
        ({**SEEN, "spot": -1.0}, "spot is -1.0: give a positive number"),
        ({**SEEN, "spot": "much"}, "spot is 'much'"),
    ],
)
def test_a_state_that_cannot_be_scored_is_refused(state: dict[str, Any], said: str) -> None:
    """The feature is named, with its unit and what is needed."""
    with pytest.raises(ValueError, match=said):
        score(policy(), state)


def test_the_published_index_may_be_a_feature() -> None:
    """`trader score` can be told it, though a study's state does not know it."""
    assert score(of_features("dvol"), {"dvol": 0.5}).expected_reward == pytest.approx(0.0015)
