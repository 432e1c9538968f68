"""Which contracts make the structure, and what does it cost at the displayed quotes?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from trader.domain.trading import Leg, Pricing
from trader.domain.units import DAY, HOUR, MINUTE
from trader.domain.valuation import is_dust, trade_fee

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trader.domain.instruments import OptionType
    from trader.domain.market import Board, Bools, Ints


ONE_SIDED_LIFETIME: Final = 10 * MINUTE
"""How long an exit stands at a price where only the side it meets is displayed."""


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


class Leaving(msgspec.Struct, frozen=True):
    """What can be closed of a structure and what that costs; a market order needs `two_sided`."""

    legs: tuple[Leg, ...]
    quote: NetQuote
    two_sided: bool

    def at_once(self, lifetime: int) -> Pricing:
        """Take what is displayed: any price where both sides show, else what is seen now, soon to
        be asked again.
        """
        if self.two_sided:
            return Pricing(lifetime=lifetime)
        return Pricing(limit_net=self.quote.touch_net, lifetime=min(lifetime, ONE_SIDED_LIFETIME))


def tradable(board: Board, rows: Ints) -> Bools:
    """Mark which `rows` show a fresh quote, two-sided with size, in order, and have a delta.

    Nothing else may be used to open. NaN compares false, so it never passes.
    """
    tradable_: Bools = quoted(board, rows) & (np.abs(board.delta_of(rows)) <= 1)
    return tradable_


def quoted(board: Board, rows: Ints) -> Bools:
    """Mark which `rows` show a fresh quote, two-sided with size, in order, delta or not."""
    bid, ask = board.bid[rows], board.ask[rows]
    sized = (board.bid_amount[rows] > 0) & (board.ask_amount[rows] > 0)
    priced = (bid > 0) & (ask >= bid) & (ask < np.inf)
    quoted_: Bools = sized & priced & board.fresh[rows]
    return quoted_


def choose_expiry(
    at: int,
    expiries: Iterable[int],
    target_days: float,
    days_tolerance: float,
    min_hours_left: float,
) -> int | None:
    """Choose the expiry nearest to `target_days` from `at`; the first listed of two.

    None where no expiry has `min_hours_left` to live and lies within `days_tolerance`.
    """
    chosen, nearest = None, days_tolerance * DAY
    for expires_at in expiries:
        left = expires_at - at
        distance = abs(left - target_days * DAY)
        near = distance < nearest or (chosen is None and distance == nearest)
        if near and left > 0 and left >= min_hours_left * HOUR:
            chosen, nearest = expires_at, distance
    return chosen


def choose_by_delta(
    board: Board, rows: Ints, target_delta: float, delta_tolerance: float
) -> int | None:
    """Choose among `rows` the |delta| nearest to the target, ties to the smaller.

    None where none lies within the tolerance; a row without a delta lies nowhere.
    """
    if target_delta + delta_tolerance < 0.5:  # of a call in the money it is more, whatever its vol
        rows = rows[~board.is_call[rows] | (board.strike[rows] >= board.underlying_price[rows])]
    sizes = np.abs(board.delta_of(rows)).tolist()
    distances = [abs(size - target_delta) if size <= 1.0 else math.inf for size in sizes]
    nearest = min(distances, default=math.inf)
    if nearest == math.inf:
        return None
    # What differs by less than a digit of twelve is the same distance: then the size decides.
    most = nearest + 2e-12
    tied = [(round(one * 1e12), sizes[at], at) for at, one in enumerate(distances) if one <= most]
    distance, _, place = min(tied)
    return rows.item(place) if distance / 1e12 <= delta_tolerance else None


def further_out(board: Board, option_type: OptionType, short: int, steps: int) -> int | None:
    """Find the row `steps` listed strikes further out of the money than `short`, same expiry.

    None where the ladder ends before.
    """
    ladder = board.listing.ladder(option_type)[int(board.expires_at[short])]
    place = int(ladder.searchsorted(short)) + (steps if option_type == "call" else -steps)
    return int(ladder[place]) if 0 <= place < len(ladder) else None


def net_quote(board: Board, legs: tuple[Leg, ...]) -> NetQuote | None:
    """Price one unit of a structure at the displayed quotes.

    None where a leg is not on the board or its quote is stale or one-sided: no guess.
    """
    mid_net = touch_net = fair_net = fee = 0.0
    tick = math.inf
    for leg in legs:
        row = board.row(leg.instrument)
        if row is None or not board.fresh.item(row):
            return None
        bid, ask = board.bid.item(row), board.ask.item(row)
        sized = board.bid_amount.item(row) > 0 and board.ask_amount.item(row) > 0
        if not (sized and 0 < bid <= ask < math.inf and board.has_delta(row)):
            return None
        instrument = board.instruments[row]
        touch = ask if leg.ratio > 0 else bid
        mid, mark = (bid + ask) / 2, board.mark.item(row)
        mid_net += leg.ratio * mid
        touch_net += leg.ratio * touch
        fair_net += leg.ratio * (mark if math.isfinite(mark) and mark > 0 else mid)
        fee += trade_fee(instrument, leg.ratio, touch, board.index)
        # One leg is quoted on its own ladder; a net of several may lie between the steps of each.
        tick = min(tick, instrument.tick_at(mid if len(legs) == 1 else touch))
    if not math.isfinite(fee):
        return None
    return NetQuote(round(mid_net, 12), round(touch_net, 12), fair_net, fee, tick)


def leave_quote(board: Board, legs: tuple[Leg, ...]) -> Leaving | None:
    """Price leaving a structure at the displayed quotes.

    Of several legs, what is sold needs a bid and what is bought an ask, no more; options that
    nobody bids for and that are worth next to nothing are left to expire. None where that is not to
    be had.
    """
    quote = net_quote(board, legs)
    if quote is not None:
        return Leaving(legs, quote, two_sided=True)
    if len(legs) < 2:
        return None
    kept: list[Leg] = []
    mid_net = touch_net = fair_net = fee = 0.0
    tick = math.inf
    for leg in legs:
        row = board.row(leg.instrument)
        if row is None or not board.fresh.item(row):
            return None
        instrument, mark = board.instruments[row], board.mark.item(row)
        bid, bid_size = board.bid.item(row), board.bid_amount.item(row)
        ask, ask_size = board.ask.item(row), board.ask_amount.item(row)
        if leg.ratio < 0 and is_dust(instrument, bid, bid_size, mark):
            continue
        touch, size = (ask, ask_size) if leg.ratio > 0 else (bid, bid_size)
        if not (0 < touch < math.inf and size > 0 and 0 <= mark < math.inf) or bid > ask:
            return None
        kept.append(leg)
        mid_net += leg.ratio * ((bid + ask) / 2 if 0 < bid <= ask < math.inf else mark)
        touch_net += leg.ratio * touch
        fair_net += leg.ratio * mark
        fee += trade_fee(instrument, leg.ratio, touch, board.index)
        tick = min(tick, instrument.tick_at(touch))
    left = tuple(kept)
    quote = net_quote(board, left) if left else None
    if quote is not None:
        return Leaving(left, quote, two_sided=True)
    if not left or not math.isfinite(fee + touch_net + mid_net + fair_net):
        return None
    mid_net = min(mid_net, touch_net)
    quote = NetQuote(round(mid_net, 12), round(touch_net, 12), fair_net, fee, tick)
    return Leaving(left, quote, two_sided=False)


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
