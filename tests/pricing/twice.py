"""The same by numpy and by compiled loops, for tests that compare them."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from trader.pricing import kernels

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def twice(run: Callable[[], T]) -> tuple[T, T]:
    """Run in numpy, then compiled."""
    reference = run()
    kernels.choose(compiled=True)
    try:
        return reference, run()
    finally:
        kernels.choose(compiled=False)
