"""Are features what their formulas say, of the last bars only, and blind to what comes?"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trader.backtest.features import INDICATORS, WINDOW, add_features, features
from trader.backtest.portfolio import run_portfolio_backtest

Columns = dict[str, np.ndarray]
Making = Callable[[Columns], Columns]


def candles(rows: int, seed: int = 1, drift: float = 0.0) -> Columns:
    """Let a price wander."""
    random = np.random.default_rng(seed)
    close = 50.0 * np.exp(np.cumsum(random.normal(drift, 0.01, rows)))
    opened = np.concatenate((close[:1], close[:-1]))
    wick = 1 + np.abs(random.normal(0, 0.004, (2, rows)))
    return {
        "open": opened, "high": np.maximum(opened, close) * wick[0],
        "low": np.minimum(opened, close) / wick[1], "close": close,
    }  # fmt: skip


def cut(columns: Columns, begin: int, end: int) -> Columns:
    """Take a stretch of rows."""
    return {name: one[begin:end] for name, one in columns.items()}


def slow(bars: Columns, row: int) -> dict[str, float]:
    """Compute one row by the table's formulas, in words of Python."""
    high, low, close = (bars[name][: row + 1].tolist() for name in ("high", "low", "close"))

    def mean(values: list[float], count: int) -> float:
        return math.fsum(values[-count:]) / count

    ranges = [
        max(h, c) - min(lo, c) for h, lo, c in zip(high[1:], low[1:], close[:-1], strict=True)
    ]
    changes = [b - a for a, b in itertools.pairwise(close)]
    returns = [b / a - 1 for a, b in itertools.pairwise(close)]
    atr, sma20, sma50, sma200 = mean(ranges, 14), mean(close, 20), mean(close, 50), mean(close, 200)
    rises = math.fsum(max(one, 0.0) for one in changes[-14:])
    rsi = 100 * rises / math.fsum(abs(one) for one in changes[-14:])
    strength = min(max((sma20 - sma50) / (4 * atr), 0.0), 1.0)
    walked = math.fsum(abs(one) for one in changes[-20:])
    middle = mean(returns, 90)
    deviation = math.sqrt(math.fsum((one - middle) ** 2 for one in returns[-90:]) / 89)
    momentum = (close[-1] / close[-91] - 1) / (2 * deviation * math.sqrt(90))
    dip = min(max((50 - rsi) / 25, 0.0), 1.0) + min(max((sma50 - sma200) / (4 * atr), 0.0), 1.0)
    ease = min(max(mean(ranges, 100) / atr, 0.5), 1.25)
    return {
        "ATR": atr, "SMA20": sma20, "SMA50": sma50, "RSI": rsi, "trend_strength": strength,
        "symbol_score": min(max(momentum, -1.0), 1.0),
        "signal": float(close[-1] > max(high[-21:-1]) and sma20 > sma50 and close[-1] > sma200),
        "entry_score": (strength + max(close[-1] - close[-21], 0.0) / walked) / 2,
        "pullback_signal": float(rsi <= 40 and close[-1] > sma200 and sma50 > sma200),
        "pullback_entry_score": dip / 2, "risk_scalar": 1.1 * ease,
        "pullback_risk_scalar": 0.88 * ease,
    }  # fmt: skip


def test_each_row_is_what_the_table_says() -> None:
    """Every column against its formula in plain Python."""
    bars = candles(600, drift=0.001)
    made = features(bars)
    for row in range(199, 600):
        wanted = slow(bars, row)
        assert {name: one[row] for name, one in made.items()} == pytest.approx(wanted, abs=1e-9)
    assert made["signal"].sum() > 5
    assert made["pullback_signal"].sum() > 5


@settings(max_examples=20)
@given(seed=st.integers(0, 2**32), row=st.integers(WINDOW - 1, 420))
def test_the_last_bars_give_the_last_row_to_the_bit(seed: int, row: int) -> None:
    """What a live strategy computes from the bars it keeps is what a backtest saw."""
    bars = candles(421, seed)
    made = features(bars)
    live = features(cut(bars, row + 1 - WINDOW, row + 1))
    assert {name: one[row] for name, one in made.items()} == {
        name: one[-1] for name, one in live.items()
    }


def peeks(make: Making) -> list[str]:
    """Name the columns that change when what comes later is cut off, or is a thousand times off."""
    bars, seen = candles(420, 5, drift=0.001), set()
    whole = make(bars)
    for row in (60, 230, 299, 350):
        poisoned = {name: one.copy() for name, one in bars.items()}
        for one in poisoned.values():
            one[row + 1 :] *= 1_000.0
        for other in (make(cut(bars, 0, row + 1)), make(poisoned)):
            seen |= {
                name for name, one in whole.items()
                if not np.array_equal(one[: row + 1], other[name][: row + 1], equal_nan=True)
            }  # fmt: skip
    return sorted(seen)


