"""Is a study of chains counted as a try, and refused for what does not roll?"""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tests.app.pasts import write_past
from tests.app.running import write_configuration
from trader.app import study
from trader.app.configuration import Configuration, load_configuration
from trader.app.study_chains import roll_chains
from trader.app.study_past import Boards, market_for, past_of
from trader.domain.errors import ConfigurationError
from trader.domain.units import DAY

ROOT = Path(__file__).resolve().parents[2]


def configuration(folder: Path) -> Configuration:
    """Configure the shipped roller beside a covered call, with ninety days of candles."""
    path = write_configuration(folder, '[journal]\nstate_dir = "state"')
    shipped = ROOT / "config" / "strategies" / "roll_chain_btc.toml"
    (folder / "strategies" / shipped.name).write_text(shipped.read_text(encoding="utf-8"))
    write_past(folder, days=30)
    return load_configuration([path], (), {})


def test_a_study_counts_as_one_try(tmp_path: Path) -> None:
    """The same configuration twice is one try; another is another."""
    one = configuration(tmp_path)
    trials = tmp_path / "state" / "trials.jsonl"
    for assignments, tries in (([], 1), ([], 1), (["target_delta=0.2"], 2)):
        subject = study.subject_of(study.find_strategy(one, "roll_chain_btc"), assignments)
        past = past_of(subject, market_for(one, "BTC", Boards()))
        first = past.history.span[0] // DAY * DAY + 5 * DAY
        found = roll_chains(one, subject, past, first, first + 10 * DAY)
        assert found.opening["open"] >= 1
        assert len(trials.read_text().splitlines()) == tries


def test_what_does_not_roll_and_what_is_not_there_is_refused(tmp_path: Path) -> None:
    """Another kind, with the command that runs it; a span beyond the history."""
    one = configuration(tmp_path)
    subject = study.subject_of(study.find_strategy(one, "covered_call_btc"), [])
    past = past_of(subject, market_for(one, "BTC", Boards()))
    said = "of kind covered_call: roll-chains studies roll_chain and wheel; use `trader backtest"
    with pytest.raises(ConfigurationError, match=said):
        roll_chains(one, subject, past, *past.history.span)
    rolls = study.subject_of(study.find_strategy(one, "roll_chain_btc"), [])
    with pytest.raises(ConfigurationError, match="is not within"):
        roll_chains(one, rolls, past, 0, DAY)


def test_the_shipped_files_say_what_they_sell() -> None:
    """Calls on BTC, puts on ETH: both kinds of chain are shown."""
    folder = ROOT / "config" / "strategies"
    sold = {
        name: tomllib.loads((folder / f"{name}.toml").read_text())["parameters"]["option_type"]
        for name in ("roll_chain_btc", "roll_chain_eth")
    }
    assert sold == {"roll_chain_btc": "call", "roll_chain_eth": "put"}
