"""Would the venue have filled it: later, at what was displayed, and no more than that?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import at_eight, option
from tests.engine.books import CALL, CALL_UP, INDEX, LINEAR, PERPETUAL, PUT, Story, approved
from tests.engine.quotes import market_of, quote_of
from trader.domain.errors import InvariantBroken
from trader.domain.events import FeedLost, IndexPrice
from trader.domain.facts import Filled, OrderEnded
from trader.domain.trading import Leg, Pricing
from trader.domain.units import HOUR, MILLISECOND, MINUTE, SECOND, to_atoms
from trader.engine.paper_broker import BrokerSettings, PaperBroker, accepted_net, placed
from trader.engine.posting import assert_balanced
from trader.engine.step import Step
from trader.engine.trust import ALL

if TYPE_CHECKING:
    from trader.domain.facts import Fact, Recorded
    from trader.domain.instruments import Instrument
    from trader.engine.working_book import WorkingBook

LATENCY = 200 * MILLISECOND
SHADOW = "shadow:alpha"
SELL, BUY = (Leg(CALL.name, -1),), (Leg(CALL.name, 1),)
VERTICAL = (Leg(CALL.name, -1), Leg(CALL_UP.name, 1))
LATER = option("call", 92_500.0, at_eight(2))
CONTRACTS = {one.name: one for one in (CALL, CALL_UP, PUT, LATER, LINEAR, PERPETUAL)}


class Venue:
    """A broker, a ledger and a market that the test moves; everything two-sided and fresh."""

    def __init__(self) -> None:
        self.story = Story(("main", SHADOW))
        self.ledger = self.story.ledger
        self.broker = PaperBroker(BrokerSettings())
        self.market = market_of(*CONTRACTS.values())
        self.at = self.story.at
        self.pass_(0)
        for one in CONTRACTS.values():
            self.show(one)
        self.show(PERPETUAL, bid_amount=1e6, ask_amount=1e6)

    def fold(self, recorded: Recorded) -> None:
        """Make a fact true as the engine does."""
        self.story.tell(recorded.fact, recorded.at)
        self.broker.recall(recorded.fact)

    def step(self) -> Step:
        """Begin one input."""
        return Step(self.fold, len(self.story.records), self.at)

    def pass_(self, span: int) -> None:
        """Let time pass while the index speaks."""
        self.at += span
        self.market.at = self.at
        self.market.index_price(IndexPrice("BTC", INDEX, self.at), self.at)

    def show(self, instrument: Instrument = CALL, **changes: float) -> None:
        """Display a quote, and let the broker look at it."""
        assert self.market.quote(quote_of(instrument, self.at, **changes), self.at)
        self.broker.look(instrument.name, self.market)

    def place(self, legs: tuple[Leg, ...] = SELL, **changes: Any) -> str:
        """Approve and place an order; return its id."""
        step = self.step()
        given = {"verdict_id": step.name("V"), "chain_id": step.name("C"), **changes}
        approval = approved(legs=legs, **given)
        step.record(approval)
        touches = {leg.instrument: self.market.touch(leg.instrument) for leg in legs}
        seen = {name: touch for name, touch in touches.items() if touch is not None}
        order = self.broker.place(approval, step, seen, legs)
        instruments = tuple(CONTRACTS[leg.instrument] for leg in legs)
        step.record(placed(order, instruments, 2_000_000.0, INDEX))
        return order.order_id

    def work(self) -> list[Fact]:
        """Let every order trade; return what happened."""
        step = self.step()
        for book in tuple(self.ledger.orders.values()):
            chain = self.ledger.chain(book.order.chain_id)
            self.broker.work(book, step, self.market, chain)
        return step.facts

    def trade(self, span: int = LATENCY) -> list[Filled]:
        """Let time pass with unchanged quotes, then work; return the fills."""
        self.pass_(span)
        return [fact for fact in self.work() if isinstance(fact, Filled)]

    def book(self) -> WorkingBook:
        """Name the one order that works."""
        (book,) = self.ledger.orders.values()
        return book


def filled(facts: list[Filled]) -> list[tuple[float, tuple[float, ...]]]:
    """Write fills down as amount and prices."""
    return [(fill.amount, tuple(leg.price for leg in fill.legs)) for fill in facts]


def test_trap_the_look_ahead_nobody_saw() -> None:
    """An order made now cannot trade before its latency has passed, whatever is displayed."""
    venue = Venue()
    venue.place()
    assert venue.book().order.live_at == venue.at + LATENCY
    assert venue.trade(0) == []
    assert venue.trade(LATENCY - 1) == []
    assert filled(venue.trade(1)) == [(1.0, (0.010,))]
    assert venue.ledger.orders == {}


def test_trap_simulated_orders_fill_at_the_mark() -> None:
    """A seller gets the bid, a buyer pays the ask, both pay the fee; the mark is nobody's price."""
    for legs, price in ((SELL, 0.010), (BUY, 0.011)):
        venue = Venue()
        venue.place(legs)
        (fill,) = venue.trade()
        (leg,) = fill.legs
        assert (leg.price, leg.touch, leg.maker, leg.index) == (price, price, False, INDEX)
        assert leg.fee_atoms == 30_000
        assert leg.amount == legs[0].ratio
        assert_balanced(fill.postings)
        due = -to_atoms(leg.amount * price) - 30_000
        assert venue.ledger.account("main").cash["BTC"] == to_atoms(20.0) + due


