"""Is the ledger the fold of its facts: conserved, contradicted by none, recovered from all?"""

from __future__ import annotations

import math
import re
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import NOW, at_eight, option
from tests.engine.books import (
    BALANCES,
    CALL,
    CALL_UP,
    EXPIRY,
    INDEX,
    LINEAR,
    LINEAR_PERPETUAL,
    PERPETUAL,
    PUT,
    Story,
    approved,
    dump,
    leg_fill,
    order_of,
    price_of,
    recovered,
)
from trader.domain import events
from trader.domain.errors import InvariantBroken
from trader.domain.events import DeliveryPrice, StageChanged
from trader.domain.facts import (
    AccountMarked,
    AccountOpened,
    AlertRaised,
    ChainEnded,
    CommandTaken,
    EpochOpened,
    Fact,
    Filled,
    FundingPaid,
    HaltChanged,
    LegSettlement,
    OrderEnded,
    OrderPlaced,
    Posting,
    Recorded,
    Settled,
)
from trader.domain.trading import Leg, LegFill
from trader.domain.units import DAY, SECOND, tidy
from trader.engine.ledger import Ledger, fold
from trader.engine.posting import move
from trader.engine.settlement import newly_pending, settlements

LATER = option("call", 95_000.0, at_eight(3))
LINEAR_PUT = option("put", 92_500.0, inverse=False)
CONTRACTS = (CALL, CALL_UP, PUT, LATER, LINEAR, PERPETUAL, LINEAR_PERPETUAL, LINEAR_PUT)
SHADOW = "shadow:alpha"
WISHES = st.lists(
    st.tuples(
        st.sampled_from(["open", "open", "add", "fill", "fill", "end", "close", "fund", "mark",
                         "expire", "settle", "finish", "command", "halt"]),
        st.integers(0, 1_000),
        st.floats(-0.3, 0.3),
    ),
    max_size=40,
)  # fmt: skip


