"""What did a portfolio make of its bars? Tables by sleeve, coin and rule; equity and exposure.

Money is in the currency of the prices. Every figure is after fees and slippage.
"""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from trader.backtest.portfolio_layout import REASONS, SLEEVES
from trader.domain.units import DAY, YEAR, iso
from trader.evaluation.trade_quality import sharpe
from trader.views.blocks import Column as Head
from trader.views.blocks import Figure, Page, Prose, Section, Table, prose_or, row
from trader.views.figures import Band, Limit, Line, chart
from trader.views.svg import Axis
from trader.views.text import Column, duration, percent, signed_usd, table, usd

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from trader.backtest.portfolio_results import PortfolioResult, PortfolioTrade
    from trader.domain.market import Floats
    from trader.views.figures import Tone

ALL: Final = "all"
TRADES: Final = (
    ("of", ""), ("trades", "trades"), ("won", "won"), ("factor", "profit factor"),
    ("result", "result"), ("fees", "fees"), ("mean", "mean result"), ("held", "mean time"),
)  # fmt: skip
"""Field and title of each column of the tables of trades; all but the first are numbers."""
SIGNALS: Final = (
    ("sleeve", "sleeve"), ("what", "what became of its signals"), ("count", "signals"),
    ("share", "share"), ("why", "because"),
)  # fmt: skip
NUMERIC: Final = ("count", "share")
TIME: Final = Axis("", "time")
STRETCHES: Final = 120
"""Into so many stretches a figure of means and maxima is cut."""
_TONES: Final[tuple[Tone, ...]] = (1, 2)
CAVEATS: Final = (
    "Entries fill at the next open, exits at their level, both with slippage and in full.",
    "Coins that were delisted are not among the bars of today.",
)
"""What every such run takes for granted."""


class Span(msgspec.Struct, frozen=True):
    """Which bars were run: `start` and `end` in nanoseconds, `step` the length of a bar."""

    source: str
    symbols: tuple[str, ...]
    bars: int
    start: int
    end: int
    step: int


def question(span: Span, result: PortfolioResult) -> str:
    """Say in a sentence what was run."""
    return (
        f"{iso(span.start)[:10]} to {iso(span.end)[:10]}, {len(span.symbols)} coins,"
        f" {span.bars:,} bars of {duration(span.step)}; begins with"
        f" {usd(result.terms.starting_equity)}, risks {percent(result.terms.risk_per_trade)} a"
        f" trade, pays {percent(result.terms.fee_rate)} a side and"
        f" {result.terms.entry_slippage_bps:g} bp of slippage in and"
        f" {result.terms.exit_slippage_bps:g} bp out"
        f"{', strict parity' if result.terms.strict_parity else ''}"
    )


def study_text(result: PortfolioResult, span: Span) -> str:
    """Set everything for a terminal."""
    trades = [Column(name, title, "right" if place else "left")
              for place, (name, title) in enumerate(TRADES)]  # fmt: skip
    signals = [Column(name, title, "right" if name in NUMERIC else "left")
               for name, title in SIGNALS]  # fmt: skip
    parts = (
        "\n".join(f"{name}: {value}" for name, value in summary(result, span)),
        table(by_sleeve(result), trades),
        table(by_symbol(result), trades),
        table(signal_rows(result), signals),
    )
    return "\n\n".join(parts)


def summary(result: PortfolioResult, span: Span) -> list[tuple[str, str]]:
    """Say how the whole went, as names and texts; Sharpe is of daily changes of equity."""
    curve, begin = result.curve, result.terms.starting_equity
    final = result.final_cash
    gained = final / begin - 1.0
    years = (span.end - span.start) / YEAR
    yearly = (final / begin) ** (1 / years) - 1.0 if final > 0 and years >= 1 else None
    held, exposure = curve["open_positions"], curve["gross_notional"] / _positive(curve["equity"])
    yearly_sharpe = _sharpe(result)
    return [
        ("at the end", f"{usd(final)}, {percent(gained)}"),
        ("a year", "n/a below one" if yearly is None else percent(yearly)),
        ("largest drawdown", percent(float(curve["drawdown_pct"].min()) / 100.0)),
        ("Sharpe, daily", "n/a" if yearly_sharpe is None else f"{yearly_sharpe:.2f}"),
        ("exposure, mean and most", f"{percent(exposure.mean())}, {percent(exposure.max())}"),
        ("positions, mean and most", f"{held.mean():.1f}, {held.max():.0f}"),
    ]


