"""Is the outcome the log: whole, in order, and the same for the same inputs?"""

from __future__ import annotations

import msgspec
import pytest

from tests.engine.books import CALL, Story, approved
from trader.domain.facts import AlertRaised, Fact, OrderEnded, Settled
from trader.domain.trading import Refused
from trader.engine.outcome import DeliveryPriceNeeded, Outcome, OutcomeDigest

ALERT = AlertRaised(kind="test", severity="info", text="hello")
APPROVED = approved()
REFUSED = Refused(
    verdict_id="V2", account="main", intent=APPROVED.intent, stage="PILOT", rule="paused",
    limit=0.0, used=0.0, requested=1.0, explanation="because",
)  # fmt: skip
SETTLED = Settled(
    account="main", underlying="BTC", expires_at=1, delivery_price=9e4, legs=(), postings=()
)


def _facts() -> tuple[Fact, ...]:
    story = Story()
    filled = story.trade(CALL, -1.0, 0.01)
    return (ALERT, APPROVED, filled, OrderEnded("O1", "main", "filled"), REFUSED, SETTLED)


def _digest(*outcomes: Outcome) -> str:
    digest = OutcomeDigest()
    for outcome in outcomes:
        digest.add(outcome)
    return digest.hexdigest()


def test_every_view_of_an_outcome_keeps_the_order_of_its_facts() -> None:
    """Verdicts, fills, settlements and alerts are the facts themselves, none twice."""
    facts = _facts()
    outcome = Outcome(5, 9, facts)
    assert outcome.verdicts == (APPROVED, REFUSED)
    assert outcome.fills == (facts[2],)
    assert outcome.settlements == (SETTLED,)
    assert outcome.alerts == (ALERT,)


def test_records_carry_the_causing_sequence_and_time() -> None:
    """What the journal keeps says which input caused it and when."""
    records = Outcome(5, 9, _facts()).records
    assert {(one.sequence, one.at) for one in records} == {(5, 9)}
    assert tuple(one.fact for one in records) == _facts()


@pytest.mark.parametrize(
    "other",
    [
        Outcome(6, 9, (ALERT,)),
        Outcome(5, 10, (ALERT,)),
        Outcome(5, 9),
        Outcome(5, 9, (ALERT, ALERT)),
        Outcome(5, 9, (msgspec.structs.replace(ALERT, text="hallo"),)),
        Outcome(5, 9, (ALERT,), (DeliveryPriceNeeded("BTC", 1),)),
        Outcome(5, 9, (ALERT,), (), ("suspended:1",)),
    ],
)
def test_the_digest_sees_every_difference(other: Outcome) -> None:
    """Sequence, time, facts, requests and data quality all count."""
    same = Outcome(5, 9, (ALERT,))
    assert _digest(same) == _digest(Outcome(5, 9, (ALERT,)))
    assert _digest(other) != _digest(same)


def test_the_digest_depends_on_the_order_of_outcomes() -> None:
    """Two runs agree only where they agree step by step, silent steps included."""
    first, second, silent = Outcome(1, 1, (ALERT,)), Outcome(2, 2, (ALERT,)), Outcome(3, 3)
    assert _digest(first, second) != _digest(second, first)
    assert _digest(first, silent) != _digest(first)


def test_the_digest_does_not_depend_on_the_order_of_dicts() -> None:
    """Two processes may fill a dict in another order: the outcome is the same."""
    ends = [{"BTC": 1, "ETH": 2}, {"ETH": 2, "BTC": 1}]
    digests = {
        _digest(Outcome(1, 1, (msgspec.convert({"type": "AccountOpened", "account": "main",
                                                "balances": balances}, Fact),)))
        for balances in ends
    }  # fmt: skip
    assert len(digests) == 1
