"""Does the daemon know what a study knew, by the same numbers, and is refused what it cannot?"""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest

from tests.backtest.calls import HandSource
from tests.backtest.pasts import day, market
from tests.builders import NOW, alter, at_eight, board, hourly_bars, situation
from tests.strategies.policies import content, of_features, policy
from trader.backtest.covered_call import CallSimulationConfig, CoveredCallSimulator
from trader.backtest.option_data import OptionSnapshot
from trader.backtest.runner import Terms
from trader.backtest.trade_history import TradeHistory
from trader.domain.market import Bars, Board
from trader.domain.trading import Leg
from trader.domain.units import HOUR, moment, nanoseconds
from trader.evaluation.look_ahead import judge, variants
from trader.evaluation.runs import Run, Subject, make
from trader.strategies.call_features import LIVE
from trader.strategies.covered_call import CoveredCall
from trader.strategies.live_state import live_state, unfit
from trader.strategies.strategy import CadenceSettings, StrategyFile
from trader.strategies.structure import net_quote

HOURS = 24 * 40
INDEX = 90_000.0


def smiling() -> Board:
    """Quote a board whose volatility depends on strike and expiry."""
    plain = board()
    vol = 0.5 + 0.4 * np.log(plain.strike / plain.index) ** 2 + 0.01 * (plain.expires_at % 7)
    return alter(plain, {"mark_iv": vol + (plain.expires_at - NOW) / 1e17})


def wandering() -> Bars:
    """Let 40 days of bars wander and end at the index."""
    steps = np.random.default_rng(5).normal(0.0, 0.006, HOURS - 1)
    path = INDEX * np.exp(np.concatenate((np.cumsum(steps[::-1])[::-1], [0.0])))
    return hourly_bars(path.tolist())


def row_of(market: Board) -> int:
    """Find the weekly call nearest to a quarter delta."""
    rows = np.flatnonzero(market.is_call & (market.expires_at == at_eight(7)))
    return int(rows[np.argmin(np.abs(market.delta[rows] - 0.25))])


def seen_live(market: Board, bars: Bars, *names: str, **changes: Any) -> dict[str, float | None]:
    """Ask for features of the weekly call."""
    row = row_of(board())
    quote = net_quote(market, (Leg(market.instruments[row].name, -1),))
    assert quote is not None
    asked = of_features(*(names or LIVE), **changes)
    return live_state(asked, situation(market, bars=bars), row, quote)


def test_the_daemon_sees_what_a_study_sees() -> None:
    """Every feature that both know, of one board and the same bars: equal to the last bits."""
    market, bars = smiling(), wandering()
    closes = dict(zip(bars.opened_at, bars.close, strict=True))

    def spot(at: datetime) -> float | None:
        return closes.get(nanoseconds(at) - HOUR)

    chain = [
        OptionSnapshot(
            kind="call", expiry=moment(int(market.expires_at[row])),
            delta=float(market.delta[row]), mark_price=float(market.mark[row]),
            instrument_name=market.instruments[row].name, strike=float(market.strike[row]),
            bid_price=float(market.bid[row]), mark_iv=float(market.mark_iv[row]),
        )
        for row in np.flatnonzero(market.is_call)
    ]  # fmt: skip
    shown: list[dict[str, Any]] = []

    def look(state: Any) -> bool:
        shown.append(dict(state))
        return False

    source = HandSource(spot, lambda at: chain, lambda name, at: 0.01)
    start = moment(NOW)
    config = CallSimulationConfig(
        underlying="BTC", start=start, end=start + timedelta(days=9), decision_interval_bars=240,
        delta_tolerance=0.1,
    )  # fmt: skip
    CoveredCallSimulator(source, config).simulate_policy(look)
    live = seen_live(market, bars)
    assert all(live[name] is not None for name in LIVE)
    assert {name: live[name] for name in LIVE} == pytest.approx(
        {name: shown[0][name] for name in LIVE}, rel=1e-9, abs=1e-12
    )


