"""Can a strategy change what it is shown?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import get_type_hints

import pytest

from tests.builders import board, situation
from trader.domain import situation as module
from trader.domain.situation import Situation


def test_a_situation_cannot_be_written_to() -> None:
    """A strategy sees an instant; it cannot move it."""
    seen = situation(board(days=(1,)))
    for field in Situation.__struct_fields__:
        with pytest.raises(AttributeError, match="immutable"):
            setattr(seen, field, None)


def test_a_situation_stays_small_enough_to_know_by_heart() -> None:
    """At most 12 members, each with a type that resolves."""
    hints = get_type_hints(Situation, {**vars(module), "Mapping": Mapping, "Callable": Callable})
    assert set(hints) >= set(Situation.__struct_fields__)
    assert len(Situation.__struct_fields__) <= 12
