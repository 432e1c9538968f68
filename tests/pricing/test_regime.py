"""Planted markets, each rule at its edge, and nothing of the future."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trader.domain.models import REGIMES, Regime
from trader.pricing.regime import (
    CLOSES_KEPT,
    CLOSES_MIN,
    DAY,
    WEEK,
    YEAR,
    readings,
    regime_now,
    regimes,
)

if TYPE_CHECKING:
    from trader.domain.market import Floats

HOURLY = 0.4 / math.sqrt(YEAR)
"""The deviation of an hour at 40 % a year."""


def quiet(days: int, seed: int = 0, vol: float = 1.0) -> Floats:
    """Return log returns of a market without a story: plus or minus one size, drawn."""
    signs = np.random.default_rng(seed).choice((-1.0, 1.0), days * DAY)
    moves: Floats = HOURLY * vol * signs
    return moves


def calm(days: int) -> Floats:
    """Return log returns up and down in turn: no day, and no month, goes anywhere."""
    return np.tile([HOURLY, -HOURLY], days * DAY // 2)


def closes(*parts: Floats) -> Floats:
    """Walk from 100."""
    path: Floats = 100.0 * np.exp(np.concatenate(([0.0], *parts)).cumsum())
    return path


def last(*parts: Floats) -> Regime | None:
    """Tell the regime at the end."""
    return regimes(closes(*parts))[-1]


def test_before_sixty_days_nothing_is_said() -> None:
    """One close more, and something is."""
    path = closes(quiet(70))
    found = regimes(path)
    assert found[: CLOSES_MIN - 1] == (None,) * (CLOSES_MIN - 1)
    assert None not in found[CLOSES_MIN - 1 :]
    short = regime_now(path[: CLOSES_MIN - 1])
    assert (short.regime, short.reason) == (None, "60.0 days of closes, 60 are needed")
    assert regimes(path[:0]) == ()
    assert regime_now(path[:0]).regime is None


def test_each_regime_is_met_in_the_market_that_was_planted() -> None:
    """A falling volatility is Calm, a rising one Volatile, a drift Trending, a crash Crisis."""
    fading = [quiet(30, seed, 1.5 - 0.2 * seed) for seed in range(5)]
    drift = np.full(30 * DAY, 2.5 * HOURLY / math.sqrt(30 * DAY))
    assert last(*fading, calm(30)) == "Calm"
    assert last(quiet(90), quiet(8, 1, 1.8)) == "Volatile"
    assert last(*fading, calm(30) + drift) == "Trending"
    assert last(*fading, calm(30) - drift) == "Trending"
    assert last(*fading, calm(30), np.full(DAY, -0.3 / DAY)) == "Crisis"


@pytest.mark.parametrize(
    ("moves", "crisis"),
    [
        pytest.param(quiet(1, 5, 3.3), True, id="a day of more than three times the volatility"),
        pytest.param(quiet(1, 5, 2.7), False, id="a day of less"),
        pytest.param(np.full(DAY, 4.1 / math.sqrt(DAY) * HOURLY), True, id="beyond 4 deviations"),
        pytest.param(np.full(DAY, 3.9 / math.sqrt(DAY) * HOURLY), False, id="within them"),
        pytest.param(np.full(6 * DAY, -0.232 / (6 * DAY)), True, id="20.7 % down in six days"),
        pytest.param(np.full(6 * DAY, -0.214 / (6 * DAY)), False, id="19.3 % down"),
    ],
)
def test_a_crisis_has_three_ways_to_begin(moves: Floats, *, crisis: bool) -> None:
    """Each by itself, and not much before."""
    assert (last(calm(90), moves) == "Crisis") is crisis


def test_a_crisis_is_left_after_two_closes_that_ask_for_less() -> None:
    """One is not enough; a graver close between them begins the count anew."""
    path = closes(calm(90), np.full(DAY, -0.3 / DAY), quiet(40, 1))
    found = regimes(path)
    crashed = 90 * DAY + DAY
    left = next(row for row in range(crashed, len(path)) if found[row] != "Crisis")
    assert left > crashed + WEEK - DAY
    read = readings(path)
    grave = [
        read.drawdown_7d[row] > 0.2
        or abs(read.move_1d[row]) > 4
        or read.vol_1d[row] > 3 * read.vol_1d_usual[row]
        for row in (left - 2, left - 1, left)
    ]
    assert grave == [True, False, False]
    stays = regime_now(path[:left])
    assert stays.regime == "Crisis"
    assert stays.reason.startswith("Crisis stays until 2 closes in a row ask for less: ")


def test_the_reason_gives_the_numbers_that_decided() -> None:
    """All that speak for a crisis; the one of the others."""
    crash = regime_now(closes(calm(90), np.full(DAY, -0.3 / DAY)))
    assert crash.reason == (
        "a day moved -14.3 deviations (beyond 4); 26% below the highest close of 7 days"
    )
    wild = regime_now(closes(quiet(90), quiet(8, 1, 1.8)))
    assert re.fullmatch(
        r"volatility of 7 days 72%, at 100% of its year \(from 80% on\)", wild.reason
    )
    drift = np.full(30 * DAY, 2.5 * HOURLY / math.sqrt(30 * DAY))
    fading = [quiet(30, seed, 1.5 - 0.2 * seed) for seed in range(5)]
    assert re.fullmatch(
        r"30 days moved \+2\.\d deviations \(from 1\.5 on\)",
        regime_now(closes(*fading, calm(30) + drift)).reason,
    )


def test_a_market_that_never_moves_is_no_crisis() -> None:
    """Nothing divides by nothing: what does not move ranks where everything does."""
    assert set(regimes(np.full(CLOSES_MIN + 3, 100.0))[CLOSES_MIN:]) == {"Volatile"}


@settings(max_examples=20)
@given(st.integers(0, 1_000), st.integers(1, 20 * DAY), st.sampled_from((1e-3, 1e3)))
def test_nothing_later_is_looked_at(seed: int, cut: int, poison: float) -> None:
    """Cut off or poisoned, what comes later changes no reading and no regime before it."""
    path = closes(quiet(60, seed), quiet(20, seed + 1, 2.0))
    row = len(path) - cut
    told, poisoned = regimes(path), path.copy()
    poisoned[row:] *= poison
    assert regimes(path[:row]) == told[:row] == regimes(poisoned)[:row]


def test_a_planted_peek_is_caught() -> None:
    """The same question asked with the closes an hour early gives other answers."""
    path = closes(quiet(60), quiet(20, 1, 2.0))
    row = len(path) - 10
    poisoned = path.copy()
    poisoned[row:] *= 1e3
    assert regimes(path[1:])[:row] != regimes(poisoned[1:])[:row]


@settings(max_examples=5)
@given(st.integers(0, 1_000))
def test_a_year_and_a_week_tell_what_all_of_the_past_tells(seed: int) -> None:
    """What a daemon must keep is bounded: what came before it changes the last regime no more."""
    volatility = np.random.default_rng(seed).uniform(0.5, 2.0, 16)
    parts = [quiet(28, seed + row, float(one)) for row, one in enumerate(volatility)]
    path = closes(*parts)
    assert len(path) > CLOSES_KEPT + 30 * DAY
    assert regime_now(path).regime == regime_now(path[-CLOSES_KEPT:]).regime


@pytest.mark.parametrize("value", [math.nan, math.inf, 0.0, -1.0])
def test_a_close_that_is_none_is_refused(value: float) -> None:
    """With its row."""
    path = closes(quiet(61))
    path[7] = value
    with pytest.raises(ValueError, match=rf"close {value!r} in row 7 must be a positive number"):
        regimes(path)


def test_the_gravest_comes_first() -> None:
    """What reads them top down may rely on it."""
    assert REGIMES == ("Crisis", "Volatile", "Trending", "Calm")