def test_an_open_asks_for_the_touch_it_saw_and_a_close_takes_any() -> None:
    """The touch of the approval is the limit of an open; a close has none."""
    venue = Venue()
    venue.place(VERTICAL)
    assert venue.book().order.limit_net == pytest.approx(0.011 - 0.010)
    venue = Venue()
    venue.place()
    assert venue.book().order.limit_net == -0.010
    venue.trade()
    venue.place(BUY, action="close", chain_id=next(iter(venue.ledger.chains)))
    assert venue.book().order.limit_net is None


def test_what_got_worse_before_it_arrived_is_not_filled() -> None:
    """The bid fell while the order traveled: it rests at what it asked."""
    venue = Venue()
    venue.place()
    venue.pass_(LATENCY)
    venue.show(bid=0.009)
    assert venue.work() == []
    assert venue.book().resting_at == -0.010


def test_what_got_better_before_it_arrived_is_filled_at_the_touch() -> None:
    """Met on arrival, a better bid is taken as it stands, as a taker."""
    venue = Venue()
    venue.place()
    venue.pass_(LATENCY)
    venue.show(bid=0.0105)
    (fill,) = venue.trade(0)
    assert (fill.legs[0].price, fill.legs[0].maker) == (0.0105, False)


def test_an_order_that_was_seen_waiting_fills_at_its_own_limit() -> None:
    """The market comes to a resting order: it gets its own price, as a maker, and no better."""
    venue = Venue()
    venue.place((Leg(PERPETUAL.name, -1),), amount=100.0, pricing=Pricing(limit_net=-INDEX - 10))
    assert venue.trade() == []
    venue.show(PERPETUAL, bid=INDEX + 25, ask=INDEX + 26, bid_amount=1e6)
    (fill,) = venue.trade(0)
    (leg,) = fill.legs
    assert (leg.price, leg.touch, leg.maker) == (INDEX + 10, INDEX + 25, True)
    assert leg.fee_atoms == pytest.approx(100 / (INDEX + 10) * 0.00015 * 1e8, abs=1)


def test_several_legs_always_take_the_touch() -> None:
    """A vertical that waited pays what is displayed on both legs: no maker on paper."""
    venue = Venue()
    venue.place(VERTICAL, pricing=Pricing(limit_net=-0.005))
    assert venue.trade() == []
    venue.show(CALL, bid=0.018)
    (fill,) = venue.trade(0)
    assert [(leg.price, leg.maker) for leg in fill.legs] == [(0.018, False), (0.011, False)]


def test_patience_gives_way_to_the_worst_price() -> None:
    """Until patience has passed the limit holds, from then on anything up to the worst."""
    venue = Venue()
    pricing = Pricing(limit_net=-0.012, worst_net=-0.0095, patience=MINUTE)
    venue.place(pricing=pricing)
    assert venue.trade(LATENCY + MINUTE - 1) == []
    venue.show()
    (fill,) = venue.trade(1)
    assert (fill.legs[0].price, fill.legs[0].maker) == (0.010, False)


