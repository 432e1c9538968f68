"""What happens in a night? Fetch, evaluate, conclude, write one folder, whole or not at all.

It reads the journal and writes beside it: stages change only when the daemon takes the decisions.
Made twice for one date from the same inputs, a folder has the same bytes.
"""

from __future__ import annotations

import datetime
from concurrent.futures import BrokenExecutor
from importlib.metadata import version
from typing import TYPE_CHECKING, Final, Literal

import msgspec
from pydantic import BaseModel

from trader.app.evaluation_request import (
    UNMET,
    boards_lack,
    days_lack,
    request_of,
    shown_span,
    unseen_lack,
    warm_up_of,
)
from trader.app.executors import executor
from trader.app.night_data import (
    datasets_folder,
    how_to_get,
    read_markets,
    read_recorded_market,
)
from trader.app.night_folder import (
    NIGHTS,
    Made,
    NightUnusable,
    Origin,
    judging_hash,
    read_made,
    write_folder,
)
from trader.app.night_past import Past, read_past
from trader.app.settings import SIMULATED
from trader.app.trials import TrialLedger, canonical
from trader.domain.errors import ConfigurationError
from trader.domain.events import NightVerdict
from trader.domain.units import DAY, HOUR, day_date, utc_day
from trader.evaluation.conduct import tell_traders
from trader.evaluation.evaluate import Evaluation, not_evaluated
from trader.evaluation.model_review import KINDS as MODEL_FACTS
from trader.evaluation.model_review import review
from trader.evaluation.night import Limit, Night, PaperTrades, conclude, needs_of
from trader.evaluation.runs import Subject
from trader.evaluation.strategy_card import Request, Scorecard
from trader.storage.datasets import DatasetStore
from trader.storage.journal import Journal
from trader.strategies.strategy import boards_apart, coins_of, has_boards
from trader.views.log_lines import judgment
from trader.views.nightly_report import render

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Executor
    from pathlib import Path

    from trader.app.configuration import Configuration
    from trader.app.settings import Settings
    from trader.app.strategy_files import ConfiguredStrategy
    from trader.backtest.market import Market
    from trader.backtest.recorded_market import RecordedMarket
    from trader.evaluation.night import Threshold

EPOCH_DAY: Final = datetime.date(1970, 1, 1)


def make_night(
    configuration: Configuration,
    day: datetime.date,
    say: Callable[[str], None],
    *,
    again: bool = False,
) -> tuple[Made, Path]:
    """Make the folder of one UTC day; one that was made already stays, unless it is made `again`.

    The caller holds the nights' lock and saw to it that the day is over.

    Raises:
        ConfigurationError: the journal began later, or a folder made from something else is there.
        BrokenExecutor: worker processes died; nothing was written.
        StorageError: the journal cannot be read.
    """
    folder = configuration.state_dir / NIGHTS / day.isoformat()
    ends_at = end_of(day)
    with Journal.create_or_open(configuration.journal_url, writer=False) as journal:
        past = read_past(configuration, journal, ends_at)
        stored = journal.read(kinds=MODEL_FACTS)
        models = review((one.recorded for one in stored), ends_at - DAY, ends_at)
    origin = Origin(
        configuration=judging_hash(configuration), journal_began_at=past.engine.ledger.began_at
    )
    if folder.exists() and not again:
        return _made_already(folder, origin), folder
    store = DatasetStore(datasets_folder(configuration.state_dir, past.market))
    settings = configuration.settings.nightly
    with executor(settings.executor, settings.workers) as workers:
        cards = _cards(configuration, store, past, day, workers, say)
    night = msgspec.structs.replace(_night(configuration, past, cards, day), models=models)
    demoted = tuple(one.card.strategy for one in night.demotions)
    made = Made(date=night.date, origin=origin, demoted=demoted, needs=night.needs)
    write_folder(folder, made, night.decisions, render(night))
    return made, folder


def _made_already(folder: Path, origin: Origin) -> Made:
    try:
        return read_made(folder, origin)
    except NightUnusable as error:
        raise ConfigurationError(f"{error}: --again makes that night anew") from error


def end_of(day: datetime.date) -> int:
    """Name the midnight that ends a UTC day."""
    return ((day - EPOCH_DAY).days + 1) * DAY


def last_day(configuration: Configuration, wall: datetime.datetime) -> datetime.date:
    """Name the last UTC day that is over; the bundled exchange has a calendar of its own.

    Raises:
        StorageError: there is no journal, or it cannot be read.
    """
    today = wall.date()
    if configuration.settings.feed.source == SIMULATED:
        with Journal.create_or_open(configuration.journal_url, writer=False) as journal:
            last = journal.last()
        if last is not None:
            today = day_date(utc_day(last.recorded.at))
    return today - datetime.timedelta(days=1)


def _cards(
    configuration: Configuration,
    store: DatasetStore,
    past: Past,
    day: datetime.date,
    workers: Executor,
    say: Callable[[str], None],
) -> list[Scorecard]:
    """Evaluate every strategy; all their runs are handed out before the first is waited for.

    What is tried counts from today on: a night of the past made anew finds the count of its time.
    """
    trials = TrialLedger(configuration.state_dir)
    today = day_date(max(utc_day(past.last_at), utc_day(end_of(day)))).isoformat()
    begun: list[tuple[ConfiguredStrategy, Evaluation | NightVerdict]] = []
    for one in configuration.strategies:
        asked = _request(configuration, store, one, day, past, trials)
        begun.append((one, Evaluation(asked, workers) if isinstance(asked, Request) else asked))
    cards = []
    for one, evaluation in begun:
        if isinstance(evaluation, NightVerdict):
            profile = configuration.settings.nightly.profile
            cards.append(not_evaluated(one.file, evaluation, profile, end_of(day)))
        else:
            card = evaluation.finish()
            _require_workers(evaluation)
            trials.add(one.file.name, map(canonical, evaluation.tried), today)
            cards.append(card)
        say(f"{cards[-1].strategy}: {judgment(cards[-1].verdict)}")
    return cards


