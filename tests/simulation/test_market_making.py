"""Are sessions of quotes one trade each, whatever the market and whoever kills the daemon?"""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.floor import CALL_LATER, Floor
from tests.engine.test_quoting import inventory, opened, quote, terms
from tests.simulation.harness import MarketFeed, Simulation, demo_start, ledger_state, recovered
from tests.simulation.processes import DaemonProcess, ExchangeProcess, run, wait_for
from tests.simulation.test_recovery import assert_sound
from tests.source import ROOT
from trader.domain.facts import ChainEnded, Filled, FillFollowed, SessionOpened
from trader.domain.units import HOUR, MINUTE, SECOND
from trader.engine.engine import Engine, EngineSettings
from trader.engine.ledger import Ledger
from trader.engine.paper_broker import BrokerSettings
from trader.engine.review import Slot
from trader.risk.limits import RiskSettings
from trader.storage.journal import Journal
from trader.strategies.market_making import MarketMaking
from trader.strategies.strategy import StrategyFile, build

if TYPE_CHECKING:
    from pathlib import Path

    from trader.domain.facts import Recorded
    from trader.engine.outcome import Outcome

FILE = ROOT / "config" / "families" / "strategies" / "market_making_btc.toml"


def make_engine() -> Engine:
    """Make an engine of the family's own configuration, at full size, that knows nothing yet."""
    told = tomllib.loads(FILE.read_text(encoding="utf-8"))
    told["parameters"]["width_share"] = 0.1
    file = StrategyFile.model_validate(told)
    slot = Slot(build(MarketMaking, file), "v1", "PRODUCTION", "PILOT")
    return Engine([slot], RiskSettings(), BrokerSettings(), EngineSettings())


def within_the_most(simulation: Simulation, _: Outcome) -> None:
    """Check after every step: no session holds more than it may, none risks more than it said."""
    for chain in simulation.engine.ledger.chains.values():
        session = terms(chain)
        held = chain.legs.get(session.instrument.name)
        assert chain.units == pytest.approx(abs(held.amount) if held is not None else 0.0)
        assert chain.units <= session.inventory_max + 1e-9
        assert chain.risk_usd > 0


