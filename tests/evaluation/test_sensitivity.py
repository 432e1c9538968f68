"""Is a plateau told from a spike, and an edge of the grid from an answer?"""

from __future__ import annotations

import math

import pytest

from trader.evaluation.sensitivity import Grid, choose, judge, make_grid


def grid(size: int = 11, configured: tuple[int, int] | None = None) -> Grid:
    """Vary two parameters over `size` values each."""
    ladder = tuple(float(step) for step in range(size))
    return Grid(("a", "b"), (ladder, ladder), configured or (size // 2, size // 2))


def hill(one: Grid, width: float = 18.0) -> dict[tuple[int, ...], float]:
    """Score cells by a smooth hill around the center."""
    center = len(one.values[0]) // 2
    return {
        cell: math.exp(-sum((place - center) ** 2 for place in cell) / width) for cell in one.cells
    }


def test_a_lone_spike_does_not_move_the_choice() -> None:
    """The acceptance of the decisions: exp(-r^2/18) on 11x11 keeps its center beside a +5 cell."""
    one = grid()
    scores = hill(one)
    assert choose(one, scores) == (5, 5)
    scores[2, 8] += 5.0
    assert choose(one, scores) == (5, 5)
    found = judge(one, scores)
    assert (found.best, found.finding, found.ok) == ((5, 5), "plateau", True)
    assert found.robustness == pytest.approx(math.exp(-1 / 18), abs=0.01)


def test_trading_on_the_spike_is_found() -> None:
    """The configured cell is worth what surrounds it."""
    one = grid(configured=(2, 8))
    scores = hill(one)
    scores[2, 8] += 5.0
    found = judge(one, scores)
    assert (found.finding, found.ok) == ("spike", False)
    assert "a 2, b 8" in found.reason


def test_a_neighbor_that_loses_makes_a_spike() -> None:
    """A sign that flips one step aside is no plateau."""
    one = grid(5)
    scores = dict.fromkeys(one.cells, 1.0)
    scores[2, 3] = -0.1
    assert judge(one, scores).finding == "spike"


def test_a_best_cell_on_the_border_answers_nothing() -> None:
    """Grid too small: inconclusive, which blocks a promotion and demotes nobody."""
    one = grid(5)
    scores = {cell: 1.0 + cell[0] for cell in one.cells}
    found = judge(one, scores)
    assert (found.finding, found.ok) == ("grid too small", None)
    assert "border" in found.reason


def test_a_best_cell_on_the_border_that_stands_alone_answers_nothing_either() -> None:
    """Half of its neighbors are unknown: it demotes nobody; a spike that is traded does."""
    one = grid(5)
    scores = dict.fromkeys(one.cells, 0.1) | {(0, 1): -0.2}
    scores |= dict.fromkeys(((0, 0), (1, 0), (1, 1)), 9.0)
    assert choose(one, scores)[0] == 0
    assert judge(one, scores).finding == "grid too small"
    traded = Grid(one.names, one.values, (0, 0))
    assert judge(traded, scores).finding == "spike"


def test_ties_go_to_the_larger_own_value() -> None:
    """Two neighborhoods alike: the better cell itself."""
    one = Grid(("a", "b"), ((1.0, 2.0), (1.0, 2.0)), (0, 0))
    scores: dict[tuple[int, ...], float] = {(0, 0): 1.0, (0, 1): 3.0, (1, 0): 2.0, (1, 1): 2.0}
    assert choose(one, scores) == (0, 1)


def test_a_losing_strategy_is_no_spike() -> None:
    """There is nothing to stand alone with: other gates speak of it."""
    one = grid(5)
    scores = {cell: -1.0 - sum(abs(place - 2) for place in cell) for cell in one.cells}
    found = judge(one, scores)
    assert (found.finding, found.ok) == ("no edge", None)
    assert found.reason.startswith("no neighborhood of the grid earns anything: there is no edge")


def test_where_every_cell_loses_no_larger_grid_is_asked_for() -> None:
    """Losses grow towards one corner: that the least one lies on the border means nothing."""
    one = grid(5)
    found = judge(one, {cell: -1.0 - sum(cell) for cell in one.cells})
    assert (found.best, found.finding, found.ok) == ((0, 0), "no edge", None)
    assert "border" not in found.reason


def test_a_loser_beside_an_edge_is_told_of_it() -> None:
    """What trades earns nothing, the middle of a wide hill does: no spike, and no border."""
    scores = hill(grid(11))
    one = Grid(("a", "b"), tuple(tuple(map(float, range(11))) for _ in range(2)), (0, 0))
    found = judge(one, {cell: score - 0.1 for cell, score in scores.items()})
    assert found.finding == "plateau"
    assert found.reason == "it earns nothing as configured; the best cell (a 5, b 5) would"


def test_the_grid_is_taken_around_what_trades() -> None:
    """Two parameters, two steps to either side, clipped where the space ends."""
    space = {"c": (1.0,), "a": (0.1, 0.2, 0.3, 0.4, 0.5), "b": (1.0, 2.0, 3.0), "d": (1.0, 2.0)}
    one = make_grid(space, {"a": 0.2, "b": 3.0, "c": 1.0, "d": 1.0})
    assert one.names == ("a", "b")
    assert one.values == ((0.1, 0.2, 0.3, 0.4), (1.0, 2.0, 3.0))
    assert one.parameters(one.configured) == {"a": 0.2, "b": 3.0}
    assert len(one.cells) == 12


def test_what_cannot_be_varied_is_refused_by_name() -> None:
    """Fewer than two parameters; a configured value outside its own space; a missing score."""
    with pytest.raises(ValueError, match="two parameters"):
        make_grid({"a": (1.0, 2.0), "b": (1.0,)}, {"a": 1.0, "b": 1.0})
    with pytest.raises(ValueError, match=r"a 9\.0 is not among"):
        make_grid({"a": (1.0, 2.0), "b": (1.0, 2.0)}, {"a": 9.0, "b": 1.0})
    one = grid(3)
    for wrong in (math.nan, math.inf):
        with pytest.raises(ValueError, match=r"cell \(1, 1\)"):
            judge(one, hill(one) | {(1, 1): wrong})
