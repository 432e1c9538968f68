"""Where does each strategy stand? All at a glance, with what the last night found of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trader.domain.facts import MAIN_ACCOUNT, SHADOW_PREFIX
from trader.views import report_numbers as say
from trader.views.blocks import Cell, Page, Prose, Section, Table, columns, row
from trader.views.performance import Parts
from trader.views.reading import NotThere
from trader.views.report_front import verdict_text
from trader.views.screens.addresses import night_page, strategy_cell
from trader.views.screens.earnings import amount_row
from trader.views.screens.overview import needs
from trader.views.small_figures import score_bar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trader.evaluation.night import Subject
    from trader.views.blocks import Block, Tone
    from trader.views.reading import Asked, Reading
    from trader.views.report_json import NightReport
    from trader.views.stages import StageRow

NOBODY = "No strategy has a stage yet: each gets one when trading begins."
NO_NIGHT = (
    "No night has judged yet: figures on drawdowns, runs and the score come with the first one."
)


def strategies(reading: Reading, _: Asked) -> Page:
    """List every strategy that ever had a stage."""
    rows = reading.desk.stages.rows(reading.stage_settings)
    why = tuple(_why(one) for one in rows)
    return Page(
        title="Strategies",
        subtitle="What each is allowed to do, who decided so, and what it has shown.",
        notices=(),
        sections=(
            Section("All strategies", _tables(reading, rows), level=2),
            Section("Why each stands where it stands", why, level=2),
            Section("What needs a person", (needs(reading),), level=2),
        ),
    )


def last_report(reading: Reading) -> NightReport | None:
    """Read the report of the newest night; None where there is none, or none that can be read."""
    dates = reading.nights()
    if not dates:
        return None
    try:
        return reading.night(dates[0])
    except NotThere:
        return None


def account_of(stage: str, strategy: str) -> str:
    """Name the account that a strategy trades on: RESEARCH has a shadow of its own."""
    return f"{SHADOW_PREFIX}{strategy}" if stage == "RESEARCH" else MAIN_ACCOUNT


def stage_tone(stage: str) -> Tone:
    """Color a stage: the further, the greener."""
    return "good" if stage == "PRODUCTION" else "" if stage == "PILOT" else "muted"


def _tables(reading: Reading, rows: Sequence[StageRow]) -> tuple[Block, ...]:
    """Set what they do on paper above what the last night found of them."""
    if not rows:
        return (Prose(NOBODY, "muted"),)
    titles = columns(
        "strategy", "stage", "opening", "#open chains", "#ended", "#won", "#result, USD",
        "#result, BTC",
    )  # fmt: skip
    paper = tuple(_paper(reading, one) for one in rows)
    on_paper = Table(titles, paper, "On paper, results of chains that ended:", stacked=True)
    report = last_report(reading)
    if report is None:
        return (on_paper, Prose(NO_NIGHT, "muted"))
    subjects = {one.card.strategy: one for one in report.night.subjects}
    titles = columns(
        "strategy", "#expectancy / trade", "#win rate", "#worst MC drawdown",
        "#worst losing run", "score (35 to 71.3)", "judgment",
    )  # fmt: skip
    judged = tuple(_judged(one.strategy, subjects.get(one.strategy)) for one in rows)
    caption = f"In the backtest of the night of {report.date}:"
    link = Prose("All of that night", href=night_page(report.date))
    return (on_paper, Table(titles, judged, caption, stacked=True), link)


def _paper(reading: Reading, one: StageRow) -> tuple[Cell, ...]:
    """Tell what a strategy does on paper, on the account of its stage."""
    account = account_of(one.stage, one.strategy)
    live = [
        row
        for row in reading.desk.live.strategies()
        if (row.account, row.strategy) == (account, one.strategy)
    ]
    earned = reading.desk.performance.strategy(account, one.strategy)
    parts, coin_usd = (earned[-1].parts, earned[-1].coin_usd) if earned else (Parts(), 0.0)
    ended, won = (live[0].ended, live[0].won) if live else (0, 0)
    return row(
        strategy_cell(one.strategy),
        Cell(one.stage, stage_tone(one.stage)),
        Cell("paused", "warn") if live and live[0].paused else Cell("allowed"),
        str(live[0].open_chains) if live else "0",
        say.count(ended),
        f"{won} = {say.share(won / ended, 0)}" if ended else "-",
        *amount_row("", parts.total, coin_usd, is_result=True)[1:],
    )


def _judged(name: str, subject: Subject | None) -> tuple[Cell, ...]:
    """Take the headline of a night's card."""
    approval = subject.card.approval if subject is not None else None
    told = verdict_text(subject.card.verdict) if subject is not None else "not judged yet"
    cell = strategy_cell(name)
    if approval is None:
        return row(cell, *(say.NOT_AVAILABLE,) * 4, Cell(say.NOT_AVAILABLE, "muted"), told)
    config, score = approval.config, approval.psych.score
    bar = score_bar(score, config.min_psych_score_pilot, config.min_psych_score_prod)
    return row(
        cell,
        say.share(approval.stats.expectancy_per_trade, 4, signed=True),
        say.share(approval.stats.win_rate, 1),
        say.share(approval.variance.worst_max_dd, 1),
        say.count(approval.variance.worst_max_loss_streak, "trade"),
        Cell(say.plain(score, 1), figure=bar),
        told,
    )


def _why(one: StageRow) -> Prose:
    href = strategy_cell(one.strategy).href
    return Prose(f"{one.strategy} is in {one.stage}: {one.reason} (by {one.by}).", href=href)
