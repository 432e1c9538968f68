"""Is a refusal of a change known for its day, chain, action and rule, and nothing else?"""

from __future__ import annotations

import msgspec
import pytest

from tests.engine.floor import wish
from trader.domain.trading import Action, Refused, Rule
from trader.domain.units import DAY
from trader.engine.refusals import CHANGES, Refusals

NOON = 20_000 * DAY + DAY // 2


def refused(
    action: Action = "hedge", rule: Rule = "hedge_increases_risk", chain_id: str | None = "C1-0"
) -> Refused:
    """Refuse one change."""
    return Refused(
        verdict_id="V1-0", account="main", intent=wish(action=action, chain_id=chain_id),
        stage="PILOT", rule=rule, limit=1.0, used=0.0, requested=2.0, explanation="too much",
    )  # fmt: skip


def test_the_same_is_known_until_the_day_ends() -> None:
    """Other words and amounts are the same refusal; the next UTC day is another."""
    book = Refusals()
    assert not book.known(refused(), NOON)
    book.take(refused(), NOON)
    assert book.known(refused(), NOON)
    assert book.known(msgspec.structs.replace(refused(), requested=9.0, verdict_id="V2-0"), NOON)
    assert book.known(refused(), 20_001 * DAY - 1)
    assert not book.known(refused(), 20_001 * DAY)


@pytest.mark.parametrize(
    "other",
    [refused(action="roll"), refused(rule="per_trade_risk"), refused(chain_id="C2-0")],
)
def test_another_chain_action_or_rule_is_another_refusal(other: Refused) -> None:
    """Each is kept beside the first."""
    book = Refusals()
    book.take(refused(), NOON)
    assert not book.known(other, NOON)
    book.take(other, NOON)
    assert book.known(other, NOON)
    assert book.known(refused(), NOON)


def test_only_changes_are_remembered_and_only_while_their_chain_lives() -> None:
    """Opens have a cadence; an ended chain leaves nothing."""
    book = Refusals()
    for other in (refused(action="close"), refused(action="open", chain_id=None)):
        book.take(other, NOON)
        assert not book.known(other, NOON)
    assert len(book) == 0
    changes: tuple[Action, ...] = ("roll", "hedge", "add")
    assert {*changes, "protect", "quote"} == set(CHANGES)
    for action in changes:
        book.take(refused(action=action), NOON)
    assert len(book) == 1
    book.forget("C1-0")
    book.forget("C1-0")
    assert len(book) == 0
    assert not book.known(refused(), NOON)
