"""Does the live engine trade what the portfolio backtest trades? The same bars through both.

The market moves through every price between the turns of a bar, so it meets stops and targets at
themselves, and it is as wide as the backtest's slippage: not at all. The gate judges every trade of
the engine; its limits are wide in one test, so that sizes compare, and the daemon's in the other.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pyarrow.parquet
import pytest

from tests.backtest.portfolio_oracle import DEFAULTS, Oracle, Symbol
from trader.backtest.features import add_features
from trader.backtest.portfolio import run_portfolio_backtest
from trader.domain.events import (
    HistoryLoaded,
    IndexPrice,
    InstrumentListed,
    Quote,
    Stamped,
    TimerFired,
)
from trader.domain.facts import EpochOpened, Filled, OrderPlaced, Recorded
from trader.domain.market import Bars
from trader.domain.trading import Approved, Refused
from trader.domain.units import HOUR, MINUTE, SECOND
from trader.engine.audit import Audit
from trader.engine.engine import MANAGE, Engine, EngineSettings
from trader.engine.paper_broker import BrokerSettings
from trader.engine.review import Slot
from trader.risk.limits import RiskSettings
from trader.strategies.sketch import fictitious_perpetual
from trader.strategies.strategy import Cadence
from trader.strategies.trend_pullback import TrendPullback
from trader.strategies.trend_sleeves import TrendPullbackSettings

BEGIN = 1_767_225_600 * SECOND
ROWS, KNOWN = 900, 201
EQUITY = 1_000_000.0
STEP = 0.0001
STEPS = {"stop": 1.5, "time_exit": 1.5}
"""What is left after a partial exit and a pyramid was rounded three times, all else once."""
PERPETUAL = msgspec.structs.replace(
    fictitious_perpetual("BTC", linear=True), maker_fee_rate=0.0004, taker_fee_rate=0.0004,
    tick_size=1e-8,
)  # fmt: skip
WIDE = RiskSettings(
    max_risk_per_trade=0.5, max_risk_per_underlying=1.0, max_new_trades_per_day=1000,
    daily_loss_halt=1.0, drawdown_halt=1.0, min_size_share=1e-6,
)  # fmt: skip


def market(seed: int) -> pd.DataFrame:
    """Let a coin trend up and down by turns, each bar from the close before."""
    random = np.random.default_rng(seed)
    drift = np.repeat(random.choice([0.0022, -0.0012, 0.0004], ROWS // 30 + 1), 30)[:ROWS]
    close = 40_000.0 * np.exp(np.cumsum(drift + random.normal(0, 0.004, ROWS)))
    opened = np.concatenate((close[:1], close[:-1]))
    wick = 1 + np.abs(random.normal(0, 0.0015, (2, ROWS)))
    columns = {
        "open": opened, "high": np.maximum(opened, close) * wick[0],
        "low": np.minimum(opened, close) / wick[1], "close": close,
    }  # fmt: skip
    index = pd.to_datetime(BEGIN + np.arange(ROWS) * HOUR, utc=True)
    return add_features(pd.DataFrame(columns, index=index))


class Pit:
    """An engine with one `trend_pullback`, driven through bars; notes the stops of every hour."""

    def __init__(self, frame: pd.DataFrame, risk: RiskSettings) -> None:
        self.frame, self.risk = frame, risk
        settings = TrendPullbackSettings(linear=True)
        strategy = TrendPullback(
            name="trend", underlying="BTC", settings=settings, timetable=Cadence(HOUR, 0, HOUR)
        )
        slot = Slot(strategy, "v1", "PRODUCTION")
        ages = EngineSettings(quote_age_s_max=7200.0)
        self.engine = Engine([slot], risk, BrokerSettings(), ages)
        self.records: list[Recorded] = []
        self.stops: dict[int, dict[str, float]] = {}
        self.bars: Bars | None = None
        self.at = self.opened(KNOWN)
        epoch = EpochOpened(
            epoch=1, feed="test", speed=1.0, market="test", software="", configuration_hash=""
        )
        started = self.engine.start(epoch, {"USDC": EQUITY}, self.at)
        self.records += started.records
        self.send(InstrumentListed((PERPETUAL,)))
        self.send(HistoryLoaded("BTC", self.history(KNOWN)))

    def opened(self, row: int) -> int:
        """Tell when a bar opens."""
        return BEGIN + row * HOUR

    def history(self, rows: int) -> Bars:
        """Show the first bars."""
        prices = (
            tuple(self.frame[name][:rows].tolist()) for name in ("open", "high", "low", "close")
        )
        return Bars(tuple(self.opened(row) for row in range(rows)), *prices)

    def send(self, event: Any) -> None:
        """Process one event now."""
        outcome = self.engine.process(Stamped(self.engine.sequence + 1, self.at, event))
        self.records += outcome.records

    def show(self, price: float) -> None:
        """Trade at a price a second later, on both sides."""
        self.at += SECOND
        self.send(IndexPrice("BTC", price, self.at))
        sides = (price, 1e6, price, 1e6)
        self.send(Quote(PERPETUAL.name, self.at, *sides, price, math.nan, price, price))

    def move(self, begin: float, to: float) -> None:
        """Go through every price that anybody waits for."""
        stops = [one.course.stop.price for one in self.engine.ledger.chains.values() if one.course]
        for stop in sorted(stops, reverse=True):
            if to <= stop < begin:
                self.show(stop)
                self.show(stop)  # the order made on the first is filled by the second
        self.show(to)

    def fire(self) -> None:
        """Fire the timers that are due."""
        while (due := self.engine.timers.next_due()) and due[0] <= self.at:
            self.send(TimerFired(due[1], self.at))

    def leaving(self, chain: str) -> bool:
        """Whether the decision of this close is to leave a chain: it is gone a moment later."""
        orders = self.engine.ledger.working(chain)
        return any(one.order.action == "close" and one.order.limit_net is None for one in orders)

    def run(self) -> None:
        """Walk through all bars: decide on each close, then enter, then meet what waits."""
        for row in range(KNOWN, ROWS):
            bar = self.frame.iloc[row]
            self.show(bar["open"])
            self.show(bar["open"])  # what was met at the open is left there
            self.at = self.opened(row) + MINUTE
            self.send(TimerFired(MANAGE + "trend", self.at))
            self.move(bar["open"], bar["low"])
            self.show(bar["high"])
            self.show(bar["close"])
            self.at = self.opened(row + 1)
            self.fire()
            self.stops[row] = {
                one.course.tag: one.course.stop.price
                for one in self.engine.ledger.chains.values()
                if one.course is not None and one.filled and not self.leaving(one.id)
            }
        self.bars = self.engine.market.bars.closed(PERPETUAL.name)


class Watched(Oracle):
    """The plain backtest, which notes the stops of every hour as well."""

    def __init__(self, frame: pd.DataFrame) -> None:
        from types import SimpleNamespace

        terms = {
            **DEFAULTS, "starting_equity": EQUITY, "entry_slippage_bps": 0.0,
            "exit_slippage_bps": 0.0,
        }  # fmt: skip
        super().__init__({"BTCUSDT": Symbol(frame)}, SimpleNamespace(**terms), (True, True, True))
        self.stops: dict[int, dict[str, float]] = {}

    def _record(self, time: Any) -> None:
        super()._record(time)
        self.stops[self.symbols["BTCUSDT"].place(time)] = {
            held.sleeve: held.stop for held in self.book
        }


def traded(pit: Pit) -> list[dict[str, Any]]:
    """List the fills of a run as the backtest lists its events: sleeve, kind, instant, size."""
    approved: dict[str, Approved] = {}
    orders: dict[str, Approved] = {}
    tags: dict[str, str] = {}
    found = []
    for recorded in pit.records:
        match recorded.fact:
            case Approved() as one:
                approved[one.verdict_id] = one
                tags.setdefault(one.chain_id, one.intent.tag)
            case OrderPlaced() as placed:
                orders[placed.order.order_id] = approved[placed.order.verdict_id]
            case Filled() as fill:
                intent = orders[fill.order_id].intent
                found.append(
                    {
                        "sleeve": tags[fill.chain_id],
                        "kind": KINDS.get(intent.action) or how_left(intent.reason),
                        "row": (recorded.at - BEGIN) // HOUR,
                        "price": fill.legs[0].price,
                        "size": fill.amount,
                        "stop": intent.stop.price if intent.stop is not None else None,
                    }
                )
            case _:
                pass
    return found


KINDS = {"open": "entry", "add": "pyramid"}


def how_left(reason: str) -> str:
    """Name the exit as the backtest does."""
    if reason.startswith("stop"):
        return "stop"
    return "partial" if "half" in reason else "time_exit"


def simulated(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Run the portfolio backtest over one symbol; what it closes at the end is no trade."""
    trades, _, _ = run_portfolio_backtest(
        {"BTCUSDT": frame}, starting_equity=EQUITY, entry_slippage_bps=0.0, exit_slippage_bps=0.0
    )
    return [one for one in trades if one["type"] != "final_exit"]


