"""Which market do our own recordings tell? The exchange's side of what some daemon took in."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

import numpy as np

from trader.deribit.simulator.listing import PERPETUALS
from trader.deribit.simulator.recording import NO_STEPS, Recording, Rows, Steps, merged
from trader.domain.errors import ConfigurationError
from trader.domain.events import DeliveryPrice, HistoryLoaded, IndexPrice
from trader.domain.units import HOUR
from trader.engine.engine import EngineSettings
from trader.storage import recordings
from trader.storage.recorded_market import recorded_events, recorded_quotes

if TYPE_CHECKING:
    from pathlib import Path

QUOTE_AGE_S: Final = EngineSettings().quote_age_s_max


def read_recordings(root: Path) -> Recording:
    """Read every epoch below a folder of recordings as one market.

    Quotes are stale as they were when they were recorded: by the clock's speed of then.

    Raises:
        ConfigurationError: nothing is recorded there.
        StorageError: a file cannot be read.
    """
    rows = _rows(root)
    if not rows.at.size:
        raise ConfigurationError(
            f"--replay {root}: holds no recorded quotes; name a folder of recordings, or a TOML"
        )
    indexes, closes, deliveries = _told(root)
    for product, perpetual in PERPETUALS.items():
        hourly = _hourly(rows, perpetual.name)
        if hourly.at.size or product in closes:
            closes[product] = merged([closes.get(product, NO_STEPS), hourly])
    openings = [one.opening for one in recordings.manifests(root).values()]
    speed = max((one.speed for one in openings), default=1.0)
    stated = [one.staleness_s for one in openings if one.staleness_s is not None]
    return Recording(
        name=_name(root),
        opens_at=int(rows.at[0]),
        rows=rows,
        indexes=indexes,
        closes=closes,
        deliveries=deliveries,
        staleness_s=max(stated, default=QUOTE_AGE_S * speed),
        assumed_sizes=any(one.assumed_sizes for one in openings),
    )


def _name(root: Path) -> str:
    digest = hashlib.sha256()
    for segment, path in recordings.segments(root).items():
        digest.update(f"{segment} {path.stat().st_size}".encode())
    return digest.hexdigest()[:12]


def _rows(root: Path) -> Rows:
    quotes = recorded_quotes(root)
    order = np.argsort(quotes.exchange_at, kind="stable")
    columns = {name: column[order] for name, column in quotes.columns.items()}
    bid, ask = np.nan_to_num(columns["bid"]), np.nan_to_num(columns["ask"])
    count = len(order)
    return Rows(
        quotes.names,
        (),
        quotes.exchange_at[order],
        quotes.instrument[order],
        bid,
        ask,
        np.where(bid > 0.0, columns["bid_amount"], 0.0),
        np.where(ask > 0.0, columns["ask_amount"], 0.0),
        columns["mark"],
        columns["mark_iv"],
        columns["underlying_price"],
        columns["index_price"],
        np.full(count, np.nan),
        np.full(count, -1, dtype=np.int32),
    )


def _told(root: Path) -> tuple[dict[str, Steps], dict[str, Steps], dict[str, Steps]]:
    """Read indexes, hourly closes and delivery prices, by coin."""
    found: tuple[dict[str, dict[int, float]], ...] = ({}, {}, {})
    indexes, closes, deliveries = found
    for event in recorded_events(root):
        match event:
            case IndexPrice():
                indexes.setdefault(event.underlying, {})[event.exchange_at] = event.price
            case DeliveryPrice():
                deliveries.setdefault(event.underlying, {})[event.expires_at] = event.price
            case HistoryLoaded(bars=bars):
                known = closes.setdefault(event.underlying, {})
                known.update(
                    (opened_at + HOUR, close)
                    for opened_at, close in zip(bars.opened_at, bars.close, strict=True)
                )
    told = [{coin: _steps(known) for coin, known in one.items()} for one in found]
    return told[0], told[1], told[2]


def _steps(known: dict[int, float]) -> Steps:
    at = sorted(known)
    return Steps(np.array(at, dtype=np.int64), np.array([known[one] for one in at]))


def _hourly(rows: Rows, name: str) -> Steps:
    """Take the last mark of each hour in which an instrument was quoted, at the hour's end."""
    if name not in rows.names:
        return NO_STEPS
    own = np.flatnonzero((rows.instrument == rows.names.index(name)) & (rows.mark > 0.0))
    ends_at = -(-rows.at[own] // HOUR) * HOUR
    return merged([Steps(ends_at, rows.mark[own])])