def test_beyond_the_worst_price_nothing_is_filled() -> None:
    """The worst is a limit too; an order without one keeps its limit for ever."""
    for worst in (-0.0101, None):
        venue = Venue()
        venue.place(pricing=Pricing(limit_net=-0.012, worst_net=worst, patience=SECOND))
        venue.pass_(MINUTE)
        venue.show()
        assert venue.work() == []
        order = venue.book().order
        assert accepted_net(order, venue.at) == (worst or -0.012)
        assert accepted_net(order, order.patient_until - 1) == -0.012


def test_trap_limit_price_used_as_a_fill_without_a_quote() -> None:
    """No quote, a stale one, a distrusted one, or none on our side: no fill, and no end."""
    venue = Venue()
    venue.place(pricing=Pricing(limit_net=-0.001))
    venue.pass_(31 * SECOND)
    assert venue.work() == [], "31 seconds old"
    venue.show(bid=math.nan)
    assert venue.work() == [], "no bid"
    venue.show(bid=0.0)
    assert venue.work() == [], "0 is no bid"
    venue.show(bid_amount=0.0)
    assert venue.work() == [], "a bid for nothing"
    venue.show(bid_amount=math.nan)
    assert venue.work() == [], "a bid for nobody knows how much"
    venue.show(index_price=INDEX * 1.02)
    assert venue.work() == [], "its index disagrees"
    venue.show()
    venue.market.lost(FeedLost("gap", (ALL,), "test"))
    assert venue.work() == [], "the feed is lost"
    assert len(venue.ledger.orders) == 1


def test_a_market_order_waits_for_two_sides() -> None:
    """A close at any price is not given away into a book that shows one side only."""
    venue = Venue()
    venue.place()
    venue.trade()
    (chain_id,) = venue.ledger.chains
    venue.place(BUY, action="close", chain_id=chain_id)
    venue.pass_(LATENCY)
    for side in ("bid", "bid_amount", "ask"):
        venue.show(CALL, **{side: math.nan})
        assert venue.work() == []
    venue.show(bid=0.001, ask=0.9)
    assert filled(venue.trade(0)) == [(1.0, (0.9,))]


def test_a_limit_order_needs_its_own_side_only() -> None:
    """A seller who named a price takes a bid, whether or not anybody offers."""
    venue = Venue()
    venue.place(pricing=Pricing(limit_net=-0.010))
    venue.pass_(LATENCY)
    venue.show(ask=math.nan)
    assert filled(venue.trade(0)) == [(1.0, (0.010,))]


def test_trap_displayed_size_is_used_up_once() -> None:
    """Three bought of seven leave four, and those who come later wait until the price changes."""
    venue = Venue()
    venue.place(BUY, amount=3.0)
    assert filled(venue.trade()) == [(3.0, (0.011,))]
    venue.place(BUY, amount=6.0, pricing=Pricing(limit_net=0.012))
    assert filled(venue.trade()) == [(4.0, (0.011,))]
    venue.show()
    assert venue.trade(0) == [], "the same quote again is the same size again"
    venue.show(ask_amount=7.5)
    assert filled(venue.trade(0)) == [(0.5, (0.011,))], "half a lot was added behind it"
    venue.show(ask=0.0105, ask_amount=1.0)
    assert [fill.amount for fill in venue.trade(0)] == [1.0]


def test_an_open_never_pays_more_than_the_touch_it_was_judged_at() -> None:
    """A limit through the market is the touch of the approval: there the gate saw its loss."""
    venue = Venue()
    venue.place(BUY, pricing=Pricing(limit_net=0.5, worst_net=1.0, patience=LATENCY, lifetime=HOUR))
    order = venue.book().order
    assert (order.limit_net, order.worst_net) == (0.011, 0.011)


def test_a_price_that_left_and_came_back_is_new_size() -> None:
    """What was taken of a price is forgotten once another was displayed, even unasked."""
    venue = Venue()
    venue.place(BUY, amount=7.0)
    venue.trade()
    venue.place(BUY, amount=7.0, pricing=Pricing(limit_net=0.011))
    assert venue.trade() == []
    venue.show(ask=0.0115)
    venue.show(ask=0.0110)
    assert filled(venue.trade(0)) == [(7.0, (0.011,))]


