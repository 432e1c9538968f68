"""Does the live engine trade what the portfolio backtest trades? The same bars through both.

The market moves through every price between the turns of a bar, so it meets stops and targets at
themselves, and it is as wide as the backtest's slippage: not at all. The gate judges every trade of
the engine; its limits are wide in one test, so that sizes compare, and the daemon's in the other.
"""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
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
from trader.domain.facts import MAIN_ACCOUNT, EpochOpened, Filled, OrderPlaced, Recorded
from trader.domain.instruments import Instrument
from trader.domain.market import Bars
from trader.domain.trading import Approved, Order, Refused
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
TICK = 1e-8
EQUITY = 1_000_000.0
STEPS = {"stop": 1.5, "time_exit": 1.5}
"""What is left after a partial exit and a pyramid was rounded three times, all else once."""
DUST = 5e-5
"""Of equity: what steps of earlier trades, and pyramids that differ, may make of it."""
ELSEWHERE = 0.02
PRICES = {"BTC": 40_000.0, "ETH": 2_500.0, "SOL": 150.0, "XRP": 2.0}
WIDE = RiskSettings(
    max_risk_per_trade=0.5, max_risk_per_underlying=1.0, max_new_trades_per_day=1000,
    daily_loss_halt=1.0, drawdown_halt=1.0, min_size_share=1e-6, max_open_positions_per_strategy=99,
)  # fmt: skip


def perpetual(coin: str, *, linear: bool) -> Instrument:
    """List a perpetual as ever, but for a tick that rounds no price, and the backtest's fee."""
    return msgspec.structs.replace(
        fictitious_perpetual(coin, linear=linear), maker_fee_rate=0.0004, taker_fee_rate=0.0004,
        tick_size=TICK,
    )  # fmt: skip


def framed(opened: Any, high: Any, low: Any, close: Any) -> pd.DataFrame:
    """Make the bars of one coin, with what the portfolio reads of them."""
    columns = {
        "open": opened, "high": np.maximum(high, opened), "low": np.minimum(low, opened),
        "close": close,
    }  # fmt: skip
    index = pd.to_datetime(BEGIN + np.arange(ROWS) * HOUR, utc=True)
    return add_features(pd.DataFrame(columns, index=index))


