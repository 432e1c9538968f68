"""Does the engine tell the gate what a size rests on, live, replayed and recovered alike?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest

from tests.builders import hourly_bars
from tests.engine.floor import (
    BALANCES,
    CALL,
    COVERED,
    PUT,
    VERTICAL,
    Floor,
    Scripted,
    perpetual,
    wish,
)
from tests.engine.modelled import ModelFloor, calm_bars
from trader.domain.events import HistoryLoaded, Quote
from trader.domain.facts import EpochOpened
from trader.domain.trading import Approved, Leg, Refused, SizeFactor
from trader.domain.units import HOUR, SECOND
from trader.engine.engine import Engine
from trader.engine.paper_broker import BrokerSettings
from trader.engine.review import Slot
from trader.risk.limits import RiskSettings
from trader.risk.settings import GreekLimits, SizingSettings
from trader.views.decisions import explain

if TYPE_CHECKING:
    from trader.domain.situation import Situation
    from trader.domain.trading import FactorName, Intent, Verdict
    from trader.engine.outcome import Outcome
    from trader.engine.review import Occasion

MANY = RiskSettings(
    max_new_trades_per_day=1_000,
    max_open_positions_per_strategy=100,
    sizing=SizingSettings(kelly_chains_min=10),
)


def verdict(floor: Floor, *intents: Intent) -> Verdict:
    """Wish for one trade and tell what the gate says."""
    facts = floor.ask(*(intents or (wish(amount=None),))).facts
    (found,) = (one for one in facts if isinstance(one, Approved | Refused))
    return found


def factor(found: Verdict, name: FactorName) -> SizeFactor:
    """Pick one factor of a verdict."""
    (one,) = (one for one in found.sizing if one.name == name)
    return one


class Losing(Floor):
    """A floor on which everything that is opened is closed at once; it keeps what was asked."""

    def ask(self, *intents: Intent, occasion: Occasion = "open", by: str = "alpha") -> Outcome:
        """Let a strategy wish, and remember when it wished for what."""
        self.asked = getattr(self, "asked", {}) | {self.at: intents}
        return super().ask(*intents, occasion=occasion, by=by)

    def trade_closed(self, close: Intent) -> None:
        """Close a chain and let it end."""
        self.ask(close, occasion="manage")
        self.pass_time(SECOND)


def lose(floor: Losing, times: int) -> None:
    """Open and close at the touch, a few times: each costs its spread and fees."""
    for _ in range(times):
        chain = floor.trade(wish(amount=1.0))
        legs = (Leg(CALL, 1.0),)
        floor.trade_closed(wish(legs, action="close", chain_id=chain.id, amount=None))


def test_a_losing_record_shrinks_what_comes_next() -> None:
    """Nine tell nothing; from ten on a quarter is left, in the verdict and in its explanation."""
    floor = Losing(risk=MANY, sizing=True)
    lose(floor, 9)
    before = verdict(floor)
    assert factor(before, "kelly").factor == 1.0
    floor.pass_time(SECOND)
    lose(floor, 3)
    after = verdict(floor)
    assert factor(after, "kelly").factor == 0.25
    assert factor(after, "kelly").reason.startswith("12 chains earned -0.0")
    told = explain(after, floor.at)
    assert "12 chains earned" in told
    assert "together" in told


def test_a_restart_remembers_the_record() -> None:
    """Folded from facts the same factors come out, and the auditor agrees."""
    floor = Losing(risk=MANY, sizing=True)
    lose(floor, 10)
    results = floor.engine.ledger.conduct.of("alpha").results()
    floor.restart()
    assert floor.engine.ledger.conduct.of("alpha").results() == results
    again = verdict(floor)
    assert factor(again, "kelly").factor == 0.25
    assert floor.audit() == ()


def test_another_configuration_begins_its_record_anew() -> None:
    """Results that other parameters earned tell nothing of these."""
    floor = Losing(risk=MANY, sizing=True)
    lose(floor, 10)
    floor.hashes = {"alpha": "v2"}
    floor.at += SECOND
    floor.restart()
    assert floor.engine.ledger.conduct.of("alpha").results() == []
    assert factor(verdict(floor), "kelly").reason == "0 closed chains, 10 tell something"


def test_a_replay_of_the_inputs_decides_the_same() -> None:
    """A fresh engine under the same inputs, asked for the same, gives the same facts."""
    live = Losing(risk=MANY, sizing=True)
    opening, started_at = live.records[0].fact, live.records[0].at
    live.send(calm_bars(live.at))
    lose(live, 11)
    last = verdict(live)
    assert factor(last, "kelly").factor == 0.25
    assert factor(last, "regime").reason.startswith("Calm: ")
    again = Slot(
        Scripted("alpha", "BTC", lambda now: live.asked.get(now.at, ())), "v1", "PRODUCTION"
    )
    engine = Engine([again], MANY, BrokerSettings(), live.settings)
    assert isinstance(opening, EpochOpened)
    records = list(engine.start(opening, BALANCES, started_at).records)
    for stamped in live.inputs:
        records += engine.process(stamped).records
    assert records == live.records


def test_without_the_epochs_word_nothing_is_sized() -> None:
    """Journals from before replay as they were decided: stage alone, and no limit on Greeks."""
    floor = Floor(risk=RiskSettings(greeks=GreekLimits(delta_max=1e-9)))
    floor.send(calm_bars(floor.at))
    found = verdict(floor)
    assert isinstance(found, Approved)
    assert [one.name for one in found.sizing] == ["stage"]


def test_the_regime_of_the_hour_counts() -> None:
    """A day that fell by a third is a crisis: half of the size, with its reason."""
    floor = Floor(sizing=True)
    quiet = calm_bars(floor.at)
    closes = np.array(quiet.bars.close)
    closes[:-24] *= 1.5
    floor.send(quiet)
    calm = verdict(floor, wish(VERTICAL, amount=None))
    crashed = Floor(sizing=True)
    crashed.send(HistoryLoaded("BTC", hourly_bars(closes.tolist(), floor.at - floor.at % HOUR)))
    crisis = verdict(crashed, wish(VERTICAL, amount=None))
    assert factor(calm, "regime").factor == 1.0
    assert factor(crisis, "regime").factor == 0.5
    assert factor(crisis, "regime").reason.startswith("Crisis: volatility of a day")
    assert isinstance(calm, Approved)
    assert isinstance(crisis, Approved)
    assert crisis.amount == pytest.approx(calm.amount / 2, abs=0.1)


def test_what_is_open_on_a_coin_that_moves_along_counts() -> None:
    """The same hours for both coins: what a spread on ETH risks is taken off BTC's room."""
    floor = Floor(sizing=True, underlyings=("BTC", "ETH"))
    hours = calm_bars(floor.at).bars
    for coin, last in (("BTC", 90_000.0), ("ETH", 3_000.0)):
        closes = [last * one / hours.close[-1] for one in hours.close]
        floor.send(HistoryLoaded(coin, hourly_bars(closes, floor.at - floor.at % HOUR)))
    alone = verdict(floor, wish(VERTICAL, amount=None))
    assert factor(alone, "correlation").factor == 1.0
    floor = Floor(sizing=True, underlyings=("BTC", "ETH"), stages={"alpha": "PRODUCTION"})
    for coin, last in (("BTC", 90_000.0), ("ETH", 3_000.0)):
        closes = [last * one / hours.close[-1] for one in hours.close]
        floor.send(HistoryLoaded(coin, hourly_bars(closes, floor.at - floor.at % HOUR)))
    eth = tuple(
        Leg(one.name, ratio)
        for one, ratio in zip(
            [one for one in floor.listed["ETH"] if one.strike in (3_100.0, 3_200.0)
             and one.option_type == "call"][:2], (-1, 1), strict=True,
        )
    )  # fmt: skip
    floor.trade(wish(eth, underlying="ETH", amount=None))
    both = verdict(floor, wish(VERTICAL, amount=None))
    found = factor(both, "correlation")
    assert 0.25 <= found.factor < 0.99
    assert "at correlation 1.00" in found.reason


