"""Can a person run a portfolio over a folder of bars, and read what came of it?"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.app.bar_folders import write_bars
from tests.app.running import within


def test_tables_are_printed_and_files_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was run, the whole, sleeves, coins, and what became of every signal."""
    run = within(
        "backtest", "portfolio", "--data", write_bars(tmp_path / "bars"), "--from", "2023-01-02",
        "--to", "2023-02-06", "--param", "max_positions=4", "--out", tmp_path / "out",
        capsys=capsys,
    )  # fmt: skip
    assert (run.returncode, run.stderr) == (0, "")
    lines = run.stdout.splitlines()
    assert lines[0].startswith("2023-01-02 to 2023-02-06, 2 coins, 1,676 bars of 1 h; begins with")
    for word in ("largest drawdown:", "pullback_long", "XRPUSDT", "the sleeve holds the symbol"):
        assert word in run.stdout
    assert (tmp_path / "out" / "study.html").read_text().startswith("<!doctype html>")
    assert "Written: " in lines[-1]


def test_without_out_nothing_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is only printed."""
    folder = write_bars(tmp_path / "bars", rows=300)
    run = within("backtest", "portfolio", "--data", folder, capsys=capsys)
    assert run.returncode == 0
    assert "Written" not in run.stdout
    assert list(tmp_path.iterdir()) == [folder]


def test_without_numba_it_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The extra is named; the run itself is the same."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    folder = write_bars(tmp_path / "bars", rows=30)
    run = within("backtest", "portfolio", "--data", folder, capsys=capsys)
    assert run.returncode == 0
    assert run.stdout.startswith("numba is not installed (extra `portfolio`)")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--param", "max_position=4"), 78, "did you mean max_positions?"),
        (("--from", "2031-01-01"), 78, "holds no bar between --from and --to"),
        (("--data", "nowhere"), 74, "nowhere does not exist"),
    ],
)
def test_what_cannot_be_run_is_refused_by_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], code: int,
    said: str,
) -> None:  # fmt: skip
    """One line, and the exit code that says whose mistake it is."""
    folder = write_bars(tmp_path / "bars", rows=30)
    run = within("backtest", "portfolio", "--data", folder, *arguments, capsys=capsys)
    assert run.returncode == code
    assert said in run.stderr
