"""What can be learned from calls sold and not sold? One row for each decision time of a policy.

Rows are version `SCHEMA_VERSION`; `generate_training_data` says what each holds. They are split by
time (`split_by_time`), never at random: outcomes of neighbors overlap.
"""

from __future__ import annotations

import enum
import hashlib
import math
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import msgspec

from trader.backtest.call_policies import PolicyFn, State, always_trade_policy
from trader.backtest.call_results import Action, CallSimulationConfig, SimulatedTrade
from trader.backtest.call_state import FEATURES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trader.backtest.call_results import Decision
    from trader.backtest.covered_call import CoveredCallSimulator

__all__ = [
    "SCHEMA_VERSION", "Quality", "TrainingExample", "always_trade_policy", "config_hash",
    "generate_training_data", "reward_from_trade", "split_by_time",
]  # fmt: skip

SCHEMA_VERSION: Final = 1


class Quality(enum.IntFlag):
    """What a row lacks; 0 where it lacks nothing."""

    NO_SPOT = 1
    NO_CALL = 2
    """No call could have been sold: `reason` of the row, or of the call, says why."""
    NO_OUTCOME = 4
    """What the call came to is not known: its reward, or the one forgone, is NaN."""
    MARKS_CARRIED = 8
    """Some bars on the call's way had no mark of it: the penalty is a guess."""
    FEATURES_MISSING = 16
    """At least one of `FEATURES` is None."""


class TrainingExample(msgspec.Struct, frozen=True):
    """One decision time: what was seen, done and earned; `extra` as `generate_training_data` says.

    `spot` is NaN where no price was known, `reward` where the outcome of a sale is not.
    """

    decision_time: datetime
    underlying: str
    spot: float
    action: Action
    reward: float
    extra: dict[str, Any]


def reward_from_trade(trade: SimulatedTrade, drawdown_penalty: float = 0.0) -> float:
    """Reward a sale: its result against holding, less a share of its worst mark on the way, USD."""
    return trade.pnl_vs_hodl + drawdown_penalty * trade.worst_vs_hodl


def config_hash(config: CallSimulationConfig) -> str:
    """Name a configuration: rows of different ones must not be mixed unknowingly."""
    return hashlib.sha256(msgspec.json.encode(config, order="sorted")).hexdigest()[:16]


def generate_training_data(
    sim: CoveredCallSimulator,
    policy: PolicyFn | None = None,
    *,
    size: float | None = None,
    drawdown_penalty: float = 0.0,
) -> list[TrainingExample]:
    """Run a policy (None: sell whenever there is a price) and write a row for each decision time.

    SELL_CALL rows are the sales of `simulate_policy`, in its order; the rest are DO_NOTHING, with
    reward 0. `extra` holds

    - `schema_version`, `config_hash`; of `FEATURES` each a float or None, and the `regime`;
    - `reason`: why nothing was sold ("" where it was), or why a sale has no outcome;
    - `probability` of the action under the policy: 1, or what its own `probability(state)`, the
      chance that it sells, makes of it;
    - of the call that was sold, or could have been: `instrument_name`, `size`, `close_time`, and
      what makes its reward: `pnl_vs_hodl` = `premium` - `assignment` - `fees`, and
      `drawdown_penalty` (>= 0, to be taken off); `max_drawdown_pct`; None where there is none;
    - `counterfactual_reward`: of the action not taken: 0 for a sale, else the reward of the call
      not sold (of `size` coins, free or not), None where none could have been sold;
    - `quality`: what is missing, as bits of `Quality`.

    Raises:
        ValueError: the size is no positive number, the penalty is negative or not finite, or the
            policy's probability is none.
    """
    if not 0.0 <= drawdown_penalty < math.inf:
        raise ValueError(f"drawdown_penalty {drawdown_penalty!r} must be zero or a positive number")
    behavior = policy or always_trade_policy
    seen: dict[datetime, tuple[State, float]] = {}

    def noted(state: State) -> bool:
        wanted = behavior(state)
        seen[state["time"]] = (state, _probability(behavior, state, sells=wanted))
        return wanted

    asked = sim.cfg.initial_spot_position if size is None else size
    result = sim.simulate_policy(noted, size)
    sold = {trade.open_time: trade for trade in result.trades}
    book = sim.book(sim.cfg.decision_times())
    name = config_hash(sim.cfg)
    rows: list[TrainingExample] = []
    for k, decision in enumerate(result.decisions):
        state, probability = seen.get(decision.time, (None, 1.0))
        call, reason = sold.get(decision.time), decision.reason
        if call is None:
            found = sim.outcome(book, k, decision.size or asked)
            call = None if isinstance(found, str) else found
            reason = reason or (found if isinstance(found, str) else "")
        extra = {
            "schema_version": SCHEMA_VERSION,
            "config_hash": name,
            "reason": reason,
            "probability": probability,
            **{one: None if state is None else state[one] for one in (*FEATURES, "regime")},
        }
        quoted = not isinstance(book.quote(k), str)
        rows.append(_row(sim.cfg.underlying, decision, call, extra, drawdown_penalty, quoted))
    return rows


