"""Which calls did a history show? Its boards and closes as arrays, asked one by one or all at once.

Recorded and modelled chains come through the same door: both are a `History`. The tape answers as a
`DeribitDataSource`, so the step-by-step study can walk what the one over arrays takes whole.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from trader.backtest.call_models import Fits, beyond_worth
from trader.backtest.history import Provenance
from trader.backtest.option_data import Ohlc, OptionSnapshot, timeframe_ns
from trader.domain.events import BoardSnapshot, DeliveryPrice, HistoryLoaded, IndexPrice
from trader.domain.market import Closes
from trader.domain.units import HOUR, YEAR, iso, moment, nanoseconds
from trader.pricing.deltas import delta

if TYPE_CHECKING:
    from trader.backtest.call_models import Fit
    from trader.backtest.history import History
    from trader.domain.instruments import Instrument
    from trader.domain.market import Floats, Ints
    from trader.engine.model_desk import Ensemble
    from trader.strategies.call_features import Quote

ROW_COLUMNS: Final = ("option", "delta", "bid", "ask", "mark", "mark_iv", "forward")
SHOWN: Final = ROW_COLUMNS[:-1]
"""Those that a chain shows."""


class CallTape(msgspec.Struct, frozen=True, kw_only=True):
    """Boards of calls and hourly closes of one coin, columns of one length each.

    Board b was known at `at[b]` and holds rows `first[b]` to before `first[b + 1]`; it is believed
    for `believed` nanoseconds. `option` of a row is its place in `names`, `strike` and
    `expires_at`. Bids and asks are NaN where a side showed none. `known_at` and `close` are the
    coin's hourly closes, without a gap; `deliveries` the price at each expiry, USD. `fits` are what
    the pricing models were fitted to on the way, oldest first; none where nobody asked them.
    """

    underlying: str
    believed: int
    at: Ints
    first: Ints
    option: Ints
    delta: Floats
    bid: Floats
    ask: Floats
    mark: Floats
    mark_iv: Floats
    forward: Floats
    names: tuple[str, ...]
    strike: Floats
    expires_at: Ints
    known_at: Ints
    close: Floats
    deliveries: dict[int, float]
    provenance: Provenance
    fits: tuple[Fit, ...] = ()

    def __post_init__(self) -> None:
        rows = int(self.first[-1])
        for field in ROW_COLUMNS:
            if len(getattr(self, field)) != rows:
                raise ValueError(f"tape: {field} has {len(getattr(self, field))} of {rows} rows")
        if len(self.first) != len(self.at) + 1 or (np.diff(self.at) <= 0).any():
            raise ValueError(
                "tape: boards must rise in time, one first row each and one at the end"
            )
        apart = np.flatnonzero(np.diff(self.known_at) != HOUR)
        if len(apart):
            when = iso(int(self.known_at[apart[0]]))
            raise ValueError(f"tape: the close after {when} is not the next hour's: fill the gap")

    @property
    def spots(self) -> Closes:
        """The coin's closes by when they were known."""
        return Closes(self.known_at, self.close)

    def board_at(self, at: Ints) -> Ints:
        """Find for each instant the board that is believed then; -1 where there is none."""
        place = np.searchsorted(self.at, at, side="right") - 1
        if not len(self.at):
            return place
        fresh = (place >= 0) & (at - self.at[place] <= self.believed)
        return np.where(fresh, place, -1)

    def beyond_worth(self, quote: Quote) -> float | None:
        """Return what selling a call that the board of that moment quoted brings beyond its worth
        to the models, a share of spot (see `call_models.beyond_worth`).
        """
        board = int(self.board_at(np.array([quote.at], dtype=np.int64))[0])
        if not self.fits or board < 0:
            return None
        rows = slice(int(self.first[board]), int(self.first[board + 1]))
        named = [self.names[one] == quote.instrument_name for one in self.option[rows].tolist()]
        if True not in named:
            return None
        return beyond_worth(self.fits, quote, float(self.forward[rows][named.index(True)]))

    def until(self, at: int) -> CallTape:
        """Forget what was not known yet at an instant."""
        boards = int(np.searchsorted(self.at, at, side="right"))
        hours = int(np.searchsorted(self.known_at, at, side="right"))
        rows = int(self.first[boards])
        return msgspec.structs.replace(
            self,
            at=self.at[:boards],
            first=self.first[: boards + 1],
            **{name: getattr(self, name)[:rows] for name in ROW_COLUMNS},
            known_at=self.known_at[:hours],
            close=self.close[:hours],
            deliveries={one: price for one, price in self.deliveries.items() if one <= at},
            fits=tuple(one for one in self.fits if one.at <= at),
        )

    def poisoned(self, at: int) -> CallTape:
        """Replace what was not known yet at an instant by nonsense."""
        rows = np.repeat(self.at > at, np.diff(self.first))
        wrong = {name: getattr(self, name).copy() for name in ROW_COLUMNS[1:]}
        for column in wrong.values():
            column[rows] = column[rows] * -7.0 + 0.3
        return msgspec.structs.replace(
            self,
            **wrong,
            close=np.where(self.known_at > at, self.close * 1_000.0, self.close),
            deliveries={
                one: price * 1_000.0 if one > at else price
                for one, price in self.deliveries.items()
            },
            fits=tuple(
                one if one.at <= at else msgspec.structs.replace(one, believed=())
                for one in self.fits
            ),
        )


