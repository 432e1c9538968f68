"""Can a stranger read where the account stands, in wall seconds and with the right numbers?

The bundled market and the real engine in virtual time: one hour of the demo, a position and orders.
"""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from tests.app.running import ROOT
from tests.builders import NOW
from tests.engine.test_conduct import judgment
from tests.simulation.harness import MarketFeed, Simulation
from trader.app.assemble import build_engine
from trader.app.configuration import load_configuration
from trader.app.market_clock import MarketClock
from trader.app.status_line import status_line
from trader.domain.events import PauseTrading, ResumeTrading
from trader.domain.facts import (
    MAIN_ACCOUNT,
    AccountOpened,
    EpochOpened,
    HaltChanged,
    Recorded,
    SettlementPending,
)
from trader.domain.units import DAY, HOUR, MINUTE
from trader.engine.engine import Engine

START = 20_605 * DAY + 19 * HOUR + 50 * MINUTE


def make_engine() -> Engine:
    """Build the demo's engine."""
    return build_engine(load_configuration([ROOT / Path("config/demo.toml")], environment={}))


@pytest.fixture(scope="module")
def traded() -> Simulation:
    """An hour of trading at 300x."""
    simulation = Simulation(make_engine, MarketFeed(1, START, 300.0))
    simulation.start()
    simulation.run(HOUR)
    return simulation


def clock_of(simulation: Simulation, speed: float = 300.0) -> MarketClock:
    """Follow the simulation's time; it stands exactly there."""
    clock = MarketClock(wall=False)
    clock.anchor(simulation.feed.at, speed)
    return clock


def said(
    engine: Engine,
    clock: MarketClock,
    *,
    feed_alive: bool = True,
    share_max: float = 0.03,
    nights: bool = True,
    night: str = "",
) -> str:
    """Read the sentence."""
    line = status_line(
        engine, clock, feed_alive=feed_alive, risk_share_max=share_max, nights=nights, night=night
    )
    return str(line["message"])


def test_every_number_is_the_accounts(traded: Simulation) -> None:
    """Trading's own result, equity, risk per underlying against its budget, positions, orders."""
    engine = traded.engine
    view = engine.review.view(MAIN_ACCOUNT)
    worth = view.worth()
    fields = status_line(engine, clock_of(traded), feed_alive=True, risk_share_max=0.03)
    text = str(fields["message"])
    assert f"trading {worth.trading_pnl_usd:+,.0f} USD against holding" in text
    assert f"equity {worth.equity_usd:,.0f} USD" in text
    assert fields["trading_pnl_usd"] == round(worth.trading_pnl_usd, 2)
    assert fields["equity_usd"] == round(worth.equity_usd, 2)
    shares = {one.underlying: 0.0 for one in view.consumers(worth.equity_usd)}
    assert shares
    for one in view.consumers(worth.equity_usd):
        shares[one.underlying] += one.share
    budgets = ", ".join(f"{name} {share:.1%} of 3.0%" for name, share in sorted(shares.items()))
    assert f"risk in use {budgets}" in text
    chains = [chain for chain in engine.ledger.chains_of(MAIN_ACCOUNT) if not chain.flat]
    assert chains
    orders = [book for book in engine.ledger.orders.values() if book.order.account == MAIN_ACCOUNT]
    assert f"{len(chains)} open, {len(orders)} orders working" in text
    assert "FEED LOST" not in text


@pytest.mark.parametrize(
    ("speed", "decision", "expiry", "night"),
    [
        (300.0, r"in [12] s", r"in 2 min 1[34] s", r"in 4\d s"),
        (1.0, r"in (9 min 59 s|10 min)", r"in 11 h \d+ min", r"in 3 h \d+ min"),
    ],
)
def test_waits_are_what_a_person_waits(
    traded: Simulation, speed: float, decision: str, expiry: str, night: str
) -> None:
    """At 300x ten market minutes are two seconds; at 1x they are ten minutes."""
    text = said(traded.engine, clock_of(traded, speed))
    assert re.search(rf"directional_btc decides {decision};", text), text
    assert re.search(rf"next expiry {expiry};", text), text
    assert re.search(rf"next night {night}$", text), text


def test_the_night_under_way_is_named(traded: Simulation) -> None:
    """Its date in place of the next one; where nobody starts nights none is promised."""
    clock = clock_of(traded)
    text = said(traded.engine, clock, night="2026-06-01")
    assert text.endswith("; the night of 2026-06-01 is under way")
    assert "night" not in said(traded.engine, clock, nights=False)