def by_sleeve(result: PortfolioResult) -> list[dict[str, str]]:
    """Write a row for each sleeve and one for all trades."""
    return _trade_rows(result, SLEEVES, "strategy")


def by_symbol(result: PortfolioResult) -> list[dict[str, str]]:
    """Write a row for each coin that was traded, the best first."""
    gained: dict[str, float] = defaultdict(float)
    for trade in result.results:
        gained[trade.symbol] += trade.result
    return _trade_rows(result, sorted(gained, key=lambda name: -gained[name]), "symbol")


def signal_rows(result: PortfolioResult) -> list[dict[str, str]]:
    """Write what became of the signals of each sleeve: entered, or refused by which rule."""
    rows = []
    for one in result.pipeline:
        refused = [each for each in result.rejections if each.strategy == one.strategy]
        for what, count, why in (
            ("entered", one.entries, ""),
            *((each.reason, each.count, REASONS[each.reason]) for each in refused),
        ):
            share = percent(count / one.raw_signals) if one.raw_signals else "-"
            rows.append(
                {"sleeve": one.strategy, "what": what, "count": f"{count:,}", "share": share,
                 "why": why}
            )  # fmt: skip
    return rows


def equity_figure(result: PortfolioResult) -> str:
    """Draw equity over time against what it began with, as an SVG."""
    xs, begin = result.times.astype(np.float64).tolist(), result.terms.starting_equity
    lines = [
        Line(label="equity", xs=xs, ys=result.curve["equity"].tolist(), tone=1),
        Line(label="at the start", xs=[xs[0], xs[-1]], ys=[begin, begin], tone=2, dashed=True),
    ]
    return chart("Equity of the portfolio", lines, TIME, Axis("USD", "usd"))


def sleeves_figure(result: PortfolioResult) -> str:
    """Draw what the closed trades of each sleeve brought so far."""
    begin, end = float(result.times[0]), float(result.times[-1])
    lines = []
    for tone, sleeve in zip(_TONES, SLEEVES, strict=True):
        closed = [
            (float(one.closed_at), one.result)
            for one in sorted(result.results, key=lambda one: one.closed_at or 0)
            if one.strategy == sleeve and one.closed_at is not None
        ]
        ys = np.cumsum([0.0, *(gained for _, gained in closed)]).tolist()
        xs = [begin, *(at for at, _ in closed), end]
        lines.append(Line(label=sleeve, xs=xs, ys=[*ys, ys[-1]], tone=tone, steps=True))
    return chart("What each sleeve brought", lines, TIME, Axis("USD", "usd", include=(0.0,)))


def exposure_figure(result: PortfolioResult) -> str:
    """Draw the notional held as a share of equity, against its limit."""
    shares = result.curve["gross_notional"] / _positive(result.curve["equity"])
    limit = Limit(result.terms.max_gross_exposure, "max_gross_exposure")
    return _banded("Notional held, of equity", result, shares, limit)


def risk_figure(result: PortfolioResult) -> str:
    """Draw what all stops would cost as a share of equity, against the limit of entries."""
    shares = result.curve["open_risk"] / _positive(result.curve["equity"])
    limit = Limit(result.terms.max_portfolio_risk, "max_portfolio_risk")
    return _banded("Risk to the stops, of equity", result, shares, limit)


def drawdown_figure(result: PortfolioResult) -> str:
    """Draw how far below its peak equity was."""
    xs = result.times.astype(np.float64).tolist()
    line = Line(label="drawdown", xs=xs, ys=(result.curve["drawdown_pct"] / 100.0).tolist(), tone=3)
    return chart("Below the peak", [line], TIME, Axis("", "percent", include=(0.0,)))


