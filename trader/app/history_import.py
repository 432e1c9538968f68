"""How do files whose columns a TOML names become history? Candles, a volatility index, chains.

A series is held as COIN@name, apart from what a sync fetches: nobody takes one venue for another.
"""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from pydantic import ValidationError

from trader.app.history_plan import HistoryPlan, read_candles, read_index
from trader.app.mistakes import mistakes_of
from trader.app.replay_chains import read_chains
from trader.deribit.simulator.products import coin_of
from trader.domain.errors import ConfigurationError
from trader.domain.units import HOUR, MINUTE
from trader.storage.arrow import load_arrow
from trader.storage.datasets import batch_of
from trader.storage.history_kinds import DATASETS

if TYPE_CHECKING:
    from pathlib import Path

    from trader.deribit.simulator.recording import Recording
    from trader.storage.datasets import DatasetStore

CHAINS: Final = "chains"
"""The name of the series that a file of snapshots becomes."""

COLLECTED: Final = 5 * MINUTE
"""A snapshot of a whole chain takes minutes: it is known this long after its label."""

PART: Final = "imported"


def subject_of(coin: str, name: str) -> str:
    """Name a series of a coin."""
    return f"{coin}@{name}"


def import_plan(store: DatasetStore, path: Path, folder: Path | None) -> dict[str, int]:
    """Import what a TOML names, of candles or of chains; relative files lie in `folder`, else
    beside it. Return rows by dataset and subject.

    Raises:
        ConfigurationError: the TOML is wrong, or columns hold something else than it says.
        StorageError: a file cannot be read; what stands before it in the TOML is kept.
    """
    if CHAINS in _keys(path):
        return _import_chains(store, path, folder)
    plan, root = _plan(path), folder or path.parent
    rows: dict[str, int] = {}
    for candles in plan.candles:
        for coin in candles.symbols:
            columns = read_candles(candles, coin, root)
            rows |= _keep(store, "candles", subject_of(coin, candles.name), columns)
    for index in plan.volatility_index:
        for coin in index.symbols:
            columns = read_index(index, coin, root)
            rows |= _keep(store, "dvol", subject_of(coin, index.name), columns)
    return rows


def _keys(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_bytes().decode())
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}; name a TOML that exists") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: {error}; write it as TOML") from error


def _plan(path: Path) -> HistoryPlan:
    try:
        return HistoryPlan.model_validate(_keys(path))
    except ValidationError as error:
        mistakes = mistakes_of(error, HistoryPlan, lambda _: str(path))
        raise ConfigurationError("\n".join(mistakes)) from error


def _keep(
    store: DatasetStore, dataset: str, subject: str, columns: dict[str, Any]
) -> dict[str, int]:
    pa = load_arrow().core
    kind = DATASETS[dataset]
    arrays = {name: pa.array(one, from_pandas=True) for name, one in columns.items()}
    batch = batch_of(kind, arrays)
    count = store.replace(dataset, subject, PART, iter([batch]))
    return {f"{dataset} {subject}": count}


def _import_chains(store: DatasetStore, path: Path, folder: Path | None) -> dict[str, int]:
    """Import snapshots and the closes beside them, by the TOML that replays them."""
    recording = read_chains(path, folder)
    rows: dict[str, int] = {}
    for coin, steps in recording.closes.items():
        if coin_of(coin) != coin:
            continue  # a linear product: boards are read of inverse options
        opened = np.concatenate((steps.value[:1], steps.value[:-1]))
        columns = {
            "at": steps.at - HOUR,
            "open": opened,
            "high": np.maximum(opened, steps.value),
            "low": np.minimum(opened, steps.value),
            "close": steps.value,
        }
        rows |= _keep(store, "candles", subject_of(coin, CHAINS), columns)
        columns = _boards(recording, coin)
        if len(columns["at"]):
            rows |= _keep(store, "quotes", subject_of(coin, CHAINS), columns)
    return rows


def _boards(recording: Recording, coin: str) -> dict[str, Any]:
    """Take the inverse options of a coin; what nobody bids or asks for is missing, not zero.

    Assumed sizes stay out: what reads this knows then that none were recorded.
    """
    rows = recording.rows
    named = np.array([_is_option(name, coin) for name in rows.names])
    here = np.flatnonzero(named[rows.instrument])
    pa = load_arrow().core
    names = pa.array(rows.names, pa.string())
    columns = {
        "at": rows.at[here] + COLLECTED,
        "exchange_at": rows.at[here],
        "instrument": names.take(pa.array(rows.instrument[here])),
        "mark": rows.mark[here],
        "mark_iv": rows.mark_iv[here],
        "underlying_price": rows.underlying_price[here],
        "index_price": rows.index_price[here],
    }
    sides = {"bid": rows.bid, "ask": rows.ask}
    if not recording.assumed_sizes:
        sides |= {"bid_amount": rows.bid_amount, "ask_amount": rows.ask_amount}
    for name, column in sides.items():
        columns[name] = np.where(column[here] > 0, column[here], np.nan)
    return columns


def _is_option(name: str, coin: str) -> bool:
    return name.startswith(f"{coin}-") and name[-2:] in ("-C", "-P")
