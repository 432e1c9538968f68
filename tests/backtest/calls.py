"""What do tests of covered calls sell? A source by hand with three methods, and a modelled tape."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.backtest.pasts import chains, day
from trader.backtest.call_tape import TapeDataSource
from trader.backtest.covered_call import CallSimulationConfig
from trader.backtest.option_data import TIMEFRAMES, OptionSnapshot
from trader.domain.units import moment

T0 = datetime(2026, 1, 2, 8, tzinfo=UTC)
WEEK = timedelta(days=7)
HOURS = timedelta(hours=1)


class Table:
    """A stranger's frame: no class of ours, just an index and columns."""

    def __init__(self, rows: Mapping[datetime, float]) -> None:
        self.index = list(rows)
        self._close = list(rows.values())

    def __getitem__(self, column: str) -> list[float]:
        assert column == "close"
        return self._close


class HandSource:
    """Three methods and no more. Bars are labelled by their opening, prices are functions of time.

    `spot` and `worth` (name, instant) are asked at the end of each bar.
    """

    def __init__(
        self,
        spot: Callable[[datetime], float | None],
        chain: Callable[[datetime], list[Any]],
        worth: Callable[[str, datetime], float | None],
    ) -> None:
        self.spot = spot
        self.chain = chain
        self.worth = worth

    def list_option_chain(self, underlying: str, as_of: datetime) -> list[Any]:
        assert underlying == "BTC"
        return self.chain(as_of)

    def get_spot_ohlc(
        self, underlying: str, start: datetime, end: datetime, timeframe: str
    ) -> Table:
        assert underlying == "BTC"
        return self._bars(self.spot, start, end, timeframe)

    def get_option_ohlc(
        self, instrument_name: str, start: datetime, end: datetime, timeframe: str
    ) -> Table:
        return self._bars(functools.partial(self.worth, instrument_name), start, end, timeframe)

    def _bars(
        self, price: Callable[[datetime], float | None], start: datetime, end: datetime, name: str
    ) -> Table:
        step = timedelta(microseconds=TIMEFRAMES[name] // 1_000)
        count = -((T0 - start) // step)
        at = T0 + count * step
        rows: dict[datetime, float] = {}
        while at <= end:
            if (found := price(at + step)) is not None:
                rows[at] = found
            at += step
        return Table(rows)


def call(name: str = "BTC-9JAN26-70000-C", **changes: Any) -> OptionSnapshot:
    """Quote a week's call at delta .25."""
    told: dict[str, Any] = {
        "kind": "call", "expiry": T0 + WEEK, "delta": 0.25, "mark_price": 0.021,
        "instrument_name": name, "bid_price": 0.02, "ask_price": 0.022,
    }  # fmt: skip
    return OptionSnapshot(**{**told, **changes})


def line(start: float, end: float) -> Callable[[datetime], float]:
    """Let a price go straight from one to another within the week."""
    return lambda at: start + (end - start) * min(max((at - T0) / WEEK, 0.0), 1.0)


def config(**changes: Any) -> CallSimulationConfig:
    """Decide once a day for a week and a day, free of charge."""
    told: dict[str, Any] = {
        "underlying": "BTC", "start": T0, "end": T0 + WEEK, "fee_rate": 0.0,
        "delivery_fee_rate": 0.0,
    }  # fmt: skip
    return CallSimulationConfig(**{**told, **changes})


def held(end: float, *, start: float = 65_000.0, **changes: Any) -> HandSource:
    """Let the coin end somewhere; one call of 70,000 is quoted, and worth its premium till then."""
    return HandSource(
        line(start, end), lambda at: [call(**changes)] if at == T0 else [], lambda name, at: 0.021
    )


@functools.cache
def modelled(days: int = 40) -> TapeDataSource:
    """Keep the boards of a wandering price."""
    return TapeDataSource.of(chains(days, days_max=11.0), moment(day(2)), moment(day(days - 1)))


def study(**changes: Any) -> CallSimulationConfig:
    """Decide over the modelled days, with costs."""
    told: dict[str, Any] = {
        "underlying": "BTC", "start": moment(day(4)), "end": moment(day(36)),
        "decision_interval_bars": 5, "dte_tolerance": 3.6, "delta_tolerance": 0.1,
        "initial_spot_position": 3.0,
    }  # fmt: skip
    return CallSimulationConfig(**{**told, **changes})
