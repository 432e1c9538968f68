"""Is the amount the largest on the step that every limit allows, and dust refused?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.risk.scenes import GATE, intent, option, perpetual, view
from trader.domain.trading import Approved, SizeFactor
from trader.risk.limits import exceeded
from trader.risk.scalars import stage_factor
from trader.risk.sizing import (
    Cap,
    Sized,
    Unsized,
    beyond_factors,
    equity_needed_usd,
    scalar_of,
    size,
    tidy_down,
    trade_step,
)

if TYPE_CHECKING:
    from trader.domain.trading import FactorName, Stage


def per_trade(per_unit: float = 0.01, used: float = 0.0) -> Cap:
    """The limit of one trade: 1 %."""
    return Cap("per_trade_risk", 0.01, used, per_unit)


def budget(used: float, per_unit: float = 0.01) -> Cap:
    """The limit of one underlying: 3 %."""
    return Cap("underlying_risk", 0.03, used, per_unit)


def factors(stage: Stage, *scalars: float) -> tuple[SizeFactor, ...]:
    """Factors of some reason, and that of a stage."""
    reasons = (SizeFactor("regime", scalar, "the test says so") for scalar in scalars)
    return (*reasons, stage_factor(stage))


def sized(
    *shared: Cap,
    stage: Stage = "PRODUCTION",
    wish: float | None = None,
    scalar: float = 1.0,
    full: Cap | None = None,
) -> Sized | Unsized:
    """Size with a step of .1 and dust below one half."""
    return size(
        step=0.1,
        wish=wish,
        factors=factors(stage, scalar),
        full=(full or per_trade(),),
        shared=shared,
        min_size_share=0.5,
    )


def test_stages_have_their_sizes() -> None:
    """PRODUCTION and RESEARCH are full, PILOT the larger of a quarter and one lot."""
    assert sized(stage="PRODUCTION") == Sized(1.0, 1.0)
    assert sized(stage="RESEARCH") == Sized(1.0, 1.0)
    assert sized(stage="PILOT") == Sized(0.2, 0.2)
    assert sized(stage="PILOT", wish=0.3) == Sized(0.1, 0.1)


def test_the_wish_caps_the_size() -> None:
    """An intent may ask for less, never for more; .3 is three steps in spite of binary dust."""
    assert sized(wish=0.3) == Sized(0.3, 0.3)
    assert sized(wish=5.0) == Sized(1.0, 1.0)
    assert sized(wish=0.05) == Unsized("below_minimum_size", None, 0.05, 0.1)


def test_scalars_only_shrink() -> None:
    """A scalar of one half halves, one above 1 changes nothing, a tiny one leaves no lot."""
    assert sized(scalar=0.5) == Sized(0.5, 0.5)
    assert sized(scalar=3.0) == Sized(1.0, 1.0)
    tiny = sized(scalar=0.05)
    assert isinstance(tiny, Unsized)
    assert tiny.rule == "below_minimum_size"
    assert tiny.allowed == pytest.approx(0.05)


def test_a_lot_too_large_for_the_equity_is_refused_with_what_would_fit() -> None:
    """A lot of .1 that risks 1.25 % does not fit 1 %: .08 would have."""
    cap = per_trade(per_unit=0.125)
    assert sized(full=cap) == Unsized("below_minimum_size", cap, 0.08, 0.1)


def test_shared_limits_shrink_down_to_one_half() -> None:
    """Of a size of 1.0 room for .5 trades .5; room for .4 is dust; no room binds by name."""
    assert sized(budget(0.025)) == Sized(0.5, 1.0)
    dust = budget(0.026)
    assert sized(dust) == Unsized("below_half_size", dust, 0.4, 1.0)
    full = budget(0.0295)
    assert sized(full) == Unsized("underlying_risk", full, 0.05, 0.1)
    assert sized(budget(0.05)) == Unsized("underlying_risk", budget(0.05), 0.0, 0.1)


def test_half_is_counted_of_the_stages_own_size() -> None:
    """A PILOT of .2 needs room for .1 only."""
    assert sized(budget(0.029), stage="PILOT") == Sized(0.1, 0.2)


def test_the_tightest_shared_limit_binds() -> None:
    """Of budget, margin and coverage the smallest amount decides and is named."""
    margin = Cap("margin", 1.0, 0.9, 1.0, "BTC")
    found = sized(budget(0.02), margin, Cap("coverage", 5.0, 0.0, 1.0, "BTC"))
    assert found == Unsized("below_half_size", margin, 0.1, 1.0)


def test_three_lots_of_a_third_fit() -> None:
    """Binary dust neither takes nor gives a step."""
    assert sized(full=per_trade(per_unit=0.01 / 0.3)) == Sized(0.3, 0.3)
    assert tidy_down(0.0799999999) == 0.07999999


@pytest.mark.parametrize("bad", [math.nan, -math.inf])
def test_trap_nan_passes_the_limit(bad: float) -> None:
    """A limit or a use that is no number allows nothing."""
    assert Cap("margin", bad, 0.0, 1.0).amount == 0.0
    assert Cap("margin", 1.0, -bad, 1.0).amount == 0.0
    assert exceeded(Cap("margin", 1.0, bad, 1.0).use(0.1))


def test_steps_of_all_legs_agree() -> None:
    """The smallest amount in which every leg trades whole steps of its own, ratio included."""
    fine, coarse = option(step=0.1), option(step=0.25)
    assert trade_step([(fine, -1), (option(strike=80_000.0), 1)]) == 0.1
    assert trade_step([(fine, 1), (coarse, 1)]) == 0.5
    assert trade_step([(fine, 2)]) == 0.05
    assert trade_step([(fine, -1), (perpetual(), 65_000)]) == 0.1


def test_equity_needed_for_one_lot() -> None:
    """400 USD a lot at 1 % needs 40,000; with 300 USD in use, 70,000."""
    assert equity_needed_usd(400.0, 0.01) == pytest.approx(40_000)
    assert equity_needed_usd(400.0, 0.01, 300.0) == pytest.approx(70_000)


CAPS = st.builds(
    Cap,
    st.just("underlying_risk"),
    st.floats(0.001, 1.0),
    st.floats(0.0, 1.0),
    st.floats(1e-6, 10.0),
)


@given(
    st.sampled_from(["RESEARCH", "PILOT", "PRODUCTION"]),
    st.sampled_from([0.001, 0.1, 1.0, 10.0]),
    st.none() | st.floats(0.001, 100.0),
    st.floats(0.01, 2.0),
    CAPS,
    st.lists(CAPS, max_size=3),
)
def test_no_size_exceeds_any_limit_and_one_step_more_would(
    stage: Stage, step: float, wish: float | None, scalar: float, full: Cap, shared: list[Cap]
) -> None:
    """What is sized fits every cap, is whole steps, and at full size cannot be one step larger."""
    found = size(
        step=step,
        wish=wish,
        factors=factors(stage, scalar),
        full=[full],
        shared=shared,
        min_size_share=0.5,
    )
    if isinstance(found, Unsized):
        assert found.allowed < max(found.wanted, step)
        return
    assert not any(exceeded(cap.use(found.amount)) for cap in (full, *shared))
    assert found.amount >= step
    assert found.amount / step == pytest.approx(round(found.amount / step))
    assert found.amount <= (wish if wish is not None else math.inf) * (1 + 1e-9)
    assert found.amount >= 0.5 * found.stage_size - 1e-9
    if stage != "PILOT" and scalar >= 1:
        more = found.amount + step
        beyond = any(exceeded(cap.use(more * (1 + 1e-9))) for cap in (full, *shared))
        assert beyond or (wish is not None and more > wish * (1 - 1e-9))


ANY = st.floats(allow_nan=True, allow_infinity=True)


@given(
    st.lists(st.tuples(st.sampled_from(["kelly", "regime", "behavior", "stage"]), ANY), max_size=6),
    st.none() | st.floats(0.001, 100.0),
    CAPS,
    st.lists(CAPS, max_size=3),
)
def test_no_factor_whatever_makes_a_size_larger(
    given_factors: list[tuple[FactorName, float]],
    wish: float | None,
    full: Cap,
    shared: list[Cap],
) -> None:
    """Huge, negative, infinite or no number: what is sized fits what is sized without factors."""

    def amount(*asked: SizeFactor) -> float:
        found = size(
            step=0.1, wish=wish, factors=asked, full=[full], shared=shared, min_size_share=0.5
        )
        return found.amount if isinstance(found, Sized) else 0.0

    shrunk = size(
        step=0.1, wish=wish, factors=[SizeFactor(name, one, "") for name, one in given_factors],
        full=[full], shared=shared, min_size_share=1e-12,
    )  # fmt: skip
    whole = size(step=0.1, wish=wish, factors=(), full=[full], shared=shared, min_size_share=1e-12)
    most = whole.amount if isinstance(whole, Sized) else 0.0
    assert (shrunk.amount if isinstance(shrunk, Sized) else 0.0) <= most
    assert 0.0 <= scalar_of([SizeFactor(name, one, "") for name, one in given_factors]) <= 1.0
    assert amount(*(SizeFactor(name, one, "") for name, one in given_factors)) <= most


def test_an_approval_is_held_against_the_factors_it_states() -> None:
    """What passes their part of the limit, or a factor beyond 1, contradicts itself."""
    verdict = GATE.judge(intent(), view(), "V1-0")
    assert isinstance(verdict, Approved)
    assert beyond_factors(verdict) == ""
    half = SizeFactor("kelly", 0.5, "stated only")
    lie = msgspec.structs.replace(verdict, sizing=(half,))
    assert beyond_factors(lie).endswith("factors leave 0.5000%")
    more = msgspec.structs.replace(verdict, sizing=(SizeFactor("kelly", 1.5, "more"),))
    assert beyond_factors(more) == "was sized by kelly beyond 1"
    assert beyond_factors(msgspec.structs.replace(verdict, sizing=())) == ""
