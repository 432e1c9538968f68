"""How do the chains of a run look to statistics? As trades, a score, days, what made a result."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from trader.domain.units import DAY, moment
from trader.evaluation.trade_quality import TradeDetail
from trader.evaluation.trade_stats import TradeResult

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trader.backtest.trade_history import ClosedChain
    from trader.domain.market import Floats


def results(chains: Sequence[ClosedChain]) -> list[TradeResult]:
    """Turn chains into the trades that statistics count."""
    return [
        TradeResult(
            timestamp=moment(one.closed_at),
            pnl_pct=one.pnl_pct,
            is_win=one.pnl_pct > 0,
            underlying=one.underlying,
            chain_id=one.chain_id,
        )
        for one in chains
    ]


def profit(chains: Sequence[ClosedChain]) -> float:
    """Sum up results: the score of a cell."""
    return float(sum(one.pnl_pct for one in chains))


def by_day(chains: Sequence[ClosedChain], start: int, end: int) -> Floats:
    """Sum results by the UTC day they closed on, days without one as zero."""
    first = start // DAY
    daily = np.zeros(max((end - 1) // DAY - first + 1, 1))
    for one in chains:
        place = one.closed_at // DAY - first
        if 0 <= place < len(daily):
            daily[place] += one.pnl_pct
    return daily


def detail(chain: ClosedChain) -> TradeDetail:
    """Say what made a result: premium as sold, fees, funding, the rest what the market did."""
    return TradeDetail(
        opened_at=moment(chain.opened_at),
        closed_at=moment(chain.closed_at),
        premium=chain.premium_pct,
        delta=chain.pnl_pct - chain.premium_pct - chain.fees_pct - chain.funding_pct,
        fees=chain.fees_pct,
        funding=chain.funding_pct,
    )
