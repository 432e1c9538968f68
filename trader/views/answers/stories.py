"""What became of one thing? A chain, a strategy, the traders, the models, a night: in full."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Literal

import msgspec

from trader.domain.events import StageChanged, TraderProfile
from trader.domain.facts import BehaviorAlert, ChainEnded, Fact, Settled
from trader.domain.units import DAY, from_atoms, iso
from trader.engine.guard import held_back, pause_text, trader_name
from trader.evaluation.model_review import KINDS, ModelReview, review
from trader.views.answers.asking import SCAN_MAX, Date, Paged, Question, Strategy, Text
from trader.views.answers.standing import StrategyState, strategies
from trader.views.answers.verdicts import paged
from trader.views.decisions import BindingCount
from trader.views.live_rows import ChainRow
from trader.views.reading import NotThere
from trader.views.report_json import NightReport, StrategyReport
from trader.views.roll_chains import explain_chain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trader.engine.conduct import Tape
    from trader.views.reading import Filed, Reading

    Look = Callable[..., Iterator[Filed]]

CHANGES_MAX: Final = 200
"""Stages a strategy came to that are told, the newest."""


class FactTold(msgspec.Struct, frozen=True, kw_only=True):
    """A fact as the journal holds it; `fact.type` names its kind, `at` is market time (UTC ns)."""

    id: int
    sequence: int
    at: int
    time: str
    fact: Fact


class EndedChain(msgspec.Struct, frozen=True, kw_only=True):
    """A finished structure and its one result; `pnl` in units of each currency."""

    id: int
    chain_id: str
    account: str
    strategy: str
    underlying: str
    opened_at: str
    ended_at: str
    how: Literal["closed", "settled"]
    pnl_usd: float
    pnl_share: float
    pnl: dict[str, float]


class EndedQuestion(Paged, frozen=True, kw_only=True):
    """Asks for finished structures."""

    strategy: Strategy | None = None


class EndedChains(msgspec.Struct, frozen=True, kw_only=True):
    """A page of finished structures, newest first; `next` goes into `before` for older ones."""

    chains: tuple[EndedChain, ...]
    next: int | None


class ChainQuestion(Question, frozen=True, kw_only=True):
    """Asks for one structure."""

    chain_id: Text


class ChainTold(msgspec.Struct, frozen=True, kw_only=True):
    """One structure: how it stands or ended, its story in words, every fact about it in order."""

    chain_id: str
    living: ChainRow | None
    ended: EndedChain | None
    story: str
    facts: tuple[FactTold, ...]


class StrategyQuestion(Question, frozen=True, kw_only=True):
    """Asks for one strategy."""

    strategy: Text


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A strategy came to a stage."""

    id: int
    at: int
    time: str
    stage: str
    by: str
    reason: str
    configuration_hash: str


class StrategyTold(msgspec.Struct, frozen=True, kw_only=True):
    """One strategy: its state by account, what bound it, what it holds, its stages, its last night.

    `night` are the headline numbers of the newest night that is kept; None where it has none.
    """

    strategy: str
    states: tuple[StrategyState, ...]
    counts: tuple[BindingCount, ...]
    chains: tuple[ChainRow, ...]
    changes: tuple[Change, ...]
    night_date: str | None
    night: StrategyReport | None


class TraderState(msgspec.Struct, frozen=True, kw_only=True):
    """How a trader behaves: what its alerts leave of new risk now, and why. "the account" is all.

    `standing` are the alerts that still hold risk back; `held` and `pause` say so in words.
    """

    trader: str
    multiplier: float
    held: str
    pause: str
    paused_until: int | None
    closed_chains: int
    standing: tuple[BehaviorAlert, ...]
    profile: TraderProfile | None


class Behavior(msgspec.Struct, frozen=True, kw_only=True):
    """Every trader as it stands, and a page of judgments, newest first."""

    traders: tuple[TraderState, ...]
    judgments: tuple[FactTold, ...]
    next: int | None


class ModelsQuestion(Question, frozen=True, kw_only=True):
    """Asks for the models' record."""

    days: Annotated[
        float,
        msgspec.Meta(gt=0, le=3_660, description="Accuracy, rounds and edges of so many days."),
    ] = 30.0


class Nights(msgspec.Struct, frozen=True, kw_only=True):
    """The nights that are kept, newest first."""

    nights: tuple[str, ...]


class NightQuestion(Question, frozen=True, kw_only=True):
    """Asks for the report of a night."""

    date: Date


def ended_chains(reading: Reading, asked: EndedQuestion) -> EndedChains:
    """Every structure that has ended, newest first, with its one result."""
    stored = reading.facts(
        kinds=("ChainEnded",), strategy=asked.strategy, before_id=asked.before, limit=SCAN_MAX,
        newest_first=True,
    )  # fmt: skip
    page, following = paged(stored, lambda _: True, asked.limit)
    chains = tuple(_ended(one) for one in page)
    return EndedChains(chains=tuple(one for one in chains if one is not None), next=following)


