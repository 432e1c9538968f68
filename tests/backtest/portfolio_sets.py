"""Which markets is a portfolio tried on? Random and awkward frames with all columns it reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from trader.domain.market import Floats

NAMES = (
    "BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT", "ADAUSDT", "DOTUSDT",
    *(f"C{number}USDT" for number in range(30)),
)  # fmt: skip
PRICES = ["open", "high", "low", "close"]
LOOSE: dict[str, Any] = {
    "max_portfolio_risk": 0.4, "max_gross_exposure": 6.0, "pyramid_trigger_r": 0.5,
    "max_positions": 20, "trend_correlation_threshold": 0.3, "pullback_correlation_threshold": 0.3,
    "strategy_notional_budget": {"trend_long": 5.0, "pullback_long": 3.0},
    "strategy_max_positions": {"trend_long": 10, "pullback_long": 10},
}  # fmt: skip
"""Budgets under which much happens at once."""


TIGHT: dict[str, Any] = LOOSE | {
    "max_gross_exposure": 0.4, "strategy_max_positions": {"trend_long": 1, "pullback_long": 1},
    "strategy_risk_budget": {"trend_long": 1.0, "pullback_long": 1.0},
}  # fmt: skip
"""Room for risk, and little for notional."""
TIMID: dict[str, Any] = LOOSE | {
    "max_portfolio_risk": 0.02, "strategy_risk_budget": {"trend_long": 1.0, "pullback_long": 1.0},
}  # fmt: skip
"""Room for notional, and little for risk."""


def frame(
    random: np.random.Generator,
    rows: int,
    *,
    market: Floats | None = None,
    volatility: float = 0.01,
    signals: float = 0.1,
) -> pd.DataFrame:
    """Let a price wander with the market's and draw signals and scores, hour by hour."""
    moves = random.normal(0.0003, volatility, rows) + (0.0 if market is None else market)
    close = random.uniform(1.0, 1_000.0) * np.exp(np.cumsum(moves))
    opened = np.concatenate((close[:1], close[:-1])) * np.exp(
        random.normal(0.0, volatility / 4, rows)
    )
    high = np.maximum(opened, close) * (1 + np.abs(random.normal(0, volatility / 2, rows)))
    low = np.minimum(opened, close) * (1 - np.abs(random.normal(0, volatility / 2, rows)))
    made = pd.DataFrame({"open": opened, "high": high, "low": low, "close": close})
    made["ATR"] = (made["high"] - made["low"]).rolling(14).mean()
    made["SMA20"], made["SMA50"] = (made["close"].rolling(one).mean() for one in (20, 50))
    made["RSI"] = random.uniform(20, 64, rows)
    made["signal"] = (random.random(rows) < signals).astype(int)
    made["entry_score"] = random.uniform(0, 1, rows)
    made["pullback_signal"] = (random.random(rows) < signals).astype(int)
    made["pullback_entry_score"] = random.uniform(0.3, 1, rows)
    made["symbol_score"] = random.normal(0, 1, rows)
    made["trend_strength"] = random.uniform(0, 1, rows)
    made["risk_scalar"] = random.uniform(0.5, 1.4, rows)
    made["pullback_risk_scalar"] = random.uniform(0.5, 1.2, rows)
    made.index = pd.date_range("2023-01-01", periods=rows, freq="h", tz="UTC")
    return made


SIGNAL = 210


def quiet(sleeve: str, **bars: dict[int, float]) -> pd.DataFrame:
    """Make bars at 100 with one signal; `bars` say which prices differ, by rows after it."""
    rows = 400
    price = np.full(rows, 100.0)
    one = pd.DataFrame(
        {"open": price, "high": price + 0.1, "low": price - 0.1, "close": price,
         "ATR": 2.0, "SMA20": 98.0, "SMA50": 98.0, "RSI": 40.0, "signal": 0, "pullback_signal": 0,
         "entry_score": 0.9, "pullback_entry_score": 0.9, "risk_scalar": 1.0,
         "pullback_risk_scalar": 1.0},
        index=pd.date_range("2023-01-01", periods=rows, freq="h", tz="UTC"),
    )  # fmt: skip
    one.loc[one.index[SIGNAL], "signal" if sleeve == "trend" else "pullback_signal"] = 1
    for name, changes in bars.items():
        for after, value in changes.items():
            one.loc[one.index[SIGNAL + after], name] = value
    return one


def market(
    random: np.random.Generator, names: list[str], rows: int, signals: float, volatility: float
) -> dict[str, pd.DataFrame]:
    """Make a frame of each symbol; they move together more or less."""
    common = random.normal(0, volatility * float(random.choice([0, 1, 4])), rows)
    return {
        name: frame(random, rows, market=common, volatility=volatility, signals=signals)
        for name in names
    }


def data_set(number: int) -> tuple[dict[str, pd.DataFrame], dict[str, Any]]:
    """Make a set by its number, with the parameters to run it with; one kind in twelve is plain."""
    random = np.random.default_rng(number)
    kind = number % 12
    count, rows = int(random.integers(1, 5)), int(random.integers(260, 321))
    if kind == 1:
        count = 1
    if kind == 3:
        rows = int(random.integers(1, 203))
    names = [str(one) for one in random.permutation(NAMES[:6])[:count]]
    signals, volatility = random.choice([0.03, 0.1, 0.3, 0.8]), random.choice([0.003, 0.01, 0.03])
    data = market(random, names, rows, float(signals), float(volatility))
    terms: dict[str, Any] = dict(LOOSE) if number % 3 == 0 else {}
    if kind == 0 and number % 24 == 0:
        data = {name: one.iloc[:0] for name, one in data.items()} if number % 48 else {}
    if spoil := SPOILED.get(kind):
        data = {name: spoil(random, one) for name, one in data.items()}
    if kind == 4:
        data["TWINUSDT"] = next(iter(data.values())).copy()
        terms["symbol_rank_top_n_long"] = 1
    if kind == 2:
        terms = dict(TIMID if number % 24 == 2 else TIGHT)
    if kind == 11:
        terms = random_terms(random)
    return data, terms


