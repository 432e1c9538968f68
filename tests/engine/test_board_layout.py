"""Tests of `trader.engine.board_layout`."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.engine.books import CALL, CALL_UP, PUT
from tests.engine.test_market_state import snapshot_of
from trader.engine.board_layout import ASK, BID, ROW, SOUND, BoardLayout, check_unique, matrix


def test_rows_stand_by_expiry_strike_and_kind_and_cannot_be_written() -> None:
    """Whoever reads a board reads the same order, and changes it for nobody."""
    layout = BoardLayout([(7, CALL_UP), (3, PUT), (5, CALL)])
    assert layout.strike.tolist() == sorted(layout.strike.tolist())
    assert dict(zip(layout.rows.tolist(), layout.instruments, strict=True)) == {
        7: CALL_UP, 3: PUT, 5: CALL
    }  # fmt: skip
    with pytest.raises(ValueError, match="read-only"):
        layout.strike[0] = 1.0


def test_a_snapshot_is_laid_out_as_the_state_keeps_it() -> None:
    """No price is NaN, and what is displayed is scored: one side is worth half."""
    rows = matrix(snapshot_of((CALL, PUT), bid=[0.0, 0.01], ask=[0.02, 0.02]), np.ones(2))
    assert rows.shape == (2, ROW.size // 8)
    assert math.isnan(rows[0, BID])
    assert rows[:, ASK].tolist() == [0.02, 0.02]
    assert rows[:, SOUND].tolist() == [0.5, 1.0]


def test_columns_and_contracts_must_agree() -> None:
    """A snapshot of other lengths, or that names a contract twice, is refused."""
    with pytest.raises(ValueError, match="ask has 1 rows for 2 instruments"):
        matrix(snapshot_of((CALL, PUT), ask=[0.02]), np.ones(2))
    with pytest.raises(ValueError, match="listed twice"):
        check_unique((CALL, CALL))
