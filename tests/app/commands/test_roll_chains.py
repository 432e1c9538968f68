"""Does `trader backtest roll-chains` tell each chain, and write what it told?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.app.histories import import_chains
from tests.app.pasts import write_past
from tests.app.running import within, write_configuration
from tests.app.test_study_chains import ROOT
from trader.domain.models import REGIMES
from trader.storage.datasets import FOLDER, DatasetStore

SETTINGS = """
[journal]
state_dir = "state"
[account.balances]
BTC = 20.0
"""


def configured(folder: Path, days: int) -> Path:
    """Configure the shipped roller, with a past."""
    path = write_configuration(folder, SETTINGS)
    shipped = ROOT / "config" / "strategies" / "roll_chain_btc.toml"
    (folder / "strategies" / shipped.name).write_text(shipped.read_text(encoding="utf-8"))
    write_past(folder, days=days)
    return path


def test_every_chain_is_listed_and_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Steps with reasons, the sum, what was modelled; the same as JSON; in short with --brief."""
    path = configured(tmp_path, 60)
    typed = (
        "backtest", "roll-chains", "roll_chain_btc", "--config", path, "--from", "2022-01-20",
        "--to", "2022-02-25",
    )  # fmt: skip
    run = within(*typed, "--out", tmp_path / "out", capsys=capsys)
    assert (run.returncode, run.stderr) == (0, "")
    assert "sell call at delta" in run.stdout
    assert "; roll 1 of 6 into BTC-" in run.stdout
    assert "chains ended" in run.stdout
    assert "History: MODELLED: simulated: candles of BTC-PERPETUAL" in run.stdout
    written = json.loads((tmp_path / "out" / "roll_chains.json").read_text())
    assert len(written["chains"]) >= 2
    for chain in written["chains"]:
        assert chain["chain_id"] in run.stdout
        assert chain["flow"] == pytest.approx(sum(one["flow"] for one in chain["steps"]), abs=1e-9)
    brief = within(*typed, "--brief", capsys=capsys)
    assert brief.returncode == 0
    seen = {chain["regime"] for chain in written["chains"]}
    assert seen <= {*REGIMES, None}
    crisis = within(*typed, "--brief", "--regime", "crisis", capsys=capsys)
    assert "chains ended" in crisis.stdout
    assert ("Crisis" in crisis.stdout) == ("Crisis" in seen)
    wrong = within(*typed, "--regime", "bull", capsys=capsys)
    assert wrong.returncode == 78
    assert "--regime 'bull': regimes are crisis, volatile, trending, calm" in wrong.stderr
    assert "sell call at delta" not in brief.stdout
    assert (tmp_path / "state" / "backtests" / "roll_chain_btc" / "roll_chains.json").exists()


def test_wheels_are_told_on_modelled_boards_in_usdc(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Puts, coin and calls with their flows in USDC; recorded boards show none of it: refused."""
    path = write_configuration(tmp_path, SETTINGS + "USDC = 5_000_000.0\n[feed]\nlinear = true\n")
    shipped = ROOT / "config" / "wheel" / "strategies" / "wheel_btc.toml"
    (tmp_path / "strategies" / shipped.name).write_text(shipped.read_text(encoding="utf-8"))
    write_past(tmp_path, days=40)
    typed = ("backtest", "roll-chains", "wheel_btc", "--config", path)
    run = within(*typed, "--from", "2022-01-20", "--to", "2022-02-05", capsys=capsys)
    assert (run.returncode, run.stderr) == (0, "")
    for said in (
        "sell put at delta",
        "assigned",
        "BTC_USDC at",
        "assigned coin is bought and sold",
    ):
        assert said in run.stdout
    import_chains(DatasetStore(tmp_path / "state" / FOLDER), tmp_path, days=20)
    for command in (typed, ("evaluate", *typed[2:])):
        recorded = within(*command, "--recorded", capsys=capsys)
        assert recorded.returncode == 78
        assert "wheel_btc: it trades options settled in USDC and no recorded" in recorded.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("covered_call_btc",), "is of kind covered_call"),
        (("nobody",), "strategy 'nobody' is not configured"),
        (("roll_chain_btc", "--set", "roll_delta=0.1"), "roll_delta 0.1 must be above"),
        (("roll_chain_btc", "--from", "2021-01-01"), "is not within"),
        (("roll_chain_btc", "--chains", "none.parquet"), "none.parquet cannot be read"),
    ],
)
def test_what_cannot_be_studied_is_refused_by_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    """Exit 78, one line that names it."""
    path = configured(tmp_path, 20)
    run = within("backtest", "roll-chains", *arguments, "--config", path, capsys=capsys)
    assert run.returncode == 78
    assert said in run.stderr
