"""Who prices: numpy by default, compiled loops where a process asked for them."""

from __future__ import annotations

import subprocess
import sys

import numpy as np

from tests.pricing.twice import twice
from trader.pricing import black_scholes, heston, kernels
from trader.pricing.columns import columns
from trader.pricing.heston import RANGES

STRIKE = np.array([90.0, 110.0])


def test_by_default_nothing_is_compiled() -> None:
    """Each answers with None until compiled loops are chosen."""
    black = columns("call", 100.0, STRIKE, 0.2, 0.0, (0.5,), (black_scholes.VOL,))
    wild = columns("call", 100.0, STRIKE, 0.2, 0.0, (0.3, 2.0, 0.4, 0.8, -0.3), RANGES)
    deviation, k = np.full(2, 0.2), np.log(STRIKE / 100.0)
    for run in (
        lambda: kernels.black(black),
        lambda: kernels.black_values(black, deviation),
        lambda: kernels.deviations(-np.abs(k), np.full(2, 0.01), None),
        lambda: kernels.heston(wild, k, 1),
    ):
        numpy, compiled = twice(run)
        assert numpy is None
        assert compiled is not None


def test_compiling_chooses_nothing() -> None:
    """A thread may make the loops ready while others price in numpy."""
    kernels.compile_all()
    black = columns("call", 100.0, STRIKE, 0.2, 0.0, (0.5,), (black_scholes.VOL,))
    assert kernels.black(black) is None


def test_without_variance_a_control_is_worth_nothing() -> None:
    """Also with no time left."""
    options = columns("call", 100.0, STRIKE, np.array([0.0, 0.2]), 0.0, (0.5,), (RANGES[0],))
    _, found = twice(lambda: kernels.black_values(options, np.zeros(2)))
    assert found is not None
    assert found.tolist() == [0.0, 0.0]


def test_models_are_imported_without_numba() -> None:
    """Only a process that chose compiled loops loads numba, and only when it prices."""
    probe = (
        "import sys, trader.pricing.models\nfrom trader.pricing import kernels, black_scholes\n"
        "kernels.choose(compiled=True)\nprint('numba' in sys.modules)\n"
        "black_scholes.price('call', 1.0, 1.0, 1.0, 1.0)\nprint('numba' in sys.modules)\n"
    )
    run = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False", "True"]


def test_greeks_of_heston_agree_either_way() -> None:
    """They are summed in numpy in both cases."""
    one, other = twice(lambda: heston.greeks("put", 100.0, STRIKE, 0.2, 0.3, 2.0, 0.4, 0.8, -0.3))
    assert np.asarray(one).tolist() == np.asarray(other).tolist()
