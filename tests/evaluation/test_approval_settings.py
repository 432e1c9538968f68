"""Can a gate be moved by configuration, and only to where it makes sense?"""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest
from pydantic import ValidationError

from tests.app.running import within, write_configuration
from trader.evaluation.approval import ApprovalConfig, approval_config
from trader.evaluation.approval_settings import ApprovalSettings

NO_LOOSER = "no stage allows more than the last"
NO_LESS = "PRODUCTION asks at least as much"


def test_the_defaults_are_those_of_the_gates() -> None:
    """Every threshold has a key, in the same order, with the same default."""
    assert approval_config(ApprovalSettings()) == ApprovalConfig()
    keys = tuple(ApprovalSettings.model_fields)
    assert keys == tuple(field.name for field in msgspec.structs.fields(ApprovalConfig))


def test_what_is_set_is_what_the_gates_read() -> None:
    """Value by value, the optional one too."""
    config = approval_config(ApprovalSettings(min_trades=50, min_deflated_sharpe=0.9))
    assert config == ApprovalConfig(min_trades=50, min_deflated_sharpe=0.9)


@pytest.mark.parametrize(
    "wrong",
    [
        {"min_trades": 1},
        {"min_years": float("nan")},
        {"max_worst_dd_prod": 0.0},
        {"max_worst_dd_research": 1.5},
        {"max_loss_streak_pilot": -1},
        {"min_psych_score_prod": 80.0},
        {"min_psych_score_pilot": 30.0},
        {"min_deflated_sharpe": 1.0},
        {"simulation_seed": -1},
        {"require_bull_bear_chop": 1},
    ],
    ids=str,
)
def test_what_no_strategy_could_have_is_refused(wrong: dict[str, float]) -> None:
    """Outside its range, a score outside 35 to 71.25, a number for a yes."""
    (name,) = wrong
    with pytest.raises(ValidationError, match=name):
        ApprovalSettings.model_validate(wrong)


@pytest.mark.parametrize(
    ("assignment", "complaint"),
    [
        (
            "max_worst_dd_research=0.3",
            "max_worst_dd_pilot = 0.35: is above max_worst_dd_research = 0.3; " + NO_LOOSER,
        ),
        (
            "max_worst_dd_prod=0.4",
            "max_worst_dd_prod = 0.4: is above max_worst_dd_pilot = 0.35; " + NO_LOOSER,
        ),
        (
            "max_loss_streak_prod=9",
            "max_loss_streak_prod = 9: is above max_loss_streak_pilot = 8; " + NO_LOOSER,
        ),
        (
            "min_psych_score_prod=38",
            "min_psych_score_prod = 38: is below min_psych_score_pilot = 40; " + NO_LESS,
        ),
        ("min_trades=1", "min_trades = 1: must be at least 2; give a value >= 2 and <= 1e+06"),
        ("min_trdes=5", "min_trdes = 5: unknown key; did you mean min_trades?"),
    ],
)
def test_a_mistake_names_key_value_and_remedy(
    assignment: str, complaint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 78 with one line, also where a default no longer fits."""
    path = write_configuration(tmp_path)
    run = within(
        "config", "check", "--config", path, "--set", f"approval.{assignment}", capsys=capsys
    )
    assert run.returncode == 78
    (line,) = run.stderr.splitlines()
    assert line.startswith(f"command line --set: approval.{complaint}")


def test_the_values_in_force_are_listed_with_who_set_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`config show` and `config keys` know the section."""
    path = write_configuration(tmp_path, "[approval]\nmin_deflated_sharpe = 0.9\n")
    text = within("config", "show", "--config", path, capsys=capsys).stdout
    assert re.search(rf"^approval.min_deflated_sharpe = 0.9 +# {path}$", text, re.MULTILINE)
    assert re.search(r"^approval.min_trades = 200 +# default$", text, re.MULTILINE)
    keys = within("config", "keys", capsys=capsys).stdout
    assert all(f"`approval.{name}`" in keys for name in ApprovalSettings.model_fields)
