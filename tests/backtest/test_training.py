"""Is every decision time a row, with what was seen, done, earned and forgone?"""

from __future__ import annotations

import functools
import math
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from tests.backtest.calls import T0, WEEK, HandSource, call, config, held, modelled, study
from tests.backtest.test_call_arrays import thinned
from trader.backtest.call_state import FEATURES
from trader.backtest.call_tape import TapeDataSource
from trader.backtest.covered_call import CoveredCallSimulator, TrendPolicy
from trader.backtest.training import (
    Quality,
    TrainingExample,
    config_hash,
    generate_training_data,
    reward_from_trade,
    split_by_time,
)

POLICY = TrendPolicy(0.5)


@functools.cache
def rows(penalty: float = 0.0) -> list[TrainingExample]:
    """Write the rows of a policy that sells while the coin does not rise."""
    return generate_training_data(
        CoveredCallSimulator(modelled(), study()), POLICY, size=1.0, drawdown_penalty=penalty
    )


def test_there_is_a_row_for_every_decision_time() -> None:
    """Sales are those of the policy's run, in order; the rest did nothing for nothing."""
    result = CoveredCallSimulator(modelled(), study()).simulate_policy(POLICY, 1.0)
    made = rows()
    assert [one.decision_time for one in made] == [one.time for one in result.decisions]
    sales = [one for one in made if one.action == "SELL_CALL"]
    assert len(sales) == len(result.trades) > 5
    for row, trade in zip(sales, result.trades, strict=True):
        assert row.reward == reward_from_trade(trade) == trade.pnl_vs_hodl
        assert (row.extra["instrument_name"], row.extra["size"]) == (
            trade.instrument_name, trade.size,
        )  # fmt: skip
        assert row.spot == trade.open_spot
        assert row.extra["counterfactual_reward"] == 0.0
        assert row.extra["reason"] == ""
    idle = [one for one in made if one.action == "DO_NOTHING"]
    assert {one.reward for one in idle} == {0.0}
    assert {one.extra["reason"] for one in idle} >= {"policy_declined", "no_free_coins"}


def test_the_call_not_sold_has_the_reward_it_would_have_had() -> None:
    """As if it alone had been sold; None where none could have been."""
    simulator = CoveredCallSimulator(modelled(), study())
    declined = [one for one in rows() if one.extra["reason"] == "policy_declined"]
    assert len(declined) > 5
    for row in declined:
        alone = simulator.simulate_single_call(row.decision_time, 1.0)
        if alone is None:
            assert row.extra["counterfactual_reward"] is None
            assert row.extra["quality"] & Quality.NO_CALL
        else:
            assert row.extra["counterfactual_reward"] == alone.pnl_vs_hodl
            assert row.extra["close_time"] == alone.close_time


def test_a_reward_is_premium_less_assignment_less_fees_less_penalty() -> None:
    """The parts are there and add up; the penalty is a share of the worst mark."""
    plain, fined = rows(), rows(0.5)
    some = 0
    for row, other in zip(plain, fined, strict=True):
        told = other.extra
        if told["premium"] is None:
            continue
        parts = told["premium"] - told["assignment"] - told["fees"]
        assert told["pnl_vs_hodl"] == pytest.approx(parts, abs=1e-6)
        assert told["drawdown_penalty"] >= 0.0
        if other.action == "SELL_CALL":
            assert other.reward == pytest.approx(row.reward - told["drawdown_penalty"])
            some += told["drawdown_penalty"] > 0.0
    assert some > 3


def test_states_are_those_of_the_time() -> None:
    """Every feature, as the policy saw it; the configuration by its hash."""
    shown: list[Any] = []

    def look(state: Any) -> bool:
        shown.append(dict(state))
        return False

    CoveredCallSimulator(modelled(), study()).simulate_policy(look)
    for row, state in zip(rows(), shown, strict=True):
        assert {name: row.extra[name] for name in FEATURES} == {
            name: state[name] for name in FEATURES
        }
        assert row.extra["config_hash"] == config_hash(study())
    assert config_hash(study()) != config_hash(study(target_dte=6.0))


def test_what_is_missing_is_marked() -> None:
    """No price, no call, no outcome, marks carried on."""
    nothing = HandSource(lambda at: None, lambda at: [], lambda name, at: None)
    (row,) = generate_training_data(CoveredCallSimulator(nothing, config()))
    assert row.extra["quality"] == Quality.NO_SPOT | Quality.NO_CALL | Quality.FEATURES_MISSING
    assert (row.action, row.reward, row.extra["reason"]) == ("DO_NOTHING", 0.0, "no_spot")
    assert math.isnan(row.spot)
    unsettled = HandSource(
        lambda at: 65_000.0 if at <= T0 else None, lambda at: [call()], lambda name, at: 0.02
    )
    (row,) = generate_training_data(CoveredCallSimulator(unsettled, config()))
    assert (row.action, row.extra["reason"]) == ("SELL_CALL", "no_delivery_price")
    assert math.isnan(row.reward)
    assert row.extra["quality"] & Quality.NO_OUTCOME
    damaged = TapeDataSource(thinned(modelled().tape, 3))
    made = generate_training_data(CoveredCallSimulator(damaged, study()))
    assert any(one.extra["quality"] & Quality.MARKS_CARRIED for one in made)
    assert not any(one.extra["quality"] & Quality.MARKS_CARRIED for one in rows())


class Sometimes:
    """Sells on even days, and says that it did so with a chance of .3."""

    def __init__(self, chance: float = 0.3) -> None:
        self.chance = chance

    def __call__(self, state: Any) -> bool:
        return bool(state["time"].day % 2 == 0)

    def probability(self, _: Any) -> float:
        return self.chance


def test_the_chance_of_what_was_done_is_kept() -> None:
    """1 of a policy that does not tell; else of selling, or of not selling."""
    assert {one.extra["probability"] for one in rows()} == {1.0}
    simulator = CoveredCallSimulator(modelled(), study())
    for row in generate_training_data(simulator, Sometimes()):
        even = row.decision_time.day % 2 == 0
        assert row.extra["probability"] == (0.3 if even else 0.7)
    with pytest.raises(ValueError, match=r"probability 1.5 at 2022-01-07"):
        generate_training_data(simulator, Sometimes(1.5))


def test_rows_are_the_same_both_ways() -> None:
    """Over arrays and one by one."""
    quick, slow = (
        generate_training_data(CoveredCallSimulator(modelled(), study(), arrays=one), POLICY)
        for one in (True, False)
    )
    assert msgspec.to_builtins(quick) == msgspec.to_builtins(slow)


def test_rows_are_split_by_time_with_an_embargo() -> None:
    """No outcome of the first is known after the cut; nothing of the second starts in between."""
    made = rows()
    cut = made[len(made) // 2].decision_time
    learned, tested = split_by_time(made, cut, WEEK)
    assert learned
    assert tested
    assert all((one.extra["close_time"] or one.decision_time) <= cut for one in learned)
    assert all(one.decision_time >= cut + WEEK for one in tested)
    assert len(learned) + len(tested) < len(made)
    with pytest.raises(ValueError, match="naive datetime"):
        split_by_time(made, cut.replace(tzinfo=None), WEEK)
    with pytest.raises(ValueError, match="embargo"):
        split_by_time(made, cut, -timedelta(hours=1))


def test_an_impossible_penalty_is_refused() -> None:
    """Field, value and remedy."""
    simulator = CoveredCallSimulator(held(60_000.0), config())
    for wrong in (-1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match=r"drawdown_penalty .* must be zero or a positive"):
            generate_training_data(simulator, drawdown_penalty=wrong)
