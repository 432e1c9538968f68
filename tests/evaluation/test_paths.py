"""Are the simulated paths right, one by one and in distribution?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ks_2samp  # type: ignore[import-untyped]

from tests.evaluation.histories import autoregressive, noise
from trader.behavior.streaks import losing_run_probability
from trader.evaluation import paths as paths_module
from trader.evaluation.bootstrap import optimal_block_length
from trader.evaluation.draws import LANE, drawing
from trader.evaluation.paths import Paths, simulate
from trader.evaluation.trade_stats import compounded, longest_run, max_drawdown

if TYPE_CHECKING:
    from numpy.typing import NDArray

METHODS = ["iid", "stationary", "permutation"]


def run(returns: NDArray[np.float64], **changes: Any) -> Paths:
    """Simulate 300 paths as long as the history, unless told otherwise."""
    arguments: dict[str, Any] = {"sims": 300, "trades_per_sim": len(returns), "method": "iid"}
    return simulate(returns, **({"seed": 1} | arguments | changes))


def loop(
    returns: NDArray[np.float64], sims: int, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Simulate by the double loop of the original request, with other draws."""
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(sims):
        path = rng.choice(returns, size=len(returns)).tolist()
        equity = compounded(path)
        rows.append((equity[-1], max_drawdown(equity), longest_run([-r for r in path])))
    final, drawdown, streak = np.array(rows).T
    return final, drawdown, streak


@given(
    st.lists(st.sampled_from([0.5, 0.01, 0.0, -0.004, -0.3, -1.0, -2.0]), min_size=1, max_size=90),
    st.integers(1, 4),
)
@settings(max_examples=25)
def test_a_path_is_what_compounding_makes_of_it(results: list[float], day: int) -> None:
    """Shuffled, every path has the numbers of its own order, computed one by one.

    The order of each path is recovered by running the shuffle on the numbers of the trades.
    """
    size = len(results)
    draw = drawing("permutation", size, 1.0, (5, 0))
    orders = draw(size).T[:40]
    paths = run(
        np.array(results), method="permutation", seed=5, sims=40, trades_per_day=day,
    )  # fmt: skip
    for place, order in enumerate(orders.tolist()):
        path = [results[number] for number in order]
        equity = compounded(path)
        days = [compounded(path[k : k + day])[-1] - 1 for k in range(0, size, day)]
        assert paths.final[place] == pytest.approx(equity[-1], abs=1e-12)
        assert paths.drawdown[place] == pytest.approx(max_drawdown(equity), abs=1e-12)
        assert paths.streak[place] == longest_run([-r for r in path])
        assert paths.worst_day[place] == pytest.approx(min(0.0, *days), abs=1e-12)
        shown = [equity[count] for count in paths.fan_trades]
        assert paths.fan[:, place].tolist() == pytest.approx(shown, rel=1e-12)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("rows", [1, 7, 500])
