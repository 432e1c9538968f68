"""Is a wheel one story, to the cent? By hand, on prices that wander, and after kills."""

from __future__ import annotations

import math
from random import Random
from typing import TYPE_CHECKING

import pytest

from tests.backtest.pasts import candles, day, market, wandering
from tests.backtest.wheels import (
    AFTER,
    ASSIGNED,
    CALL,
    CALLED,
    PUT,
    RICH,
    Shown,
    at,
    turned,
    turner,
)
from tests.simulation.harness import ledger_state, recovered
from trader.backtest.market import Market
from trader.backtest.modelled import Level
from trader.domain.events import (
    BoardSnapshot,
    ClosePosition,
    DeliveryPrice,
    Demote,
    FlattenAll,
    IndexPrice,
    Stamped,
    TimerFired,
)
from trader.domain.facts import (
    ChainEnded,
    EpochOpened,
    OrderPlaced,
    Recorded,
    Settled,
    SpotDelivery,
)
from trader.domain.units import DAY, HOUR, from_atoms
from trader.engine.audit import Audit
from trader.engine.engine import Engine, EngineSettings
from trader.engine.paper_broker import BrokerSettings
from trader.engine.review import Slot
from trader.evaluation.closed_chains import results
from trader.evaluation.look_ahead import judge, variants
from trader.evaluation.runs import Run, Subject, make
from trader.risk.limits import RiskSettings
from trader.storage.payload import decode, encode
from trader.strategies.strategy import CadenceSettings, StrategyFile
from trader.strategies.wheel import Wheel

if TYPE_CHECKING:
    from trader.domain.events import Event
    from trader.engine.outcome import Outcome

SEEDS = (1, 2)
MANY_SEEDS = range(3, 15)


def test_a_whole_turn_nets_premiums_and_strikes_less_fees() -> None:
    """Put 60,000 delivered at 55,000, coin at 55,000, call 58,000 delivered at 61,000.

    1,000 + 900 of premium, 2,000 lost between the strikes; fees .03 % of the index to sell,
    .015 % of the delivery price to settle, none on the coin: -152.56 USDC, one trade.
    """
    study = turned(PUT, CALL, AFTER, prices=ASSIGNED | CALLED)
    (wheel,) = study.chains
    assert [(step.what, step.flow) for step in wheel.steps] == [
        ("open", pytest.approx(1_000 - 18.60, abs=1e-8)),
        ("settled", pytest.approx(-5_000 - 8.25, abs=1e-8)),
        ("assigned", -55_000.0),
        ("hedge", pytest.approx(900 - 16.56, abs=1e-8)),
        ("settled", pytest.approx(-3_000 - 9.15, abs=1e-8)),
        ("called_away", 61_000.0),
    ]
    assert wheel.flow == pytest.approx(-152.56, abs=1e-8)
    assert wheel.flow_usd == pytest.approx(-152.56, abs=1e-8)
    assert wheel.fees == pytest.approx(52.56, abs=1e-8)
    assert (wheel.rolls, wheel.how, wheel.currency) == (0, "settled", "USDC")
    (closed,) = study.history.chains
    assert closed.pnl_pct == wheel.pnl_pct == pytest.approx(-152.56 / 10_000_000, abs=1e-12)
    assert closed.premium_pct == pytest.approx(1_900 / 10_000_000, abs=1e-12)
    assert closed.fees_pct == pytest.approx(-52.56 / 10_000_000, abs=1e-12)
    (trade,) = results(study.history.chains)
    assert not trade.is_win
    assert study.refused == {}


def test_a_put_that_expires_worthless_ends_its_wheel() -> None:
    """Nothing is held any more: the next put begins another."""
    again: Shown = (at(11), 62_000.0, (("put", 60_000.0, 18, 1_000.0, 1_005.0),))
    study = turned(PUT, again, prices={11: 61_000.0, 18: 61_500.0})
    assert [[step.what for step in one.steps] for one in study.chains] == [["open", "settled"]] * 2
    assert [one.flow for one in study.chains] == [pytest.approx(981.40, abs=1e-8)] * 2