def chain(reading: Reading, asked: ChainQuestion) -> ChainTold:
    """One structure with its legs, rolls, reasons, flows and facts."""
    stored = chain_facts(reading.facts, asked.chain_id)
    if not stored:
        raise NotThere(f"no chain {asked.chain_id!r} in the journal: /chains lists them")
    rows = (one for one in reading.desk.live.chains() if one.chain_id == asked.chain_id)
    return ChainTold(
        chain_id=asked.chain_id,
        living=next(rows, None),
        ended=next((end for one in stored if (end := _ended(one)) is not None), None),
        story=explain_chain(asked.chain_id, (one.recorded for one in stored)),
        facts=tuple(fact_told(one) for one in stored),
    )


def chain_facts(look: Look, chain_id: str) -> list[Filed]:
    """Find the facts about one chain, in order: its own, and the settlements of its legs."""
    stored = list(look(chain_id=chain_id))
    if not stored:
        return []
    for one in look(kinds=("Settled",)):
        fact = one.recorded.fact
        if isinstance(fact, Settled) and any(leg.chain_id == chain_id for leg in fact.legs):
            stored.append(one)
    return sorted(stored, key=lambda one: one.id)


def strategy(reading: Reading, asked: StrategyQuestion) -> StrategyTold:
    """One strategy: stage and its history, risk, results, what bound it, its last night."""
    name = asked.strategy
    states = tuple(one for one in strategies(reading, asked) if one.strategy == name)
    if not states:
        raise NotThere(f"no strategy {name!r} in the journal: /strategies lists them")
    stored = reading.facts(
        kinds=("StageChanged",), strategy=name, limit=CHANGES_MAX, newest_first=True
    )
    date = next(iter(reading.nights()), None)
    reports = reading.night(date).strategies if date is not None else ()
    return StrategyTold(
        strategy=name,
        states=states,
        counts=tuple(one for one in reading.desk.live.verdicts() if one.strategy == name),
        chains=tuple(one for one in reading.desk.live.chains() if one.strategy == name),
        changes=tuple(change for one in stored if (change := _change(one)) is not None),
        night_date=date,
        night=next((one for one in reports if one.strategy == name), None),
    )


def behavior(reading: Reading, asked: Paged) -> Behavior:
    """How each strategy and the account as a whole behave, and what was found when."""
    stored = reading.facts(
        kinds=("BehaviorJudged",), before_id=asked.before, limit=SCAN_MAX, newest_first=True
    )
    page, following = paged(stored, lambda _: True, asked.limit)
    ledger = reading.desk.ledger
    tapes = (_trader(name, tape, ledger.at) for name, tape in ledger.conduct.tapes())
    return Behavior(
        traders=tuple(tapes), judgments=tuple(fact_told(one) for one in page), next=following
    )


def models(reading: Reading, asked: ModelsQuestion) -> ModelReview:
    """Regimes, weights, accuracy, last calibrations, and what each model alone would have done."""
    until = reading.desk.ledger.at + 1
    since = max(until - round(asked.days * DAY), 0)
    return review((one.recorded for one in reading.facts(kinds=KINDS)), since, until)


def nights(reading: Reading, _: Question) -> Nights:
    """The nightly reports that are kept."""
    return Nights(nights=reading.nights())


def night(reading: Reading, asked: NightQuestion) -> NightReport:
    """The report of a night: headline numbers by strategy, and everything behind them."""
    return reading.night(asked.date)


def fact_told(stored: Filed) -> FactTold:
    """Lay out a fact with its place."""
    one = stored.recorded
    return FactTold(id=stored.id, sequence=one.sequence, at=one.at, time=iso(one.at), fact=one.fact)


def _ended(stored: Filed) -> EndedChain | None:
    fact = stored.recorded.fact
    if not isinstance(fact, ChainEnded):
        return None
    return EndedChain(
        id=stored.id,
        chain_id=fact.chain_id,
        account=fact.account,
        strategy=fact.strategy,
        underlying=fact.underlying,
        opened_at=iso(fact.opened_at),
        ended_at=iso(stored.recorded.at),
        how=fact.how,
        pnl_usd=fact.pnl_usd,
        pnl_share=fact.pnl_pct,
        pnl={name: from_atoms(count) for name, count in fact.pnl.items()},
    )


def _change(stored: Filed) -> Change | None:
    fact, at = stored.recorded.fact, stored.recorded.at
    if not isinstance(fact, StageChanged):
        return None
    return Change(
        id=stored.id, at=at, time=iso(at), stage=fact.stage, by=fact.by, reason=fact.reason,
        configuration_hash=fact.configuration_hash,
    )  # fmt: skip


def _trader(name: str | None, tape: Tape, at: int) -> TraderState:
    return TraderState(
        trader=trader_name(name),
        multiplier=tape.scaled(at),
        held=held_back(name, tape, at) if tape.scaled(at) < 1 else "",
        pause=pause_text(name, tape) if tape.paused(at) else "",
        paused_until=tape.paused_until if tape.paused(at) else None,
        closed_chains=len(tape.deals),
        standing=tape.standing(at),
        profile=tape.profile,
    )
