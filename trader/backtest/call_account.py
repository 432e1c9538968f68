"""What were coins and calls worth along the way? Curves of the account and what they come to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from trader.backtest.call_value import of_call
from trader.domain.units import moment, nanoseconds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from trader.backtest.call_results import CallSimulationConfig, SimulatedTrade
    from trader.domain.market import Closes, Floats, Ints
    from trader.strategies.call_features import Quote

Curve = dict["datetime", float]
LANE: Final = 128
"""Calls that are followed at once: their columns stay in the cache."""


class Ways(msgspec.Struct, frozen=True):
    """Marks of several calls from their sales on: `counts` of each, one call after the other."""

    counts: Ints
    known_at: Ints
    price: Floats


def curves(
    config: CallSimulationConfig,
    spots: Closes,
    sold: Sequence[tuple[SimulatedTrade, Quote]],
    ways: Ways,
) -> tuple[Curve, Curve]:
    """Value coins and calls, and coins alone, at each close of the study, USD.

    `ways` holds the marks of each call sold. What a settled call left in coin stays coin.
    """
    grid = spots.after(nanoseconds(config.start) - 1, nanoseconds(config.end))
    at, spot = grid.known_at, grid.close
    coins: Floats = np.zeros(len(at) + 1)
    dollars: Floats = np.zeros(len(at) + 1)
    running: Floats = np.zeros(len(at))
    if sold:
        spans = np.array([(one.at, one.expires_at) for _, one in sold], dtype=np.int64)
        first, last = np.searchsorted(at, spans).T
        ends = np.cumsum(ways.counts)
        for begin in range(0, len(sold), LANE):
            some = slice(begin, begin + LANE)
            counts = ways.counts[some]
            marks = slice(int(ends[begin] - counts[0]), int(ends[begin] - counts[0] + counts.sum()))
            mine = Ways(counts, ways.known_at[marks], ways.price[marks])
            running += _running(at, spot, sold[some], first[some], last[some], mine)
        linear = np.array([one.linear for _, one in sold])
        left = np.array([trade.pnl_vs_hodl for trade, _ in sold])
        rate = np.array([trade.close_spot for trade, _ in sold])
        coins = _gathered(last, np.where(linear, 0.0, left / rate), len(at) + 1)
        dollars = _gathered(last, np.where(linear, left, 0.0), len(at) + 1)
    held = config.initial_spot_position + np.cumsum(coins)[:-1]
    account = held * spot + np.cumsum(dollars)[:-1] + running
    times = [moment(one) for one in at.tolist()]
    hodl = config.initial_spot_position * spot
    return (
        dict(zip(times, account.tolist(), strict=True)),
        dict(zip(times, hodl.tolist(), strict=True)),
    )


def _running(
    at: Ints,
    spot: Floats,
    sold: Sequence[tuple[SimulatedTrade, Quote]],
    first: Ints,
    last: Ints,
    ways: Ways,
) -> Floats:
    """Value the calls that run at each close; marks are carried on, from the one at the sale."""
    counts = last - first
    begins = np.cumsum(counts) - counts
    number = np.arange(len(sold))
    place = np.arange(int(counts.sum())) + np.repeat(first - begins, counts)
    of_place = np.repeat(number, counts)
    # Values of each call: the mark at its sale, then those on its way. A place holds the number of
    # the last value known there: numbers rise, so carrying on is taking the largest so far.
    heads = np.cumsum(ways.counts) - ways.counts + number
    of_mark = np.repeat(number, ways.counts)
    value = np.empty(len(ways.price) + len(sold))
    value[heads] = [quote.mark for _, quote in sold]
    mark_number = np.arange(len(ways.price)) + of_mark + 1
    value[mark_number] = ways.price
    latest = np.zeros(len(place), dtype=np.int64)
    some = counts > 0
    latest[begins[some]] = heads[some]
    known = np.searchsorted(at, ways.known_at)
    kept = known < last[of_mark]
    latest[(begins - first)[of_mark[kept]] + known[kept]] = mark_number[kept]
    carried = value[np.maximum.accumulate(latest)]
    terms = np.array(
        [(quote.price, quote.fee, trade.size, quote.linear) for trade, quote in sold]
    ).T[:, of_place]
    call = of_call(terms[0], terms[1], carried, spot[place], terms[3] > 0)
    return _gathered(place, terms[2] * call, len(at))


def _gathered(place: Ints, amount: Floats, count: int) -> Floats:
    """Sum amounts by their place."""
    return np.bincount(place, amount, count).astype(np.float64)


def summed(
    trades: Sequence[SimulatedTrade],
    account: Mapping[datetime, float],
    hodl: Mapping[datetime, float],
) -> tuple[Curve, Curve, dict[str, float]]:
    """Sum results at the closes of trades, in their order, and the figures of the whole.

    Drawdowns are those of the account, in percent, from the capital on.
    """
    equity: Curve = {}
    vs_hodl: Curve = {}
    pnl = against = 0.0
    for trade in sorted(trades, key=lambda one: one.close_time):
        pnl += trade.pnl
        against += trade.pnl_vs_hodl
        equity[trade.close_time] = pnl
        vs_hodl[trade.close_time] = against
    worth = np.array(list(account.values()))
    held = np.array(list(hodl.values()))
    return equity, vs_hodl, {
        "num_trades": float(len(trades)),
        "final_pnl": pnl,
        "final_pnl_vs_hodl": against,
        "max_drawdown_pct": drawdown_pct(worth),
        "hodl_max_drawdown_pct": drawdown_pct(held),
        "capital": float(held[0]) if len(held) else 0.0,
        "final_equity": float(worth[-1]) if len(worth) else 0.0,
        "final_hodl": float(held[-1]) if len(held) else 0.0,
        "assigned": float(sum(one.assigned for one in trades)),
        "won": float(sum(one.pnl_vs_hodl > 0 for one in trades)),
        "premium": sum(one.premium for one in trades),
        "assignment": sum(one.assignment for one in trades),
        "fees": sum(one.fees for one in trades),
    }  # fmt: skip


def drawdown_pct(worth: Floats) -> float:
    """Return the largest fall from a peak, percent of the peak; 0 of nothing."""
    if not len(worth):
        return 0.0
    peak = np.maximum.accumulate(worth)
    return float(((peak - worth) / peak).max() * 100.0)
