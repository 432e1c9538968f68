"""Is a surface found again where there is one, and refused where there is none?"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trader.pricing.normal import Array
from trader.pricing.surface import Smile
from trader.pricing.surface_fit import ERROR_MAX, Fitted, NotFitted, fit

YEARS = np.array([2, 7, 30, 90, 180]) / 365


def _board(smile: Smile, levels: Array, *, noise: float = 0.0) -> tuple[Array, Array, Array]:
    """Quote nine strikes of five expiries on a surface."""
    years = np.repeat(YEARS, 9)
    level = np.repeat(levels, 9)
    k = np.tile(np.linspace(-2, 2, 9), 5) * level * np.sqrt(years)
    vol = smile.vol(level, years, k)
    return k, years, vol + noise * np.random.default_rng(1).normal(size=len(vol))


@settings(max_examples=25)
@given(st.floats(-0.7, 0.7), st.floats(0.15, 0.95), st.floats(0.3, 1.0), st.floats(-0.2, 0.3))
def test_a_surface_is_found_again(rho: float, share: float, level: float, slope: float) -> None:
    """Smile and levels, whatever they were, from quotes that lie on it."""
    smile = Smile(rho, share * 2 / math.sqrt(1 + abs(rho)))
    levels = level * (1 + slope * np.sqrt(YEARS))
    found = fit(*_board(smile, levels))
    assert isinstance(found, Fitted)
    assert found.error < 2e-3
    assert [one.level for one in found.expiries] == pytest.approx(levels, rel=0.01)
    assert found.smile.rho * found.smile.eta == pytest.approx(smile.rho * smile.eta, abs=0.05)


def test_noise_is_told_by_the_error() -> None:
    """Two points of noise are two points of error, for each expiry too."""
    found = fit(*_board(Smile(-0.3, 0.8), np.full(5, 0.6), noise=0.02))
    assert isinstance(found, Fitted)
    assert found.error == pytest.approx(0.02, rel=0.35)
    assert all(0.002 < one.error < 0.05 for one in found.expiries)


def test_what_is_found_allows_no_arbitrage() -> None:
    """Even from quotes that do: falling variance is fitted by the nearest that does not fall."""
    levels = np.array([0.9, 0.45, 0.4, 0.5, 0.5])
    found = fit(*_board(Smile(-0.2, 0.9), levels))
    if isinstance(found, NotFitted):
        assert "exceeds" in found.reason
        return
    total = [one.level**2 * one.years for one in found.expiries]
    assert total == sorted(total)
    assert found.smile.eta**2 * (1 + abs(found.smile.rho)) <= 4 + 1e-9


def test_rows_that_are_no_quotes_are_left_out() -> None:
    """NaN, negative volatilities and what has expired change nothing."""
    k, years, vol = _board(Smile(-0.3, 0.8), np.full(5, 0.6))
    plain = fit(k, years, vol)
    bad = np.array([np.nan, 0.0, 0.1, 0.0])
    spoiled = fit(
        np.concatenate((k, bad)),
        np.concatenate((years, [0.1, 0.0, 0.2, 0.1])),
        np.concatenate((vol, [0.5, 0.5, -1.0, np.inf])),
    )
    assert spoiled == plain


def test_the_order_of_rows_is_no_input() -> None:
    """A shuffled board gives the same surface."""
    board = np.stack(_board(Smile(-0.3, 0.8), np.full(5, 0.6), noise=0.01))
    shuffled = board[:, np.random.default_rng(2).permutation(board.shape[1])]
    first, second = fit(*board), fit(*shuffled)
    assert isinstance(first, Fitted)
    assert isinstance(second, Fitted)
    assert first.error == pytest.approx(second.error, rel=1e-6)


def test_a_hopeless_board_is_a_value_with_its_reason() -> None:
    """Too few options; volatilities that no smile has."""
    k, years, vol = _board(Smile(), np.full(5, 0.6))
    few = fit(k[:4], years[:4], vol[:4])
    assert few == NotFitted("no expiry has 5 usable options near the money")
    assert fit(np.zeros(0), np.zeros(0), np.zeros(0)) == few
    wild = fit(k, years, np.random.default_rng(1).uniform(0.1, 3.0, len(k)))
    assert isinstance(wild, NotFitted)
    assert "exceeds" in wild.reason


def test_ragged_columns_are_refused() -> None:
    """With their lengths."""
    with pytest.raises(ValueError, match="differ in length"):
        fit(np.zeros(3), np.zeros(2), np.zeros(3))


@pytest.mark.real_data
def test_recorded_boards_fit(real_data: Path) -> None:
    """Real boards lie within two points of a surface with one smile, more days than not."""
    from pyarrow import parquet

    path = real_data / "options/deribit_chain_btc_6h_2025-12-30_2026-04-30.parquet"
    table = parquet.read_table(
        path, columns=["ts", "expiry", "strike", "underlying_price", "mark_iv"]
    )
    ts, expiry = (table.column(name).to_numpy().astype(np.int64) for name in ("ts", "expiry"))
    strike, forward, iv = (
        table.column(name).to_numpy() for name in ("strike", "underlying_price", "mark_iv")
    )
    errors = []
    for at in np.unique(ts)[::80]:
        years = (expiry - at) / (365 * 86_400_000)
        rows = (ts == at) & (years > 1.5 / 365)
        found = fit(np.log(strike[rows] / forward[rows]), years[rows], iv[rows] / 100)
        errors.append(found.error if isinstance(found, Fitted) else ERROR_MAX)
    assert np.median(errors) < 0.03
