"""The strategies that come with the package."""

from __future__ import annotations

from trader.strategies.registry import BUILT_IN


def test_kinds_are_unique() -> None:
    """Two classes of one kind could not be told apart in a file."""
    kinds = [one.kind for one in BUILT_IN]
    assert len(set(kinds)) == len(kinds)
    assert {"covered_call", "directional"} <= set(kinds)
