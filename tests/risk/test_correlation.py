"""Is correlation that of weighted hourly returns, and does correlated risk shrink a trade?"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.domain.market import Bars
from trader.domain.units import HOUR
from trader.risk.correlation import Correlation, correlation, correlation_factor
from trader.risk.settings import CorrelationSettings

SETTINGS = CorrelationSettings()
ANY = st.floats(allow_nan=True, allow_infinity=True)


def bars(moves: np.ndarray, first: int = 0, skip: tuple[int, ...] = ()) -> Bars:
    """Closed hours of a walk, some of them missing."""
    closes = (100.0 * np.exp(np.cumsum(moves))).tolist()
    rows = [(first + at) * HOUR for at in range(len(closes))]
    kept = [at for at in range(len(closes)) if at not in skip]
    shown = tuple(closes[at] for at in kept)
    return Bars(tuple(rows[at] for at in kept), shown, shown, shown, shown)


def walks(rho: float, hours: int = 1_440, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Two walks whose returns have this correlation."""
    one, noise = np.random.default_rng(seed).normal(0.0, 0.01, (2, hours))
    return one, rho * one + math.sqrt(1 - rho**2) * noise


@pytest.mark.parametrize("rho", [-0.8, 0.0, 0.3, 0.85, 1.0])
def test_a_planted_correlation_is_found(rho: float) -> None:
    """Within what some five hundred effective hours tell."""
    one, other = walks(rho)
    found = correlation(bars(one), bars(other), SETTINGS)
    assert found.observations == 1_439
    assert found.value == pytest.approx(rho, abs=0.12)


def test_it_is_the_weighted_sum_of_products() -> None:
    """Recomputed hour by hour, with a gap that costs the two returns at its edges."""
    one, other = walks(0.6, 400)
    found = correlation(bars(one), bars(other, skip=(200,)), SETTINGS)
    products = squares = others = 0.0
    for hour in range(1, 400):
        if hour not in (200, 201):
            weight = 0.5 ** ((399 - hour) / 240)
            products += weight * one[hour] * other[hour]
            squares += weight * one[hour] ** 2
            others += weight * other[hour] ** 2
    assert found.observations == 397
    assert found.value == pytest.approx(products / math.sqrt(squares * others))


def test_what_was_long_ago_is_forgotten() -> None:
    """Opposite for 45 days, alike in the last 15: with a half-life of two days it is alike."""
    one = np.random.default_rng(3).normal(0.0, 0.01, 1_440)
    other = np.where(np.arange(1_440) < 1_080, -one, one)
    quick = CorrelationSettings(half_life_hours=48.0)
    assert correlation(bars(one), bars(other), quick).value > 0.95
    short = CorrelationSettings(lookback_hours=300)
    assert correlation(bars(one), bars(other), short).value == pytest.approx(1.0)


def test_too_few_common_hours_say_nothing() -> None:
    """Of walks that hardly overlap, of none, of a market that stood still, of poisoned prices."""
    one, other = walks(0.9, 400)
    few = correlation(bars(one), bars(other, first=200), SETTINGS)
    assert (math.isnan(few.value), few.observations) == (True, 199)
    nothing = Bars((), (), (), (), ())
    assert correlation(bars(one), nothing, SETTINGS).observations == 0
    still = correlation(bars(one), bars(np.zeros(400)), SETTINGS)
    assert (math.isnan(still.value), still.observations) == (True, 399)
    poisoned = bars(one)
    hurt = Bars(poisoned.opened_at, *(tuple(math.nan for _ in one),) * 4)
    assert correlation(hurt, bars(other), SETTINGS).observations == 0


@given(st.integers(0, 50), st.floats(-1.0, 1.0))
def test_it_is_symmetric_and_bounded(seed: int, rho: float) -> None:
    """Whoever is named first."""
    one, other = walks(rho, 300, seed)
    found = correlation(bars(one), bars(other), SETTINGS)
    assert found == correlation(bars(other), bars(one), SETTINGS)
    assert -1.0 <= found.value <= 1.0


def test_correlated_risk_counts_toward_the_limit_of_the_coin() -> None:
    """1 % on ETH at .8 takes .8 of the 3 % here: .7333 is left, in words."""
    seen = {"ETH": Correlation(0.8, 1_400), "SOL": Correlation(0.4, 1_400)}
    found = correlation_factor({"ETH": 0.01, "SOL": 0.02}, seen, SETTINGS, 0.03)
    assert found.factor == pytest.approx(1 - 0.8 / 3)
    assert found.reason == "ETH 1.00% at correlation 0.80"


def test_what_is_unknown_against_or_far_costs_nothing() -> None:
    """Negative, below the threshold, or too few hours, which is said; no risk, no words."""
    against = {"ETH": Correlation(-0.9, 1_400)}
    assert correlation_factor({"ETH": 0.03}, against, SETTINGS, 0.03).factor == 1.0
    unknown = {"SOL": Correlation(math.nan, 12)}
    found = correlation_factor({"SOL": 0.03}, unknown, SETTINGS, 0.03)
    assert found.factor == 1.0
    assert found.reason == "SOL 3.00% at an unknown one (12 of 240 hours)"
    assert correlation_factor({}, {}, SETTINGS, 0.03).reason == (
        "no open risk on another coin counts"
    )


@given(
    st.dictionaries(st.sampled_from(["ETH", "SOL", "XRP"]), ANY, max_size=3),
    st.dictionaries(st.sampled_from(["ETH", "SOL"]), st.builds(Correlation, ANY, st.just(9))),
    st.floats(1e-3, 1.0),
)
def test_any_risk_leaves_a_share(
    open_risk: dict[str, float], seen: dict[str, Correlation], limit: float
) -> None:
    """From the floor to 1; risk that is no number leaves the floor."""
    found = correlation_factor(open_risk, seen, SETTINGS, limit)
    assert SETTINGS.floor <= found.factor <= 1.0
    if any(math.isnan(risk) for risk in open_risk.values()):
        assert found.factor == SETTINGS.floor
