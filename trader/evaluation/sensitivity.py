"""Does the edge survive a step to the side? A grid of parameters, judged by neighborhoods.

A cell is worth the median of its +-1-step neighborhood, itself included: a lone spike is worth what
surrounds it. A best cell on the border says that the grid is too small, not that it is good; where
no neighborhood earns anything there is no edge to ask about.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final, Literal

import msgspec
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SPIKE_BELOW: Final = 0.5

Cell = tuple[int, ...]
Finding = Literal["plateau", "spike", "grid too small", "no edge"]


class Grid(msgspec.Struct, frozen=True):
    """Which parameters are varied, over which values; `configured` is the cell that trades."""

    names: tuple[str, ...]
    values: tuple[tuple[float, ...], ...]
    configured: Cell

    @property
    def cells(self) -> tuple[Cell, ...]:
        """Every cell, the last parameter fastest."""
        return tuple(itertools.product(*(range(len(one)) for one in self.values)))

    def parameters(self, cell: Cell) -> dict[str, float]:
        """Name the values of a cell."""
        return {
            name: values[place]
            for name, values, place in zip(self.names, self.values, cell, strict=True)
        }


class Sensitivity(msgspec.Struct, frozen=True, kw_only=True):
    """What the grid says. `scores` by cell in the order of `grid.cells`; `ok` None: inconclusive.

    `robustness` is the neighborhood median over the cell's own score, of the configured cell.
    """

    grid: Grid
    scores: tuple[float, ...]
    medians: tuple[float, ...]
    best: Cell
    robustness: float
    finding: Finding
    ok: bool | None
    reason: str


def make_grid(
    space: Mapping[str, Sequence[float]], configured: Mapping[str, float], *, per_side: int = 2
) -> Grid:
    """Take the first two parameters of a space, `per_side` steps to either side of what trades.

    Raises:
        ValueError: the space has fewer than two parameters with two values each, or lacks the
            configured one.
    """
    names = tuple(name for name, values in space.items() if len(values) > 1)[:2]
    if len(names) < 2:
        raise ValueError("a sensitivity study needs two parameters with two values or more each")
    values, places = [], []
    for name in names:
        ladder = list(space[name])
        if configured[name] not in ladder:
            raise ValueError(f"{name} {configured[name]!r} is not among its own values {ladder}")
        place = ladder.index(configured[name])
        first = max(place - per_side, 0)
        values.append(tuple(ladder[first : place + per_side + 1]))
        places.append(place - first)
    return Grid(names, tuple(values), tuple(places))


def judge(grid: Grid, scores: Mapping[Cell, float]) -> Sensitivity:
    """Judge a grid of scores, one per cell (higher is better).

    Raises:
        ValueError: a cell has no score, or one that is no finite number.
    """
    missing = [cell for cell in grid.cells if not np.isfinite(scores.get(cell, np.nan))]
    if missing:
        raise ValueError(f"cell {missing[0]} of {len(grid.cells)} has no finite score")
    medians = {cell: _median(grid, scores, cell) for cell in grid.cells}
    best = choose(grid, scores)
    robustness = _relative(medians[grid.configured], scores[grid.configured])
    finding: Finding = "plateau"
    reason = "the edge holds a step to either side"
    inner = [best] if not _border(grid, best) else []  # of the border half the neighbors are known
    spikes = [cell for cell in (grid.configured, *inner) if _spike(grid, scores, medians, cell)]
    if scores[grid.configured] <= 0:
        reason = f"it earns nothing as configured; the best cell ({_told(grid, best)}) would"
    if spikes:
        finding = "spike"
        worth = f"its neighborhood is worth {medians[spikes[0]]:.3g}"
        reason = f"a lone spike at {_told(grid, spikes[0])}: {worth}"
    elif medians[best] <= 0:
        finding = "no edge"
        reason = (
            "no neighborhood of the grid earns anything: there is no edge that a step could lose"
        )
    elif _border(grid, best):
        finding = "grid too small"
        reason = f"the best cell ({_told(grid, best)}) lies on the border: grid too small"
    ok = {"plateau": True, "spike": False}.get(finding)
    return Sensitivity(
        grid=grid,
        scores=tuple(float(scores[cell]) for cell in grid.cells),
        medians=tuple(medians[cell] for cell in grid.cells),
        best=best,
        robustness=robustness,
        finding=finding,
        ok=ok,
        reason=reason,
    )


def choose(grid: Grid, scores: Mapping[Cell, float]) -> Cell:
    """Choose the cell with the best neighborhood; ties to the larger own value, then the first."""
    medians = {cell: _median(grid, scores, cell) for cell in grid.cells}
    return max(grid.cells, key=lambda cell: (medians[cell], scores[cell]))


def _told(grid: Grid, cell: Cell) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in grid.parameters(cell).items())


def _neighborhood(grid: Grid, cell: Cell) -> list[Cell]:
    """List a cell and what lies one step from it, diagonals included."""
    axes = [
        [step for step in (place - 1, place, place + 1) if 0 <= step < len(values)]
        for place, values in zip(cell, grid.values, strict=True)
    ]
    return list(itertools.product(*axes))


def _median(grid: Grid, scores: Mapping[Cell, float], cell: Cell) -> float:
    return float(np.median([scores[one] for one in _neighborhood(grid, cell)]))


def _relative(median: float, own: float) -> float:
    return median / own if own else 0.0


def _spike(
    grid: Grid, scores: Mapping[Cell, float], medians: Mapping[Cell, float], cell: Cell
) -> bool:
    """Tell whether a good cell stands alone: half its worth around it, or a neighbor that loses."""
    own = scores[cell]
    if own <= 0:
        return False  # nothing to be alone with: other gates speak of a losing strategy
    flips = any(scores[one] < 0 for one in _neighborhood(grid, cell))
    return flips or _relative(medians[cell], own) < SPIKE_BELOW


def _border(grid: Grid, cell: Cell) -> bool:
    return any(
        place in (0, len(values) - 1) for place, values in zip(cell, grid.values, strict=True)
    )
