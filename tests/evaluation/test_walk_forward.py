"""Does choosing by the past earn on what follows, and does no past reach into its future?"""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from tests.evaluation.chains import START, chains
from trader.domain.units import DAY, HOUR
from trader.evaluation.sensitivity import Grid
from trader.evaluation.walk_forward import walk_forward

LADDER = (1.0, 2.0, 3.0)
GRID = Grid(("a", "b"), (LADDER, LADDER), (1, 1))
DAYS = 1_200
END = START + DAYS * DAY


def runs(seed: int, edge: float, *, spread: float = 0.002) -> dict[tuple[int, ...], tuple]:  # type: ignore[type-arg]
    """Run every cell with an edge of its own draw around `edge`."""
    rng = np.random.default_rng(seed)
    return {cell: chains(rng.normal(edge, spread, DAYS)) for cell in GRID.cells}


def test_a_real_edge_walks_forward() -> None:
    """Every cell earns a little each day: so does whatever the past chose."""
    for window in ("rolling", "anchored"):
        found = walk_forward(GRID, runs(1, 0.0005), START, END, window=window)
        assert found.ok, found.reason
        assert len(found.folds) == 8
        assert found.efficiency == pytest.approx(1.0, abs=0.6)


def test_the_best_of_noise_does_not() -> None:
    """Choosing among losers' luck is found out: most seeds of pure noise fail."""
    passed = sum(walk_forward(GRID, runs(seed, -0.0002), START, END).ok for seed in range(20))
    assert passed <= 2


def test_one_lucky_fold_is_not_enough() -> None:
    """More than half of the profit from one stretch fails by name."""
    results = np.full(DAYS, 0.00002)
    results[900:950] = 0.01
    same = dict.fromkeys(GRID.cells, chains(results))
    found = walk_forward(GRID, same, START, END)
    assert not found.ok
    assert "one fold made" in found.reason


def test_the_embargo_is_as_long_as_the_longest_trade() -> None:
    """What opened before the fold and closed within it is in no past."""
    same = dict.fromkeys(GRID.cells, chains(np.full(DAYS, 0.001)))
    found = walk_forward(GRID, same, START, END)
    assert found.embargo == HOUR
    assert all(fold.past_end == fold.start - HOUR for fold in found.folds)
    assert all(fold.end <= after.start for fold, after in itertools.pairwise(found.folds))


def test_an_anchored_past_begins_at_the_start() -> None:
    """A rolling one has the same length each time."""
    same = dict.fromkeys(GRID.cells, chains(np.full(DAYS, 0.001)))
    anchored = walk_forward(GRID, same, START, END, window="anchored")
    assert {fold.past_start for fold in anchored.folds} == {START}
    rolling = walk_forward(GRID, same, START, END)
    assert len({fold.past_end - fold.past_start for fold in rolling.folds}) == 1


def test_without_trades_there_is_no_answer_but_no() -> None:
    """Nothing traded out of sample."""
    found = walk_forward(GRID, dict.fromkeys(GRID.cells, ()), START, END)
    assert (found.ok, found.mean, found.reason) == (False, None, "too few trades out of sample")


def test_a_cell_that_was_not_run_is_refused() -> None:
    """A hole in the grid would choose among what is left."""
    some = dict.fromkeys(GRID.cells[:-1], ())
    with pytest.raises(ValueError, match="not run"):
        walk_forward(GRID, some, START, END)