def test_only_what_is_known_is_told() -> None:
    """A stale board has no volatility, too few bars no return, no mark no spread."""
    market, bars = smiling(), wandering()
    others = np.arange(len(market)) != row_of(board())
    stale = alter(market, {"fresh": False}, others)
    only = float(market.mark_iv[row_of(board())])
    assert seen_live(stale, bars, "iv")["iv"] == pytest.approx(only)
    short = seen_live(market, hourly_bars([INDEX] * 12), "return_7d", "return_1d", "trend")
    assert (short["return_7d"], short["return_1d"], short["trend"]) == (None, None, 0.0)
    unmarked = alter(market, {"mark": math.nan})
    assert seen_live(unmarked, bars, "spread", "credit")["spread"] is None
    assert set(seen_live(market, bars, "trend")) == {"trend"}


@pytest.mark.parametrize("absurd", [math.nan, math.inf, 0.0, -1.0, 1e-300, 1e300])
def test_absurd_prices_are_none_and_raise_nothing(absurd: float) -> None:
    """Closes, volatilities and marks that are no prices."""
    market, bars = smiling(), hourly_bars([absurd, INDEX] * 100)
    told = seen_live(alter(market, {"mark_iv": absurd, "mark": absurd}), bars)
    assert all(one is None or isinstance(one, float) for one in told.values())


def test_what_a_strategy_cannot_ask_is_named() -> None:
    """Coin, features, bars, and calls other than those it learned from: each with its remedy."""
    assert unfit(policy(), "BTC", 7.0, 0.25) == []
    terms = {**content()["terms"], "timeframe": "4h"}
    lines = unfit(of_features("iv_rank", "term_slope", "dvol", terms=terms), "ETH", 5.0, 0.3)
    for line, said in zip(
        lines,
        ("learned on BTC, asked about ETH", "looks at iv_rank", "looks at term_slope",
         "looks at dvol", "bars of 4h", "target_days 7, asked about 5", "target_delta 0.25"),
        strict=True,
    ):  # fmt: skip
        problem, mark, remedy = line.partition("; ")
        assert said in problem
        assert mark
        assert remedy


USUAL = {
    "return_1d": (0.0, 0.03), "return_7d": (0.0, 0.08), "realized_vol": (0.6, 0.05),
    "trend": (0.0, 1.0), "iv": (0.9, 0.05), "skew": (-0.05, 0.02), "delta": (0.25, 0.03),
    "dte_days": (7.0, 0.5), "moneyness": (0.08, 0.02), "credit": (0.015, 0.004),
    "spread": (0.05, 0.02),
}  # fmt: skip
"""About the mean and the deviation of each feature of a modelled past."""


def asking(**parameters: Any) -> Run:
    """Run eight days of a seller that decides every six hours."""
    file = StrategyFile(
        name="asking", kind="covered_call", underlying="BTC",
        cadence=CadenceSettings(hours=6, offset_minutes=60),
        parameters={"take_profit": 0.0, "delta_tolerance": 0.2, **parameters},
    )  # fmt: skip
    return Run(
        subject=Subject(kind=CoveredCall, file=file, configuration_hash="v1"),
        market=market(days=52, vol=0.9),
        terms=Terms(balances={"BTC": 20.0, "USDC": 1_000_000.0}),
        start=day(36),
        end=day(44),
    )


def test_a_policy_that_looks_at_everything_sees_nothing_of_the_future() -> None:
    """Decisions before a cut stay as they are when what comes after is cut off, or nonsense."""
    uses = [one.model_dump() for one in of_features(*LIVE).features]
    for one in uses:
        one["mean"], one["scale"] = USUAL[one["name"]]
    plain = asking(policy=of_features(*LIVE, features=uses, intercept=0.0))
    some, all_of_them = make(plain), make(asking())
    assert 0 < sold(some) < sold(all_of_them)
    runs = {name: make(run) for name, run in variants(plain).items()}
    digests = {name: one.digest for name, one in runs.items()}
    found = judge(digests, [sold(one) for one in runs.values()])
    assert found.ok, found.reason


def sold(history: TradeHistory) -> int:
    """Count what was sold, or would have been but for a limit."""
    return len(history.chains) + history.open_chains + sum(history.refused.values())
