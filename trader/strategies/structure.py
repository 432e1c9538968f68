"""Which contracts make the structure, and what does it cost at the displayed quotes?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from trader.domain.trading import Leg, Pricing
from trader.domain.units import DAY, HOUR
from trader.domain.valuation import trade_fee

if TYPE_CHECKING:
    from trader.domain.instruments import OptionType
    from trader.domain.market import Board, Bools


class NetQuote(msgspec.Struct, frozen=True):
    """What one unit of a structure costs now: positive pays, negative receives.

    `mid_net` between the touches, `touch_net` buying at asks and selling at bids, `fair_net` at the
    venue's marks (the mid where a mark is missing), `fee` the taker fees of all legs at the touch;
    all finite, in settlement currency. `tick` is the finest of the legs'.
    """

    mid_net: float
    touch_net: float
    fair_net: float
    fee: float
    tick: float


def tradable(board: Board) -> Bools:
    """Mark the rows whose quote is fresh and two-sided with size, in order, and has a delta.

    Nothing else may be used to open. NaN compares false, so it never passes.
    """
    tradable_: Bools = quoted(board) & (np.abs(board.delta) <= 1)
    return tradable_


def quoted(board: Board) -> Bools:
    """Mark the rows whose quote is fresh and two-sided with size, in order, delta or not."""
    sized = (board.bid_amount > 0) & (board.ask_amount > 0)
    priced = (board.bid > 0) & (board.ask >= board.bid) & np.isfinite(board.ask)
    quoted_: Bools = sized & priced & board.fresh
    return quoted_


def _tradable(board: Board, row: int) -> bool:
    """Tell of one row what `tradable` tells of all."""
    bid, ask = board.bid[row], board.ask[row]
    sized = board.bid_amount[row] > 0 and board.ask_amount[row] > 0
    priced = bid > 0 and bid <= ask < math.inf
    return bool(sized and priced and board.fresh[row] and board.has_delta(row))


def listed(board: Board, option_type: OptionType) -> Bools:
    """Mark the rows of one type that are settled in the coin (inverse)."""
    listed_: Bools = board.inverse & (board.is_call == (option_type == "call"))
    return listed_


def choose_expiry(
    board: Board, rows: Bools, target_days: float, days_tolerance: float, min_hours_left: float
) -> int | None:
    """Choose among `rows` the expiry nearest to `target_days` from now; the earlier one of two.

    None where no expiry has `min_hours_left` to live and lies within `days_tolerance`.
    """
    column = board.expires_at[rows]  # sorted, as every board is
    expiries = column[np.concatenate((column[:1] == column[:1], column[1:] != column[:-1]))]
    left = expiries - board.at
    distance = np.abs(left - target_days * DAY)
    allowed = (left >= min_hours_left * HOUR) & (left > 0) & (distance <= days_tolerance * DAY)
    if not allowed.any():
        return None
    return int(expiries[np.where(allowed, distance, np.inf).argmin()])


def choose_by_delta(
    board: Board, rows: Bools, target_delta: float, delta_tolerance: float
) -> int | None:
    """Choose among quoted `rows` the |delta| nearest to the target, ties to the smaller.

    None where none lies within the tolerance; a row without a delta lies nowhere.
    """
    candidates = np.flatnonzero(rows)
    size = np.abs(board.delta_of(candidates))
    size = np.where(size <= 1.0, size, np.nan)  # a delta beyond one is none
    distance = np.round(np.abs(size - target_delta), 12)
    near = np.flatnonzero(distance <= delta_tolerance)
    if not len(near):
        return None
    order = np.lexsort((size[near], distance[near]))
    return int(candidates[near[order[0]]])


def further_out(board: Board, rows: Bools, short: int, steps: int) -> int | None:
    """Find the row `steps` listed strikes further out of the money than `short`, same expiry.

    None where the ladder ends before.
    """
    ladder = np.flatnonzero(rows & (board.expires_at == board.expires_at[short]))
    ladder = ladder[np.argsort(board.strike[ladder], kind="stable")]
    place = int(np.flatnonzero(ladder == short)[0]) + (steps if board.is_call[short] else -steps)
    return int(ladder[place]) if 0 <= place < len(ladder) else None


def net_quote(board: Board, legs: tuple[Leg, ...]) -> NetQuote | None:
    """Price one unit of a structure at the displayed quotes.

    None where a leg is not on the board or its quote is stale or one-sided: no guess.
    """
    mid_net = touch_net = fair_net = fee = 0.0
    tick = math.inf
    for leg in legs:
        row = board.row(leg.instrument)
        if row is None or not _tradable(board, row):
            return None
        instrument = board.instruments[row]
        bid, ask = float(board.bid[row]), float(board.ask[row])
        touch = ask if leg.ratio > 0 else bid
        mid, mark = (bid + ask) / 2, float(board.mark[row])
        mid_net += leg.ratio * mid
        touch_net += leg.ratio * touch
        fair_net += leg.ratio * (mark if math.isfinite(mark) and mark > 0 else mid)
        fee += trade_fee(instrument, leg.ratio, touch, board.index)
        # One leg is quoted on its own ladder; a net of several may lie between the steps of each.
        tick = min(tick, instrument.tick_at(mid if len(legs) == 1 else touch))
    if not math.isfinite(fee):
        return None
    return NetQuote(round(mid_net, 12), round(touch_net, 12), fair_net, fee, tick)


def in_our_favor(net: float, tick: float) -> float:
    """Round a net price down to the tick: pay less, receive more."""
    return round(math.floor(net / tick + 1e-9) * tick, 10)


def patient(quote: NetQuote, patience: int, lifetime: int) -> Pricing:
    """Ask for the mid in our favor first, and for the touch seen now once patience has passed."""
    return Pricing(
        limit_net=in_our_favor(quote.mid_net, quote.tick),
        worst_net=quote.touch_net,
        patience=min(patience, lifetime),
        lifetime=lifetime,
    )


def seller_confidence(delta: float) -> float:
    """Estimate the probability of profit of a sold option: 1 - |delta| (decisions, 10)."""
    return min(max(1.0 - abs(delta), 0.0), 1.0)
