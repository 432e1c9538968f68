"""Does a working order say how much of it is left?"""

from __future__ import annotations

import msgspec
import pytest

from tests.builders import chain, option, working_order
from trader.domain.portfolio import ChainView, WorkingOrder


@pytest.mark.parametrize(
    ("filled", "left"), [(0.0, 1.0), (0.3, 0.7), (0.1 + 0.2, 0.7), (1.0, 0.0), (1.00000001, 0.0)]
)
def test_what_is_left_has_no_dust_and_is_never_negative(filled: float, left: float) -> None:
    """1 - 0.3 is 0.7, and a hair too much filled leaves 0."""
    assert WorkingOrder(working_order().order, filled).remaining == left


def test_views_survive_json() -> None:
    """A chain and a working order read back as themselves: pages and people get them as JSON."""
    held = chain((option(), -1.0, 0.01), (option("put", 85_000.0), 1.0, 0.004))
    for view in (held, working_order()):
        kind = type(view)
        assert msgspec.json.decode(msgspec.json.encode(view), type=kind) == view
    assert isinstance(held, ChainView)
    assert held.expires_at == option().expires_at
