"""Does `trader nightly` answer a person: exit codes, refused dates, what was made already?"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.app.nights import configured, files_of, write_history, write_journal
from tests.app.running import within
from trader.app.exit_codes import ExitCode
from trader.app.night_process import alone

CAPSYS = pytest.CaptureFixture[str]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Make a state whose strategy no history can judge."""
    write_journal(configured(tmp_path))
    return tmp_path


def nightly(state: Path, capsys: CAPSYS, *more: str) -> tuple[int, str, str]:
    """Judge a day."""
    done = within("nightly", "--config", state / "trader.toml", *more, capsys=capsys)
    return done.returncode, done.stdout, done.stderr


def test_it_says_what_needs_a_person_and_where_the_report_is(state: Path, capsys: CAPSYS) -> None:
    """Exit 0 where nothing falls; the day by name or as yesterday is the same."""
    code, out, err = nightly(state, capsys, "--date", "2026-06-01")
    folder = state / "state" / "nights" / "2026-06-01"
    assert code == ExitCode.OK
    assert out.splitlines()[-1] == f"report: {folder}"
    assert "covered_call_btc could not be evaluated: no candles" in out
    assert "covered_call_btc: no verdict, not evaluated: no candles" in err
    first = files_of(folder)
    assert nightly(state, capsys, "--date", "yesterday") == (code, out, "")
    assert files_of(folder) == first


def test_a_demotion_is_in_the_exit_code(state: Path, capsys: CAPSYS) -> None:
    """5: somebody falls; also when what was made is read back."""
    strict = ("--date", "2026-06-01", "--set", "stages.broken_nights_max=1")
    for _ in range(2):
        code, out, _ = nightly(state, capsys, *strict)
        assert code == ExitCode.DEMOTED
        assert "covered_call_btc falls from PRODUCTION to PILOT" in out


def test_a_short_history_costs_no_stage(state: Path, capsys: CAPSYS) -> None:
    """Where one failed night costs a stage, one with too little to judge by costs none."""
    write_history(configured(state), days=100)
    strict = ("--date", "2026-06-01", "--set", "stages.broken_nights_max=1")
    code, out, err = nightly(state, capsys, *strict)
    assert code == ExitCode.OK
    assert "falls" not in out
    assert "could not be evaluated" not in out
    assert "no verdict, thin evidence: only 99 days of history, a backtest needs 120" in err


@pytest.mark.parametrize(
    ("date", "why"),
    [
        ("2026-06-02", "that UTC day is not over, the last one that is: 2026-06-01"),
        ("2031-01-01", "that UTC day is not over"),
        ("2026-05-30", "the journal knows nothing of that day"),
    ],
)
def test_a_day_that_cannot_be_judged_is_refused(
    state: Path, capsys: CAPSYS, date: str, why: str
) -> None:
    """Exit 78, with the date, why, and nothing written."""
    code, _, err = nightly(state, capsys, "--date", date)
    assert code == ExitCode.CONFIGURATION
    assert f"--date {date}: {why}" in err
    assert not (state / "state" / "nights" / date).exists()


def test_a_date_that_is_none_is_a_mistake_of_usage(state: Path, capsys: CAPSYS) -> None:
    """argparse says so."""
    with pytest.raises(SystemExit) as ended:
        nightly(state, capsys, "--date", "2026-02-30")
    assert ended.value.code == ExitCode.USAGE


def test_what_was_made_from_another_configuration_stays(state: Path, capsys: CAPSYS) -> None:
    """A report of record is not overwritten unasked."""
    nightly(state, capsys, "--date", "2026-06-01")
    other = ("--date", "2026-06-01", "--set", "nightly.years=3")
    code, _, err = nightly(state, capsys, *other)
    assert code == ExitCode.CONFIGURATION
    assert "made from another configuration: --again makes that night anew" in err
    assert nightly(state, capsys, *other, "--again")[0] == ExitCode.OK


def test_without_a_journal_there_is_no_night(tmp_path: Path, capsys: CAPSYS) -> None:
    """Exit 74 with the remedy."""
    configured(tmp_path)
    code, _, err = nightly(tmp_path, capsys, "--date", "2026-06-01")
    assert code == ExitCode.STORAGE
    assert "start the daemon first" in err


def test_a_night_under_way_is_not_disturbed(state: Path, capsys: CAPSYS) -> None:
    """Exit 73."""
    with alone(configured(state)):
        code, _, err = nightly(state, capsys, "--date", "2026-06-01")
    assert code == ExitCode.LOCKED
    assert "another evaluation runs in" in err
