"""Do the reports say what the journal holds? One evening of facts in a real file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.app.running import within
from tests.backtest.wheels import facts_of_a_turn
from tests.engine.test_conduct import judgment
from tests.storage.story import APPROVED, REFUSED, STORY
from trader.domain.facts import Recorded
from trader.storage.journal import Journal

REPORTS = ("status", "positions", "chains", "strategies", "verdicts")


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state directory with the evening's journal."""
    with Journal.create_or_open(f"sqlite:///{tmp_path}/journal.sqlite", writer=True) as journal:
        journal.append(STORY)
    return tmp_path


@pytest.mark.parametrize("report", REPORTS)
def test_every_report_is_text_and_json(
    report: str, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both forms exit 0; the JSON is whole."""
    text = within(report, "--state", state, capsys=capsys)
    data = within(report, "--state", state, "--json", capsys=capsys)
    assert (text.returncode, data.returncode) == (0, 0)
    assert text.stdout.strip()
    assert json.loads(data.stdout) is not None


def test_status_and_strategies_name_what_they_show(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The account's cash and the strategy's stage are there to read."""
    assert "130,000" in within("status", "--state", state, capsys=capsys).stdout
    (row,) = json.loads(within("strategies", "--state", state, "--json", capsys=capsys).stdout)
    assert (row["strategy"], row["stage"]) == ("covered_call_btc", "PRODUCTION")


def test_behavior_is_explained_of_a_strategy_and_of_the_account(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The story of the strategy has both, that of the account its own."""
    last = STORY[-1]
    found = [
        Recorded(last.sequence + 1, last.at, judgment(one)) for one in ("covered_call_btc", None)
    ]
    with Journal.create_or_open(f"sqlite:///{state}/journal.sqlite", writer=True) as journal:
        journal.append(found)
    strategy = within("explain", "covered_call_btc", "--state", state, capsys=capsys).stdout
    assert "behavior of covered_call_btc: REVENGE_TRADING" in strategy
    assert "behavior of the account: REVENGE_TRADING" in strategy
    account = within("explain", "account", "--state", state, capsys=capsys).stdout
    assert account.startswith("The behavior of the account, oldest first:")
    assert account.count("REVENGE_TRADING") == 1
    assert "x 0.09" in within("strategies", "--state", state, capsys=capsys).stdout


def test_verdicts_are_newest_last_with_what_bound(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The refusal came last and is nearest to the prompt; each rule's share is counted over all."""
    data = json.loads(within("verdicts", "--state", state, "--json", capsys=capsys).stdout)
    assert [row["verdict"] for row in data["verdicts"]] == ["approved", "refused"]
    assert {(one["rule"], one["count"], one["share"]) for one in data["counts"]} == {
        (None, 1, 0.5),
        (REFUSED.rule, 1, 0.5),
    }
    text = within("verdicts", "--state", state, "--limit", "1", capsys=capsys).stdout
    assert "shown: 1 of 2 decisions" in text
    assert REFUSED.verdict_id in text
    assert APPROVED.verdict_id not in text, "of two decisions --limit 1 shows the newest"
    assert f"refused by {REFUSED.rule}" in text
    nobody = within("verdicts", "--strategy", "x", "--state", state, "--json", capsys=capsys)
    assert json.loads(nobody.stdout) == {"verdicts": [], "counts": []}


@pytest.mark.parametrize("verdict", [APPROVED, REFUSED], ids=["approved", "refused"])
def test_explain_tells_a_verdict(
    verdict: object, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`explain` finds it by its id, as text and as the fact itself."""
    name = getattr(verdict, "verdict_id")  # noqa: B009 - either kind has one
    text = within("explain", name, "--state", state, capsys=capsys)
    assert text.returncode == 0
    assert name in text.stdout
    data = within("explain", name, "--state", state, "--json", capsys=capsys)
    assert json.loads(data.stdout)["fact"]["verdict_id"] == name


def test_explain_tells_a_chain_step_by_step(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each step with its reason and flow, assigned coin among them; as JSON its facts in order."""
    with Journal.create_or_open(f"sqlite:///{tmp_path}/journal.sqlite", writer=True) as journal:
        journal.append(facts_of_a_turn())
    told = within("explain", "C12-0", "--state", tmp_path, capsys=capsys)
    assert told.returncode == 0
    assert told.stdout.startswith("C12-0: settled 2022-01-21T08:00:00Z, 0 rolls, -152.56 USDC")
    lines = told.stdout.splitlines()
    assert [line.split()[1] for line in lines[2:]] == [
        "open", "settled", "assigned", "hedge", "settled", "called",
    ]  # fmt: skip
    data = within("explain", "C12-0", "--state", tmp_path, "--json", capsys=capsys)
    kinds = [one["fact"]["type"] for one in json.loads(data.stdout)]
    assert kinds[0] == "Approved"
    assert kinds[-2:] == ["Settled", "ChainEnded"]


def test_an_unknown_verdict_is_not_found(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 3, and the line says where it was looked for."""
    run = within("explain", "V0", "--state", state, capsys=capsys)
    assert (run.returncode, run.stdout) == (3, "")
    assert run.stderr.startswith("no verdict, chain, night or strategy V0 in ")


@pytest.mark.parametrize("report", [*REPORTS, "explain"])
def test_without_a_journal_there_is_nothing_to_report(
    report: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 3, the line names the place and the remedy, and no journal is made by looking."""
    arguments = (report, *(("V1",) if report == "explain" else ()))
    run = within(*arguments, "--state", tmp_path, capsys=capsys)
    assert run.returncode == 3
    assert run.stderr.startswith(f"no journal at {tmp_path}/journal.sqlite; name the daemon's")
    assert list(tmp_path.iterdir()) == []


def test_a_foreign_file_is_a_storage_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file that is no journal exits 74 and stays as it was."""
    (tmp_path / "journal.sqlite").write_text("holiday photos", encoding="utf-8")
    run = within("status", "--state", tmp_path, capsys=capsys)
    assert run.returncode == 74
    assert (tmp_path / "journal.sqlite").read_text(encoding="utf-8") == "holiday photos"
