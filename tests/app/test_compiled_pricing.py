"""Do loops get compiled where they may be, and is all left to numpy where not?"""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest

from trader.app.compiled_pricing import NO_MEMORY, NO_NUMBA, compile_pricing
from trader.pricing import black_scholes, kernels
from trader.pricing.columns import columns

SHOW = (
    "from trader.app.compiled_pricing import compile_pricing; print(compile_pricing())\n"
    "from trader.pricing import black_scholes\n"
    "print(black_scholes.price('call', 65_000.0, 70_000.0, 0.1, 0.6))\n"
)
# PR_SET_MDWE: what MemoryDenyWriteExecute sets where the kernel has it (Linux 6.3)
HARDEN = "import ctypes; print(ctypes.CDLL(None).prctl(65, 1, 0, 0, 0))\n"


def run(code: str) -> list[str]:
    """Run code in a process of its own; what it prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_where_memory_may_not_be_both_numpy_stays() -> None:
    """Under the hardening of the units nothing is compiled, nothing dies, and prices come."""
    refused, why, worth = run(HARDEN + SHOW)
    if refused != "0":
        pytest.skip("this kernel cannot forbid it to a process")
    assert why == NO_MEMORY
    assert float(worth) == black_scholes.price("call", 65_000.0, 70_000.0, 0.1, 0.6)


def test_without_numba_numpy_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason names the extra."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert compile_pricing() == NO_NUMBA
    options = columns("call", 65_000.0, 70_000.0, 0.1, 0.0, (0.6,), (black_scholes.VOL,))
    assert kernels.black(options) is None


def test_where_it_may_it_is_compiled() -> None:
    """No reason against it, and the same price."""
    why, worth = run(SHOW)
    assert why == "None"
    ours = black_scholes.price("call", 65_000.0, 70_000.0, 0.1, 0.6)
    assert float(worth) == pytest.approx(ours, rel=1e-14)
