"""Are the facts about a chain all there, and only those?"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from tests.storage.story import SETTLED, STORY
from tests.views.readings import Stored, Told
from trader.domain.facts import ChainEnded, Filled, OrderPlaced, Recorded, Settled
from trader.domain.trading import Approved
from trader.storage.payload import row
from trader.views.chain_facts import facts_about
from trader.views.reading import NotThere


class Unfolded(Told):
    """A reading of facts that contradict the books: nothing is folded."""

    def __init__(self, facts: Sequence[Recorded]) -> None:
        super().__init__()
        self._rows = [(Stored(place, one), row(place, one)) for place, one in enumerate(facts, 1)]


def test_a_chain_has_its_own_facts_and_its_settlements() -> None:
    """From the approval to the end, in the journal's order."""
    found = facts_about(Told(STORY), "c1")
    kinds = [type(one.fact) for one in found]
    assert kinds == [Approved, OrderPlaced, Filled, Settled, ChainEnded]


def test_of_a_settlement_only_its_own_legs_are_told() -> None:
    """Legs of other chains that settled with it are left out."""
    other = msgspec.structs.replace(SETTLED.legs[0], chain_id="c2")
    both = msgspec.structs.replace(SETTLED, legs=(*SETTLED.legs, other))
    rows = [
        msgspec.structs.replace(one, fact=both) if one.fact is SETTLED else one for one in STORY
    ]
    (settled,) = [
        one.fact for one in facts_about(Unfolded(rows), "c1") if isinstance(one.fact, Settled)
    ]
    assert settled.legs == SETTLED.legs


@pytest.mark.parametrize("name", ["c2", "", "../x", "c1 "])
def test_another_name_is_not_there(name: str) -> None:
    """The page says where to look."""
    with pytest.raises(NotThere, match="see the page of chains"):
        facts_about(Told(STORY), name)
