"""Do coefficients times waves add up, for either rule?"""

from __future__ import annotations

import numpy as np
import pytest

from trader.pricing.heston_sums_kernel import WORK, sums

DRAW = np.random.default_rng(2)
K = np.linspace(-0.8, 0.9, 150)
NODES = 200


@pytest.mark.parametrize("rows", [1, 6])
def test_straight_sums(rows: int) -> None:
    """Each option's is the real part of its own; strikes beyond the tails are at the tail."""
    table = DRAW.normal(size=(2 * rows + 2, NODES)) * np.exp(-0.05 * np.arange(NODES))
    step, left, right = 0.7, 0.5, 0.6
    segments = np.array([[0.0, len(K), 0.0, NODES, 0.0, step, left, right]])
    found = np.zeros((rows, len(K)))
    sums(K, table, segments, np.empty(WORK), found)
    waves = np.exp(-1j * step * np.clip(K, -left, right)[:, None] * np.arange(NODES))
    wanted = (waves @ (table[0 : 2 * rows : 2] + 1j * table[1 : 2 * rows : 2]).T).real.T
    assert found == pytest.approx(wanted * step / np.pi, abs=1e-13)


@pytest.mark.parametrize("rows", [1, 6])
def test_sums_along_two_bent_contours(rows: int) -> None:
    """A strike belongs to the side on which it lies, past the shift."""
    shift, y = 0.1, np.linspace(0.0, 3.0, 40)
    contours = [0.5j * side + np.sinh(y - 0.25j * np.pi * side) for side in (1.0, -1.0)]
    u = np.concatenate(contours)
    table = DRAW.normal(size=(2 * rows + 2, len(u)))
    table[-2], table[-1] = u.real, u.imag
    segments = np.array(
        [[0.0, len(K), 40.0 * n, 40.0, side, shift, 0.0, 0.0] for n, side in enumerate((1.0, -1.0))]
    )
    found = np.zeros((rows, len(K)))
    sums(K, table, segments, np.empty(WORK), found)
    away = K + shift
    for number, mine in enumerate((away >= 0.0, away < 0.0)):
        part = slice(40 * number, 40 * number + 40)
        waves = np.exp(-1j * away[mine, None] * u[part])
        coefficients = table[0 : 2 * rows : 2, part] + 1j * table[1 : 2 * rows : 2, part]
        assert found[:, mine] == pytest.approx((waves @ coefficients.T).real.T, abs=1e-12)
