"""Are spans, parameters and gates of a try by hand what they say?"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.app.running import write_configuration
from tests.strategies.policies import of_features
from trader.app.configuration import load_configuration
from trader.app.study import (
    find_strategy,
    gate_lines,
    subject_of,
    write_scorecard,
)
from trader.domain.errors import ConfigurationError
from trader.evaluation.approval import Gate
from trader.strategies.fitted_policy import policy_json

SETTINGS = "[journal]\nstate_dir = 'state'\n"


def test_a_parameter_set_by_hand_is_the_one_that_runs(tmp_path: Path) -> None:
    """The others stay as the file says; the board reaches as far as it then looks."""
    configuration = load_configuration([write_configuration(tmp_path, SETTINGS)])
    one = find_strategy(configuration, "covered_call_btc")
    subject = subject_of(one, ["target_days=3", "resting_take_profit=true"])
    settings, before = (made.settings.model_dump() for made in (subject.strategy(), one.strategy))
    changed = {name: value for name, value in settings.items() if value != before[name]}
    assert changed == {"target_days": 3.0, "resting_take_profit": True}


@pytest.mark.parametrize("text", ["target_days", "=3", "target_days=[", "target_days=high"])
def test_what_is_no_assignment_is_refused(tmp_path: Path, text: str) -> None:
    """The text and how to write it."""
    configuration = load_configuration([write_configuration(tmp_path, SETTINGS)])
    one = find_strategy(configuration, "covered_call_btc")
    with pytest.raises(ConfigurationError, match="write name=value"):
        subject_of(one, [text])


def test_a_policy_is_asked_of_no_other_calls_by_hand(tmp_path: Path) -> None:
    """Neither one that is set, nor one of the file about calls that are; what it learned may be."""
    path = write_configuration(tmp_path, SETTINGS)
    file = tmp_path / "strategies" / "covered_call_btc.toml"
    known = tmp_path / "strategies" / "policy.json"
    known.write_text(policy_json(of_features("iv")))
    plain = find_strategy(load_configuration([path]), "covered_call_btc")
    named = f"policy={str(known)!r}"
    learned = plain.strategy.settings.model_dump()["target_delta"]
    assert subject_of(plain, [named]).strategy().settings.model_dump()["policy"] is not None
    with pytest.raises(ConfigurationError, match=r"--set: policy = .*json.*: learned from calls"):
        subject_of(plain, [named, f"target_delta={learned / 2}"])
    file.write_text(file.read_text() + '[parameters]\npolicy = "policy.json"\n')
    asking = find_strategy(load_configuration([path]), "covered_call_btc")
    with pytest.raises(ConfigurationError, match=r"set target_delta = .*, or train one on such"):
        subject_of(asking, [f"target_delta={learned / 2}"])
    assert subject_of(asking, ["min_credit_fee_multiple=1"]).name == "covered_call_btc"


def test_gates_are_lines_with_their_figures() -> None:
    """A gate that blocks says why; one without figures shows a dash."""
    lines = gate_lines(
        [
            Gate("trades", "all", 12.0, 200.0, "fail", "12 trades of 200"),
            Gate("stress", "all", None, None, "pass", "unsaid"),
        ]
    )
    assert "12 trades of 200" in lines[0]
    assert lines[1].split() == ["pass", "all", "stress", "-", "-"]


def test_a_scorecard_is_whole(tmp_path: Path) -> None:
    """Nothing unfinished stays beside it."""
    path = write_scorecard(tmp_path / "new", {"stage": "RESEARCH"})
    assert path.read_text() == '{\n  "stage": "RESEARCH"\n}\n'
    assert [one.name for one in path.parent.iterdir()] == ["scorecard.json"]