def test_looking_around_notices_a_whole_board() -> None:
    """After a snapshot every contract of which something was taken is looked at."""
    venue = Venue()
    venue.place(BUY, amount=7.0)
    venue.trade()
    assert venue.market.quote(quote_of(CALL, venue.at, ask=0.02), venue.at)
    venue.broker.look_around(venue.market)
    assert venue.broker._taken == {}


def test_the_two_sides_of_a_book_are_taken_apart() -> None:
    """Buying all offers leaves all bids."""
    venue = Venue()
    venue.place(BUY, amount=7.0)
    venue.place(SELL, amount=5.0)
    assert [fill.amount for fill in venue.trade()] == [7.0, 5.0]


def test_recovery_remembers_what_was_taken() -> None:
    """The same facts folded again leave the same size: a restart is no refill."""
    venue = Venue()
    venue.place(BUY, amount=7.0)
    venue.trade()
    reborn = PaperBroker(BrokerSettings())
    for recorded in venue.story.records:
        reborn.recall(recorded.fact)
    assert reborn._taken == venue.broker._taken
    venue.broker = reborn
    venue.place(BUY, amount=1.0)
    venue.show()
    assert venue.trade() == []
    venue.show(ask=0.0105)
    assert filled(venue.trade(0)) == [(1.0, (0.011,))], "it waited, so it pays its own price"


def test_a_recovered_order_gains_nothing_from_its_sleep() -> None:
    """The market ran through a resting price while we were down: it fills at that price."""
    venue = Venue()
    venue.place(BUY, pricing=Pricing(limit_net=0.009))
    venue.pass_(LATENCY)
    venue.broker.resume(venue.book(), venue.at)
    venue.show(bid=0.004, ask=0.005)
    (fill,) = venue.trade(0)
    assert (fill.legs[0].price, fill.legs[0].maker) == (0.009, True)


def test_shadow_accounts_trade_beside_the_market() -> None:
    """A shadow takes nothing from the account, nor the account from it; nor any of them twice."""
    venue = Venue()
    for account in (SHADOW, "main"):
        venue.place(BUY, amount=7.0, account=account)
    assert [fill.amount for fill in venue.trade()] == [7.0, 7.0]
    for account in (SHADOW, "main"):
        venue.place(BUY, amount=1.0, account=account)
    assert venue.trade() == []


def test_several_legs_trade_together_or_not_at_all() -> None:
    """A leg without a quote holds the others back; the smallest size bounds all."""
    venue = Venue()
    venue.place(VERTICAL, amount=6.0)
    venue.pass_(LATENCY)
    venue.show(CALL_UP, ask=math.nan)
    assert venue.work() == []
    venue.show(CALL_UP, ask_amount=2.0)
    (fill,) = venue.trade(0)
    assert [leg.amount for leg in fill.legs] == [-2.0, 2.0]
    venue.show(CALL, bid_amount=5.0)
    venue.show(CALL_UP, ask_amount=100.0)
    (fill,) = venue.trade(0)
    assert [leg.amount for leg in fill.legs] == [-3.0, 3.0]


def test_a_roll_is_whole_or_nothing() -> None:
    """Buying back without selling the new leg would be a close: a roll fills at once or waits."""
    venue = Venue()
    venue.place(amount=2.0)
    venue.trade()
    (chain_id,) = venue.ledger.chains
    legs = (Leg(CALL.name, 1), Leg(LATER.name, -1))
    venue.place(legs, action="roll", amount=2.0, chain_id=chain_id)
    venue.pass_(LATENCY)
    venue.show(CALL, ask_amount=1.9)
    assert venue.work() == []
    venue.show(CALL)
    (fill,) = venue.trade(0)
    assert fill.amount == 2.0
    assert list(venue.ledger.chain(chain_id).legs) == [LATER.name]


