"""How is a portfolio of other people's bars run by hand? What `trader backtest portfolio` does."""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from trader.backtest.features import WINDOW, features
from trader.backtest.portfolio import run_portfolio
from trader.backtest.portfolio_bars import SymbolBars
from trader.backtest.portfolio_terms import portfolio_terms
from trader.domain.errors import ConfigurationError
from trader.domain.units import iso
from trader.storage.arrow import load_arrow
from trader.storage.bar_files import read_bars
from trader.storage.whole_files import write_whole
from trader.views.portfolio_study import Span, study_page
from trader.views.report_html import page_html
from trader.views.text import duration

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from trader.backtest.portfolio_results import PortfolioResult
    from trader.backtest.portfolio_terms import PortfolioTerms
    from trader.domain.market import Ints

INSTANTS: Final = ("at", "opened_at", "closed_at")


class PortfolioStudy(msgspec.Struct, frozen=True):
    """What was run, on which bars, and what came of it."""

    result: PortfolioResult
    span: Span
    gaps: tuple[str, ...]


def terms_of(given: Sequence[str]) -> PortfolioTerms:
    """Read `name=value`, values as TOML writes them.

    Raises:
        ConfigurationError: one is no such pair, or a parameter cannot have its value.
    """
    parameters: dict[str, Any] = {}
    for one in given:
        name, equals, text = one.partition("=")
        try:
            value = tomllib.loads(f"value = {text}")["value"] if equals else None
        except tomllib.TOMLDecodeError:
            value = None
        if value is None:
            raise ConfigurationError(
                f"--param {one!r}: no name=value; write e.g. risk_per_trade=0.01 or"
                " 'strategy_max_positions={trend_long = 3, pullback_long = 2}'"
            )
        parameters[name.strip()] = value
    try:
        return portfolio_terms(parameters)
    except ValueError as error:
        raise ConfigurationError(
            "\n".join(f"--param {line}" for line in str(error).splitlines())
        ) from error


def study(
    path: Path, start: int | None, end: int | None, terms: PortfolioTerms, timezone: str | None
) -> PortfolioStudy:
    """Run the bars of a file or folder that open from `start` up to before `end` (nanoseconds).

    Raises:
        ConfigurationError: there are none, their lengths differ, or a row cannot be used.
        StorageError: a file cannot be read, or lacks what bars have.
    """
    bars = {
        symbol: _within(one, start, end) for symbol, one in read_bars(path, timezone).items()
    }  # fmt: skip
    kept = {symbol: one for symbol, one in bars.items() if len(one.at)}
    if not kept:
        raise ConfigurationError(f"{path} holds no bar between --from and --to: choose other days")
    step = _step(kept)
    try:
        market = {
            symbol: SymbolBars(one.at, {**one.columns, **_features(symbol, one)})
            for symbol, one in kept.items()
        }
        result = run_portfolio(market, terms)
    except ValueError as error:
        raise ConfigurationError(str(error)) from error
    span = Span(
        source=str(path), symbols=tuple(kept), bars=sum(len(one.at) for one in kept.values()),
        start=int(result.times[0]), end=int(result.times[-1]) + step, step=step,
    )  # fmt: skip
    return PortfolioStudy(result, span, tuple(_gaps(kept, step)))


def write_study(folder: Path, done: PortfolioStudy) -> list[Path]:
    """Write page, figures as JSON, trades, events and curve into a folder, each file whole.

    Raises:
        StorageError: the disk refuses.
    """
    result = done.result
    told = {
        "bars": msgspec.to_builtins(done.span),
        "parameters": result.terms.model_dump(mode="json"),
        "final_cash": result.final_cash,
        "signal_pipeline": msgspec.to_builtins(result.pipeline),
        "rejections": msgspec.to_builtins(result.rejections),
        "gaps": done.gaps,
    }
    page = page_html(study_page(result, done.span, done.gaps))
    contents = {
        "study.html": page.encode(),
        "study.json": (json.dumps(told, indent=2) + "\n").encode(),
    }
    curve = {"time": result.times, **result.curve}
    for name, columns in (
        ("trades", _columns(result.results)), ("events", _columns(result.events)), ("curve", curve),
    ):  # fmt: skip
        contents |= {f"{name}.{form}": one for form, one in _encoded(columns).items()}
    written = []
    for name, content in contents.items():
        write_whole(folder / name, content)
        written.append(folder / name)
    return written


def _within(bars: SymbolBars, start: int | None, end: int | None) -> SymbolBars:
    begin = 0 if start is None else int(np.searchsorted(bars.at, start))
    until = len(bars.at) if end is None else int(np.searchsorted(bars.at, end))
    rows = slice(begin, until)
    return SymbolBars(bars.at[rows], {name: one[rows] for name, one in bars.columns.items()})


def _features(symbol: str, bars: SymbolBars) -> Mapping[str, Any]:
    try:
        return features(bars.columns)
    except ValueError as error:
        raise ValueError(f"{symbol}, rows from {iso(int(bars.at[0]))} on: {error}") from error


def _step(bars: Mapping[str, SymbolBars]) -> int:
    """Return the length of a bar; all symbols have the same."""
    steps = {symbol: int(np.median(np.diff(one.at))) for symbol, one in bars.items()
             if len(one.at) > WINDOW // 10}  # fmt: skip
    by_step = {step: symbol for symbol, step in reversed(steps.items())}
    if len(by_step) > 1:
        told = ", ".join(f"{symbol} {duration(step)}" for step, symbol in sorted(by_step.items()))
        raise ConfigurationError(f"bars are of different lengths ({told}); give one length")
    return next(iter(by_step), 0)


def _gaps(bars: Mapping[str, SymbolBars], step: int) -> Iterable[str]:
    """Say of each symbol what is missing between its first and last bar."""
    for symbol, one in bars.items():
        apart = np.diff(one.at)
        wide: Ints = np.flatnonzero(apart > step) if step else np.empty(0, np.int64)
        if len(wide):
            longest = wide[np.argmax(apart[wide])]
            missing = int((apart[wide] // step - 1).sum())
            yield (
                f"{symbol}: {missing} bars missing in {len(wide)} gaps, the longest"
                f" {duration(int(apart[longest]) - step)} from {iso(int(one.at[longest]) + step)}"
            )


def _columns(rows: Sequence[msgspec.Struct]) -> dict[str, list[Any]]:
    """Turn rows into columns; without rows there is no column."""
    names = rows[0].__struct_fields__ if rows else ()
    return {name: [getattr(one, name) for one in rows] for name in names}


def _encoded(columns: Mapping[str, Any]) -> dict[str, bytes]:
    """Write columns as Parquet and as CSV; instants are UTC."""
    arrow = load_arrow()
    from pyarrow import csv

    pa = arrow.core
    arrays = {
        name: pa.array(one, pa.timestamp("ns", tz="UTC") if name in (*INSTANTS, "time") else None)
        for name, one in columns.items()
    }
    table = pa.table(arrays)
    parquet, text = pa.BufferOutputStream(), pa.BufferOutputStream()
    arrow.parquet.write_table(table, parquet, compression="zstd")
    if arrays:
        csv.write_csv(table, text)
    return {
        "parquet": parquet.getvalue().to_pybytes(),
        "csv": text.getvalue().to_pybytes(),
    }
