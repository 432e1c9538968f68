"""Whom does a chain belong to? Its strategy in one strip: stage, score, what a night found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trader.views import report_numbers as say
from trader.views.blocks import Cell, Prose, Section, Table, columns, row
from trader.views.reading import NotThere
from trader.views.screens.addresses import strategy_cell
from trader.views.small_figures import score_bar

if TYPE_CHECKING:
    from trader.views.reading import Reading
    from trader.views.report_json import StrategyReport

NO_NIGHT = (
    "No night has judged it yet: expectancy, worst drawdown and score appear after 00:10 UTC of "
    "the market's clock."
)


def strategy_strip(reading: Reading, strategy: str) -> tuple[Section, ...]:
    """Show how a strategy stands; nothing where no strategy is named."""
    if not strategy:
        return ()
    stage = reading.desk.ledger.stages.get(strategy)
    found, date = _judged(reading, strategy)
    cells = (
        strategy_cell(strategy),
        stage.stage if stage is not None else "not placed yet",
        Cell(
            say.plain(found.psychology_score, 1) if found else say.NOT_AVAILABLE,
            figure=score_bar(found.psychology_score) if found else "",
        ),
        say.share(found.expectancy_per_trade if found else None, 3, signed=True),
        say.share(found.mc_worst_max_dd if found else None, 1),
        say.count(found.mc_worst_loss_streak if found else None),
        date or "none yet",
    )
    heads = columns(
        "strategy", "stage", "score", "#expectancy a trade", "#worst drawdown",
        "#losses in a row at worst", "night of",
    )  # fmt: skip
    table = Table(heads, (row(*cells),), stacked=True)
    waiting = () if found else (Prose(NO_NIGHT, "muted"),)
    return (Section("Its strategy", (table, *waiting), level=2),)


def _judged(reading: Reading, strategy: str) -> tuple[StrategyReport | None, str]:
    """Find what the last night that is kept said of a strategy."""
    for date in reading.nights()[:1]:
        try:
            report = reading.night(date)
        except NotThere:
            return None, ""
        for one in report.strategies:
            if one.strategy == strategy:
                return one, date
    return None, ""
