"""Does a board read as it was quoted?"""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.views.readings import Told
from tests.web.furnished import a_board
from trader.views.answers.boards import BoardQuestion, board, model_vols
from trader.views.reading import NotThere

TOLD = Told(boards={("BTC", True): a_board()})


def test_each_row_is_its_quote_and_nothing_is_no_number() -> None:
    """Prices as displayed; a missing one is None, never NaN."""
    shown = a_board().board
    found = board(TOLD, BoardQuestion(underlying="BTC"))
    assert [one.instrument for one in found.rows] == [one.name for one in shown.instruments]
    for row, bid in zip(found.rows, shown.bid.tolist(), strict=True):
        assert row.bid == (None if math.isnan(bid) else bid)
    assert set(found.models) == {"black_scholes", "merton"}
    assert sum(found.models.values()) == pytest.approx(1.0)


def test_one_expiry_alone_and_what_models_say() -> None:
    """A day leaves the others out; models say a volatility near the mark's."""
    every = board(TOLD, BoardQuestion(underlying="BTC"))
    day = every.rows[-1].expires_at[:10]
    found = board(TOLD, BoardQuestion(underlying="BTC", expiry=day, models=True))
    assert {one.expires_at[:10] for one in found.rows} == {day}
    vols = model_vols(a_board(), list(range(len(every.rows))))
    told = [one.model_iv for one in found.rows if one.model_iv is not None]
    assert told == vols[-len(found.rows) :][np.isfinite(vols[-len(found.rows) :])].tolist()
    assert told


def test_no_board_and_no_such_day_say_what_there_is() -> None:
    """Each names what was asked for."""
    with pytest.raises(NotThere, match="DOGE"):
        board(TOLD, BoardQuestion(underlying="DOGE"))
    with pytest.raises(NotThere, match="expire on 1999-01-01: on 20"):
        board(TOLD, BoardQuestion(underlying="BTC", expiry="1999-01-01"))
    with pytest.raises(NotThere):
        board(TOLD, BoardQuestion(underlying="BTC", settlement="usdc"))
