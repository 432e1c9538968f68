"""Are draws uniform, in blocks where asked for, and the same however many are asked for at once?"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import get_args

import numpy as np
import pytest

from trader.evaluation.draws import LANE, Method, drawing


def test_every_trade_is_drawn_equally_often() -> None:
    """No trade is preferred: the counts of a million draws are uniform."""
    methods: tuple[Method, ...] = ("iid", "stationary")
    for method in methods:
        draw = drawing(method, 37, 4.0, (3, 0))
        counts = np.bincount(draw(1_000).ravel(), minlength=37)
        expected = 1_000 * LANE / 37
        # blocks of 4 make the counts of the stationary bootstrap vary sqrt(2 * 4) as much
        reach = 5 * math.sqrt(expected) * (1.0 if method == "iid" else math.sqrt(8.0))
        assert np.abs(counts - expected).max() < reach


def test_stationary_blocks_have_the_length_asked_for() -> None:
    """An index goes on by one with chance 1 - 1/length, across calls too."""
    draw = drawing("stationary", 1_000, 5.0, (3, 0))
    drawn = np.vstack([draw(rows).copy() for rows in (1, 2, 97, 100)])
    goes_on = ((drawn[1:] - drawn[:-1]) % 1_000 == 1).mean()
    expected = 0.8 + 0.2 / 1_000
    assert abs(goes_on - expected) < 4 * math.sqrt(expected * 0.2 / (199 * LANE))


@pytest.mark.parametrize("method", get_args(Method))
def test_draws_come_one_after_the_other(method: Method) -> None:
    """The same trades in the same order, however many are asked for at once."""
    whole = drawing(method, 90, 6.0, (1, 2))(90).copy()
    parts = drawing(method, 90, 6.0, (1, 2))
    cuts = [0, 1, 30, 32, 90]
    assert (np.vstack([parts(b - a).copy() for a, b in pairwise(cuts)]) == whole).all()
    assert ((whole >= 0) & (whole < 90)).all()


@pytest.mark.parametrize("method", get_args(Method))
def test_each_lane_draws_its_own(method: Method) -> None:
    """Another seed or another lane has other draws, about as alike as chance makes them."""
    one, other, seeded = (
        drawing(method, 90, 6.0, entropy)(90).copy() for entropy in ((1, 0), (1, 1), (2, 0))
    )
    assert (one == other).mean() == pytest.approx(1 / 90, rel=0.15)
    assert (one == seeded).mean() == pytest.approx(1 / 90, rel=0.15)


def test_a_permutation_holds_every_trade_once() -> None:
    """Each path has its own order of all trades."""
    orders = drawing("permutation", 40, 1.0, (1, 0))(40)
    assert (np.sort(orders, axis=0) == np.arange(40)[:, None]).all()
    assert len({tuple(order) for order in orders.T.tolist()}) == LANE


def test_blocks_of_length_one_are_independent_draws() -> None:
    """No trade follows its predecessor more often than by chance."""
    drawn = drawing("stationary", 50, 1.0, (3, 0))(200)
    assert ((drawn[1:] - drawn[:-1]) % 50 == 1).mean() == pytest.approx(1 / 50, rel=0.05)
