"""Does `trader models` tell what the journal holds, as text and as JSON?"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.app.running import within
from tests.engine.model_story import afternoon
from trader.storage.journal import Journal

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state directory with the afternoon's journal."""
    with Journal.create_or_open(f"sqlite:///{tmp_path}/journal.sqlite", writer=True) as journal:
        journal.append(afternoon())
    return tmp_path


def test_it_is_text_and_json(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Weights and accuracy for people; everything for programs; exit code 0."""
    text = within("models", "--state", state, capsys=capsys)
    assert text.returncode == 0
    assert "weights by regime" in text.stdout
    assert "at the money" in text.stdout
    brief = within("models", "--state", state, "--brief", capsys=capsys)
    assert "at the money" not in brief.stdout
    told = json.loads(within("models", "--state", state, "--json", capsys=capsys).stdout)
    assert {row["said"]["model"] for row in told["fits"]} >= {"merton", "stalls"}


def test_days_cut_what_happened_not_what_stands(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The last two hours hold fewer rounds than the afternoon, and the same weights."""

    def told(*options: str) -> dict[str, list[object]]:
        found = within("models", "--state", state, "--json", *options, capsys=capsys)
        read: dict[str, list[object]] = json.loads(found.stdout)
        return read

    whole, late = told(), told("--days", "0.08")
    assert 0 < len(late["rounds"]) < len(whole["rounds"])
    assert late["weights"] == whole["weights"]


@pytest.mark.parametrize("days", ["0", "-1", "nan", "inf", "x"])
def test_days_must_be_a_number_of_days(
    days: str, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing, negative numbers and no numbers end with the usage."""
    with pytest.raises(SystemExit):
        within("models", "--state", state, "--days", days, capsys=capsys)
    assert "--days" in capsys.readouterr().err


def test_an_empty_journal_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing was calibrated yet: when it will be."""
    Journal.create_or_open(f"sqlite:///{tmp_path}/journal.sqlite", writer=True).close()
    told = within("models", "--state", tmp_path, capsys=capsys)
    assert "no model was calibrated yet" in told.stdout
