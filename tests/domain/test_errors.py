"""Are errors sorted by what follows from them?"""

from __future__ import annotations

import contextlib

import pytest

from trader.domain import errors
from trader.domain.errors import (
    ConfigurationError,
    FeedError,
    InvariantBroken,
    JournalLocked,
    StorageError,
    TraderError,
    nearest,
)

TREE = {
    ConfigurationError: TraderError,
    FeedError: TraderError,
    StorageError: TraderError,
    JournalLocked: StorageError,
    InvariantBroken: TraderError,
}


def test_the_tree_is_the_one_its_docstring_draws() -> None:
    """Every error stands where the drawing puts it, and none is missing from the drawing."""
    found = {
        one: one.__bases__[0]
        for one in vars(errors).values()
        if isinstance(one, type) and issubclass(one, TraderError) and one is not TraderError
    }
    assert found == TREE
    assert all(one.__name__ in (errors.__doc__ or "") for one in found)


def test_a_consequence_is_never_caught_as_another() -> None:
    """Backing off from a feed error must not swallow a broken invariant or a lost journal."""
    for one in (ConfigurationError("x"), StorageError("x"), InvariantBroken("x")):
        with pytest.raises(type(one)), contextlib.suppress(FeedError):
            raise one


@pytest.mark.parametrize("mistakes", ["one", ("one", "two"), iter(["one", "two", "three"])])
def test_a_configuration_error_prints_one_line_per_mistake(mistakes: object) -> None:
    """Mistakes may come as a text or as many: each is one line of the message."""
    error = ConfigurationError(mistakes)  # type: ignore[arg-type]
    assert str(error).splitlines() == list(error.mistakes)
    assert error.mistakes[0] == "one"


def test_the_nearest_name_ignores_case() -> None:
    """A wrong case is the likeliest slip, and a wild guess lists what is known."""
    assert nearest("Covered_Call", ["covered_call", "directional"]) == "did you mean covered_call?"
    assert nearest("zzz", ["b", "a"]) == "known here: a, b"
    assert nearest("zzz", []) == "nothing can stand here"
