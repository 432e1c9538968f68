"""Are the gates asked again honestly at other numbers of simulations?"""

from __future__ import annotations

import msgspec

from tests.views.nights import empty_card, full_card
from trader.evaluation.look_ahead import LookAhead
from trader.evaluation.sample_size import stages_by_size
from trader.evaluation.verdict import with_look_ahead


def test_the_deciding_size_comes_first_and_gives_the_stage() -> None:
    """The first row is the profile that decided, and its stage is the approval's."""
    card = full_card()
    first, *others = stages_by_size(card)
    assert card.approval is not None
    assert (first.decides, first.sims, first.stage) == (True, 500, card.approval.stage)
    assert [(row.sims, row.trades_per_sim) for row in others] == [
        (100, 290),
        (1_000, 290),
        (5_000, 290),
        (500, 200),
    ]


def test_the_worst_grows_with_the_number_of_simulations() -> None:
    """The first simulations of a seed are the same: more can only find worse."""
    rows = [row for row in stages_by_size(full_card()) if row.trades_per_sim == 290]
    rows.sort(key=lambda row: row.sims)
    assert [row.worst_max_dd for row in rows] == sorted(
        (r.worst_max_dd for r in rows), reverse=True
    )
    assert [row.score for row in rows] == sorted((row.score for row in rows), reverse=True)


def test_who_peeks_is_at_research_at_any_size() -> None:
    """The look-ahead gate is asked again too."""
    card = full_card()
    assert card.approval is not None
    seen = LookAhead(ok=False, cuts=(1,), reason="it changed")
    peeking = msgspec.structs.replace(
        card, look_ahead=seen, approval=with_look_ahead(card.approval, seen)
    )
    assert {row.stage for row in stages_by_size(peeking)} == {"RESEARCH"}
    assert {row.stage for row in stages_by_size(card)} != {"RESEARCH"}


def test_without_an_approval_there_is_nothing_to_ask() -> None:
    """A strategy that could not be judged has no stage at any size."""
    assert stages_by_size(empty_card()) == ()
