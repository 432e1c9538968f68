"""Does the auditor see what is wrong? A true story passes; each forged fact is found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from tests.backtest.wheels import facts_of_a_turn
from tests.engine.floor import TODAY, VERTICAL, Floor, wish
from tests.engine.test_guard import NEXT_DAY, RISK, close, lose, watched
from tests.engine.test_quoting import opened, quoted
from trader.domain.events import ClosePosition, DeliveryPrice
from trader.domain.facts import (
    BehaviorJudged,
    ChainEnded,
    EpochOpened,
    Filled,
    FillFollowed,
    OrderEnded,
    OrderPlaced,
    Posting,
    Recorded,
    Settled,
    SettlementPending,
)
from trader.domain.trading import Approved, SizeFactor
from trader.domain.units import DAY, MINUTE, SECOND
from trader.engine.audit import Audit
from trader.risk.limits import RiskSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from trader.domain.facts import Fact

changed: Callable[..., Any] = msgspec.structs.replace


@pytest.fixture(scope="module")
def story() -> list[Recorded]:
    """A call opened and closed, a vertical settled, over two epochs."""
    floor = Floor()
    chain = floor.trade(wish())
    floor.trade(wish(VERTICAL))
    floor.ask(wish(action="close", chain_id=chain.id), occasion="manage")
    floor.pass_time(SECOND)
    floor.restart()
    floor.go_to(TODAY)
    floor.send(DeliveryPrice("BTC", TODAY, 86_000.0))
    return floor.records


@pytest.fixture(scope="module")
def wheel() -> list[Recorded]:
    """A put assigned, its coin held, a call that took it."""
    return facts_of_a_turn()


def test_coin_is_counted_a_second_time(wheel: list[Recorded]) -> None:
    """The whole turn passes; coin at another price, missing, or moved for nothing is found."""
    assert audit(wheel) == ()
    for which in (0, 1):
        row = place_of(wheel, Settled, which)
        settled = wheel[row].fact
        assert isinstance(settled, Settled)
        (spot,) = settled.spot
        for forged in (
            changed(settled, spot=(changed(spot, price=spot.price + 1),)),
            changed(settled, spot=(changed(spot, amount=2 * spot.amount),)),
            changed(settled, spot=(spot, spot)),
            changed(settled, spot=()),
        ):
            facts = [*wheel[:row], changed(wheel[row], fact=forged), *wheel[row + 1 :]]
            assert any("moved as coin, due was" in one for one in audit(facts))


def tilted() -> list[Recorded]:
    """Losses, then one doubled in a hurry; the next day a smaller trade."""
    floor = watched()
    lose(floor, wait=40 * MINUTE)
    lose(floor)
    close(floor, floor.trade(wish(amount=0.4)))
    floor.go_to(NEXT_DAY)
    floor.ask(wish(amount=1.0))
    return floor.records


def test_multipliers_are_recounted() -> None:
    """A story of revenge passes; a milder judgment, a harsher one, a larger trade are found."""
    records = tilted()
    risk = RISK
    assert Audit(risk).read(records) == ()
    row = place_of(records, BehaviorJudged)
    judged = records[row].fact
    for forged, told in (
        (changed(judged, multiplier=0.2), "alerts make 0.3"),
        (changed(judged, before=0.9), "after x 1"),
        (changed(judged, paused_until=NEXT_DAY + DAY), "opens while behavior pauses it"),
    ):
        facts = [*records[:row], changed(records[row], fact=forged), *records[row + 1 :]]
        assert any(told in one for one in Audit(risk).read(facts)), told
    last = max(n for n, one in enumerate(records) if isinstance(one.fact, Approved))
    approved = records[last].fact
    assert isinstance(approved, Approved)
    free = changed(approved, restraint=changed(approved.restraint, multiplier=1.0))
    facts = [*records[:last], changed(records[last], fact=free), *records[last + 1 :]]
    assert any("states x 1.0, due 0." in one for one in Audit(risk).read(facts))


def test_what_was_granted_is_held_against_its_factors() -> None:
    """Factors that were stated but not taken, and one that enlarges, are found; true ones pass."""
    floor = Floor(sizing=True)
    floor.ask(wish(VERTICAL, amount=None))
    records = floor.records
    assert Audit(floor.risk).read(records) == ()
    row = place_of(records, Approved)
    approved = records[row].fact
    assert isinstance(approved, Approved)
    assert len(approved.sizing) == 6
    for forged, told in (
        (SizeFactor("kelly", 0.5, "stated only"), "factors leave 0.5"),
        (SizeFactor("kelly", 1.5, "beyond"), "was sized by kelly beyond 1"),
    ):
        lie = changed(approved, sizing=(forged, *approved.sizing[1:]))
        facts = [*records[:row], changed(records[row], fact=lie), *records[row + 1 :]]
        assert any(told in one for one in Audit(floor.risk).read(facts)), told


def test_a_hedge_may_leave_more_than_one_trade_may_open_with(wheel: list[Recorded]) -> None:
    """Equity that fell since the opening is no violation; an opening of that share is one."""
    for which, sound in ((1, True), (0, False)):
        row = place_of(wheel, Approved, which)
        approved = wheel[row].fact
        assert isinstance(approved, Approved)
        assert (approved.intent.action == "hedge") == sound
        larger = changed(approved, max_loss=changed(approved.max_loss, share=0.02))
        facts = [*wheel[:row], changed(wheel[row], fact=larger), *wheel[row + 1 :]]
        assert (audit(facts) == ()) == sound


def place_of(records: list[Recorded], kind: type[Fact], which: int = 0) -> int:
    """Find the n-th fact of a kind."""
    return [row for row, one in enumerate(records) if isinstance(one.fact, kind)][which]


def audit(records: list[Recorded]) -> tuple[str, ...]:
    """Read facts by the default limits."""
    return Audit(RiskSettings()).read(records)


def test_a_true_story_has_no_violation(story: list[Recorded]) -> None:
    """Every fact is read, nothing is wrong with any."""
    auditor = Audit(RiskSettings())
    assert auditor.read(story) == ()
    assert auditor.counted == len(story)


def first_leg(fill: Filled, **changes: object) -> Filled:
    """Forge the first leg of a fill."""
    return changed(fill, legs=(changed(fill.legs[0], **changes), *fill.legs[1:]))  # type: ignore[no-any-return]


def settled_leg(settled: Settled, **changes: object) -> Settled:
    """Forge the first leg of a settlement."""
    return changed(settled, legs=(changed(settled.legs[0], **changes), *settled.legs[1:]))  # type: ignore[no-any-return]


FORGERIES: dict[str, tuple[type[Fact], Callable[[Any], Fact], str]] = {
    "larger risk": (
        Approved,
        lambda one: changed(one, max_loss=changed(one.max_loss, share=0.011)),
        "risks 1.1000%",
    ),
    "limit passed": (
        Approved,
        lambda one: changed(one, limits=(changed(one.limits[0], used=1e6), *one.limits[1:])),
        "used and",
    ),
    "another approval": (
        OrderPlaced,
        lambda one: changed(one, order=changed(one.order, verdict_id="V0-0")),
        "was never approved",
    ),
    "larger order": (
        OrderPlaced,
        lambda one: changed(one, order=changed(one.order, amount=2.0)),
        "is larger than approved",
    ),
    "no latency": (
        OrderPlaced,
        lambda one: changed(one, order=changed(one.order, live_at=one.order.placed_at)),
        "could trade at the moment it was made",
    ),
    "look-ahead": (
        OrderPlaced,
        lambda one: changed(one, order=changed(one.order, live_at=one.order.live_at + SECOND)),
        "came before its order could trade",
    ),
    "overfilled": (Filled, lambda one: changed(one, amount=1.5), "filled 1.5 of 1"),
    "cheaper fee": (Filled, lambda one: first_leg(one, fee_atoms=1), "paid a fee of 1, due was"),
    "better price": (
        Filled,
        lambda one: first_leg(one, touch=0.0033),
        "better than what was displayed",
    ),
    "no quote": (Filled, lambda one: first_leg(one, touch=0.0), "better than what was displayed"),
    "money from nowhere": (
        Filled,
        lambda one: changed(one, postings=(*one.postings, Posting("cash", "BTC", 1))),
        "do not sum to zero",
    ),
    "another payoff": (Settled, lambda one: settled_leg(one, payoff=0.5), "due was"),
    "another amount": (Settled, lambda one: settled_leg(one, amount=-2.0), "settled of -1 held"),
    "settled early": (
        Settled,
        lambda one: changed(one, expires_at=one.expires_at + SECOND),
        "settled before its expiry",
    ),
    "pending early": (
        SettlementPending,
        lambda one: changed(one, expires_at=one.expires_at + SECOND),
        "pending before they expire",
    ),
    "epoch left out": (EpochOpened, lambda one: changed(one, epoch=2), "epoch 2 follows epoch 0"),
    "ended while held": (
        OrderEnded,
        lambda one: ChainEnded(
            account="main", strategy="alpha", chain_id=f"C{one.order_id[1:-1]}0",
            underlying="BTC", opened_at=0, pnl={}, pnl_usd=0.0, pnl_pct=0.0, how="closed",
        ),
        "ended while it holds",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_fact_is_found(story: list[Recorded], name: str) -> None:
    """Each forgery is named in plain words, with sequence and time of the fact."""
    kind, forge, words = FORGERIES[name]
    place = place_of(story, kind)
    forged = list(story)
    forged[place] = changed(story[place], fact=forge(story[place].fact))
    found = audit(forged)
    assert any(words in one for one in found), found
    assert any(one.startswith("fact of sequence") for one in found)


@pytest.mark.parametrize("kind", [Approved, OrderPlaced, Filled, Settled, ChainEnded, OrderEnded])
def test_a_lost_fact_is_found(story: list[Recorded], kind: type[Fact]) -> None:
    """Whatever is missing from the middle of the journal contradicts what follows."""
    place = place_of(story, kind)
    assert audit([*story[:place], *story[place + 1 :]])


@pytest.mark.parametrize("kind", [Approved, OrderPlaced, Filled, Settled, OrderEnded])
def test_a_doubled_fact_is_found(story: list[Recorded], kind: type[Fact]) -> None:
    """No fill and no settlement is booked twice."""
    place = place_of(story, kind)
    assert audit([*story[: place + 1], *story[place:]])


def test_facts_out_of_order_are_found(story: list[Recorded]) -> None:
    """Sequence and time never run backward."""
    found = audit([*story[:5], changed(story[5], sequence=10**9, at=story[-1].at), *story[6:]])
    assert any("sequence runs backward" in one for one in found)
    assert any("time runs backward" in one for one in found)


def test_a_third_trade_of_one_day_is_found() -> None:
    """The auditor counts slots itself: with a limit of one, the story's second trade is too many.

    An open that never filled gives its slot back, so three approvals of which one expired are two.
    """
    floor = Floor()
    floor.trade(wish())
    floor.trade(wish(VERTICAL))
    strict = Audit(RiskSettings(max_new_trades_per_day=1))
    assert any("opened 2 trades on one UTC day" in one for one in strict.read(floor.records))


def session_story() -> list[Recorded]:
    """Open a session, fill a quote of it, look at that later, and end it."""
    floor = Floor()
    chain = quoted(floor)
    floor.move(88_500.0)
    for _ in range(7):
        floor.pass_time(MINUTE)
    floor.send(ClosePosition(by="ann", reason="enough", chain_id=chain.id))
    floor.pass_time(SECOND)
    return floor.records


def test_sessions_of_quotes_are_recounted() -> None:
    """Inventory beyond the most, a fill followed too soon or at another price, and a session that
    nobody approved are found; the true story has none of it.
    """
    records = session_story()
    assert audit(records) == ()
    at = place_of(records, FillFollowed)
    seen = records[at].fact
    assert isinstance(seen, FillFollowed)
    for forged in (changed(seen, price=seen.price * 2), changed(seen, after=MINUTE)):
        forgery = [*records[:at], changed(records[at], fact=forged), *records[at + 1 :]]
        assert any("followed" in one for one in audit(forgery))
    first = place_of(records, Approved)
    approved = records[first].fact
    assert isinstance(approved, Approved)
    less = changed(records[first], fact=changed(approved, amount=0.1))
    found = audit([*records[:first], less, *records[first + 1 :]])
    assert any("holds 0.4 of 0.1" in one for one in found)
    plain = changed(approved, intent=changed(approved.intent, quoting=None))
    bare = changed(records[first], fact=plain)
    unasked = audit([*records[:first], bare, *records[first + 1 :]])
    assert any("was never approved" in one for one in unasked)


def test_a_session_that_never_filled_frees_its_slot_in_the_recount_too() -> None:
    """Three sessions of one day, two of which met nobody: the account is within its limit."""
    floor = Floor()
    for _ in range(3):
        chain = opened(floor)
        floor.send(ClosePosition(by="ann", reason="enough", chain_id=chain.id))
    assert [one for one in floor.chains() if one.quotes] == []
    assert floor.audit() == ()
