"""How do policies of selling calls compare, with each other and with holding? Table, page, figure.

Money is USD at the prices of its time; drawdowns are those of coins and calls, marked at each bar.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trader.backtest.call_results import REASONS
from trader.domain.units import nanoseconds
from trader.views.blocks import Column as Head
from trader.views.blocks import Figure, Items, Page, Prose, Section, Table, row
from trader.views.figures import Line, chart
from trader.views.svg import Axis
from trader.views.text import Column, percent, signed_usd, table, usd

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from trader.backtest.call_results import CallSimulationConfig, SimulationResult
    from trader.backtest.history import Provenance
    from trader.views.figures import Tone

HOLD: Final = "hold"
COLUMNS: Final = (
    ("policy", "policy"), ("sold", "sold"), ("assigned", "assigned"), ("won", "won"),
    ("premium", "premium"), ("assignment", "assignment"), ("fees", "fees"),
    ("against", "against holding"), ("share", "of capital"), ("end", "at the end"),
    ("drawdown", "drawdown"),
)  # fmt: skip
"""Field and title of each column; all but the first are numbers."""
NOTE: Final = (
    "Premium, assignment and fees are valued at the expiry of each call; what they left in coin is"
    " coin, and worth the last price at the end."
)
"""Why the three do not add up to what is gained against holding."""
LINES_MAX: Final = 3
_TONES: Final[tuple[Tone, ...]] = (1, 2, 3)


def comparison(results: Mapping[str, SimulationResult]) -> list[dict[str, str]]:
    """Write a row for each policy, and one for holding the coins; no policy, no rows."""
    rows = [_row(name, one) for name, one in results.items()]
    for first in list(results.values())[:1]:
        told = first.metrics
        rows.append(
            {
                "policy": HOLD, "end": usd(told["final_hodl"]),
                "drawdown": percent(told["hodl_max_drawdown_pct"] / 100.0),
            }
        )  # fmt: skip
    return rows


def _row(name: str, result: SimulationResult) -> dict[str, str]:
    told = result.metrics
    against = told["final_equity"] - told["final_hodl"]
    return {
        "policy": name,
        "sold": f"{told['num_trades']:.0f}",
        "assigned": f"{told['assigned']:.0f}",
        "won": f"{told['won']:.0f}",
        "premium": usd(told["premium"]),
        "assignment": usd(told["assignment"]),
        "fees": usd(told["fees"]),
        "against": signed_usd(against),
        "share": percent(against / told["capital"]) if told["capital"] > 0 else "-",
        "end": usd(told["final_equity"]),
        "drawdown": percent(told["max_drawdown_pct"] / 100.0),
    }


def comparison_text(results: Mapping[str, SimulationResult]) -> str:
    """Set the rows as a table for a terminal."""
    columns = [
        Column(field, title, "left" if field == "policy" else "right") for field, title in COLUMNS
    ]
    return f"{table(comparison(results), columns)}\n{NOTE}"


def reason_lines(results: Mapping[str, SimulationResult]) -> list[str]:
    """Say for each policy what became of every decision time."""
    return [
        f"{name}: {len(one.decisions)} decision times, {len(one.trades)} trades"
        + "".join(
            f"; {count} {reason} ({REASONS[reason]})" for reason, count in one.reasons.items()
        )
        for name, one in results.items()
    ]


def equity_figure(results: Mapping[str, SimulationResult]) -> str:
    """Draw coins and calls of up to three policies against the coins alone, as an SVG."""
    first = next(iter(results.values()), None)
    lines = [] if first is None else [_line(HOLD, first.hodl_curve, 1, dashed=True)]
    lines += [
        _line(name, one.account_curve, tone)
        for (name, one), tone in zip(results.items(), _TONES, strict=False)
    ]
    return chart("Coins and calls against the coins alone", lines, TIME, Axis("USD", "usd"))


def advantage_figure(results: Mapping[str, SimulationResult]) -> str:
    """Draw what the calls of up to three policies added, as an SVG."""
    lines = [
        _line(
            name,
            {at: worth - one.hodl_curve[at] for at, worth in one.account_curve.items()},
            tone,
        )
        for (name, one), tone in zip(results.items(), _TONES, strict=False)
    ]
    return chart("What the calls added", lines, TIME, Axis("USD", "usd", include=(0.0,)))


TIME: Final = Axis("", "time")


def _line(name: str, curve: Mapping[datetime, float], tone: Tone, *, dashed: bool = False) -> Line:
    xs = [float(nanoseconds(at)) for at in curve]
    return Line(label=name, xs=xs, ys=list(curve.values()), tone=tone, dashed=dashed)


def study_page(
    config: CallSimulationConfig, results: Mapping[str, SimulationResult], provenance: Provenance
) -> Page:
    """Lay out a study as one page: what was asked, table, figures, what became of every time."""
    # A policy that never sold lies on the line of holding.
    drawn = {name: one for name, one in results.items() if one.trades} or dict(results)
    left_out = list(drawn)[LINES_MAX:]
    more = f" Not drawn: {', '.join(left_out)}." if left_out else ""
    heads = tuple(Head(title, field != "policy") for field, title in COLUMNS)
    rows = tuple(row(*(one.get(field, "-") for field, _ in COLUMNS)) for one in comparison(results))
    notices = (
        Prose(f"History: {provenance.kind}: {provenance.source}"),
        *(Prose(one, "warn") for one in provenance.caveats),
    )
    return Page(
        title=f"Covered calls on {config.underlying}",
        subtitle=question(config),
        notices=notices,
        sections=(
            Section("Policies", (Table(heads, rows, NOTE),), level=2),
            Section(
                "Along the way",
                (
                    Figure(equity_figure(drawn), f"Coins and calls against the coins alone.{more}"),
                    Figure(advantage_figure(drawn), f"What the calls added.{more}"),
                ),
                level=2,
            ),
            Section(
                "Every decision time",
                (Items(tuple(Prose(one) for one in reason_lines(results))),),
                level=2,
            ),
        ),
    )


def question(config: CallSimulationConfig) -> str:
    """Say in a sentence what was tried."""
    return (
        f"{config.start:%Y-%m-%d} to {config.end:%Y-%m-%d}, every {config.decision_interval_bars} x"
        f" {config.timeframe}: {config.target_dte:g} days (+-{config.dte_tolerance:g}), delta"
        f" {config.target_delta:g} (+-{config.delta_tolerance:g}),"
        f" {config.initial_spot_position:g} {config.underlying}, filled at the {config.fill}"
    )