def test_the_models_that_were_asked_say_how_far_they_agree() -> None:
    """An edge that was asked for decides the factor; a wish nobody asked about has none."""

    def asks(situation: Situation) -> tuple[Intent, ...]:
        edge = situation.models.edge(COVERED, -0.003)
        return (wish(amount=1.0),) if edge is not None else (wish(VERTICAL, amount=1.0),)

    floor = ModelFloor(wishes=asks)
    floor.sizing, floor.risk = True, MANY
    floor.restart()
    unasked = verdict(floor)
    assert factor(unasked, "agreement").reason == "no model was asked"
    floor.rounds(1)
    asked = verdict(floor)
    assert factor(asked, "agreement").reason.startswith("2 models value it -0.00")
    assert 0.25 <= factor(asked, "agreement").factor < 1.0


def test_the_book_is_what_is_held_and_what_works() -> None:
    """A short call, a perpetual against it and a resting order lean as their contracts do."""
    floor = Floor(sizing=True)
    floor.trade(wish(amount=2.0))
    book = floor.engine.review.view("main").book("BTC")
    (lean,) = book.leans
    assert lean.exposure.delta < 0
    assert lean.exposure.gamma < 0
    assert lean.exposure.vega < 0
    assert (book.unknown, floor.engine.review.view("main").book("ETH").leans) == ((), ())
    floor.ask(wish((Leg(PUT, -1),), amount=1.0))
    working = floor.engine.review.view("main").book("BTC")
    assert [one.consumer.kind for one in working.leans] == ["position", "order"]
    assert working.leans[1].exposure.delta > 0
    assert perpetual().name not in working.unknown


