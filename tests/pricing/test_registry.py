"""The models that come with the package."""

from __future__ import annotations

from trader.pricing.registry import BUILT_IN


def test_names_are_unique() -> None:
    """Two models of one name could not be told apart in a configuration."""
    names = [one.name for one in BUILT_IN]
    assert len(set(names)) == len(names)
    assert {"black_scholes", "merton", "heston", "neural"} <= set(names)
