"""Would the choice of parameters have worked on what came after it? Folds, out of sample only.

Each fold chooses on its past, by the rule of the sensitivity study, and is judged on what follows.
Trades are sliced by the day they opened, with an embargo as long as the longest was held: no trade
of the past reaches into its future.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import msgspec
import numpy as np

from trader.evaluation.bootstrap import mean_lower_bound
from trader.evaluation.sensitivity import choose

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trader.backtest.trade_history import ClosedChain
    from trader.evaluation.sensitivity import Cell, Grid

FOLDS: Final = 8
PAST_FOLDS: Final = 4
POSITIVE_SHARE_MIN: Final = 0.6
ONE_FOLD_MAX: Final = 0.5
Window = Literal["rolling", "anchored"]


class Fold(msgspec.Struct, frozen=True, kw_only=True):
    """One step: chosen on (past_start, past_end), judged on (start, end); profits are sums."""

    start: int
    end: int
    past_start: int
    past_end: int
    chosen: dict[str, float]
    past_profit: float
    profit: float
    trades: int


class WalkForward(msgspec.Struct, frozen=True, kw_only=True):
    """What came of choosing by the past. `efficiency` is out-of-sample over in-sample per day."""

    window: Window
    folds: tuple[Fold, ...]
    embargo: int
    trades: int
    mean: float | None
    lower_bound: float | None
    cost: float
    efficiency: float | None
    ok: bool
    reason: str


def walk_forward(
    grid: Grid,
    chains: Mapping[Cell, Sequence[ClosedChain]],
    start: int,
    end: int,
    *,
    window: Window = "rolling",
    folds: int = FOLDS,
    past_folds: int = PAST_FOLDS,
) -> WalkForward:
    """Walk through a span whose every cell was run once, whole.

    Raises:
        ValueError: the span is empty, or a cell was not run.
    """
    if not start < end or any(cell not in chains for cell in grid.cells):
        raise ValueError("walk-forward: an empty span, or a cell that was not run")
    length = (end - start) // (folds + past_folds)
    held = (one.closed_at - one.opened_at for cell in chains.values() for one in cell)
    embargo = max(held, default=0)
    made: list[Fold] = []
    stitched: list[ClosedChain] = []
    for number in range(folds):
        begins = start + (number + past_folds) * length
        past_start = start if window == "anchored" else begins - past_folds * length
        past = (past_start, begins - embargo)
        scores = {cell: _profit(_opened(chains[cell], *past)) for cell in grid.cells}
        cell = choose(grid, scores)
        follows = _opened(chains[cell], begins, begins + length)
        stitched += follows
        made.append(
            Fold(
                start=begins,
                end=begins + length,
                past_start=past[0],
                past_end=past[1],
                chosen=grid.parameters(cell),
                past_profit=scores[cell],
                profit=_profit(follows),
                trades=len(follows),
            )
        )
    return _judged(window, made, stitched, embargo)


def _judged(
    window: Window, folds: list[Fold], stitched: list[ClosedChain], embargo: int
) -> WalkForward:
    pnl = np.array([one.pnl_pct for one in stitched])
    cost = float(np.median([-one.fees_pct for one in stitched])) if stitched else 0.0
    mean = float(pnl.mean()) if len(pnl) else None
    lower = mean_lower_bound(pnl) if len(pnl) >= 2 else None
    reason = _objection(folds, mean, lower, cost)
    past = sum(one.past_profit / max(one.past_end - one.past_start, 1) for one in folds)
    after = sum(one.profit / (one.end - one.start) for one in folds)
    return WalkForward(
        window=window,
        folds=tuple(folds),
        embargo=embargo,
        trades=len(stitched),
        mean=mean,
        lower_bound=lower,
        cost=cost,
        efficiency=after / past if past > 0 else None,
        ok=not reason,
        reason=reason or "the choice of the past earned out of sample",
    )


def _objection(folds: list[Fold], mean: float | None, lower: float | None, cost: float) -> str:
    """Say what fails first; "" where nothing does."""
    if mean is None or lower is None:
        return "too few trades out of sample"
    profits = [one.profit for one in folds]
    total, positive = sum(profits), sum(profit > 0 for profit in profits)
    if mean <= 0:
        return f"out-of-sample mean {mean:.4%} a trade is not above zero"
    if lower <= -cost:
        return f"out-of-sample mean may be {lower:.4%}, below minus one round trip ({cost:.4%})"
    if positive < POSITIVE_SHARE_MIN * len(folds):
        return f"only {positive} of {len(folds)} folds earned"
    if max(profits) > ONE_FOLD_MAX * total:
        return f"one fold made {max(profits) / total:.0%} of the profit"
    return ""


def _opened(chains: Sequence[ClosedChain], start: int, end: int) -> list[ClosedChain]:
    return [one for one in chains if start <= one.opened_at < end]


def _profit(chains: Sequence[ClosedChain]) -> float:
    return float(sum(one.pnl_pct for one in chains))
