"""Does each scalar shrink as its formula says, stay in [0, 1], and say why?"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats  # type: ignore[import-untyped]

from trader.domain.models import REGIMES, Observation, Worth
from trader.domain.trading import SizeFactor
from trader.evaluation import trade_quality
from trader.risk.scalars import (
    PILOT_SHARE,
    agreement_factor,
    clamped,
    combined,
    drawdown_factor,
    factor,
    kelly_factor,
    kelly_fraction,
    regime_factor,
    stage_factor,
    student,
)
from trader.risk.settings import RegimeScalars, SizingSettings

SETTINGS = SizingSettings()
ANY = st.floats(allow_nan=True, allow_infinity=True)
LIMIT = 0.01


def record(mean: float, count: int = 200, spread: float = 0.5, seed: int = 0) -> list[float]:
    """Results of exactly this mean and about this deviation."""
    drawn = np.random.default_rng(seed).normal(0.0, spread, count)
    results: list[float] = (drawn - drawn.mean() + mean).tolist()
    return results


def test_below_fifty_chains_a_record_tells_nothing() -> None:
    """Forty-nine terrible results leave the size as it is, one more costs three quarters."""
    few = kelly_factor([-1.0] * 49, SETTINGS, LIMIT)
    assert (few.factor, few.reason) == (1.0, "49 closed chains, 50 tell something")
    assert kelly_factor([-1.0] * 50, SETTINGS, LIMIT).factor == 0.25


def test_the_bound_and_not_the_mean_is_bet_on() -> None:
    """The same mean from four times as many chains allows more; the words give both."""
    few, many = (kelly_factor(record(0.05, count), SETTINGS, LIMIT) for count in (50, 200))
    assert few.factor == 0.25 < many.factor
    assert many.reason.startswith("200 chains earned +0.050 of their risk on average, +0.00")
    assert many.reason.endswith("a trade may risk 1.00%")


def test_the_scalar_is_a_share_of_kelly_over_the_limit() -> None:
    """Recomputed from the shifted results with the other implementation of the fraction."""
    results = np.array(record(0.05))
    error = results.std(ddof=1) / math.sqrt(len(results))
    bound = results.mean() - stats.t.ppf(0.9, len(results) - 1) * error
    whole = trade_quality.kelly_fraction(results - results.mean() + bound)
    assert whole is not None
    found = kelly_factor(results.tolist(), SETTINGS, 0.05)
    assert 0.25 < found.factor < 1.0
    assert found.factor == pytest.approx(0.5 * whole / 0.05, rel=1e-3)


def test_a_great_record_takes_nothing_away_and_adds_nothing() -> None:
    """Never above 1; a record without a loss neither."""
    assert kelly_factor(record(0.5), SETTINGS, LIMIT).factor == 1.0
    assert kelly_factor([0.2] * 60, SETTINGS, LIMIT).factor == 1.0


@given(st.lists(ANY, max_size=120), st.floats(1e-4, 1.0))
def test_any_record_leaves_a_share(results: list[float], limit: float) -> None:
    """From the floor to 1, whatever was earned; a result that is none leaves the floor."""
    found = kelly_factor(results, SETTINGS, limit)
    assert 0.25 <= found.factor <= 1.0
    assert found.reason
    if len(results) >= 50 and not all(map(math.isfinite, results)):
        assert found.factor == 0.25


def test_kelly_of_known_results() -> None:
    """Decisions, 2: .168109; capped where less is enough."""
    results = np.array([2.0, -1, 0, 1, -1, 0, -1, 3, -1, 0.5])
    assert kelly_fraction(results, 10.0) == pytest.approx(0.168109, abs=1e-6)
    assert kelly_fraction(results, 0.1) == 0.1
    assert kelly_fraction(np.array([1.0, 2.0]), 7.0) == 7.0
    assert kelly_fraction(np.array([-1.0, 0.5]), 7.0) == 0.0


@given(
    st.lists(st.floats(-5.0, 5.0).map(lambda one: round(one, 3)), min_size=2, max_size=60),
    st.floats(1e-3, 1e3),
)
def test_two_ways_to_find_kelly_agree(results: list[float], most: float) -> None:
    """Newton's steps here, bisection in the scorecard."""
    known = trade_quality.kelly_fraction(np.array(results))
    expected = most if known is None and sum(results) > 0 else min(known or 0.0, most)
    assert kelly_fraction(np.array(results), most) == pytest.approx(expected, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("confidence", [0.5, 0.8, 0.9, 0.95, 0.99, 0.999])
def test_students_quantiles(confidence: float) -> None:
    """As scipy has them: to .01 from nine degrees on, to 1e-4 from 49, normal at last."""
    for freedom, tolerance in ((9, 1e-2), (49, 1e-4), (199, 1e-5)):
        expected = stats.t.ppf(confidence, freedom)
        assert student(confidence, freedom) == pytest.approx(expected, abs=tolerance)
    normal = NormalDist().inv_cdf(confidence)
    assert student(confidence, 10**9) == pytest.approx(normal, abs=1e-6)


def worth(value: float, **alone: float) -> Worth:
    """What models hold a structure to be worth, evenly believed."""
    weights = dict.fromkeys(alone, 1.0 / max(len(alone), 1))
    return Worth(value=value, uncertainty=0.0, alone=dict(alone), weights=weights)


def test_models_that_agree_leave_the_size() -> None:
    """And nobody asked leaves it too; a tenth of dispersion costs a tenth."""
    assert agreement_factor(None, SETTINGS) == SizeFactor("agreement", 1.0, "no model was asked")
    assert agreement_factor(worth(-0.01, a=-0.01, b=-0.01), SETTINGS).factor == 1.0
    tenth = agreement_factor(worth(-0.01, a=-0.011, b=-0.009), SETTINGS)
    assert tenth.factor == pytest.approx(0.9)
    assert tenth.reason == "2 models value it -0.01 within 0.001"


def test_models_that_disagree_leave_the_floor() -> None:
    """Values of either sign about nothing, or a value that is no number."""
    assert agreement_factor(worth(0.0, a=-0.01, b=0.01), SETTINGS).factor == 0.25
    assert agreement_factor(worth(0.001, a=-0.01, b=0.012), SETTINGS).factor == 0.25
    assert agreement_factor(worth(math.nan, a=math.nan), SETTINGS).factor == 0.25
    assert agreement_factor(worth(0.01), SETTINGS).factor == 0.25
    assert agreement_factor(worth(0.0, a=0.0), SETTINGS).factor == 1.0


@given(ANY, st.dictionaries(st.sampled_from("abcd"), ANY, max_size=4), ANY)
def test_any_worth_leaves_a_share(value: float, alone: dict[str, float], weight: float) -> None:
    """From the floor to 1."""
    odd = Worth(value=value, uncertainty=0.0, alone=alone, weights=dict.fromkeys("ab", weight))
    assert 0.25 <= agreement_factor(odd, SETTINGS).factor <= 1.0


def test_each_regime_has_its_share() -> None:
    """By default a volatile market costs a quarter, a crisis a half; the reason is the regime's."""
    found = [regime_factor(Observation(one, "why"), SETTINGS).factor for one in (*REGIMES, None)]
    assert found == [0.5, 0.75, 1.0, 1.0, 1.0]
    table = SizingSettings(regime=RegimeScalars(calm=0.3, unknown=0.2))
    calm = regime_factor(Observation("Calm", "quiet"), table)
    assert calm == SizeFactor("regime", 0.3, "Calm: quiet")
    assert regime_factor(Observation(None, "no history"), table).factor == 0.2


@pytest.mark.parametrize(
    ("share", "left"), [(-1.0, 1.0), (0.0, 1.0), (0.119, 1.0), (0.12, 0.75), (0.179, 0.75),
                        (0.18, 0.5), (5.0, 0.5), (math.nan, 0.5), (math.inf, 0.5)]
)  # fmt: skip
def test_drawdown_has_the_steps_of_the_seed(share: float, left: float) -> None:
    """12 % leaves .75, 18 % a half; a fall that is no number is the deepest."""
    assert drawdown_factor(share * 1e6, 1e6, SETTINGS).factor == left


@given(ANY, ANY)
def test_any_drawdown_leaves_a_share(fall: float, equity: float) -> None:
    """One of the three, and without equity the least."""
    found = drawdown_factor(fall, equity, SETTINGS)
    assert found.factor in (1.0, 0.75, 0.5)
    if not equity > 0:
        assert found.factor == 0.5


def test_stages_have_their_shares() -> None:
    """A quarter for PILOT, all for the others."""
    shares = [stage_factor(one).factor for one in ("RESEARCH", "PILOT", "PRODUCTION")]
    assert shares == [1.0, PILOT_SHARE, 1.0]


@given(st.lists(ANY, max_size=7))
def test_together_they_never_enlarge(scalars: list[float]) -> None:
    """The product is at most the least of them, and in [0, 1]."""
    factors = [SizeFactor("regime", one, "") for one in scalars]
    whole = combined(factors)
    assert 0.0 <= whole <= 1.0
    assert whole <= min((clamped(one) for one in scalars), default=1.0)
    assert all(factor("kelly", one, "").factor == clamped(one) for one in scalars)
