"""What state does a night find in tests? A strategy, a short journal, candles of months."""

from __future__ import annotations

import shutil
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from tests.app.running import ROOT
from tests.backtest.pasts import candles, wandering
from trader.app.assemble import build_engine
from trader.app.configuration import Configuration, load_configuration
from trader.app.night_data import datasets_folder
from trader.app.nightly import end_of
from trader.domain.events import PauseTrading, Stamped
from trader.domain.facts import EpochOpened
from trader.domain.units import DAY, HOUR
from trader.storage.datasets import DatasetStore
from trader.storage.journal import Journal

if TYPE_CHECKING:
    from pathlib import Path

DAY_OF_NIGHT = date(2026, 6, 1)
ENDS_AT = end_of(DAY_OF_NIGHT)
MARKET = "1@2"
PAUSE = PauseTrading(by="ana", reason="a fact after midnight")
SETTINGS = """
strategies = ["strategies"]
[feed]
url = "ws://127.0.0.1:9/ws/api/v2"
[journal]
state_dir = "state"
[web]
port = 0
[nightly]
profile = "quick"
years = 0.2
sync = false
[stages]
nights_to_demote = 1
"""


def configured(folder: Path, *assignments: str, strategies: int = 1) -> Configuration:
    """Load a configuration of demo strategies, quick profile; write its files on the first call."""
    path = folder / "trader.toml"
    if not path.exists():
        (folder / "strategies").mkdir(parents=True)
        for name in ("covered_call_btc", "directional_btc")[:strategies]:
            shutil.copy(ROOT / "config/demo/strategies" / f"{name}.toml", folder / "strategies")
        path.write_text(SETTINGS, encoding="utf-8")
    return load_configuration([path], assignments, {})


def write_journal(
    configuration: Configuration, began_at: int = ENDS_AT - 6 * HOUR, *, market: str = MARKET
) -> None:
    """Journal an epoch that trades nothing, up to one hour past the midnight of the night."""
    configuration.state_dir.mkdir(exist_ok=True)
    engine = build_engine(configuration)
    epoch = EpochOpened(
        epoch=1, feed="simulated", speed=300.0, market=market, software="0",
        configuration_hash=configuration.hash,
    )  # fmt: skip
    opened = engine.start(epoch, configuration.settings.account.balances, began_at)
    at = max(ENDS_AT, began_at) + HOUR
    outcomes = (opened, engine.process(Stamped(engine.sequence + 1, at, PAUSE)))
    with Journal.create_or_open(configuration.journal_url, writer=True) as journal:
        for outcome in outcomes:
            journal.append(outcome.records)


def write_history(configuration: Configuration, days: int = 150, *, later: int = 1) -> DatasetStore:
    """Keep hourly candles and a volatility index up to some days after the night."""
    store = DatasetStore(datasets_folder(configuration.state_dir, MARKET))
    past = candles(wandering(days + later), ENDS_AT - days * DAY)
    prices = {"open": past.open, "high": past.high, "low": past.low, "close": past.close}
    columns = {"at": past.opened_at, **prices, "volume": past.close, "cost": past.close}
    store.merge("candles", "BTC-PERPETUAL", "all", {k: list(v) for k, v in columns.items()})
    vol = np.full(len(past.opened_at), 0.6)
    index = {"at": past.opened_at, **dict.fromkeys(prices, vol)}
    store.merge("dvol", "BTC", "all", {name: list(column) for name, column in index.items()})
    return store


def files_of(folder: Path) -> dict[str, bytes]:
    """Read every file of a night."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
