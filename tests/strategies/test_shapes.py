"""Strangles, straddles and wings off a board, and the chance that they win."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.builders import INDEX, alter, at_eight, board, quote_of
from trader.domain.market import Board
from trader.domain.units import YEAR
from trader.pricing.black_scholes import price
from trader.strategies.shapes import (
    Shape,
    around,
    at_the_money,
    mean_vol,
    profit_chance,
    wings,
)

EXPIRY = at_eight(7)


def strikes(market: Board, rows: tuple[int, ...] | None) -> tuple[float, ...]:
    """Name the strikes of some rows."""
    assert rows is not None
    return tuple(float(market.strike[row]) for row in rows)


def test_the_money_is_the_strike_nearest_to_the_forward() -> None:
    """Put and call of one strike and expiry; the lower of two that are as near."""
    market = board()
    rows = at_the_money(market, EXPIRY)
    assert strikes(market, rows) == (90_000.0, 90_000.0)
    assert rows is not None
    assert [bool(market.is_call[row]) for row in rows] == [False, True]
    assert {int(market.expires_at[row]) for row in rows} == {EXPIRY}
    between = alter(market, {"underlying_price": 90_225.0})
    assert strikes(between, at_the_money(between, EXPIRY)) == (90_000.0, 90_000.0)


def test_a_strike_without_both_quotes_is_passed_over() -> None:
    """Where the put at the money is stale, the next strike is taken; without any, none."""
    market = board()
    put, _ = at_the_money(market, EXPIRY) or (0, 0)
    stale = quote_of(market, market.instruments[put].name, fresh=False)
    assert strikes(stale, at_the_money(stale, EXPIRY))[0] in (89_550.0, 90_450.0)
    assert at_the_money(alter(market, {"fresh": False}), EXPIRY) is None
    assert at_the_money(alter(market, {"underlying_price": math.nan}), EXPIRY) is None
    assert at_the_money(market, EXPIRY + 1) is None


def test_a_strangle_has_a_put_below_and_a_call_above() -> None:
    """Both near the target delta, or nothing."""
    market = board()
    rows = around(market, EXPIRY, 0.25, 0.05)
    low, high = strikes(market, rows)
    assert low < 90_000 < high
    assert rows is not None
    assert [abs(market.delta_at(row)) for row in rows] == pytest.approx([0.25, 0.25], abs=0.02)
    assert around(market, EXPIRY, 0.02, 0.001) is None


def test_wings_lie_further_out_by_width_or_by_delta() -> None:
    """So many listed strikes, or at a smaller |delta|; none where the ladder ends."""
    market = board()
    put, call = around(market, EXPIRY, 0.25, 0.05) or (0, 0)
    inner = strikes(market, (put, call))
    assert strikes(market, wings(market, put, call, width_strikes=4)) == (
        inner[0] - 4 * 450,
        inner[1] + 4 * 450,
    )
    outer = wings(market, put, call, width_strikes=4, wing_delta=0.1)
    assert outer is not None
    assert [abs(market.delta_at(row)) for row in outer] == pytest.approx([0.1, 0.1], abs=0.02)
    assert wings(market, put, call, width_strikes=60) is None


def test_legs_name_the_contracts_in_order() -> None:
    """As the rows stand."""
    market = board()
    put, call = at_the_money(market, EXPIRY) or (0, 0)
    shape = Shape((put, call), (-1, -1))
    assert [leg.ratio for leg in shape.legs(market)] == [-1, -1]
    assert [leg.instrument for leg in shape.legs(market)] == [
        market.instruments[put].name,
        market.instruments[call].name,
    ]


def test_chance_of_profit_is_that_of_the_lognormal() -> None:
    """A digital by strikes: a free straddle always wins, one at twice its price seldom; a sold
    strangle of deltas .25 wins about half of the time without its premium, more with it.
    """
    market = board()
    put, call = at_the_money(market, EXPIRY) or (0, 0)
    years = (EXPIRY - market.at) / YEAR
    worth = sum(price(side, 90_000.0, 90_000.0, years, 0.55) for side in ("put", "call")) / 90_000
    bought = Shape((put, call), (1, 1))
    assert profit_chance(market, bought, 0.0) > 0.99
    fair = profit_chance(market, bought, worth)
    assert 0.38 < fair < 0.45
    assert profit_chance(market, bought, 2 * worth) < 0.15
    assert profit_chance(market, Shape((put, call), (-1, -1)), -worth) == pytest.approx(1 - fair)
    low, high = around(market, EXPIRY, 0.25, 0.05) or (0, 0)
    sold = Shape((low, high), (-1, -1))
    assert profit_chance(market, sold, -0.005) > 0.5


@pytest.mark.parametrize("inverse", [True, False])
def test_chance_is_counted_in_the_currency_of_settlement(inverse: bool) -> None:
    """A linear straddle at the same price in USD has nearly the same chance."""
    market = board(inverse=inverse)
    ladders = [market.listing.ladder(side, inverse=inverse)[EXPIRY] for side in ("put", "call")]
    rows = tuple(int(one[np.argmin(abs(market.strike[one] - 90_000))]) for one in ladders)
    unit = 1.0 if inverse else INDEX["BTC"]
    assert profit_chance(market, Shape(rows, (1, 1)), 0.06 * unit) == pytest.approx(0.42, abs=0.03)


def test_what_is_missing_has_no_chance() -> None:
    """NaN, infinity or an absurd volatility give 0, and no warning."""
    market = board()
    put, call = at_the_money(market, EXPIRY) or (0, 0)
    shape = Shape((put, call), (1, 1))
    for column in ("mark_iv", "underlying_price"):
        for absurd in (math.nan, math.inf, 0.0, -1.0):
            assert profit_chance(alter(market, {column: absurd}), shape, 0.0) == 0.0
    assert profit_chance(alter(market, {"mark_iv": 1e300}), shape, 0.0) == 0.0
    assert profit_chance(market, shape, math.nan) == 0.0


@pytest.mark.parametrize(
    ("vols", "mean"),
    [((0.5, 0.7), 0.6), ((0.5, math.inf), math.inf), ((math.inf, -math.inf), math.nan)],
)
def test_vols_of_a_damaged_board_average_without_a_warning(
    vols: tuple[float, float], mean: float
) -> None:
    """A warning of numpy's would be an error here; what comes of it is no volatility."""
    shown = alter(board(index=INDEX["BTC"]), {"mark_iv": vols}, slice(0, 2))
    assert mean_vol(shown, (0, 1)) == pytest.approx(mean, nan_ok=True)
