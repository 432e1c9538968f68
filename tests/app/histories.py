"""How do tests get imported boards and a seller of calls? Snapshots once a day, from a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from tests.app.chain_files import chain_toml
from tests.backtest.pasts import START, candles, wandering
from trader.app.history_import import import_plan
from trader.backtest.market import Market
from trader.backtest.modelled import Level
from trader.domain.events import BoardSnapshot
from trader.domain.units import DAY, HOUR, MILLISECOND, iso
from trader.evaluation.runs import Subject
from trader.pricing.surface import Smile
from trader.strategies.covered_call import CoveredCall
from trader.strategies.market_making import MarketMaking
from trader.strategies.strategy import CadenceSettings, StrategyFile

if TYPE_CHECKING:
    from pathlib import Path

    from trader.storage.datasets import DatasetStore

SMILE = Smile(-0.3, 0.9)
TOML = chain_toml(24, "chains.parquet", "closes.csv")


def import_chains(store: DatasetStore, folder: Path, *, start: int = START, days: int = 12) -> int:
    """Import a board a day, labelled 09:00, priced on `SMILE`; return how many boards."""
    past = candles(wandering(days), start)
    level = Level(past.close * 0.0 + 0.6, "index")
    market = Market(underlying="BTC", candles=past, level=level, source="test", smile=SMILE)
    rows: dict[str, list[object]] = {
        name: [] for name in ("ts", "name", "bid", "ask", "mark", "iv", "forward", "index")
    }
    shown = [start + day * DAY + 9 * HOUR for day in range(1, days)]
    for at, event in market.chains(days_max=20.0).events(*market.span):
        if isinstance(event, BoardSnapshot) and at in shown:
            for place, one in enumerate(event.instruments):
                quote = (event.bid[place], event.ask[place], event.mark[place])
                iv, forward = event.mark_iv[place] * 100.0, event.underlying_price[place]
                row = (at // MILLISECOND, one.name, *quote, iv, forward, event.index_price)
                for column, value in zip(rows.values(), row, strict=True):
                    column.append(value)
    stamps = pa.array(rows.pop("ts"), pa.timestamp("ms", "UTC"))
    columns = {name: pa.array(column, from_pandas=True) for name, column in rows.items()}
    pq.write_table(pa.table({"ts": stamps, **columns}), folder / "chains.parquet")
    lines = ["ts,symbol,close"]
    for at, close in zip(past.opened_at.tolist(), past.close.tolist(), strict=True):
        lines.append(f"{iso(at)},BTC-PERPETUAL,{close!r}")
    (folder / "closes.csv").write_text("\n".join(lines) + "\n")
    (folder / "chains.toml").write_text(TOML)
    import_plan(store, folder / "chains.toml", None)
    return len(shown)


def seller(*, minute: int = 510) -> Subject:
    """Sell two-day calls once a day, at a minute past midnight."""
    parameters: dict[str, object] = {
        "target_days": 2.0, "days_tolerance": 1.5, "min_hours_left": 4.0, "delta_tolerance": 0.2,
        "min_credit_fee_multiple": 1.0,
    }  # fmt: skip
    file = StrategyFile(
        name="calls", kind="covered_call", underlying="BTC", parameters=parameters,
        cadence=CadenceSettings(hours=24, offset_minutes=minute, manage_minutes=5),
    )  # fmt: skip
    return Subject(kind=CoveredCall, file=file, configuration_hash="test")


def maker(**parameters: object) -> Subject:
    """Quote a call of some days in sessions."""
    file = StrategyFile(
        name="maker", kind="market_making", underlying="BTC", parameters=parameters,
        cadence=CadenceSettings(hours=6, manage_minutes=5),
    )  # fmt: skip
    return Subject(kind=MarketMaking, file=file, configuration_hash="test")
