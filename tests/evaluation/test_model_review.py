"""Does a review tell what the facts say: weights, rounds, accuracy, who would have traded?"""

from __future__ import annotations

import math

import msgspec
import pytest

from tests.builders import NOW
from tests.engine.model_story import afternoon
from trader.domain.models import EdgesWeighed, ModelCalibrated, WeightsAdopted
from trader.domain.units import HOUR
from trader.evaluation.model_review import KINDS, ModelReview, review

MODELS = {"black_scholes", "merton", "five_points_off", "stalls"}
WHOLE = review(afternoon(), 0, 1 << 62)
ADOPTED = [one.fact for one in afternoon() if isinstance(one.fact, WeightsAdopted)]


def test_what_stands_is_what_was_said_last() -> None:
    """Regime, weights and fits are the newest; rounds are counted."""
    (market,) = [one for one in WHOLE.regimes if one.underlying == "BTC"]
    assert market.regime == "Calm"
    assert "volatility of 7 days" in market.reason
    (weights,) = WHOLE.weights
    assert (weights.underlying, weights.regime, weights.rounds) == ("BTC", "Calm", len(ADOPTED))
    assert weights.weights == ADOPTED[-1].weights
    assert {one.said.model for one in WHOLE.fits} == MODELS
    said = [one.fact for one in afternoon() if isinstance(one.fact, ModelCalibrated)]
    for one in WHOLE.fits:
        assert one.fitted + one.failed == len(
            [fact for fact in said if fact.model == one.said.model]
        )
    (stalled,) = [one for one in WHOLE.fits if one.said.model == "stalls"]
    assert (stalled.fitted, stalled.failed) == (0, len(ADOPTED) + 1)


def test_accuracy_sums_over_buckets() -> None:
    """Each model's row over all is the sum of its buckets; who forecast nothing has no row."""
    whole = {one.model: one for one in WHOLE.accuracy if one.regime == "all"}
    assert set(whole) == MODELS - {"stalls"}
    for model, row in whole.items():
        parts = [one for one in WHOLE.accuracy if one.model == model and one.moneyness != "all"]
        assert row.options == sum(one.options for one in parts)
        total = math.fsum(one.mean_error * one.options for one in parts)
        assert row.mean_error == pytest.approx(total / row.options)
    assert whole["five_points_off"].bias == pytest.approx(0.05, abs=0.02)
    assert whole["five_points_off"].mean_error > 2 * whole["black_scholes"].mean_error


def test_rounds_are_those_of_the_span() -> None:
    """What happened before the span stands, but is not told as its own; later facts are unknown."""
    late = review(afternoon(), NOW + 3 * HOUR, 1 << 62)
    assert 0 < len(late.rounds) < len(WHOLE.rounds)
    assert late.weights == WHOLE.weights
    early = review(afternoon(), 0, NOW + 3 * HOUR)
    assert early.rounds == WHOLE.rounds[: len(early.rounds)]
    assert len(early.rounds) + len(late.rounds) == len(WHOLE.rounds)
    assert early.weights[0].rounds == len(early.rounds)


def test_each_model_alone_is_held_against_the_ensemble() -> None:
    """Per strategy and model: how often each would have traded, and where they part."""
    weighed = [one.fact for one in afternoon() if isinstance(one.fact, EdgesWeighed)]
    assert WHOLE.decisions == len(weighed) > 0
    for row in WHOLE.alone:
        edges = [edge for one in weighed for edge in one.edges if row.model in edge.worth.alone]
        alone = [edge.enough_alone(row.model) for edge in edges]
        both = [edge.enough for edge in edges]
        assert (row.edges, row.model_alone, row.ensemble) == (len(edges), sum(alone), sum(both))
        assert row.only_model - row.only_ensemble == sum(alone) - sum(both)
    assert WHOLE.disagreements
    assert len({one.taken for one in WHOLE.disagreements}) == 2
    apart = {model for one in WHOLE.disagreements for model in one.otherwise}
    assert apart == {row.model for row in WHOLE.alone if row.only_ensemble + row.only_model}


def test_nothing_known_is_an_empty_review() -> None:
    """A daemon without models, or a journal that is older than they are."""
    assert review((), 0, 1 << 62) == ModelReview()
    assert set(KINDS) <= {"RegimeChanged", "ModelCalibrated", "WeightsAdopted", "EdgesWeighed"}


def test_a_review_reads_back_from_json() -> None:
    """A night's report holds it whole."""
    assert msgspec.json.decode(msgspec.json.encode(WHOLE), type=ModelReview) == WHOLE