def market(seed: int, *coins: str, common: float = 0.5) -> dict[str, pd.DataFrame]:
    """Let coins trend up and down by turns, each bar from the close before; a share is common."""
    random = np.random.default_rng(seed)

    def noise() -> Any:
        drift = np.repeat(random.choice([0.0022, -0.0012, 0.0004], ROWS // 30 + 1), 30)[:ROWS]
        return drift + random.normal(0, 0.004, ROWS)

    shared, found = noise(), {}
    for coin in coins or ("BTC",):
        own = noise() if len(coins) > 1 else shared
        close = PRICES[coin] * np.exp(np.cumsum(common * shared + (1 - common) * own))
        opened = np.concatenate((close[:1], close[:-1]))
        wick = 1 + np.abs(random.normal(0, 0.0015, (2, ROWS)))
        high, low = np.maximum(opened, close) * wick[0], np.minimum(opened, close) / wick[1]
        found[coin] = framed(opened, high, low, close)
    return found


class Pit:
    """An engine with one `trend_pullback`, driven through bars; notes the stops of every hour."""

    def __init__(
        self,
        frames: dict[str, pd.DataFrame],
        risk: RiskSettings,
        *,
        linear: bool = True,
        balances: dict[str, float] | None = None,
        **parameters: Any,
    ) -> None:
        self.frames, self.risk = frames, risk
        first, *others = frames
        parameters = {"linear": linear, "others": tuple(others), **parameters}
        settings = TrendPullbackSettings(**parameters)
        strategy = TrendPullback(
            name="trend", underlying=first, settings=settings, timetable=Cadence(HOUR, 0, HOUR)
        )
        self.listed = {coin: perpetual(coin, linear=linear) for coin in frames}
        slot = Slot(strategy, "v1", "PRODUCTION")
        ages = EngineSettings(quote_age_s_max=7200.0)
        self.engine = Engine([slot], risk, BrokerSettings(), ages)
        self.records: list[Recorded] = []
        self.stops: dict[int, dict[tuple[str, str], float]] = {}
        self.equity: dict[int, float] = {}
        self.at = self.opened(KNOWN)
        epoch = EpochOpened(
            epoch=1, feed="test", speed=1.0, market="test", software="", configuration_hash=""
        )
        started = self.engine.start(epoch, balances or {"USDC": EQUITY}, self.at)
        self.records += started.records
        self.send(InstrumentListed(tuple(self.listed.values())))
        for coin in frames:
            self.send(HistoryLoaded(coin, self.history(coin, KNOWN)))

    def opened(self, row: int) -> int:
        """Tell when a bar opens."""
        return BEGIN + row * HOUR

    def history(self, coin: str, rows: int) -> Bars:
        """Show the first bars of a coin."""
        frame = self.frames[coin]
        prices = (tuple(frame[name][:rows].tolist()) for name in ("open", "high", "low", "close"))
        return Bars(tuple(self.opened(row) for row in range(rows)), *prices)

    def bars(self, coin: str) -> Bars:
        """Show the bars that the engine made of the quotes of a coin."""
        return self.engine.market.bars.closed(self.listed[coin].name)

    def send(self, event: Any) -> None:
        """Process one event now."""
        outcome = self.engine.process(Stamped(self.engine.sequence + 1, self.at, event))
        self.records += outcome.records

    def show(self, coin: str, price: float) -> None:
        """Trade a coin at a price a second later, on both sides."""
        self.at += SECOND
        self.send(IndexPrice(coin, price, self.at))
        sides = (price, 1e9, price, 1e9)
        name = self.listed[coin].name
        self.send(Quote(name, self.at, *sides, price, math.nan, price, price))

    def move(self, coin: str, begin: float, to: float) -> None:
        """Go through every price that anybody waits for."""
        chains = [one for one in self.engine.ledger.chains.values() if one.underlying == coin]
        stops = [one.course.stop.price for one in chains if one.course]
        for stop in sorted(stops, reverse=True):
            if to <= stop < begin:
                self.show(coin, stop)
                self.show(coin, stop)  # the order made on the first is filled by the second
        self.show(coin, to)

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
        bars = {coin: frame.to_dict("records") for coin, frame in self.frames.items()}
        for row in range(KNOWN, ROWS):
            for coin, rows in bars.items():
                self.show(coin, rows[row]["open"])
                self.show(coin, rows[row]["open"])  # what was met at the open is left there
            self.at = self.opened(row) + MINUTE
            self.send(TimerFired(MANAGE + "trend", self.at))
            for coin, rows in bars.items():
                self.move(coin, rows[row]["open"], rows[row]["low"])
                self.show(coin, rows[row]["high"])
                self.show(coin, rows[row]["close"])
            self.at = self.opened(row + 1)
            self.equity[row] = self.engine.review.view(MAIN_ACCOUNT).worth().equity_usd
            self.fire()
            self.stops[row] = {
                (one.underlying, one.course.tag): one.course.stop.price
                for one in self.engine.ledger.chains.values()
                if one.course is not None and one.filled and not self.leaving(one.id)
            }


class Watched(Oracle):
    """The plain backtest, which notes the stops of every hour as well."""

    def __init__(self, frames: dict[str, pd.DataFrame], **parameters: Any) -> None:
        terms = {**DEFAULTS, **TERMS, **parameters}
        symbols = {symbol(coin): Symbol(frame) for coin, frame in frames.items()}
        super().__init__(symbols, SimpleNamespace(**terms), (True, True, True))
        self.stops: dict[int, dict[tuple[str, str], float]] = {}

    def _record(self, time: Any) -> None:
        super()._record(time)
        (row,) = {one.place(time) for one in self.symbols.values()}
        self.stops[row] = {
            (held.symbol.removesuffix("USDT"), held.sleeve): held.stop for held in self.book
        }


TERMS: dict[str, Any] = {
    "starting_equity": EQUITY, "entry_slippage_bps": 0.0, "exit_slippage_bps": 0.0,
}  # fmt: skip


def symbol(coin: str) -> str:
    """Name a coin as the seed does."""
    return f"{coin}USDT"


def traded(pit: Pit) -> list[dict[str, Any]]:
    """List the fills of a run as the backtest lists its events: at the bar that brought them."""
    approved: dict[str, Approved] = {}
    orders: dict[str, tuple[Approved, Order]] = {}
    tags: dict[str, str] = {}
    found = []
    for recorded in pit.records:
        match recorded.fact:
            case Approved() as one:
                approved[one.verdict_id] = one
                tags.setdefault(one.chain_id, one.intent.tag)
            case OrderPlaced() as placed:
                order = placed.order
                orders[order.order_id] = (approved[order.verdict_id], order)
            case Filled() as fill:
                verdict, order = orders[fill.order_id]
                intent, resting = verdict.intent, order.limit_net is not None
                placed_at = order.placed_at - (intent.action != "open")  # at a close: of that bar
                at = recorded.at if resting and intent.action == "close" else placed_at
                found.append(
                    {
                        "chain": fill.chain_id,
                        "coin": intent.underlying,
                        "sleeve": tags[fill.chain_id],
                        "kind": KINDS.get(intent.action) or how_left(intent.reason),
                        "row": (at - BEGIN) // HOUR,
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


def kept_out(pit: Pit) -> dict[tuple[str, str], int]:
    """Count the signals that were not traded, by sleeve and rule; the last bar is never entered."""
    found: dict[tuple[str, str], int] = {}
    for recorded in pit.records:
        fact = recorded.fact
        if isinstance(fact, Refused) and recorded.at < pit.opened(ROWS):
            assert fact.intent.withheld is not None, fact.explanation
            key = (fact.intent.tag, fact.rule)
            found[key] = found.get(key, 0) + 1
    return found


def simulated(frames: dict[str, pd.DataFrame], **parameters: Any) -> tuple[list[Any], Any]:
    """Run the portfolio backtest; what it closes at the end is no trade."""
    trades, _, curve = run_portfolio_backtest(
        {symbol(coin): frame for coin, frame in frames.items()}, **{**TERMS, **parameters}
    )
    return [one for one in trades if one["type"] != "final_exit"], curve


def placed_in(event: dict[str, Any]) -> tuple[int, str, str, str]:
    """Name a trade of the backtest as one of the engine's."""
    row = (pd.Timestamp(event["time"]).value - BEGIN) // HOUR
    coin = event["symbol"].removesuffix("USDT")
    return row, coin, event["strategy"], event["type"]


def what_of(trade: dict[str, Any]) -> tuple[int, str, str, str]:
    """Name a trade of the engine: bar, coin, sleeve, kind."""
    return trade["row"], trade["coin"], trade["sleeve"], trade["kind"]


def compare(frames: dict[str, pd.DataFrame], **parameters: Any) -> dict[tuple[str, str], int]:
    """Drive the same bars through both; return how often each kind of trade was compared.

    All trade against USDC: what one earns, the other earns.
    """
    pit, plain = Pit(frames, WIDE, **parameters), Watched(frames, **parameters)
    pit.run()
    plain.run()
    theirs, curve = simulated(frames, **parameters)
    scale = scales(pit, theirs, curve)
    assert max(abs(one - 1.0) for one in scale.values()) < DUST
    sizes_match(pit, theirs, scale)
    agree(pit, plain, curve)
    kinds: dict[tuple[str, str], int] = {}
    for one in theirs:
        kinds[one["strategy"], one["type"]] = kinds.get((one["strategy"], one["type"]), 0) + 1
    return kinds | kept_out(pit)


def agree(pit: Pit, plain: Watched, curve: Any) -> None:
    """Check bars and stops to the last bit, and how often each rule kept a signal out."""
    for coin in pit.frames:
        assert pit.bars(coin) == pit.history(coin, ROWS)
    for row in range(KNOWN, ROWS - 1):
        assert pit.stops[row] == plain.stops[row], row
    counted = curve.attrs["rejection_reasons"].itertuples(index=False)
    assert kept_out(pit) == {(sleeve, rule): count for sleeve, rule, count in counted}
    assert Audit(pit.risk).read(pit.records) == ()


class Lots:
    """What one chain bought and sold, in coins: dollars of a perpetual in coin are as many coins as
    they bought.
    """

    def __init__(self, inverse: bool) -> None:
        self.inverse, self.coins, self.units, self.price = inverse, 0.0, 0.0, 0.0

    def count(self, trade: dict[str, Any]) -> float:
        """Count the coins of the next trade; the last one leaves nothing."""
        units, kind = trade["size"], trade["kind"]
        price = trade["price"] if kind in KINDS.values() else self.price
        coins: float = units / price if self.inverse else units
        if kind in KINDS.values():
            self.price = self.price or price
            self.coins, self.units = self.coins + coins, self.units + units
            return coins
        if kind == "partial":
            self.coins, self.units = self.coins - coins, self.units - units
            return coins
        assert units == pytest.approx(self.units, rel=1e-12)
        return self.coins


def scales(pit: Pit, theirs: list[Any], curve: Any) -> dict[int, float]:
    """Tell by bar what the account is worth for a unit of the backtest's equity.

    Fees of what is decided at a close the backtest pays at once, the account a moment later.
    """
    paid = dict.fromkeys(range(ROWS), 0.0)
    for one in theirs:
        late = one["type"] == "pyramid" or at_close(pit, one)
        paid[placed_in(one)[0]] += one["fee"] if late else 0.0
    equity = curve["equity"].to_numpy()
    return {row: worth / (equity[row] + paid[row]) for row, worth in pit.equity.items()}


def at_close(pit: Pit, event: dict[str, Any]) -> bool:
    """Whether the backtest left at the close of a bar, not within it."""
    row, coin, _, kind = placed_in(event)
    return kind == "time_exit" and event["price"] == pit.frames[coin]["close"].iloc[row]


def traded_within(pit: Pit, theirs: list[Any], event: dict[str, Any]) -> bool:
    """Whether a position opened later left, wholly or in part, within the bar of a pyramid.

    The seed reviews positions one after the other, so there it is held still when the pyramid is
    sized; the account is worth what that trade made of it.
    """
    row = placed_in(event)[0]
    later = (one for one in theirs if one["trade_id"] > event["trade_id"])
    exits = [one for one in later if one["type"] not in ("entry", "pyramid")]
    return any(placed_in(one)[0] == row and not at_close(pit, one) for one in exits)


def sizes_match(pit: Pit, theirs: list[Any], scale: dict[int, float]) -> None:
    """Check that both trade the same, at the same prices, in sizes of one contract's difference.

    `scale` is what the account is worth for a unit of the backtest's equity, by bar. Where another
    position left within the bar of a pyramid, that may differ by `ELSEWHERE` of its size.
    """
    mine = [one for one in traded(pit) if one["row"] < ROWS - 1]  # the last bar has no next one
    theirs = [one for one in theirs if placed_in(one)[0] < ROWS - 1]
    mine.sort(key=what_of)
    theirs.sort(key=placed_in)
    assert list(map(what_of, mine)) == list(map(placed_in, theirs))
    first: dict[str, float] = {}
    lots: dict[str, Lots] = {}
    loose: dict[str, float] = {}
    for one, other in zip(mine, theirs, strict=True):
        assert one["price"] == pytest.approx(other["price"], rel=1e-11, abs=1.1 * TICK)
        instrument, price = pit.listed[one["coin"]], one["price"]
        decided = one["row"] - (one["kind"] == "entry")
        first.setdefault(one["chain"], scale[decided])
        coins = lots.setdefault(one["chain"], Lots(instrument.inverse)).count(one)
        step = instrument.min_trade_amount / (price if instrument.inverse else 1.0)
        sizes = [other["size"] * one for one in (first[one["chain"]], scale[decided])]
        if one["kind"] == "pyramid" and traded_within(pit, theirs, other):
            loose[one["chain"]] = ELSEWHERE * other["size"]
        most = STEPS.get(one["kind"], 1.1) * step + 1e-6 * other["size"]
        most += loose.get(one["chain"], 0.0)
        assert min(sizes) - most <= coins <= max(sizes) + most, (one, other)


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5, 6])
def test_the_engine_trades_what_the_backtest_trades(seed: int) -> None:
    """Signals, bars and stops to the last bit; prices; sizes to one contract step; same order."""
    assert sum(compare(market(seed)).values()) >= 6


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_is_settled_in_coin_is_traded_alike(seed: int) -> None:
    """BTC and ETH in coin beside SOL and XRP in USDC: what coins earn moves with their price, so
    sizes compare as shares of what the account is worth.
    """
    frames = market(seed, "BTC", "SOL", "ETH", "XRP")
    coins = {"BTC": 0.5, "ETH": 8.0}
    start = EQUITY + sum(held * frames[coin]["open"].iloc[KNOWN] for coin, held in coins.items())
    pit = Pit(frames, WIDE, linear=False, balances={"USDC": EQUITY, **coins})
    plain = Watched(frames, starting_equity=start)
    pit.run()
    plain.run()
    theirs, curve = simulated(frames, starting_equity=start)
    assert [one.inverse for one in pit.listed.values()] == [True, False, True, False]
    assert {one["symbol"] for one in theirs} == set(map(symbol, frames))
    scale = scales(pit, theirs, curve)
    assert max(abs(one - 1.0) for one in scale.values()) < 0.05
    sizes_match(pit, theirs, scale)
    agree(pit, plain, curve)


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5, 6])
def test_it_trades_a_basket_as_the_backtest_does(seed: int) -> None:
    """Four coins: ranks, correlations, caps and budgets decide alike, and are counted alike."""
    assert compare(market(seed, "BTC", "ETH", "SOL", "XRP"))