def test_a_call_that_expires_worthless_leaves_the_coin_for_another() -> None:
    """Two calls on one coin, the second takes it at its strike."""
    second: Shown = (at(18), 56_000.0, (("call", 59_000.0, 25, 800.0, 805.0),))
    study = turned(PUT, CALL, second, prices=ASSIGNED | {18: 57_000.0, 25: 60_000.0}, days=27)
    (wheel,) = study.chains
    assert [step.what for step in wheel.steps] == [
        "open", "settled", "assigned", "hedge", "settled", "hedge", "settled", "called_away",
    ]  # fmt: skip
    fees = 18.60 + 8.25 + 16.56 + 0.0003 * 56_000 + 0.00015 * 60_000
    assert wheel.flow == pytest.approx(1_000 + 900 + 800 - 1_000 - fees, abs=1e-8)


def test_a_wheel_that_lasted_too_long_sells_its_coin_at_the_bid() -> None:
    """Fifteen days allowed, the call expired on the last but one: 5 below the index, closed."""
    study = turned(
        PUT, CALL, (at(18), 57_000.0, (("call", 59_000.0, 25, 800.0, 805.0),)),
        prices=ASSIGNED | {18: 57_000.0}, total_days_max=15.0,
    )  # fmt: skip
    (wheel,) = study.chains
    assert [step.what for step in wheel.steps][-2:] == ["settled", "close"]
    assert wheel.steps[-1].flow == 56_995.0
    assert wheel.steps[-1].reason.startswith("time: 14 days of at most 15")
    assert wheel.how == "closed"


def test_an_open_wheel_is_listed_at_what_its_coin_is_worth() -> None:
    """Coin at the index, the call at its mark, in no statistic."""
    study = turned(PUT, CALL, prices=ASSIGNED, days=12)
    (wheel,) = study.chains
    assert (wheel.how, wheel.pnl_pct) == ("open", None)
    assert wheel.mark == pytest.approx(55_200.0 - 902.5)
    assert study.ended == ()