def worthless(random: np.random.Generator, one: pd.DataFrame) -> pd.DataFrame:
    """Let every third signal ask for no risk at all."""
    none = random.random(len(one)) < 0.3
    names = ("risk_scalar", "pullback_risk_scalar")
    return one.assign(**{name: one[name].mask(none, 0.0) for name in names})


def tied(_: np.random.Generator, one: pd.DataFrame) -> pd.DataFrame:
    """Round the scores until many are the same."""
    return one.assign(
        symbol_score=one["symbol_score"].round(), entry_score=one["entry_score"].round(1),
        pullback_entry_score=0.5,
    )  # fmt: skip


def unknown(random: np.random.Generator, one: pd.DataFrame) -> pd.DataFrame:
    """Take indicators away here and there."""
    shares = {"ATR": 0.3, "SMA20": 0.1, "SMA50": 0.1, "RSI": 0.1}
    gone = {name: one[name].mask(random.random(len(one)) < share) for name, share in shares.items()}
    return one.assign(**gone)


def zero_range(random: np.random.Generator, one: pd.DataFrame) -> pd.DataFrame:
    """Let half of the bars, or all, trade at one price only."""
    if random.random() < 0.3:
        return one.assign(**dict.fromkeys([*PRICES, "SMA20", "SMA50"], 100.0), ATR=0.5)
    still = random.random(len(one)) < 0.5
    return one.assign(**{name: one[name].mask(still, one["close"]) for name in PRICES})


def crash(random: np.random.Generator, one: pd.DataFrame) -> pd.DataFrame:
    """Let everything fall by 30 % between two bars: all stops are hit, far below."""
    factor = np.where(np.arange(len(one)) < int(random.integers(205, 250)), 1.0, 0.7)
    return one.assign(**{name: one[name] * factor for name in PRICES})


def trimmed(random: np.random.Generator, one: pd.DataFrame) -> pd.DataFrame:
    """Let a symbol be listed later and leave earlier."""
    return one.iloc[int(random.integers(0, 30)) : len(one) - int(random.integers(0, 30))]


def gappy(random: np.random.Generator, one: pd.DataFrame) -> pd.DataFrame:
    """Take bars away, of each symbol others."""
    return one[random.random(len(one)) > 0.05]


def sparse(random: np.random.Generator, one: pd.DataFrame) -> pd.DataFrame:
    """Take columns away that need not be there."""
    optional = ["symbol_score", "trend_strength", "entry_score", "risk_scalar", "RSI",
                "pullback_risk_scalar"]  # fmt: skip
    return one.drop(columns=[str(name) for name in random.choice(optional, 3, replace=False)])


SPOILED = {
    2: worthless,
    4: tied,
    5: unknown,
    6: zero_range,
    7: crash,
    8: trimmed,
    9: gappy,
    10: sparse,
}


def random_terms(random: np.random.Generator) -> dict[str, Any]:
    """Draw nearly every parameter."""

    def real(low: float, high: float) -> float:
        return float(random.uniform(low, high))

    def whole(low: int, high: int) -> int:
        return int(random.integers(low, high))

    return {
        "starting_equity": real(100, 1e6), "risk_per_trade": real(0.001, 0.05),
        "fee_rate": real(0, 0.002), "entry_slippage_bps": real(0, 30),
        "exit_slippage_bps": real(0, 30), "cooldown_bars": whole(-1, 20),
        "trailing_atr_multiple": real(1, 8), "trend_time_stop_bars": whole(3, 100),
        "pullback_time_stop_bars": whole(3, 60), "max_portfolio_risk": real(0.01, 0.3),
        "max_positions": whole(0, 12), "max_position_notional_fraction": real(0.1, 1),
        "max_gross_exposure": real(0.3, 4), "correlation_lookback": whole(0, 230),
        "trend_correlation_threshold": real(-0.2, 1),
        "pullback_correlation_threshold": real(-0.2, 1),
        "pyramid_enabled": bool(whole(0, 2)), "pyramid_trigger_r": real(0.5, 3),
        "pyramid_risk_fraction": real(0.1, 1), "pyramid_size_fraction": real(0.05, 1),
        "pyramid_max_adds": whole(0, 4), "enable_symbol_ranking": bool(whole(0, 2)),
        "symbol_rank_top_n_long": whole(-1, 5), "enable_score_based_sizing": bool(whole(0, 2)),
        "score_sizing_width": real(-0.05, 0.4),
        "allow_cross_sleeve_symbol_overlap": bool(whole(0, 2)),
        "strategy_notional_budget": {"trend_long": real(0, 2), "pullback_long": real(0, 2)},
        "strategy_risk_budget": {"trend_long": real(0, 1)},
        "strategy_max_positions": {"trend_long": 4, "pullback_long": 2},
        "strategy_min_positions": {"pullback_long": whole(0, 3)},
        "pullback_score_floor": 0.3, "trend_score_floor": 0.0,
    }  # fmt: skip