def test_bytes_depend_on_the_seed_and_on_nothing_else(
    method: str, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Block size changes no draw; another seed changes them."""
    returns = noise(1, 150)
    expected = run(returns, method=method)
    monkeypatch.setattr(paths_module, "BLOCK_ROWS", rows)
    again = run(returns, method=method)
    assert again.drawdown.tobytes() == expected.drawdown.tobytes()
    assert again.final.tobytes() == expected.final.tobytes()
    assert again.streak.tobytes() == expected.streak.tobytes()
    other = run(returns, method=method, seed=2)
    assert other.drawdown.tobytes() != expected.drawdown.tobytes()


@pytest.mark.parametrize("method", METHODS)
def test_fewer_paths_are_the_first_of_more(method: str) -> None:
    """500 simulations are the first 500 of 1,500: the worst of N can only grow with N."""
    returns = noise(1, 60)
    few, many = run(returns, method=method, sims=500), run(returns, method=method, sims=1_500)
    assert many.drawdown[:500].tobytes() == few.drawdown.tobytes()
    assert len(set(many.drawdown[:LANE].tolist()) & set(many.drawdown[LANE:].tolist())) < 40


def test_draws_match_the_double_loop_in_distribution() -> None:
    """Two-sample Kolmogorov-Smirnov of final equity, drawdown and streak."""
    returns = noise(1, 120)
    paths = run(returns, sims=3_000)
    for ours, theirs in zip(
        (paths.final, paths.drawdown, paths.streak), loop(returns, 2_000, 9), strict=True
    ):
        assert ks_2samp(ours, theirs).pvalue > 0.001


def test_the_block_length_is_estimated_unless_given() -> None:
    """Politis and White's estimate, reported with the paths; none where nothing is in blocks."""
    returns = autoregressive(1, 300, 0.5)
    assert run(returns, method="stationary").block_length == optimal_block_length(returns)
    assert run(returns, method="stationary", block_length=7.0).block_length == 7.0
    assert run(returns, method="iid").block_length is None


def test_a_permutation_keeps_the_total_to_the_last_digit() -> None:
    """Shuffling changes how it felt, never what came of it."""
    paths = run(noise(1, 211), method="permutation")
    assert len(set(paths.final.tolist())) == len(set(paths.fan[-1].tolist())) == 1
    assert len(set(paths.drawdown.tolist())) > 250


def test_ruin_is_for_good() -> None:
    """After a loss of everything equity is 0 to the end, on every path that drew it."""
    paths = run(np.array([0.5] * 9 + [-1.2]), trades_per_sim=30, sims=2_000)
    ruined = paths.final == 0.0
    expected = 1 - 0.9**30
    assert abs(ruined.mean() - expected) < 4 * math.sqrt(expected * (1 - expected) / 2_000)
    assert (paths.drawdown[ruined] == -1.0).all()
    assert (paths.drawdown[~ruined] == 0.0).all()
    assert (paths.final >= 0.0).all()


@pytest.mark.parametrize(
    ("trials", "length", "loss"), [(100, 7, 0.5), (200, 8, 0.4), (100, 10, 0.6), (20, 3, 0.5)]
)
def test_losing_runs_have_their_exact_frequency(trials: int, length: int, loss: float) -> None:
    """A simulated frequency lies within four standard errors of the exact probability."""
    tenths = round(loss * 10)
    returns = np.array([-0.001] * tenths + [0.001] * (10 - tenths))
    paths = run(returns, trades_per_sim=trials, sims=20_000)
    exact = losing_run_probability(trials, length, loss)
    error = math.sqrt(exact * (1 - exact) / 20_000)
    assert abs((paths.streak >= length).mean() - exact) < 4 * error


@pytest.mark.parametrize(
    ("count", "expected"), [(100, 1.156963), (250, 1.191530), (1000, 1.222057)]
)
def test_drawdown_of_a_driftless_walk_has_its_exact_mean(count: int, expected: float) -> None:
    """E[MDD] / sqrt(n) of steps +-1, exact: compounding e^+-h walks so in the logarithm."""
    step = 0.001
    returns = np.array([math.expm1(step), math.expm1(-step)])
    paths = run(returns, trades_per_sim=count, sims=20_000)
    additive = -np.log1p(paths.drawdown) / step / math.sqrt(count)
    error = additive.std() / math.sqrt(20_000)
    assert abs(additive.mean() - expected) < 4 * error


@pytest.mark.parametrize(("count", "expected"), [(100, 1.140), (250, 1.182), (1000, 1.217)])
def test_drawdown_of_gaussian_steps_has_its_mean(count: int, expected: float) -> None:
    """E[MDD] / sqrt(n) of normal steps, to the three digits that are known."""
    step = 0.0005
    quantiles = np.random.default_rng(4).standard_normal(20_000)
    quantiles = (quantiles - quantiles.mean()) / quantiles.std()
    paths = run(np.expm1(step * quantiles), trades_per_sim=count, sims=20_000)
    additive = -np.log1p(paths.drawdown) / step / math.sqrt(count)
    assert additive.mean() == pytest.approx(expected, abs=0.012)


def test_blocks_recover_the_drawdown_of_dependent_trades() -> None:
    """On AR(1) trades the stationary bootstrap's mean drawdown is at least 1.15x the iid one's."""
    ratios = []
    for seed in range(20):
        returns = autoregressive(seed, 500, 0.3)
        blocks, plain = (
            run(returns, method=method, seed=seed).drawdown.mean()
            for method in ("stationary", "iid")
        )
        ratios.append(blocks / plain)
    assert np.mean(ratios) >= 1.15


def test_a_tolerance_makes_scratches_that_end_no_run() -> None:
    """Results within the tolerance are stepped over, in either direction."""
    returns = np.array([-0.02, 0.0002, -0.0002, 0.0])
    paths = run(returns, method="permutation", sims=50, scratch_tolerance=0.0003)
    assert set(paths.streak.tolist()) == {1}
    assert max(run(returns, method="permutation", sims=50).streak.tolist()) == 2


def test_both_ways_of_counting_runs_agree() -> None:
    """Packed bits, where losses are few, and counters, which know scratches, give the same."""
    returns = noise(1, 130)
    packed, counted = run(returns), run(np.append(returns, 0.0), trades_per_sim=130)
    assert ks_2samp(packed.streak, counted.streak).pvalue > 0.001
    frame = paths_module._Frame(130, 0, 3, 0.0, False, True)
    ways = (paths_module._PackedLosses(frame), paths_module._LosingRuns(frame))
    growth = 1.0 + np.random.default_rng(2).choice(returns, (130, LANE))
    for way in ways:
        for start in (0, 7, 100):
            way.extend(growth[start : {0: 7, 7: 100, 100: 130}[start]])
    assert ways[0].longest().tolist() == ways[1].longest().tolist()


def test_long_paths_are_simulated_whole() -> None:
    """Counts beyond 65,535 are held, and the fan keeps to its number of points."""
    paths = run(np.array([-1e-6]), trades_per_sim=70_000, sims=1)
    assert paths.streak.tolist() == [70_000]
    assert len(paths.fan_trades) == 50
    assert paths.fan_trades[-1] == 70_000


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sims": 0}, "sims is 0"),
        ({"trades_per_sim": -1}, "trades_per_sim is -1"),
        ({"trades_per_day": 0}, "trades_per_day is 0"),
        ({"seed": -1}, "seed is -1"),
        ({"method": "permutation", "trades_per_sim": 4}, "has only 3 trades"),
        ({"method": "stationary", "block_length": 0.9}, r"block_length is 0\.9"),
        ({"method": "stationary", "block_length": math.inf}, "block_length is inf"),
    ],
)
def test_what_cannot_be_simulated_is_refused_by_name(changes: dict[str, Any], message: str) -> None:
    """Impossible counts, lengths and seeds."""
    with pytest.raises(ValueError, match=message):
        run(np.array([0.1, -0.1, 0.2]), **changes)


@pytest.mark.parametrize("returns", [[], [math.nan], [math.inf, 0.1]])
def test_returns_must_be_finite(returns: list[float]) -> None:
    """No returns, or one that is no number."""
    with pytest.raises(ValueError, match="finite and at least one"):
        run(np.array(returns), trades_per_sim=1)