def record_tape(history: History, start: int, end: int, models: Ensemble | None = None) -> CallTape:
    """Walk a span of a history and keep its calls, its closes and its delivery prices.

    With `models` these are fitted to its boards on the way, as often as they are calibrated.

    Raises:
        ValueError: the history does not hold the span.
    """
    tape = _Recording()
    fits = Fits(models, history, start) if models is not None else None
    for at, event in history.events(start, end):
        if fits is not None:
            fits.take(at, event)
        match event:
            case BoardSnapshot():
                tape.show(at, event)
            case HistoryLoaded(bars=bars):
                known = [one + HOUR for one in bars.opened_at]
                tape.closes = dict(zip(known, bars.close, strict=True))
            case IndexPrice(price=price):
                tape.closes[-(-at // HOUR) * HOUR] = price
            case DeliveryPrice(expires_at=expires_at, price=price):
                tape.deliveries[expires_at] = price
            case _:
                pass
    return tape.finish(history, () if fits is None else tuple(fits.made))


class _Recording:
    """A tape in the making."""

    def __init__(self) -> None:
        self.closes: dict[int, float] = {}
        self.deliveries: dict[int, float] = {}
        self._places: dict[str, int] = {}
        self._options: list[Instrument] = []
        self._at: list[int] = []
        self._blocks: list[tuple[Ints, Floats]] = []
        self._seen: tuple[tuple[Instrument, ...], Ints, Ints] | None = None

    def show(self, at: int, board: BoardSnapshot) -> None:
        """Keep the calls of one board."""
        calls, options = self._calls(board.instruments)
        strike = np.array([self._options[one].strike for one in options.tolist()], dtype=np.float64)
        expires_at = np.array(
            [self._options[one].expires_at for one in options.tolist()], dtype=np.int64
        )
        forward, vol = board.underlying_price[calls], board.mark_iv[calls]
        known = (forward > 0) & (vol > 0) & np.isfinite(forward) & np.isfinite(vol)
        deltas = np.full(len(calls), np.nan)
        years = np.maximum(expires_at[known] - at, 0) / YEAR
        deltas[known] = delta(
            np.ones(int(known.sum())), forward[known], strike[known], years, vol[known]
        )
        shown = np.stack(
            (deltas, board.bid[calls], board.ask[calls], board.mark[calls], vol, forward)
        )
        self._at.append(at)
        self._blocks.append((options, shown))

    def _calls(self, instruments: tuple[Instrument, ...]) -> tuple[Ints, Ints]:
        """Find the rows of calls, and the place of each among all options; boards share theirs."""
        if self._seen is None or self._seen[0] is not instruments:
            rows = [row for row, one in enumerate(instruments) if one.option_type == "call"]
            places = [self._place(instruments[row]) for row in rows]
            self._seen = (
                instruments, np.array(rows, dtype=np.int64), np.array(places, dtype=np.int64),
            )  # fmt: skip
        return self._seen[1:]

    def _place(self, option: Instrument) -> int:
        place = self._places.setdefault(option.name, len(self._options))
        if place == len(self._options):
            self._options.append(option)
        return place

    def finish(self, history: History, fits: tuple[Fit, ...]) -> CallTape:
        """Lay what was kept into arrays."""
        counts = [len(one) for one, _ in self._blocks]
        options = [one for one, _ in self._blocks] or [np.empty(0, dtype=np.int64)]
        shown = np.concatenate(
            [one for _, one in self._blocks] or [np.empty((len(ROW_COLUMNS) - 1, 0))], axis=1
        )
        known = sorted(self.closes)
        return CallTape(
            underlying=history.underlying,
            believed=history.step,
            at=np.array(self._at, dtype=np.int64),
            first=np.concatenate(([0], np.cumsum(counts, dtype=np.int64))).astype(np.int64),
            option=np.concatenate(options),
            **dict(zip(ROW_COLUMNS[1:], shown, strict=True)),
            names=tuple(one.name for one in self._options),
            strike=np.array([one.strike or np.nan for one in self._options], dtype=np.float64),
            expires_at=np.array([one.expires_at or 0 for one in self._options], dtype=np.int64),
            known_at=np.array(known, dtype=np.int64),
            close=np.array([self.closes[one] for one in known], dtype=np.float64),
            deliveries=self.deliveries,
            provenance=history.provenance,
            fits=fits,
        )


class TapeDataSource:
    """A tape as a `DeribitDataSource`: recorded or modelled chains, one question at a time.

    Chains are those believed at the instant; they hold calls only. Closes are hourly: bars of finer
    timeframes hold what closed within them, coarser ones the last of theirs.
    """

    candle_label: Final = "open"

    def __init__(self, tape: CallTape) -> None:
        self.tape = tape
        self._places = {name: place for place, name in enumerate(tape.names)}
        order = np.argsort(tape.option, kind="stable")
        self._rows = order
        self._starts = np.searchsorted(tape.option[order], np.arange(len(tape.names) + 1))
        self._row_at = np.repeat(tape.at, np.diff(tape.first))

    @classmethod
    def of(cls, history: History, start: datetime, end: datetime) -> TapeDataSource:
        """Record a span of recorded or modelled chains.

        Raises:
            ValueError: the history does not hold the span.
        """
        return cls(record_tape(history, nanoseconds(start), nanoseconds(end)))

    def list_option_chain(self, underlying: str, as_of: datetime) -> list[OptionSnapshot]:
        """Return the calls of the board believed at an instant; empty where none is."""
        self._check(underlying)
        tape = self.tape
        board = int(tape.board_at(np.array([nanoseconds(as_of)], dtype=np.int64))[0])
        if board < 0:
            return []
        rows = slice(int(tape.first[board]), int(tape.first[board + 1]))
        columns = (getattr(tape, name)[rows].tolist() for name in SHOWN)
        return [
            OptionSnapshot(
                kind="call",
                expiry=moment(int(tape.expires_at[option])),
                delta=None if deltas != deltas else deltas,
                mark_price=None if mark != mark else mark,
                instrument_name=tape.names[option],
                strike=float(tape.strike[option]),
                bid_price=bid,
                ask_price=ask,
                mark_iv=iv,
            )
            for option, deltas, bid, ask, mark, iv in zip(*columns, strict=True)
        ]

    def get_spot_ohlc(
        self, underlying: str, start: datetime, end: datetime, timeframe: str
    ) -> Ohlc:
        """Return bars that opened from `start` to `end`."""
        self._check(underlying)
        spots = self.tape.spots
        return _bars(spots.known_at, spots.close, start, end, timeframe)

    def get_option_ohlc(
        self, instrument_name: str, start: datetime, end: datetime, timeframe: str
    ) -> Ohlc:
        """Return bars of the marks shown within them; bars without a board are left out.

        Raises:
            ValueError: no board ever showed the option.
        """
        place = self._places.get(instrument_name)
        if place is None:
            raise ValueError(f"instrument_name {instrument_name!r}: no board shows it")
        rows = self._rows[self._starts[place] : self._starts[place + 1]]
        rows = rows[np.isfinite(self.tape.mark[rows])]
        return _bars(self._row_at[rows], self.tape.mark[rows], start, end, timeframe)

    def get_delivery_price(self, underlying: str, expiry: datetime) -> float | None:
        """Return the price at an expiry; None where it is not known."""
        self._check(underlying)
        return self.tape.deliveries.get(nanoseconds(expiry))

    def _check(self, underlying: str) -> None:
        if underlying != self.tape.underlying:
            raise ValueError(f"underlying {underlying!r}: this source is {self.tape.underlying}'s")


def _bars(at: Ints, price: Floats, start: datetime, end: datetime, timeframe: str) -> Ohlc:
    """Gather prices into the bars that hold them: each belongs to the bar that ends with it."""
    step = timeframe_ns(timeframe)
    opened = -(-at // step) * step - step
    first = np.searchsorted(opened, nanoseconds(start), side="left")
    last = np.searchsorted(opened, nanoseconds(end), side="right")
    opened, price = opened[first:last], price[first:last]
    bars, begins = np.unique(opened, return_index=True)
    if not len(bars):
        nothing = np.empty(0)
        return Ohlc(bars, nothing, nothing, nothing, nothing)
    ends = np.append(begins[1:], len(opened)) - 1
    return Ohlc(
        bars, price[begins], np.maximum.reduceat(price, begins),
        np.minimum.reduceat(price, begins), price[ends],
    )  # fmt: skip