def _banded(title: str, result: PortfolioResult, values: Floats, limit: Limit) -> str:
    """Draw the mean of every stretch, and up to where it went within."""
    begins = np.unique(np.linspace(0, len(values), STRETCHES, endpoint=False).astype(np.int64))
    counts = np.diff(np.append(begins, len(values)))
    xs = (np.add.reduceat(result.times.astype(np.float64), begins) / counts).tolist()
    means = (np.add.reduceat(values, begins) / counts).tolist()
    most = np.maximum.reduceat(values, begins).tolist()
    band = Band(label="most", xs=xs, low=[0.0] * len(xs), high=most, tone=1)
    line = Line(label="mean", xs=xs, ys=means, tone=1)
    axis = Axis("", "percent", include=(0.0,))
    return chart(title, [line], TIME, axis, bands=[band], limits=[limit])


def study_page(result: PortfolioResult, span: Span, gaps: Sequence[str]) -> Page:
    """Lay out a run as one page: what was run, tables, figures, what became of every signal."""
    heads = tuple(Head(title, place > 0) for place, (_, title) in enumerate(TRADES))
    signal_heads = tuple(Head(title, name in NUMERIC) for name, title in SIGNALS)
    facts = tuple(row(name, value) for name, value in summary(result, span))
    return Page(
        title="Portfolio of trend and pullback",
        subtitle=question(span, result),
        notices=(Prose(f"Bars: {span.source}"), *(Prose(one, "warn") for one in CAVEATS)),
        sections=(
            Section("Result", (Table((Head(""), Head("")), facts),), level=2),
            Section(
                "Along the way",
                (
                    Figure(equity_figure(result), "Cash and what is open, at every bar."),
                    Figure(drawdown_figure(result), "Equity below its peak so far."),
                    Figure(sleeves_figure(result), "Results of closed trades, added up."),
                    Figure(exposure_figure(result), "Notional of all positions, of equity."),
                    Figure(risk_figure(result), "What all stops would cost, of equity."),
                ),
                level=2,
            ),
            Section("Sleeves", (_block(heads, by_sleeve(result), TRADES),), level=2),
            Section("Coins", (_block(heads, by_symbol(result), TRADES),), level=2),
            Section("Every signal", (_block(signal_heads, signal_rows(result), SIGNALS),), level=2),
            Section(
                "Gaps",
                (prose_or(tuple(Prose(one) for one in gaps), "No coin lacks a bar."),),
                level=2,
            ),
        ),
    )


def _block(
    heads: tuple[Head, ...], rows: Iterable[Mapping[str, str]], columns: Sequence[tuple[str, str]]
) -> Table:
    return Table(heads, tuple(row(*(one.get(name, "-") for name, _ in columns)) for one in rows))


def _trade_rows(result: PortfolioResult, names: Sequence[str], field: str) -> list[dict[str, str]]:
    rows = [
        _trade_row(name, [one for one in result.results if getattr(one, field) == name])
        for name in names
    ]
    return [*rows, _trade_row(ALL, list(result.results))]


def _trade_row(name: str, trades: Sequence[PortfolioTrade]) -> dict[str, str]:
    if not trades:
        return {"of": name, "trades": "0"}
    won = math.fsum(one.result for one in trades if one.result > 0)
    lost = -math.fsum(one.result for one in trades if one.result < 0)
    held = [one.closed_at - one.opened_at for one in trades if one.closed_at is not None]
    total = math.fsum(one.result for one in trades)
    return {
        "of": name,
        "trades": f"{len(trades):,}",
        "won": percent(sum(one.result > 0 for one in trades) / len(trades)),
        "factor": f"{won / lost:.2f}" if lost > 0 else "no losses",
        "result": signed_usd(total),
        "fees": usd(math.fsum(one.fees for one in trades)),
        "mean": signed_usd(total / len(trades)),
        "held": duration(sum(held) // len(held)) if held else "-",
    }


def _positive(equity: Floats) -> Floats:
    """Keep shares of what is nothing, or less, finite."""
    positive: Floats = np.maximum(equity, 1e-12)
    return positive


def _sharpe(result: PortfolioResult) -> float | None:
    """Annualize the mean of daily changes over their deviation (365 days, no interest)."""
    days = result.times // DAY
    last = np.flatnonzero(np.append(np.diff(days) > 0, True))
    equity = result.curve["equity"][last]
    if len(equity) < 30 or not (equity > 0).all():
        return None
    return sharpe(equity[1:] / equity[:-1] - 1.0)