def compare(frame: pd.DataFrame) -> int:
    """Drive the same bars through both; return how many trades were compared."""
    pit, plain = Pit(frame, WIDE), Watched(frame)
    pit.run()
    plain.run()
    assert pit.bars == pit.history(ROWS)
    mine, theirs = traded(pit), simulated(frame)
    assert [(one["sleeve"], one["kind"]) for one in mine] == [
        (one["strategy"], one["type"]) for one in theirs
    ]
    for one, other in zip(mine, theirs, strict=True):
        assert one["price"] == pytest.approx(other["price"], rel=1e-11)
        assert abs(one["size"] - other["size"]) <= STEPS.get(one["kind"], 1.1) * STEP
    for row in range(KNOWN, ROWS - 1):
        assert pit.stops[row] == plain.stops[row], row
    assert Audit(WIDE).read(pit.records) == ()
    return len(theirs)


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5, 6])
def test_the_engine_trades_what_the_backtest_trades(seed: int) -> None:
    """Signals, bars and stops to the last bit; prices; sizes to one contract step; same order."""
    assert compare(market(seed)) >= 6


@pytest.mark.real_data
def test_it_does_so_on_a_real_market(real_data: Path) -> None:
    """Five stretches of BTC, each hour opened at the close before: nobody trades in between."""
    path = real_data / "ohlcv" / "binance_perp_1h_to_2023.parquet"
    table = pyarrow.parquet.read_table(path).to_pandas()
    table = table[table["symbol"] == "BTCUSDT"]
    index = pd.to_datetime(BEGIN + np.arange(ROWS) * HOUR, utc=True)
    compared = 0
    for first in (0, 5_000, 12_000, 20_000, 30_000):
        rows = table.iloc[first : first + ROWS]
        high, low, close = (rows[name].to_numpy(np.float64) for name in ("high", "low", "close"))
        opened = np.concatenate((close[:1], close[:-1]))
        columns = {
            "open": opened, "high": np.maximum(high, opened), "low": np.minimum(low, opened),
            "close": close,
        }  # fmt: skip
        compared += compare(add_features(pd.DataFrame(columns, index=index)))
    assert compared > 50


