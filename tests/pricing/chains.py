"""Recorded option chains as columns, for tests on real market data."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from trader.pricing.normal import Array

YEAR_MS = 365.0 * 86_400_000.0


class Chain(NamedTuple):
    """Four months of boards: `at` in milliseconds, marks in coin, volatilities as fractions."""

    at: NDArray[np.int64]
    sign: Array
    forward: Array
    strike: Array
    years: Array
    vol: Array
    mark: Array

    def take(self, rows: NDArray[np.bool_]) -> Chain:
        """Return some rows."""
        at, *others = self
        return Chain(at[rows], *(one[rows] for one in others))

    def near(self, deviations: float, days: float) -> Chain:
        """Return out-of-the-money options within some deviations of the money, not too short."""
        out = (self.sign > 0.0) == (self.strike >= self.forward)
        width = deviations * self.vol * np.sqrt(self.years)
        close = np.abs(np.log(self.strike / self.forward)) < width
        return self.take(out & close & (self.years > days / 365.0))


def read(folder: Path, coin: str) -> Chain:
    """Read the boards of a coin; options that have expired, or without a mark, are left out."""
    from pyarrow import parquet

    path = folder / f"options/deribit_chain_{coin}_6h_2025-12-30_2026-04-30.parquet"
    table = parquet.read_table(path)
    at, expiry = (table.column(one).to_numpy().astype(np.int64) for one in ("ts", "expiry"))
    forward, strike, vol, mark = (
        table.column(one).to_numpy().astype(np.float64)
        for one in ("underlying_price", "strike", "mark_iv", "mark_price")
    )
    sign = np.where(table.column("option_type").to_numpy(zero_copy_only=False) == "C", 1.0, -1.0)
    chain = Chain(at, sign, forward, strike, (expiry - at) / YEAR_MS, vol / 100.0, mark)
    return chain.take((expiry > at) & (vol > 0.0) & (forward > 0.0) & (mark > 0.0))
