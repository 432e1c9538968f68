"""What must a person know at a glance? Equity, what trading earned, risk in use, what needs one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trader.domain.facts import MAIN_ACCOUNT
from trader.views import report_numbers as say
from trader.views.blocks import Cell, Figure, Page, Prose, Section, Table, columns, prose_or, row
from trader.views.figures import Line, chart
from trader.views.small_figures import meter
from trader.views.svg import Axis

if TYPE_CHECKING:
    from trader.views.blocks import Block
    from trader.views.live_rows import Status
    from trader.views.reading import Asked, Reading

RISK_LIMIT_UNKNOWN: Final = "not asked yet"


def overview(reading: Reading, _: Asked) -> Page:
    """Make the first page."""
    status = reading.desk.live.status()
    return Page(
        title="Overview",
        subtitle=reading.pulse.status or "nothing has happened yet",
        notices=tuple(Prose(one, "bad") for one in reading.pulse.problems),
        sections=(
            Section("What needs a person", (_needs(status),), level=2),
            Section("Risk in use today", _budgets(status), level=2),
            Section("Account", _account(reading), level=2),
        ),
    )


def _needs(status: Status) -> Block:
    rows = [Prose(f"Opening is halted by {one.rule}: {one.detail}", "bad") for one in status.halts]
    rows += [
        Prose(f"Opening of {one.scope} is paused by {one.by}: {one.reason}", "warn")
        for one in status.pauses
    ]
    if status.pending_settlements:
        rows.append(Prose(f"{status.pending_settlements} settlements wait for a price", "warn"))
    return prose_or(tuple(rows), "Nothing does.")


def _budgets(status: Status) -> tuple[Block, ...]:
    """Show what is used of each budget, by underlying and by strategy."""
    risk = [
        row(one.underlying, say.share(one.used), _limit(one.limit), _meter(one.used, one.limit))
        for one in status.budgets
        if one.account == MAIN_ACCOUNT
    ]
    slots = [
        row(
            Cell(one.strategy, href=f"/strategies/{one.strategy}"),
            say.share(one.risk_share),
            f"{one.slots_used} of {one.slots_limit if one.slots_limit is not None else '?'}",
            _meter(one.slots_used, one.slots_limit),
        )
        for one in status.strategies
        if one.account == MAIN_ACCOUNT
    ]
    return (
        Table(columns("underlying", "#risk in use", "#limit", "used"), tuple(risk), "Risk:"),
        Table(columns("strategy", "#risk in use", "#trades", "today"), tuple(slots), "Trades:"),
    )


def _limit(limit: float | None) -> str:
    return RISK_LIMIT_UNKNOWN if limit is None else say.share(limit)


def _meter(used: float, limit: float | None) -> Cell:
    return Cell("", figure=meter(used, limit)) if limit else Cell("")


def _account(reading: Reading) -> tuple[Block, ...]:
    marks = reading.desk.marks(MAIN_ACCOUNT)
    if not marks:
        return (Prose("The curve begins with the first full market hour.", "muted"),)
    times = [float(one.at) for one in marks]
    earned = Line(label="trading against holding", xs=times, ys=[m.trading_pnl_usd for m in marks])
    worth = Line(label="equity", xs=times, ys=[m.equity_usd for m in marks], tone=2)
    x, usd = Axis("", "time"), Axis("USD", "usd")
    return (
        Figure(chart("What trading earned against holding", [earned], x, usd), "In USD."),
        Figure(chart("What the account is worth", [worth], x, usd), "In USD, holdings included."),
    )
