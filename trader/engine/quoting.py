"""How does a session of quotes go? Its course, folded from facts; its fills, looked at later.

A session is one trade. Fills move what it holds, not what it may lose: that was reserved when it
was opened, for the most it may hold on either side.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

import msgspec

from trader.domain.errors import InvariantBroken
from trader.domain.facts import FillFollowed, OrderEnded, SessionOpened, SessionWithdrawn
from trader.domain.units import tidy
from trader.engine import session
from trader.engine.chains import Chain

if TYPE_CHECKING:
    from trader.domain.facts import Filled, OrderEnd
    from trader.engine.ledger import Ledger
    from trader.engine.market_state import MarketState
    from trader.engine.step import Step


SessionFact = SessionOpened | SessionWithdrawn | FillFollowed


class Unfollowed(msgspec.Struct, frozen=True, kw_only=True):
    """A fill of a quote whose price was not held against a later market yet."""

    account: str
    strategy: str
    chain_id: str
    fill_id: str
    instrument: str
    currency: str
    amount: float
    price: float
    filled_at: int
    follow_after: int


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """What became of all quotes of a strategy: sessions, fills, units, and where the market went.

    Of `units` traded `followed` were looked at later; by then the market had moved by `drift` in
    their favor (negative: against them), in `currency`; they had been traded for `paid` of it.
    """

    sessions: int = 0
    fills: int = 0
    units: float = 0.0
    followed: float = 0.0
    drift: float = 0.0
    paid: float = 0.0
    currency: str = ""

    @property
    def drift_per_unit(self) -> float | None:
        """How far the market moved in favor of a unit on average; None where none was looked at."""
        return self.drift / self.followed if self.followed else None

    @property
    def drift_share(self) -> float | None:
        """The same as a fraction of what was traded."""
        return self.drift / self.paid if self.paid else None


class Making:
    """What is known of all quotes. Changed by the ledger alone, fact by fact."""

    __slots__ = ("tallies", "unfollowed")

    def __init__(self) -> None:
        self.unfollowed: dict[str, Unfollowed] = {}
        self.tallies: dict[str, Tally] = {}

    def opened(self, opened: SessionOpened) -> None:
        """Count a session."""
        now = self._of(opened.strategy)
        currency = opened.instrument.settlement_currency
        self._keep(opened.strategy, now, sessions=now.sessions + 1, currency=currency)

    def filled(self, chain: Chain, fill: Filled, at: int) -> None:
        """Count a fill of a quote, and remember to look at it later."""
        (leg,), terms = fill.legs, chain.session
        if terms is None:
            raise InvariantBroken(f"fill {fill.fill_id} of a quote, but {chain.id} quotes nothing")
        now = self._of(fill.strategy)
        units = tidy(now.units + abs(leg.amount))
        self._keep(fill.strategy, now, fills=now.fills + 1, units=units)
        self.unfollowed[fill.fill_id] = Unfollowed(
            account=fill.account,
            strategy=fill.strategy,
            chain_id=fill.chain_id,
            fill_id=fill.fill_id,
            instrument=leg.instrument,
            currency=leg.currency,
            amount=leg.amount,
            price=leg.price,
            filled_at=at,
            follow_after=terms.follow_after,
        )

    def followed(self, seen: FillFollowed) -> None:
        """Take what was seen after a fill.

        Raises:
            InvariantBroken: nobody waited for it.
        """
        if self.unfollowed.pop(seen.fill_id, None) is None:
            raise InvariantBroken(f"fill {seen.fill_id} was followed, but nobody waited for that")
        if seen.mid is None:
            return
        now, size = self._of(seen.strategy), abs(seen.amount)
        self._keep(
            seen.strategy,
            now,
            followed=tidy(now.followed + size),
            drift=now.drift + seen.drift,
            paid=now.paid + size * seen.price,
        )

    def _of(self, strategy: str) -> Tally:
        return self.tallies.get(strategy, Tally())

    def _keep(self, strategy: str, now: Tally, **changes: float | str) -> None:
        self.tallies[strategy] = msgspec.structs.replace(now, **changes)


def fold(ledger: Ledger, fact: SessionFact, at: int) -> None:
    """Fold what happened to a session into the books.

    Raises:
        InvariantBroken: no session was approved, it quotes no more, or nobody waited for this.
    """
    match fact:
        case SessionOpened():
            approval = ledger.approval(fact.verdict_id, f"session {fact.chain_id}")
            ledger.chains[fact.chain_id] = Chain(approval, fact, at)
            ledger.take_slot(approval, at)
            ledger.making.opened(fact)
        case SessionWithdrawn():
            _withdrawn(ledger, fact)
        case FillFollowed():
            ledger.making.followed(fact)
            chain = ledger.chains.get(fact.chain_id)
            if chain is not None and chain.session is not None:
                chain.session = session.looked_at(chain.session, fact)
        case _:
            assert_never(fact)


def _withdrawn(ledger: Ledger, fact: SessionWithdrawn) -> None:
    chain = ledger.chain(fact.chain_id)
    quoted = any(book.order.action == "quote" for book in ledger.working(chain.id))
    if chain.session is None or not chain.quotes or quoted or not fact.reason:
        raise InvariantBroken(f"{chain.id} was withdrawn: it quotes nothing, or still does")
    chain.session = msgspec.structs.replace(chain.session, withdrawn=fact.reason)
    ledger.drop_unfilled(chain)


def withdraw(ledger: Ledger, chain: Chain, end: OrderEnd, reason: str, step: Step) -> None:
    """End the quoting of a session, where it still quotes: its quotes first."""
    if not chain.quotes:
        return
    for book in ledger.working(chain.id):
        if book.order.action == "quote":
            step.record(OrderEnded(book.order.order_id, chain.account, end, reason))
    step.record(
        SessionWithdrawn(
            account=chain.account, strategy=chain.strategy, chain_id=chain.id, reason=reason
        )
    )


def withdraw_expired(ledger: Ledger, step: Step) -> None:
    """End every session whose contract has expired: there is nothing left to quote."""
    for chain in tuple(ledger.chains.values()):
        ends_at = chain.expires_at if chain.quotes else None
        if ends_at is not None and ends_at <= step.at:
            withdraw(ledger, chain, "leg_expired", "its contract has expired", step)


def follow(ledger: Ledger, market: MarketState, step: Step) -> None:
    """Hold fills of quotes against the market some time later: the middle of what it shows then.

    Where it shows nothing to trust for as long again, that is what is known.
    """
    for waiting in tuple(ledger.making.unfollowed.values()):
        after = step.at - waiting.filled_at
        if after < waiting.follow_after:
            continue
        touch = market.touch(waiting.instrument)
        shown = touch is not None and touch.fresh and touch.two_sided
        mid = (touch.bid + touch.ask) / 2 if touch is not None and shown else None
        if mid is None and after < 2 * waiting.follow_after:
            continue
        step.record(
            FillFollowed(
                account=waiting.account,
                strategy=waiting.strategy,
                chain_id=waiting.chain_id,
                fill_id=waiting.fill_id,
                instrument=waiting.instrument,
                currency=waiting.currency,
                amount=waiting.amount,
                price=waiting.price,
                mid=mid,
                after=after,
            )
        )