def test_nothing_of_the_future_is_seen() -> None:
    """Cut or poisoned after any bar, the rows before stay what they were, bit for bit."""
    assert peeks(features) == []


@pytest.mark.parametrize("name", ["signal", "SMA20", "symbol_score"])
def test_a_planted_peek_is_caught(name: str) -> None:
    """One column that is a bar too early."""

    def peeking(bars: Columns) -> Columns:
        made = features(bars)
        return made | {name: np.append(made[name][1:], 0.0)}

    assert peeks(peeking) == [name]


def test_before_its_window_nothing_is_known() -> None:
    """Indicators are NaN until the row their table names; signals and scores are 0."""
    made = features(candles(260, drift=0.002))
    first = {name: int(np.flatnonzero(np.isfinite(made[name]))[0]) for name in INDICATORS}
    assert first == {"ATR": 14, "SMA20": 19, "SMA50": 49, "RSI": 14}
    for name, begins in (("trend_strength", 49), ("symbol_score", 90)):
        assert not made[name][:begins].any()
        assert made[name][begins:].any()
    for name in ("signal", "entry_score", "pullback_signal", "pullback_entry_score", "risk_scalar",
                 "pullback_risk_scalar"):  # fmt: skip
        assert not made[name][: WINDOW - 1].any()
        assert np.isfinite(made[name]).all()
    assert all(len(one) == 3 for one in features(candles(3)).values())
    assert all(len(one) == 0 for one in features(candles(0)).values())


def test_a_market_that_never_moves_gives_no_signal() -> None:
    """ATR 0, RSI 50, and no division by nothing."""
    still = dict.fromkeys(("open", "high", "low", "close"), np.full(300, 7.0))
    made = features(still)
    assert made["RSI"][-1] == 50.0
    assert made["ATR"][-1] == 0.0
    for name in set(made) - set(INDICATORS):
        assert not made[name].any(), name


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        ({"low": np.full(250, np.nan)}, "row 0: low nan is no price"),
        ({"high": np.full(250, -1.0)}, "row 0: high -1 is no price"),
        ({"open": np.ones(3)}, "open has 3 rows, close 250"),
    ],
)
def test_what_is_no_price_is_refused(spoil: Columns, said: str) -> None:
    """By row and column."""
    with pytest.raises(ValueError, match=said):
        features(candles(250) | spoil)
    with pytest.raises(ValueError, match="no column 'open', 'high'"):
        features(cut({"close": np.ones(9), "low": np.ones(9)}, 0, 9))


def test_a_frame_gets_every_column_and_runs() -> None:
    """Its own stay as they are; a portfolio takes it as it is."""
    index = pd.date_range("2023-01-01", periods=900, freq="h", tz="UTC")
    frames = {
        name: add_features(pd.DataFrame(candles(900, seed, 0.0005), index=index))
        for seed, name in enumerate(("SOL", "XRP", "ADA"))
    }
    assert list(frames["SOL"].columns)[:4] == ["open", "high", "low", "close"]
    trades, _, curve = run_portfolio_backtest(frames)
    assert {one["strategy"] for one in trades} == {"trend_long", "pullback_long"}
    assert len(curve) == 900


@pytest.mark.real_data
def test_real_markets_show_no_future_either(real_data: Path) -> None:
    """Two coins of 2021: features and portfolio, cut at four bars, are what they were."""
    columns = ["ts", "symbol", "open", "high", "low", "close"]
    path = real_data / "ohlcv" / "binance_spot_1h_to_2023.parquet"
    table = pyarrow.parquet.read_table(path, columns=columns).to_pandas()
    table = table[(table["ts"] >= "2021-01-01") & (table["ts"] < "2021-07-01")]
    bars = {
        name: table[table["symbol"] == name].set_index("ts").drop(columns="symbol")
        for name in ("SOLUSDT", "ADAUSDT")
    }
    bars = {name: one if one.index.tz else one.tz_localize("UTC") for name, one in bars.items()}
    whole = {name: add_features(one) for name, one in bars.items()}
    events = run_portfolio_backtest(whole).events
    assert len(events) > 50
    for row in (700, 1_500, 2_600, 4_000):
        end = bars["ADAUSDT"].index[row]
        part = {name: add_features(one.loc[:end]) for name, one in bars.items()}
        for name, one in part.items():
            pd.testing.assert_frame_equal(one, whole[name].loc[:end], check_exact=True)
        kept = [one for one in run_portfolio_backtest(part).events if one.kind != "final_exit"]
        assert kept == [one for one in events if one.at <= end.value and one.kind != "final_exit"]
