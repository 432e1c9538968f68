"""How does a loop over arrays become machine code? With numba, where there is one; as it is, else.

Only modules that are imported late use this: numba takes a third of a second to import. What it
compiles is kept beside the module, or in the user's cache where that place cannot be written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F", bound="Callable[..., Any]")


def compiled(function: F) -> F:
    """Let numba compile a function at its first call; without numba return it unchanged.

    It makes no array: what it reads and writes is handed in, and views of that. numba compiles anew
    when the module of the function has changed, and does not look at others: what it calls stands
    in one module with it, or that module says in `COMPILED_IN` which text of others it took
    (a test compares). Division by zero gives infinities.
    """
    return _compiled(function, fastmath=False)


def compiled_sums(function: F) -> F:
    """Compile a function whose sums may run in any order: in vectors, exact to the last bits."""
    return _compiled(function, fastmath={"reassoc", "nsz"})


def compiled_fused(function: F) -> F:
    """Compile a function whose products and sums may be rounded together, once, which is closer."""
    return _compiled(function, fastmath={"contract", "nsz"})


def _compiled(function: F, *, fastmath: bool | set[str]) -> F:
    try:
        from numba import njit
    except ImportError:
        return function
    options: Any = {
        "error_model": "numpy",
        "fastmath": fastmath,
        "_nrt": False,  # counting who holds an array, call by call, takes four times the work
    }
    try:
        made: F = njit(cache=True, **options)(function)
    except RuntimeError:  # there is no place to keep it
        made = njit(**options)(function)
    return made