class Turning:
    """The engine and one wheel on modelled boards, killed when the test says so."""

    def __init__(self, seed: int, days: int = 45) -> None:
        close = wandering(days, seed=seed, vol=0.9) * 1.5
        past = candles(close)
        modelled = Market(underlying="BTC", candles=past, level=Level(close * 0 + 0.9, "index"),
                        source="test")  # fmt: skip
        self.history = modelled.chains(days_max=9.0, linear=True)
        self.start_at = self.history.span[0] + DAY
        self.end_at = self.history.span[1] - DAY
        self.records: list[Recorded] = []
        self.shown: dict[str, float] = {}
        self.epoch = 0
        self.at = self.start_at
        self.engine = self._start()

    def _start(self) -> Engine:
        strategy = turner(target_days=3.0, days_tolerance=3.0, min_hours_left=20.0,
                          patience_minutes=20.0, delta_tolerance=0.2, target_delta=0.4,
                          call_delta=0.4, call_floor=0.95, roll_delta=0.8)  # fmt: skip
        engine = Engine([Slot(strategy, "v1", "PRODUCTION")], RiskSettings(), BrokerSettings(),
                        EngineSettings(quote_age_s_max=3_600.0, sweep_s=600))  # fmt: skip
        for recorded in recovered_facts(self.records):
            engine.recover(recorded)
        self.epoch += 1
        opened = EpochOpened(epoch=self.epoch, feed="test", speed=1.0, market="test",
                             software="test", configuration_hash="test")  # fmt: skip
        self._take(engine.start(opened, RICH.balances, self.at))
        return engine

    def crash(self) -> None:
        """Lose everything but the facts; what they fold to is what was lost."""
        before = ledger_state(self.engine.ledger)
        assert ledger_state(recovered(self.records)) == before
        self.engine = self._start()

    def _take(self, outcome: Outcome) -> None:
        self.records.extend(outcome.records)

    def give(self, event: Event) -> None:
        """Let the engine take one input, and check what the account is worth after it."""
        if isinstance(event, BoardSnapshot):
            names = (one.name for one in event.instruments)
            self.shown |= dict(zip(names, event.mark.tolist(), strict=True))
        elif isinstance(event, IndexPrice):
            self.shown["BTC_USDC"] = event.price
        self._take(self.engine.process(Stamped(self.engine.sequence + 1, self.at, event)))
        if isinstance(event, BoardSnapshot | TimerFired):
            self.check()

    def check(self) -> None:
        """Cash + coin at the index + options at their marks = equity, and no coin uncovered."""
        ledger = self.engine.ledger
        worth = 0.0
        for chain in ledger.chains_of("main"):
            calls = coins = 0.0
            for leg in chain.legs.values():
                worth += leg.amount * self.shown.get(leg.instrument.name, leg.entry_price)
                coins += leg.amount * (leg.instrument.kind == "spot")
                calls -= leg.amount * (leg.instrument.option_type == "call")
            assert coins >= calls >= 0
            assert not (coins and any(one.instrument.option_type == "put"
                                      for one in chain.legs.values()))  # fmt: skip
        cash = from_atoms(ledger.account("main").cash["USDC"])
        if "BTC_USDC" in self.shown:
            equity = self.engine.review.view("main").worth().equity_usd
            assert equity == pytest.approx(cash + worth, abs=1e-6)

    def wait_until(self, when: int) -> None:
        """Fire the timers that are due before an instant, and go there."""
        while (due := self.engine.timers.next_due()) is not None and due[0] < when:
            self.at = max(self.at, due[0])
            self.give(TimerFired(due[1], due[0]))
        self.at = when

    def run(self, kills: set[int] | None = None) -> None:
        """Walk the history; die before the events that are named."""
        for number, (when, event) in enumerate(self.history.events(self.start_at, self.end_at)):
            self.wait_until(when)
            if kills and number in kills:
                self.crash()
            self.give(event)


def recovered_facts(records: list[Recorded]) -> list[Recorded]:
    """Read facts back as the journal does."""
    return [Recorded(one.sequence, one.at, decode(encode(one.fact))) for one in records]


def turned_and_killed(seed: int, kills: int, days: int = 45) -> list[SpotDelivery]:
    """Turn wheels on a wandering price, die now and then, and check the books; tell what moved."""
    turning = Turning(seed, days)
    turning.run(set(Random(seed).sample(range(40, 30 * days), kills)))
    turning.crash()
    assert Audit(RiskSettings()).read(turning.records) == ()
    facts = [one.fact for one in turning.records]
    booked = sum(one.pnl["USDC"] for one in facts if isinstance(one, ChainEnded))
    for chain in turning.engine.ledger.chains.values():
        booked += chain.flows["USDC"]
    account = turning.engine.ledger.account("main")
    assert account.cash["USDC"] - account.opening["USDC"] == booked
    return [spot for one in facts if isinstance(one, Settled) for spot in one.spot]


@pytest.mark.parametrize("seed", SEEDS)
def test_wandering_wheels_add_up_at_every_step_and_after_every_kill(seed: int) -> None:
    """Six weeks of three-day options, killed eight times: audit clean, results = change of cash."""
    moved = turned_and_killed(seed, kills=8)
    assert {math.copysign(1, one.amount) for one in moved} == {1.0, -1.0}


@pytest.mark.long
def test_many_wheels_add_up() -> None:
    """A dozen prices for four months, killed thirty times each."""
    moved = [one for seed in MANY_SEEDS for one in turned_and_killed(seed, kills=30, days=120)]
    bought, sold = (sum(one.amount * sign > 0 for one in moved) for sign in (1, -1))
    assert bought >= sold > 10