def test_a_book_that_leans_too_far_refuses_and_a_close_passes() -> None:
    """Named with the chain that leans; once it is closed the same wish passes."""
    tight = RiskSettings(greeks=GreekLimits(delta_max=0.00005))
    floor = Losing(sizing=True, risk=tight)
    first = verdict(floor, wish(amount=1.0))
    assert isinstance(first, Approved)
    floor.pass_time(SECOND)
    refusal = verdict(floor, wish(amount=1.0))
    assert isinstance(refusal, Refused)
    assert refusal.rule in ("delta_limit", "below_half_size")
    assert [one.id for one in refusal.consumers] == [first.chain_id]
    close = wish((Leg(CALL, 1.0),), action="close", chain_id=first.chain_id, amount=None)
    floor.trade_closed(close)
    assert floor.chains() == []
    assert isinstance(verdict(floor, wish(amount=1.0)), Approved)


def test_after_a_restart_a_leg_must_show_its_volatility_first() -> None:
    """A book with a leg that was never quoted since cannot be stated: nothing opens, by name."""
    floor = Floor(sizing=True)
    floor.trade(wish(amount=1.0))
    floor.send(Quote(CALL, floor.at, 0.003, 1.0, 0.004, 1.0, 0.0035, float("nan"), 9e4, 9e4))
    refusal = verdict(floor, wish(VERTICAL, amount=1.0))
    assert isinstance(refusal, Refused)
    assert (refusal.rule, CALL in refusal.explanation) == ("undefined_risk", True)
    floor.show()
    assert isinstance(verdict(floor, wish(VERTICAL, amount=1.0)), Approved)


def test_factors_survive_the_journal() -> None:
    """A verdict reads back as it was written; one from before has none."""
    found = verdict(Floor(sizing=True))
    assert isinstance(found, Approved)
    told = msgspec.json.encode(found)
    assert msgspec.json.decode(told, type=Approved) == found
    fields = msgspec.json.decode(told)
    del fields["sizing"]
    assert msgspec.convert(fields, Approved).sizing == ()


def test_an_epoch_says_whether_sizes_are_shrunk() -> None:
    """Off by default, so that an old journal reads as what it was."""
    slot = Slot(Scripted("alpha", "BTC", lambda _: ()), "v1", "PRODUCTION")
    engine = Engine([slot], RiskSettings(), BrokerSettings(), Floor().settings)
    epoch = EpochOpened(
        epoch=1, feed="test", speed=1.0, market="test", software="test", configuration_hash="x",
    )  # fmt: skip
    engine.start(epoch, BALANCES, 0)
    assert engine.ledger.epoch is not None
    assert not engine.ledger.epoch.sizing
