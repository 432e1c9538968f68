"""Are rows read for what a sale brought, and is a set that looks ahead or is broken refused?"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from tests.app.training_files import SPOT, START, columns, examples
from trader.backtest.policy_rows import policy_rows

NAMES = ("iv", "trend")
NAIVE = START.replace(tzinfo=None)


def told(**changes: Any) -> dict[str, list[Any]]:
    """Lay out 90 rows; a change names (row, value) of a column."""
    values = columns(examples(90))
    for name, (row, value) in changes.items():
        values[name][row] = value
    return values


def test_both_actions_teach_what_a_sale_brings() -> None:
    """A sale by its reward, a call not sold by the one forgone: shares of the coins' value."""
    values = told(size=(1, 2.0), reward=(0, 400.0), counterfactual_reward=(1, 800.0))
    rows = policy_rows(values, NAMES)
    assert rows.reward[:2].tolist() == [400.0 / SPOT, 800.0 / (2 * SPOT)]
    assert rows.features[0].tolist() == [values["iv"][0], values["trend"][0]]
    assert len(rows) == 90
    assert [len(rows.of(name)) for name in ("train", "test")] == [58, 23]
    assert rows.of("train").ended_at.max() <= rows.of("test").decided_at.min()


def test_what_tells_of_no_sale_is_left_out_and_counted() -> None:
    """By split and by what the row lacks; a missing feature is kept as NaN."""
    values = told(counterfactual_reward=(1, None), quality=(1, 2), iv=(4, None))
    values["reward"][2], values["quality"][2] = None, 4
    rows = policy_rows(values, NAMES)
    assert len(rows) == 88
    assert rows.left_out["train"] == {"no_call": 1, "no_outcome": 1}
    assert rows.left_out["test"] == {}
    assert math.isnan(rows.features[2, 0])
    assert np.flatnonzero(~rows.complete).tolist() == [2]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"iv": (3, math.nan)}, "iv nan of row 3 is no finite number"),
        ({"iv": (3, "high")}, "iv 'high' of row 3 is no finite number"),
        ({"reward": (0, math.inf)}, "reward inf of row 0"),
        ({"spot": (0, None)}, "spot None of row 0 must be a positive number"),
        ({"size": (0, -1.0)}, "size -1.0 of row 0 must be a positive number"),
        ({"action": (0, "BUY")}, "action 'BUY' of row 0: must be SELL_CALL or DO_NOTHING"),
        ({"split": (5, None)}, "split is empty in row 5: .* export with --split"),
        ({"split": (5, "validation")}, "split 'validation' of row 5 is none of train"),
        ({"split": (5, "test")}, "that looks ahead; export the set anew"),
        ({"decision_time": (1, NAIVE)}, "of row 1 is no instant with a timezone"),
        ({"close_time": (1, NAIVE)}, "close_time .* of row 1 is no instant"),
    ],
)
def test_what_is_no_row_is_refused_by_name(changes: dict[str, Any], said: str) -> None:
    """Column, value, row and a remedy."""
    with pytest.raises(ValueError, match=said):
        policy_rows(told(**changes), NAMES)


@pytest.mark.parametrize("place", [0, 7])
def test_times_must_rise(place: int) -> None:
    """Unsorted or repeated decision times."""
    values = told()
    values["decision_time"][8] = values["decision_time"][place]
    with pytest.raises(ValueError, match=r"decision_time .* of row 8 follows .*sort, drop dupl"):
        policy_rows(values, NAMES)


def test_columns_and_parts_must_be_there() -> None:
    """A column that is missing, an empty set, and one with nothing to test on."""
    values = told()
    del values["close_time"]
    with pytest.raises(ValueError, match="column 'close_time' is missing"):
        policy_rows(values, NAMES)
    with pytest.raises(ValueError, match="column 'mood' is missing"):
        policy_rows(told(), ("mood",))
    with pytest.raises(ValueError, match="no row of train tells"):
        policy_rows({name: [] for name in told()}, NAMES)
    values = told()
    values["split"] = ["train"] * 90
    with pytest.raises(ValueError, match="no row of test tells"):
        policy_rows(values, NAMES)
