"""Does `verify` vouch for whole journals only?"""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from tests.app.running import within, write_configuration
from tests.storage.story import FILLED, STORY
from trader.domain.facts import EpochOpened, Recorded
from trader.storage.journal import Journal


def write(folder: Path, *records: Recorded) -> None:
    """Write facts into a journal."""
    folder.mkdir(exist_ok=True)
    with Journal.create_or_open(f"sqlite:///{folder}/journal.sqlite", writer=True) as journal:
        journal.append(records)


def test_a_contradiction_is_told_and_exits_4(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A fill without an order is found, as text and as JSON."""
    opening = [one for one in STORY if isinstance(one.fact, EpochOpened)]
    write(tmp_path, *opening, Recorded(2, opening[0].at, FILLED))
    text = within("verify", "--state", tmp_path, capsys=capsys)
    assert text.returncode == 4
    assert FILLED.order_id in text.stderr
    assert "2 facts" in text.stderr
    data = within("verify", "--state", tmp_path, "--json", capsys=capsys)
    assert data.returncode == 4
    found = json.loads(data.stdout)
    assert found["facts"] == 2
    assert found["violations"]


def test_a_whole_journal_is_vouched_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Facts that agree exit 0 and are counted."""
    opening = [one for one in STORY if isinstance(one.fact, EpochOpened)]
    write(tmp_path, *opening)
    run = within("verify", "--state", tmp_path, capsys=capsys)
    assert (run.returncode, run.stderr) == (0, "")
    assert "1 facts, every invariant and limit holds" in run.stdout


def test_the_limits_are_those_of_the_configuration(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong limit in --config is a mistake, not silently the default."""
    path = write_configuration(tmp_path, "[risk]\nmax_risk_per_trade = 7")
    run = within("verify", "--config", path, capsys=capsys)
    assert run.returncode == 78
    assert msgspec.json.encode(run.stderr).count(b"max_risk_per_trade") == 1


def test_without_a_journal_nothing_is_vouched_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 3: no journal is no good journal."""
    assert within("verify", "--state", tmp_path, capsys=capsys).returncode == 3
