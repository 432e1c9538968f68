"""Do frames come in whole or refused by name, and does a curve go out as the seed's?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.backtest.portfolio_sets import data_set, frame
from trader.backtest.portfolio import run_portfolio_backtest
from trader.backtest.portfolio_frames import bars_of_frames, curve_frame, zone_of


@pytest.fixture
def sol() -> pd.DataFrame:
    """Return a plain frame."""
    return frame(np.random.default_rng(1), 230)


def test_frames_become_nanoseconds_and_numbers(sol: pd.DataFrame) -> None:
    """Whatever unit the index counts in, and whatever type of number a column holds."""
    sol.index = sol.index.as_unit("s")
    bars = bars_of_frames({"SOL": sol.assign(signal=sol["signal"].astype(bool))})["SOL"]
    assert bars.at[0] == pd.Timestamp("2023-01-01", tz="UTC").value
    assert bars.columns["signal"].dtype == np.float64
    assert "trend_strength" not in bars.columns


def shuffled(one: pd.DataFrame) -> pd.DataFrame:
    return one.iloc[::-1]


def twice(one: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([one.iloc[:5], one.iloc[4:]])


def word(one: pd.DataFrame) -> pd.DataFrame:
    return one.assign(ATR=["x" if row == 7 else 1.0 for row in range(len(one))])


def without_time(one: pd.DataFrame) -> pd.DataFrame:
    return one.set_index(one.index.where(np.arange(len(one)) != 3))


BAD: list[tuple[Any, str]] = [
    (lambda one: one.tz_localize(None), "SOL: index has no timezone; give it one"),
    (lambda one: one.reset_index(drop=True), "SOL: index RangeIndex holds no times"),
    (lambda _: None, "SOL: index NoneType holds no times"),
    (lambda one: one.tz_convert("Asia/Tokyo"), "mixed timezones"),
    (shuffled, "sort the rows by time"),
    (twice, "row 5: time 2023-01-01T04:00:00Z stands twice"),
    (word, "row 7 (2023-01-01 07:00:00+00:00): ATR 'x' is no number"),
    (without_time, "SOL: row 3: index has no time"),
    (lambda one: pd.concat([one, one[["close"]]], axis=1), "column 'close' stands twice"),
    (lambda one: one.drop(columns=["SMA20"]), "SOL: no column 'SMA20'"),
    (lambda one: one.assign(low=-one["low"]), "SOL: row 0 (2023-01-01T00:00:00Z): low -"),
    (lambda one: one.assign(high=one["low"] / 2), "lies above high"),
]


@pytest.mark.parametrize(("spoil", "said"), BAD, ids=[said for _, said in BAD])
def test_frames_that_cannot_be_used_are_refused(sol: pd.DataFrame, spoil: Any, said: str) -> None:
    """A clear error that names symbol, column and row, whatever is wrong."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - its words are what is tested
        run_portfolio_backtest({"BTC": sol, "SOL": spoil(sol)})
    assert said in str(caught.value)


def test_times_are_told_in_the_zone_of_the_frames(sol: pd.DataFrame) -> None:
    """Events and curve are where the bars are."""
    data, _ = data_set(13)
    utc = run_portfolio_backtest(data)
    tokyo = run_portfolio_backtest({n: one.tz_convert("Asia/Tokyo") for n, one in data.items()})
    assert tokyo.events == utc.events
    assert tokyo.trades[0]["time"].endswith("+09:00")
    _, _, curve = tokyo
    assert str(curve.index.tz) == "Asia/Tokyo"
    assert pd.Timestamp(tokyo.trades[0]["time"]).value == utc.events[0].at
    assert zone_of({}) is None
    assert zone_of({"A": sol}) == (sol.index.tz, sol.index.unit)


def test_the_curve_is_the_seeds() -> None:
    """Its columns and types, its index, and what is pinned to it; nothing of nothing."""
    data, _ = data_set(13)
    curve = curve_frame(run_portfolio_backtest(data))
    assert list(curve.columns) == ["equity", "cash", "open_positions", "open_risk", "drawdown_pct",
                                   "risk_scalar"]  # fmt: skip
    assert curve.index.name == "time"
    assert curve["open_positions"].dtype == np.int64
    assert list(curve.attrs) == ["signal_pipeline_diagnostics", "rejection_reasons"]
    empty = curve_frame(run_portfolio_backtest({}))
    assert empty.empty
    assert len(empty.attrs["signal_pipeline_diagnostics"]) == 2
