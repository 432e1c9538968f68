"""Two rules of integration: each against the other, and against what is known beforehand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trader.pricing import heston_quadrature
from trader.pricing.characteristic import Maturities
from trader.pricing.heston_quadrature import (
    TILT_BEYOND,
    WITHOUT_CONTROL,
    Nodes,
    Weights,
    integrals,
    slowness,
)
from trader.pricing.normalized import black

COVERED = Weights(1, lambda nodes: [nodes.excess / nodes.q])
VIOLATING = (0.3, 0.06, 1.5, 0.06, 3.0, -0.4)
TAME = (0.3, 0.36, 2.0, 0.4, 0.8, -0.4)


def maturity(*one: float) -> Maturities:
    """Return a single maturity: years and parameters."""
    return Maturities(*(np.array([value]) for value in one))


def values(model: Maturities, log_moneyness: np.ndarray) -> np.ndarray:
    """Return out-of-the-money options on a forward of one."""
    row = np.zeros(len(log_moneyness), dtype=np.intp)
    sums, deviation = integrals(model, row, log_moneyness, COVERED)
    strike = np.exp(log_moneyness)
    sign = np.where(strike >= 1.0, 1.0, -1.0)
    worth = black(sign, np.ones_like(strike), strike, deviation).value
    return np.asarray(worth - np.sqrt(strike) * sums[0])


def both(one: tuple[float, ...], monkeypatch: pytest.MonkeyPatch) -> float:
    """Return by how much the two rules differ at most, in forwards."""
    model = maturity(*one)
    k = np.linspace(-2.0, 2.0, 9) * math.sqrt(float(model.variance()[0]))
    found = []
    for beyond in (math.inf, -1.0):
        monkeypatch.setattr(heston_quadrature, "TILT_BEYOND", beyond)
        found.append(values(model, k))
    monkeypatch.undo()
    return float(np.abs(found[0] - found[1]).max())


@pytest.mark.parametrize(
    "one",
    [
        VIOLATING,
        (1.0 / 365.0, 0.0025, 5.0, 0.04, 3.0, 0.8),
        (1.0, 0.04, 1.0, 0.04, 3.0, -0.9),
        (0.05, 0.01, 10.0, 0.02, 4.0, 0.0),
        (2.0, 0.5, 0.3, 0.2, 2.0, 0.5),
    ],
)
def test_straight_and_tilted_agree_where_variance_is_wild(
    one: tuple[float, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thousands of straight nodes and a hundred tilted ones give the same to 1e-13."""
    model = maturity(*one)
    assert slowness(model, model.variance())[0] > TILT_BEYOND
    assert both(one, monkeypatch) < 1e-13


def test_each_rule_serves_its_own_maturities() -> None:
    """Maturities of both kinds in one call give what each gives alone."""
    k = np.array([-0.2, 0.1, 0.3])
    alone = [values(maturity(*one), k) for one in (TAME, VIOLATING)]
    together = Maturities(*(np.array(pair) for pair in zip(TAME, VIOLATING, strict=True)))
    row = np.array([0, 1, 0, 1, 0, 1])
    sums, deviation = integrals(together, row, np.repeat(k, 2), COVERED)
    assert deviation[1::2].tolist() == [WITHOUT_CONTROL] * 3
    assert deviation[0] == pytest.approx(math.sqrt(float(maturity(*TAME).variance()[0])))
    for place, one in enumerate((TAME, VIOLATING)):
        mine = integrals(maturity(*one), np.zeros(3, dtype=np.intp), k, COVERED)[0][0]
        assert sums[0, place::2] == pytest.approx(mine, abs=1e-14)
        assert (alone[place] > 0.0).all()


@given(
    st.tuples(
        st.floats(1.0 / 365.0, 1.0),
        st.floats(0.04, 4.0),
        st.floats(1.0, 10.0),
        st.floats(0.04, 2.0),
        st.floats(0.1, 3.0),
        st.floats(-0.9, 0.9),
    )
)
@settings(max_examples=30)
def test_halving_the_step_changes_nothing(one: tuple[float, ...]) -> None:
    """Nodes twice as dense and twice as far: what the bounds promised was kept, to 1e-13."""
    model = maturity(*one)
    k = np.linspace(-2.5, 2.5, 7) * math.sqrt(float(model.variance()[0]))
    before = values(model, k)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(heston_quadrature, "_REACH", 2.0 * heston_quadrature._REACH)
        patch.setattr(heston_quadrature, "_STEP", 0.5 * heston_quadrature._STEP)
        patch.setattr(heston_quadrature, "TOLERANCE", 1e-20)
        assert values(model, k) == pytest.approx(before, abs=1e-13)


def test_the_nodes_are_what_their_names_say() -> None:
    """q is u^2 + 1/4, f is 1 at z = -i / 2 but for convexity, its excess is small on tame ones."""
    seen: list[Nodes] = []

    def look(nodes: Nodes) -> list[np.ndarray]:
        seen.append(nodes)
        return [nodes.excess / nodes.q]

    integrals(maturity(*TAME), np.zeros(1, dtype=np.intp), np.zeros(1), Weights(1, look))
    nodes = seen[0]
    assert nodes.q == pytest.approx(nodes.u**2 + 0.25)
    assert 0.9 < abs(nodes.f[0, 0]) < 1.0
    assert np.abs(nodes.excess).max() < 0.1


def test_without_variance_nothing_is_left_to_integrate() -> None:
    """Neither time nor variance: zero, with a control of no deviation."""
    for one in ((0.0, 0.3, 1.0, 0.3, 1.0, 0.0), (0.5, 0.0, 1.0, 0.0, 1.0, 0.0)):
        sums, deviation = integrals(maturity(*one), np.zeros(1, dtype=np.intp), np.ones(1), COVERED)
        assert sums.tolist() == [[0.0]]
        assert deviation.tolist() == [0.0]
