"""What does a source tell, asked one decision time after the other? Any source will do."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from trader.backtest.call_account import Ways
from trader.backtest.call_regimes import hours_looked_at, regimes_at
from trader.backtest.call_value import Settled, sale_fee, settle
from trader.backtest.option_data import is_linear, read_closes, strike_of, told
from trader.domain.units import DAY, HOUR, moment, nanoseconds
from trader.strategies.call_features import VOL_DAYS, ChainView, Quote

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trader.backtest.call_results import CallSimulationConfig
    from trader.backtest.option_data import DeribitDataSource, Quoted
    from trader.domain.market import Closes
    from trader.domain.models import Regime


class Steps:
    """The answers of a data source to one study, by number of the decision time."""

    def __init__(
        self, source: DeribitDataSource, config: CallSimulationConfig, times: Sequence[int]
    ) -> None:
        self.times = times
        self._source = source
        self._config = config
        self._label = str(getattr(source, "candle_label", "open"))
        self._chains: dict[int, Sequence[Quoted]] = {}
        self._quotes: dict[int, Quote | str] = {}
        self._regimes: list[Regime | None] | None = None

    def at(self, k: int) -> int:
        """Return the instant."""
        return self.times[k]

    def spot(self, k: int) -> float | None:
        """Return the last close of the coin, at most one bar old."""
        at, step = self.times[k], self._config.step
        return self._spots(at - 2 * step, at).last(at, step)

    def closes(self, k: int) -> Closes:
        """Return the coin's closes of the last `VOL_DAYS`, known by then."""
        at = self.times[k]
        return self._spots(at - VOL_DAYS * DAY - 1, at)

    def _spots(self, start: int, end: int) -> Closes:
        """Return the closes that became known after `start` and by `end`."""
        return self._bars(start, end, self._config.timeframe, self._config.step)

    def _bars(self, start: int, end: int, timeframe: str, step: int) -> Closes:
        frame = self._source.get_spot_ohlc(
            underlying=self._config.underlying, start=moment(start - step), end=moment(end),
            timeframe=timeframe,
        )  # fmt: skip
        return read_closes(frame, step, self._label).after(start, end)

    def regime(self, k: int) -> Regime | None:
        """Return the market regime of the coin's hourly closes, asked for once for all times.

        What a source holds after a decision time changes nothing before it.
        """
        if self._regimes is None:
            hours = self._bars(*hours_looked_at(self.times), "1h", HOUR)
            self._regimes = regimes_at(hours, self.times)
        return self._regimes[k]

    def ways(self, sold: Sequence[Quote]) -> Ways:
        """Return each option's closes from its sale to its expiry."""
        marks = [self._marks(one) for one in sold]
        return Ways(
            np.array([len(one.known_at) for one in marks], dtype=np.int64),
            np.concatenate([np.empty(0, dtype=np.int64), *(one.known_at for one in marks)]),
            np.concatenate([np.empty(0), *(one.close for one in marks)]),
        )

    def _marks(self, quote: Quote) -> Closes:
        config = self._config
        frame = self._source.get_option_ohlc(
            instrument_name=quote.instrument_name, start=moment(quote.at - config.step),
            end=moment(quote.expires_at), timeframe=config.timeframe,
        )  # fmt: skip
        return read_closes(frame, config.step, self._label).after(quote.at, quote.expires_at)

    def walked(self) -> Closes:
        """Return the coin's closes of the whole study."""
        config = self._config
        return self._spots(nanoseconds(config.start) - config.step, nanoseconds(config.end))

    def _chain(self, k: int) -> Sequence[Quoted]:
        if k not in self._chains:
            self._chains[k] = self._source.list_option_chain(
                self._config.underlying, as_of=moment(self.times[k])
            )
        return self._chains[k]

    def chain(self, k: int) -> ChainView | None:
        """Return the living calls with a delta and a volatility."""
        rows = [
            (nanoseconds(one.expiry), told(one.delta), told(getattr(one, "mark_iv", None)))
            for one in self._chain(k)
            if one.kind == "call"
        ]
        rows = [one for one in rows if one[0] > self.times[k] and math.isfinite(one[1] + one[2])]
        if not rows:
            return None
        expires_at, delta, mark_iv = zip(*rows, strict=True)
        return ChainView(np.array(expires_at, dtype=np.int64), np.array(delta), np.array(mark_iv))

    def quote(self, k: int) -> Quote | str:
        """Return the call that would be sold, or why there is none."""
        if k not in self._quotes:
            self._quotes[k] = self._quote(k)
        return self._quotes[k]

    def _quote(self, k: int) -> Quote | str:
        config, at = self._config, self.times[k]
        spot = self.spot(k)
        if spot is None:
            return "no_spot"
        best = find_call(self._chain(k), at, config)
        if isinstance(best, str):
            return best
        mark, bid = told(best.mark_price), getattr(best, "bid_price", None)
        if not 0.0 < mark < math.inf:
            return "no_mark_price"
        if config.fill == "bid" and bid is not None:
            if not 0.0 < float(bid) < math.inf:
                return "no_bid"
            price = float(bid)
        else:
            price = mark * (1.0 - config.slippage)
        expires_at = nanoseconds(best.expiry)
        if expires_at > nanoseconds(config.end):
            return "expiry_beyond_end"
        currency, strike = config.premium_currency, getattr(best, "strike", None)
        linear = currency == "usd" or (currency == "auto" and is_linear(best.instrument_name))
        return Quote(
            at=at,
            instrument_name=best.instrument_name,
            expires_at=expires_at,
            strike=strike_of(best.instrument_name) if strike is None else float(strike),
            delta=told(best.delta),
            mark=mark,
            price=price,
            fee=float(sale_fee(config, price, spot, linear)),
            spot=spot,
            linear=linear,
        )

    def settled(self, k: int, quote: Quote) -> Settled | str:
        """Settle what was quoted at decision time number `k`, or say why that cannot be told."""
        spots = self._spots(self.times[k], quote.expires_at)
        delivery = self._delivery(quote, spots)
        if delivery is None:
            return "no_delivery_price"
        return settle(self._config, quote, delivery, spots, self._marks(quote))

    def _delivery(self, quote: Quote, spots: Closes) -> float | None:
        """Return the source's delivery price; the last close, at most a bar old, if it has none."""
        asked = getattr(self._source, "get_delivery_price", None)
        if asked is None:
            return spots.last(quote.expires_at, self._config.step)
        price = asked(self._config.underlying, moment(quote.expires_at))
        return None if price is None else float(price)


def find_call(chain: Sequence[Quoted], at: int, config: CallSimulationConfig) -> Quoted | str:
    """Find the call nearest to the target delta, the first of equals; or say why there is none."""
    if not len(chain):
        return "no_chain"
    calls = [one for one in chain if one.kind == "call" and nanoseconds(one.expiry) > at]
    if not calls:
        return "no_calls"
    due = [
        one
        for one in calls
        if abs((nanoseconds(one.expiry) - at) / DAY - config.target_dte) <= config.dte_tolerance
    ]
    if not due:
        return "no_expiry_in_tolerance"
    known = [one for one in due if math.isfinite(told(one.delta))]
    if not known:
        return "no_delta"
    near = [
        one for one in known if abs(told(one.delta) - config.target_delta) <= config.delta_tolerance
    ]
    if not near:
        return "no_delta_in_tolerance"
    return min(near, key=lambda one: abs(told(one.delta) - config.target_delta))
