"""How do things stand? Status, positions, chains, strategies and equity, as programs read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import msgspec

from trader.domain.facts import MAIN_ACCOUNT
from trader.views.answers.asking import Question, Text
from trader.views.live_rows import ChainRow, PositionRow, Status, StrategyRow
from trader.views.reading import NotThere, Pulse
from trader.views.stages import StageRow

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trader.domain.trading import Stage
    from trader.views.desk import Mark
    from trader.views.reading import Reading

MARKS_MAX: Final = 20_000


class StrategyState(StrategyRow, frozen=True, kw_only=True):
    """One strategy on one account, with where it stands; None from `since` on without a stage."""

    since: str | None = None
    days: float | None = None
    by: str | None = None
    reason: str | None = None
    judged_on: str | None = None
    verdict: str | None = None
    failing_nights: int | None = None
    nights_to_demote: int | None = None
    paper_trades: int | None = None
    paper_won: int | None = None
    next_step: str | None = None
    may_rise_to: str | None = None


class EquityQuestion(Question, frozen=True, kw_only=True):
    """Asks for the curve of an account."""

    account: Text = MAIN_ACCOUNT
    since: Annotated[
        int, msgspec.Meta(ge=0, le=2**63 - 1, description="Market time in nanoseconds, from when.")
    ] = 0
    limit: Annotated[
        int,
        msgspec.Meta(
            ge=2, le=MARKS_MAX, description="Points at most; more are thinned out evenly."
        ),
    ] = 2_000


class EquityPoint(msgspec.Struct, frozen=True):
    """An account at the top of a market hour (`at`, UTC nanoseconds).

    `trading_pnl_usd` is against holding the starting balances.
    """

    at: int
    equity_usd: float
    trading_pnl_usd: float


class Equity(msgspec.Struct, frozen=True, kw_only=True):
    """The curve of an account, oldest first; `marks` counts the hours it was thinned from."""

    account: str
    marks: int
    points: tuple[EquityPoint, ...]


def status(reading: Reading, _: Question) -> Status:
    """Everything at a glance, as of the last durable fact."""
    return reading.desk.live.status()


def positions(reading: Reading, _: Question) -> tuple[PositionRow, ...]:
    """Every leg that is held."""
    return reading.desk.live.positions()


def chains(reading: Reading, _: Question) -> tuple[ChainRow, ...]:
    """Every structure that lives, from its first order on."""
    return reading.desk.live.chains()


def strategies(reading: Reading, _: Question) -> tuple[StrategyState, ...]:
    """Every strategy the journal knows, once per account it trades on."""
    standing = {row.strategy: row for row in reading.desk.stages.rows(reading.stage_settings)}
    return tuple(_state(one, standing.get(one.strategy)) for one in reading.desk.live.strategies())


def stage_rows(states: Iterable[StrategyState]) -> tuple[StageRow, ...]:
    """Take back where each strategy stands, by name."""
    names = StageRow.__struct_fields__
    rows = {
        one.strategy: StageRow(**{name: getattr(one, name) for name in names})
        for one in states
        if one.since is not None
    }
    return tuple(rows[name] for name in sorted(rows))


def equity(reading: Reading, asked: EquityQuestion) -> Equity:
    """What an account was worth, hour by hour."""
    if asked.account not in reading.desk.ledger.accounts:
        there = ", ".join(sorted(reading.desk.ledger.accounts)) or "none yet"
        raise NotThere(f"no account {asked.account!r} in the journal: choose from {there}")
    marks = [one for one in reading.desk.marks(asked.account) if one.at >= asked.since]
    shown = (EquityPoint(one.at, one.equity_usd, one.trading_pnl_usd) for one in
             _thinned(marks, asked.limit))  # fmt: skip
    return Equity(account=asked.account, marks=len(marks), points=tuple(shown))


def system(reading: Reading, _: Question) -> Pulse:
    """How the daemon itself is, at this moment."""
    return reading.pulse


def _state(row: StrategyRow, standing: StageRow | None) -> StrategyState:
    told = {} if standing is None else msgspec.structs.asdict(standing)
    stage: Stage | str | None = row.stage
    return StrategyState(**{**told, **msgspec.structs.asdict(row), "stage": stage})


def _thinned(marks: list[Mark], most: int) -> list[Mark]:
    """Keep the first, the last, and evenly many between."""
    if len(marks) <= most:
        return marks
    step = (len(marks) - 1) / (most - 1)
    return [marks[round(place * step)] for place in range(most)]
