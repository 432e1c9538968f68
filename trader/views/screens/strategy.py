"""Why does a strategy stand where it stands, and how does it do? Everything about one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trader.domain.events import StageChanged
from trader.domain.facts import MAIN_ACCOUNT
from trader.evaluation.psychology import POINTS, SCORE_NEUTRAL, component_points, score_sentence
from trader.views import report_numbers as say
from trader.views.blocks import (
    Cell,
    Figure,
    Page,
    Pairs,
    Prose,
    Section,
    Table,
    columns,
    row,
)
from trader.views.reading import NotThere
from trader.views.report_front import verdict_text
from trader.views.report_strategy import STAGES, chapter
from trader.views.screens.addresses import asking, night_page
from trader.views.screens.controls import strategy_controls
from trader.views.screens.earnings import strategy_result
from trader.views.screens.overview import last_verdicts
from trader.views.screens.rows import chain_table, verdict_table
from trader.views.screens.strategies import NO_NIGHT, account_of, last_report, stage_tone
from trader.views.screens.verdicts import bindings
from trader.views.small_figures import score_bar, timeline
from trader.views.stage_story import stage_lines

if TYPE_CHECKING:
    from trader.evaluation.approval import ApprovalResult
    from trader.evaluation.night import Subject
    from trader.views.blocks import Block
    from trader.views.live_rows import StrategyRow
    from trader.views.reading import Asked, Reading
    from trader.views.stages import StageRow

VERDICTS_SHOWN: Final = 10
STORY_SHOWN: Final = 40
LOOKED_AT_MAX: Final = 2_000
"""Facts that the story of a stage is looked for in, newest first."""
STORY_FACTS: Final = (
    "StageChanged", "NightEvaluated", "CommandTaken", "BehaviorJudged", "AlertRaised"
)  # fmt: skip
NO_CHAIN: Final = "None is open."
NO_VERDICT: Final = "It has wished for nothing yet."


def strategy(reading: Reading, asked: Asked) -> Page:
    """Tell everything of one strategy.

    Raises:
        NotThere: none of that name ever had a stage.
    """
    name = asked["name"]
    try:
        stage = reading.desk.stages.row(name, reading.stage_settings)
    except KeyError:
        known = ", ".join(sorted(reading.desk.ledger.stages)) or "none yet"
        raise NotThere(f"no strategy {name!r} ever had a stage; there are: {known}") from None
    account = account_of(stage.stage, name)
    found = [one for one in reading.desk.live.strategies() if one.strategy == name]
    live = next((one for one in found if one.account == account), None)
    report = last_report(reading)
    subjects, date = (report.night.subjects, report.date) if report is not None else ((), "")
    subject = next((one for one in subjects if one.card.strategy == name), None)
    return Page(
        title=name,
        subtitle=f"{stage.stage} since {stage.since}, by {stage.by}: {stage.reason}",
        notices=_otherwise(reading, subject, date),
        sections=(
            Section("Why it stands where it stands", _standing(stage, live), level=2),
            Section("In numbers", _numbers(stage, live, subject, date), level=2),
            Section("What you can do", _controls(stage, live), level=2),
            Section(
                "What it earned on paper", _earned(reading, account, name), level=2, anchor="earned"
            ),
            Section("Open chains", _chains(reading, account, name), level=2),
            Section("Last verdicts", _verdicts(reading, name), level=2),
            Section("How often each rule bound", _bound(reading, name), level=2, anchor="rules"),
            Section("Its stages", _stages(reading, name), level=2, anchor="stages"),
            *_night(reading, subject),
        ),
    )


def _otherwise(reading: Reading, subject: Subject | None, date: str) -> tuple[Prose, ...]:
    """Warn where the last night judged another configuration than the one that lives."""
    if subject is None:
        return ()
    card = subject.card
    if card.configuration_hash == reading.desk.ledger.stages[card.strategy].configuration_hash:
        return ()
    told = f"The night of {date} judged it as it was configured then; it has changed since."
    return (Prose(told, "warn"),)


def _standing(stage: StageRow, live: StrategyRow | None) -> tuple[Block, ...]:
    night = Cell(stage.verdict)
    if stage.judged_on:
        night = Cell(f"{stage.judged_on}: {stage.verdict}", href=night_page(stage.judged_on))
    failing = Cell(
        f"{stage.failing_nights} of {stage.nights_to_demote}",
        "warn" if stage.failing_nights else "",
    )
    rows = [
        ("stage", Cell(stage.stage, stage_tone(stage.stage))),
        ("since", Cell(f"{stage.since} ({say.count(int(stage.days), 'day')})")),
        ("because", Cell(f"{stage.reason} (by {stage.by})")),
        ("last night", night),
        ("failing nights", failing),
        ("next", Cell(stage.next_step.replace("`", ""))),
    ]
    if live is not None:
        opening = Cell("paused", "warn") if live.paused else Cell("allowed")
        held = f"new risk x {live.multiplier:.3g}"
        type_ = f", trades as a {live.trader_type}" if live.trader_type else ""
        rows.append(("opening", opening))
        rows.append(("behavior", Cell(f"{held}{type_}", "warn" if live.multiplier < 1 else "")))
    return (Pairs(tuple(rows)), Prose("The story of its stage", href="#stages"))


def _numbers(
    stage: StageRow, live: StrategyRow | None, subject: Subject | None, date: str
) -> tuple[Block, ...]:
    """Set what it did on paper beside what the last night's backtest says."""
    ended, won = (live.ended, live.won) if live is not None else (0, 0)
    paper = Pairs(
        (
            ("on paper: chains ended", Cell(f"{ended}, {say.share(won / ended, 0)} won"
                                            if ended else "none yet")),
            ("on paper: at this stage", Cell(f"{stage.paper_trades}, won {stage.paper_won}")),
        )
    )  # fmt: skip
    if subject is None:
        return (paper, Prose(NO_NIGHT, "muted"))
    approval = subject.card.approval
    told = f"The night of {date} says: {verdict_text(subject.card.verdict)}."
    if approval is None:
        return (paper, Prose(f"{told} {subject.card.verdict.reason}", "muted"))
    stats, variance, study = approval.stats, approval.variance, subject.card.monte_carlo
    rows = [
        ("expectancy a trade", say.share(stats.expectancy_per_trade, 4, signed=True)),
        ("win rate", say.share(stats.win_rate, 1)),
        ("average win", say.share(stats.avg_win, 3, signed=True)),
        ("average loss", say.share(stats.avg_loss, 3, signed=True)),
        (f"worst drawdown of {variance.sims} paths", say.share(variance.worst_max_dd, 2)),
        (f"worst losing run of {variance.sims} paths",
         say.count(variance.worst_max_loss_streak, "trade")),
    ]  # fmt: skip
    if study is not None:
        rows.append(("drawdown, 95 % quantile", say.share(-study.drawdown_depth.p95.value, 2)))
        rows.append(("losing run, 95 % quantile", say.plain(study.loss_streak.p95.value, 0)))
    table = Table(columns("in the backtest", "#value"), tuple(row(*one) for one in rows))
    return (paper, Prose(told), table, _psychology(approval), *_in_words(approval))


