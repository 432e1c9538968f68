"""Are bars that cannot be traded on refused by symbol, column and row, and the rest laid out?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from trader.backtest.portfolio_bars import SymbolBars, assemble, symbol_scalars
from trader.domain.units import HOUR

ROWS = 230


def bars(**columns: Any) -> SymbolBars:
    """Make quiet bars, with what is asked for; None takes a column away."""
    price = np.full(ROWS, 100.0)
    plain = {
        "open": price, "high": price + 1, "low": price - 1, "close": price, "ATR": price * 0 + 2,
        "SMA20": price, "SMA50": price, "signal": price * 0,
    }  # fmt: skip
    given = {name: one for name, one in (plain | columns).items() if one is not None}
    return SymbolBars(np.arange(ROWS, dtype=np.int64) * HOUR, given)


def changed(name: str, row: int, value: float) -> SymbolBars:
    """Change one number."""
    column = bars().columns.get(name, np.zeros(ROWS)).copy()
    column[row] = value
    return bars(**{name: column})


@pytest.mark.parametrize(
    ("name", "row", "value", "said"),
    [
        ("open", 3, -5.0, "SOL: row 3 (1970-01-01T03:00:00Z): open -5 is no price; mend or drop"),
        ("close", 4, np.nan, "close nan is no price"),
        ("high", 0, np.inf, "high inf is no price"),
        ("low", 9, 0.0, "low 0 is no price"),
        ("high", 7, 98.0, "row 7 (1970-01-01T07:00:00Z): low 99 lies above high"),
        ("high", 7, 99.5, "open 100 lies above high"),
        ("low", 8, 100.5, "low 100.5 lies above open"),
        ("ATR", 8, -1.0, "ATR -1 is negative"),
        ("SMA50", 8, -np.inf, "SMA50 -inf is infinite"),
        ("signal", 205, np.nan, "signal nan is no signal (0 or 1)"),
    ],
)
def test_a_number_that_cannot_be_is_refused(name: str, row: int, value: float, said: str) -> None:
    """Symbol, row, time, column and value."""
    with pytest.raises(ValueError, match="SOL: row") as caught:
        assemble({"BTC": bars(), "SOL": changed(name, row, value)})
    assert said in str(caught.value)


def test_a_signal_without_a_score_is_refused() -> None:
    """NaN passes every comparison: a size of NaN would poison the account."""
    signal, score = np.zeros(ROWS), np.full(ROWS, np.nan)
    assemble({"SOL": bars(signal=signal, entry_score=score, risk_scalar=score)})
    signal[210] = 1.0
    with pytest.raises(ValueError, match="entry_score nan is no number, and signal is 1"):
        assemble({"SOL": bars(signal=signal, entry_score=score)})


def test_columns_that_are_missing_are_named() -> None:
    """All of them at once; without any signal only parity runs."""
    with pytest.raises(ValueError, match="SOL: no column 'ATR', 'SMA50'; it has open, high"):
        assemble({"SOL": bars(ATR=None, SMA50=None)})
    with pytest.raises(ValueError, match="no column 'signal'"):
        assemble({"SOL": bars(signal=None)})
    assert not assemble({"SOL": bars(signal=None)}, strict=True).signal.any()


@pytest.mark.parametrize(
    ("place", "to", "said"),
    [(5, 4, "row 5: time 1970-01-01T04:00:00Z stands twice"), (5, 2, "comes after")],
)
def test_time_only_goes_on(place: int, to: int, said: str) -> None:
    """Duplicates and disorder are told apart."""
    one = bars()
    one.at[place] = to * HOUR
    with pytest.raises(ValueError, match=said):
        assemble({"SOL": one})


def test_a_column_of_another_length_is_refused() -> None:
    """Arrays come from anywhere."""
    with pytest.raises(ValueError, match="column 'close' has 9 rows, there are 230 times"):
        assemble({"SOL": bars(close=np.ones(9))})


def test_rows_are_laid_out_symbol_after_symbol() -> None:
    """Signals are bits where they can count, absent columns the seed's, NaN scores last."""
    one = np.ones(ROWS)
    score = one.copy()
    score[3] = np.nan
    rows, signal, _, climb, _, first = assemble(
        {
            "BTC": bars(signal=one * 1.7, pullback_signal=one, symbol_score=score),
            "NONE": SymbolBars(np.empty(0, np.int64), {n: np.empty(0) for n in bars().columns}),
            "SOL": bars(entry_score=one * 0.5),
        }
    )
    assert first.tolist() == [0, ROWS, ROWS, 2 * ROWS]
    assert set(signal[:201]) == {0}
    assert set(signal[201 : ROWS - 1]) == {3}
    assert not signal[ROWS - 1 :].any()
    assert rows["symbol_score"][3] == -np.inf
    assert rows["score"][ROWS].tolist() == [0.0, 0.5]
    assert rows["scalar"][ROWS].tolist() == [0.88, 1.1]
    assert rows["rsi"][0] == 50.0
    assert climb.tolist() == [0.0] * 2 * ROWS


def test_changes_begin_anew_with_each_symbol() -> None:
    """No change leads from one symbol's last close to the next one's first."""
    close = np.linspace(100.0, 100.9, ROWS)
    found = assemble({"A": bars(close=close), "B": bars()}).change
    assert np.flatnonzero(np.isnan(found)).tolist() == [0, ROWS]
    assert found[1:ROWS] == pytest.approx(close[1:] / close[:-1] - 1)
    assert assemble({}).change.size == 0


def test_columns_of_any_make_are_taken() -> None:
    """Read-only, of integers, or lying backwards in memory."""
    ones = np.ones(2 * ROWS)[::-2]
    ones.flags.writeable = False
    rows = assemble({"A": bars(RSI=ones, signal=np.zeros(ROWS, np.int64))}).bars
    assert rows["rsi"].tolist() == [1.0] * ROWS


def test_what_moves_the_rest_is_sized_down() -> None:
    """BTC and ETH by whatever name; for strict parity the seed's two names, and no others."""
    seed = {"BTCUSDT": 0, "SOLUSDT": 0, "ETHUSDT": 0}
    assert symbol_scalars(seed).tolist() == [0.45, 1.0, 0.45]
    assert symbol_scalars(seed, strict=True).tolist() == [0.45, 1.0, 0.45]
    names = (
        "BTC", "btc", "BTC_USDC", "BTC-PERPETUAL", "BTC_USDC-PERPETUAL", "BTC/USDT", "BTC-USD",
        "BTCUSD", "BTCUSDC", "BTC/USDT:USDT", "XBTUSD", "ETH", "ETHUSDC", "ETH_USDC",
    )  # fmt: skip
    spelled = dict.fromkeys(names, 0)
    assert set(symbol_scalars(spelled).tolist()) == {0.45}
    assert set(symbol_scalars(spelled, strict=True).tolist()) == {1.0}
    others = dict.fromkeys(("SOLUSDT", "WBTCUSDT", "ETHFIUSDT", "USDCUSDT", "USDT", "", "ETHBTC"))
    assert set(symbol_scalars(others).tolist()) == {1.0}
