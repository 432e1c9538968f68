"""How did strategies trade, as people do or do not? The behavior section of a night."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trader.behavior.features import (
    AVG_HOLDING_TIME,
    AVG_POSITION_SIZE,
    CONSECUTIVE_LOSSES,
    FEATURES,
    MAX_DRAWDOWN,
    PROFIT_FACTOR,
    REVENGE_RATIO,
    TRADE_FREQUENCY,
    WIN_RATE,
)
from trader.engine.guard import trader_name
from trader.views import report_numbers as say
from trader.views.behavior_lines import judgment_text
from trader.views.blocks import Cell, Prose, Table, columns, prose_or, row

if TYPE_CHECKING:
    from trader.evaluation.conduct import TraderNight
    from trader.evaluation.night import Night
    from trader.views.blocks import Block, Tone

APART: Final = (
    "The psychology score of a strategy's chapter is something else: it grades how hard the results"
    " of its backtest would be to sit through (win rate, expectancy, losing runs, drawdown) and"
    " decides stages, once a night. Behavior is about how trades were made on paper: their pace,"
    " their size after losses, losing runs and drawdown as they happen. It shrinks or pauses new"
    " risk at once, comes back by itself, and changes no stage. Neither number enters the other."
)

RATIO_MAX: Final = 1e4


def behavior(night: Night) -> tuple[Block, ...]:
    """Tell types, what is held back and why, and what was found on the day."""
    if not night.traders:
        return (Prose("n/a: no chain has ended yet.", "muted"), Prose(APART, "muted"))
    found = tuple(
        Prose(f"{say.minute(one.at)}: {judgment_text(one.judged)}", "warn")
        for trader in night.traders
        for one in trader.judged
    )
    held = tuple(
        Prose(text) for one in night.traders for text in (one.held_back, one.paused) if text
    )
    return (
        Table(
            columns("trader", "type", "#sure", "#closed chains", "#new risk", "#alerts this day"),
            tuple(_standing(one) for one in night.traders),
            stacked=True,
        ),
        prose_or(held, "Nothing is held back at the end of this day."),
        prose_or(found, "No alert about behavior on this day."),
        Table(
            columns(
                "trader", "#win rate", "#profit factor", "#max loss taken", "#held",
                "#chains a day", "#losing run", "#size after loss / win", "#deepest fall",
            ),
            tuple(_features(one) for one in night.traders),
            "What types are told by, from closed chains of the journal, 200 at most:",
        ),
        Prose(APART, "muted"),
    )  # fmt: skip


def _standing(one: TraderNight) -> tuple[Cell, ...]:
    tone: Tone = "warn" if one.multiplier < 1 else ""
    fresh = sum(alert.fresh for told in one.judged for alert in told.judged.alerts)
    return row(
        trader_name(one.strategy),
        f"{one.profile.type_name} ({one.profile.reason})",
        say.share(one.profile.confidence, 0),
        say.count(one.profile.trades),
        Cell(f"x {one.multiplier:.3g}", tone),
        say.count(fresh),
    )


def _features(one: TraderNight) -> tuple[Cell, ...]:
    def value(place: int) -> float:
        return one.features[FEATURES[place]]

    return row(
        trader_name(one.strategy),
        say.share(value(WIN_RATE), 1),
        say.plain(_known(value(PROFIT_FACTOR))),
        say.share(value(AVG_POSITION_SIZE)),
        f"{say.plain(value(AVG_HOLDING_TIME) / 60, 1)} h",
        say.plain(value(TRADE_FREQUENCY), 1),
        say.count(value(CONSECUTIVE_LOSSES)),
        say.plain(_known(value(REVENGE_RATIO))),
        say.share(value(MAX_DRAWDOWN)),
    )


def _known(ratio: float) -> float | None:
    """Leave out a ratio to nothing: the features add dust to denominators."""
    return ratio if ratio < RATIO_MAX else None
