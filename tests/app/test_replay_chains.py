"""Snapshots of option chains become one recording, as a TOML says; mistakes are named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.app.chain_files import TOML, write_chain
from tests.deribit.simulator.recorded import small_recording
from tests.recorded_chain import SNAPSHOTS
from trader.app.replay_chains import read_chains
from trader.domain.errors import ConfigurationError, StorageError

if TYPE_CHECKING:
    from pathlib import Path

    from trader.deribit.simulator.recording import Rows


def by_name(rows: Rows) -> list[tuple[object, ...]]:
    """Write rows down with names instead of places."""
    columns = [column.tolist() for column in rows[4:13]]
    names = [rows.names[place] for place in rows.instrument.tolist()]
    return sorted(
        (at, name, *("nan" if value != value else round(value, 9) for value in values))
        for at, name, *values in zip(rows.at.tolist(), names, *columns, strict=True)
    )


def test_files_are_read_as_the_toml_says(tmp_path: Path) -> None:
    """Percent become fractions, null sides empty ones, sizes are assumed, closes are known late."""
    told, expected = read_chains(write_chain(tmp_path), None), small_recording()
    assert by_name(told.rows) == by_name(expected.rows)
    for ours, theirs in (
        (told.indexes, expected.indexes), (told.closes, expected.closes),
        (told.deliveries, expected.deliveries),
    ):  # fmt: skip
        assert list(ours) == ["BTC"]
        assert ours["BTC"].at.tolist() == theirs["BTC"].at.tolist()
        assert ours["BTC"].value == pytest.approx(theirs["BTC"].value)
    assert (told.opens_at, told.staleness_s, told.assumed_sizes) == (SNAPSHOTS[0], 28_800.0, True)


def test_a_recording_is_named_after_its_content(tmp_path: Path) -> None:
    """The same files have the same name wherever they lie; another assumption has another."""
    home, away = tmp_path / "home", tmp_path / "away"
    for folder in (home, away):
        folder.mkdir()
        write_chain(folder)
    path = tmp_path / "market.toml"
    path.write_text(TOML, encoding="utf-8")
    assert read_chains(path, home).name == read_chains(path, away).name
    path.write_text(TOML.replace("BTC = 5.0", "BTC = 6.0"), encoding="utf-8")
    assert read_chains(path, home).name != read_chains(home / "market.toml", None).name


def test_displayed_sizes_are_taken_where_the_file_has_them(tmp_path: Path) -> None:
    """Then nothing is assumed; an empty side has none all the same."""
    toml = TOML.replace("assumed_sizes = { BTC = 5.0 }\n", "").replace(
        'open_interest = "oi"', 'bid_amount = "oi"\nask_amount = "oi"'
    )
    told = read_chains(write_chain(tmp_path, toml), None)
    assert not told.assumed_sizes
    assert set(told.rows.ask_amount.tolist()) == {0.0, 7.0}
    assert (told.rows.bid_amount[told.rows.bid == 0.0] == 0.0).all()
    assert np.isnan(told.rows.open_interest).all()


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("staleness_hours = 8", "staleness_hours = 0", "staleness_hours = 0"),
        ("staleness_hours = 8", "stale = 8", "stale"),
        ("assumed_sizes = { BTC = 5.0 }", "", "state assumed_sizes"),
        ("assumed_sizes = { BTC = 5.0 }", "assumed_sizes = { ETH = 5.0 }", "no size to assume"),
        ('symbols = { BTC = "BTC-PERPETUAL" }', 'symbols = { BTC = "XBT" }', "symbols BTC-PERPET"),
        ('instrument = "name"', 'instrument = "index"', "no size to assume for"),
        ('files = ["chain.parquet"]', 'files = ["gone.parquet"]', "with --data"),
        ("[chains]", "[chains", "write it as TOML"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, old: str, new: str, says: str) -> None:
    """Which key or file is wrong, and what to write instead."""
    assert old in TOML
    with pytest.raises(ConfigurationError, match=says):
        read_chains(write_chain(tmp_path, TOML.replace(old, new, 1)), None)


def test_a_missing_column_is_named_with_those_there_are(tmp_path: Path) -> None:
    """So that the right one can be chosen."""
    with pytest.raises(StorageError, match="no column 'price'; it has ts, name"):
        read_chains(write_chain(tmp_path, TOML.replace('bid = "bid"', 'bid = "price"')), None)


def test_a_missing_toml_is_named(tmp_path: Path) -> None:
    """Before anything is read."""
    with pytest.raises(ConfigurationError, match="name a TOML that exists"):
        read_chains(tmp_path / "none.toml", None)
