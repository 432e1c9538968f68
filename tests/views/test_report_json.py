"""Does a program find every number it was promised, and can it read the night back?"""

from __future__ import annotations

import json
import math

import msgspec
import pytest

from tests.views.nights import a_night, empty_card, full_card, subject
from trader.evaluation.sample_size import stages_by_size
from trader.evaluation.strategy_card import Overfitting
from trader.views import report_json

PROMISED = (
    "stage", "reason", "win_rate", "avg_win", "avg_loss", "expectancy_per_trade",
    "backtest_max_dd", "mc_worst_max_dd", "mc_worst_loss_streak", "psychology_score",
    "psychology_components",
)  # fmt: skip


def test_every_promised_field_is_there_by_strategy() -> None:
    """The names of the console summary's dict, with numbers; null where there is no judgment."""
    card = full_card()
    night = a_night(subject(card), subject(empty_card()))
    text = report_json.encode(night, {card.strategy: stages_by_size(card)})
    known, unknown = json.loads(text)["strategies"]
    assert all(known[name] is not None for name in PROMISED)
    assert len(known["sizes"]) == 5
    assert {name for name in PROMISED if unknown[name] is None} == {*PROMISED[2:]}
    assert unknown["reason"] == "no history"


def test_a_night_comes_back_whole() -> None:
    """What was written is what is read: scorecards, stages, account."""
    night = a_night(subject(full_card()), subject(empty_card()))
    assert report_json.decode(report_json.encode(night, {})).night == night


def test_infinity_comes_back_as_unknown() -> None:
    """JSON has no infinity: a figure that may be missing is null, and the night is readable."""
    luck = Overfitting(
        sharpe=0.1, probabilistic_sharpe=None, deflated_sharpe=None, trials=1,
        minimum_track_record_days=math.inf, overfitting_probability=None,
    )  # fmt: skip
    card = msgspec.structs.replace(full_card(), overfitting=luck)
    found = report_json.decode(report_json.encode(a_night(subject(card)), {}))
    again = found.night.subjects[0].card.overfitting
    assert again is not None
    assert again.minimum_track_record_days is None


def test_another_file_is_refused() -> None:
    """What is no report says so."""
    with pytest.raises(msgspec.MsgspecError):
        report_json.decode('{"version": 1}')