def _controls(stage: StageRow, live: StrategyRow | None) -> tuple[Block, ...]:
    """Offer pause, promotion and demotion, with what speaks against a promotion."""
    told = f"The last night's answer: {stage.next_step.replace('`', '')}."
    paused = live is not None and live.paused
    return (Prose(told, "muted"), *strategy_controls(stage.strategy, stage.stage, paused=paused))


def _psychology(approval: ApprovalResult) -> Table:
    """List what made the score, in points from its neutral one, with the bar of where it lies."""
    psych, config = approval.psych, approval.config
    rows = [
        row(name.replace("_", " "), say.plain(psych.components.get(name), 2),
            say.plain(POINTS[name], 1, signed=True), say.plain(value, 1, signed=True))
        for name, value in component_points(psych).items()
    ]  # fmt: skip
    bar = score_bar(psych.score, config.min_psych_score_pilot, config.min_psych_score_prod)
    name = Cell(f"score, from {SCORE_NEUTRAL:g}", figure=bar)
    rows.append(row(name, "", "", say.plain(psych.score, 1)))
    return Table(columns("psychology score", "#component", "#points for 1", "#points"), tuple(rows))


def _in_words(approval: ApprovalResult) -> tuple[Block, ...]:
    psych, config = approval.psych, approval.config
    if not say.is_known(psych.score):
        return (Prose("Psychology score: n/a", "muted"),)
    sentence = score_sentence(
        psych.score, config.min_psych_score_pilot, config.min_psych_score_prod
    )
    return (Prose(f"Psychology score {sentence}."),)


