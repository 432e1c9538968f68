"""How do tests of the app get a past? Candles and a volatility index, as a sync leaves them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tests.backtest.pasts import candles, wandering
from trader.app.night_data import datasets_folder
from trader.domain.units import HOUR
from trader.storage.datasets import DatasetStore

if TYPE_CHECKING:
    from pathlib import Path


def write_past(folder: Path, *, days: int, dvol: float | None = 0.7) -> DatasetStore:
    """Write hourly candles of a wandering BTC, from 2022-01-03, under `folder`/state."""
    past = candles(wandering(days))
    at = past.opened_at.tolist()
    columns = {name: getattr(past, name).tolist() for name in ("open", "high", "low", "close")}
    store = DatasetStore(datasets_folder(folder / "state", ""))
    volume = np.ones(len(at)).tolist()
    rows = {"at": at, **columns, "volume": volume, "cost": volume}
    store.merge("candles", "BTC-PERPETUAL", "2022-01", rows)
    if dvol is not None:
        level = [dvol] * len(at)
        prices = dict.fromkeys(("open", "high", "low", "close"), level)
        store.merge("dvol", "BTC", "2022-01", {"at": [one - HOUR for one in at], **prices})
    return store
