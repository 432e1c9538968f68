"""What would each of thousands of decision times find, all at once? The same answers, from arrays.

Choice, fills, settlement and marks on the way run over whole columns of a tape, with the formulas
of `call_value`: results equal those of the step-by-step study to the last bit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from trader.backtest.call_account import Ways
from trader.backtest.call_regimes import regimes_at
from trader.backtest.call_value import (
    Settled,
    delivery_fee,
    is_daily,
    of_call,
    payoff,
    sale_fee,
    walk,
)
from trader.backtest.option_data import is_linear
from trader.domain.market import Closes
from trader.domain.units import DAY, nanoseconds
from trader.strategies.call_features import VOL_DAYS, ChainView, Quote

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trader.backtest.call_results import CallSimulationConfig
    from trader.backtest.call_tape import CallTape
    from trader.domain.market import Bools, Floats, Ints
    from trader.domain.models import Regime

LANE: Final = 256
"""Decision times that are worked on at once: their columns stay in the cache."""

SELECTED: Final = ""
BITS: Final = 32
"""Bits of a key that number the bars; options are numbered above them."""
_NO_DELIVERY: Final = "no_delivery_price"


class Chosen(msgspec.Struct, frozen=True):
    """The call found at each decision time: `row` of the tape, valid where `reason` is ""."""

    row: Ints
    reason: list[str]
    price: Floats
    fee: Floats


class Marks(msgspec.Struct, frozen=True):
    """The last mark of each bar, sorted by option and instant, columns of one length."""

    option: Ints
    known_at: Ints
    price: Floats


class Grid(msgspec.Struct, frozen=True):
    """Every instant at which a price became known: the coin's last close, and whether it is new."""

    at: Ints
    spot: Floats
    is_close: Bools


