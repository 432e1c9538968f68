"""What can a program ask for? Every address of `/api/v1`: what it takes and what it answers.

The handlers (`api`) and the document (`openapi`) are both made from this table.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import msgspec

from trader.evaluation.model_review import ModelReview
from trader.views.answers import boards, standing, stories, tail, verdicts
from trader.views.answers.asking import Paged, Question
from trader.views.live_rows import ChainRow, PositionRow, Status
from trader.views.reading import Pulse
from trader.views.report_json import NightReport

if TYPE_CHECKING:
    from trader.views.reading import Reading


class Resource(msgspec.Struct, frozen=True, kw_only=True):
    """One address below the prefix. Fields of `question` that stand in `path` are its parts.

    `answer` is a msgspec type; the first line of `make`'s docstring is the summary.
    """

    path: str
    make: Callable[[Reading, Any], Any]
    answer: Any
    question: type[Question] = Question

    @property
    def summary(self) -> str:
        """Say in a sentence what it answers."""
        return (self.make.__doc__ or "").strip().splitlines()[0]

    @property
    def parts(self) -> tuple[str, ...]:
        """Name the fields that stand in the path."""
        return tuple(one[1:-1] for one in self.path.split("/") if one.startswith("{"))


RESOURCES: Final = (
    Resource(path="/status", make=standing.status, answer=Status),
    Resource(path="/positions", make=standing.positions, answer=tuple[PositionRow, ...]),
    Resource(
        path="/strategies", make=standing.strategies, answer=tuple[standing.StrategyState, ...]
    ),
    Resource(
        path="/strategies/{strategy}",
        make=stories.strategy,
        answer=stories.StrategyTold,
        question=stories.StrategyQuestion,
    ),
    Resource(path="/chains", make=standing.chains, answer=tuple[ChainRow, ...]),
    Resource(
        path="/chains/ended",
        make=stories.ended_chains,
        answer=stories.EndedChains,
        question=stories.EndedQuestion,
    ),
    Resource(
        path="/chains/{chain_id}",
        make=stories.chain,
        answer=stories.ChainTold,
        question=stories.ChainQuestion,
    ),
    Resource(
        path="/verdicts",
        make=verdicts.verdicts,
        answer=verdicts.Verdicts,
        question=verdicts.VerdictsQuestion,
    ),
    Resource(
        path="/verdicts/{verdict_id}",
        make=verdicts.verdict,
        answer=verdicts.VerdictTold,
        question=verdicts.VerdictQuestion,
    ),
    Resource(
        path="/equity",
        make=standing.equity,
        answer=standing.Equity,
        question=standing.EquityQuestion,
    ),
    Resource(
        path="/boards/{underlying}",
        make=boards.board,
        answer=boards.BoardTold,
        question=boards.BoardQuestion,
    ),
    Resource(
        path="/models", make=stories.models, answer=ModelReview, question=stories.ModelsQuestion
    ),
    Resource(path="/behavior", make=stories.behavior, answer=stories.Behavior, question=Paged),
    Resource(path="/nights", make=stories.nights, answer=stories.Nights),
    Resource(
        path="/nights/{date}",
        make=stories.night,
        answer=NightReport,
        question=stories.NightQuestion,
    ),
    Resource(path="/facts", make=tail.facts, answer=tail.Facts, question=tail.FactsQuestion),
    Resource(path="/log", make=tail.log, answer=tail.Log, question=tail.LogQuestion),
    Resource(path="/system", make=standing.system, answer=Pulse),
)
