"""Is every study told, with its answer, its numbers and its gaps?"""

from __future__ import annotations

import msgspec
import pytest

from tests.views.nights import empty_card, full_card, subject
from tests.views.test_figures import texts
from tests.views.test_report_luck import figures
from tests.views.test_report_strategy import words
from trader.evaluation.night import PaperTrades
from trader.evaluation.strategy_card import FailedStudy, Scorecard
from trader.views.blocks import Section
from trader.views.report_studies import studies


def part(card: Scorecard, title: str, paper: tuple[float, ...] = ()) -> Section:
    """Write one part."""
    one = msgspec.structs.replace(subject(card), paper=PaperTrades(multiples=paper))
    return next(found for found in studies(one) if found.title.startswith(title))


def test_folds_are_bars_and_rows() -> None:
    """Both windows are drawn; each fold says what it chose and earned."""
    section = part(full_card(), "Walk-forward")
    assert len(figures(section)) == 2
    assert "Passes: the choice of the past earned" in words(section)
    assert "target_delta 0.25 +5.00 % -1.00 % 40" in words(section)


def test_the_grid_is_a_map_with_its_table() -> None:
    """Nine cells; what trades and what is best are marked."""
    section = part(full_card(), "Sensitivity")
    assert "0.25 2 +10.00 %" in words(section)
    assert "configured, best neighborhood" in words(section)
    assert "framed: configured \u00b7 \u2605: best neighborhood" in texts(figures(section)[0])


def test_phases_and_stresses_show_gaps() -> None:
    """A phase without a trade and a stress without one are n/a, not zero."""
    assert "bear 500 90 n/a n/a too little" in words(part(full_card(), "Phases"))
    told = words(part(full_card(), "Stress"))
    assert "orders live later 0 n/a n/a" in told
    assert "Break-even cost: 4.1 times today's fees." in told


def test_what_loses_before_fees_has_no_break_even_cost() -> None:
    """A negative number of fees is none."""
    card = full_card()
    assert card.stress is not None
    losing = msgspec.structs.replace(card.stress, break_even_fees=-6.7)
    told = words(part(msgspec.structs.replace(card, stress=losing), "Stress"))
    assert "Break-even cost: none, it loses before fees." in told


def test_paper_is_drawn_against_the_band() -> None:
    """From twenty trades on the band is drawn; a path below it is told as diverged."""
    losses = (-1.0,) * 25
    section = part(full_card(paper=losses), "Paper", losses)
    assert "1 % band" in texts(figures(section)[0])
    assert "outside the 1% band" in words(section)
    early = part(full_card(), "Paper", (0.5,))
    assert "too early to tell" in words(early)


def test_refusals_are_counted_by_rule() -> None:
    """The most frequent first, with its share."""
    lines = words(part(full_card(), "Refusals")).splitlines()
    assert lines == ["daily_cap 12 80.0 %", "max_risk_per_trade 3 20.0 %"]


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Walk-forward", "walk-forward"),
        ("Sensitivity", "sensitivity"),
        ("Phases", "phases"),
        ("Stress", "stress"),
        ("Look-ahead", "look-ahead"),
        ("Paper", "paper against backtest"),
    ],
)
def test_a_failed_study_says_why(title: str, name: str) -> None:
    """The part is there with the reason of the failure."""
    card = msgspec.structs.replace(empty_card(), failures=(FailedStudy(name, "out of luck"),))
    assert words(part(card, title)) == "n/a: out of luck"
