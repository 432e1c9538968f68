"""Do both commands of behavior tell, write, and end as they should?"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.app.test_behavior_study import written
from tests.behavior.people import of_type, planted
from trader.app.cli import main
from trader.app.commands.behavior import MEANINGS
from trader.app.exit_codes import ExitCode
from trader.storage import trade_columns


@pytest.fixture
def trades(tmp_path: Path) -> Path:
    """Write the trades of somebody who takes revenge."""
    return written(tmp_path / "me.csv", {"me": planted("revenge", np.random.default_rng(1))})


def test_a_profile_is_told_and_written(
    trades: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Type, habits, tables on the screen; a page with a timeline where it was asked for."""
    page = tmp_path / "out" / "me.html"
    given = ["behavior", "profile", str(trades), "--equity", "100000", "--out", str(page)]
    assert main(given) == ExitCode.OK
    said = capsys.readouterr().out
    assert "Type: Moderate, confidence" in said
    assert "Habits: revenge trading." in said
    assert said.endswith(f"Written: {page}\n")
    assert "Results added up, and alerts" in page.read_text(encoding="utf-8")


def test_help_lists_what_a_column_can_mean() -> None:
    """The same meanings as those that are read, in their order."""
    assert MEANINGS == trade_columns.MEANINGS


def test_without_a_place_the_page_goes_here(
    trades: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`behavior.html` in the folder one stands in."""
    monkeypatch.chdir(tmp_path)
    assert main(["behavior", "profile", str(trades)]) == ExitCode.OK
    assert (tmp_path / "behavior.html").is_file()


def test_a_profile_is_told_to_programs(
    trades: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """JSON alone on stdout; `--column`, `--from` and `--to` are heard."""
    given = ["behavior", "profile", str(trades), "--json", "--out", str(tmp_path / "me.html")]
    assert main([*given, "--column", "size=notional"]) == ExitCode.OK
    told = json.loads(capsys.readouterr().out)
    assert (told["trades"], told["profile"]["type_name"]) == (80, "Aggressive")
    assert main([*given, "--from", "2024-03-05", "--to", "2024-03-11"]) == ExitCode.OK
    assert 20 <= json.loads(capsys.readouterr().out)["trades"] < 60


def test_too_few_trades_end_with_their_own_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """ "Not enough" is no mistake of the configuration, and writes no page."""
    path = written(tmp_path / "few.csv", {"me": of_type(1, np.random.default_rng(1), 12)})
    page = tmp_path / "few.html"
    assert main(["behavior", "profile", str(path), "--out", str(page)]) == ExitCode.NOT_FOUND
    assert "not enough: 12 closed trades" in capsys.readouterr().err
    assert not page.exists()


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        (["--column", "pnl"], ExitCode.CONFIGURATION, "MEANING=HEADER"),
        (["--equity", "-1"], ExitCode.CONFIGURATION, "--equity -1"),
        (["--timezone", "Nowhere"], ExitCode.CONFIGURATION, "no such zone"),
        (["--profiles", "absent.json"], ExitCode.CONFIGURATION, "absent.json cannot be read"),
        (["--column", "closed_at=symbol"], ExitCode.STORAGE, "'BTCUSDT' is no time"),
    ],
)
def test_mistakes_are_told(
    trades: Path, more: list[str], code: ExitCode, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a line that names option or row, value and remedy."""
    assert main(["behavior", "profile", str(trades), *more]) == code
    assert said in capsys.readouterr().err


def test_traders_are_grouped_and_asked_about(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file of each trader; groups are told, written, and name the type of one of them."""
    rng = np.random.default_rng(2)
    files = [
        str(written(tmp_path / f"{kind}-{one}.csv", {"x": of_type(kind, rng, 30)}))
        for kind in (3, 4)
        for one in range(7)
    ]
    out = tmp_path / "profiles.json"
    fit = ["behavior", "fit", *files, "--equity", "100000", "--out", str(out)]
    assert main([*fit, "--groups", "2"]) == ExitCode.OK
    said = capsys.readouterr().out
    assert "Scalper" in said
    assert f"Written: {out}" in said
    asked = ["behavior", "profile", files[0], "--equity", "100000", "--profiles", str(out)]
    assert main([*asked, "--out", str(tmp_path / "x.html")]) == ExitCode.OK
    assert "nearest of 2 groups" in capsys.readouterr().out


def test_no_groups_write_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The reason, a code of its own, and no file."""
    path = written(tmp_path / "me.csv", {"me": of_type(1, np.random.default_rng(1), 30)})
    out = tmp_path / "profiles.json"
    given = ["behavior", "fit", str(path), "--equity", "100000", "--out", str(out)]
    assert main(given) == ExitCode.NOT_FOUND
    assert "1 traders are too few" in capsys.readouterr().err
    assert not out.exists()
