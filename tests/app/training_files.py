"""What exported sets do tests learn from? Rows of a seed, with an edge or without."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from trader.app.training_export import TrainingSet, write_training
from trader.backtest.call_state import FEATURES
from trader.backtest.training import TrainingExample
from trader.backtest.training_table import Split, call_table

if TYPE_CHECKING:
    from pathlib import Path

    from trader.storage.training_sets import Format

START = datetime(2020, 1, 1, tzinfo=UTC)
SPOT = 40_000.0
LIFE = timedelta(days=3)
SETTINGS = {
    "timeframe": "1h", "decision_interval_bars": 24, "target_dte": 7.0, "dte_tolerance": 3.0,
    "target_delta": 0.25, "delta_tolerance": 0.1, "fill": "bid", "drawdown_penalty": 0.0,
}  # fmt: skip


def examples(count: int = 600, *, edge: float = 0.0, seed: int = 3) -> list[TrainingExample]:
    """Decide daily: every other call is sold; `edge` of spot is earned per deviation of iv."""
    rng = np.random.default_rng(seed)
    features = rng.normal(0.5, 0.1, (count, len(FEATURES)))
    iv = (features[:, FEATURES.index("iv")] - 0.5) / 0.1
    rewards = SPOT * (edge * iv + rng.normal(0.0, 0.01, count))
    rows = []
    for place in range(count):
        at, sold = START + timedelta(days=place), place % 2 == 0
        known: dict[str, Any] = dict(zip(FEATURES, features[place].tolist(), strict=True))
        reward = float(rewards[place])
        extra = {
            **known, "schema_version": 1, "config_hash": "c0ffee", "reason": "",
            "probability": 1.0, "instrument_name": "BTC-C", "size": 1.0, "close_time": at + LIFE,
            "pnl_vs_hodl": reward, "premium": 0.0, "assignment": 0.0, "fees": 0.0,
            "drawdown_penalty": 0.0, "max_drawdown_pct": 1.0, "quality": 0,
            "counterfactual_reward": 0.0 if sold else reward,
        }  # fmt: skip
        action: Any = "SELL_CALL" if sold else "DO_NOTHING"
        rows.append(TrainingExample(at, "BTC", SPOT, action, reward if sold else 0.0, extra))
    return rows


def columns(rows: list[TrainingExample], embargo: int = 7) -> dict[str, list[Any]]:
    """Lay rows in columns, split after two thirds."""
    cut = Split(START + len(rows) * 2 // 3 * timedelta(days=1), timedelta(days=embargo))
    return call_table(rows, split=cut).values


def write_rows(
    folder: Path,
    rows: list[TrainingExample],
    form: Format = "parquet",
    *,
    split: bool = True,
    **told: Any,
) -> Path:
    """Write rows and their card, as an export does; return the place of the rows."""
    cut = Split(START + len(rows) * 2 // 3 * timedelta(days=1), timedelta(days=7))
    about = {
        "title": "Rows of a seed", "schema": "covered_call_training", "schema_version": 1,
        "asked": {"from": "2020", "to": "2022"}, "source": "modelled: a seed",
        "settings": SETTINGS, "caveats": [],
    }  # fmt: skip
    table = call_table(rows, split=cut if split else None)
    made = TrainingSet(name="rows", table=table, told={**about, **told})
    return write_training(folder, made, form)[0]
