"""Does a crash at any moment lose or double anything? Whole runs on the bundled market."""

from __future__ import annotations

from random import Random

import pytest

from tests.simulation.harness import (
    BALANCES,
    MarketFeed,
    Simulation,
    demo_start,
    ledger_state,
    make_engine,
    recovered,
)
from trader.domain.facts import Filled
from trader.domain.trading import Approved
from trader.domain.units import DAY, HOUR, MINUTE, to_atoms, utc_day
from trader.engine.audit import Audit
from trader.engine.ledger import Ledger
from trader.risk.limits import RiskSettings

SEEDS = (3, 11)
MANY_SEEDS = range(20, 32)


def run(seed: int, hours: int, crashes: int) -> Simulation:
    """Run the demo's strategies on a market, killed at random moments."""
    random = Random(seed)
    feed = MarketFeed(seed, demo_start(20_605 + seed), 10 * 60.0, snapshots=True)
    simulation = Simulation(make_engine, feed)
    simulation.start()
    steps = hours * HOUR // feed.step
    kills = set(random.sample(range(steps), crashes))
    for step in range(steps):
        simulation.step()
        if step in kills:
            feed.at += random.choice((0, MINUTE, HOUR))
            simulation.crash()
    return simulation


def assert_sound(simulation: Simulation, seed: int) -> None:
    """Audit the facts, compare the fold with the living ledger, count slots once more."""
    print(f"seed {seed}: {len(simulation.records)} facts, {simulation.epoch} epochs")
    assert Audit(RiskSettings()).read(simulation.records) == ()
    assert ledger_state(recovered(simulation.records)) == ledger_state(simulation.engine.ledger)
    opened = {one.fact.chain_id for one in simulation.records if isinstance(one.fact, Filled)}
    a_day: dict[tuple[str, str, int], set[str]] = {}
    for recorded in simulation.records:
        fact = recorded.fact
        if isinstance(fact, Approved) and fact.intent.action == "open" and fact.chain_id in opened:
            key = (fact.account, fact.intent.strategy, utc_day(recorded.at))
            a_day.setdefault(key, set()).add(fact.chain_id)
    assert all(len(chains) <= 2 for chains in a_day.values())
    assert opened, "a run that opens nothing shows nothing"


@pytest.mark.parametrize("seed", SEEDS)
def test_random_crashes_lose_and_double_nothing(seed: int) -> None:
    """Five kills in thirty hours, some with an hour of sleep: audit clean, limits held."""
    assert_sound(run(seed, 30, crashes=5), seed)


@pytest.mark.long
@pytest.mark.parametrize("seed", MANY_SEEDS)
def test_many_crashes_lose_and_double_nothing(seed: int) -> None:
    """Fifty kills in a week, over a dozen markets."""
    assert_sound(run(seed, 7 * 24, crashes=50), seed)


def test_a_crash_after_any_fact_recovers_what_the_uninterrupted_run_had() -> None:
    """Folding the first k facts, through JSON, gives the very ledger the run had after them."""
    simulation = Simulation(make_engine, MarketFeed(5, demo_start(), 10 * 60.0, snapshots=True))
    states: list[tuple[int, dict[str, object]]] = []
    simulation.check = lambda sim, _: states.append(
        (len(sim.records), ledger_state(sim.engine.ledger))
    )
    simulation.start()
    simulation.run(16 * HOUR)
    assert len(states) > 30
    growing = Ledger()
    done = 0
    for count, state in states:
        for recorded in simulation.records[done:count]:
            growing.apply(recorded)
        done = count
        assert ledger_state(growing) == state
    for count, state in states[:: max(len(states) // 12, 1)]:
        assert ledger_state(recovered(simulation.records[:count])) == state


def test_a_market_of_another_start_keeps_the_opening_balances() -> None:
    """Sanity of the harness: the books open with the configured coins, to the atom."""
    simulation = Simulation(make_engine, MarketFeed(6, demo_start() + DAY, 600.0, snapshots=True))
    simulation.start()
    assert simulation.engine.ledger.account("main").cash == {
        currency: to_atoms(amount) for currency, amount in sorted(BALANCES.items())
    }
