"""Are the facts of a step true at once, in order, under names of their own?"""

from __future__ import annotations

import pytest

from trader.domain.errors import InvariantBroken
from trader.domain.facts import AlertRaised, ChainEnded, Recorded
from trader.engine.ledger import Ledger
from trader.engine.step import Step


def _alert(text: str) -> AlertRaised:
    return AlertRaised(kind="test", severity="info", text=text)


def test_a_fact_is_folded_before_the_next_is_thought_of() -> None:
    """Each fact reaches the books once, stamped with the step's sequence and time, in order."""
    folded: list[Recorded] = []
    step = Step(folded.append, 7, 1_000)
    for text in ("a", "b"):
        step.record(_alert(text))
        assert [one.fact for one in folded] == step.facts
    assert {(one.sequence, one.at) for one in folded} == {(7, 1_000)}


def test_a_fact_the_books_refuse_is_not_kept() -> None:
    """What contradicts the ledger never reaches the journal."""
    step = Step(Ledger().apply, 0, 0)
    ended = ChainEnded(
        account="main", strategy="s", chain_id="C1", underlying="BTC", opened_at=0, pnl={},
        pnl_usd=0.0, pnl_pct=0.0, how="closed",
    )  # fmt: skip
    with pytest.raises(InvariantBroken, match="C1"):
        step.record(ended)
    assert step.facts == []


def test_names_are_unique_for_ever() -> None:
    """No two names agree, within a step or between steps, whatever their kinds."""
    steps = [Step(lambda _: None, sequence, 0) for sequence in (1, 11, 12)]
    names = [step.name(kind) for step in steps for kind in "VOVF" * 3]
    assert len(set(names)) == len(names)
    assert names[:2] == ["V1-0", "O1-1"]