def _require_workers(evaluation: Evaluation) -> None:
    """Write nothing where workers died: the strategy is not to blame.

    Raises:
        BrokenExecutor: they did.
    """
    for future in evaluation.futures:
        if isinstance(error := future.exception(), BrokenExecutor):
            raise error


def _request(
    configuration: Configuration,
    store: DatasetStore,
    one: ConfiguredStrategy,
    day: datetime.date,
    past: Past,
    trials: TrialLedger,
) -> Request | NightVerdict:
    """State what to evaluate; where there is no past to do it on, the verdict with the remedy.

    No history at all is a night that failed; a short one is thin evidence, and moves no stage.
    """
    settings, ends_at = configuration.settings, end_of(day)
    underlying, years = one.file.underlying, settings.nightly.years
    remedy = how_to_get(past.market, underlying, ends_at, years)
    apart = boards_apart(one.strategy)
    wants_recorded = settings.nightly.boards == "recorded" or apart is not None
    is_recorded = wants_recorded and has_boards(one.strategy)
    market: Market | RecordedMarket
    try:
        if is_recorded:
            market = read_recorded_market(store, underlying, ends_at, every=apart or HOUR)
        else:
            source, coins = settings.feed.source, coins_of(one.strategy)
            market = read_markets(store, coins, ends_at, source=source, years=years)
    except ConfigurationError as error:
        if apart is not None:
            return _unjudged(one, "insufficient", f"{error}; {UNMET}")
        return _unjudged(one, "failed", str(error) if is_recorded else f"{error}: {remedy}")
    subject = Subject(
        kind=type(one.strategy), file=one.file, configuration_hash=one.configuration_hash
    )
    if (lack := boards_lack(subject, market)) is not None:
        return _unjudged(one, "failed", lack)
    if (lack := days_lack(subject, market)) is not None:
        return _unjudged(one, "insufficient", lack)
    first, last = shown_span(subject, market)
    asked = request_of(
        settings,
        subject,
        market,
        None if is_recorded else min(last, ends_at),
        trials=trials.count(one.file.name, day_date(utc_day(ends_at)).isoformat()),
        paper=past.paper.get(one.file.name, PaperTrades()).multiples,
    )
    if (lack := unseen_lack(subject, asked.end)) is not None:
        return _unjudged(one, "insufficient", lack)
    warm_up = warm_up_of(subject, market)
    if min(asked.start - first, asked.end - asked.start) < warm_up:
        days = max(asked.end - first, 0) // DAY
        needed = 2 * warm_up // DAY
        reason = f"only {days} days of history, a backtest needs {needed}: {remedy}"
        return _unjudged(one, "insufficient", reason)
    return asked


def _unjudged(
    one: ConfiguredStrategy, standing: Literal["insufficient", "failed"], reason: str
) -> NightVerdict:
    return NightVerdict(
        strategy=one.file.name,
        configuration_hash=one.configuration_hash,
        stage="RESEARCH",
        standing=standing,
        reason=reason[:500],
    )


def _night(
    configuration: Configuration,
    past: Past,
    cards: Sequence[Scorecard],
    day: datetime.date,
) -> Night:
    settings = configuration.settings
    floor = settings.stage_floor or "RESEARCH"
    subjects = conclude(
        cards,
        past.engine.ledger,
        dict.fromkeys((card.strategy for card in cards), floor),
        settings.stages,
        past.paper,
        past.stages,
        day.isoformat(),
    )
    notes = [note for card in cards for note in card.provenance.caveats]
    if settings.stage_floor is not None:
        notes.append(f"stage_floor = {settings.stage_floor}: no strategy falls below it (demo)")
    return Night(
        date=day.isoformat(),
        ends_at=end_of(day),
        profile=settings.nightly.profile,
        market=past.market,
        software=version("trader"),
        subjects=subjects,
        needs=needs_of(subjects),
        notes=tuple(dict.fromkeys(notes)),
        equity=past.equity,
        coin_usd=past.coin_usd,
        previous=past.previous,
        limits=limits_in_force(settings),
        quotes=dict(sorted(past.engine.ledger.making.tallies.items())),
        traders=tell_traders(
            past.engine.ledger.conduct,
            [card.strategy for card in cards],
            past.judged,
            end_of(day),
        ),
    )


def limits_in_force(settings: Settings) -> tuple[Limit, ...]:
    """List the thresholds a night goes by, with their defaults."""
    sections = {
        "approval": settings.approval,
        "stages": settings.stages,
        "risk": settings.risk,
        "behavior": settings.behavior,
    }
    return tuple(one for name, section in sections.items() for one in _limits(name, section))


def _limits(name: str, section: BaseModel) -> Iterator[Limit]:
    """List the thresholds of a section and of those within it."""
    for key, field in type(section).model_fields.items():
        value = getattr(section, key)
        if isinstance(value, BaseModel):
            yield from _limits(f"{name}.{key}", value)
        else:
            default = field.get_default(call_default_factory=True)
            yield Limit(f"{name}.{key}", _plain(value), _plain(default))


def _plain(value: Threshold | tuple[object, ...]) -> Threshold:
    """Write a list as a text."""
    return ", ".join(map(str, value)) if isinstance(value, tuple) else value