def test_a_roll_that_sells_one_contract_twice_needs_twice_the_size() -> None:
    """Rolling a vertical up sells its long leg and sells it again as the new short one."""
    venue = Venue()
    venue.place(VERTICAL, amount=3.0)
    venue.trade()
    (chain_id,) = venue.ledger.chains
    legs = (Leg(CALL.name, 1), Leg(CALL_UP.name, -1), Leg(CALL_UP.name, -1), Leg(LATER.name, 1))
    venue.place(legs, action="roll", amount=3.0, chain_id=chain_id)
    assert venue.trade() == [], "five are bid for, six would be sold"
    venue.show(CALL_UP, bid_amount=6.0)
    (fill,) = venue.trade(0)
    assert fill.amount == 3.0
    held = {name: leg.amount for name, leg in venue.ledger.chain(chain_id).legs.items()}
    assert held == {CALL_UP.name: -3.0, LATER.name: 3.0}


def test_each_leg_is_booked_on_what_the_legs_before_it_left() -> None:
    """A perpetual closed and reopened within one order realizes its result once."""
    venue = Venue()
    venue.place((Leg(PERPETUAL.name, 1),), amount=90.0)
    venue.trade()
    (chain_id,) = venue.ledger.chains
    sold = (Leg(PERPETUAL.name, -1), Leg(PERPETUAL.name, -1))
    venue.place(sold, action="roll", amount=90.0, chain_id=chain_id)
    venue.pass_(LATENCY)
    venue.show(PERPETUAL, bid_amount=180.0)
    (fill,) = venue.trade(0)
    realized = [one.atoms for one in fill.postings if one.book == "realized"]
    assert len(realized) == 1
    assert venue.ledger.chain(chain_id).legs[PERPETUAL.name].amount == -90.0


@pytest.mark.parametrize(
    ("displayed", "traded"), [(0.09, []), (0.1, [0.1]), (0.19, [0.1]), (0.3, [0.3]), (0.7, [0.7])]
)
def test_fills_are_on_the_step(displayed: float, traded: list[float]) -> None:
    """Less than a lot is nothing; 0.3 is three lots, whatever binary fractions say."""
    venue = Venue()
    venue.place(amount=0.9)
    venue.pass_(LATENCY)
    venue.show(bid_amount=displayed)
    assert [fill.amount for fill in venue.trade(0)] == traded


def test_ratios_trade_on_every_legs_step() -> None:
    """One against two: a size of 0.5 on the double leg allows two lots, not two and a half."""
    venue = Venue()
    venue.place((Leg(CALL.name, -1), Leg(CALL_UP.name, 2)), amount=1.0)
    venue.pass_(LATENCY)
    venue.show(CALL_UP, ask_amount=0.5)
    (fill,) = venue.trade(0)
    assert [leg.amount for leg in fill.legs] == [-0.2, 0.4]


def test_legs_that_share_no_step_trade_whole_or_not_at_all() -> None:
    """An option hedged by dollars of a perpetual has no lots in common: all 0.7, or nothing."""
    venue = Venue()
    venue.place((Leg(CALL.name, -1), Leg(PERPETUAL.name, 8_571.43)), amount=0.7)
    venue.pass_(LATENCY)
    venue.show(PERPETUAL, ask_amount=5_999.0)
    assert venue.work() == []
    venue.show(PERPETUAL, ask_amount=6_001.0)
    (fill,) = venue.trade(0)
    assert fill.amount == 0.7


def test_an_order_ends_when_its_time_is_over() -> None:
    """At its end it trades no more, though the price is there, and says what was not filled."""
    venue = Venue()
    order_id = venue.place(pricing=Pricing(limit_net=-0.010, lifetime=HOUR))
    venue.show(bid=0.009)
    venue.pass_(LATENCY + HOUR - 1)
    venue.show(bid=0.009)
    assert venue.work() == []
    venue.pass_(1)
    venue.show(bid=0.011)
    assert venue.work() == [OrderEnded(order_id, "main", "expired", "1 of 1 not filled")]
    assert venue.ledger.chains == {}


def test_an_order_ends_with_its_first_leg() -> None:
    """Nobody trades an expired contract, live or not, quoted or not."""
    venue = Venue()
    pricing = Pricing(limit_net=-1.0, lifetime=72 * HOUR)
    order_id = venue.place((Leg(CALL.name, -1), Leg(LATER.name, 1)), pricing=pricing)
    venue.pass_((CALL.expires_at or 0) - venue.at - 1)
    assert venue.work() == []
    venue.pass_(1)
    assert venue.work() == [OrderEnded(order_id, "main", "leg_expired")]


