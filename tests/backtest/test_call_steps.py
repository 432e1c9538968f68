"""Is any source asked for what was known, and the nearest call found, the first of equals?"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.backtest.calls import HOURS, T0, WEEK, HandSource, Table, call, config, held
from trader.backtest.call_steps import Steps, find_call
from trader.backtest.covered_call import CoveredCallSimulator
from trader.domain.units import nanoseconds

AT = nanoseconds(T0)


def test_the_nearest_delta_wins_and_ties_go_to_the_first() -> None:
    """As the seed's min() has it; puts and other expiries do not count."""
    chain = [
        call("P", kind="put"), call("late", expiry=T0 + 3 * WEEK), call("far", delta=0.29),
        call("first", delta=0.26), call("second", delta=0.24),
    ]  # fmt: skip
    found = find_call(chain, AT, config())
    assert not isinstance(found, str)
    assert found.instrument_name == "first"


def test_a_bar_that_has_not_closed_is_not_known() -> None:
    """Prices rise each hour: at a time between bars the last full hour's is seen."""
    source = HandSource(
        lambda at: 1_000.0 + (at - T0) / HOURS, lambda at: [call()], lambda name, at: 0.02
    )
    half = AT + nanoseconds(T0 + HOURS / 2) - nanoseconds(T0)
    steps = Steps(source, config(), [AT, half])
    assert (steps.spot(0), steps.spot(1)) == (1_000.0, 1_000.0)


def test_a_price_older_than_a_bar_is_none() -> None:
    """A gap in the candles is no price."""
    source = HandSource(
        lambda at: 1_000.0 if at <= T0 - 2 * HOURS else None, lambda at: [], lambda name, at: None
    )
    assert Steps(source, config(), [AT]).spot(0) is None


class Closing(HandSource):
    """Labels its bars by their close."""

    candle_label = "close"

    def _bars(self, price: Any, start: datetime, end: datetime, name: str) -> Table:
        rows = super()._bars(price, start, end, name)
        step = {"1h": HOURS}[name]
        return Table({at + step: one for at, one in zip(rows.index, rows["close"], strict=True)})


class Delivering(HandSource):
    """Knows the delivery price, which is not the last candle's."""

    def get_delivery_price(self, underlying: str, expiry: datetime) -> float:
        assert (underlying, expiry) == ("BTC", T0 + WEEK)
        return 75_000.0


def test_a_source_may_label_bars_by_their_close() -> None:
    """Same prices, other labels: same trade."""
    plain = held(80_000.0)
    closing = Closing(plain.spot, plain.chain, plain.worth)
    one, other = (
        CoveredCallSimulator(source, config()).simulate_single_call(T0, 1.0)
        for source in (plain, closing)
    )
    assert one is not None
    assert one == other


def test_a_delivery_price_is_used_where_there_is_one() -> None:
    """Settled at the venue's price, not at the last candle."""
    plain = held(80_000.0)
    source = Delivering(plain.spot, plain.chain, plain.worth)
    trade = CoveredCallSimulator(source, config()).simulate_single_call(T0, 1.0)
    assert trade is not None
    assert trade.close_spot == 75_000.0
    assert trade.close_price == pytest.approx(5_000.0 / 75_000.0)


def test_marks_on_the_way_make_the_drawdown() -> None:
    """A call that trebles in between shows in the drawdown and in its worst value."""
    source = HandSource(
        lambda at: 65_000.0,
        lambda at: [call()],
        lambda name, at: 0.06 if at == T0 + timedelta(days=3) else 0.021,
    )
    trade = CoveredCallSimulator(source, config()).simulate_single_call(T0, 2.0)
    assert trade is not None
    assert trade.worst_vs_hodl == pytest.approx(2.0 * (0.02 - 0.06) * 65_000.0)
    assert trade.max_drawdown_pct == pytest.approx(4.0)
    assert trade.pnl == pytest.approx(2.0 * 0.02 * 65_000.0)
    assert trade.marked_share == 1.0
