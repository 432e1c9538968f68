"""Does a perpetual have its own bars, and does its stop hold on every quote and after a restart?"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from tests.builders import NOW, hourly_bars
from tests.engine.floor import Floor, Scripted, perpetual, wish
from trader.domain.events import HistoryLoaded, InstrumentListed, Quote
from trader.domain.facts import AlertRaised, ChainEnded, Filled, Recorded
from trader.domain.trading import Approved, Intent, Leg, Pricing, Refused, Stop
from trader.domain.units import HOUR, MINUTE
from trader.engine.audit import Audit
from trader.engine.engine import Engine, EngineSettings
from trader.engine.paper_broker import BrokerSettings
from trader.engine.review import Slot

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trader.domain.situation import Perpetual, Situation

NAME = perpetual().name
LONG = (Leg(NAME, 1),)
STOP = Stop(89_000.0, 300.0)


@dataclasses.dataclass(frozen=True)
class OnPerpetual(Scripted):
    """A scripted strategy that trades a perpetual."""

    perpetuals: Mapping[str, str] = dataclasses.field(default_factory=lambda: {"BTC": NAME})


class Pit(Floor):
    """A floor on which alpha trades the perpetual; `seen` is what it was shown last."""

    def make_engine(self) -> Engine:
        """Make an engine of one strategy."""
        self.seen: Perpetual | None = None
        slot = Slot(OnPerpetual("alpha", "BTC", self._watching), "v1", "PRODUCTION")
        return Engine([slot], self.risk, BrokerSettings(), EngineSettings())

    def _watching(self, situation: Situation) -> tuple[Intent, ...]:
        self.seen = situation.perpetuals.get("BTC")
        return self._script.get("alpha", ())

    def shown(self) -> Perpetual:
        """Ask for nothing, and tell what was shown."""
        self.ask()
        assert self.seen is not None
        return self.seen

    def enter(self, amount: float = 10_000.0) -> str:
        """Buy dollars of the perpetual with a stop; name the chain."""
        return self.trade(wish(LONG, amount=amount, stop=STOP, tag="trend_long")).id

    def protect(self, name: str, stop: Stop) -> None:
        """Ask to move the stop of a chain."""
        asked = wish(LONG, action="protect", chain_id=name, amount=None, stop=stop)
        self.ask(asked, occasion="manage")

    def facts(self, kind: type[Any]) -> list[Any]:
        """List the facts of a kind."""
        return [one.fact for one in self.records if isinstance(one.fact, kind)]

    def quote(self, bid: float, ask: float, **changes: Any) -> None:
        """Quote the perpetual alone, a second later."""
        self.at += 1_000_000_000
        spot = self.spot["BTC"]
        shown = Quote(NAME, self.at, bid, 1e6, ask, 1e6, (bid + ask) / 2, math.nan, spot, spot)
        self.send(msgspec.structs.replace(shown, **changes))


def test_an_entry_in_parts_stands_where_the_books_say() -> None:
    """Dollars at two prices buy coins at their harmonic mean: targets count from there."""
    pit = Pit()
    patient = Pricing(limit_net=89_500.0, worst_net=90_100.0, patience=MINUTE // 12, lifetime=HOUR)
    pit.ask(wish(LONG, amount=20_000.0, stop=STOP, tag="trend_long", pricing=patient))
    pit.quote(89_399.0, 89_401.0, ask_amount=10_000.0)
    pit.at += MINUTE // 12
    pit.quote(89_999.0, 90_001.0)
    (chain,) = pit.engine.ledger.chains.values()
    (leg,) = chain.legs.values()
    prices = [fill.legs[0].price for fill in pit.facts(Filled)]
    assert chain.course is not None
    assert len(prices) == 2
    assert chain.course.units == leg.amount == 20_000.0
    assert (
        chain.course.entry_price == leg.entry_price == pytest.approx(2 / sum(1 / p for p in prices))
    )
    assert leg.entry_price < sum(prices) / 2


def test_bars_are_of_the_middle_of_its_own_quotes() -> None:
    """Not of the index: the perpetual may stand above it all hour long."""
    pit = Pit()
    pit.quote(90_099.0, 90_101.0)
    pit.quote(90_299.0, 90_301.0)
    pit.go_to(NOW + HOUR, show=False)
    bars = pit.shown().history()
    assert (bars.opened_at[-1], bars.high[-1], bars.close[-1]) == (NOW, 90_300.0, 90_300.0)
    assert bars.low[-1] == 90_000.0  # as it was shown at the start


def test_the_hour_that_just_ended_is_shown_though_nothing_followed() -> None:
    """A decision on the hour does not wait for the next quote; what follows begins a new bar."""
    pit = Pit()
    pit.go_to(NOW + HOUR, show=False)
    assert pit.shown().history().opened_at[-1] == NOW
    pit.show()
    pit.go_to(NOW + 2 * HOUR, show=False)
    assert pit.shown().history().opened_at[-2:] == (NOW, NOW + HOUR)


def test_a_quote_nobody_believes_grows_no_bar() -> None:
    """Told with another index than the index channel's, or with one side, it says nothing."""
    pit = Pit()
    pit.quote(70_000.0, 70_001.0, index_price=70_000.0)
    pit.quote(70_000.0, math.nan)
    pit.go_to(NOW + HOUR, show=False)
    assert pit.shown().history().low[-1] == 90_000.0


