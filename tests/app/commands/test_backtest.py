"""Can a person try a strategy on the past, and is the person told what it rests on?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.app.histories import import_chains
from tests.app.pasts import write_past
from tests.app.running import ROOT, within, write_configuration
from trader.storage.datasets import FOLDER, DatasetStore

SETTINGS = """
[journal]
state_dir = "state"
[account.balances]
BTC = 20.0
[nightly]
profile = "quick"
workers = 1
years = 1.0
"""


def test_a_backtest_prints_the_summary_and_says_it_was_modelled(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Summary, refusals, history in capitals; scorecard.json with the summary's keys."""
    path = write_configuration(tmp_path, SETTINGS)
    write_past(tmp_path, days=90)
    run = within(
        "backtest", "run", "covered_call_btc", "--config", path, "--from", "2022-02-03",
        "--to", "2022-03-25", "--set", "target_days=3",
        "--set", "min_credit_fee_multiple=2", "--out", tmp_path / "out", capsys=capsys,
    )  # fmt: skip
    assert (run.returncode, run.stderr) == (0, "")
    assert "=== Strategy Evaluation ===" in run.stdout
    assert "History: MODELLED: simulated: candles of BTC-PERPETUAL" in run.stdout
    assert "option boards are modelled, not recorded" in run.stdout
    told = json.loads((tmp_path / "out" / "scorecard.json").read_text())
    assert told["parameters"]["target_days"] == 3.0
    assert told["history"]["kind"] == "modelled"
    assert told["trades"] > 5
    assert {"stage", "win_rate", "mc_worst_loss_streak", "psychology_components"} < set(told)
    trials = (tmp_path / "state" / "trials.jsonl").read_text().splitlines()
    assert len(trials) == 1


def test_too_few_trades_are_told_as_that(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two days give no statistic, and no error."""
    path = write_configuration(tmp_path, SETTINGS)
    write_past(tmp_path, days=20)
    run = within(
        "backtest", "run", "covered_call_btc", "--config", path, "--from", "2022-01-20",
        "--to", "2022-01-22", capsys=capsys,
    )  # fmt: skip
    assert run.returncode == 0
    assert "closed trades: at least 2 are needed" in run.stdout
    assert (tmp_path / "state" / "backtests" / "covered_call_btc" / "scorecard.json").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nobody",), "strategy 'nobody' is not configured"),
        (("covered_call_btc", "--set", "target_delta=7"), "target_delta"),
        (("covered_call_btc", "--set", "wrong=1"), "wrong"),
        (("covered_call_btc", "--set", "target_delta"), "write name=value"),
        (("covered_call_btc", "--from", "2030-01-01"), "must come later"),
        (("covered_call_btc", "--from", "2021-01-01"), "is not within"),
    ],
)
def test_what_cannot_be_run_is_refused_by_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    """Exit 78, one line that names it."""
    path = write_configuration(tmp_path, SETTINGS)
    write_past(tmp_path, days=20)
    run = within("backtest", "run", *arguments, "--config", path, capsys=capsys)
    assert run.returncode == 78
    assert said in run.stderr


def test_without_history_a_person_is_told_how_to_get_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No candles, no backtest: the remedy is named."""
    path = write_configuration(tmp_path, SETTINGS)
    for command in (("backtest", "run"), ("evaluate",)):
        run = within(*command, "covered_call_btc", "--config", path, capsys=capsys)
        assert run.returncode == 78
        assert "trader data sync" in run.stderr


def test_an_evaluation_prints_every_gate(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """All studies as at night; every cell of the grid counts as tried, once."""
    path = write_configuration(tmp_path, SETTINGS)
    write_past(tmp_path, days=130)
    run = within("evaluate", "covered_call_btc", "--config", path, capsys=capsys)
    assert (run.returncode, run.stderr) == (0, "")
    assert "Gates (quick profile):" in run.stdout
    assert "MODELLED" in run.stdout
    folder = tmp_path / "state" / "evaluations" / "covered_call_btc"
    told = json.loads((folder / "scorecard.json").read_text())
    assert told["evaluation"]["profile"] == "quick"
    trials = (tmp_path / "state" / "trials.jsonl").read_text().splitlines()
    assert len(trials) == len(set(trials)) > 1


def test_an_evaluation_on_imported_boards_says_they_are_too_few(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In words, with what is missing; the stage it would get is no demotion."""
    path = write_configuration(tmp_path, SETTINGS)
    import_chains(DatasetStore(tmp_path / "state" / FOLDER), tmp_path, days=20)
    demo = ("--set", "target_days=3", "--set", "min_credit_fee_multiple=1",
            "--set", "delta_tolerance=0.2")  # fmt: skip
    run = within(
        "evaluate", "covered_call_btc", "--recorded", "--config", path, *demo, capsys=capsys
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert "Too early to judge, no stage changes on this: Insufficient sample" in run.stdout
    assert "Insufficient history" in run.stdout
    assert "History: recorded: boards of BTC@chains, closes of BTC@chains" in run.stdout
    folder = tmp_path / "state" / "evaluations" / "covered_call_btc"
    told = json.loads((folder / "scorecard.json").read_text())
    assert told["standing"] == "insufficient"
    assert told["evaluation"]["verdict"]["demote_to"] is None


@pytest.mark.real_data
def test_real_chains_and_real_candles_come_in_and_are_run_on(
    tmp_path: Path, real_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Covered calls on four months of boards, and a quarter of 2021 on a smile fitted to them."""
    path = write_configuration(tmp_path, SETTINGS)
    plans = [ROOT / f"config/{name}.example.toml" for name in
             ("import.candles", "replay.deribit-chains")]  # fmt: skip
    came = within("data", "import", "--config", path, "--data", real_data, *plans, capsys=capsys)
    assert came.returncode == 0
    recorded = within(
        "backtest", "run", "covered_call_btc", "--recorded", "--config", path, capsys=capsys
    )
    assert recorded.returncode == 0
    assert "Insufficient sample size" in recorded.stdout
    assert "instead of" in recorded.stdout
    told = json.loads((tmp_path / "state/backtests/covered_call_btc/scorecard.json").read_text())
    assert told["history"]["kind"] == "recorded"
    assert told["trades"] > 30
    modelled = within(
        "backtest", "run", "covered_call_btc", "--config", path, "--from", "2021-02-01",
        "--to", "2021-05-01", capsys=capsys,
    )  # fmt: skip
    assert modelled.returncode == 0
    assert "imported candles BTC@binance-spot" in modelled.stdout
    assert "fitted to 24 recorded boards of 2025-12-30 to 2026-04-30" in modelled.stdout
    assert "2021-03-24 to 2023-12-31 (BTC@dvol, a value every 24 hours)" in modelled.stdout