def _earned(reading: Reading, account: str, name: str) -> tuple[Block, ...]:
    """Tell its result on the account it trades on, and what it earned before on the other one."""
    performance = reading.desk.performance
    blocks = strategy_result(performance.strategy(account, name))
    if account == MAIN_ACCOUNT or not (before := performance.strategy(MAIN_ACCOUNT, name)):
        return blocks
    told = "Above: on its shadow account, at RESEARCH. Below: on the main account, before that."
    return (*blocks, Prose(told, "muted"), *strategy_result(before))


def _chains(reading: Reading, account: str, name: str) -> tuple[Block, ...]:
    mine = [
        one for one in reading.desk.live.chains() if (one.account, one.strategy) == (account, name)
    ]
    return (chain_table(mine, reading.desk.ledger, reading.pulse.speed, NO_CHAIN),)


def _verdicts(reading: Reading, name: str) -> tuple[Block, ...]:
    found = last_verdicts(reading, VERDICTS_SHOWN, name)
    href = asking("/verdicts", strategy=name)
    return (verdict_table(found, NO_VERDICT), Prose("All of its verdicts", href=href))


def _bound(reading: Reading, name: str) -> tuple[Block, ...]:
    return (bindings([one for one in reading.desk.live.verdicts() if one.strategy == name]),)


def _stages(reading: Reading, name: str) -> tuple[Block, ...]:
    """Draw on which stages it stood, and tell what led there, newest first."""
    changes = [
        (one.recorded.at, STAGES.index(one.recorded.fact.stage))
        for one in reading.facts(kinds=("StageChanged",), strategy=name)
        if isinstance(one.recorded.fact, StageChanged)
    ]
    ends_at = max(reading.desk.ledger.at, reading.pulse.at)
    figure = timeline(f"Stages of {name}", STAGES, changes, ends_at)
    told = reading.facts(kinds=STORY_FACTS, limit=LOOKED_AT_MAX, newest_first=True)
    lines = list(stage_lines(name, (one.recorded for one in told)))[:STORY_SHOWN]
    rows = tuple(row(say.minute(at), text) for at, text in lines)
    return (
        Figure(figure, "At which stage it stood, as the journal has it."),
        Table(columns("market time", "what happened, newest first"), rows),
    )


def _night(reading: Reading, subject: Subject | None) -> tuple[Section, ...]:
    """Add the chapter of the last night: gates, simulations, studies, data."""
    report = last_report(reading)
    if subject is None or report is None:
        return (Section("What a night will tell here", (Prose(NO_NIGHT, "muted"),), level=2),)
    sizes = {one.strategy: one.sizes for one in report.strategies}
    name = subject.card.strategy
    head, *parts = chapter(subject, sizes.get(name, ()), "night", report.night.ends_at)
    link = Prose(f"All of the night of {report.date}", href=night_page(report.date))
    kept = [one for one in parts if one.title != "Stages"]
    first = Section(f"The night of {report.date}", (*head.blocks, link), anchor="night", level=2)
    return (first, *kept)
