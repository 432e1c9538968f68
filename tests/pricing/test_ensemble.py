"""Tests of belief and of what models are worth together: regret, floors, failures, parity."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from trader.pricing import black_scholes
from trader.pricing.ensemble import (
    Believed,
    EnsembleSettings,
    beliefs,
    combine,
    fixed_share,
    floored,
    values,
    vols,
    worth,
)
from trader.pricing.models import BlackScholes, Heston

if TYPE_CHECKING:
    from trader.pricing.columns import Kinds, Numbers
    from trader.pricing.normal import Array

ROUNDS, MODELS = 1_000, 4
BOUND = math.sqrt(ROUNDS * math.log(MODELS) / 2.0)
RATE = math.sqrt(8.0 * math.log(MODELS) / ROUNDS)
FORWARD, STRIKE, YEARS = np.full(3, 65_000.0), np.array([6e4, 65e3, 7e4]), np.full(3, 30 / 365)
SIDES = np.array([-1, 1, 1])


class Broken(BlackScholes):
    """A model that refuses, raises or answers NaN."""

    name = "broken"

    def __init__(self, answer: float | Exception) -> None:
        """Take what comes of every question."""
        self.answer = answer

    def price(
        self,
        kind: Kinds,
        forward: Numbers,
        strike: Numbers,
        years: Numbers,
        *parameters: Numbers,
        rate: Numbers = 0.0,
    ) -> float | Array:
        """Fail."""
        if isinstance(self.answer, Exception):
            raise self.answer
        return np.full(np.shape(forward), self.answer)


def flat(vol: float, weight: float = 1.0, error: float = 0.0) -> Believed:
    """Believe in one volatility."""
    return Believed(BlackScholes(), (vol,), error, weight)


def adversary(kind: str, generator: np.random.Generator) -> Array:
    """Draw losses: of chance, of one that is best, of a best that changes, of all or nothing."""
    losses = generator.uniform(0.0, 1.0, (ROUNDS, MODELS))
    match kind:
        case "one is best":
            losses[:, 2] *= 0.5
        case "the best changes":
            losses[: ROUNDS // 2, 0] = 0.0
            losses[ROUNDS // 2 :, 3] = 0.0
        case "all or nothing":
            losses = np.round(losses)
        case _:
            pass
    return losses


def regret(losses: Array, *, floor: float = 0.0) -> float:
    """Tell how much more the ensemble lost than the best model did."""
    belief, lost = np.full(MODELS, 1.0 / MODELS), 0.0
    for row in losses:
        lost += float(floored(belief, floor) @ row)
        belief = fixed_share(belief, row, rate=RATE, share=0.0)
    return lost - float(losses.sum(axis=0).min())


@pytest.mark.parametrize("kind", ["chance", "one is best", "the best changes", "all or nothing"])
def test_regret_stays_within_its_bound(kind: str) -> None:
    """T 1000, N 4: at most 26.33 with share and floor at zero, and N g T more with a floor g."""
    assert pytest.approx(26.33, abs=0.005) == BOUND
    for seed in range(20):
        losses = adversary(kind, np.random.default_rng(seed))
        assert regret(losses) <= BOUND
        assert regret(losses, floor=0.02) <= BOUND + MODELS * 0.02 * ROUNDS


def test_the_worst_adversary_comes_near_the_bound() -> None:
    """Whoever gets most weight loses: then regret is no accident, and the bound no decoration."""
    belief, lost, totals = np.full(MODELS, 1.0 / MODELS), 0.0, np.zeros(MODELS)
    for _ in range(ROUNDS):
        row = np.zeros(MODELS)
        row[int(np.argmax(belief))] = 1.0
        lost += float(belief @ row)
        totals += row
        belief = fixed_share(belief, row, rate=RATE, share=0.0)
    assert 0.1 * BOUND < lost - totals.min() <= BOUND


def test_a_share_follows_a_best_that_changes() -> None:
    """After 500 rounds of one best, a share lets another lead within 30; without it none does."""
    first, second = np.array([0.0, 1.0]), np.array([1.0, 0.0])
    led = {}
    for share in (0.0, 0.02):
        belief = np.array([0.5, 0.5])
        for _ in range(500):
            belief = fixed_share(belief, first, rate=0.5, share=share)
        for _ in range(30):
            belief = fixed_share(belief, second, rate=0.5, share=share)
        led[share] = bool(belief[1] > 0.9)
    assert led == {0.0: False, 0.02: True}


@given(
    st.lists(st.floats(0.0, 1.0), min_size=2, max_size=6),
    st.floats(0.0, 0.05),
    st.floats(0.0, 0.5),
)
def test_weights_sum_to_one_and_none_is_below_the_floor(
    losses: list[float], floor: float, share: float
) -> None:
    """Whatever is lost, weights stay a distribution above the floor, or all equal."""
    belief = np.full(len(losses), 1.0 / len(losses))
    for _ in range(5):
        belief = fixed_share(belief, np.array(losses), rate=2.0, share=share)
    weights = floored(belief, floor)
    assert weights.sum() == pytest.approx(1.0)
    assert (weights >= min(floor, 1.0 / len(losses)) - 1e-12).all()
    order = np.argsort(losses)
    assert (np.diff(weights[order]) <= 1e-12).all()


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -0.1, 1.1])
def test_a_loss_that_is_none_is_refused(wrong: float) -> None:
    """A loss outside of [0, 1] is named; it never reaches a weight."""
    with pytest.raises(ValueError, match=r"losses .* from 0 to 1"):
        fixed_share(np.array([0.5, 0.5]), np.array([0.0, wrong]), rate=1.0, share=0.0)


def test_a_new_model_is_believed_as_the_mean() -> None:
    """What was believed of others keeps its proportions; one that left is forgotten."""
    found = beliefs({"a": 0.6, "b": 0.2, "gone": 0.2}, ["a", "b", "new"])
    assert found[0] / found[1] == pytest.approx(3.0)
    assert found.sum() == pytest.approx(1.0)
    assert found[2] == pytest.approx((1 / 3) / (0.8 + 1 / 3))
    assert beliefs({}, ["a", "b"]).tolist() == [0.5, 0.5]
    assert beliefs({"a": 0.0, "b": 0.0}, ["a", "b"]).tolist() == [0.5, 0.5]


def test_a_mean_leaves_out_who_says_nothing() -> None:
    """Weights of the others still sum to one; where nobody knows, nothing is known."""
    said = np.array([[1.0, math.nan, math.nan], [3.0, 5.0, math.nan]])
    mean, spread = combine(said, np.array([0.25, 0.75]))
    assert mean[:2].tolist() == [2.5, 5.0]
    assert spread[:2] == pytest.approx([math.sqrt(0.75), 0.0])
    assert np.isnan(mean[2])
    assert np.isnan(spread[2])


def test_a_lone_model_is_worth_what_it_says() -> None:
    """One model without error: its own prices, its own volatility, no uncertainty."""
    believed = [flat(0.6)]
    price = black_scholes.price(SIDES, FORWARD, STRIKE, YEARS, 0.6)
    assert values(believed, SIDES, FORWARD, STRIKE, YEARS)[0] == pytest.approx(price)
    assert vols(believed, FORWARD, STRIKE, YEARS) == pytest.approx(0.6)
    ratio = np.array([1.0, -2.0, 1.0])
    found = worth(believed, SIDES, FORWARD, STRIKE, YEARS, ratio, FORWARD)
    assert found is not None
    assert found.value == pytest.approx(float((ratio * price / FORWARD).sum()))
    assert found.uncertainty == pytest.approx(0.0, abs=1e-15)
    assert found.alone == {"black_scholes": pytest.approx(found.value)}


def test_models_apart_are_uncertain_by_their_dispersion() -> None:
    """Two volatilities of equal weight: the mean of their prices, half their distance as doubt."""
    heston = Believed(Heston(), (0.25, 2.0, 0.25, 1e-3, 0.0), 0.0, 0.5)
    believed = [flat(0.6, 0.5), heston]
    one = slice(1, 2)
    found = worth(
        believed, SIDES[one], FORWARD[one], STRIKE[one], YEARS[one], np.ones(1), np.ones(1)
    )
    assert found is not None
    apart = found.alone["black_scholes"] - found.alone["heston"]
    assert apart > 500.0
    assert found.uncertainty == pytest.approx(apart / 2.0)
    assert found.value == pytest.approx(sum(found.alone.values()) / 2.0)


def test_a_fit_error_is_doubt_in_money() -> None:
    """One volatility point of fit error at the money adds the vega of one point."""
    one = slice(1, 2)
    columns = (SIDES[one], FORWARD[one], STRIKE[one], YEARS[one])
    vega = float(np.asarray(black_scholes.greeks(*columns, 0.6).vega)[0])
    found = worth([flat(0.6, 1.0, 0.01)], *columns, np.full(1, -3.0), np.ones(1))
    assert found is not None
    assert found.uncertainty == pytest.approx(3.0 * vega)


def test_doubt_is_the_same_on_either_side_of_the_money() -> None:
    """A call in the money and the put of its strike have one vega, and so one doubt: parity."""
    heston = Believed(Heston(), (0.25, 2.0, 0.3, 0.9, -0.4), 0.01, 0.5)
    believed = [flat(0.6, 0.5, 0.02), heston]
    strike = np.array([45e3, 60e3, 70e3, 90e3])
    forward, years = np.full(4, 65e3), np.full(4, 30 / 365)
    level = vols(believed, forward, strike, years)
    vega = np.asarray(black_scholes.greeks(1, forward, strike, years, level).vega)
    for place in range(4):
        at = slice(place, place + 1)
        doubts = []
        for side in (1, -1):
            found = worth(
                believed, np.array([side]), forward[at], strike[at], years[at], np.ones(1),
                np.ones(1),
            )  # fmt: skip
            assert found is not None
            doubts.append(found.uncertainty)
        alone = [
            float(each[place])
            for each in values(believed, np.ones(4, dtype=np.int64), forward, strike, years)
        ]
        expected = abs(alone[0] - alone[1]) / 2 + 0.015 * 100.0 * vega[place]
        assert doubts == pytest.approx([expected, expected], rel=1e-6)


@pytest.mark.parametrize("answer", [math.nan, ValueError("no"), RuntimeError("stranger")])
def test_a_model_that_fails_is_left_out(answer: float | Exception) -> None:
    """NaN or an exception costs that model its say; where none is left, there is no value."""
    broken = Believed(Broken(answer), (0.6,), 0.0, 0.9)
    columns = (SIDES, FORWARD, STRIKE, YEARS)
    ones = np.ones(3)
    found = worth([broken, flat(0.5, 0.1)], *columns, ones, ones)
    alone = worth([flat(0.5)], *columns, ones, ones)
    assert found is not None
    assert alone is not None
    assert found.value == pytest.approx(alone.value)
    assert found.weights == {"black_scholes": 1.0}
    assert worth([broken], *columns, ones, ones) is None
    assert np.isnan(vols([broken], *columns[1:])).all()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("learning_rate", 0.0),
        ("learning_rate", math.nan),
        ("share", -0.1),
        ("floor", 0.3),
        ("full_error", math.inf),
        ("models", ("heston", "heston")),
    ],
)
def test_settings_that_mean_nothing_are_refused(key: str, value: object) -> None:
    """A rate of zero, a negative share, a floor above what models can share: named at the start."""
    with pytest.raises(ValidationError, match=key):
        EnsembleSettings.model_validate({key: value})
