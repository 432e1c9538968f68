"""Does a row of the board say what the board says, and an edge what trading would gain?"""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.builders import NOW, alter, board, quote_of
from trader.domain.market import Board
from trader.domain.models import Observation
from trader.domain.units import YEAR
from trader.domain.valuation import trade_fee
from trader.pricing.black_scholes import price
from trader.pricing.ensemble import Believed
from trader.pricing.models import BlackScholes
from trader.views.board_rows import (
    COLUMNS,
    NOTHING,
    StrikeRow,
    Valued,
    cells,
    model_vols,
    strike_rows,
    valued,
)
from trader.views.reading import BoardNow

CALM = Observation("Calm", "the test says so")


def now(shown: Board, vol: float | None = 0.6, *, inverse: bool = True) -> BoardNow:
    """Show a board to models that believe in one volatility, or to none."""
    believed = () if vol is None else (Believed(BlackScholes(), (vol,), 0.01, 1.0),)
    return BoardNow(shown, inverse, CALM, believed)


def told(one: BoardNow) -> Valued:
    """Value every row."""
    return valued(one, model_vols(one, np.arange(len(one.board))))


def row_of(one: BoardNow, strike: float) -> StrikeRow:
    """Find a strike of the first expiry."""
    rows = strike_rows(one.board, inverse=one.inverse)
    return next(row for row in rows if row.strike == strike)


def test_every_option_stands_in_one_row() -> None:
    """Calls and puts of a strike share it; keys are unique."""
    shown = board()
    rows = strike_rows(shown, inverse=True)
    placed = sorted(place for row in rows for place in (row.call, row.put))
    assert placed == list(range(len(shown)))
    assert len({row.key for row in rows}) == len(rows)
    for row in rows:
        assert shown.is_call[row.call]
        assert not shown.is_call[row.put]
        assert shown.strike[row.call] == shown.strike[row.put] == row.strike


@pytest.mark.parametrize("inverse", [True, False])
def test_the_value_is_the_models_in_the_currency_that_settles(*, inverse: bool) -> None:
    """At 60 % against quotes at 55 %: Black-76 in coin, or in USD."""
    one = now(board(inverse=inverse), inverse=inverse)
    found, row = told(one), row_of(one, 94_500.0)
    usd = price(1, 90_000.0, 94_500.0, (row.expires_at - NOW) / YEAR, 0.6)
    assert found.model[row.call] == pytest.approx(usd / 90_000.0 if inverse else usd, rel=1e-6)


@pytest.mark.parametrize("inverse", [True, False])
def test_an_edge_is_what_is_left_after_the_fee(*, inverse: bool) -> None:
    """Buying at the ask what is worth more, less the taker's fee as the broker charges it."""
    one = now(board(inverse=inverse), 0.8, inverse=inverse)
    found, row = told(one), row_of(one, 91_800.0)
    ask = float(one.board.ask[row.call])
    fee = trade_fee(one.board.instruments[row.call], 1.0, ask, one.board.index)
    assert found.buying[row.call] == pytest.approx(found.model[row.call] - ask - fee)
    assert found.selling[row.call] < 0 < found.buying[row.call]
    edge = cells(found, row)[7]
    assert edge.text.startswith("buy +")
    assert edge.tone == "good"


def test_a_row_has_a_cell_for_each_column() -> None:
    """Prices in coin have four decimals, volatility is in percent."""
    one = now(board())
    read = cells(told(one), row_of(one, 90_000.0))
    assert len(read) == len(COLUMNS) == 15
    assert read[0].text == "90,000"
    assert read[4].text == "55.0 %"
    assert all(len(read[place].text.partition(".")[2]) == 4 for place in (1, 2, 3, 6))


def test_what_is_not_there_is_not_shown_as_a_number() -> None:
    """No bid, no mark, no model: a dash each, and no edge where there is no price."""
    shown = board()
    name = strike_rows(shown, inverse=True)[30]
    call = shown.instruments[name.call].name
    nothing = quote_of(shown, call, bid=math.nan, ask=math.nan, mark=math.nan, mark_iv=math.nan)
    read = cells(told(now(nothing, None)), name)
    assert read[1:5] == (NOTHING,) * 4
    assert read[6:8] == (NOTHING,) * 2
    assert "nan" not in " ".join(cell.text for cell in read)


def test_old_quotes_are_marked() -> None:
    """A quote that is too old to trade on says so, side by side with one that is not."""
    shown = board()
    row = strike_rows(shown, inverse=True)[30]
    old = alter(shown, {"fresh": False}, row.call)
    read = cells(told(now(old)), row)
    assert [cell.tone for cell in read[1:4]] == ["stale"] * 3
    assert [cell.tone for cell in read[8:11]] == [""] * 3


def test_models_are_asked_for_the_rows_that_are_wanted_alone() -> None:
    """Elsewhere, and without a forward, there is no volatility; without models nowhere."""
    shown = alter(board(), {"underlying_price": math.nan}, 3)
    found = model_vols(now(shown), np.array([1, 2, 3]))
    assert np.flatnonzero(np.isfinite(found)).tolist() == [1, 2]
    assert found[1] == pytest.approx(0.6, abs=1e-6)
    assert np.isnan(model_vols(now(shown, None), np.arange(len(shown)))).all()
