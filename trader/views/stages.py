"""At which stage does each strategy live, who put it there, and what comes next? Folded facts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from trader.domain.events import StageChanged
from trader.domain.facts import ChainEnded, Recorded
from trader.domain.units import DAY, iso
from trader.engine.stages import RANK, may_live_at, objection
from trader.views.text import pairs

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trader.domain.events import NightVerdict
    from trader.domain.trading import Stage
    from trader.engine.ledger import Ledger
    from trader.engine.stages import StageSettings, Standing

MACHINES: Final = ("config", "night")
"""Who changes stages besides people."""


class StageRow(msgspec.Struct, frozen=True, kw_only=True):
    """Where one strategy stands: its stage, the last night, what it did on paper since, what next.

    `paper_trades` ended since it came to its stage; `judged_on` is "" before the first night;
    `may_rise_to` is a higher stage that the last night says it has earned.
    """

    strategy: str
    stage: Stage
    since: str
    days: float
    by: str
    reason: str
    judged_on: str
    verdict: str
    failing_nights: int
    nights_to_demote: int
    paper_trades: int
    paper_won: int
    next_step: str
    may_rise_to: Stage | None = None


class Approval(msgspec.Struct, frozen=True):
    """The last time a strategy was raised, or first placed: what its stage was given for."""

    at: int
    change: StageChanged


class StageView:
    """What the ledger does not keep of stages: who changed them, what was traded since.

    The caller folds the same facts into `ledger`, each before it is applied here.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._changed: dict[str, StageChanged] = {}
        self._trades: dict[str, list[float]] = {}
        self.approvals: dict[str, Approval] = {}

    def apply(self, recorded: Recorded) -> None:
        """Fold one fact in."""
        match recorded.fact:
            case StageChanged() as change:
                before = self._changed.get(change.strategy)
                if before is None or RANK[change.stage] > RANK[before.stage]:
                    self.approvals[change.strategy] = Approval(recorded.at, change)
                self._changed[change.strategy] = change
                self._trades[change.strategy] = []
            case ChainEnded() as ended:
                self._trades.setdefault(ended.strategy, []).append(ended.pnl_pct)
            case _:
                pass

    def rows(self, settings: StageSettings) -> tuple[StageRow, ...]:
        """Tell of every strategy that ever had a stage, by name."""
        return tuple(self.row(name, settings) for name in sorted(self._changed))

    def row(self, strategy: str, settings: StageSettings) -> StageRow:
        """Tell of one strategy.

        Raises:
            KeyError: it never had a stage.
        """
        change, standing = self._changed[strategy], self._ledger.standing(strategy)
        traded, at = self._trades[strategy], self._ledger.at
        return StageRow(
            strategy=strategy,
            stage=change.stage,
            since=iso(standing.since),
            days=(at - standing.since) / DAY,
            by=change.by,
            reason=change.reason,
            judged_on=standing.judged_on,
            verdict=verdict_text(standing.verdict),
            failing_nights=standing.failing,
            nights_to_demote=settings.nights_to_demote,
            paper_trades=len(traded),
            paper_won=sum(pnl > 0 for pnl in traded),
            next_step=next_step(change.stage, standing, at, settings),
            may_rise_to=higher(change.stage, standing.verdict),
        )


def verdict_text(verdict: NightVerdict | None) -> str:
    """Say what a night said of a strategy."""
    if verdict is None:
        return "no night has judged it as it is configured now"
    match verdict.standing:
        case "judged":
            told = f"{earned(verdict)}: {verdict.reason}"
        case "insufficient":
            told = f"thin evidence, no verdict: {verdict.reason}"
        case _:
            told = f"not evaluated: {verdict.reason}"
    apart = f"; live_divergence: {verdict.live_divergence}" if verdict.live_divergence else ""
    return told + apart


def earned(verdict: NightVerdict) -> str:
    """Name the stage a judgment gives; where studies without an answer hold it back, what is left.

    Caller's obligation: it is a judgment.
    """
    most = may_live_at(verdict)
    if RANK[most] <= RANK[verdict.stage]:
        return verdict.stage
    return f"no promotion, it may stay up to {most}"


def higher(stage: Stage, verdict: NightVerdict | None) -> Stage | None:
    """Name the stage that a judgment raises a strategy to, if a person agrees; None for none."""
    if verdict is None or verdict.standing != "judged" or RANK[verdict.stage] <= RANK[stage]:
        return None
    return verdict.stage


def next_step(stage: Stage, standing: Standing, at: int, settings: StageSettings) -> str:
    """Say what happens next, or what a person could do."""
    verdict = standing.verdict
    if verdict is None:
        return "waits for its first night"
    if standing.broken:
        left = settings.broken_nights_max - standing.broken
        return f"{_more(left)} without a judgment: it falls one stage"
    if standing.failing:
        left = settings.nights_to_demote - standing.failing
        return f"{_more(left)} below {stage}: it falls to {may_live_at(verdict)}"
    if higher(stage, verdict) is not None:
        against = objection(standing, verdict.stage, at, settings)
        command = f"trader promote {verdict.strategy} --to {verdict.stage}"
        return f"has earned {verdict.stage}: `{command}`" + (f" ({against})" if against else "")
    return "stays" if verdict.standing == "judged" else "stays until there is more to judge by"


def stages_text(rows: Iterable[StageRow]) -> str:
    """Write where each strategy stands, a block each."""
    return "\n\n".join(_block(row) for row in rows) or "no strategy has a stage yet"


def _block(row: StageRow) -> str:
    night = f"{row.judged_on}: {row.verdict}" if row.judged_on else row.verdict
    lines = [
        ("stage", f"{row.stage} since {row.since} ({row.days:.0f} d), by {row.by}"),
        ("because", row.reason),
        ("last night", night),
        ("failing nights", f"{row.failing_nights} of {row.nights_to_demote}"),
        ("traded since", f"chains ended: {row.paper_trades}, won: {row.paper_won}"),
        ("next", row.next_step),
    ]
    return f"{row.strategy}\n" + "\n".join(f"  {line}" for line in pairs(lines).splitlines())


def _more(nights: int) -> str:
    if nights <= 0:
        return "stage_floor holds it; elsewhere, enough nights"
    return "one more night" if nights == 1 else f"{nights} more nights"
