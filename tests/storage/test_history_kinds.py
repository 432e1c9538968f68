"""Is every kind of history described in its own columns?"""

from __future__ import annotations

import pytest

from trader.storage.history_kinds import DATASETS, Dataset


@pytest.mark.parametrize("kind", DATASETS.values(), ids=DATASETS)
def test_what_must_be_true_is_said_of_columns_that_exist(kind: Dataset) -> None:
    """Key, prices and pairs name columns; every row has a time; prices are numbers."""
    named = {*kind.key, *kind.positive, *(name for pair in kind.ordered for name in pair)}
    assert named <= set(kind.types)
    assert kind.types["at"] == "int64"
    prices = {*kind.positive, *(name for pair in kind.ordered for name in pair)}
    assert {kind.types[name] for name in prices} <= {"float64"}


def test_a_kind_is_found_by_its_own_name() -> None:
    """The folder of a kind is its name."""
    assert all(name == kind.name for name, kind in DATASETS.items())
