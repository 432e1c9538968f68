"""Is what stands at a node the characteristic function, and its derivatives?"""

from __future__ import annotations

import numpy as np
import pytest

from trader.pricing.characteristic import Maturities, exponents, slopes
from trader.pricing.heston_nodes_kernel import ROW, WORK, evaluate, weigh, weigh_slopes

MODEL = (0.25, 0.45, 2.0, 0.6, 0.9, -0.45)
BENT = np.sinh(np.linspace(0.0, 4.0, 11) - 0.25j * np.pi) + 0.5j


def maturity() -> Maturities:
    """Return the same as numpy has it."""
    return Maturities(*(np.array([one]) for one in MODEL))


@pytest.mark.parametrize("u", [np.linspace(0.0, 30.0, 11) + 0j, BENT], ids=["straight", "bent"])
def test_nodes_are_those_of_numpy(u: np.ndarray) -> None:
    """On the real line and off it: f, and the coefficients of value and derivatives."""
    work = np.zeros(WORK)
    work[: len(u)], work[ROW : ROW + len(u)] = u.real, u.imag
    evaluate(MODEL, 0.1, len(u), work)
    weigh(0.05, len(u), work)
    weigh_slopes(MODEL, len(u), work)

    def row(place: int) -> np.ndarray:
        return np.asarray(work[place * ROW :][: len(u)] + 1j * work[(place + 1) * ROW :][: len(u)])

    model, q = maturity(), u * u + 0.25
    at = exponents(model, u - 0.5j, q)
    f = np.exp(model.theta * at.a + model.v0 * at.d + 0.1 * (1j * u))
    assert row(2) == pytest.approx(f, rel=1e-13)
    assert row(20) == pytest.approx((f - np.exp(-0.025 * q.real)) / q, rel=1e-12)
    found = [row(place) for place in (22, 24, 26, 28, 30)]
    for ours, theirs in zip(found, slopes(model, u - 0.5j, q, at), strict=True):
        wanted = theirs * f / q
        assert ours == pytest.approx(wanted, abs=1e-13 * float(np.abs(wanted).max()))
