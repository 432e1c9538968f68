"""Can a person see and check the history that is held?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.app.running import trader, within
from tests.app.test_data_import import CHAIN, QUOTES
from trader.domain.units import HOUR
from trader.storage.datasets import DatasetStore


def test_import_then_list_and_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What came in is listed with its span; sound rows exit 0."""
    file = tmp_path / "chain.csv"
    file.write_text(CHAIN)
    run = within("data", "import", "--state", tmp_path, file, capsys=capsys)
    assert (run.returncode, run.stderr) == (0, "")
    assert "2 rows of option_chain" in run.stdout
    listed = within("data", "list", "--state", tmp_path, "--json", capsys=capsys)
    [holding] = json.loads(listed.stdout)
    assert (holding["dataset"], holding["rows"]) == ("option_chain", 2)
    checked = within("data", "check", "--state", tmp_path, capsys=capsys)
    assert checked.returncode == 0
    assert "2020-06-08T00:00:00" in checked.stdout


def test_impossible_rows_exit_4(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A bid above its ask is counted; a gap alone is told, not judged."""
    store = DatasetStore(tmp_path / "datasets")
    column = [1.0, 1.0]
    names = ("open", "high", "low", "close", "volume", "cost")
    rows = {"at": [HOUR, 5 * HOUR]} | dict.fromkeys(names, column)
    store.merge("candles", "BTC-PERPETUAL", "1970-01", rows)
    gap = within("data", "check", "--state", tmp_path, capsys=capsys)
    assert gap.returncode == 0
    assert "1 gaps: 1970-01-01T01:00:00Z .. 1970-01-01T05:00:00Z" in gap.stdout
    file = tmp_path / "quotes.csv"
    file.write_text(QUOTES.replace("9700.5,9700,", "9700,9700.5,"))
    within("data", "import", "--state", tmp_path, file, capsys=capsys)
    crossed = within("data", "check", "--state", tmp_path, capsys=capsys)
    assert crossed.returncode == 4
    assert "1 rows: bid above ask" in crossed.stdout


def test_nothing_held_exits_3_and_a_wrong_file_74(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each with its remedy."""
    nothing = within("data", "list", "--state", tmp_path, capsys=capsys)
    assert nothing.returncode == 3
    assert "data sync" in nothing.stderr
    wrong = within("data", "import", "--state", tmp_path, tmp_path / "no.csv", capsys=capsys)
    assert wrong.returncode == 74
    assert trader("data", "sync", "--what", "rumors").returncode == 2
