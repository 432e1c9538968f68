"""What would the boards have shown? Candles and a volatility level, priced on a modelled surface.

Real are the prices of the coin and, where there is one, the volatility index. Modelled are smile,
term structure, spreads and sizes: every result made from this says so.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from trader.backtest.history import Provenance, check_span
from trader.backtest.ladder import SIZE_TYPICAL, Ladder
from trader.domain.events import (
    BoardSnapshot,
    DeliveryPrice,
    HistoryLoaded,
    IndexPrice,
    InstrumentExpired,
)
from trader.domain.instruments import spot_pair
from trader.domain.market import Bars
from trader.domain.option_terms import COINS, option_terms
from trader.domain.units import DAY, HOUR, MILLISECOND, YEAR, iso
from trader.pricing.normal import density
from trader.pricing.normalized import normalized
from trader.pricing.regime import CLOSES_KEPT
from trader.pricing.surface import Smile, Term

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trader.domain.events import Event
    from trader.domain.instruments import Instrument
    from trader.domain.market import Floats, Ints

EIGHT: Final = 8 * HOUR
LONG_RUN_HOURS: Final = 365 * 24
SPOT_HALF_SPREAD: Final = 0.0001
SPOT_SIZE: Final = 10.0
"""What is shown of the coin beside linear options, in sizes of an option."""

LINEAR_CAVEATS: Final = (
    f"the coin is quoted {SPOT_HALF_SPREAD:.2%} to either side of its index, without a fee",
    "assigned coin is bought and sold at the delivery price itself, without slippage",
)


class Candles(msgspec.Struct, frozen=True):
    """Hourly bars of a coin in USD, columns of one length; a bar is known an hour after it opened.

    Invariant: hours rise one by one without a gap and every price is a positive number.
    """

    opened_at: Ints
    open: Floats
    high: Floats
    low: Floats
    close: Floats

    def __post_init__(self) -> None:
        for field in ("open", "high", "low", "close"):
            column = getattr(self, field)
            if len(column) != len(self.opened_at):
                raise ValueError(f"candles: {field} has {len(column)} of {len(self.opened_at)}")
            wrong = np.flatnonzero(~((column > 0) & np.isfinite(column)))
            if len(wrong):
                when = iso(int(self.opened_at[wrong[0]]))
                raise ValueError(f"candles: {field} {column[wrong[0]]!r} at {when} is no price")
        if not len(self.opened_at):
            raise ValueError("candles: there are none")
        apart = np.flatnonzero(np.diff(self.opened_at) != HOUR)
        if len(apart):
            when = iso(int(self.opened_at[apart[0]]))
            raise ValueError(f"candles: the bar after {when} is not the next hour's: fill the gap")

    @property
    def span(self) -> tuple[int, int]:
        """From the first close to the last."""
        return int(self.opened_at[0]) + HOUR, int(self.opened_at[-1]) + HOUR

    def row_at(self, at: int) -> int:
        """Find the bar that closed last by an instant."""
        return int((at - int(self.opened_at[0])) // HOUR) - 1

    def price_at(self, at: int) -> float:
        """Tell the last close by an instant."""
        return float(self.close[self.row_at(at)])

    def bars_until(self, at: int) -> Bars:
        """Show what had closed by an instant, as far back as anybody may look."""
        last = self.row_at(at) + 1
        rows = slice(max(last - CLOSES_KEPT, 0), last)
        columns = (self.open, self.high, self.low, self.close)
        return Bars(
            tuple(self.opened_at[rows].tolist()), *(tuple(one[rows].tolist()) for one in columns)
        )


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """How makers would have quoted: half a spread in volatility and in value, at least half a tick.

    `spread_factor` and `fee_factor` are the stresses; `missing_share` of each board, the widest
    quotes, shows nothing.
    """

    half_spread_vol: float = 0.008
    half_spread_value: float = 0.01
    spread_factor: float = 1.0
    fee_factor: float = 1.0
    missing_share: float = 0.0

    def __post_init__(self) -> None:
        for field in self.__struct_fields__:
            value = getattr(self, field)
            if not 0 <= value < math.inf:
                raise ValueError(f"costs: {field} {value!r} must be zero or a positive number")
        if self.missing_share >= 1:
            raise ValueError(f"costs: missing_share {self.missing_share!r} must be below 1")


class Level(msgspec.Struct, frozen=True):
    """The volatility of 30 days at the money at each candle's close, as a fraction, and its source.

    NaN in front says that it was not known yet: no board is modelled there. `source` is "index" (a
    published volatility index), "realized" (realized volatility times a stated ratio) or "partly"
    (the first where there is one, else the second, `note` says when): the reports name it.
    """

    vol: Floats
    source: str
    note: str = ""


class ModelledChains:
    """A history made of candles and a volatility level. A function of its arguments alone."""

    def __init__(
        self,
        underlying: str,
        candles: Candles,
        level: Level,
        *,
        smile: Smile | None = None,
        smile_note: str = "",
        term: Term | None = None,
        costs: Costs | None = None,
        step: int = HOUR,
        at_minute: int = 0,
        days_max: float = 45.0,
        iv_factor: float = 1.0,
        source: str = "candles",
        linear: bool = False,
    ) -> None:
        if underlying not in COINS:
            raise ValueError(f"underlying {underlying!r}: modelled boards know {', '.join(COINS)}")
        if len(level.vol) != len(candles.close):
            raise ValueError(f"level: {len(level.vol)} values for {len(candles.close)} candles")
        self._first = known_from(level.vol)
        wrong = ~(np.isfinite(level.vol) & (level.vol > 0))
        if wrong[self._first :].any():
            when = iso(int(candles.opened_at[self._first + int(wrong[self._first :].argmax())]))
            raise ValueError(f"level: the volatility at {when} must be a positive number")
        if step % HOUR or step <= 0 or DAY % step:
            raise ValueError(f"step {step} ns must be whole hours that divide a day")
        self.underlying = underlying
        self.step = step
        self._candles = candles
        self._vol = level.vol * iv_factor
        unknown = np.full(self._first, np.nan)
        long_run = _trailing_mean(self._vol[self._first :], LONG_RUN_HOURS)
        self._long_run = np.concatenate((unknown, long_run))
        self._smile = smile or Smile()
        self._term = term or Term()
        self._costs = costs or Costs()
        self._at_minute = at_minute
        self._days_max = days_max
        self._linear = linear
        self._terms = option_terms(underlying, linear=linear)
        self._size = SIZE_TYPICAL[underlying, linear]
        self.provenance = Provenance(
            kind="modelled",
            source=source,
            caveats=_caveats(level, self._smile, smile_note, self._term, self._costs)
            + (LINEAR_CAVEATS if linear else ()),
        )

    @property
    def span(self) -> tuple[int, int]:
        """From the first close with a volatility on, to the last."""
        opened_at = self._candles.opened_at
        return int(opened_at[self._first]) + HOUR, int(opened_at[-1]) + HOUR

    def events(self, start: int, end: int) -> Iterator[tuple[int, Event]]:
        """Walk the boards, indices and deliveries of a span."""
        first, last = self.span
        check_span((first, last + HOUR - 1), start, end)  # no other close is due before
        yield start, HistoryLoaded(self.underlying, self._candles.bars_until(start))
        factor = self._costs.fee_factor
        ladder = Ladder(
            self.underlying, days_max=self._days_max, fee_factor=factor, linear=self._linear
        )
        at = start
        before: tuple[Instrument, ...] = ()
        while at < end:
            until = min((at - EIGHT) // DAY * DAY + DAY + EIGHT, end)
            if at % DAY == EIGHT and at > start:
                yield at, DeliveryPrice(self.underlying, at, self._candles.price_at(at))
                gone = tuple(one.name for one in before if (one.expires_at or 0) <= at)
                if gone:
                    yield at, InstrumentExpired(gone)
            vol = float(self._vol[self._candles.row_at(at)])
            listed = ladder.options(at, self._candles.price_at(at), vol)
            yield from self._day(listed, at, until)
            at, before = until, listed

    def _day(
        self, listed: tuple[Instrument, ...], start: int, end: int
    ) -> Iterator[tuple[int, Event]]:
        """Show the boards of one listing, priced in one stroke; between them each hour's close."""
        offset = self._at_minute * 60_000 * MILLISECOND
        shown = np.arange(-(-(start - offset) // self.step) * self.step + offset, end, self.step)
        boards = iter(self._boards(listed, shown))
        board_at = int(shown[0]) if len(shown) else end
        hour = start
        while hour < end:
            until = min(hour - hour % HOUR + HOUR, end)
            while hour <= board_at < until:
                yield board_at, next(boards)
                board_at += self.step
            closes = until - MILLISECOND
            if until % HOUR == 0:  # the last price of an hour belongs to its bar
                price = self._candles.price_at(until)
                yield closes, IndexPrice(self.underlying, price, closes)
            hour = until

    def _boards(self, listed: tuple[Instrument, ...], shown: Ints) -> Iterator[BoardSnapshot]:
        """Price every option at every instant of a day."""
        if not len(shown):
            return
        rows = (shown - int(self._candles.opened_at[0])) // HOUR - 1
        index = self._candles.close[rows]
        strike = np.array([one.strike for one in listed])
        sign = np.array([1.0 if one.option_type == "call" else -1.0 for one in listed])
        expires_at = np.array([one.expires_at for one in listed], dtype=np.int64)
        years = np.maximum(expires_at[None, :] - shown[:, None], 0) / YEAR
        level = self._term.level(self._vol[rows][:, None], self._long_run[rows][:, None], years)
        distance = np.log(strike[None, :] / index[:, None])
        vol = np.round(self._smile.vol(level, years, distance), 4)
        mark, vega = _values(sign, distance, vol * np.sqrt(years))
        half = self._costs.spread_factor * (
            self._costs.half_spread_vol * vega * np.sqrt(years) * (0.5 + vol)
            + self._costs.half_spread_value * mark
        )
        if self._linear:
            mark, half = mark * index[:, None], half * index[:, None]
        bid, ask = self._sides(mark, half)
        size = np.full(len(listed), self._size)
        if self._linear:  # the coin itself stands beside its options
            listed = (*listed, spot_pair(self.underlying))
            size = np.append(size, SPOT_SIZE * size[:1])
            bid, ask, mark, vol = (
                np.column_stack((one, coin))
                for one, coin in (
                    (bid, index * (1.0 - SPOT_HALF_SPREAD)),
                    (ask, index * (1.0 + SPOT_HALF_SPREAD)),
                    (mark, index),
                    (vol, np.full(len(index), np.nan)),
                )
            )
        underlying_price = np.broadcast_to(index[:, None], mark.shape)
        for number, at in enumerate(shown.tolist()):
            yield BoardSnapshot(
                self.underlying, at, float(index[number]), listed, bid[number], size, ask[number],
                size, mark[number], vol[number], underlying_price[number],
            )  # fmt: skip

    def _sides(self, mark: Floats, half: Floats) -> tuple[Floats, Floats]:
        """Put both sides on the tick grid around the mark; no bid below one tick."""
        terms = self._terms
        ((above, wide),) = terms.tick_size_steps
        low, high = mark - half, mark + half
        low_tick = np.where(low >= above, wide, terms.tick_size)
        high_tick = np.where(high >= above, wide, terms.tick_size)
        bid = np.round(np.floor(low / low_tick + 1e-9) * low_tick, 6)
        ask = np.round(np.ceil(high / high_tick - 1e-9) * high_tick, 6)
        bid = np.where(bid > 0, bid, np.nan)
        if self._costs.missing_share > 0:
            width = (ask - bid) / np.maximum(mark, terms.tick_size)
            widest = np.nanquantile(width, 1.0 - self._costs.missing_share, axis=1)[:, None]
            missing = width >= widest
            bid, ask = np.where(missing, np.nan, bid), np.where(missing, np.nan, ask)
        return bid, ask


def _values(sign: Floats, distance: Floats, deviation: Floats) -> tuple[Floats, Floats]:
    """Return Black-76 values and vegas (per unit of deviation) in coin, F = 1, arrays of a day."""
    curve = normalized(-np.abs(distance).ravel(), deviation.ravel())
    moneyness = np.exp(distance)
    time_value = curve.value.reshape(distance.shape) * np.exp(0.5 * distance)
    mark = time_value + np.maximum(sign * (1.0 - moneyness), 0.0)
    alive = np.maximum(deviation, 1e-9)
    vega = density(-distance / alive + 0.5 * alive)
    return np.maximum(mark, 0.0), vega


def known_from(vol: Floats) -> int:
    """Find the first row with a volatility.

    Raises:
        ValueError: there is none.
    """
    known = np.flatnonzero(~np.isnan(vol))
    if not len(known):
        raise ValueError("level: no volatility is known")
    return int(known[0])


def _trailing_mean(values: Floats, window: int) -> Floats:
    """Average the last `window` values, or what there is of them."""
    sums = np.concatenate(([0.0], np.cumsum(values)))
    count = np.minimum(np.arange(1, len(values) + 1), window)
    mean: Floats = (sums[1:] - sums[np.arange(1, len(values) + 1) - count]) / count
    return mean


def realized_level(candles: Candles, *, days: int = 30, ratio: float = 1.1) -> Level:
    """Estimate the volatility level from realized volatility times a stated ratio (flagged).

    Hours before the first full window use what there is of it; the first day is not known.
    """
    moves = np.diff(np.log(candles.close)) ** 2
    vol = np.full(len(candles.close), np.nan)
    vol[1:] = np.maximum(ratio * np.sqrt(_trailing_mean(moves, days * 24) * 365 * 24), 0.05)
    vol[:24] = np.nan
    note = f"{ratio:g} times the realized volatility of {days} days"
    return Level(vol, "realized", note)


def _caveats(
    level: Level, smile: Smile, smile_note: str, term: Term, costs: Costs
) -> tuple[str, ...]:
    index = "at-the-money volatility follows the published volatility index"
    variance = "a price of 30-day variance, which lies somewhat above the money's volatility"
    named = f" ({level.note})" if level.note else ""
    source = {
        "index": f"{index}{named}, {variance}",
        "partly": f"{index}, {variance}, as far as there is one: {level.note}",
        "realized": f"NO volatility index: its level is assumed, {level.note}",
    }.get(level.source, level.note)
    origin = smile_note or "assumed, there are no recorded boards to fit it to"
    shape = f"smile: SSVI with rho {smile.rho:g}, eta {smile.eta:g}, {origin}"
    spread = f"{costs.half_spread_vol:.1%} of volatility + {costs.half_spread_value:.1%} of price"
    return (
        "option boards are modelled, not recorded",
        source,
        shape,
        f"term structure: variance reverts to its own mean at an assumed {term.kappa:g} a year",
        f"modelled spreads: half of one is {spread}; displayed sizes are assumed",
        "forwards equal the index; an expiry settles at the hourly close of 08:00",
        "of the hours within a run only first and last prices are known, not their extremes",
    )
