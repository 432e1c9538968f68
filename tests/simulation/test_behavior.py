"""Does a trader who tilts get less, then nothing, then back what is his? On the bundled market."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import pytest

from tests.simulation.harness import (
    BALANCES,
    MarketFeed,
    Simulation,
    demo_start,
    ledger_state,
    recovered,
)
from tests.simulation.tilted import CALM_FROM, HURRIED_FROM, HURRIED_TO, Tilted, TiltedSettings
from trader.domain.facts import BehaviorJudged, ChainEnded, EpochOpened
from trader.domain.trading import Approved, Refused
from trader.domain.units import DAY, HOUR, MINUTE
from trader.engine.audit import Audit
from trader.engine.engine import Engine, EngineSettings
from trader.engine.paper_broker import BrokerSettings
from trader.engine.review import Slot
from trader.risk.limits import RiskSettings
from trader.strategies.strategy import Cadence
from trader.views.decisions import explain
from trader.views.stage_story import explain_stages

if TYPE_CHECKING:
    from trader.domain.facts import Recorded
    from trader.domain.trading import Verdict

RISK = RiskSettings(max_new_trades_per_day=20, max_open_positions_per_strategy=20)
HOURS = 23
KILLS = (65 * MINUTE, 150 * MINUTE, 13 * HOUR)
"""Between the first loss and the second, while it is paused, and while it grows back."""


def make_engine() -> Engine:
    """Make an engine of the planted strategy."""
    timetable = Cadence(every=10 * MINUTE, offset=0, manage_every=5 * MINUTE)
    tilted = Tilted(name="tilted", underlying="BTC", settings=TiltedSettings(), timetable=timetable)
    return Engine(
        (Slot(tilted, "v1", "PRODUCTION", "PILOT"),), RISK, BrokerSettings(), EngineSettings()
    )


@functools.cache
def lived(kills: tuple[int, ...] = ()) -> Simulation:
    """Run a day and a night of it, killed at the given times after the start."""
    simulation = Simulation(make_engine, MarketFeed(1, demo_start(), 150.0, snapshots=True))
    simulation.record_inputs = True
    simulation.start()
    start, waiting = simulation.feed.at, list(kills)
    while simulation.feed.at < start + HOURS * HOUR:
        simulation.step()
        if waiting and simulation.feed.at >= start + waiting[0]:
            waiting.pop(0)
            simulation.crash()
    return simulation


def opens(simulation: Simulation) -> list[tuple[Recorded, Verdict]]:
    """List what the gate said to the planted strategy's wishes to open."""
    return [
        (one, one.fact)
        for one in simulation.records
        if isinstance(one.fact, Approved | Refused)
        and one.fact.intent.action == "open"
        and one.fact.intent.strategy == "tilted"
    ]


def granted(simulation: Simulation, begin: int, end: int) -> list[tuple[float, float]]:
    """List (amount, multiplier) of what was approved between two times of day."""
    return [
        (verdict.amount, verdict.restraint.multiplier)
        for recorded, verdict in opens(simulation)
        if isinstance(verdict, Approved)
        and verdict.restraint is not None
        and begin <= recorded.at % DAY < end
    ]


def test_it_is_shrunk_by_a_streak_then_paused_by_its_revenge() -> None:
    """Three calm losses halve it, the large and hurried fourth costs the rest of the day."""
    simulation = lived()
    assert all(
        one.fact.pnl_pct < 0
        for one in simulation.records
        if isinstance(one.fact, ChainEnded) and one.at % DAY >= CALM_FROM
    )
    calm = granted(simulation, CALM_FROM, HURRIED_FROM)
    assert set(calm) == {(0.4, 1.0)}
    (hurried,) = granted(simulation, HURRIED_FROM, HURRIED_TO)
    amount, multiplier = hurried
    assert multiplier == pytest.approx(0.25, abs=0.01), "its own streak and the account's"
    assert amount == pytest.approx(1.6 * multiplier, abs=0.1)
    refused = [one for _, one in opens(simulation) if isinstance(one, Refused)]
    assert {one.rule for one in refused} == {"paused_by_behavior"}
    assert len(refused) >= 3
    found = [
        (alert.type, fact.strategy)
        for fact in (one.fact for one in simulation.records)
        if isinstance(fact, BehaviorJudged)
        for alert in fact.alerts
        if alert.fresh
    ]
    assert found[:2] == [("LOSS_STREAK", "tilted"), ("LOSS_STREAK", None)]
    assert ("REVENGE_TRADING", "tilted") in found
    assert ("REVENGE_TRADING", None) not in found


def test_it_grows_back_by_half_lives_after_midnight() -> None:
    """At 06:00, 12:00 and 16:00 it is granted more and more of the same wish, by the rule."""
    sizes = granted(lived(), 0, CALM_FROM)
    assert [amount for amount, _ in sizes] == sorted(amount for amount, _ in sizes)
    (early, late) = (multiplier for _, multiplier in (sizes[0], sizes[-1]))
    assert 0.2 < early < late < 1.0


def test_the_story_is_told_to_whoever_asks() -> None:
    """`trader explain` of the refusal and of the strategy name alert, multiplier and remedy."""
    simulation = lived()
    recorded, refusal = next(one for one in opens(simulation) if isinstance(one[1], Refused))
    told = explain(refusal, recorded.at, speed=300.0)
    for part in (
        "paused_by_behavior", "REVENGE_TRADING", "trader resume tilted", "new risk x 0.0",
        "LOSS_STREAK", "2026-06-02T00:00:00Z",
    ):  # fmt: skip
        assert part in told
    story = explain_stages("tilted", simulation.records)
    assert story.index("LOSS_STREAK") < story.index("REVENGE_TRADING")
    assert "opens nothing until 2026-06-02T00:00:00Z" in story


def test_kills_change_no_multiplier_and_the_audit_is_clean() -> None:
    """Folded and uninterrupted ledgers agree, tapes included; killed runs grant the same sizes."""
    whole, killed = lived(), lived(KILLS)
    for simulation in (whole, killed):
        assert Audit(RISK).read(simulation.records) == ()
        assert ledger_state(recovered(simulation.records)) == ledger_state(simulation.engine.ledger)
    assert killed.epoch == 1 + len(KILLS)
    one, other = (
        [multiplier for _, multiplier in granted(simulation, 0, CALM_FROM)]
        for simulation in (whole, killed)
    )
    assert one == pytest.approx(other, abs=0.02)


def test_a_replay_of_the_inputs_decides_the_same_again() -> None:
    """A fresh engine that takes the recorded inputs writes the very same facts."""
    simulation = lived()
    opening = simulation.records[0]
    assert isinstance(opening.fact, EpochOpened)
    again = make_engine()
    replayed = list(again.start(opening.fact, BALANCES, opening.at).records)
    for stamped in simulation.inputs:
        replayed += again.process(stamped).records
    assert replayed == simulation.records
