"""What does a program read of a night? Headline numbers by strategy, and everything behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from trader.domain.trading import Stage
from trader.evaluation.night import Night
from trader.evaluation.psychology import SCORE_MAX, SCORE_MIN
from trader.evaluation.sample_size import SizedStage
from trader.evaluation.scorecard import render_strategy_summary

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trader.evaluation.night import Subject

VERSION: Final = 1


class StrategyReport(msgspec.Struct, frozen=True, kw_only=True):
    """The headline of one strategy. From `win_rate` on None where it could not be evaluated.

    `stage` and `reason` are what the night says it deserves; `stage_before` and `stage_after` where
    it lives. Rates and results are fractions, drawdowns <= 0; the score lies in `score_range`.
    """

    strategy: str
    stage_before: Stage
    stage_after: Stage
    why: str
    standing: Literal["judged", "insufficient", "failed"]
    stage: Stage
    reason: str
    win_rate: float | None = None
    avg_win: float | None = None
    avg_loss: float | None = None
    expectancy_per_trade: float | None = None
    backtest_max_dd: float | None = None
    mc_worst_max_dd: float | None = None
    mc_worst_loss_streak: int | None = None
    psychology_score: float | None = None
    psychology_components: dict[str, float] | None = None
    score_range: tuple[float, float] = (SCORE_MIN, SCORE_MAX)
    sizes: tuple[SizedStage, ...] = ()


class NightReport(msgspec.Struct, frozen=True, kw_only=True):
    """`report.json`: `night` is the whole night, scorecards included; not finite is null."""

    version: int
    date: str
    profile: Literal["full", "quick"]
    strategies: tuple[StrategyReport, ...]
    night: Night


def encode(night: Night, sizes: Mapping[str, tuple[SizedStage, ...]]) -> str:
    """Write `report.json`; `sizes` by strategy."""
    report = NightReport(
        version=VERSION,
        date=night.date,
        profile=night.profile,
        strategies=tuple(
            strategy_report(one, sizes.get(one.card.strategy, ())) for one in night.subjects
        ),
        night=night,
    )
    return msgspec.json.encode(report).decode() + "\n"


def decode(text: str) -> NightReport:
    """Read `report.json` back.

    Raises:
        msgspec.MsgspecError: it is no report of this version.
    """
    return msgspec.json.decode(text, type=NightReport)


def strategy_report(subject: Subject, sizes: tuple[SizedStage, ...]) -> StrategyReport:
    """Take the headline of one strategy out of its card."""
    card = subject.card
    summary: dict[str, Any] = {"stage": card.verdict.stage, "reason": card.verdict.reason}
    if card.approval is not None:
        summary = render_strategy_summary(card.approval, write=_nowhere)
    return StrategyReport(
        strategy=card.strategy,
        stage_before=subject.before,
        stage_after=subject.after,
        why=subject.why,
        standing=card.verdict.standing,
        sizes=sizes,
        **{name: value for name, value in summary.items() if name in _FIELDS},
    )


def _nowhere(_: str) -> None:
    """Write nothing: only the numbers are wanted."""


_FIELDS: Final = frozenset(StrategyReport.__struct_fields__)
