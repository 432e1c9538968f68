"""Do stages follow what nights find: up by a person's hand, down by rule, the story told alike?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.app.running import write_configuration
from tests.engine.floor import VERTICAL, Floor, wish
from tests.evaluation.life import SETTINGS, Life
from tests.evaluation.played import edge, judged, no_edge
from trader.app.configuration import load_configuration
from trader.app.night_past import read_past
from trader.domain.events import NightEvaluated, StageChanged
from trader.domain.units import DAY, SECOND
from trader.engine.ledger import Ledger
from trader.engine.stages import StageSettings
from trader.evaluation.night import OTHERWISE, PaperTrades, conclude, needs_of
from trader.evaluation.strategy_card import Scorecard
from trader.risk.limits import RiskSettings
from trader.storage.journal import Journal
from trader.views.log_lines import log_line
from trader.views.nightly_report import render
from trader.views.stage_story import explain_night, explain_stages
from trader.views.stages import StageView

LOSING = (-0.3,) * 22
DAYS_OF_GOOD_NIGHTS = 61


@pytest.fixture(scope="module")
def good() -> Scorecard:
    """Judge a real edge."""
    return judged(edge)


@pytest.fixture(scope="module")
def faded() -> Scorecard:
    """Judge the same past beside a paper period without the edge."""
    return judged(edge, paper=LOSING)


@pytest.fixture(scope="module")
def lost() -> Scorecard:
    """Judge a past that never had an edge."""
    return judged(no_edge)


def raised(good: Scorecard) -> Life:
    """Let it earn PRODUCTION in the shadow, and a person give it."""
    life = Life()
    life.night(good)
    life.wait(DAYS_OF_GOOD_NIGHTS)
    life.night(good)
    assert life.promote() == []
    assert life.stage == "PRODUCTION"
    return life


def test_only_a_person_raises_it(good: Scorecard) -> None:
    """Good nights alone change nothing; what is missing is said; then the hand of a person."""
    life = Life()
    subject = life.night(good)
    assert (subject.before, subject.after) == ("RESEARCH", "RESEARCH")
    command = '`trader promote alpha --to PRODUCTION --by YOU --reason "..."`'
    assert life.nights[-1].needs == (
        f"alpha has earned PRODUCTION; a person may raise it: {command}",
    )
    assert "1 of 60 days at its present stage" in life.promote()[0]
    assert life.stage == "RESEARCH"
    assert raised(good).floor.audit() == ()


def test_an_edge_gone_from_paper_alone_costs_one_stage_at_once(
    good: Scorecard, faded: Scorecard
) -> None:
    """Four profitable years hide it from every other gate: one step, on the first such night."""
    assert faded.verdict.stage == "PRODUCTION"
    life = raised(good)
    subject = life.night(faded, PaperTrades(multiples=LOSING))
    assert (subject.before, subject.after, life.stage) == ("PRODUCTION", "PILOT", "PILOT")
    assert subject.why.startswith("live_divergence: 22 paper trades average -0.300 R")
    life.night(good)
    assert life.stage == "PILOT", "what it did at its old stage is not held against it again"


def test_an_edge_gone_from_the_whole_history_costs_all_stages(
    good: Scorecard, lost: Scorecard
) -> None:
    """The first such night warns, the second demotes to RESEARCH."""
    life = raised(good)
    first = life.night(lost)
    assert (first.after, first.failing, life.stage) == ("PRODUCTION", 1, "PRODUCTION")
    assert first.why.startswith("night 1 of 2 below PRODUCTION")
    second = life.night(lost)
    assert (second.after, life.stage) == ("RESEARCH", "RESEARCH")
    assert second.demoted
    assert life.floor.audit() == ()


def test_journal_log_explanation_and_report_tell_the_same_story(
    good: Scorecard, faded: Scorecard
) -> None:
    """One reason, word for word, wherever a person looks."""
    life = raised(good)
    subject = life.night(faded, PaperTrades(multiples=LOSING))
    night, records = life.nights[-1], life.floor.records
    step = [one for one in records if one.sequence == life.floor.engine.sequence]
    evaluated, change = (one.fact for one in step)
    assert isinstance(evaluated, NightEvaluated)
    assert isinstance(change, StageChanged)
    reason = f"night of {night.date}: {subject.why}"
    assert (change.stage, change.by, change.reason) == (subject.after, "night", reason)
    _, fields = log_line(step[1])
    assert fields["message"] == f"alpha lives at PILOT now, by night: {reason}"
    assert str(fields["message"]) in explain_stages("alpha", records)
    assert str(fields["message"]) in explain_night(step)
    assert f"alpha falls from PRODUCTION to PILOT: {subject.why}" in night.needs
    report = json.loads(render(night)["report.json"])
    (told,) = report["strategies"]
    assert (told["stage_before"], told["stage_after"], told["why"]) == (
        "PRODUCTION", "PILOT", subject.why,
    )  # fmt: skip


def test_the_way_back_is_traded_in_the_shadow(good: Scorecard) -> None:
    """At RESEARCH it trades on at the account's equity and takes nothing of it; what it closes
    counts as paper; after sixty days and a good night a person may raise it.
    """
    life = Life()
    floor = life.floor
    gate = floor.engine.review.gate_view(wish(VERTICAL))
    account = floor.engine.review.view("main").worth()
    assert gate.account == "shadow:alpha"
    assert gate.equity_usd == pytest.approx(account.equity_usd)
    before = floor.cash()
    for _ in range(2):
        chain = floor.trade(wish(VERTICAL, amount=1.0))
        floor.ask(wish(action="close", chain_id=chain.id), occasion="manage")
        floor.pass_time(SECOND)
    assert floor.cash() == before
    assert floor.engine.review.view("main").slots("alpha", floor.at, 1.0) == ()
    ledger = Ledger()
    view = StageView(ledger)
    for recorded in floor.records:
        ledger.apply(recorded)
        view.apply(recorded)
    assert view.row("alpha", SETTINGS).paper_trades == 2
    life.wait(DAYS_OF_GOOD_NIGHTS)
    life.night(good)
    assert life.promote() == []
    assert life.stage == "PRODUCTION"
    assert floor.audit() == ()


def test_trades_that_really_lost_on_paper_are_what_the_night_compares(
    good: Scorecard, tmp_path: Path
) -> None:
    """Twenty chains opened and closed at a loss, read from the journal as a night reads it: in
    multiples of what each risked they leave the band, and it falls one step.
    """
    risk = RiskSettings(max_new_trades_per_day=50)
    life = Life()
    floor = life.floor = Floor(stages={"alpha": "PRODUCTION"}, risk=risk)
    for _ in range(20):
        chain = floor.trade(wish(VERTICAL, amount=1.0))
        floor.ask(wish(action="close", chain_id=chain.id), occasion="manage")
        floor.pass_time(SECOND)
    configuration = load_configuration([write_configuration(tmp_path, name="alpha")], (), {})
    url = f"sqlite:///{tmp_path}/journal.sqlite"
    with Journal.create_or_open(url, writer=True) as journal:
        journal.append(floor.records)
        paper = read_past(configuration, journal, floor.at + DAY).paper["alpha"]
    assert len(paper.multiples) == 20
    assert all(-1 < one < 0 for one in paper.multiples)
    subject = life.night(judged(edge, paper=paper.multiples), paper)
    assert (subject.before, subject.after, life.stage) == ("PRODUCTION", "PILOT", "PILOT")
    assert subject.why.startswith("live_divergence: 20 paper trades")
    assert good.verdict.live_divergence == ""


def test_paper_that_left_the_band_speaks_against_a_promotion(faded: Scorecard) -> None:
    """In the shadow nothing can fall, but nothing rises either until paper and past agree."""
    life = Life()
    life.wait(DAYS_OF_GOOD_NIGHTS)
    subject = life.night(faded, PaperTrades(multiples=LOSING))
    assert subject.after == "RESEARCH"
    assert life.nights[-1].needs[0].startswith("alpha trades unlike its backtest: 22 paper trades")
    assert "live_divergence: 22 paper trades" in life.promote()[0]
    assert life.promote(override=True) == []


def test_a_night_concludes_what_the_engine_decides(lost: Scorecard) -> None:
    """Floors, other configurations and unknown strategies included, by the same books and rule."""
    floor = Floor(stages={"alpha": "PRODUCTION"})
    held = conclude([lost], floor.engine.ledger, {"alpha": "PILOT"}, SETTINGS, {}, {}, "2026-11-19")
    assert (held[0].after, held[0].failing) == ("PRODUCTION", 1)
    other = Floor(stages={"alpha": "PRODUCTION"}, hashes={"alpha": "v0"}).engine.ledger
    changed = conclude([lost], other, {}, StageSettings(nights_to_demote=1), {}, {}, "2026-11-19")
    assert (changed[0].after, changed[0].why) == ("PRODUCTION", OTHERWISE)
    unknown = conclude([lost], Floor(stages={"beta": "PILOT"}).engine.ledger, {}, SETTINGS, {}, {},
                       "2026-11-19")  # fmt: skip
    assert (unknown[0].before, unknown[0].after) == ("RESEARCH", "RESEARCH")
    assert needs_of(unknown) == ()
