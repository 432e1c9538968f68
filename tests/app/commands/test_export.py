"""Can a person export rows to learn from, and is every mistake named?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.app.pasts import write_past
from tests.app.running import within, write_configuration
from tests.storage.story import STORY
from trader.storage.journal import Journal

SETTINGS = '[journal]\nstate_dir = "state"\n'


def test_rows_and_their_card_are_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Into the state, as Parquet, or where and how it is asked."""
    path = write_configuration(tmp_path, SETTINGS)
    write_past(tmp_path, days=50)
    options = ("--config", path, "--every", "12", "--policy", "trend:0.5")
    run = within("export", "training", *options, capsys=capsys)
    assert (run.returncode, run.stderr) == (0, "")
    written = [Path(line.split(": ")[1]) for line in run.stdout.splitlines()[1:]]
    assert [one.name for one in written] == [
        "covered_calls_btc.parquet", "covered_calls_btc.parquet.card.json",
        "covered_calls_btc.parquet.card.md",
    ]  # fmt: skip
    assert {one.parent for one in written} == {tmp_path / "state" / "exports"}
    card = json.loads(written[1].read_text())
    assert run.stdout.startswith(f"{card['rows']:,} rows: Covered calls on BTC")
    run = within(
        "export", "training", *options, "--format", "jsonl", "--features", "iv,trend",
        "--from", "2022-01-10", "--to", "2022-02-10T00:00+00:00", "--split", "2022-01-22",
        "--embargo", "3", "--out", tmp_path / "out", capsys=capsys,
    )  # fmt: skip
    assert (run.returncode, run.stderr) == (0, "")
    rows = [
        json.loads(line)
        for line in (tmp_path / "out" / "covered_calls_btc.jsonl").read_text().splitlines()
    ]
    assert rows[0]["decision_time"] == "2022-01-10T00:00:00Z"
    assert rows[-1]["decision_time"] == "2022-02-03T00:00:00Z"
    assert {"iv", "trend"} < set(rows[0])
    assert "skew" not in rows[0]
    assert {row["split"] for row in rows} == {"train", "embargo", "test"}


def test_a_journal_is_exported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What was decided live and what came of it."""
    path = write_configuration(tmp_path, SETTINGS)
    (tmp_path / "state").mkdir()
    url = f"sqlite:///{tmp_path}/state/journal.sqlite"
    with Journal.create_or_open(url, writer=True) as journal:
        journal.append(STORY)
    run = within(
        "export", "training", "--journal", "--config", path, "--format", "csv", capsys=capsys
    )
    assert (run.returncode, run.stderr) == (0, "")
    lines = (tmp_path / "state" / "exports" / "decisions_btc.csv").read_text().splitlines()
    assert len(lines) == 3
    run = within(
        "export", "training", "--journal", "--config", path, "--policy", "never", "--dte", "9",
        capsys=capsys,
    )  # fmt: skip
    assert run.returncode == 78
    assert "--policy, --dte: of no use with --journal" in run.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--format", "xls"), "--format 'xls': choose one of parquet, csv, jsonl"),
        (("--features", "iv,mood"), "--features: 'mood' is unknown; choose among return_1d"),
        (("--features", ""), "--features: none named"),
        (("--from", "2022-01-20", "--to", "2022-01-10"), "--from 2022-01-20T00:00:00Z must come"),
        (("--from", "2022-01-10", "--to", "2022-01-10"), "must come before --to 2022-01-10"),
        (("--from", "2022-01-10", "--to", "2022-01-12"), "holds no decision time"),
        (("--from", "2022-01-10T08:00"), "--from '2022-01-10T08:00' has no timezone"),
        (("--split", "2022-01-10 08:00"), "--split '2022-01-10 08:00' has no timezone"),
        (("--split", "2021-01-10"), "--split 2021-01-10T00:00:00+00:00 with an embargo of 7 days"),
        (("--split", "9999-01-01", "--embargo", "3650"), "--split 9999-01-01T00:00:00+00:00 with"),
        (("--from", "2021-01-01"), "is not within"),
        (("--embargo", "-1"), "--embargo -1 must be days from 0 to 3650"),
        (("--embargo", "1e12"), "--embargo 1e+12 must be days from 0 to 3650"),
        (("--embargo", "nan"), "--embargo nan must be days from 0 to 3650"),
        (("--policy", "sometimes"), "policy 'sometimes': choose always, never"),
        (("--drawdown-penalty", "-1"), "drawdown_penalty -1.0 must be zero or a positive"),
        (("--size", "0"), "size 0.0 must be a positive number"),
        (("--underlying", "DOGE"), "DOGE"),
    ],
)
def test_what_cannot_be_exported_is_refused_by_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    """Exit 78, one line that names it, and nothing is written."""
    path = write_configuration(tmp_path, SETTINGS)
    write_past(tmp_path, days=40)
    run = within("export", "training", *arguments, "--config", path, capsys=capsys)
    assert run.returncode == 78
    assert said in run.stderr
    assert not (tmp_path / "state" / "exports").exists()
