"""Does what a TOML names arrive as history, under a name of its own?"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.app.histories import import_chains
from tests.app.running import ROOT
from tests.backtest.pasts import START
from trader.app.history_import import COLLECTED, import_plan
from trader.app.night_data import read_market
from trader.app.past_candles import read_candles
from trader.domain.errors import ConfigurationError
from trader.domain.units import DAY, HOUR, iso
from trader.storage.datasets import DatasetStore

TOML = """
[[candles]]
name = "venue"
files = ["candles.csv"]
symbols = { BTC = "-" }
columns = { opens_at = "ts", open = "p", high = "p", low = "p", close = "p" }
[[volatility_index]]
name = "vol"
files = ["vol.csv"]
symbols = { BTC = "-" }
columns = { begins_at = "ts", close_percent = "p" }
"""
ROWS = "ts,p\n2022-01-03T00:00:00Z,60\n2022-01-03T01:00:00Z,61\n"


def test_candles_and_an_index_are_held_apart_from_the_venues(tmp_path: Path) -> None:
    """Twice is once; without --data the files lie beside the TOML."""
    (tmp_path / "plan.toml").write_text(TOML)
    for name in ("candles.csv", "vol.csv"):
        (tmp_path / name).write_text(ROWS)
    store = DatasetStore(tmp_path / "datasets")
    for _ in range(2):
        told = import_plan(store, tmp_path / "plan.toml", None)
        assert told == {"candles BTC@venue": 2, "dvol BTC@vol": 2}
    assert store.read("candles", "BTC@venue").column("close").to_pylist() == [60.0, 61.0]
    assert store.read("candles", "BTC@venue").column("volume").to_pylist() == [None, None]
    assert store.read("dvol", "BTC@vol").column("close").to_pylist() == [0.6, 0.61]
    assert not [one for one in store.holdings(check=True) if one.faults or one.gaps]


def test_chains_arrive_with_the_closes_beside_them(tmp_path: Path) -> None:
    """By the TOML that replays them: known minutes after their label, sizes not made up."""
    store = DatasetStore(tmp_path / "datasets")
    boards = import_chains(store, tmp_path)
    table = store.read("quotes", "BTC@chains")
    at = sorted(set(table.column("at").to_pylist()))
    assert len(at) == boards
    assert at[0] == START + DAY + 9 * HOUR + COLLECTED
    assert table.column("exchange_at").to_pylist()[0] == at[0] - COLLECTED
    assert table.column("bid_amount").null_count == table.num_rows
    assert 0.1 < table.column("mark_iv").to_pylist()[0] < 3.0, "a fraction"
    assert read_candles(store, "BTC").candles.opened_at[0] == START


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("no = [", "write it as TOML"),
        ("[[candles]]\nname = 'x'", "candles"),
        ("", "write"),
        ("[chains]\nfiles = []", "chains"),
    ],
)
def test_a_toml_that_is_no_plan_is_refused(tmp_path: Path, text: str, said: str) -> None:
    """With its path, key and remedy."""
    (tmp_path / "plan.toml").write_text(text)
    with pytest.raises(ConfigurationError, match=said) as caught:
        import_plan(DatasetStore(tmp_path), tmp_path / "plan.toml", None)
    assert "plan.toml" in str(caught.value)


@pytest.mark.real_data
def test_the_example_imports_real_candles_and_a_real_index(tmp_path: Path, real_data: Path) -> None:
    """Six years of two coins; the index is used from its first day on, before it is assumed."""
    store = DatasetStore(tmp_path)
    example = ROOT / "config/import.candles.example.toml"
    told = import_plan(store, example, real_data)
    assert told == {
        "candles BTC@binance-spot": 52_462, "candles ETH@binance-spot": 52_462,
        "dvol BTC@dvol": 1_013, "dvol ETH@dvol": 365,
    }  # fmt: skip
    market = read_market(store, "BTC", source="test")
    assert iso(market.span[1]) == "2024-01-01T00:00:00Z"
    assert market.source == (
        "imported candles BTC@binance-spot; 122 missing hours filled with the last close"
    )
    assert market.level.source == "partly"
    assert market.level.note.startswith("2021-03-24 to 2023-12-31 (BTC@dvol, a value every 24")
