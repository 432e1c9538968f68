"""What a session counts of itself, fact by fact."""

from __future__ import annotations

import msgspec
import pytest

from tests.engine.floor import CALL_LATER, Floor
from tests.engine.test_quoting import opened, session_wish
from trader.domain.errors import InvariantBroken
from trader.domain.facts import FillFollowed, SessionOpened
from trader.domain.trading import Approved
from trader.engine.session import began, looked_at, traded


def facts() -> tuple[Approved, SessionOpened]:
    """Approve and open a session."""
    floor = Floor()
    opened(floor)
    approved = next(one.fact for one in floor.records if isinstance(one.fact, Approved))
    begun = next(one.fact for one in floor.records if isinstance(one.fact, SessionOpened))
    return approved, begun


def followed(amount: float, mid: float | None) -> FillFollowed:
    """Look at a fill at .01 later."""
    return FillFollowed(
        account="main", strategy="alpha", chain_id="C", fill_id="F", instrument=CALL_LATER,
        currency="BTC", amount=amount, price=0.01, mid=mid, after=5,
    )  # fmt: skip


def test_it_begins_with_what_was_approved() -> None:
    """Its most is the approved amount, its patience that of the wish."""
    approved, begun = facts()
    session = began(approved, begun)
    assert session.inventory_max == approved.amount
    assert session.follow_after == session_wish().quoting.follow_after  # type: ignore[union-attr]
    assert session.quotes
    plain = next(one for one in [approved])

    none = msgspec.structs.replace(
        plain, intent=msgspec.structs.replace(plain.intent, quoting=None)
    )
    with pytest.raises(InvariantBroken, match="approves no session"):
        began(none, begun)


def test_fills_and_what_came_after_are_added_up() -> None:
    """Bought and sold apart; drift is signed for us; what nobody saw counts nothing."""
    session = began(*facts())
    for amount in (0.2, -0.1, 0.3):
        session = traded(session, amount)
    assert (session.fills, session.bought, session.sold) == (3, 0.5, 0.1)
    session = looked_at(session, followed(0.2, 0.009))
    session = looked_at(session, followed(-0.1, 0.009))
    assert looked_at(session, followed(0.3, None)) == session
    assert session.followed == pytest.approx(0.3)
    assert session.drift == pytest.approx(-0.0002 + 0.0001)
