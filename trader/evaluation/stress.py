"""What would break it? The same history under worse costs, later orders, wilder markets.

Every stress is a run of its own through the same engine; only the best trades dropped are left out
afterwards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import msgspec
import numpy as np

from trader.backtest.modelled import Costs
from trader.domain.units import HOUR
from trader.evaluation.approval import ApprovalConfig
from trader.evaluation.trade_stats import compounded, max_drawdown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trader.backtest.trade_history import ClosedChain

DROPPED: Final = 0.05
DRAWDOWN_MAX: Final = ApprovalConfig().max_worst_dd_pilot

Name = Literal[
    "fees_x2", "slippage_x3", "delay_1h", "delay_3h", "quotes_missing", "iv_up", "iv_down",
    "gap_up", "gap_down", "best_dropped",
]  # fmt: skip


class Stress(msgspec.Struct, frozen=True, kw_only=True):
    """How a run differs from the plain one. `gap` moves the spot once a year by that share."""

    name: Name
    text: str
    costs: Costs = Costs()
    latency: int | None = None
    iv_factor: float = 1.0
    gap: float = 0.0


STRESSES: Final = (
    Stress(name="fees_x2", text="fees doubled", costs=Costs(fee_factor=2.0)),
    Stress(name="slippage_x3", text="spreads three times as wide", costs=Costs(spread_factor=3.0)),
    Stress(name="delay_1h", text="orders live an hour later", latency=HOUR),
    Stress(name="delay_3h", text="orders live three hours later", latency=3 * HOUR),
    Stress(
        name="quotes_missing", text="the widest 5 % of quotes missing",
        costs=Costs(missing_share=0.05),
    ),
    Stress(name="iv_up", text="implied volatility 20 % higher", iv_factor=1.2),
    Stress(name="iv_down", text="implied volatility 20 % lower", iv_factor=0.8),
    Stress(name="gap_up", text="a gap of +15 % once a year", gap=0.15),
    Stress(name="gap_down", text="a gap of -15 % once a year", gap=-0.15),
)  # fmt: skip
DECISIVE: Final[tuple[Name, ...]] = ("fees_x2", "delay_1h")


class StressRow(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one stress; `drawdown` of the equity path of its trades, <= 0."""

    name: Name
    text: str
    trades: int
    expectancy: float | None
    drawdown: float | None


class StressTest(msgspec.Struct, frozen=True, kw_only=True):
    """All stresses. `break_even_fees`: how many times today's fees the edge would bear."""

    rows: tuple[StressRow, ...]
    break_even_fees: float | None
    ok: bool | None
    reason: str


def judge(
    plain: Sequence[ClosedChain],
    stressed: Mapping[Name, Sequence[ClosedChain]],
    *,
    drawdown_max: float = DRAWDOWN_MAX,
) -> StressTest:
    """Judge runs: an edge under doubled fees and an hour's delay, no drawdown beyond a pilot's.

    Without trades nothing is known: `ok` is None.
    """
    texts = {one.name: one.text for one in STRESSES}
    rows = [_row(name, texts[name], chains) for name, chains in stressed.items()]
    rows.append(_row("best_dropped", "the best 5 % of trades dropped", without_best(plain)))
    by_name = {row.name: row for row in rows}
    decisive = [by_name[name] for name in DECISIVE if name in by_name]
    ok, reason = _verdict(rows, decisive, drawdown_max)
    return StressTest(rows=tuple(rows), break_even_fees=_break_even(plain), ok=ok, reason=reason)


def without_best(chains: Sequence[ClosedChain]) -> list[ClosedChain]:
    """Leave out the best share of trades, at least one."""
    count = max(round(DROPPED * len(chains)), 1)
    kept = sorted(range(len(chains)), key=lambda row: chains[row].pnl_pct)[: len(chains) - count]
    return [chains[row] for row in sorted(kept)]


def _verdict(
    rows: list[StressRow], decisive: list[StressRow], drawdown_max: float
) -> tuple[bool | None, str]:
    idle = [row.text for row in decisive if row.expectancy is None]
    if len(decisive) < len(DECISIVE) or len(idle) == len(decisive):
        return None, "no trades to stress"
    if idle:
        return None, f"{', '.join(idle)}: no trade comes about"
    for row in decisive:
        if row.expectancy is not None and row.expectancy <= 0:
            return False, f"{row.text}: expectancy {row.expectancy:.4%} a trade"
    for row in rows:
        if row.drawdown is not None and row.drawdown < -drawdown_max:
            return False, f"{row.text}: drawdown {row.drawdown:.1%}"
    return True, "the edge survives doubled fees and an hour's delay"


def _row(name: Name, text: str, chains: Sequence[ClosedChain]) -> StressRow:
    pnl = np.array([one.pnl_pct for one in chains])
    return StressRow(
        name=name,
        text=text,
        trades=len(pnl),
        expectancy=float(pnl.mean()) if len(pnl) else None,
        drawdown=max_drawdown(compounded(pnl.tolist())) if len(pnl) else None,
    )


def _break_even(chains: Sequence[ClosedChain]) -> float | None:
    """Find how many times its fees the edge would bear; None without fees or trades."""
    fees = -sum(one.fees_pct for one in chains)
    gross = sum(one.pnl_pct for one in chains) + fees
    return gross / fees if fees > 0 else None
