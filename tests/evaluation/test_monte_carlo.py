"""Does the profile equal the original's, and does the study tell what it stands for?"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np
import pytest

from tests.evaluation.histories import noise, trades_of
from trader.evaluation.monte_carlo import (
    STAGE_SEED,
    MonteCarlo,
    VarianceLimits,
    run_monte_carlo,
    run_stage_monte_carlo,
    study_variance,
)
from trader.evaluation.paths import simulate
from trader.evaluation.trade_stats import TradeResult


def percentile(values: list[float], share: float) -> float:
    """Interpolate as the original does."""
    ordered = sorted(values)
    place = (len(ordered) - 1) * share
    low, high = math.floor(place), math.ceil(place)
    if low == high:
        return ordered[low]
    return ordered[low] * (high - place) + ordered[high] * (place - low)


def test_the_profile_is_that_of_the_paths() -> None:
    """Median by interpolation, worst by extreme, returns less the start, streaks whole."""
    returns = noise(1, 83)
    paths = simulate(returns, sims=200, trades_per_sim=83, method="iid", seed=6)
    finals, drawdowns = paths.final.tolist(), paths.drawdown.tolist()
    streaks = paths.streak.tolist()
    assert msgspec.structs.asdict(run_monte_carlo(trades_of(returns), 200, seed=6)) == {
        "sims": 200,
        "trades_per_sim": 83,
        "median_final_return": pytest.approx(percentile(finals, 0.5) - 1.0),
        "worst_final_return": min(finals) - 1.0,
        "best_final_return": max(finals) - 1.0,
        "median_max_dd": pytest.approx(percentile(drawdowns, 0.5)),
        "worst_max_dd": min(drawdowns),
        "median_max_loss_streak": round(percentile(streaks, 0.5)),
        "worst_max_loss_streak": max(streaks),
    }


def test_the_arguments_of_the_original_keep_their_meaning() -> None:
    """Positions, defaults, 0 trades for all; without bootstrap the total is one number."""
    trades = trades_of(noise(1, 90))
    assert run_monte_carlo(trades) == run_monte_carlo(trades, 1000, None, True, None)
    assert run_monte_carlo(trades, trades_per_sim=0) == run_monte_carlo(trades)
    assert run_monte_carlo(trades).sims == 1000
    shuffled = run_monte_carlo(trades, sims=100, bootstrap=False, seed=1)
    assert shuffled.worst_final_return == shuffled.best_final_return
    assert shuffled.worst_max_dd < shuffled.median_max_dd
    fewer = run_monte_carlo(trades, 100, 30, False, 1)
    assert fewer.trades_per_sim == 30
    assert fewer.worst_final_return < fewer.best_final_return


def test_no_seed_is_a_fixed_seed() -> None:
    """Nothing is random of its own: None is seed 0."""
    trades = trades_of(noise(1, 50))
    assert run_monte_carlo(trades, 50) == run_monte_carlo(trades, 50, seed=0)
    assert run_monte_carlo(trades, 50) != run_monte_carlo(trades, 50, seed=1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"bootstrap": False, "method": "iid"}, "contradict|drop one"),
        ({"method": "jackknife"}, "jackknife"),
        ({"bootstrap": False, "trades_per_sim": 11}, "permutation has only 10"),
        ({"sims": 0}, "sims is 0"),
    ],
)
def test_contradictions_are_refused(arguments: dict[str, Any], message: str) -> None:
    """What cannot be asked for is named."""
    with pytest.raises(ValueError, match=message):
        run_monte_carlo(trades_of(noise(1, 10)), **arguments)


def test_no_trades_no_profile() -> None:
    """Empty histories and results that are no numbers are refused."""
    with pytest.raises(ValueError, match="no trades"):
        run_monte_carlo([])
    with pytest.raises(ValueError, match="trade 1"):
        study_variance(trades_of([0.1, math.nan]))


def test_stage_decisions_use_one_call() -> None:
    """500 simulations of all trades from one seed; a study of more holds them as its first."""
    trades = trades_of(noise(1, 70))
    stage = run_stage_monte_carlo(trades)
    assert stage == run_monte_carlo(trades, sims=500, seed=STAGE_SEED)
    more = study_variance(trades, 1_000, seed=STAGE_SEED).variance
    assert more.worst_max_dd <= stage.worst_max_dd
    assert more.worst_max_loss_streak >= stage.worst_max_loss_streak


def study(**changes: Any) -> MonteCarlo:
    """Study 90 trades, three a day."""
    return study_variance(trades_of(noise(1, 90), hours=8.0), **({"sims": 400} | changes))


def test_the_study_holds_the_same_profile() -> None:
    """One simulation feeds all: profile, quantiles and fan agree with each other."""
    told = study(seed=4)
    assert told.variance == run_monte_carlo(trades_of(noise(1, 90)), 400, seed=4)
    assert told.final_return.p50.value == pytest.approx(told.variance.median_final_return)
    assert told.drawdown_depth.p50.value == pytest.approx(-told.variance.median_max_dd)
    assert told.fan.trades[0] == 0
    assert told.fan.trades[-1] == 90
    assert told.fan.p50[0] == told.fan.p05[0] == 1.0
    assert told.fan.p50[-1] == pytest.approx(1 + told.variance.median_final_return)
    for band in (told.fan.p05, told.fan.p25, told.fan.p50, told.fan.p75, told.fan.p95):
        assert len(band) == len(told.fan.trades)
    assert told.variance_at_200 == run_monte_carlo(
        trades_of(noise(1, 90)), 400, trades_per_sim=200, seed=4
    )


def test_quantiles_are_ordered_inside_their_intervals() -> None:
    """p05 <= p50 <= p95 <= p99 of severity, each between its order statistics."""
    told = study()
    for quantiles in (told.final_return, told.drawdown_depth, told.loss_streak):
        four = msgspec.structs.astuple(quantiles)
        assert sorted(one.value for one in four) == [one.value for one in four]
        assert all(one.low <= one.value <= one.high for one in four)
    assert told.drawdown_depth.p99.value <= -told.variance.worst_max_dd


def test_breaches_count_the_paths_beyond_a_limit() -> None:
    """Every limit by its name; what lies exactly on a limit has not broken it."""
    returns = noise(1, 90)
    paths = simulate(returns, sims=400, trades_per_sim=90, method="iid", seed=0, trades_per_day=3)
    told = study()
    assert told.trades_per_day == 3
    found = {one.limit_name: one.probability.value for one in told.drawdown_breaches}
    assert found == {
        name: (-paths.drawdown > limit).mean()
        for name, limit in {
            "research": 0.5, "pilot": 0.35, "production": 0.25, "drawdown_halt": 0.1
        }.items()
    }  # fmt: skip
    assert [one.probability.value for one in told.loss_streak_breaches] == [
        (paths.streak > 8).mean(),
        (paths.streak > 6).mean(),
    ]
    (day,) = told.day_loss_breaches
    assert day.probability.value == (-paths.worst_day > 0.03).mean() > 0
    on_it = study(limits=VarianceLimits(loss_streak={"worst": told.variance.worst_max_loss_streak}))
    assert on_it.loss_streak_breaches[0].probability.value == 0.0


def test_ruin_is_counted() -> None:
    """The chance to draw a loss of everything at least once."""
    told = study_variance(trades_of([0.1] * 19 + [-1.0]), sims=2_000)
    expected = 1 - 0.95**20
    assert told.ruin_probability.low < expected < told.ruin_probability.high
    assert study().ruin_probability.value == 0.0


def test_methods_are_told_with_their_block_length() -> None:
    """A stationary study names its expected block; a permutation cannot be longer than it is."""
    assert study(method="stationary").block_length is not None
    told = study(method="permutation")
    assert (told.block_length, told.variance_at_200, told.method) == (None, None, "permutation")
    long = study_variance(trades_of(noise(1, 250)), 50, method="permutation")
    assert long.variance_at_200 is not None
    assert long.variance_at_200.trades_per_sim == 200


def test_days_are_those_of_utc() -> None:
    """Trades of a day are counted by UTC day, rounded up."""
    when = datetime(2026, 1, 1, 23, 30, tzinfo=UTC)
    late = [TradeResult(when, 0.1, True, "BTC"), TradeResult(when, -0.1, False, "BTC")]
    early = TradeResult(datetime(2026, 1, 2, 0, 30, tzinfo=UTC), 0.1, True, "BTC")
    assert study_variance([*late, early], 10).trades_per_day == 2


def test_the_study_survives_its_own_json() -> None:
    """The richer result can be written down and read back."""
    told = study(method="stationary")
    assert msgspec.json.decode(msgspec.json.encode(told), type=MonteCarlo) == told
    assert np.isfinite(told.fan.p95).all()


def test_histograms_count_every_path() -> None:
    """Bins of drawdowns reach from 0 to the deepest, each length of a losing run has its own."""
    study = study_variance(trades_of([0.01, 0.02, -0.01, 0.01] * 20), sims=300)
    assert sum(study.drawdown_histogram.counts) == 300
    assert study.drawdown_histogram.edges[0] == 0.0
    assert study.drawdown_histogram.edges[-1] == -study.variance.worst_max_dd
    lengths = study.loss_streak_histogram
    assert sum(lengths.counts) == 300
    assert lengths.edges[-1] == study.variance.worst_max_loss_streak + 0.5
    assert lengths.counts[-1] > 0
