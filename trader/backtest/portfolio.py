"""What would two sleeves of long positions over many coins have done? Trend and pullback.

Both sleeves share one account, one peak and the budgets. At every instant, in this order: ranking,
exits of what is open (oldest first), the curve, then entries: the pullbacks first, each sleeve's
best signal first. A signal of a bar is entered at the open of the symbol's next bar. Positions are
margined: an entry costs its fee, equity is cash and what the positions have won or lost so far.

`run_portfolio_backtest` takes pandas' frames, `run_portfolio` arrays. Where numba is installed
(extra `portfolio`) the loop is compiled; without it the same takes some hundred times as long.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from trader.backtest.portfolio_bars import assemble, symbol_scalars
from trader.backtest.portfolio_layout import EVENT, new_run
from trader.backtest.portfolio_results import PortfolioResult
from trader.backtest.portfolio_terms import PortfolioTerms, portfolio_terms

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trader.backtest.portfolio_bars import SymbolBars
    from trader.backtest.portfolio_frames import Frame

__all__ = ["PortfolioResult", "PortfolioTerms", "run_portfolio", "run_portfolio_backtest"]

EVENTS_MIN: Final = 4_096
BLOCK: Final = 8
"""Room for events is made for so many of the busiest instants, and for `EVENTS_MIN` at least."""


def run_portfolio_backtest(
    market_data: Mapping[str, Frame], **parameters: object
) -> PortfolioResult:
    """Run both sleeves over frames by symbol, each indexed by time with a timezone.

    A frame has `open high low close ATR SMA20 SMA50`, and of `signal entry_score risk_scalar
    pullback_signal pullback_entry_score pullback_risk_scalar symbol_score RSI` what it has
    (`trader.backtest.features` computes all of them). `parameters` are the fields of
    `PortfolioTerms`. The result unpacks as `trades, final_cash, equity_curve`; the curve's `attrs`
    hold "signal_pipeline_diagnostics" and "rejection_reasons".

    Raises:
        ValueError: a parameter is unknown (the nearest is named) or cannot have its value, or a
            frame cannot be used; symbol, column and row are named.
        ModuleNotFoundError: pandas is not installed, and the curve is asked for.
    """
    from trader.backtest.portfolio_frames import bars_of_frames, zone_of

    terms = portfolio_terms(parameters)
    result = run_portfolio(bars_of_frames(market_data), terms)
    if found := zone_of(market_data):
        result.zone, result.unit = found
    return result


def run_portfolio(market: Mapping[str, SymbolBars], terms: PortfolioTerms) -> PortfolioResult:
    """Run both sleeves over arrays by symbol.

    Raises:
        ValueError: bars cannot be used; symbol, column and row are named.
    """
    from trader.backtest.portfolio_kernel import walk
    from trader.backtest.portfolio_signals import admit, timeline

    bars, signal, change, climb, at, first = assemble(market, strict=terms.strict_parity)
    times, instant = np.empty(len(at), np.int64), np.empty(len(at), np.int64)
    times = times[: timeline(at, first, first[:-1].copy(), times, instant)]
    run = new_run(
        bars, signal, first, change, climb, symbol_scalars(market, strict=terms.strict_parity),
        terms.rules(), times, instant, float(terms.starting_equity),
    )  # fmt: skip
    signals = np.zeros(2, np.int64)
    admit(
        bars, signal, first, instant, first[:-1].copy(), run.here, terms.rank_max,
        np.array(terms.entry_score_min), signals, run.rejected,
    )  # fmt: skip
    blocks, place = [], 0
    room = max(EVENTS_MIN, BLOCK * run.room)
    while place <= len(times):
        run = run._replace(events=np.empty(room, EVENT))
        run.tally[2] = 0
        place = walk(run, place)
        blocks.append(run.events[: run.tally[2]])
    return PortfolioResult(run, tuple(market), terms, signals, np.concatenate(blocks))
