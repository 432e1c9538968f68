"""What does the journal tell a night? The books at midnight, paper trades, stages, hourly marks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from trader.app.assemble import build_engine
from trader.domain.errors import ConfigurationError
from trader.domain.events import NightEvaluated, StageChanged
from trader.domain.facts import MAIN_ACCOUNT, AccountMarked, BehaviorJudged, ChainEnded
from trader.domain.trading import Approved
from trader.domain.units import DAY, day_date, iso, utc_day
from trader.engine.engine import Engine
from trader.evaluation.conduct import JudgedAt
from trader.evaluation.night import PaperTrades, StageHistory
from trader.views.performance import COIN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trader.app.configuration import Configuration
    from trader.domain.facts import Recorded
    from trader.storage.journal import Journal


class Past(msgspec.Struct, frozen=True, kw_only=True):
    """What the journal tells a night: the books at midnight, paper trades, stages, marks.

    `judged` is what was found about behavior on that day alone; `last_at` the journal's last
    instant, whatever was asked for.
    """

    engine: Engine
    paper: dict[str, PaperTrades]
    stages: dict[str, tuple[StageHistory, ...]]
    equity: tuple[tuple[int, float, float], ...]
    coin_usd: tuple[float, ...]
    judged: tuple[JudgedAt, ...]
    previous: NightEvaluated | None
    last_at: int

    @property
    def market(self) -> str:
        """The market the journal is about, "" where none is named."""
        epoch = self.engine.ledger.epoch
        return epoch.market if epoch is not None else ""


def read_past(configuration: Configuration, journal: Journal, ends_at: int) -> Past:
    """Fold the journal up to a midnight.

    Raises:
        ConfigurationError: it begins later.
    """
    engine = build_engine(configuration)
    last = journal.last()
    closed: dict[str, list[tuple[int, float, float]]] = {}
    stages: dict[str, list[StageHistory]] = {}
    marks: list[tuple[int, AccountMarked]] = []
    risks: dict[str, float] = {}
    judged: list[JudgedAt] = []
    previous: NightEvaluated | None = None
    for stored in journal.read():
        recorded = stored.recorded
        if recorded.at >= ends_at:
            break
        if isinstance(recorded.fact, NightEvaluated):
            previous = recorded.fact
        if isinstance(recorded.fact, BehaviorJudged) and recorded.at >= ends_at - DAY:
            judged.append(JudgedAt(recorded.at, recorded.fact))
        _note(recorded, closed, stages, marks, risks)
        engine.recover(recorded)
    if not engine.ledger.began_at:
        began = f", its first fact is after {iso(ends_at)}" if last is not None else ": it is empty"
        raise ConfigurationError(
            f"--date {day_date(utc_day(ends_at) - 1)}: the journal knows nothing of that day{began}"
        )
    return Past(
        engine=engine,
        paper={name: _paper(rows) for name, rows in closed.items()},
        stages={name: tuple(rows) for name, rows in stages.items()},
        equity=tuple((at, one.equity_usd, one.trading_pnl_usd) for at, one in marks),
        coin_usd=tuple(one.indices.get(COIN, 0.0) for _, one in marks),
        judged=tuple(judged),
        previous=previous,
        last_at=last.recorded.at if last is not None else ends_at,
    )


def _note(
    recorded: Recorded,
    closed: dict[str, list[tuple[int, float, float]]],
    stages: dict[str, list[StageHistory]],
    marks: list[tuple[int, AccountMarked]],
    risks: dict[str, float],
) -> None:
    """Note what the report tells of one fact."""
    match recorded.fact:
        case StageChanged() as change:
            row = StageHistory(
                at=recorded.at, stage=change.stage, by=change.by, reason=change.reason
            )
            stages.setdefault(change.strategy, []).append(row)
            closed[change.strategy] = []
        case Approved() as approved if approved.intent.action == "open":
            risks[approved.chain_id] = approved.max_loss.share
        case ChainEnded() as ended:
            risk = risks.pop(ended.chain_id, 0.0)
            multiple = ended.pnl_pct / risk if risk > 0 else 0.0
            closed.setdefault(ended.strategy, []).append((recorded.at, multiple, ended.pnl_pct))
        case AccountMarked() as mark if mark.account == MAIN_ACCOUNT:
            marks.append((recorded.at, mark))
        case _:
            pass


def _paper(rows: Sequence[tuple[int, float, float]]) -> PaperTrades:
    return PaperTrades(
        closed_at=tuple(row[0] for row in rows),
        multiples=tuple(row[1] for row in rows),
        results=tuple(row[2] for row in rows),
    )