def live(seed: int, hours: int, kills: tuple[int, ...] = ()) -> Simulation:
    """Quote a bundled market, a look every two minutes; killed after some of them."""
    feed = MarketFeed(seed, demo_start(hour=0), 2 * 60.0, snapshots=True)
    simulation = Simulation(make_engine, feed)
    simulation.check = within_the_most
    simulation.start()
    for step in range(hours * HOUR // feed.step):
        simulation.step()
        if step in kills:
            simulation.crash()
    return simulation


def test_sessions_open_fill_end_and_are_followed() -> None:
    """Through a day of the bundled market: fills on both sides, one result a session that filled,
    every fill looked at, and the audit clean, five kills or not.
    """
    simulation = live(4, 22, kills=(60, 130, 200, 380, 500))
    assert_sound(simulation, 4)
    facts = [one.fact for one in simulation.records]
    sessions = [one.chain_id for one in facts if isinstance(one, SessionOpened)]
    fills = [one for one in facts if isinstance(one, Filled)]
    sides = {leg.amount > 0 for one in fills for leg in one.legs}
    assert sides == {True, False}
    filled = {one.chain_id for one in fills}
    ended = [one.chain_id for one in facts if isinstance(one, ChainEnded)]
    assert set(ended) <= filled <= set(sessions)
    assert len(ended) == len(set(ended)) >= 2
    seen = [one.fill_id for one in facts if isinstance(one, FillFollowed)]
    waiting = simulation.engine.ledger.making.unfollowed
    assert len(seen) == len(set(seen)) > 3
    assert simulation.engine.ledger.making.tallies["market_making_btc"].fills == (
        len(seen) + len(waiting)
    )


def test_a_crash_after_any_fact_recovers_what_the_uninterrupted_run_had() -> None:
    """Folding the first k facts, through JSON, gives the very ledger the run had after them."""
    simulation = Simulation(
        make_engine, MarketFeed(6, demo_start(hour=0), 2 * 60.0, snapshots=True)
    )
    states: list[tuple[int, dict[str, object]]] = []
    simulation.check = lambda sim, _: states.append(
        (len(sim.records), ledger_state(sim.engine.ledger))
    )
    simulation.start()
    simulation.run(8 * HOUR)
    assert any(isinstance(one.fact, Filled) for one in simulation.records)
    growing, done = Ledger(), 0
    for count, state in states:
        for recorded in simulation.records[done:count]:
            growing.apply(recorded)
        done = count
        assert ledger_state(growing) == state


MOVES = st.tuples(
    st.floats(-0.04, 0.04),  # the market
    st.integers(-3, 3),  # ticks around the touch: some quotes would take
    st.floats(0.1, 3.0),  # of each quote
    st.booleans(),  # killed afterwards
)


@settings(max_examples=25, deadline=None)
@given(moves=st.lists(MOVES, min_size=3, max_size=8))
def test_no_market_and_no_wish_moves_inventory_beyond_the_most(
    moves: list[tuple[float, int, float, bool]],
) -> None:
    """Any quotes, any moves, any kills: inventory and risk stay within what was approved, the slot
    stays taken, cash is conserved, and what is recovered is what was lost.
    """
    floor = Floor()
    chain_id = opened(floor).id
    for move, ticks, amount, killed in moves:
        bid, ask = floor.touch(CALL_LATER)
        wishes = [(1, bid + ticks * 0.0005), (-1, ask - ticks * 0.0005)]
        floor.ask(
            *(quote(chain_id, one, at, amount) for one, at in wishes if at > 0), occasion="manage"
        )
        floor.pass_time(SECOND)
        floor.move(floor.spot["BTC"] * (1 + move))
        if killed:
            before = ledger_state(floor.engine.ledger)
            assert ledger_state(recovered(floor.records)) == before
            floor.restart()
        if chain_id not in floor.engine.ledger.chains:
            break
        chain = floor.engine.ledger.chain(chain_id)
        assert abs(inventory(chain)) <= terms(chain).inventory_max + 1e-9
        slots = floor.engine.ledger.slots_used("main", "alpha", floor.at)
        assert slots == (chain_id,)
    for _ in range(12):
        floor.pass_time(MINUTE)
    assert floor.audit() == ()


def journal_of(state: Path) -> list[Recorded]:
    """Read what a daemon journaled."""
    with Journal.create_or_open(f"sqlite:///{state / 'journal.sqlite'}", writer=False) as journal:
        return [stored.recorded for stored in journal.read()]


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_killed_daemon_goes_on_with_the_same_session(tmp_path: Path) -> None:
    """Real processes: killed while quotes rest and inventory is held, the session is the same
    trade afterwards, its slot stays taken, and the journal verifies.
    """
    folder = tmp_path / "strategies"
    folder.mkdir()
    text = FILE.read_text(encoding="utf-8").replace("width_share = 0.6", "width_share = 0.0")
    text = text.replace("hours = 6\noffset_minutes = 60", "minutes = 30")
    (folder / FILE.name).write_text(text, encoding="utf-8")
    path = tmp_path / "trader.toml"
    path.write_text(
        'stage_floor = "PILOT"\n[feed]\nsource = "simulated"\nexpiries_within_days = 8\n'
        '[journal]\nstate_dir = "state"\n[log]\nformat = "json"\nlevel = "debug"\n'
        "[web]\nport = 0\n",
        encoding="utf-8",
    )
    exchange = ExchangeProcess(tmp_path, seed=3, speed=600.0)
    exchange.start()
    daemon = DaemonProcess(path, exchange.url)
    try:
        daemon.start()
        daemon.ready()

        def holds() -> bool:
            ledger = recovered(journal_of(daemon.state))
            return any(not one.flat and one.quotes for one in ledger.chains.values())

        wait_for(holds, 120, "a session that holds something")
        daemon.kill()
        before = recovered(journal_of(daemon.state))
        (chain,) = before.chains.values()
        daemon.start()
        daemon.ready()
        daemon.wait_line("order.placed", 30, action="quote", chain_id=chain.id)
        daemon.kill()
        records = journal_of(daemon.state)
        openings = [one.fact for one in records if isinstance(one.fact, SessionOpened)]
        assert openings[-1].chain_id == chain.id
        assert chain.id in recovered(records).slots_used("main", chain.strategy, records[-1].at)
        verified = run("verify", "--state", daemon.state)
        assert verified.returncode == 0, verified.stdout + verified.stderr
    finally:
        daemon.end()
        exchange.end()
