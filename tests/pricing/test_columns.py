"""What all models ask of their arguments, and the units they give back."""

from __future__ import annotations

import numpy as np
import pytest

from trader.pricing.columns import DAYS_PER_YEAR, Range, columns, signs

VOL = Range("vol", 0.0, 10.0)


def test_arguments_broadcast_into_columns() -> None:
    """Columns are flat and of one length; the shape is kept beside them."""
    options = columns("put", 100.0, np.array([90.0, 110.0]), np.array([[0.1], [0.2], [0.3]]), 0.01)
    assert options.shape == (3, 2)
    assert options.strike.tolist() == [90.0, 110.0] * 3
    assert options.sign.tolist() == [-1.0] * 6
    assert options.parameters.shape == (0, 6)
    assert np.shape(options.shaped(options.strike)) == (3, 2)
    alone = columns("call", 100.0, 90.0, 0.1, 0.0, (0.5,), (VOL,))
    assert alone.shape == ()
    assert alone.parameters.tolist() == [[0.5]]
    assert alone.shaped(alone.intrinsic()) == 10.0


def test_some_options_are_a_column_of_their_own() -> None:
    """Rows of every argument and parameter, whatever the shape they came in."""
    strike = np.array([[90.0, 100.0], [110.0, 120.0]])
    options = columns("call", 100.0, strike, 0.1, 0.0, (strike / 200.0,), (VOL,))
    some = options.take(slice(1, 3))
    assert some.strike.tolist() == [100.0, 110.0]
    assert some.parameters.tolist() == [[0.5, 0.55]]
    assert some.shape == (2,)


def test_present_values() -> None:
    """A rate of zero changes nothing; another discounts each by its own time."""
    options = columns("call", 100.0, 90.0, np.array([0.0, 1.0]), 0.05)
    assert options.discounted(np.ones(2)) == pytest.approx([1.0, np.exp(-0.05)])
    undiscounted = np.ones(1)
    assert columns("call", 100.0, 90.0, 1.0, 0.0).discounted(undiscounted) is undiscounted


def test_greeks_have_the_units_of_the_venue() -> None:
    """Vega and rho per point, theta per day or per remaining life, net delta less the premium."""
    years = np.array([1.0, 0.5 / DAYS_PER_YEAR])
    options = columns("call", 100.0, 90.0, years, 0.0)
    worth, slope = np.full(2, 12.0), np.full(2, 0.7)
    shown = options.scaled(worth, slope, np.full(2, 0.01), np.array([[30.0, 30.0], [8.0, 8.0]]))
    assert shown.delta.tolist() == [0.7, 0.7]
    assert shown.gamma.tolist() == [0.01, 0.01]
    assert shown.vega.tolist() == [0.3, 0.3]
    assert shown.theta == pytest.approx([-8.0 / 365.0, -4.0 / 365.0])
    assert shown.rho == pytest.approx(years * (70.0 - 12.0) / 100.0)
    assert shown.net_delta == pytest.approx([0.58, 0.58])


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), -1e-300, 10.1])
def test_what_is_out_of_range_is_named(wrong: float) -> None:
    """Field, value and what would be right."""
    with pytest.raises(ValueError, match=rf"vol = {wrong!r}: must be a finite number in \[0.0, 10"):
        columns("call", 100.0, 90.0, 0.1, 0.0, (np.array([0.5, wrong]),), (VOL,))


def test_signs() -> None:
    """Words or numbers; anything else is refused by what it is."""
    assert signs(np.array(["call", "put"])).tolist() == [1.0, -1.0]
    assert signs(-1).tolist() == -1.0
    with pytest.raises(ValueError, match="kind = 'x'"):
        signs(np.array(["put", "x"]))