class Arrays:
    """What a tape tells one study, by number of the decision time."""

    def __init__(self, tape: CallTape, config: CallSimulationConfig, times: Sequence[int]) -> None:
        self._tape = tape
        self._config = config
        self._times = times
        self._at: Ints = np.array(times, dtype=np.int64)
        self._board = tape.board_at(self._at)
        self._spots = _last_of_bars(tape.known_at, tape.close, config.step)
        place = np.searchsorted(self._spots.known_at, self._at, side="right") - 1
        fresh = place >= 0
        if len(self._spots.known_at):
            fresh &= self._at - self._spots.known_at[place] <= config.step
            self._spot: Floats = np.where(fresh, self._spots.close[place], np.nan)
        else:
            self._spot = np.full(len(self._at), np.nan)
        currency = config.premium_currency
        if currency == "auto":
            linear = [is_linear(name) for name in tape.names]
        else:
            linear = [currency == "usd"] * len(tape.names)
        self._linear: Bools = np.array(linear, dtype=np.bool_)
        self._places = {name: place for place, name in enumerate(tape.names)}
        self._chosen = self._choose()
        self._quotes: list[tuple[Any, ...]] | None = None
        self._ends: list[tuple[float, ...]] | None = None
        self._marks: Marks | None = None
        self._regimes: list[Regime | None] | None = None

    def at(self, k: int) -> int:
        """Return the instant."""
        return self._times[k]

    def spot(self, k: int) -> float | None:
        """Return the last close of the coin, at most one bar old."""
        spot = float(self._spot[k])
        return spot if spot > 0 else None

    def closes(self, k: int) -> Closes:
        """Return the coin's closes of the last `VOL_DAYS`, known by then."""
        at = self._times[k]
        return self._spots.after(at - VOL_DAYS * DAY - 1, at)

    def regime(self, k: int) -> Regime | None:
        """Return the market regime of the coin."""
        if self._regimes is None:
            self._regimes = regimes_at(self._tape.spots, self._times)
        return self._regimes[k]

    def walked(self) -> Closes:
        """Return the coin's closes of the whole study."""
        config = self._config
        return self._spots.after(nanoseconds(config.start) - config.step, nanoseconds(config.end))

    def chain(self, k: int) -> ChainView | None:
        """Return the living calls with a delta and a volatility."""
        board, tape = int(self._board[k]), self._tape
        if board < 0:
            return None
        rows = slice(int(tape.first[board]), int(tape.first[board + 1]))
        expires_at = tape.expires_at[tape.option[rows]]
        known = np.isfinite(tape.delta[rows] + tape.mark_iv[rows]) & (expires_at > self._times[k])
        if not known.any():
            return None
        return ChainView(expires_at[known], tape.delta[rows][known], tape.mark_iv[rows][known])

    def quote(self, k: int) -> Quote | str:
        """Return the call that would be sold, or why there is none."""
        if self._quotes is None:
            self._quotes = self._quoted()
        reason = self._chosen.reason[k]
        return Quote(self._times[k], *self._quotes[k]) if reason == SELECTED else reason

    def settled(self, k: int, quote: Quote) -> Settled | str:
        """Settle what was quoted at decision time number `k`, or say why that cannot be told."""
        if self._tape.deliveries.get(quote.expires_at) is None:
            return _NO_DELIVERY
        if self._ends is None:
            self._ends = self._settle()
        return Settled(*self._ends[k])

    def ways(self, sold: Sequence[Quote]) -> Ways:
        """Return each option's closes from its sale to its expiry."""
        marks = self._gather()
        option = np.array([self._places[one.instrument_name] for one in sold], dtype=np.int64)
        step = self._config.step
        bars = marks.known_at // step + (marks.option << BITS)
        spans = np.array([(one.at, one.expires_at) for one in sold], dtype=np.int64).reshape(-1, 2)
        keys = spans // step + (option[:, None] << BITS)
        first, last = np.searchsorted(bars, keys, side="right").T
        counts = last - first
        ends = np.cumsum(counts)
        rows = np.arange(int(counts.sum())) + np.repeat(first - (ends - counts), counts)
        return Ways(counts, marks.known_at[rows], marks.price[rows])

    def _quoted(self) -> list[tuple[Any, ...]]:
        """List what a quote holds beside its instant, for every decision time."""
        tape, found = self._tape, self._chosen
        if not len(tape.option):
            return []
        option = tape.option[found.row]
        return list(
            zip(
                (tape.names[one] for one in option.tolist()),
                tape.expires_at[option].tolist(),
                tape.strike[option].tolist(),
                tape.delta[found.row].tolist(),
                tape.mark[found.row].tolist(),
                found.price.tolist(),
                found.fee.tolist(),
                self._spot.tolist(),
                self._linear[option].tolist(),
                strict=True,
            )
        )

    def _choose(self) -> Chosen:
        """Find the call nearest to the target delta at every decision time."""
        count = len(self._at)
        row: Ints = np.zeros(count, dtype=np.int64)
        reason = np.full(count, "no_chain", dtype=object)
        sizes = np.where(self._board >= 0, np.diff(self._tape.first, append=0)[self._board], 0)
        shown = np.flatnonzero(sizes > 0)
        for begin in range(0, len(shown), LANE):
            lane = shown[begin : begin + LANE]
            row[lane], reason[lane] = self._nearest(lane, sizes[lane])
        found = np.flatnonzero(reason == SELECTED)
        price, fee = np.full(count, np.nan), np.full(count, np.nan)
        price[found], fee[found], reason[found] = self._filled(found, row[found])
        reason[~(self._spot > 0)] = "no_spot"
        return Chosen(row, reason.tolist(), price, fee)

    def _nearest(self, lane: Ints, sizes: Ints) -> tuple[Ints, list[str]]:
        """Choose within the boards of a lane; every one has rows."""
        tape, config = self._tape, self._config
        starts: Ints = np.concatenate(([0], np.cumsum(sizes)[:-1]))
        place = np.arange(int(sizes.sum()))
        rows = place + np.repeat(tape.first[self._board[lane]] - starts, sizes)
        left = tape.expires_at[tape.option[rows]] - np.repeat(self._at[lane], sizes)
        due = (left > 0) & (np.abs(left / DAY - config.target_dte) <= config.dte_tolerance)
        apart = np.abs(tape.delta[rows] - config.target_delta)
        known = due & np.isfinite(apart)
        score = np.where(known & (apart <= config.delta_tolerance), apart, np.inf)
        best = np.minimum.reduceat(score, starts)
        hits = np.flatnonzero(score == np.repeat(best, sizes))
        first = hits[np.searchsorted(hits, starts)]
        reason = [SELECTED] * len(lane)
        for one in np.flatnonzero(best == np.inf).tolist():
            mine = slice(int(starts[one]), int(starts[one] + sizes[one]))
            reason[one] = _why(left[mine], due[mine], known[mine])
        return rows[first], reason

    def _filled(self, found: Ints, row: Ints) -> tuple[Floats, Floats, list[str]]:
        """Fill at the bid, or at the mark less slippage, and charge the sale."""
        tape, config = self._tape, self._config
        mark, bid, option = tape.mark[row], tape.bid[row], tape.option[row]
        price = bid if config.fill == "bid" else mark * (1.0 - config.slippage)
        fee = sale_fee(config, price, self._spot[found], self._linear[option])
        late = tape.expires_at[option] > nanoseconds(config.end)
        reason = np.full(len(found), SELECTED, dtype=object)
        reason[late] = "expiry_beyond_end"
        if config.fill == "bid":
            reason[~((bid > 0.0) & np.isfinite(bid))] = "no_bid"
        reason[~((mark > 0.0) & np.isfinite(mark))] = "no_mark_price"
        return price, fee, reason.tolist()

    def _settle(self) -> list[tuple[float, ...]]:
        """Settle every decision time whose delivery is known: the fields of `Settled`, or NaN."""
        tape = self._tape
        count = len(self._at)
        columns = [np.full(count, np.nan) for _ in Settled.__struct_fields__]
        expires_at = (
            tape.expires_at[tape.option[self._chosen.row]] if len(tape.option) else self._at
        )
        found = np.array(
            [
                k
                for k, (reason, expiry) in enumerate(
                    zip(self._chosen.reason, expires_at.tolist(), strict=True)
                )
                if reason == SELECTED and expiry in tape.deliveries
            ],
            dtype=np.int64,
        )
        marks = self._gather()
        grid = _grid(self._spots, np.union1d(self._spots.known_at, marks.known_at))
        carried = _Carried(marks, grid.at, len(tape.names))
        order = found[np.argsort(expires_at[found] - self._at[found], kind="stable")]
        for begin in range(0, len(order), LANE):
            lane = order[begin : begin + LANE]
            for column, values in zip(columns, self._ends_of(lane, grid, carried), strict=True):
                column[lane] = values
        return list(zip(*(one.tolist() for one in columns), strict=True))

    def _ends_of(self, lane: Ints, grid: Grid, carried: _Carried) -> tuple[Floats, ...]:
        """Settle some decision times, and follow their calls on the way."""
        tape, config, chosen = self._tape, self._config, self._chosen
        option = tape.option[chosen.row[lane]]
        expires_at, linear = tape.expires_at[option], self._linear[option]
        delivery = np.array([tape.deliveries[one] for one in expires_at.tolist()])
        price, fee = chosen.price[lane], chosen.fee[lane]
        paid = payoff(tape.strike[option], delivery, linear)
        daily = np.array([is_daily(one) for one in expires_at.tolist()])
        fees = fee + delivery_fee(config, paid, delivery, linear, daily)
        vs_hodl = of_call(price, fees, paid, delivery, linear)
        begins = np.searchsorted(grid.at, self._at[lane], side="right")
        counts = np.searchsorted(grid.at, expires_at, side="left") - begins
        steps = np.arange(int(counts.max(initial=0)))
        within = steps < counts[:, None]
        places = np.where(within, begins[:, None] + steps, 0)
        spot = np.where(within, grid.spot[places], delivery[:, None])
        worth, marked = carried.at(option, places, within)
        call = of_call(price[:, None], fee[:, None], worth, spot, linear[:, None])
        call = np.where(within, call, vs_hodl[:, None])
        start = self._spot[lane]
        first = of_call(price, fee, tape.mark[chosen.row[lane]], start, linear)
        drawdown, worst = walk(
            start,
            np.concatenate((start[:, None], spot), axis=1),
            np.concatenate((first[:, None], call), axis=1),
            delivery,
            vs_hodl,
        )
        bars = within & grid.is_close[places]
        count = bars.sum(axis=1)
        share = np.where(count > 0, (bars & marked).sum(axis=1) / np.maximum(count, 1), 1.0)
        return delivery, paid, fees, delivery + vs_hodl, vs_hodl, drawdown, worst, share

    def _gather(self) -> Marks:
        """Take the last mark of every bar of the options that were chosen."""
        if self._marks is not None:
            return self._marks
        tape = self._tape
        wanted = np.zeros(len(tape.names), dtype=np.bool_)
        sold = [k for k, reason in enumerate(self._chosen.reason) if reason == SELECTED]
        wanted[tape.option[self._chosen.row[sold]]] = True
        rows = np.flatnonzero(wanted[tape.option] & np.isfinite(tape.mark) & (tape.mark >= 0))
        step = self._config.step
        at = np.repeat(tape.at, np.diff(tape.first))[rows]
        known_at = -(-at // step) * step
        order = np.argsort(tape.option[rows], kind="stable")
        option, known_at, price = tape.option[rows][order], known_at[order], tape.mark[rows][order]
        last = np.ones(len(rows), dtype=np.bool_)
        last[:-1] = (np.diff(option) != 0) | (np.diff(known_at) != 0)
        self._marks = Marks(option[last], known_at[last], price[last])
        return self._marks


class _Carried:
    """Marks carried on over a grid of instants, each until the next of its option."""

    def __init__(self, marks: Marks, grid: Ints, options: int) -> None:
        shown, begins = np.unique(marks.option, return_index=True)
        counts = np.diff(begins, append=len(marks.option))
        where = np.searchsorted(grid, marks.known_at)
        first, last = where[begins], where[begins + counts - 1]
        base = np.concatenate(([0], np.cumsum(last - first + 1)))
        self._price = marks.price
        self._base = np.zeros(options, dtype=np.int64)
        self._base[shown] = base[:-1] - first
        self._end = np.zeros(options, dtype=np.int64)
        self._end[shown] = last
        bar = np.full(int(base[-1]), -1, dtype=np.int64)
        bar[where + self._base[marks.option]] = np.arange(len(where))
        self._is_bar = bar >= 0
        self._bar = np.maximum.accumulate(bar)

    def at(self, option: Ints, places: Ints, within: Bools) -> tuple[Floats, Bools]:
        """Return the mark carried to each place of the grid, and whether it was shown there."""
        end = self._end[option][:, None]
        where = np.where(within, np.minimum(places, end) + self._base[option][:, None], 0)
        return self._price[self._bar[where]], self._is_bar[where] & (places <= end) & within


def _why(left: Ints, due: Bools, known: Bools) -> str:
    """Say what a board lacked."""
    if not (left > 0).any():
        return "no_calls"
    if not due.any():
        return "no_expiry_in_tolerance"
    return "no_delta_in_tolerance" if known.any() else "no_delta"


def _grid(spots: Closes, at: Ints) -> Grid:
    """Carry the coin's closes over a grid; before the first there is none."""
    place = np.searchsorted(spots.known_at, at, side="right")
    return Grid(at, np.concatenate(([np.nan], spots.close))[place], np.isin(at, spots.known_at))


def _last_of_bars(known_at: Ints, close: Floats, step: int) -> Closes:
    """Keep the last close of every bar, known when the bar ends."""
    ends = -(-known_at // step) * step
    last = np.ones(len(ends), dtype=np.bool_)
    last[:-1] = np.diff(ends) != 0
    kept = last & np.isfinite(close) & (close >= 0)
    return Closes(ends[kept], close[kept])
