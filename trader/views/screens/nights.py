"""What did the nights find? Their archive, each of them, and what differs between two."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from trader.domain.events import NightEvaluated, StageChanged
from trader.engine.stages import NIGHT
from trader.views import report_numbers as say
from trader.views.blocks import (
    Cell,
    Choice,
    Filter,
    Items,
    Page,
    Prose,
    Section,
    Table,
    columns,
    prose_or,
    row,
)
from trader.views.nightly_report import HTML, compose
from trader.views.reading import NotThere
from trader.views.report_front import verdict_text
from trader.views.screens.addresses import asking, encoded, night_page, strategy_cell
from trader.views.screens.asked import one_of, whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trader.evaluation.approval import Gate
    from trader.evaluation.night import Subject
    from trader.views.blocks import Block, Tone
    from trader.views.reading import Asked, Reading
    from trader.views.report_json import NightReport

DIFF: Final = "/nights/diff"
MADE: Final = "made.json"
SHOWN: Final = 30
"""Nights on one page of the archive."""
PAGES_MAX: Final = 10_000
NOTHING: Final = (
    "No night is kept yet: the first one is made ten minutes after the UTC midnight that follows"
    " the first trading, and judges every strategy."
)


class Made(msgspec.Struct, frozen=True):
    """What the archive tells of a night without reading all of it."""

    needs: tuple[str, ...] = ()
    demoted: tuple[str, ...] = ()


def nights(reading: Reading, asked: Asked) -> Page:
    """List the nights that are kept, newest first.

    Raises:
        NotUnderstood: a page that is no number.
    """
    dates = reading.nights()
    place = whole(asked, "page", 1, 1, PAGES_MAX)
    shown = dates[(place - 1) * SHOWN : place * SHOWN]
    known, moved = _facts(reading)
    rows = tuple(
        _row(reading, date, known.get(date), moved.get(date, ()), _before(dates, date))
        for date in shown
    )
    titles = ("night", "profile", "what changed", "needs a person", "compare", "as written")
    blocks: list[Block] = [Prose("No more nights are kept." if dates else NOTHING, "muted")]
    if rows:
        blocks = [Table(columns(*titles), rows, stacked=True)]
    if place * SHOWN < len(dates):
        blocks.append(Prose("Earlier nights", href=asking("/nights", page=str(place + 1))))
    return Page(
        title="Nightly reports",
        subtitle=f"Every strategy is judged each night: {say.count(len(dates), 'night')} kept.",
        notices=(),
        sections=(Section("Archive", tuple(blocks), level=2),),
    )


def night(reading: Reading, asked: Asked) -> Page:
    """Tell one night whole, as its report does.

    Raises:
        NotThere: there is no such night.
    """
    date = asked["date"]
    report = reading.night(date)
    page = compose(report.night, {one.strategy: one.sizes for one in report.strategies})
    links = Section("Elsewhere", (Items(tuple(_links(reading, date))),), level=2)
    return msgspec.structs.replace(page, sections=(*page.sections, links))


def night_diff(reading: Reading, asked: Asked) -> Page:
    """Tell what differs between two nights; without a choice, between the last two.

    Raises:
        NotThere: one of them does not exist.
        NotUnderstood: they are not dates of nights.
    """
    dates = reading.nights()
    newest = one_of(asked, "to", dates, dates[0] if dates else "")
    oldest = one_of(asked, "from", dates, _before(dates, newest))
    options = tuple((one, one) for one in dates)
    form = Filter((Choice("from", "From", oldest, options), Choice("to", "To", newest, options)))
    subtitle = "Stages, gates and figures of each strategy, then and now."
    if not oldest or not newest:
        text = "Two nights are needed to compare: see when the next one is on the first page."
        blocks: tuple[Block, ...] = (Prose(text, "muted"),)
        return Page("Two nights compared", subtitle, (), (Section("Nights", blocks, level=2),))
    then, now = reading.night(oldest), reading.night(newest)
    return Page(
        title=f"From {oldest} to {newest}",
        subtitle=subtitle,
        notices=tuple(_unlike(then, now)),
        sections=(Section("Nights", (form,), level=2), *_differences(then, now)),
    )


def _facts(reading: Reading) -> tuple[dict[str, NightEvaluated], dict[str, list[StageChanged]]]:
    """Find what the daemon took of each night, and the stages that it changed for it."""
    known: dict[str, NightEvaluated] = {}
    moved: dict[str, list[StageChanged]] = {}
    date, sequence = "", -1
    for one in reading.facts(kinds=("NightEvaluated", "StageChanged")):
        match one.recorded.fact:
            case NightEvaluated() as fact:
                date, sequence = fact.date, one.recorded.sequence
                known[date] = fact
            case StageChanged(by=by) as change if by == NIGHT:
                if one.recorded.sequence == sequence:
                    moved.setdefault(date, []).append(change)
            case _:
                pass
    return known, moved


def _row(
    reading: Reading,
    date: str,
    known: NightEvaluated | None,
    moved: Sequence[StageChanged],
    before: str,
) -> tuple[Cell, ...]:
    made = _made(reading, date)
    changed = "; ".join(f"{one.strategy} to {one.stage}" for one in moved)
    if known is None:
        fell = ", ".join(made.demoted)
        changed = "made by hand: changed no stage" + (f"; would lower {fell}" if fell else "")
    needs = "; ".join(made.needs)
    compared = Cell(f"with {before}", href=diff_address(before, date)) if before else Cell("-")
    return row(
        Cell(date, href=night_page(date)),
        known.profile if known is not None else "-",
        Cell(changed or "no stage", "bad" if moved else ""),
        Cell(needs.replace("`", "") or "nothing", "warn" if needs else ""),
        compared,
        Cell(HTML, href=as_written(date)),
    )


def diff_address(then: str, now: str) -> str:
    """Say where two nights are compared."""
    return f"{DIFF}?from={encoded(then)}&to={encoded(now)}"


def as_written(date: str) -> str:
    """Say where the report lies as it was written."""
    return f"{night_page(date)}/{HTML}"


def _made(reading: Reading, date: str) -> Made:
    """Read the short account of a night; a night that lacks it says nothing."""
    try:
        return msgspec.json.decode(reading.night_file(date, MADE), type=Made)
    except (NotThere, msgspec.MsgspecError):
        return Made()


def _before(dates: Sequence[str], date: str) -> str:
    """Name the night before one; "" where there is none."""
    earlier = [one for one in dates if one < date]
    return max(earlier, default="")


def _links(reading: Reading, date: str) -> Iterator[Prose]:
    dates = reading.nights()
    before, after = _before(dates, date), min((one for one in dates if one > date), default="")
    yield Prose("The report as it was written, one file", href=as_written(date))
    if before:
        yield Prose(f"What differs from the night of {before}", href=diff_address(before, date))
        yield Prose(f"The night before, {before}", href=night_page(before))
    if after:
        yield Prose(f"The night after, {after}", href=night_page(after))
    yield Prose("All nights", href="/nights")


def _unlike(then: NightReport, now: NightReport) -> Iterator[Prose]:
    """Warn where two nights were not made alike."""
    if then.profile != now.profile:
        yield Prose(f"Profiles differ: {then.profile}, then {now.profile}.", "warn")
    if then.night.software != now.night.software:
        told = f"Versions differ: trader {then.night.software}, then {now.night.software}."
        yield Prose(told, "warn")


def _differences(then: NightReport, now: NightReport) -> Iterator[Section]:
    """Tell strategy by strategy."""
    before = {one.card.strategy: one for one in then.night.subjects}
    after = {one.card.strategy: one for one in now.night.subjects}
    names = sorted(before.keys() | after.keys())
    rows = tuple(_stage_row(name, before.get(name), after.get(name)) for name in names)
    titles = ("strategy", "stage after it, then", "now", "judgment then", "now")
    yield Section("Stages", (Table(columns(*titles), rows, stacked=True),), level=2)
    for name in names:
        if name in before and name in after:
            yield Section(name, _of_both(before[name], after[name]), level=2)
    limits = _limits(then, now)
    yield Section("Limits in force", (prose_or(limits, "They are the same."),), level=2)


def _stage_row(name: str, then: Subject | None, now: Subject | None) -> tuple[Cell, ...]:
    stages = [one.after if one is not None else "not there" for one in (then, now)]
    said = [verdict_text(one.card.verdict) if one is not None else "-" for one in (then, now)]
    tone: Tone = "warn" if stages[0] != stages[1] else ""
    return row(
        strategy_cell(name), stages[0], Cell(stages[1], tone), said[0],
        Cell(said[1], "warn" if said[0] != said[1] else ""),
    )  # fmt: skip


def _of_both(then: Subject, now: Subject) -> tuple[Block, ...]:
    if then.card.configuration_hash != now.card.configuration_hash:
        changed = Prose("It was configured otherwise: figures compare two strategies.", "warn")
        return (changed, _figures(then, now), _gates(then, now))
    return (_figures(then, now), _gates(then, now))


def _figures(then: Subject, now: Subject) -> Block:
    """Set the headline numbers side by side, with the change."""
    if then.card.approval is None or now.card.approval is None:
        reasons = f"{then.card.verdict.reason}; now: {now.card.verdict.reason}"
        return Prose(f"Figures are missing of one of them. Then: {reasons}", "muted")
    rows = tuple(_figure_rows(then, now))
    return Table(columns("figure", "#then", "#now", "#change"), rows)


def _figure_rows(then: Subject, now: Subject) -> Iterator[tuple[Cell, ...]]:
    one, other = then.card.approval, now.card.approval
    assert one is not None  # noqa: S101 - the caller looked
    assert other is not None  # noqa: S101 - the caller looked
    shares = (
        ("expectancy a trade", one.stats.expectancy_per_trade, other.stats.expectancy_per_trade, 4),
        ("win rate", one.stats.win_rate, other.stats.win_rate, 1),
        ("average win", one.stats.avg_win, other.stats.avg_win, 3),
        ("average loss", one.stats.avg_loss, other.stats.avg_loss, 3),
        ("drawdown of the backtest", one.stats.max_drawdown_pct, other.stats.max_drawdown_pct, 2),
        ("worst simulated drawdown", one.variance.worst_max_dd, other.variance.worst_max_dd, 2),
    )
    for name, was, is_, places in shares:
        change = say.share(is_ - was, places, signed=True)
        yield row(name, say.share(was, places), say.share(is_, places), change)
    numbers = (
        ("trades", one.stats.n_trades, other.stats.n_trades, 0),
        ("worst simulated losing run", one.variance.worst_max_loss_streak,
         other.variance.worst_max_loss_streak, 0),
        ("psychology score", one.psych.score, other.psych.score, 1),
    )  # fmt: skip
    for name, was, is_, places in numbers:
        change = say.plain(is_ - was, places, signed=True)
        yield row(name, say.plain(was, places), say.plain(is_, places), change)


def _gates(then: Subject, now: Subject) -> Block:
    """List the gates whose answer changed."""
    before, after = _outcomes(then), _outcomes(now)
    rows = tuple(
        Prose(
            f"{name}: {_told(before.get(name))}, now {_told(after.get(name))}",
            "bad" if name in after and after[name].blocks else "good",
        )
        for name in (before | after)
        if _told(before.get(name)) != _told(after.get(name))
    )
    return prose_or(rows, "Every gate answers as it did.")


def _outcomes(subject: Subject) -> dict[str, Gate]:
    approval = subject.card.approval
    return {one.name: one for one in approval.gates} if approval is not None else {}


def _told(gate: Gate | None) -> str:
    return gate.outcome.replace("_", " ") if gate is not None else "not asked"


def _limits(then: NightReport, now: NightReport) -> tuple[Prose, ...]:
    was = {one.key: one.value for one in then.night.limits}
    return tuple(
        Prose(f"{one.key}: {was.get(one.key)}, now {one.value}", "warn")
        for one in now.night.limits
        if one.key in was and was[one.key] != one.value
    )
