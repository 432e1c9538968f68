"""How far is one session of quotes? Its terms and counts, from one fact to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from trader.domain.errors import InvariantBroken
from trader.domain.portfolio import Session
from trader.domain.units import tidy

if TYPE_CHECKING:
    from trader.domain.facts import FillFollowed, SessionOpened
    from trader.domain.trading import Approved


def began(approval: Approved, opened: SessionOpened) -> Session:
    """Begin a session of what was approved.

    Raises:
        InvariantBroken: no session was approved.
    """
    asked = approval.intent.quoting
    if asked is None:
        raise InvariantBroken(f"{approval.verdict_id} approves no session: {opened.chain_id}")
    return Session(
        instrument=opened.instrument,
        inventory_max=approval.amount,
        follow_after=asked.follow_after,
    )


def traded(session: Session, amount: float) -> Session:
    """Take a fill of a quote, signed units."""
    return replace(
        session,
        fills=session.fills + 1,
        bought=tidy(session.bought + max(amount, 0.0)),
        sold=tidy(session.sold + max(-amount, 0.0)),
    )


def looked_at(session: Session, seen: FillFollowed) -> Session:
    """Take what was seen after a fill."""
    if seen.mid is None:
        return session
    return replace(
        session,
        followed=tidy(session.followed + abs(seen.amount)),
        drift=session.drift + seen.drift,
    )
