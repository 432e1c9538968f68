"""Does the log tell a stranger what became of regimes, fits, weights and edges?"""

from __future__ import annotations

import msgspec

from tests.engine.model_story import afternoon
from trader.domain.models import (
    EdgesWeighed,
    ExpiryFit,
    ModelCalibrated,
    RegimeChanged,
    WeightsAdopted,
)
from trader.views import model_lines

FITTED = ModelCalibrated(
    underlying="BTC", model="heston", quoted_at=0, parameters=(0.25, 2.0), error=0.0125,
    expiries=(ExpiryFit(0.02, 0.01, 12), ExpiryFit(0.1, 0.015, 30)), quotes=42, took_s=0.31,
    excluded={"one_sided": 3, "in_the_money": 40}, at_bound=("kappa",),
)  # fmt: skip


def test_a_fit_tells_error_time_bounds_and_what_was_left_out() -> None:
    """Most frequent reason first."""
    assert model_lines.calibrated(FITTED)["message"] == (
        "BTC: heston fits 42 quotes of 2 expiries to 1.25 points in 0.31 s, at its bounds: kappa;"
        " left out: 40 in the money, 3 one sided"
    )


def test_a_failure_tells_its_reason() -> None:
    """Not calibrated, and why; no error is told that there is not."""
    failed = msgspec.structs.replace(FITTED, reason="stalled", parameters=(), excluded={})
    fields = model_lines.calibrated(failed)
    assert fields["message"] == "BTC: heston not calibrated: stalled"
    assert fields["reason"] == "stalled"


def test_regimes_are_told_with_their_reason() -> None:
    """Unknown regimes too."""
    assert model_lines.regime_changed(RegimeChanged("BTC", "Crisis", "a crash"))["message"] == (
        "BTC: market is Crisis now: a crash"
    )
    unknown = model_lines.regime_changed(RegimeChanged("ETH", None, "3 days"))
    assert (unknown["message"], unknown["regime"]) == (
        "ETH: market is unknown now: 3 days",
        "unknown",
    )


def test_weights_are_told_with_what_was_lost() -> None:
    """Largest weight first, losses by model."""
    adopted = next(one.fact for one in afternoon() if isinstance(one.fact, WeightsAdopted))
    message = str(model_lines.adopted(adopted)["message"])
    assert message.startswith("BTC, Calm: ")
    assert "stalls 1.000" in message
    assert message.index("black_scholes", message.index("weights")) > 0
    listed = model_lines.shares({"a": 0.2, "b": 0.5, "c": 0.3})
    assert listed == "b 50.00 %, c 30.00 %, a 20.00 %"


def test_edges_are_told_with_worth_doubt_price_and_costs() -> None:
    """What was taken is marked, what is beyond three is counted."""
    weighed = [one.fact for one in afternoon() if isinstance(one.fact, EdgesWeighed)][-1]
    message = str(model_lines.weighed(weighed)["message"])
    assert message.startswith("alpha weighed -1 BTC-")
    assert "against -0.0024 and 0.0002 of costs, gain" in message
    many = msgspec.structs.replace(
        weighed, edges=weighed.edges * 5, taken=(True,) + (False,) * 4, unshown=2
    )
    told = str(model_lines.weighed(many)["message"])
    assert told.count("(taken)") == 1
    assert told.endswith("; and 4 more")