def test_together_the_bars_show_every_rule() -> None:
    """Stops, partials, pyramids, time stops, of both sleeves: nothing is compared empty."""
    kinds = {
        (one["strategy"], one["type"]) for seed in range(1, 7) for one in simulated(market(seed))
    }
    for sleeve, kind in (
        ("trend_long", "entry"), ("trend_long", "stop"), ("trend_long", "partial"),
        ("trend_long", "pyramid"), ("trend_long", "time_exit"), ("pullback_long", "entry"),
        ("pullback_long", "stop"), ("pullback_long", "time_exit"),
    ):  # fmt: skip
        assert (sleeve, kind) in kinds


def test_with_the_limits_of_the_daemon_entries_are_the_same_and_no_larger() -> None:
    """The gate only shrinks or refuses; where it does neither, the stop is the backtest's."""
    frame = market(2)
    pit = Pit(frame, RiskSettings())
    pit.run()
    mine = [one for one in traded(pit) if one["kind"] == "entry"]
    assert mine
    features = {name: frame[name].to_numpy() for name in ("ATR", "SMA20", "low")}
    for one in mine:
        if one["sleeve"] == "trend_long":
            row = one["row"] - 1
            atr, sma, low = (features[name][row] for name in ("ATR", "SMA20", "low"))
            assert one["stop"] == min(sma - 1.1 * atr, low)
    worst = [one.fact for one in pit.records if isinstance(one.fact, Approved)]
    assert all(one.max_loss.share <= 0.01 + 1e-12 for one in worst)
    refused = [one.fact.rule for one in pit.records if isinstance(one.fact, Refused)]
    assert set(refused) <= {"daily_trades", "per_trade_risk", "below_half_size"}
    assert Audit(RiskSettings()).read(pit.records) == ()
