"""What was decided live about selling calls, and what came of it? Rows from the journal's facts.

One row for each proposal to open a short call and nothing else that the gate decided. The journal
keeps what was decided, not all that was seen: the features are fewer than those of a study.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from trader.backtest.option_data import strike_of
from trader.backtest.training import Quality, TrainingExample
from trader.backtest.training_table import (
    ENDS,
    KEYS,
    SPOT,
    Column,
    Split,
    TrainingTable,
    check_features,
    lay_out,
)
from trader.domain.facts import (
    AccountMarked,
    ChainEnded,
    EpochOpened,
    Filled,
    OrderEnded,
    OrderPlaced,
    Recorded,
)
from trader.domain.trading import Approved, Refused
from trader.domain.units import DAY, SECOND, moment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from trader.backtest.call_results import Action

JOURNAL_SCHEMA_VERSION: Final = 1
KINDS: Final = (
    "EpochOpened", "AccountMarked", "Approved", "Refused", "OrderPlaced", "OrderEnded", "Filled",
    "ChainEnded",
)  # fmt: skip
"""The facts that are read."""

JOURNAL_FEATURES: Final = (
    Column("spot_age_s", "float64", "feature", "market seconds", "age of spot: 0 where an order "
           "was placed, else since the last hourly mark"),
    Column("confidence", "float64", "feature", "fraction", "probability of profit it stated"),
    Column("dte_days", "float64", "feature", "days", "days to expiry of the call"),
    Column("moneyness", "float64", "feature", "log", "ln(strike / spot)"),
)  # fmt: skip
FEATURE_NAMES: Final = tuple(one.name for one in JOURNAL_FEATURES)
_ACTION: Final = (
    Column("reason", "string", "action", "", "why nothing was sold, or a sale has no outcome yet: "
           "the rule that refused it, or what became of its order or chain"),
    Column("verdict_id", "string", "key", "", "the decision: trader explain ID"),
    Column("account", "string", "key", "", "main, or the shadow account of a strategy"),
    Column("strategy", "string", "key", "", "who proposed it"),
    Column("stage", "string", "key", "", "stage of the strategy then"),
    Column("instrument_name", "string", "action", "", "the call that was proposed"),
    Column("size", "float64", "action", "coins", "approved, or what would have fitted"),
)  # fmt: skip
_OUTCOME: Final = (
    Column("reward", "float64", "outcome", "USD", "result of the whole chain (rolls included) "
           "against holding, fees off; 0 where nothing was sold"),
    Column("counterfactual_reward", "float64", "outcome", "USD",
           "0 of a sale; of a call not sold the journal does not know it"),
    Column("close_time", "timestamp", "outcome", "", "when the chain was flat"),
    Column("filled", "float64", "outcome", "coins", "sold by the opening order"),
    Column("open_price", "float64", "outcome", "coin or USD per coin", "average price of that"),
    Column("pnl_pct", "float64", "outcome", "fraction", "coin flows over equity in coin at the "
           "first open"),
    Column("ended", "string", "outcome", "", "how the chain ended: closed or settled"),
)  # fmt: skip


class JournalRows(NamedTuple):
    """Rows by decision time, and how many other decisions the journal holds."""

    examples: list[TrainingExample]
    others: int


class _Story(msgspec.Struct):
    """What is known of one decision, filled in as facts arrive."""

    at: int
    verdict: Approved | Refused
    spot: float | None
    spot_at: int
    config_hash: str | None
    order_id: str | None = None
    order_end: str | None = None
    filled: float = 0.0
    paid: float = 0.0
    ended: ChainEnded | None = None
    ended_at: int = 0


def journal_examples(
    records: Iterable[Recorded], expiry_of: Callable[[str], int | None]
) -> JournalRows:
    """Tell of each call that was proposed, from all facts of `KINDS`, oldest first.

    SELL_CALL where anything was sold, or the order still works; else DO_NOTHING, with reward 0.
    `expiry_of` reads an expiry (UTC ns) off an instrument's name.
    """
    known = _Known()
    for recorded in records:
        known.take(recorded)
    rows = [_row(one, expiry_of) for one in known.stories]
    return JournalRows(rows, known.others)


def journal_table(
    examples: Sequence[TrainingExample],
    features: Sequence[str] = FEATURE_NAMES,
    split: Split | None = None,
) -> TrainingTable:
    """Lay out rows of `journal_examples` with the features asked for.

    Raises:
        ValueError: a feature is unknown, or the split leaves nothing to learn from or to test on.
    """
    chosen = check_features(features, FEATURE_NAMES)
    shown = tuple(one for one in JOURNAL_FEATURES if one.name in chosen)
    return lay_out(examples, (*KEYS, *_ACTION, SPOT, *shown, *_OUTCOME, *ENDS), split)


class _Known:
    """The fold: stories by the ids that later facts name."""

    def __init__(self) -> None:
        self.stories: list[_Story] = []
        self.others = 0
        self._spots: dict[str, tuple[float, int]] = {}
        self._config_hash: str | None = None
        self._of_verdict: dict[str, _Story] = {}
        self._of_order: dict[str, _Story] = {}
        self._of_chain: dict[str, _Story] = {}

    def take(self, recorded: Recorded) -> None:
        """Take the next fact."""
        fact, at = recorded.fact, recorded.at
        match fact:
            case EpochOpened():
                self._config_hash = fact.configuration_hash
            case AccountMarked():
                self._spots |= {name: (rate, at) for name, rate in fact.indices.items()}
            case Approved() | Refused():
                self._decided(fact, at)
            case OrderPlaced():
                if (story := self._of_verdict.get(fact.order.verdict_id)) is not None:
                    story.order_id = fact.order.order_id
                    story.spot, story.spot_at = fact.index, story.at
                    self._of_order[fact.order.order_id] = story
            case OrderEnded():
                if (story := self._of_order.get(fact.order_id)) is not None:
                    story.order_end = fact.end
            case Filled():
                if (story := self._of_order.get(fact.order_id)) is not None:
                    story.filled += fact.amount
                    story.paid -= sum(leg.amount * leg.price for leg in fact.legs)
            case ChainEnded():
                if (story := self._of_chain.get(fact.chain_id)) is not None:
                    story.ended, story.ended_at = fact, at
            case _:
                pass

    def _decided(self, verdict: Approved | Refused, at: int) -> None:
        intent = verdict.intent
        sells_a_call = (
            intent.action == "open"
            and len(intent.legs) == 1
            and intent.legs[0].ratio < 0
            and intent.legs[0].instrument.endswith("-C")
        )
        if not sells_a_call:
            self.others += 1
            return
        spot, spot_at = self._spots.get(intent.underlying, (None, at))
        story = _Story(at, verdict, spot, spot_at, self._config_hash)
        self.stories.append(story)
        self._of_verdict[verdict.verdict_id] = story
        if isinstance(verdict, Approved):
            self._of_chain[verdict.chain_id] = story


def _row(story: _Story, expiry_of: Callable[[str], int | None]) -> TrainingExample:
    verdict, ended = story.verdict, story.ended
    name = verdict.intent.legs[0].instrument
    action, reason = _done(story)
    sells = action == "SELL_CALL"
    reward = 0.0 if not sells else math.nan if ended is None else ended.pnl_usd
    strike, expiry = strike_of(name), expiry_of(name)
    features: dict[str, Any] = {
        "spot_age_s": None if story.spot is None else (story.at - story.spot_at) / SECOND,
        "confidence": verdict.intent.confidence,
        "dte_days": None if expiry is None else (expiry - story.at) / DAY,
        "moneyness": math.log(strike / story.spot) if strike and story.spot else None,
    }
    quality = Quality.NO_SPOT if story.spot is None else Quality(0)
    if not sells or math.isnan(reward):
        quality |= Quality.NO_OUTCOME
    return TrainingExample(
        decision_time=moment(story.at),
        underlying=verdict.intent.underlying,
        spot=math.nan if story.spot is None else story.spot,
        action=action,
        reward=reward,
        extra={
            **features,
            "reason": reason,
            "verdict_id": verdict.verdict_id,
            "account": verdict.account,
            "strategy": verdict.intent.strategy,
            "stage": verdict.stage,
            "instrument_name": name,
            "size": verdict.amount if isinstance(verdict, Approved) else verdict.allowed,
            "counterfactual_reward": 0.0 if sells else None,
            "close_time": None if ended is None else moment(story.ended_at),
            "filled": story.filled,
            "open_price": story.paid / story.filled if story.filled else None,
            "pnl_pct": None if ended is None else ended.pnl_pct,
            "ended": None if ended is None else ended.how,
            "quality": int(quality),
            "schema_version": JOURNAL_SCHEMA_VERSION,
            "config_hash": story.config_hash,
        },
    )


def _done(story: _Story) -> tuple[Action, str]:
    """Tell what was done and why not, or why its outcome is not known."""
    if isinstance(story.verdict, Refused):
        return "DO_NOTHING", story.verdict.rule
    if story.filled:
        return "SELL_CALL", "" if story.ended else "chain_open"
    if story.order_end is None and story.order_id is not None:
        return "SELL_CALL", "order_works"
    return "DO_NOTHING", f"order_{story.order_end or 'not_placed'}"
