"""Can a person compare policies of selling calls, and is every mistake named?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.app.pasts import write_past
from tests.app.running import within, write_configuration

SETTINGS = '[journal]\nstate_dir = "state"\n'


def test_a_comparison_prints_a_table_and_writes_a_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The policies asked for first, then those compared, then holding; it says it was modelled."""
    path = write_configuration(tmp_path, SETTINGS)
    write_past(tmp_path, days=60)
    run = within(
        "backtest", "covered-call", "--config", path, "--policy", "trend:0.2", "--compare",
        "--every", "6", capsys=capsys,
    )  # fmt: skip
    assert (run.returncode, run.stderr) == (0, "")
    lines = run.stdout.splitlines()
    assert lines[0].endswith("1 BTC, filled at the bid")
    names = [line.split()[0] for line in lines[2:8]]
    assert names == ["trend:0.2", "always", "iv_rank:0.5", "trend:1", "never", "hold"]
    assert "no_free_coins (calls already sold use up the coins)" in run.stdout
    assert "History: MODELLED" in run.stdout
    folder = tmp_path / "state" / "backtests" / "covered_calls_btc"
    assert (folder / "study.html").read_text().startswith("<!doctype html>")
    told = json.loads((folder / "study.json").read_text())
    assert len(told["policies"]["always"]["trades"]) >= 4


def test_policies_ask_for_regimes_and_for_models(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both sell less than always does; it says how often models were fitted, or that none are."""
    path = write_configuration(tmp_path, SETTINGS + '[ensemble]\nmodels = ["black_scholes"]\n')
    write_past(tmp_path, days=90)
    typed = (
        "backtest", "covered-call", "--config", path, "--from", "2022-03-10", "--to", "2022-03-25",
        "--every", "6", "--policy", "ensemble:0.0005",
    )  # fmt: skip
    run = within(*typed, "--policy", "regime:calm,trending", "--policy", "always", capsys=capsys)
    assert (run.returncode, run.stderr) == (0, "")
    assert "pricing models were fitted to 15 boards, at 15 of which" in run.stdout
    folder = tmp_path / "state" / "backtests" / "covered_calls_btc"
    told = json.loads((folder / "study.json").read_text())["policies"]
    for name in ("ensemble:0.0005", "regime:calm,trending"):
        assert "policy_declined" in told[name]["reasons"]
        assert len(told[name]["trades"]) <= len(told["always"]["trades"])
    off = within(*typed, "--set", "ensemble.enabled=false", capsys=capsys)
    assert off.returncode == 78
    assert "policy 'ensemble:0.0005' asks the pricing models, and none takes part" in off.stderr


def test_without_a_policy_it_is_always(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One policy, days and folder as asked."""
    path = write_configuration(tmp_path, SETTINGS)
    write_past(tmp_path, days=30)
    run = within(
        "backtest", "covered-call", "--config", path, "--from", "2022-01-10", "--to", "2022-01-30",
        "--out", tmp_path / "out", "--coins", "4", "--size", "0.5", "--fill", "mark",
        "--timeframe", "4h", capsys=capsys,
    )  # fmt: skip
    assert (run.returncode, run.stderr) == (0, "")
    told = json.loads((tmp_path / "out" / "study.json").read_text())
    assert list(told["policies"]) == ["always"]
    assert told["asked"]["timeframe"] == "4h"
    assert {one["size"] for one in told["policies"]["always"]["trades"]} == {0.5}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--policy", "sometimes"), "policy 'sometimes': choose always, never"),
        (("--timeframe", "2h"), "timeframe '2h': choose one of"),
        (("--delta", "25"), "target_delta 25.0 must lie"),
        (("--size", "0"), "size 0.0 must be a positive number"),
        (("--from", "2030-01-01"), "must come before end"),
        (("--from", "2021-01-01"), "is not within"),
        (("--underlying", "DOGE"), "DOGE"),
        (("--recorded",), "trader data import"),
        (("--chains", "none.parquet"), "none.parquet"),
    ],
)
def test_what_cannot_be_tried_is_refused_by_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    """Exit 78, one line that names it."""
    path = write_configuration(tmp_path, SETTINGS)
    write_past(tmp_path, days=20)
    run = within("backtest", "covered-call", *arguments, "--config", path, capsys=capsys)
    assert run.returncode == 78
    assert said in run.stderr
