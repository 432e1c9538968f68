"""What do studies read in these tests? Closed chains with given results, a day apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trader.backtest.trade_history import ClosedChain
from trader.domain.units import DAY, HOUR

if TYPE_CHECKING:
    from collections.abc import Iterable

START = 20_000 * DAY


def chains(
    results: Iterable[float], *, start: int = START, every: int = DAY, fee: float = 0.0001
) -> tuple[ClosedChain, ...]:
    """Close one chain after another, each open for an hour."""
    return tuple(
        ClosedChain(
            chain_id=f"C{number}-0", strategy="alpha", underlying="BTC",
            opened_at=start + number * every, closed_at=start + number * every + HOUR,
            pnl_pct=result, pnl_usd=1e6 * result, fees_pct=-fee, premium_pct=2 * fee,
            risk_pct=0.01, how="settled",
        )
        for number, result in enumerate(results)
    )  # fmt: skip
