"""What does the portfolio's loop read and write? Bars, rules, its book, its events, as arrays.

Rows of structured arrays, so that the loop can be compiled and what belongs together lies together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from trader.domain.market import Floats, Ints

Records = Any
"""Rows of one of the types below: numpy's stubs know no fields."""

SLEEVES: Final = ("pullback_long", "trend_long")
"""In the order in which they take from the budgets."""
KINDS: Final = ("entry", "stop", "partial", "pyramid", "time_exit", "final_exit")
REASONS: Final = {
    "ranking_or_filter": "its symbol_score is not among the first symbol_rank_top_n_long",
    "score_floor": "its score is below the floor of its sleeve",
    "max_positions": "max_positions are open",
    "existing_same_sleeve_symbol": "the sleeve holds the symbol already",
    "existing_symbol": "another sleeve holds the symbol",
    "strategy_position_cap": "the sleeve holds its strategy_max_positions",
    "cooldown": "the sleeve left the symbol at most cooldown_bars ago",
    "correlation_gate": "it moves too much like what is held",
    "invalid_risk": "its stop is unknown, not below its entry, or nearer than 0.15 %",
    "size_zero": "nothing is left to size it with",
    "strategy_notional_budget": "the notional budget of its sleeve would be exceeded",
    "strategy_risk_budget": "the risk budget of its sleeve would be exceeded",
    "portfolio_risk_budget": "max_portfolio_risk would be exceeded",
    "gross_exposure": "max_gross_exposure would be exceeded",
}
"""Why a signal was not taken, in the order of the checks."""
CURVE: Final = (
    "equity", "cash", "open_positions", "open_risk", "drawdown_pct", "risk_scalar",
    "gross_notional",
)  # fmt: skip
"""What is noted at every instant, before entries."""

BAR: Final = np.dtype(
    [("at", np.int64)]
    + [
        (name, np.float64)
        for name in (
            "open", "high", "low", "close", "atr", "sma20", "sma50", "rsi", "symbol_score",
        )
    ]
    + [("score", np.float64, (2,)), ("scalar", np.float64, (2,))]
)  # fmt: skip
"""A bar of a symbol: nanoseconds, prices, indicators.

`score` and `scalar` are by sleeve: how good a signal is, and what multiplies the risk taken on it.
"""
RULES: Final = np.dtype(
    [
        (name, np.int64)
        for name in (
            "cooldown_bars", "max_positions", "correlation_lookback", "pyramid_enabled",
            "pyramid_max_adds", "score_sizing", "overlap", "marks_missing", "exits_missing",
        )
    ]
    + [
        (name, np.float64)
        for name in (
            "risk_per_trade", "fee_rate", "entry_factor", "exit_factor", "trailing_atr_multiple",
            "max_portfolio_risk", "max_position_notional_fraction", "max_gross_exposure",
            "pyramid_trigger_r", "pyramid_risk_fraction", "pyramid_size_fraction",
            "size_floor", "size_ceiling", "size_center", "size_width",
        )
    ]
    + [(name, np.int64, (2,)) for name in ("time_stop_bars", "positions_max", "positions_min")]
    + [
        (name, np.float64, (2,))
        for name in (
            "correlation_max", "notional_budget", "risk_budget", "rank_bias", "rank_share",
            "correlation_penalty",
        )
    ]
)  # fmt: skip
"""The parameters as numbers; pairs are by sleeve."""
POSITION: Final = np.dtype(
    [(name, np.int64) for name in ("trade", "symbol", "sleeve", "partial", "adds", "bars")]
    + [
        (name, np.float64)
        for name in (
            "entry", "base", "stop", "target", "size", "first_size", "unit_risk", "top", "score",
            "mark", "result",
        )
    ]
)  # fmt: skip
"""One open position; `mark` is the last close seen since its entry, before that its entry."""
EVENT: Final = np.dtype(
    [(name, np.int64) for name in ("trade", "symbol", "sleeve", "kind", "at", "bars")]
    + [
        (name, np.float64)
        for name in (
            "price", "size", "fee", "equity", "pnl", "score", "unit_risk", "likeness", "scalar",
            "result",
        )
    ]
)  # fmt: skip
"""One event; NaN is what it does not have."""


class Run(NamedTuple):
    """All that the loop reads and writes.

    Symbol `s` has the rows `first[s]` up to before `first[s + 1]` of `bars`, ascending in time.
    """

    bars: Records
    first: Ints
    signal: Ints
    """(row): the sum of 1 (pullback signal) and 2 (trend signal)."""
    change: Floats
    """(row): close over the close before, less one; NaN in a symbol's first row."""
    climb: Floats
    """(row): the sum of `change` of the symbol's rows up to it: differences give means."""
    instant: Ints
    """(row): the number of its instant in `times`."""
    symbol_scalar: Floats
    """(symbol): what multiplies the risk taken on it."""
    rules: Records
    """One row."""
    times: Ints
    events: Records
    """Room for what happens next; `tally` says how much of it is used."""
    room: int
    """Events that one instant can have at most."""
    curve: Floats
    """(instant, name of CURVE)."""
    book: Records
    order: Ints
    """A permutation of the slots of `book`: first those held, oldest first."""
    account: Floats
    """Cash, and the highest equity so far."""
    tally: Ints
    """Positions held, trades ever opened, events."""
    cursor: Ints
    """(symbol): its next row."""
    here: Ints
    """(symbol): its row at this instant, -1 where it has none."""
    blocked: Ints
    """(sleeve, symbol): the row up to which it is not entered again."""
    wish: Ints
    """(symbol): scratch: the symbols that a sleeve wants, best first."""
    rank: Floats
    """(symbol): scratch."""
    pair: Floats
    """(2, lookback): scratch: the changes that two symbols share."""
    likeness: Floats
    """(symbol): scratch: mean correlation with what was held before the entries of an instant."""
    used: Floats
    """Scratch: equity, and risk and notional of all and of a sleeve, as entries use them up."""
    entries: Ints
    rejected: Ints
    """(sleeve, reason)."""


def new_run(
    bars: Records, signal: Ints, first: Ints, change: Floats, climb: Floats,
    symbol_scalar: Floats, rules: Records, times: Ints, instant: Ints, equity: float,
) -> Run:  # fmt: skip
    """Make the state before the first bar, without room for events."""
    symbols = len(first) - 1
    slots = max(min(int(rules["max_positions"][0]), len(SLEEVES) * symbols), 1)
    return Run(
        bars=bars,
        first=first,
        signal=signal,
        change=change,
        climb=climb,
        instant=instant,
        symbol_scalar=symbol_scalar,
        rules=rules,
        times=times,
        events=np.empty(0, EVENT),
        room=3 * slots + 2 * symbols,
        curve=np.empty((len(times), len(CURVE))),
        book=np.zeros(slots, POSITION),
        order=np.arange(slots, dtype=np.int64),
        account=np.array([equity, equity]),
        tally=np.zeros(3, np.int64),
        cursor=first[:-1].copy(),
        here=np.full(symbols, -1, np.int64),
        blocked=np.full((len(SLEEVES), symbols), -1, np.int64),
        wish=np.zeros(symbols, np.int64),
        rank=np.zeros(symbols),
        pair=np.zeros((2, int(rules["correlation_lookback"][0]))),
        likeness=np.zeros(symbols),
        used=np.zeros(5),
        entries=np.zeros(len(SLEEVES), np.int64),
        rejected=np.zeros((len(SLEEVES), len(REASONS)), np.int64),
    )