@pytest.mark.real_data
@pytest.mark.parametrize("coins", [("BTC",), ("BTC", "SOL", "XRP")])
def test_it_does_so_on_a_real_market(real_data: Path, coins: tuple[str, ...]) -> None:
    """Four stretches, each hour opened at the close before: nobody trades in between."""
    path = real_data / "ohlcv" / "binance_perp_1h_to_2023.parquet"
    table = pyarrow.parquet.read_table(path).to_pandas().set_index("ts")
    since = table[table["symbol"] == symbol(coins[-1])].index[0]
    since = max(since, table[table["symbol"] == symbol(coins[len(coins) // 2])].index[0])
    compared = 0
    for first in (0, 5_000, 12_000, 20_000):
        frames = {}
        for coin in coins:
            rows = table[table["symbol"] == symbol(coin)].loc[since:].iloc[first : first + ROWS]
            high, low, close = (rows[name].to_numpy(np.float64) for name in PRICED)
            opened = np.concatenate((close[:1], close[:-1]))
            frames[coin] = framed(opened, high, low, close)
        compared += sum(compare(frames).values())
    assert compared > 200


PRICED = ("high", "low", "close")


def test_together_the_bars_show_every_rule() -> None:
    """Stops, partials, pyramids, time stops, of both sleeves, and every way to be kept out that
    several coins can meet: nothing is compared empty.
    """
    kinds: set[tuple[str, str]] = set()
    for seed in range(1, 7):
        for frames in (market(seed), market(seed, "BTC", "ETH", "SOL", "XRP")):
            trades, curve = simulated(frames)
            kinds |= {(one["strategy"], one["type"]) for one in trades}
            reasons = curve.attrs["rejection_reasons"].itertuples(index=False)
            kinds |= {(sleeve, rule) for sleeve, rule, _ in reasons}
    for sleeve, kind in (
        ("trend_long", "entry"), ("trend_long", "stop"), ("trend_long", "partial"),
        ("trend_long", "pyramid"), ("trend_long", "time_exit"), ("pullback_long", "entry"),
        ("pullback_long", "stop"), ("pullback_long", "time_exit"),
        ("trend_long", "score_floor"), ("trend_long", "cooldown"),
        ("trend_long", "strategy_notional_budget"),
        ("trend_long", "strategy_risk_budget"), ("pullback_long", "correlation_gate"),
    ):  # fmt: skip
        assert (sleeve, kind) in kinds


@pytest.mark.long
def test_narrow_rules_of_a_basket_bind_alike() -> None:
    """Few ranks, few places, no sharing of a coin, tight budgets: each says no as often in both."""
    frames = market(7, "BTC", "ETH", "SOL", "XRP", common=0.7)
    narrow: tuple[tuple[dict[str, Any], tuple[str, ...]], ...] = (
        (
            {"symbol_rank_top_n_long": 2, "max_position_notional_fraction": 0.2},
            ("ranking_or_filter",),
        ),
        (
            {"max_positions": 2, "max_position_notional_fraction": 0.1, "risk_per_trade": 0.004},
            ("max_positions", "existing_same_sleeve_symbol"),
        ),
        (
            {
                "allow_cross_sleeve_symbol_overlap": False, "max_position_notional_fraction": 0.15,
                "strategy_max_positions": {"trend_long": 2, "pullback_long": 1},
            },
            ("existing_symbol", "strategy_position_cap"),
        ),
        (
            {
                "max_portfolio_risk": 0.012, "max_gross_exposure": 0.7,
                "strategy_risk_budget": {"trend_long": 1.0, "pullback_long": 1.0},
            },
            ("portfolio_risk_budget", "gross_exposure"),
        ),
    )  # fmt: skip
    for parameters, rules in narrow:
        found = {rule for _, rule in compare(frames, **parameters)}
        assert set(rules) <= found
    alike = market(7, "BTC", "ETH", "SOL", common=0.9)
    small = {"max_position_notional_fraction": 0.1, "allow_cross_sleeve_symbol_overlap": False}
    assert ("trend_long", "correlation_gate") in compare(alike, **small)


def test_with_the_limits_of_the_daemon_entries_are_the_same_and_no_larger() -> None:
    """The gate only shrinks or refuses; where it does neither, the stop is the backtest's."""
    frames = market(2)
    pit = Pit(frames, RiskSettings())
    pit.run()
    mine = [one for one in traded(pit) if one["kind"] == "entry"]
    assert mine
    features = {name: frames["BTC"][name].to_numpy() for name in ("ATR", "SMA20", "low")}
    for one in mine:
        if one["sleeve"] == "trend_long":
            row = one["row"] - 1
            atr, sma, low = (features[name][row] for name in ("ATR", "SMA20", "low"))
            assert one["stop"] == min(sma - 1.1 * atr, low)
    worst = [one.fact for one in pit.records if isinstance(one.fact, Approved)]
    assert all(one.max_loss.share <= 0.01 + 1e-12 for one in worst)
    refused = [one.fact for one in pit.records if isinstance(one.fact, Refused)]
    rules = {one.rule for one in refused if one.intent.withheld is None}
    assert rules <= {"daily_trades", "per_trade_risk", "below_half_size"}
    assert Audit(RiskSettings()).read(pit.records) == ()
