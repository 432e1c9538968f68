"""Does a strategy rise by merit and a person's hand, and fall when its edge is gone? End to end.

Nothing is played here: a built-in strategy, backtests of four years through the engine that trades,
every gate, weeks on paper, the journal, and what people read of it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.app.running import within
from tests.simulation.edge import LARGE, SMALL, Once, Paper, configured, judge, market
from trader.domain.events import NightEvaluated, StageChanged
from trader.evaluation.divergence import TRADES_MIN
from trader.views.log_lines import log_line
from trader.views.nightly_report import TEXT, first_screen, render

if TYPE_CHECKING:
    from pathlib import Path

    from trader.app.configuration import Configuration
    from trader.backtest.market import Market
    from trader.domain.facts import Recorded
    from trader.evaluation.night import Night
    from trader.evaluation.strategy_card import Scorecard

CAPSYS = pytest.CaptureFixture[str]
pytestmark = [pytest.mark.long, pytest.mark.timeout(1_800)]


@pytest.fixture(scope="module")
def seen() -> Market:
    """Four years with the edge, then a paper period that loses it half-way."""
    return market(SMALL, LARGE)


@pytest.fixture(scope="module")
def once() -> Once:
    """The runs of this module, each made once."""
    return Once()


@pytest.fixture(scope="module")
def good(seen: Market, once: Once, tmp_path_factory: pytest.TempPathFactory) -> Scorecard:
    """Judge the four years with the edge."""
    return judge(configured(tmp_path_factory.mktemp("good")), seen, once)


def test_an_edge_rises_by_hand_and_falls_one_step_when_paper_loses_it(
    seen: Market, once: Once, good: Scorecard, tmp_path: Path, capsys: CAPSYS
) -> None:
    """PRODUCTION on every gate, yet a person must give it; 20 trades without the edge take it."""
    assert (good.verdict.stage, good.verdict.standing) == ("PRODUCTION", "judged"), good.verdict
    assert good.failures == ()
    assert good.trades > 1_000
    assert all(row.covered for row in good.phases)
    configuration = configured(tmp_path)
    live = Paper(configuration)
    live.trade(seen, 1)
    night, subject, _ = live.night(good)
    assert (subject.after, live.stage) == ("RESEARCH", "RESEARCH")
    assert "alpha has earned PRODUCTION; a person may raise it" in night.needs[0]
    assert "only 1 of 60 days" in live.promote()[0]
    live.trade(seen, 60)
    live.night(good)
    assert live.promote() == []
    assert live.stage == "PRODUCTION"
    live.trade(seen, 14)
    assert len(live.paper()) < TRADES_MIN
    _, subject, _ = live.night(judge(configuration, seen, once, live.paper()))
    assert (subject.after, live.stage) == ("PRODUCTION", "PRODUCTION"), "too early to tell"
    live.trade(seen, 12)
    paper = live.paper()
    assert len(paper) >= TRADES_MIN
    faded = judge(configuration, seen, once, paper)
    assert faded.verdict.stage == "PRODUCTION", "four good years hide it from every gate"
    night, subject, outcome = live.night(faded)
    assert (subject.before, subject.after, live.stage) == ("PRODUCTION", "PILOT", "PILOT")
    assert subject.why.startswith(f"live_divergence: {len(paper)} paper trades average -")
    live.past()
    tells_one_story(night, outcome.records, configuration, capsys)


def test_an_edge_that_never_was_costs_every_stage(
    once: Once, good: Scorecard, tmp_path: Path, capsys: CAPSYS
) -> None:
    """The same strategy where the whole past lacks the edge: the second such night, RESEARCH."""
    assert good.verdict.stage == "PRODUCTION", "it is the market that differs"
    configuration = configured(tmp_path)
    barren = market(LARGE, LARGE)
    lost = judge(configuration, barren, once)
    assert (lost.verdict.stage, lost.verdict.demote_to) == ("RESEARCH", "RESEARCH"), lost.verdict
    live = Paper(configuration)
    live.trade(barren, 1)
    live.night(lost)
    assert "the night of" in live.promote()[0] or "only 1 of 60 days" in live.promote()[0]
    assert live.promote(override=True) == []
    live.trade(barren, 1)
    _, subject, _ = live.night(lost)
    assert (subject.failing, live.stage) == (1, "PRODUCTION")
    assert subject.why.startswith("night 1 of 2 below PRODUCTION")
    live.trade(barren, 1)
    night, subject, outcome = live.night(lost)
    assert (subject.before, subject.after, live.stage) == ("PRODUCTION", "RESEARCH", "RESEARCH")
    live.past()
    tells_one_story(night, outcome.records, configuration, capsys)


def tells_one_story(
    night: Night, step: tuple[Recorded, ...], configuration: Configuration, capsys: CAPSYS
) -> None:
    """Journal, log, `trader explain`, `trader strategies` and the report give one reason."""
    (subject,) = night.subjects
    (evaluated,) = (one.fact for one in step if isinstance(one.fact, NightEvaluated))
    assert evaluated == night.decisions
    (change,) = (one for one in step if isinstance(one.fact, StageChanged))
    assert isinstance(change.fact, StageChanged)
    reason = f"night of {night.date}: {subject.why}"
    moved = (change.fact.stage, change.fact.by, change.fact.reason)
    assert moved == (subject.after, "night", reason)
    line = f"alpha lives at {subject.after} now, by night: {reason}"
    assert log_line(change)[1]["message"] == line
    where = ("--config", configuration.state_dir.parent / "trader.toml")
    of_night, of_strategy = (
        within("explain", what, *where, capsys=capsys).stdout for what in (night.date, "alpha")
    )
    assert line in of_night
    assert line in of_strategy
    assert "ana asked to promote alpha to PRODUCTION: four good years" in of_strategy
    row = json.loads(within("strategies", "--json", *where, capsys=capsys).stdout)[0]
    assert (row["stage"], row["by"], row["reason"]) == (subject.after, "night", reason)
    assert within("verify", *where, capsys=capsys).returncode == 0
    files = render(night)
    (report,) = json.loads(files["report.json"])["strategies"]
    assert (report["stage_before"], report["stage_after"], report["why"]) == (
        "PRODUCTION", subject.after, subject.why
    )  # fmt: skip
    assert f"alpha: PRODUCTION \u2192 {subject.after}." in first_screen(files[TEXT])
    assert f"alpha falls from PRODUCTION to {subject.after}" in night.needs[0]
