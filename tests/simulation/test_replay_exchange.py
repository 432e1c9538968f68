"""Four months of real option chains through the exchange's protocol, to the last settlement."""

from __future__ import annotations

import csv
import gzip
import time
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from tests.app.replayed import drive
from tests.app.running import ROOT, trader
from trader.app.replay_chains import read_chains
from trader.domain.facts import Filled, Settled
from trader.domain.units import HOUR, nanoseconds
from trader.storage.journal import Journal

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLE = ROOT / "config" / "replay.deribit-chains.example.toml"
MONTHS_S_MAX = 3_000.0


def closes(folder: Path) -> dict[tuple[str, int], float]:
    """Read the source that the TOML states: by coin and the opening of the bar."""
    path = folder / "ohlcv" / "deribit_perp_close_1h_2025-12-30_2026-04-30.csv.gz"
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return {
            (row["symbol"].partition("-")[0], nanoseconds(datetime.fromisoformat(row["ts"]))):
                float(row["close"])
            for row in csv.DictReader(file)
        }  # fmt: skip


def configuration(folder: Path) -> Path:
    """Write the configured strategies, looked after once an hour: quotes are hours apart."""
    strategies = folder / "strategies"
    strategies.mkdir()
    for path in sorted((ROOT / "config" / "strategies").glob("*.toml")):
        text = path.read_text(encoding="utf-8")
        assert "manage_minutes = 5" in text
        hourly = text.replace("manage_minutes = 5", "manage_minutes = 60")
        (strategies / path.name).write_text(hourly, encoding="utf-8")
    config = folder / "trader.toml"
    config.write_text(
        'strategies = ["strategies"]\n[journal]\nstate_dir = "state"\n'
        "[engine]\nsweep_s = 1800\n[recorder]\nenabled = false\n",
        encoding="utf-8",
    )
    return config


@pytest.mark.long
@pytest.mark.real_data
@pytest.mark.timeout(MONTHS_S_MAX + 120)
def test_four_months_of_chains_are_traded_and_settled_at_the_source_s_prices(
    tmp_path: Path, real_data: Path
) -> None:
    """Every fill says that its size was assumed; the journal holds; nothing settles late."""
    recording, began = read_chains(EXAMPLE, real_data), time.monotonic()
    drive(configuration(tmp_path), recording, seconds=MONTHS_S_MAX)
    state, source = tmp_path / "state", closes(real_data)
    print(f"four months in {time.monotonic() - began:.0f} s")
    with Journal.create_or_open(f"sqlite:///{state / 'journal.sqlite'}", writer=False) as journal:
        facts = [stored.recorded for stored in journal.read()]
    fills = [one.fact for one in facts if isinstance(one.fact, Filled)]
    assert len(fills) > 100
    assert all(fill.assumed_size for fill in fills)
    settled = [(one.at, one.fact) for one in facts if isinstance(one.fact, Settled)]
    assert len(settled) >= 10
    for at, fact in settled:
        assert fact.delivery_price == source[fact.underlying, fact.expires_at - HOUR]
        assert at < fact.expires_at + HOUR
    verified = trader("verify", "--state", state)
    assert verified.returncode == 0, verified.stderr
