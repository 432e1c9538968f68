"""Are forecasts held against quotes as stated: losses in [0, 1], errors and biases by bucket?"""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.domain.models import ForecastScore
from trader.pricing.accuracy import Accuracy, Observed, bucket_of, lost, scores

SEEN = (
    Observed("near put", 0.60, -1.0, 1 / 365),
    Observed("near call", 0.50, 0.2, 1 / 365),
    Observed("far call", 0.40, 1.0, 90 / 365),
)


@pytest.mark.parametrize(
    ("deviation", "moneyness"),
    [(-2.0, "far put"), (-1.0, "put"), (-0.5, "at the money"), (0.0, "at the money"),
     (0.5, "call"), (1.4, "call"), (1.5, "far call"), (9.0, "far call")],
)  # fmt: skip
def test_moneyness_is_told_by_deviations(deviation: float, moneyness: str) -> None:
    """Five buckets, parted at half and one and a half deviations."""
    assert Observed("x", 0.5, deviation, 0.1).moneyness == moneyness


@pytest.mark.parametrize(
    ("days", "expiry"),
    [(0.5, "to 2 days"), (2.0, "to 2 days"), (2.1, "to 2 weeks"), (14.0, "to 2 weeks"),
     (30.0, "to 6 weeks"), (42.5, "beyond"), (300.0, "beyond")],
)  # fmt: skip
def test_expiries_are_told_by_days(days: float, expiry: str) -> None:
    """Four buckets: two days, two weeks, six weeks and what is beyond."""
    assert Observed("x", 0.5, 0.0, days / 365.0).expiry == expiry


def test_a_loss_is_the_mean_error_in_full_errors() -> None:
    """Errors of 2, 0 and 30 points with 10 a full one: (.2 + 0 + 1) / 3."""
    forecasts = {"near put": 0.62, "near call": 0.50, "far call": 0.10}
    assert lost(forecasts, SEEN, 0.10) == pytest.approx(0.4)


def test_what_was_not_forecast_is_lost_whole() -> None:
    """A missing forecast counts 1; none at all, or a model that never answered, loses all."""
    assert lost({"near put": 0.60, "near call": 0.50}, SEEN, 0.10) == pytest.approx(1 / 3)
    assert lost({}, SEEN, 0.10) == 1.0
    assert lost(None, SEEN, 0.10) == 1.0
    assert lost({"near put": math.nan}, SEEN[:1], 0.10) == 1.0


@given(st.dictionaries(st.sampled_from([one.instrument for one in SEEN]), st.floats()))
def test_a_loss_is_between_nothing_and_all(forecasts: dict[str, float]) -> None:
    """Whatever a model says, NaN and infinity among it."""
    assert 0.0 <= lost(forecasts, SEEN, 0.10) <= 1.0


def test_scores_sum_errors_by_bucket() -> None:
    """Sums and counts per bucket, in a fixed order; a positive sum sees too much volatility."""
    forecasts = {"near put": 0.63, "near call": 0.48, "far call": 0.40}
    found = scores("heston", forecasts, (*SEEN, Observed("unknown", 0.9, 0.0, 1 / 365)))
    assert [(one.moneyness, one.expiry, one.options) for one in found] == [
        ("put", "to 2 days", 1), ("at the money", "to 2 days", 1), ("call", "beyond", 1),
    ]  # fmt: skip
    assert [one.signed for one in found] == pytest.approx([0.03, -0.02, 0.0])
    assert [one.absolute for one in found] == pytest.approx([0.03, 0.02, 0.0])


def test_accuracy_adds_scores_up() -> None:
    """Mean error and bias are of all options so far; of none they are no number."""
    nothing = Accuracy()
    assert math.isnan(nothing.mean_error)
    assert math.isnan(nothing.bias)
    score = ForecastScore("heston", "put", "beyond", 2, 0.06, -0.02)
    both = nothing.with_score(score).with_score(ForecastScore("heston", "put", "beyond", 2, 0, 0))
    assert (both.mean_error, both.bias) == pytest.approx((0.015, -0.005))
    assert bucket_of(score, None) == ("heston", "unknown", "put", "beyond")
    assert bucket_of(score, "Calm") == ("heston", "Calm", "put", "beyond")
