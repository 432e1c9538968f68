"""What is seen of each perpetual: its quote, and when a bar has closed its bars and columns?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from trader.domain.market import Bars, Touch
from trader.domain.units import HOUR
from trader.strategies.trend_choice import Book, Look
from trader.strategies.trend_features import latest, may_signal
from trader.strategies.trend_held import known

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from trader.domain.portfolio import ChainView
    from trader.domain.situation import Situation
    from trader.strategies.trend_held import Tally

BARS_MIN: Final = 202
"""The portfolio enters on no bar before this one of a symbol, so neither do we."""
SPREAD_MAX: Final = 0.01
"""A quote wider than this is nobody's price of a perpetual: nothing is entered at it."""


class Seen(msgspec.Struct, frozen=True):
    """One perpetual now: its quote; its bars when one may have closed, its columns when one did."""

    touch: Touch
    left_at: Mapping[str, int]
    bars: Bars | None = None
    row: Mapping[str, float] | None = None


def perpetuals_seen(situation: Situation, with_bars: bool) -> dict[str, Seen]:
    """Look at every perpetual that is listed, by coin.

    Columns are computed where something is held; of all coins if any can have signaled, since they
    are ranked against each other.
    """
    at, found = situation.at, {}
    for coin, shown in situation.perpetuals.items():
        if shown.touch is not None:
            bars = known(shown.history(), at) if with_bars else None
            found[coin] = Seen(shown.touch, shown.left_at, bars)
    new = {
        coin: one.bars
        for coin, one in found.items()
        if one.bars is not None and one.bars.opened_at
        if one.bars.opened_at[-1] == at // HOUR * HOUR - HOUR
    }
    wanted = {chain.underlying for chain in situation.chains}
    if situation.occasion == "open" and any(map(may_signal, new.values())):
        wanted |= new.keys()
    rows = {coin: latest(bars) for coin, bars in new.items() if coin in wanted}
    return {coin: msgspec.structs.replace(one, row=rows.get(coin)) for coin, one in found.items()}


def newest_closes(seen: Mapping[str, Seen]) -> dict[str, float]:
    """Tell the newest close of each coin whose bars were looked at."""
    return {
        coin: one.bars.close[-1]
        for coin, one in seen.items()
        if one.bars is not None and one.bars.close
    }


def looked_at(
    seen: Mapping[str, Seen], chains: Iterable[ChainView], tally: Tally
) -> tuple[list[Look], Book]:
    """Lay out what may be entered, and what stays once the decisions in the tally are done."""
    left = [(one.underlying, one.course) for one in tally.left.values()]
    leaving = {(coin, course.tag) for coin, course in left if course is not None}
    looks = [
        Look(
            coin=coin,
            touch=one.touch,
            bars=one.bars,
            row=one.row,
            since=_since(one.left_at, {tag for name, tag in leaving if name == coin}, one.bars),
            entered=can_buy(one.touch) and len(one.bars.close) >= BARS_MIN,
        )
        for coin, one in seen.items()
        if one.bars is not None and one.row is not None
    ]
    staying = [one for one in chains if one.chain_id not in tally.left]
    book = Book(
        held=tuple(tally.held.values()),
        taken=tuple((one.underlying, one.course.tag) for one in staying if one.course is not None),
        bars={coin: one.bars for coin, one in seen.items() if one.bars is not None},
    )
    return looks, book


def can_buy(touch: Touch) -> bool:
    """Whether a quote is fresh, has two sides in order, and is no wider than a sound one."""
    in_order = touch.bid <= touch.ask <= (1.0 + SPREAD_MAX) * touch.bid
    return touch.fresh and touch.two_sided and in_order


def _since(left_at: Mapping[str, int], leaving: set[str], bars: Bars) -> dict[str, int]:
    """Count the bars since each sleeve left a coin; 0 where it leaves it now."""
    left_in = {tag: (at - 1) // HOUR * HOUR for tag, at in left_at.items()}
    counted = {
        tag: sum(opened_at > hour for opened_at in bars.opened_at) for tag, hour in left_in.items()
    }
    return counted | dict.fromkeys(leaving, 0)
