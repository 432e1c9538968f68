"""Are tries counted once each, as of a date, whoever made them and whatever crashed?"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from tests.app.nights import configured, write_journal
from trader.app.trials import FILE, TrialLedger, canonical, today


def test_a_configuration_counts_once_from_its_day_on(tmp_path: Path) -> None:
    """Re-running the same ones every night does not decay an unchanged strategy."""
    for date in ("2026-06-02", "2026-06-03"):
        TrialLedger(tmp_path).add("alpha", ["a", "b", "a"], date)
    TrialLedger(tmp_path).add("alpha", ["c"], "2026-06-04")
    TrialLedger(tmp_path).add("beta", ["a"], "2026-06-01")
    ledger = TrialLedger(tmp_path)
    counts = [ledger.count("alpha", f"2026-06-0{day}") for day in (2, 3, 4, 5)]
    assert counts == [0, 2, 2, 3]
    assert ledger.count("beta", "2026-06-02") == 1
    assert ledger.count("alpha") == 3
    assert len((tmp_path / FILE).read_text(encoding="utf-8").splitlines()) == 4


def test_a_line_that_a_crash_cut_off_costs_only_itself(tmp_path: Path) -> None:
    """It was never counted, and the next line is not glued to it; what is no entry is passed by."""
    ledger = TrialLedger(tmp_path)
    ledger.add("alpha", ["a"], "2026-06-02")
    with (tmp_path / FILE).open("a", encoding="utf-8") as file:
        file.write('[]\n{"strategy": "alpha"}\n{"strategy": "alpha", "fir')
    ledger.add("alpha", ["b"], "2026-06-02")
    assert ledger.count("alpha", "2026-06-03") == 2


def test_two_writers_lose_nothing(tmp_path: Path) -> None:
    """What two noted at once counts once; nothing of either is lost."""
    one, other = TrialLedger(tmp_path), TrialLedger(tmp_path)
    one.add("alpha", ["a", "b"], "2026-06-02")
    other.add("alpha", ["b", "c"], "2026-06-02")
    assert one.count("alpha", "2026-06-03") == other.count("alpha", "2026-06-03") == 3


def test_parameters_have_one_text() -> None:
    """Order does not matter."""
    assert canonical({"b": 1, "a": 2.5}) == canonical({"a": 2.5, "b": 1}) == '{"a":2.5,"b":1}'


def test_today_is_the_journals_day(tmp_path: Path) -> None:
    """A backtest counts from the market's day on; without a journal from the wall's."""
    wall = datetime(2030, 1, 2, tzinfo=UTC)
    configuration = configured(tmp_path)
    assert today(configuration, wall) == "2030-01-02"
    write_journal(configuration)
    assert today(configuration, wall) == "2026-06-02"
