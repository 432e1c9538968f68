"""Does a chapter say how a strategy was judged, from what, and how far the next stage is?"""

from __future__ import annotations

import msgspec

from tests.views.nights import empty_card, full_card, subject
from trader.evaluation.psychology import PsychologyScore
from trader.evaluation.strategy_card import Scorecard
from trader.views.blocks import Items, Prose, Section, Table
from trader.views.report_strategy import chapter


def part(card: Scorecard, title: str) -> Section:
    """Write one part of a chapter."""
    return next(
        one for one in chapter(subject(card), (), "s", card.end) if one.title.startswith(title)
    )


def words(section: Section) -> str:
    """Join all sentences and cells of a part."""
    found = []
    for block in section.blocks:
        match block:
            case Prose():
                found.append(block.text)
            case Items():
                found += [one.text for one in block.rows]
            case Table():
                found += [" ".join(cell.text for cell in line) for line in block.rows]
            case _:
                pass
    return "\n".join(found)


def test_every_gate_is_listed_with_value_limit_and_verdict() -> None:
    """Fifteen gates, each with its unit; the one that binds says so."""
    card = full_card(trades=150)
    assert card.approval is not None
    table = next(one for one in part(card, "Gates").blocks if isinstance(one, Table))
    assert len(table.rows) == len(card.approval.gates) == 15
    first = [cell.text for cell in table.rows[1]]
    assert first == [
        "sample_size", "fails (binds)", "150 trades", "\u2265 200 trades", "50 trades", "all",
    ]  # fmt: skip
    assert "between it and PILOT: sample_size (fails, short by 50 trades)" in words(
        part(card, "Gates")
    )


def test_a_score_out_of_reach_is_told() -> None:
    """With a loss for an expectancy no win rate lifts the score to production's."""
    card = full_card()
    assert card.approval is not None
    psych = PsychologyScore(40.0, {**card.approval.psych.components, "expectancy_score": -0.5})
    approval = msgspec.structs.replace(card.approval, psych=psych)
    told = words(part(msgspec.structs.replace(card, approval=approval), "Gates"))
    assert "PRODUCTION cannot be reached at the present sizing" in told
    assert "cannot be reached" not in words(part(card, "Gates"))


def test_the_score_is_told_with_its_range_and_points() -> None:
    """Never as a percentage; the points are those from the neutral 50."""
    told = words(part(full_card(), "Numbers"))
    assert "(possible 35.0-71.3; pilot needs 40, production 60)" in told
    assert "Points from 50: win rate score +" in told


def test_failed_studies_and_caveats_are_told() -> None:
    """What is not known about the data and what could not be studied stand together."""
    told = words(part(empty_card(reason="no candles"), "Limits"))
    assert "backtest failed: no candles" in told
    assert "Quick profile" in told
    assert "modelled & <flat>" in words(part(full_card(), "Data used"))


def test_stages_are_told_with_who_and_why() -> None:
    """Each change of a stage as the journal has it."""
    told = words(part(full_card(), "Stages"))
    assert "2022-06-01 00:00 UTC PILOT config first seen" in told
    assert "PRODUCTION ann it <earned> it" in told


def test_an_unknown_strategy_has_a_chapter_all_the_same() -> None:
    """Every part is there and says n/a with the reason."""
    empty = empty_card(reason="no candles")
    sections = chapter(subject(empty), (), "s", empty.end)
    assert len(sections) == len(chapter(subject(full_card()), (), "s", empty.end))
    assert "n/a: no candles" in words(part(empty_card(reason="no candles"), "Gates"))