def test_history_is_that_of_the_perpetual() -> None:
    """What is loaded of a coin are candles of its perpetual: they are kept for both."""
    pit = Pit()
    pit.send(HistoryLoaded("BTC", hourly_bars([80_000.0, 81_000.0])))
    assert pit.shown().history().close[-2:] == (80_000.0, 81_000.0)
    pit.send(HistoryLoaded("ETH", hourly_bars([1.0, 2.0])))
    assert pit.shown().history().close[-2:] == (80_000.0, 81_000.0)


def test_others_are_shown_no_perpetual() -> None:
    """A strategy on options costs what it did."""
    floor = Floor()
    shown: list[Any] = []
    slot = floor.engine.slots["alpha"]
    shown.append(floor.engine.review.situation(slot, "open").perpetuals)
    assert shown == [{}]
    assert NAME not in floor.engine.perpetuals.underlyings


def test_a_stop_is_met_by_the_first_quote_at_it() -> None:
    """The close is made on that quote and filled a latency later, at what is shown then."""
    pit = Pit()
    name = pit.enter()
    pit.quote(89_000.5, 89_001.5)
    assert not pit.engine.ledger.orders
    pit.quote(89_000.0, 89_001.0)
    (order,) = pit.engine.ledger.orders.values()
    assert (order.order.action, order.order.amount) == ("close", 10_000.0)
    pit.quote(88_990.0, 88_991.0)
    (ended,) = pit.facts(ChainEnded)
    assert ended.chain_id == name
    reason = pit.facts(Approved)[-1].intent.reason
    assert reason == "stop at 89,000.00 met by 89,000.00"
    assert pit.facts(Filled)[-1].legs[0].price == 88_990.0
    assert Audit(pit.risk).read(pit.records) == ()


def test_a_stop_waits_for_a_quote_to_trust() -> None:
    """A one-sided or doubted quote closes nothing; the next sound one does."""
    pit = Pit()
    pit.enter()
    pit.quote(80_000.0, math.nan)
    pit.quote(80_000.0, 80_001.0, index_price=80_000.0)
    assert not pit.engine.ledger.orders
    pit.quote(88_900.0, 88_901.0)
    assert pit.engine.ledger.orders


def test_the_share_of_the_max_loss_closes_nothing_that_has_a_stop() -> None:
    """Three quarters of stop and gap lie before a distant stop: the stop decides."""
    pit = Pit()
    pit.enter()
    pit.quote(89_010.0, 89_011.0)
    pit.go_to(pit.at + 2 * MINUTE, show=False)
    assert not pit.engine.ledger.orders


def test_a_moved_stop_frees_risk_and_is_what_is_watched() -> None:
    """Nothing trades when it moves; the chain's max loss falls, and the new price decides."""
    pit = Pit()
    name = pit.enter()
    before = pit.engine.ledger.chain(name).risk_usd
    pit.protect(name, Stop(89_900.0, 200.0))
    chain = pit.engine.ledger.chain(name)
    assert not pit.engine.ledger.orders
    assert 0 < chain.risk_usd < before
    assert chain.course is not None
    assert chain.course.stop == Stop(89_900.0, 200.0)
    pit.quote(89_899.0, 89_900.0)
    assert pit.engine.ledger.orders
    assert Audit(pit.risk).read(pit.records) == ()


