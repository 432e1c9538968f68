"""How do pandas' frames come in and go out? One frame a symbol, indexed by time; a curve.

pandas is no dependency of the daemon (extra `portfolio`): it is imported where frames are made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from trader.backtest.portfolio_bars import COLUMNS, SymbolBars
from trader.backtest.portfolio_layout import CURVE
from trader.domain.units import reads_as_number

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import tzinfo

    from trader.backtest.portfolio_results import PortfolioResult
    from trader.domain.market import Floats

Frame = Any
"""A DataFrame of pandas': the daemon's types do not depend on it."""


def bars_of_frames(market_data: Mapping[str, Frame]) -> dict[str, SymbolBars]:
    """Take the columns that are read out of the frames of all symbols.

    Raises:
        ValueError: an index is not of times with a timezone, zones are mixed, or a column stands
            twice or holds no numbers; symbol, column and row are named.
    """
    zones = {symbol: _zone(symbol, frame) for symbol, frame in market_data.items()}
    named = {str(zone): symbol for symbol, zone in reversed(zones.items())}
    if len(named) > 1:
        told = ", ".join(f"{symbol} {zone}" for zone, symbol in sorted(named.items()))
        raise ValueError(f"index: mixed timezones ({told}); convert all, e.g. tz_convert('UTC')")
    return {symbol: _bars(symbol, frame) for symbol, frame in market_data.items()}


def zone_of(market_data: Mapping[str, Frame]) -> tuple[tzinfo, str] | None:
    """Return zone and finest unit of the frames' indexes; None where there is no frame."""
    units = ("s", "ms", "us", "ns")
    found = [(frame.index.tz, frame.index.unit) for frame in market_data.values()]
    return (found[0][0], max((unit for _, unit in found), key=units.index)) if found else None


def curve_frame(result: PortfolioResult) -> Frame:
    """Make the seed's equity curve, with what became of the signals in its `attrs`.

    Raises:
        ModuleNotFoundError: pandas is not installed.
    """
    import pandas

    frame = pandas.DataFrame()
    if len(result.times):
        index = pandas.DatetimeIndex(result.times, tz="UTC", name="time")
        index = index.tz_convert(result.zone).as_unit(result.unit)
        columns = {name: result.curve[name] for name in CURVE if name != "gross_notional"}
        columns["open_positions"] = columns["open_positions"].astype(np.int64)
        frame = pandas.DataFrame(columns, index=index)
    frame.attrs["signal_pipeline_diagnostics"] = pandas.DataFrame(
        [msgspec.structs.asdict(one) for one in result.pipeline]
    )
    frame.attrs["rejection_reasons"] = pandas.DataFrame(
        [msgspec.structs.asdict(one) for one in result.rejections]
    )
    return frame


def _zone(symbol: str, frame: Frame) -> tzinfo:
    index: Any = getattr(frame, "index", None)
    if not hasattr(index, "asi8") or not hasattr(index, "tz"):
        raise ValueError(
            f"{symbol}: index {type(index).__name__} holds no times; give a DataFrame with a"
            " DatetimeIndex"
        )
    if index.tz is None:
        raise ValueError(
            f"{symbol}: index has no timezone; give it one, e.g. frame.tz_localize('UTC')"
        )
    if index.hasnans:
        row = int(np.flatnonzero(index.isna())[0])
        raise ValueError(f"{symbol}: row {row}: index has no time; drop the row")
    zone: tzinfo = index.tz
    return zone


def _bars(symbol: str, frame: Frame) -> SymbolBars:
    names = list(frame.columns)
    twice = [name for name in COLUMNS if names.count(name) > 1]
    if twice:
        raise ValueError(f"{symbol}: column {twice[0]!r} stands twice; drop one of the two")
    columns = {name: _numbers(symbol, name, frame) for name in COLUMNS if name in names}
    return SymbolBars(frame.index.as_unit("ns").asi8, columns)


def _numbers(symbol: str, name: str, frame: Frame) -> Floats:
    column = frame[name]
    try:
        numbers: Floats = column.to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        row = next((row for row, one in enumerate(column) if not reads_as_number(one)), 0)
        raise ValueError(
            f"{symbol}: row {row} ({frame.index[row]}): {name} {column.iloc[row]!r} is no number;"
            " convert the column"
        ) from error
    return numbers
