"""Are paths, limits and luck told with their uncertainty?"""

from __future__ import annotations

import msgspec

from tests.views.nights import empty_card, full_card
from tests.views.test_figures import texts
from tests.views.test_report_strategy import words
from trader.evaluation.sample_size import SizedStage, stages_by_size
from trader.evaluation.strategy_card import Scorecard
from trader.views.blocks import Figure, Section
from trader.views.report_luck import luck


def part(card: Scorecard, title: str, sizes: tuple[SizedStage, ...] = ()) -> Section:
    """Write one part."""
    return next(one for one in luck(card, sizes) if one.title.startswith(title))


def figures(section: Section) -> list[str]:
    """List the figures of a part."""
    return [block.svg for block in section.blocks if isinstance(block, Figure)]


def test_the_backtest_lies_over_its_fan() -> None:
    """Path, median and both bands are in one figure; drawdown and calendar have their own."""
    equity, drawdown, calendar = figures(part(full_card(), "Equity"))
    assert {"backtest", "median path", "5 to 95 %", "25 to 75 %"} <= set(texts(equity))
    assert "below the last peak" in texts(drawdown)
    assert "trading" in texts(calendar)


def test_distributions_carry_their_limits() -> None:
    """The limits of both stages are on both figures, near or named at the edge."""
    depth, runs = figures(part(full_card(), "Simulated"))
    assert any("pilot 35 %" in text for text in texts(depth))
    assert any("production 6" in text for text in texts(runs))


def test_breaches_stand_beside_the_exact_law() -> None:
    """Simulated frequencies have intervals, and the law of losing runs is told."""
    told = words(part(full_card(), "Simulated"))
    assert "losing run: pilot 8" in told
    assert "By the exact law of independent trades" in told
    assert "with even odds at 6 with" in told
    assert "ruin (all lost) 0.00 % (0.00 to" in told


def test_a_stage_that_hangs_on_n_is_told() -> None:
    """Yes with the sizes at which it differs, or no."""
    card = full_card()
    sizes = stages_by_size(card)
    same = tuple(msgspec.structs.replace(one, stage="PILOT") for one in sizes)
    assert "no, PILOT at every size" in words(part(card, "Does the stage", same))
    other = (*same[:-1], msgspec.structs.replace(same[-1], stage="PRODUCTION"))
    told = words(part(card, "Does the stage", other))
    assert "Would the stage differ? PRODUCTION at N=500, 200 trades each" in told
    assert "N=500, 290 trades each (decides)" in told


def test_overfitting_is_told_where_it_is_defined() -> None:
    """A statistic without a value is n/a; the trials are counted."""
    told = words(part(full_card(), "Overfitting"))
    assert "deflated Sharpe (DSR) n/a" in told
    assert "trials 9" in told


def test_nothing_known_nothing_drawn() -> None:
    """Each part of an unknown strategy is one sentence."""
    for section in luck(empty_card(), ()):
        assert words(section).startswith("n/a")
        assert not figures(section)
