"""Is a loop compiled where it can be, and does it stay what it was where not?"""

from __future__ import annotations

import sys

import numpy as np
import pytest

from trader.pricing.jit import compiled, compiled_sums


def half(value: float, by: float) -> float:
    """Divide, so that it can be seen how."""
    return value / by


def total(values: np.ndarray) -> float:
    """Add up."""
    found = 0.0
    for value in values:
        found += value
    return found


def test_what_is_compiled_gives_the_same() -> None:
    """The same number, and infinity instead of an error."""
    made = compiled(half)
    assert made is not half
    assert made(3.0, 2.0) == 1.5
    assert made(3.0, 0.0) == float("inf")


def test_sums_in_vectors_are_exact_to_the_last_bits() -> None:
    """Any order of adding, hence the last bits, and no more than those."""
    values = np.random.default_rng(1).normal(size=1_000)
    assert compiled_sums(total)(values) == pytest.approx(total(values), rel=1e-12)


def test_without_numba_a_function_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slower, not absent."""
    monkeypatch.setitem(sys.modules, "numba", None)
    assert compiled(half) is half
    assert compiled_sums(total) is total


def test_where_nothing_can_be_kept_it_is_compiled_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A function that no file holds has no place for a cache."""
    scope: dict[str, object] = {}
    exec("def third(value: float) -> float:\n    return value / 3.0\n", scope)
    made = compiled(scope["third"])  # type: ignore[type-var]
    assert made(9.0) == 3.0  # type: ignore[operator]
