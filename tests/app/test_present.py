"""Are boards copied as they stand, seldom, and for good?"""

from __future__ import annotations

import numpy as np
import pytest

from tests.engine.modelled import ModelFloor
from trader.app import present
from trader.app.present import Present
from trader.domain.units import HOUR


async def test_a_board_is_shown_as_it_stood(monkeypatch: pytest.MonkeyPatch) -> None:
    """Later quotes do not reach what was given; once it is old a new copy is made."""
    monkeypatch.setattr(present, "FRESH_S", 0.0)
    floor = ModelFloor()
    floor.rounds(1)
    window = Present(floor.engine)
    before = window.boards()["BTC", True]
    bids = before.board.bid.copy()
    at = before.board.at
    floor.pass_time(HOUR)
    floor.engine.market._values[:] = 7.0
    assert np.array_equal(before.board.bid, bids, equal_nan=True)
    assert window.boards()["BTC", True].board.at > at
    assert [one.model.name for one in before.believed] == ["black_scholes", "merton"]
    assert len(before.board) == len(before.board.delta) == len(before.board.quality)


async def test_many_looks_are_one_copy() -> None:
    """Two readers of one instant share it; nothing listed is no board."""
    window = Present(ModelFloor().engine)
    assert window.boards() is window.boards()
    assert ("BTC", False) not in window.boards()
