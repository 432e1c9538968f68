"""What did one night find, of all strategies together? What a report tells and a daemon adopts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import msgspec

from trader.domain.events import NightEvaluated
from trader.domain.trading import Stage
from trader.engine.quoting import Tally
from trader.engine.stages import RANK, decide
from trader.evaluation.conduct import TraderNight
from trader.evaluation.model_review import ModelReview
from trader.evaluation.strategy_card import Scorecard
from trader.evaluation.verdict import luck

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trader.engine.ledger import Ledger
    from trader.engine.stages import StageSettings


OTHERWISE: Final = "its stage is for another configuration: the next start settles it"


class PaperTrades(msgspec.Struct, frozen=True, kw_only=True):
    """What a strategy did on paper: results of closed chains, oldest first, since its last stage.

    `multiples` in R (over what was risked), `results` as fractions of equity, `closed_at` when.
    """

    multiples: tuple[float, ...] = ()
    results: tuple[float, ...] = ()
    closed_at: tuple[int, ...] = ()


class StageHistory(msgspec.Struct, frozen=True, kw_only=True):
    """One change of a stage, as the journal has it."""

    at: int
    stage: Stage
    by: str
    reason: str


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """One strategy's night: where it was, where the night leaves it, and why."""

    card: Scorecard
    before: Stage
    after: Stage
    why: str
    since: int
    failing: int
    paper: PaperTrades
    stages: tuple[StageHistory, ...]

    @property
    def demoted(self) -> bool:
        """Whether it falls."""
        return RANK[self.after] < RANK[self.before]


Threshold = float | int | bool | str | None


class Limit(msgspec.Struct, frozen=True):
    """One configured threshold that a night went by; a list is a text."""

    key: str
    value: Threshold
    default: Threshold


class Night(msgspec.Struct, frozen=True, kw_only=True):
    """A whole night. The same date and inputs give the same bytes: no wall clock is in it.

    `ends_at` is the midnight up to which everything was known; `needs` what a person should do.
    """

    date: str
    ends_at: int
    profile: Literal["full", "quick"]
    market: str
    software: str
    subjects: tuple[Subject, ...]
    needs: tuple[str, ...]
    notes: tuple[str, ...]
    equity: tuple[tuple[int, float, float], ...] = ()
    """(at, equity in USD, trading result against holding) of the account, hourly marks."""
    coin_usd: tuple[float, ...] = ()
    """The index of BTC at each of these marks, 0 where it was not known; empty in older nights."""
    previous: NightEvaluated | None = None
    limits: tuple[Limit, ...] = ()
    """The thresholds in force: of the gates, of stages, of the risk gate."""
    traders: tuple[TraderNight, ...] = ()
    """How the account and each strategy that closed a chain behaved."""
    models: ModelReview | None = None
    """What the pricing models did that day; None where no journal tells."""

    quotes: dict[str, Tally] = {}
    """What became of the quotes of each strategy that rests some, since the journal began."""

    @property
    def decisions(self) -> NightEvaluated:
        """What the daemon adopts."""
        verdicts = tuple(one.card.verdict for one in self.subjects)
        traders = tuple(one.profile for one in self.traders)
        return NightEvaluated(
            date=self.date, profile=self.profile, verdicts=verdicts, traders=traders
        )

    @property
    def demotions(self) -> tuple[Subject, ...]:
        """The strategies that fall."""
        return tuple(one for one in self.subjects if one.demoted)


def conclude(
    cards: Sequence[Scorecard],
    ledger: Ledger,
    floors: Mapping[str, Stage],
    settings: StageSettings,
    paper: Mapping[str, PaperTrades],
    stages: Mapping[str, tuple[StageHistory, ...]],
    date: str,
) -> tuple[Subject, ...]:
    """Tell where each strategy stands after the night: what the engine will decide, from its own
    books and by its own rule.
    """
    found = []
    for card in cards:
        lives = ledger.stages.get(card.strategy)
        stage: Stage = lives.stage if lives is not None else "RESEARCH"
        standing = ledger.standing(card.strategy)
        if lives is not None and lives.configuration_hash != card.verdict.configuration_hash:
            after, why = stage, OTHERWISE
        else:
            standing = standing.judged(stage, card.verdict, date)
            floor = floors.get(card.strategy, "RESEARCH")
            after, why = decide(stage, standing, card.verdict, floor, settings)
        found.append(
            Subject(
                card=card,
                before=stage,
                after=after,
                why=why,
                since=standing.since,
                failing=standing.failing,
                paper=paper.get(card.strategy, PaperTrades()),
                stages=stages.get(card.strategy, ()),
            )
        )
    return tuple(found)


def needs_of(subjects: Sequence[Subject]) -> tuple[str, ...]:
    """List what needs a person: what fell, what could rise, what could not be judged."""
    needs = []
    for one in subjects:
        name, verdict = one.card.strategy, one.card.verdict
        if one.demoted:
            needs.append(f"{name} falls from {one.before} to {one.after}: {one.why}")
            needs.append(f"`trader diff {name}` shows what changed since it was approved")
        elif verdict.standing == "failed":
            needs.append(f"{name} could not be evaluated: {verdict.reason}")
        elif verdict.live_divergence:
            needs.append(f"{name} trades unlike its backtest: {verdict.live_divergence}")
        elif verdict.standing == "judged" and RANK[verdict.stage] > RANK[one.before]:
            command = f'trader promote {name} --to {verdict.stage} --by YOU --reason "..."'
            needs.append(f"{name} has earned {verdict.stage}; a person may raise it: `{command}`")
            if doubt := luck(one.card.overfitting):
                needs.append(f"{name} may be luck: {doubt}")
        if one.card.look_ahead is not None and one.card.look_ahead.ok is False:
            needs.append(f"{name} sees the future: {one.card.look_ahead.reason}")
    return tuple(needs)