def test_the_fee_of_a_linear_option_follows_the_index() -> None:
    """0.03 % of 90,000 USD for one contract: 27 USDC, in USDC."""
    venue = Venue()
    venue.market.quote(quote_of(LINEAR, venue.at, bid=900.0, ask=910.0, mark=905.0), venue.at)
    venue.place((Leg(LINEAR.name, -1),))
    (fill,) = venue.trade()
    assert (fill.legs[0].fee_atoms, fill.legs[0].currency) == (to_atoms(27.0), "USDC")


def test_an_order_cannot_ask_for_a_price_that_is_not_there() -> None:
    """The gate lets none pass; if one did, it must not become "any price" in the journal."""
    venue = Venue()
    venue.show(bid=0.0)
    with pytest.raises(InvariantBroken, match="no displayed price to ask for"):
        venue.place()


@pytest.mark.parametrize("latency_ms", [0, -1, 60_001, math.nan])
def test_latency_is_at_least_a_millisecond(latency_ms: float) -> None:
    """Without latency an order would trade on the quote that caused it."""
    with pytest.raises(ValueError, match="latency_ms"):
        BrokerSettings(latency_ms=latency_ms)  # type: ignore[arg-type]


def test_trap_memory_grows_until_the_kernel_kills_the_daemon() -> None:
    """Contracts that left are forgotten, with what was taken of both their sides."""
    venue = Venue()
    venue.place(BUY)
    venue.place(SELL)
    venue.trade()
    assert venue.broker.taken_count == 1
    venue.broker.forget((CALL.name, "unknown"))
    assert venue.broker._taken == {}
    assert venue.broker.taken_count == 0


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([SELL, BUY, VERTICAL]),
            st.integers(1, 60),
            st.sampled_from(["main", SHADOW]),
            st.sampled_from([0.009, 0.010, 0.0105]),
            st.sampled_from([0.0, 0.05, 3.0, 7.0, math.nan]),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_no_one_ever_takes_more_than_was_displayed(
    story: list[tuple[tuple[Leg, ...], int, str, float, float]],
) -> None:
    """While one price stands, an account's fills there add up to no more than its size."""
    venue = Venue()
    taken: dict[tuple[str, str, bool], float] = {}
    shown = math.nan
    for legs, lots, account, bid, size in story:
        if shown != bid:
            taken.clear()
        shown = bid
        venue.show(bid=bid, ask=bid + 0.001, bid_amount=size, ask_amount=size)
        venue.show(CALL_UP, ask_amount=1_000.0)
        venue.place(legs, amount=lots / 10, account=account)
        venue.pass_(LATENCY)
        venue.show(bid=bid, ask=bid + 0.001, bid_amount=size, ask_amount=size)
        for fill in venue.trade(0):
            assert_balanced(fill.postings)
            for leg in fill.legs:
                if leg.instrument == CALL.name:
                    key = (fill.account, leg.instrument, leg.amount > 0)
                    taken[key] = taken.get(key, 0.0) + abs(leg.amount)
                    assert taken[key] <= size + 1e-9
                worse = (leg.price - leg.touch) * (1 if leg.amount > 0 else -1)
                assert worse >= -1e-12


def test_a_fill_at_an_assumed_size_says_so() -> None:
    """Where a replay assumes what its file lacks, every fill carries it; elsewhere none does."""
    for assumed in (False, True):
        venue = Venue()
        venue.market.assumed_sizes = assumed
        venue.place()
        (fill,) = venue.trade()
        assert fill.assumed_size is assumed


def test_another_latency_counts_from_the_next_order_on() -> None:
    """A study of late decisions delays arrival, patience and end alike."""
    venue = Venue()
    venue.broker.delay(10 * SECOND)
    venue.place()
    order = venue.book().order
    assert order.live_at == order.placed_at + 10 * SECOND
    assert venue.trade(10 * SECOND - 1) == []
    assert filled(venue.trade(1)) == [(1.0, (0.010,))]