class Teller:
    """Turns random wishes into the facts a real engine could have recorded, and counts along."""

    def __init__(self) -> None:
        self.story = Story(("main", SHADOW))
        self.ledger = self.story.ledger
        self.held: dict[tuple[str, str], float] = {}

    def act(self, wish: str, number: int, moved: float) -> None:
        """Do one thing, if it is possible now."""
        getattr(self, "_" + wish)(number, moved)

    def _open(self, number: int, moved: float) -> None:
        first = CONTRACTS[number % len(CONTRACTS)]
        second = CONTRACTS[number // 8 % len(CONTRACTS)]
        legs = {first.name: (first, -1.0), second.name: (second, 1.0)}
        self.story.order(
            [one for one, _ in legs.values()],
            f"C{len(self.story.records)}",
            legs=tuple(Leg(name, ratio) for name, (_, ratio) in legs.items()),
            amount=1.0 + number % 5,
            account=SHADOW if number % 4 == 0 else "main",
            strategy=f"s{number % 3}",
            delivery="spot" if number % 2 else "cash",
        )

    def _add(self, number: int, moved: float) -> None:
        chains = [chain for chain in self.ledger.chains.values() if chain.legs]
        if chains:
            chain = chains[number % len(chains)]
            leg = next(iter(chain.legs.values()))
            self.story.order(
                [leg.instrument], chain.id, action="add", amount=1.0,
                legs=(Leg(leg.instrument.name, -1.0 if number % 2 else 1.0),),
                account=chain.account, strategy=chain.strategy,
            )  # fmt: skip

    def _close(self, number: int, moved: float) -> None:
        chains = [one for one in self.ledger.chains.values() if one.legs and one.units > 0]
        if chains:
            chain = chains[number % len(chains)]
            self.story.order(
                [leg.instrument for leg in chain.legs.values()], chain.id, action="close",
                legs=chain.closing_legs(), amount=chain.units, account=chain.account,
                strategy=chain.strategy,
            )  # fmt: skip

    def _fill(self, number: int, moved: float) -> None:
        books = list(self.ledger.orders.values())
        if books:
            book = books[number % len(books)]
            whole = number % 3 or book.order.action == "close"
            amount = book.remaining if whole else tidy(book.remaining / 2)
            prices = [price_of(one, moved) for one in book.instruments.values()]
            fill = self.story.fill(book.order.order_id, amount, *prices)
            for leg in fill.legs:
                key = (fill.chain_id, leg.instrument)
                self.held[key] = tidy(self.held.get(key, 0.0) + leg.amount)

    def _end(self, number: int, moved: float) -> None:
        if orders := list(self.ledger.orders):
            self.story.end(orders[number % len(orders)], "expired")

    def _fund(self, number: int, moved: float) -> None:
        for chain in self.ledger.chains.values():
            if PERPETUAL.name in chain.legs:
                self.story.tell(_funding(self.story, chain.id, number - 500))
                return

    def _mark(self, number: int, moved: float) -> None:
        self.story.tell(
            AccountMarked(
                account="main", equity_usd=1e6, trading_pnl_usd=moved * 1e5, indices={"BTC": INDEX}
            ),
            self.story.at + number * 60 * SECOND,
        )

    def _expire(self, number: int, moved: float) -> None:
        at = max(self.story.at, EXPIRY if number % 2 else at_eight(3))
        for book in tuple(self.ledger.orders.values()):
            self.story.end(book.order.order_id, "leg_expired")
        for pending in tuple(newly_pending(self.ledger, at)):
            self.story.tell(pending, at)

    def _settle(self, number: int, moved: float) -> None:
        for expires_at in (EXPIRY, at_eight(3)):
            delivery = DeliveryPrice("BTC", expires_at, INDEX * (1 + moved))
            for settled in tuple(settlements(self.ledger, delivery)):
                self.story.tell(settled)
                for leg in settled.legs:
                    assert self.held.pop((leg.chain_id, leg.instrument)) == leg.amount
                for spot in settled.spot:
                    key = (spot.chain_id, spot.instrument.name)
                    left = tidy(self.held.pop(key, 0.0) + spot.amount)
                    assert left >= 0
                    self.held |= {key: left} if left else {}

    def _finish(self, number: int, moved: float) -> None:
        for chain in self.ledger.flat_chains():
            self.story.end_chain(chain.id)

    def _command(self, number: int, moved: float) -> None:
        commands = (
            events.PauseTrading("me", "test", None if number % 2 else "s1"),
            events.ResumeTrading("me", "test", None if number % 2 else "s1"),
            events.FlattenAll("me", "test"),
            events.RunNightly("me", "test", "2026-11-20"),
        )
        self.story.tell(CommandTaken(commands[number % 4]))
        self.story.tell(StageChanged(f"s{number % 3}", "PILOT", "me", "test", "hash"))

    def _halt(self, number: int, moved: float) -> None:
        self.story.tell(
            HaltChanged(
                account="main", rule="drawdown_halt", active=bool(number % 2), limit=0.1, used=0.2,
                detail="test",
            )
        )  # fmt: skip


def _funding(story: Story, chain_id: str, atoms: int) -> FundingPaid:
    return FundingPaid(
        account=story.ledger.chains[chain_id].account,
        chain_id=chain_id,
        instrument=PERPETUAL.name,
        rate_8h=0.0001,
        from_at=story.ledger.funded_at[(chain_id, PERPETUAL.name)],
        to_at=story.at,
        postings=move("funding", "BTC", atoms),
    )


@settings(max_examples=60)
@given(WISHES)
def test_recovery_equals_what_was_lost(wishes: list[tuple[str, int, float]]) -> None:
    """Whatever happened: the facts, through their JSON, give back the very same books."""
    teller = Teller()
    for wish in wishes:
        teller.act(*wish)
    assert dump(recovered(teller.story.records)) == dump(teller.ledger)


@settings(max_examples=60)
@given(WISHES)
def test_money_and_positions_are_conserved(wishes: list[tuple[str, int, float]]) -> None:
    """Cash = opening + postings per currency, books sum to zero, legs are sums of their fills."""
    teller = Teller()
    for wish in wishes:
        teller.act(*wish)
    cash = {
        (name, currency): atoms for name in ("main", SHADOW) for currency, atoms in BALANCES.items()
    }
    for recorded in teller.story.records:
        for posting in getattr(recorded.fact, "postings", ()):
            if posting.book == "cash":
                key = (recorded.fact.account, posting.currency)  # type: ignore[union-attr]
                cash[key] += posting.atoms
    for name, account in teller.ledger.accounts.items():
        assert account.cash == {currency: cash[(name, currency)] for currency in BALANCES}
        for currency in BALANCES:
            assert sum(n for (_, of), n in account.books.items() if of == currency) == 0
    legs = {
        (chain.id, name): leg.amount
        for chain in teller.ledger.chains.values()
        for name, leg in chain.legs.items()
    }
    assert legs == {key: amount for key, amount in teller.held.items() if amount}
    for chain in teller.ledger.chains.values():
        assert chain.units >= 0
        assert chain.risk_usd >= 0


def test_a_fill_moves_cash_position_and_risk_together() -> None:
    """Half a short call filled: half the premium, half the risk, half left to fill."""
    story = Story()
    order_id = story.order([CALL], amount=2.0, legs=(Leg(CALL.name, -1),))
    story.fill(order_id, 1.0, 0.01)
    chain, book = story.ledger.chain("C1"), story.ledger.orders[order_id]
    assert story.ledger.account("main").cash["BTC"] == BALANCES["BTC"] + 1_000_000 - 30_000
    assert (chain.units, chain.risk_usd, chain.risk_coin) == (1.0, 450.0, 0.005)
    assert (book.filled, book.remaining) == (1.0, 1.0)
    assert chain.flows == {"BTC": 970_000}
    opened_at = chain.opened_at
    story.fill(order_id, 0.5, 0.01)
    assert chain.opened_at == opened_at == story.at - SECOND
    assert story.ledger.chain_view(chain).state == "open"


def test_a_close_gives_its_risk_back_and_a_roll_replaces_it() -> None:
    """Half closed keeps half; rolled counts the new structure's loss and nothing of the old."""
    story = Story()
    order_id = story.order([CALL], amount=2.0, legs=(Leg(CALL.name, -1),))
    story.fill(order_id, 2.0, 0.01)
    chain = story.ledger.chain("C1")
    close = story.order([CALL], action="close", amount=2.0, legs=chain.closing_legs())
    story.fill(close, 1.0, 0.02)
    assert (chain.units, chain.risk_usd) == (1.0, 450.0)
    story.end(close, "canceled")
    legs = (*chain.closing_legs(), Leg(LATER.name, -1.0))
    roll = story.order([CALL, LATER], action="roll", amount=1.0, legs=legs, risk=(700.0, 0.008))
    story.fill(roll, 1.0, 0.02, 0.025)
    assert (chain.units, chain.risk_usd, chain.risk_coin) == (1.0, 700.0, 0.008)
    assert list(chain.legs) == [LATER.name]


def test_trap_adding_to_a_short_treated_as_closing_it() -> None:
    """Sold one more: the chain is short two, its risk has grown, nothing was realized."""
    story = Story()
    story.trade(CALL, -1.0, 0.01)
    story.trade(CALL, -1.0, 0.02)
    chain = story.ledger.chain("C1")
    assert chain.legs[CALL.name].amount == -2.0
    assert chain.legs[CALL.name].entry_price == pytest.approx(0.015)
    assert (chain.units, chain.risk_usd) == (2.0, 1_800.0)


def test_a_slot_is_freed_when_nothing_filled_and_kept_when_anything_did() -> None:
    """An approval that never filled gives its slot back; one lot filled keeps it, closed or not."""
    story = Story()
    never = story.order([CALL], "C1")
    partly = story.order([CALL], "C2", amount=2.0)
    assert story.ledger.slots_used("main", "alpha", story.at) == ("C1", "C2")
    story.end(never, "expired")
    story.fill(partly, 1.0, 0.01)
    story.end(partly, "expired")
    assert story.ledger.slots_used("main", "alpha", story.at) == ("C2",)
    assert "C1" not in story.ledger.chains
    close = story.order([CALL], "C2", action="close", legs=(Leg(CALL.name, 1),), amount=1.0)
    story.fill(close, 1.0, 0.01)
    story.end_chain("C2")
    assert story.ledger.slots_used("main", "alpha", story.at) == ("C2",)


def test_trap_daily_limits_reset_by_a_restart() -> None:
    """A recovered ledger knows the slots that were taken; the next UTC day starts with none."""
    story = Story(at=NOW)
    story.order([CALL], "C1", account="main")
    again = recovered(story.records)
    assert again.slots_used("main", "alpha", story.at) == ("C1",)
    midnight = story.at - story.at % DAY + DAY
    assert again.slots_used("main", "alpha", midnight - 1) == ("C1",)
    assert again.slots_used("main", "alpha", midnight) == ()
    assert again.slots_used("main", "beta", story.at) == ()
    assert again.slots_used(SHADOW, "alpha", story.at) == ()


def test_trap_memory_grows_until_the_kernel_kills_the_daemon() -> None:
    """A month of trades leaves no chains, orders, approvals, fundings, and one day of slots."""
    story = Story()
    for day in range(30):
        story.at = NOW + day * DAY
        chain_id = f"C{day}"
        story.trade(PERPETUAL, 90.0, INDEX, chain_id)
        story.tell(_funding(story, chain_id, -5))
        story.trade(PERPETUAL, -90.0, INDEX, chain_id)
        story.end_chain(chain_id)
    ledger = story.ledger
    sizes = ledger.sizes()
    assert sizes.pop("slots") == 1
    assert set(sizes.values()) == {0}
    maps = (
        ledger.chains, ledger.orders, ledger.funded_at, ledger._approvals, ledger.pending,
        ledger.refusals,
        ledger.making.unfollowed,
    )  # fmt: skip
    assert len(sizes) == len(maps)


def test_funding_counts_from_when_a_perpetual_is_held() -> None:
    """Neither from before it was opened, nor across the time it was flat in between."""
    story = Story()
    story.trade(CALL, -1.0, 0.01)
    story.trade(PERPETUAL, 90.0, INDEX)
    opened_at = story.ledger.funded_at[("C1", PERPETUAL.name)]
    assert opened_at == story.at - SECOND
    story.trade(PERPETUAL, 90.0, INDEX)
    assert story.ledger.funded_at[("C1", PERPETUAL.name)] == opened_at
    story.trade(PERPETUAL, -180.0, INDEX)
    story.at += DAY
    story.trade(PERPETUAL, 90.0, INDEX)
    assert story.ledger.funded_at[("C1", PERPETUAL.name)] == story.at - SECOND


def _calendar() -> Story:
    story = Story()
    order_id = story.order([CALL, LATER], legs=(Leg(CALL.name, -1), Leg(LATER.name, 1)))
    story.fill(order_id, 1.0, 0.01, 0.02)
    return story


def _expire(story: Story, at: int) -> None:
    for pending in tuple(newly_pending(story.ledger, at)):
        story.tell(pending, at)


def _settle(story: Story, expires_at: int) -> None:
    for settled in tuple(settlements(story.ledger, DeliveryPrice("BTC", expires_at, 1e5))):
        story.tell(settled)


def _state(story: Story) -> str:
    return story.ledger.chain_view(story.ledger.chain("C1")).state


def test_a_leg_that_settles_leaves_the_later_one_of_its_chain() -> None:
    """The near leg ends at its price; the later expiry of the chain lives on, with its units."""
    story = _calendar()
    _expire(story, EXPIRY)
    assert _state(story) == "pending_settlement"
    _settle(story, EXPIRY)
    assert _state(story) == "open"
    assert list(story.ledger.chain("C1").legs) == [LATER.name]
    assert story.ledger.chain("C1").units == 1.0
    assert not story.ledger.pending


def test_a_chain_waits_until_each_of_its_expiries_has_a_price() -> None:
    """Two expiries without a price: the first price does not end the waiting."""
    story = _calendar()
    _expire(story, at_eight(3))
    _settle(story, EXPIRY)
    assert _state(story) == "pending_settlement"
    _settle(story, at_eight(3))
    assert _state(story) == "ended"
    chain = story.ledger.chain("C1")
    assert (chain.flat, chain.units, chain.risk_usd, chain.settled) == (True, 0.0, 0.0, True)
    assert story.ledger.flat_chains() == (chain,)


def test_pauses_are_of_one_or_of_all_and_end_as_they_began() -> None:
    """Resuming one does not resume all; resuming all resumes each and restarts the count."""
    story = Story()
    pause, resume = events.PauseTrading("me", "x"), events.ResumeTrading("me", "x")
    for command in (pause, msgspec.structs.replace(pause, strategy="alpha")):
        story.tell(CommandTaken(command))
    assert set(story.ledger.paused) == {"*", "alpha"}
    story.tell(CommandTaken(msgspec.structs.replace(resume, strategy="alpha")))
    assert set(story.ledger.paused) == {"*"}
    story.tell(CommandTaken(events.FlattenAll("me", "out")))
    assert story.ledger.paused["*"] == events.FlattenAll("me", "out")
    marked = AccountMarked(account="main", equity_usd=1e6, trading_pnl_usd=-5e4, indices={})
    story.tell(marked)
    story.tell(CommandTaken(resume))
    assert story.ledger.paused == {}
    assert story.ledger.account("main").peak_pnl_usd == -5e4


def test_halts_stages_and_epochs_are_the_last_ones_told() -> None:
    """A halt that ended is gone; stage and epoch are the latest; an alert changes nothing."""
    story = Story()
    halt = HaltChanged(
        account="main", rule="daily_loss_halt", active=True, limit=0.03, used=0.04, detail="x"
    )
    story.tell(halt)
    assert story.ledger.account("main").halts == {"daily_loss_halt": halt}
    story.tell(msgspec.structs.replace(halt, active=False))
    assert story.ledger.account("main").halts == {}
    story.tell(StageChanged("alpha", "PILOT", "me", "x", "h"))
    story.tell(StageChanged("alpha", "RESEARCH", "me", "x", "h"))
    assert story.ledger.stages["alpha"].stage == "RESEARCH"
    before = dump(story.ledger)
    story.tell(AlertRaised(kind="x", severity="info", text="x"), story.at)
    story.ledger.sequence -= 1
    assert dump(story.ledger) == before
    epoch = EpochOpened(
        epoch=2, feed="f", speed=1.0, market="m", software="s", configuration_hash="h"
    )
    story.tell(epoch)
    assert story.ledger.epoch == epoch


def test_what_is_held_or_worked_on_is_listed() -> None:
    """The daemon watches what chains hold and orders want."""
    story = Story()
    story.trade(CALL, -1.0, 0.01)
    story.order([PUT], "C2", legs=(Leg(PUT.name, -1),))
    assert [one.name for one in story.ledger.held()] == [CALL.name, PUT.name]
    assert [chain.id for chain in story.ledger.chains_of("main", "alpha")] == ["C1", "C2"]
    assert story.ledger.chains_of("main", "beta") == ()
    assert [book.view().remaining for book in story.ledger.working("C2")] == [1.0]


def _filled(order_id: str, chain_id: str, *legs: LegFill, **changes: Any) -> Filled:
    fill = Filled(
        fill_id="F", order_id=order_id, account="main", strategy="alpha", chain_id=chain_id,
        amount=1.0, legs=legs, postings=(),
    )  # fmt: skip
    return msgspec.structs.replace(fill, **changes)


def _settlement(name: str, amount: float, *postings: Posting) -> Settled:
    leg = LegSettlement("C1", name, amount, 0.0, 0, 0, "BTC")
    return Settled(
        account="main", underlying="BTC", expires_at=EXPIRY, delivery_price=9e4, legs=(leg,),
        postings=postings,
    )  # fmt: skip


def _chain_ended(chain_id: str) -> ChainEnded:
    return ChainEnded(
        account="main", strategy="alpha", chain_id=chain_id, underlying="BTC", opened_at=0, pnl={},
        pnl_usd=0.0, pnl_pct=0.0, how="closed",
    )  # fmt: skip


LEG = leg_fill(CALL, -1.0, 0.01)
PLACED = OrderPlaced(
    order=order_of(approved("C3", verdict_id="V77")), instruments=(CALL,), equity_usd=1e6,
    index=INDEX,
)  # fmt: skip
CONTRADICTIONS: dict[str, tuple[Fact, str]] = {
    "an order without an approval": (PLACED, "has no approval V77"),
    "an account opened twice": (AccountOpened("main", BALANCES), "'main' opened twice"),
    "a fill of no order": (_filled("O?", "C2", LEG), "is not working"),
    "a fill on another chain": (_filled("OV9", "C1", LEG), "is for another chain"),
    "a fill of another account": (_filled("OV9", "C2", LEG, account="x"), "is for another chain"),
    "more filled than ordered": (_filled("OV9", "C2", LEG, amount=1.1), "1.1 of 1.0 left"),
    "nothing filled": (_filled("OV9", "C2", LEG, amount=0.0), "0.0 of 1.0 left"),
    "less than nothing filled": (_filled("OV9", "C2", LEG, amount=-1.0), "-1.0 of 1.0 left"),
    "NaN filled": (_filled("OV9", "C2", LEG, amount=math.nan), "nan of 1.0 left"),
    "a leg not ordered": (_filled("OV9", "C2", leg_fill(PUT, -1.0, 0.01)), f"no {PUT.name}"),
    "a settlement of nothing held": (_settlement(PUT.name, -1.0), "settled but not held"),
    "a settlement of another size": (_settlement(CALL.name, -2.0), "settled but not held"),
    "money from nowhere": (_settlement(CALL.name, -1.0, Posting("cash", "BTC", 1)), "sum to zero"),
    "a chain that ends while it holds": (_chain_ended("C1"), "while it holds something"),
    "a chain that ends and never was": (_chain_ended("C9"), "'C9' does not exist"),
    "an order that ends twice": (OrderEnded("O?", "main", "filled"), "ended twice"),
    "a mark of no account": (
        AccountMarked(account="x", equity_usd=1.0, trading_pnl_usd=0.0, indices={}),
        "'x' was never opened",
    ),
}


@pytest.mark.parametrize("what", CONTRADICTIONS)
def test_a_fact_that_contradicts_the_books_stops_the_daemon(what: str) -> None:
    """After one short call on C1 and a working order on C2, such a fact is a bug of ours."""
    story = Story()
    story.trade(CALL, -1.0, 0.01)
    story.order([CALL], "C2", verdict_id="V9")
    fact, why = CONTRADICTIONS[what]
    with pytest.raises(InvariantBroken, match=re.escape(why)):
        story.tell(fact)


def test_only_an_open_may_begin_a_chain() -> None:
    """A close of a chain that does not exist is no order."""
    with pytest.raises(InvariantBroken, match="acts on no chain C7"):
        Story().order([CALL], "C7", action="close", legs=(Leg(CALL.name, 1),))


def test_an_approval_is_good_for_one_order() -> None:
    """No second order without a second approval."""
    story = Story()
    story.order([CALL], "C1", verdict_id="V5")
    placed = next(one.fact for one in story.records if isinstance(one.fact, OrderPlaced))
    with pytest.raises(InvariantBroken, match="has no approval V5"):
        story.tell(placed)


def test_an_empty_journal_is_an_empty_ledger() -> None:
    """Before the first fact nothing is true."""
    assert dump(fold(iter(()))) == dump(Ledger())
    assert fold(iter([Recorded(4, 7, AlertRaised(kind="x", severity="info", text="x"))])).at == 7