def _row(
    underlying: str,
    decision: Decision,
    call: SimulatedTrade | None,
    extra: dict[str, Any],
    drawdown_penalty: float,
    quoted: bool,
) -> TrainingExample:
    sells = decision.action == "SELL_CALL"
    value = math.nan if call is None else reward_from_trade(call, drawdown_penalty)
    quality = Quality(0)
    quality |= Quality.NO_SPOT if decision.spot is None else Quality(0)
    quality |= Quality(0) if quoted else Quality.NO_CALL
    if quoted and call is None:
        quality |= Quality.NO_OUTCOME
    if call is not None and call.marked_share < 1.0:
        quality |= Quality.MARKS_CARRIED
    if any(extra[one] is None for one in FEATURES):
        quality |= Quality.FEATURES_MISSING
    forgone = (value if quoted else None) if not sells else 0.0
    return TrainingExample(
        decision_time=decision.time,
        underlying=underlying,
        spot=math.nan if decision.spot is None else decision.spot,
        action=decision.action,
        reward=value if sells else 0.0,
        extra={
            **extra,
            "instrument_name": decision.instrument_name if call is None else call.instrument_name,
            "size": decision.size if call is None else call.size,
            "close_time": None if call is None else call.close_time,
            "pnl_vs_hodl": None if call is None else call.pnl_vs_hodl,
            "premium": None if call is None else call.premium,
            "assignment": None if call is None else call.assignment,
            "fees": None if call is None else call.fees,
            "drawdown_penalty": None if call is None else -drawdown_penalty * call.worst_vs_hodl,
            "max_drawdown_pct": None if call is None else call.max_drawdown_pct,
            "counterfactual_reward": forgone,
            "quality": int(quality),
        },
    )


def _probability(policy: PolicyFn, state: State, *, sells: bool) -> float:
    """Return the chance of what was done; 1 of a policy that does not tell."""
    asked = getattr(policy, "probability", None)
    if asked is None:
        return 1.0
    chance = float(asked(state))
    if not 0.0 <= chance <= 1.0:
        raise ValueError(f"policy: probability {chance!r} at {state['time']} must lie in 0 to 1")
    return chance if sells else 1.0 - chance


def split_by_time(
    examples: Sequence[TrainingExample], at: datetime, embargo: timedelta
) -> tuple[list[TrainingExample], list[TrainingExample]]:
    """Split rows into those to learn from and those to test on.

    The first are those whose outcome was known by `at`; the second those decided at least an
    embargo later. What lies between, and what was decided before but ended after, is in neither.

    Raises:
        ValueError: `at` has no timezone, or the embargo is negative.
    """
    if at.tzinfo is None:
        raise ValueError(f"naive datetime {at.isoformat()}: give it a timezone, e.g. UTC")
    if embargo < timedelta(0):
        raise ValueError(f"embargo {embargo} must not be negative")
    learned = [one for one in examples if (one.extra["close_time"] or one.decision_time) <= at]
    tested = [one for one in examples if one.decision_time - at >= embargo]
    return learned, tested
