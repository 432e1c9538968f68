"""What does a board tell a fitted policy right now? The features of a study, by the same code."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from trader.domain.market import Closes
from trader.domain.units import DAY, HOUR
from trader.strategies.call_features import (
    CALL_FEATURES,
    LIVE,
    UNKNOWN_LIVE,
    ChainView,
    Quote,
    iv_at_delta,
    log_return,
    of_call,
    realized_vol,
    skew,
    trend,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trader.domain.market import Bars, Board
    from trader.domain.situation import Situation
    from trader.strategies.fitted_policy import FittedPolicy
    from trader.strategies.structure import NetQuote

TIMEFRAME: Final = "1h"
"""The bars that the daemon keeps, and hence those that a policy must have learned from."""


def live_state(
    policy: FittedPolicy, situation: Situation, row: int, quote: NetQuote
) -> dict[str, float | None]:
    """Tell what a policy looks at, of the call in a row of the board, quoted alone.

    What cannot be known is None: a stale board, too few bars, an index that is no price.
    """
    board = situation.board
    expiry = board.at + round(policy.terms.target_dte * DAY)
    names = policy.names
    known: dict[str, float | None] = dict.fromkeys(names)
    if any(name in CALL_FEATURES for name in names):
        known |= _of_call(board, row, quote, names)
    if any(name in ("iv", "skew") for name in names):
        chain = _chain(board)
        known |= {"iv": iv_at_delta(chain, expiry, 0.5), "skew": skew(chain, expiry)}
    closes = _closes(situation.bars)
    for name in names:
        match name:
            case "return_1d" | "return_7d":
                known[name] = log_return(closes, board.at, 1 if name == "return_1d" else 7)
            case "realized_vol":
                known[name] = realized_vol(closes, board.at)
            case "trend":
                known[name] = trend(closes, board.at)
            case _:
                pass
    return known


def unfit(
    policy: FittedPolicy, underlying: str, target_days: float, target_delta: float
) -> list[str]:
    """Say why a strategy on a coin, which sells calls like these, cannot ask a policy; or nothing.

    Each line is a problem and, after "; ", its remedy.
    """
    terms, mistakes = policy.terms, []
    if policy.underlying != underlying:
        mistakes.append(
            f"learned on {policy.underlying}, asked about {underlying}; train one on rows of that"
            " coin"
        )
    for name in policy.names:
        if name not in LIVE:
            reason = UNKNOWN_LIVE.get(name, "the daemon hears no such index")
            mistakes.append(
                f"looks at {name}, which cannot be known live ({reason}); train one with"
                " --features without it"
            )
    if terms.timeframe != TIMEFRAME:
        mistakes.append(
            f"learned from bars of {terms.timeframe}, the daemon keeps those of {TIMEFRAME};"
            f" export rows with --timeframe {TIMEFRAME}"
        )
    for name, sold, learned in (
        ("target_days", target_days, terms.target_dte),
        ("target_delta", target_delta, terms.target_delta),
    ):
        if not math.isclose(sold, learned):
            mistakes.append(
                f"learned from calls with {name} {learned:g}, asked about {sold:g}; set {name} ="
                f" {learned:g}, or train one on such calls"
            )
    return mistakes


def _of_call(
    board: Board, row: int, quote: NetQuote, names: Iterable[str]
) -> dict[str, float | None]:
    """Read the features of the call that would be sold at the bid."""
    mark = board.mark.item(row)
    if not (0 < board.index < math.inf and 0 < mark < math.inf):
        return {}
    call = Quote(
        at=board.at,
        instrument_name=board.instruments[row].name,
        expires_at=int(board.expires_at[row]),
        strike=board.strike.item(row),
        delta=board.delta_at(row),
        mark=mark,
        price=-quote.touch_net,
        fee=quote.fee,
        spot=board.index,
        linear=False,
    )
    return {name: of_call(name, call) for name in names if name in CALL_FEATURES}


def _chain(board: Board) -> ChainView | None:
    """Read the coin-settled calls that live, with a fresh quote, a delta and a volatility."""
    ladder = board.listing.ladder("call")
    if not ladder:
        return None
    rows = np.concatenate([*ladder.values()])
    rows = rows[board.fresh[rows] & (board.expires_at[rows] > board.at)]
    delta, vol = board.delta_of(rows), board.mark_iv[rows]
    known = np.isfinite(delta) & np.isfinite(vol)
    return ChainView(board.expires_at[rows][known], delta[known], vol[known])


def _closes(bars: Bars) -> Closes:
    """Read when each bar's close was known; closes that are no price are left out."""
    known_at = np.array(bars.opened_at, dtype=np.int64) + HOUR
    close = np.array(bars.close, dtype=np.float64)
    kept = np.isfinite(close) & (close > 0)
    return Closes(known_at[kept], close[kept])
