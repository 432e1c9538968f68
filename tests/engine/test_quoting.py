"""Is a session of quotes one trade? Its slot, its reserve, its fills, its end, whatever happens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.engine.floor import CALL_LATER, Floor, wish
from trader.domain.errors import InvariantBroken
from trader.domain.events import ClosePosition, FlattenAll, PauseTrading
from trader.domain.facts import ChainEnded, Filled, FillFollowed, OrderPlaced, SessionWithdrawn
from trader.domain.trading import Approved, Intent, Leg, Pricing, Quoting, Refused
from trader.domain.units import HOUR, MINUTE, SECOND

if TYPE_CHECKING:
    from trader.domain.portfolio import Session
    from trader.engine.chains import Chain

LEGS = (Leg(CALL_LATER, 1),)
LATER = 5 * MINUTE


def session_wish(amount: float = 1.0) -> Intent:
    """Wish for a session on one call."""
    return Intent(
        strategy="alpha", action="open", underlying="BTC", legs=LEGS, confidence=0.5,
        reason="quote it", amount=amount, quoting=Quoting(follow_after=LATER),
    )  # fmt: skip


def quote(chain: str, ratio: int, price: float, amount: float = 0.4) -> Intent:
    """Wish for one quote: a bid (+1) or an offer (-1)."""
    pricing = Pricing(limit_net=ratio * price, lifetime=30 * MINUTE)
    return wish(
        (Leg(CALL_LATER, ratio),), action="quote", chain_id=chain, amount=amount, pricing=pricing
    )


def opened(floor: Floor, amount: float = 1.0) -> Chain:
    """Open a session."""
    floor.ask(session_wish(amount))
    (chain,) = floor.chains()
    return chain


def ask_quotes(floor: Floor, *intents: Intent) -> None:
    """Quote, and let the orders come to the venue."""
    floor.ask(*intents, occasion="manage")
    floor.pass_time(SECOND)


def quoted(floor: Floor, amount: float = 0.4) -> Chain:
    """Open a session that bids and offers what is displayed."""
    chain = opened(floor)
    bid, ask = floor.touch(CALL_LATER)
    ask_quotes(floor, quote(chain.id, 1, bid, amount), quote(chain.id, -1, ask, amount))
    return chain


def inventory(chain: Chain) -> float:
    """Tell what a session holds."""
    return chain.legs[CALL_LATER].amount if CALL_LATER in chain.legs else 0.0


def terms(chain: Chain) -> Session:
    """Look at a session."""
    assert chain.session is not None
    return chain.session


def withdrawals(floor: Floor) -> list[str]:
    """List why sessions quoted no more."""
    return [one.fact.reason for one in floor.records if isinstance(one.fact, SessionWithdrawn)]


def test_a_session_takes_one_slot_and_reserves_its_worse_side() -> None:
    """Approved once: one slot, the max loss of all it may hold, and nothing trades yet."""
    floor = Floor()
    chain = opened(floor)
    approved = next(one.fact for one in floor.records if isinstance(one.fact, Approved))
    assert approved.reservation.slot
    assert chain.quotes
    assert chain.flat
    assert (chain.risk_usd, chain.risk_coin) == (approved.max_loss.usd, approved.max_loss.coin)
    assert floor.engine.ledger.slots_used("main", "alpha", floor.at) == (chain.id,)
    for legs in (LEGS, (Leg(CALL_LATER, -1),)):
        other = Floor()
        other.ask(wish(legs, amount=1.0))
        (plain,) = [one.fact for one in other.records if isinstance(one.fact, Approved)]
        assert plain.max_loss.usd <= approved.max_loss.usd
        assert plain.max_loss.coin <= approved.max_loss.coin
    assert floor.audit() == ()


def test_fills_move_inventory_and_not_the_risk() -> None:
    """The market comes to the bid, later to the offer: inventory follows, at our own prices."""
    floor = Floor()
    chain = quoted(floor)
    reserved = chain.risk_usd
    bid, ask = floor.touch(CALL_LATER)
    floor.move(88_500.0)
    assert inventory(chain) == pytest.approx(0.4)
    floor.move(91_500.0)
    assert inventory(chain) == 0.0
    assert chain.quotes
    assert chain.risk_usd == reserved
    fills = [one.fact for one in floor.records if isinstance(one.fact, Filled)]
    assert [(leg.price, leg.maker) for fill in fills for leg in fill.legs] == [
        (bid, True), (ask, True),
    ]  # fmt: skip
    assert (terms(chain).bought, terms(chain).sold, terms(chain).fills) == (0.4, 0.4, 2)
    assert not any(isinstance(one.fact, ChainEnded) for one in floor.records)
    assert floor.audit() == ()


def test_a_quote_that_would_take_is_ended() -> None:
    """What meets the market as it arrives is canceled: quotes only rest."""
    floor = Floor()
    chain = opened(floor)
    _, ask = floor.touch(CALL_LATER)
    floor.told()
    ask_quotes(floor, quote(chain.id, 1, ask))
    assert floor.told() == ["approved quote 0.4 of alpha", "placed quote 0.4 on main",
                            "ended canceled"]  # fmt: skip
    assert inventory(chain) == 0.0


def test_a_new_quote_takes_the_place_of_the_old_one_on_its_side() -> None:
    """One order a side, whatever is asked for; the other side stays."""
    floor = Floor()
    chain = quoted(floor)
    bid, _ = floor.touch(CALL_LATER)
    ask_quotes(floor, quote(chain.id, 1, bid - 0.0005))
    working = floor.engine.ledger.working(chain.id)
    assert sorted(book.order.legs[0].ratio for book in working) == [-1, 1]
    (bids,) = [book.order.limit_net for book in working if book.order.legs[0].ratio > 0]
    assert bids == pytest.approx(bid - 0.0005)


def test_inventory_is_never_quoted_beyond_the_most() -> None:
    """A quote is cut to the room that is left on its side, and refused where none is."""
    floor = Floor()
    chain = quoted(floor, 1.0)
    floor.move(88_500.0)
    assert inventory(chain) == pytest.approx(1.0)
    bid, ask = floor.touch(CALL_LATER)
    floor.told()
    ask_quotes(floor, quote(chain.id, 1, bid))
    assert "refused quote of alpha: inventory" in floor.told()
    ask_quotes(floor, quote(chain.id, -1, ask, 5.0))
    (book,) = floor.engine.ledger.working(chain.id)
    assert 1.0 < book.order.amount <= 2.0
    assert floor.audit() == ()


def test_an_inventory_that_is_given_back_needs_no_permission() -> None:
    """While opening is paused a session is withdrawn; its inventory is closed all the same."""
    floor = Floor()
    chain = quoted(floor)
    floor.move(88_500.0)
    floor.send(PauseTrading(by="ann", reason="lunch", strategy=None))
    assert not chain.quotes
    assert floor.engine.ledger.working(chain.id) == ()
    assert withdrawals(floor) == ["paused by ann: lunch"]
    bid, _ = floor.touch(CALL_LATER)
    floor.ask(quote(chain.id, -1, bid + 0.001), occasion="manage")
    assert "invalid_intent" in floor.told()[-1]
    leaving = wish(chain.closing_legs(), action="close", chain_id=chain.id, amount=None)
    floor.ask(leaving, occasion="manage")
    floor.pass_time(SECOND)
    assert floor.chains() == []
    assert floor.audit() == ()


@pytest.mark.parametrize("held", [False, True])
def test_a_person_closes_a_session(held: bool) -> None:
    """Its quotes leave at once, what it holds is closed at the market; a flat one just ends."""
    floor = Floor()
    chain = quoted(floor)
    if held:
        floor.move(88_500.0)
    floor.send(ClosePosition(by="ann", reason="enough", chain_id=chain.id))
    floor.pass_time(SECOND)
    assert floor.chains() == []
    ended = [one for one in floor.records if isinstance(one.fact, ChainEnded)]
    assert len(ended) == held
    assert withdrawals(floor) == ["closed by ann: enough"]
    slots = floor.engine.ledger.slots_used("main", "alpha", floor.at)
    assert slots == ((chain.id,) if held else ())
    assert floor.audit() == ()


def test_flattening_ends_sessions_that_hold_nothing_too() -> None:
    """Nothing quotes after a person asked for everything to be closed."""
    floor = Floor()
    quoted(floor)
    floor.send(FlattenAll(by="ann", reason="storm"))
    assert floor.chains() == []
    assert floor.engine.ledger.orders == {}
    assert floor.audit() == ()


def test_a_session_ends_by_its_own_withdrawal_with_one_result() -> None:
    """Filled on both sides and withdrawn: one result, all flows in it, the slot stays used."""
    floor = Floor()
    chain = quoted(floor)
    floor.move(88_500.0)
    floor.move(91_500.0)
    withdraw = wish(LEGS, action="withdraw", chain_id=chain.id, amount=None)
    floor.ask(withdraw, occasion="manage")
    (ended,) = [one.fact for one in floor.records if isinstance(one.fact, ChainEnded)]
    moved = sum(
        posting.atoms
        for one in floor.records if isinstance(one.fact, Filled)
        for posting in one.fact.postings if posting.book == "cash"
    )  # fmt: skip
    assert ended.pnl == {"BTC": moved}
    assert floor.engine.ledger.slots_used("main", "alpha", floor.at) == (chain.id,)
    assert floor.audit() == ()


def test_a_restart_forgets_neither_quotes_nor_slot_nor_reserve() -> None:
    """Killed between fills: the same quotes rest on and fill, the session is the same trade."""
    floor = Floor()
    chain = quoted(floor)
    floor.move(88_500.0)
    before = chain.view(working=True)
    orders = {name: book.remaining for name, book in floor.engine.ledger.orders.items()}
    waiting = dict(floor.engine.ledger.making.unfollowed)
    floor.restart()
    (again,) = floor.chains()
    assert again.view(working=True) == before
    assert {name: book.remaining for name, book in floor.engine.ledger.orders.items()} == orders
    assert floor.engine.ledger.making.unfollowed == waiting
    assert floor.engine.ledger.slots_used("main", "alpha", floor.at) == (chain.id,)
    floor.move(91_500.0)
    assert inventory(again) == 0.0
    assert again.quotes
    assert floor.audit() == ()


def test_fills_are_held_against_the_market_of_later() -> None:
    """Some minutes after a fill the middle of the market is a fact, and counted once."""
    floor = Floor()
    chain = quoted(floor)
    floor.move(88_500.0)
    for _ in range(7):
        floor.pass_time(MINUTE)
    (seen,) = [one.fact for one in floor.records if isinstance(one.fact, FillFollowed)]
    bid, ask = floor.touch(CALL_LATER)
    assert seen.mid == pytest.approx((bid + ask) / 2, rel=0.02)
    assert LATER <= seen.after < LATER + 2 * MINUTE
    assert seen.drift < 0
    tally = floor.engine.ledger.making.tallies["alpha"]
    assert (tally.sessions, tally.fills, tally.followed) == (1, 1, 0.4)
    assert tally.drift == terms(chain).drift == seen.drift
    assert floor.engine.ledger.making.unfollowed == {}
    assert floor.audit() == ()


def test_a_fill_that_nobody_quotes_later_is_told_as_unknown() -> None:
    """Without a fresh quote for as long again: nothing is made up, and nothing waits for ever."""
    floor = Floor()
    quoted(floor)
    floor.move(88_500.0)
    for _ in range(13):
        floor.pass_time(MINUTE, show=False)
    (seen,) = [one.fact for one in floor.records if isinstance(one.fact, FillFollowed)]
    assert seen.mid is None
    assert seen.drift == 0
    assert floor.engine.ledger.making.tallies["alpha"].drift_per_unit is None


def test_a_session_ends_with_its_contract() -> None:
    """At the expiry quotes leave and what is held settles: one result."""
    floor = Floor()
    quoted(floor)
    floor.move(88_500.0)
    floor.go_to(floor.engine.ledger.chains[floor.chains()[0].id].expires_at or 0)
    assert withdrawals(floor) == ["its contract has expired"]
    assert floor.engine.ledger.orders == {}
    assert floor.deliveries_wanted()


def test_nothing_else_is_done_with_a_session() -> None:
    """It is not rolled, hedged or enlarged; and what is none is not quoted."""
    floor = Floor()
    chain = quoted(floor)
    floor.move(88_500.0)
    for action in ("add", "hedge", "roll"):
        floor.ask(wish(LEGS, action=action, chain_id=chain.id), occasion="manage")
        told = floor.records[-1].fact
        assert isinstance(told, Refused)
        assert "session of quotes" in told.explanation
    other = Floor()
    plain = other.trade(wish())
    other.ask(quote(plain.id, 1, 0.01), occasion="manage")
    told = other.records[-1].fact
    assert isinstance(told, Refused)
    assert "it is no session" in told.explanation


def test_the_books_refuse_a_quote_without_a_session() -> None:
    """An order for a session that quotes no more contradicts the books."""
    floor = Floor()
    chain = quoted(floor)
    placed = next(one for one in floor.records if isinstance(one.fact, OrderPlaced))
    approved = [one for one in floor.records if isinstance(one.fact, Approved)][1]
    floor.send(ClosePosition(by="ann", reason="enough", chain_id=chain.id))
    floor.engine.ledger.apply(approved)
    with pytest.raises(InvariantBroken, match="acts on no chain"):
        floor.engine.ledger.apply(placed)


def test_a_stop_loss_ends_a_session(  # the gate's own stop, on what quotes have lost so far
) -> None:
    """Once three quarters of the reserve are lost the session is left."""
    floor = Floor()
    chain = quoted(floor, 1.0)
    floor.move(91_500.0)
    assert inventory(chain) == pytest.approx(-1.0)
    floor.move(125_000.0)
    for _ in range(2):
        floor.pass_time(MINUTE)
    assert "stop loss" in withdrawals(floor)[0]
    assert floor.audit() == ()


def test_the_session_ends_hours_later(  # a long life in one go: no fact contradicts another
) -> None:
    """Quotes expire by their lifetime; the session itself stays until somebody ends it."""
    floor = Floor()
    chain = quoted(floor)
    for _ in range(4):
        floor.pass_time(HOUR // 4)
    assert floor.engine.ledger.orders == {}
    assert chain.quotes
    assert floor.audit() == ()