def test_a_lost_feed_comes_first_and_promises_nothing(traded: Simulation) -> None:
    """While the market's time stands still no wait is told."""
    clock = clock_of(traded)
    clock.freeze()
    text = said(traded.engine, clock, feed_alive=False)
    assert text.startswith("FEED LOST; ")
    assert text.endswith("; the market's clock stands still")
    assert "decides in" not in text


def test_what_holdings_do_is_no_result_of_trading() -> None:
    """A coin account whose coins rise and that never traded has earned nothing."""
    simulation = Simulation(make_engine, MarketFeed(1, START, 3_600.0))
    simulation.start()
    before = said(simulation.engine, clock_of(simulation))
    assert before.startswith("no value yet: waiting for the first prices; 0 open")
    simulation.send(PauseTrading(by="ana", reason="test"))
    simulation.step()
    first = simulation.engine.review.view(MAIN_ACCOUNT).worth().equity_usd
    simulation.run(6 * HOUR)
    later = simulation.engine.review.view(MAIN_ACCOUNT).worth().equity_usd
    assert abs(later - first) > 100
    text = said(simulation.engine, clock_of(simulation))
    assert text.startswith(f"trading 0.00 USD against holding; equity {later:,.0f} USD")
    assert "risk in use none; 0 open, 0 orders working; opening paused: everything" in text


def test_pauses_and_halts_are_named() -> None:
    """One paused strategy, then everything, then nothing; a halt with its rule."""
    simulation = Simulation(make_engine, MarketFeed(1, START, 60.0))
    simulation.start()
    engine = simulation.engine
    simulation.send(PauseTrading(by="ana", reason="test", strategy="covered_call_btc"))
    assert "opening paused: covered_call_btc" in said(engine, clock_of(simulation))
    simulation.send(PauseTrading(by="ana", reason="test"))
    assert "opening paused: everything" in said(engine, clock_of(simulation))
    simulation.send(ResumeTrading(by="ana", reason="test"))
    assert "paused" not in said(engine, clock_of(simulation))
    halt = HaltChanged(
        account=MAIN_ACCOUNT, rule="daily_loss_halt", active=True, limit=0.03, used=0.04, detail=""
    )
    engine.ledger.apply(Recorded(engine.sequence, simulation.feed.at, halt))
    assert "opening halted: daily_loss_halt" in said(engine, clock_of(simulation))


def test_who_is_held_back_is_named() -> None:
    """A strategy that is paused by an alert, and the account with what is left of its risk."""
    simulation = Simulation(make_engine, MarketFeed(1, START, 60.0))
    simulation.start()
    engine, at = simulation.engine, simulation.feed.at
    assert "held back" not in said(engine, clock_of(simulation))
    for judged in (judgment(None), judgment("covered_call_btc", paused_until=at + DAY)):
        engine.ledger.apply(Recorded(engine.sequence, at, judged))
    assert "held back by behavior: the account x 0.3, covered_call_btc paused" in said(
        engine, clock_of(simulation)
    )


def test_what_waits_for_its_delivery_price_is_said(traded: Simulation) -> None:
    """An expired position is neither forgotten nor announced as the next expiry."""
    engine = make_engine()
    for recorded in traded.records:
        engine.recover(msgspec.msgpack.decode(msgspec.msgpack.encode(recorded), type=Recorded))
    engine.start(
        EpochOpened(
            epoch=2, feed="test", speed=300.0, market="1@v1", software="t", configuration_hash="t"
        ),
        {"BTC": 20.0, "ETH": 300.0, "USDC": 1_000_000.0},
        traded.feed.at,
    )
    (chain,) = [one for one in engine.ledger.chains_of(MAIN_ACCOUNT) if not one.flat]
    assert chain.expires_at is not None
    pending = SettlementPending(
        MAIN_ACCOUNT, chain.underlying, chain.expires_at, tuple(sorted(chain.legs))
    )
    engine.ledger.apply(Recorded(engine.sequence, engine.ledger.at, pending))
    text = said(engine, clock_of(traded))
    assert "1 expired, waiting for the delivery price" in text
    assert "next expiry" not in text


def test_without_strategies_there_is_still_a_status() -> None:
    """An engine that has nothing to decide says where it stands and stops there."""
    configuration = load_configuration([ROOT / "config" / "demo.toml"], environment={})
    engine = Engine([], configuration.settings.risk, configuration.settings.broker,
                    configuration.settings.engine)  # fmt: skip
    engine.ledger.apply(Recorded(0, NOW, AccountOpened(MAIN_ACCOUNT, {"USDC": 10**8})))
    clock = MarketClock(wall=False)
    clock.anchor(NOW, 1.0)
    assert said(engine, clock, nights=False) == (
        "trading 0.00 USD against holding; equity 1.00 USD; risk in use none; "
        "0 open, 0 orders working"
    )
