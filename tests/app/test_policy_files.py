"""Is a policy read from its file, and refused by name where it cannot be asked?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.backtest.calls import modelled, study
from tests.backtest.pasts import chains, day
from tests.strategies.policies import content, of_features, policy
from trader.app.call_study import configured
from trader.app.call_study import study as study_of
from trader.app.policy_files import policy_notes, policy_of, read_policy
from trader.backtest.call_policies import IvRankPolicy
from trader.backtest.call_state import FEATURES
from trader.backtest.covered_call import CoveredCallSimulator
from trader.domain.errors import ConfigurationError
from trader.strategies.fitted_policy import policy_json


def written(folder: Path, **changes: Any) -> Path:
    """Write a policy with other values at the top."""
    path = folder / "policy.json"
    path.write_text(json.dumps(content(**changes)))
    return path


def test_a_policy_is_found_by_name_or_by_file(tmp_path: Path) -> None:
    """`model:FILE` beside the named ones; a path may hold a colon."""
    path = tmp_path / "a:b.json"
    path.write_text(json.dumps(content()))
    assert policy_of(f"model:{path}", "BTC") == read_policy(path)
    assert policy_of("iv_rank:0.7", "BTC") == IvRankPolicy(0.7)
    with pytest.raises(ValueError, match=r"policy 'often': .*model:FILE"):
        policy_of("often", "BTC")


def test_each_mistake_of_a_file_is_a_line(tmp_path: Path) -> None:
    """Key, value and remedy, all at once."""
    features = content()["features"]
    features[1]["scale"] = 0.0
    path = written(tmp_path, version=7, threshold="low", features=features)
    with pytest.raises(ConfigurationError) as caught:
        read_policy(path)
    lines = {line.split(": ")[1].split(" = ")[0]: line for line in caught.value.mistakes}
    assert set(lines) == {"version", "threshold", "features.1.scale"}
    assert lines["version"].startswith(f"{path}: version = 7: only 2 is read here; train the pol")
    assert "must be a number" in lines["threshold"]
    assert "= 0.0: must be greater than 0" in lines["features.1.scale"]


@pytest.mark.parametrize("text", ["", "nothing", "[1]", '{"version": NaN}'])
def test_what_is_no_policy_is_refused(tmp_path: Path, text: str) -> None:
    """No JSON, no object, no number."""
    path = tmp_path / "policy.json"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=r"policy\.json: "):
        read_policy(path)


def test_a_study_refuses_what_it_cannot_ask(tmp_path: Path) -> None:
    """No file, another coin, a feature that only others know."""
    with pytest.raises(ConfigurationError, match=r"gone\.json cannot be read .*train policy"):
        policy_of(f"model:{tmp_path}/gone.json", "BTC")
    path = written(tmp_path)
    with pytest.raises(ConfigurationError, match="learned on BTC, not on ETH"):
        policy_of(f"model:{path}", "ETH")
    path.write_text(policy_json(of_features("iv", "dvol")))
    with pytest.raises(ConfigurationError, match="a study does not know dvol; train one with"):
        policy_of(f"model:{path}", "BTC")


@settings(max_examples=12)
@given(
    names=st.lists(st.sampled_from(FEATURES), min_size=1, max_size=5, unique=True),
    weights=st.lists(st.floats(-1, 1), min_size=5, max_size=5),
    intercept=st.floats(-0.5, 0.5),
)
def test_a_fitted_policy_decides_alike_step_by_step_and_over_arrays(
    names: list[str], weights: list[float], intercept: float
) -> None:
    """Whatever it looks at and counts: the same decisions, trades and metrics on both paths."""
    uses = [one.model_dump() for one in of_features(*names).features]
    for one, weight in zip(uses, weights, strict=False):
        one["coefficient"] = weight
    policy = of_features(*names, features=uses, intercept=intercept)
    walked = CoveredCallSimulator(modelled(), study(decision_interval_bars=29), arrays=False)
    whole = CoveredCallSimulator(modelled(), study(decision_interval_bars=29))
    assert walked.simulate_policy(policy) == whole.simulate_policy(policy)


def test_a_study_says_what_a_policy_remembers_and_of_which_calls() -> None:
    """Before its test began it had seen what came; other terms than it learned from are named."""
    asked = configured(
        underlying="BTC", start=day(4), end=day(30), decision_interval_bars=24, dte_tolerance=3.0,
        delta_tolerance=0.1,
    )  # fmt: skip
    (note,) = policy_notes("model:x", policy(), asked)
    assert note == (
        "model:x learned from what came before 2022-06-11: until then the study tells what it"
        " remembers, not what it earns"
    )
    later = {**content()["tested"], "first": "2021-06-11T00:00:00Z"}
    assert policy_notes("model:x", policy(tested=later), asked) == []
    (other,) = policy_notes("model:x", policy(tested=later), replace(asked, target_dte=5.0))
    assert other == "model:x learned from other calls: asked about target_dte 5.0 (learned 7.0)"
    assert policy_notes("always", policy_of("always", "BTC"), asked) == []


def test_the_notes_stand_with_the_result(tmp_path: Path) -> None:
    """In what the study says of its past, beside what was modelled."""
    asked = configured(
        underlying="BTC", start=day(4), end=day(30), decision_interval_bars=24, dte_tolerance=3.0,
        delta_tolerance=0.1,
    )  # fmt: skip
    name = f"model:{written(tmp_path)}"
    done = study_of(chains(32, days_max=11.0), asked, [name, "always"], None)
    assert set(done.results) == {name, "always"}
    assert done.source.tape.provenance.caveats[-1].startswith(f"{name} learned from what came")