def test_a_moved_stop_may_leave_more_than_one_trade_may_open_with() -> None:
    """A coin that rose makes the same coins a larger share of equity: no violation."""
    pit = Pit(balances={"BTC": 1.0, "USDC": 1_000_000.0})
    name = pit.enter(amount=1e9)
    assert pit.facts(Approved)[0].max_loss.share == pytest.approx(0.01, rel=1e-3)
    pit.spot["BTC"] = 99_000.0
    pit.show()
    pit.protect(name, Stop(STOP.price + 0.5, STOP.gap))
    moved = pit.facts(Approved)[-1]
    assert moved.intent.action == "protect"
    assert moved.max_loss.share > 0.01
    assert Audit(pit.risk).read(pit.records) == ()


def test_half_can_be_given_up_and_more_be_added() -> None:
    """The course tells both; the risk of what is left is half, and the addition's comes on top."""
    pit = Pit()
    name = pit.enter()
    before = pit.engine.ledger.chain(name).risk_usd
    pit.ask(wish(LONG, action="close", chain_id=name, amount=5_000.0), occasion="manage")
    pit.pass_time(1_000_000_000)
    chain = pit.engine.ledger.chain(name)
    assert chain.risk_usd == pytest.approx(before / 2)
    pit.ask(wish(LONG, action="add", chain_id=name, amount=1_000.0, stop=STOP))
    pit.pass_time(1_000_000_000)
    course = pit.engine.ledger.chain(name).course
    assert course is not None
    assert (course.units, course.reduced, course.adds) == (10_000.0, 5_000.0, 1)
    assert chain.units == 6_000.0
    assert chain.risk_usd > before / 2
    assert len(pit.engine.ledger.slots_used("main", "alpha", pit.at)) == 1


def test_a_restart_remembers_stop_and_course() -> None:
    """All of it stands in the facts; the stop is watched from the first quote on."""
    pit = Pit()
    name = pit.enter()
    pit.protect(name, Stop(89_500.0, 1.0))
    before = pit.engine.ledger.chain(name).course
    pit.restart()
    assert pit.engine.ledger.chain(name).course == before
    pit.quote(89_499.0, 89_500.0)
    assert pit.engine.ledger.orders


def test_a_stop_outlives_the_strategy_that_set_it() -> None:
    """Nobody is configured any more: what is held is still left at its stop."""
    pit = Pit()
    pit.enter()
    records = list(pit.records)
    floor = Floor(stages={"beta": "PILOT"})
    engine = floor.make_engine()
    for one in records:
        engine.recover(Recorded(one.sequence, one.at, one.fact))
    floor.engine, floor.at, floor.epoch = engine, pit.at, 1
    floor.start()
    assert not engine.ledger.orders
    floor.move(88_000.0)
    assert [one.order.action for one in engine.ledger.orders.values()] == ["close"]


def test_when_a_tag_was_left_is_shown() -> None:
    """The instant of the decision, so that bars can be counted from there."""
    pit = Pit()
    pit.enter()
    assert pit.shown().left_at == {}
    pit.quote(88_000.0, 88_001.0)
    decided = pit.at
    pit.quote(88_000.0, 88_001.0)
    assert pit.shown().left_at == {"trend_long": decided}


def test_a_fall_of_the_trading_result_is_shown_as_a_share() -> None:
    """Below its peak, as a fraction of what the account was worth there."""
    pit = Pit()
    assert pit.shown().drawdown == 0.0
    pit.enter(amount=20_000.0)
    pit.quote(89_500.0, 89_501.0)
    worth = pit.engine.review.view("main").worth()
    fall = -worth.trading_pnl_usd
    assert pit.shown().drawdown == pytest.approx(fall / (worth.equity_usd + fall))


def test_an_unlisted_perpetual_has_no_touch() -> None:
    """It is shown as it is; a decision without a quote is told as skipped."""
    pit = Pit()
    pit.engine.market.expire((NAME,))
    assert pit.shown().touch is None
    texts = [one.text for one in pit.facts(AlertRaised)]
    assert "no recent quotes on the BTC perpetual" in texts
    pit.send(InstrumentListed((perpetual(),)))
    assert pit.shown().touch is not None


def test_a_refused_move_changes_nothing() -> None:
    """Further away is no protection."""
    pit = Pit()
    name = pit.enter()
    pit.protect(name, Stop(80_000.0, 1.0))
    assert isinstance(pit.records[-1].fact, Refused)
    course = pit.engine.ledger.chain(name).course
    assert course is not None
    assert course.stop == STOP