def test_a_person_can_end_a_wheel_that_holds_coin_and_call() -> None:
    """Both legs go in one order; the wheel ends as closed."""
    turning = Turning(SEEDS[0])
    for when, event in turning.history.events(turning.start_at, turning.end_at):
        turning.wait_until(when)
        turning.give(event)
        for chain in tuple(turning.engine.ledger.chains.values()):
            if isinstance(event, BoardSnapshot) and len(chain.legs) == 2:
                turning.give(ClosePosition("me", "enough", chain.id))
                turning.at += HOUR // 2
                turning.give(TimerFired("sweep", turning.at))
                assert chain.flat
                ended = [one.fact for one in turning.records if isinstance(one.fact, ChainEnded)]
                assert (ended[-1].chain_id, ended[-1].how) == (chain.id, "closed")
                assert Audit(RiskSettings()).read(turning.records) == ()
                return
    raise AssertionError("no wheel came to hold coin and call")


def test_no_decision_changes_with_the_future() -> None:
    """Truncated and poisoned at nine cuts: the outcomes up to the cut stay the same bytes."""
    file = StrategyFile(
        name="wheel", kind="wheel", underlying="BTC", cadence=CadenceSettings(hours=4),
        parameters={"target_days": 2.0, "days_tolerance": 2.0, "min_hours_left": 12.0},
    )  # fmt: skip
    subject = Subject(kind=Wheel, file=file, configuration_hash="v1")
    run = Run(subject=subject, market=market(days=40, step=4 * HOUR), terms=RICH, start=day(3),
              end=day(39))  # fmt: skip
    made = {name: make(one) for name, one in variants(run).items()}
    decided = [len(one.chains) + one.open_chains for one in made.values()]
    found = judge({name: one.digest for name, one in made.items()}, decided)
    assert found.ok, found.reason
    assert len(found.cuts) == 9
    assert sum(decided) > 9


def test_a_demoted_wheel_is_managed_to_its_end_and_never_enlarged() -> None:
    """Demoted while it holds coin: calls are sold against it on the account, no put is any more."""
    turning = Turning(SEEDS[0])
    demoted, since = False, 0
    for when, event in turning.history.events(turning.start_at, turning.end_at):
        turning.wait_until(when)
        turning.give(event)
        held = turning.engine.ledger.chains_of("main")
        if not demoted and any("BTC_USDC" in one.legs for one in held):
            turning.give(Demote("me", "enough", "wheel", "RESEARCH"))
            demoted = True
            since = len(turning.records)
    assert demoted
    told = [one.fact for one in turning.records[since:]]
    placed = [one for one in told if isinstance(one, OrderPlaced)]
    assert {one.order.action for one in placed if one.order.account == "main"} == {"hedge"}
    assert any(one.amount < 0 for fact in told if isinstance(fact, Settled) for one in fact.spot)
    assert any(one.order.action == "open" for one in placed)
    assert Audit(RiskSettings()).read(turning.records) == ()


def test_coin_assigned_after_a_flatten_is_sold_as_well() -> None:
    """A person flattens while the put waits for its price: the coin goes at the next quotes."""
    turning = Turning(SEEDS[0])
    since = 0
    for when, event in turning.history.events(turning.start_at, turning.end_at):
        turning.wait_until(when)
        held = [leg for chain in turning.engine.ledger.chains.values()
                for leg in chain.legs.values()]  # fmt: skip
        if isinstance(event, DeliveryPrice) and any(
            (one.instrument.strike or 0.0) > event.price
            for one in held
            if one.instrument.expires_at == event.expires_at
        ):
            turning.give(TimerFired("sweep", when))
            turning.give(FlattenAll("me", "enough"))
            since = len(turning.records)
        turning.give(event)
    told = [one.fact for one in turning.records[since:]]
    assert [spot.amount > 0 for one in told if isinstance(one, Settled) for spot in one.spot] == [
        True
    ]
    assert [one.order.action for one in told if isinstance(one, OrderPlaced)] == ["close"]
    assert [one.how for one in told if isinstance(one, ChainEnded)] == ["closed"]
    assert not turning.engine.ledger.chains
