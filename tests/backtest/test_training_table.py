"""Do columns hold what the rows do, with None for what is not known and labels by time?"""

from __future__ import annotations

import functools
import math
from datetime import timedelta

import msgspec
import pytest

from tests.backtest.calls import HandSource, config, modelled, study
from trader.backtest.call_state import FEATURES
from trader.backtest.covered_call import CoveredCallSimulator
from trader.backtest.training import Quality, TrainingExample, generate_training_data
from trader.backtest.training_table import Split, call_table, check_features

WEEK = timedelta(days=7)


@functools.cache
def examples() -> list[TrainingExample]:
    """Make rows of a month."""
    return generate_training_data(CoveredCallSimulator(modelled(), study()), drawdown_penalty=0.1)


def test_every_row_is_there_with_both_rewards() -> None:
    """In order; what was earned and forgone is that of the example."""
    table = call_table(examples())
    assert len(table) == len(examples()) == len(table.rows())
    actions = set()
    for row, one in zip(table.rows(), examples(), strict=True):
        assert row["decision_time"] == one.decision_time
        assert (row["action"], row["reward"]) == (one.action, one.reward)
        assert row["counterfactual_reward"] == one.extra["counterfactual_reward"]
        assert row["split"] is None
        actions.add(row["action"])
    assert actions == {"SELL_CALL", "DO_NOTHING"}
    assert list(table.rows()[0]) == [one.name for one in table.columns]


def test_features_are_chosen_and_keep_their_order() -> None:
    """Only those named are columns; missing ones of others do not count as missing."""
    table = call_table(examples(), ("spread", "iv"))
    names = [one.name for one in table.columns if one.role == "feature"]
    assert names == ["spot", "iv", "spread"]
    for row in table.rows():
        missing = row["iv"] is None or row["spread"] is None
        assert bool(row["quality"] & Quality.FEATURES_MISSING) == missing
    whole = [one.name for one in call_table(examples()).columns if one.role == "feature"]
    assert whole == ["spot", *FEATURES]
    assert set(call_table(examples(), ("iv", "dvol")).values["dvol"]) == {None}
    ranked = call_table(examples(), ("iv",)).values["quality"]
    assert sum(one == 0 for one in ranked) > sum(
        one == 0 for one in call_table(examples()).values["quality"]
    )


def test_what_is_not_known_is_none() -> None:
    """No NaN, no empty text: one word for nothing."""
    nothing = HandSource(lambda at: None, lambda at: [], lambda name, at: None)
    rows = generate_training_data(CoveredCallSimulator(nothing, config()))
    (row,) = call_table(rows).rows()
    assert row["spot"] is None
    assert row["counterfactual_reward"] is None
    unknown = msgspec.structs.replace(rows[0], reward=math.nan)
    assert call_table([unknown]).values["reward"] == [None]
    told = [value for one in call_table(examples()).values.values() for value in one]
    assert not any(value == "" or value != value for value in told)


def test_rows_are_labeled_by_the_split() -> None:
    """Train ended by the cut, test began an embargo later, the rest is neither."""
    cut = examples()[len(examples()) // 2].decision_time
    rows = call_table(examples(), split=Split(cut, WEEK)).rows()
    assert {one["split"] for one in rows} == {"train", "embargo", "test"}
    for row in rows:
        match row["split"]:
            case "train":
                assert (row["close_time"] or row["decision_time"]) <= cut
            case "test":
                assert row["decision_time"] >= cut + WEEK
            case _:
                assert row["decision_time"] < cut + WEEK
                assert (row["close_time"] or row["decision_time"]) > cut


@pytest.mark.parametrize(
    ("days", "said"), [(-400, "before it has an outcome"), (400, "is decided")]
)
def test_a_split_with_an_empty_side_is_refused(days: int, said: str) -> None:
    """The cut, the embargo, which side lacks rows, and the remedy."""
    at = examples()[0].decision_time + timedelta(days=days)
    with pytest.raises(ValueError, match=rf"split 20.*embargo of 7 days.*no row {said}.*cut else"):
        call_table(examples(), split=Split(at, WEEK))


@pytest.mark.parametrize(
    ("asked", "said"),
    [((), "none named"), (("iv", "mood"), "'mood' is unknown"), (("iv", "iv"), "'iv' is named tw")],
)
def test_features_that_are_none_are_refused(asked: tuple[str, ...], said: str) -> None:
    """By name, with what can be chosen."""
    with pytest.raises(ValueError, match=f"features: {said}"):
        check_features(asked, FEATURES)
    with pytest.raises(ValueError, match=f"features: {said}"):
        call_table(examples(), asked)
