"""Does the live view show what the facts say, and nothing else?"""

from __future__ import annotations

import msgspec
import pytest

from tests.engine.test_conduct import judgment
from tests.storage.story import EVENING, STORY
from trader.domain.errors import InvariantBroken
from trader.domain.events import FlattenAll, ResumeTrading, StageChanged
from trader.domain.facts import CommandTaken, Recorded
from trader.domain.trading import Approved, SizeFactor
from trader.domain.units import HOUR
from trader.engine.ledger import Ledger
from trader.views.live import LiveView, fold
from trader.views.live_rows import status_text

FILLED, MARKED, COMMAND, HALTED, LIFTED, PENDING = 7, 8, 10, 11, 12, 14


def until(count: int) -> LiveView:
    """Fold the first facts of the story."""
    return fold(STORY[:count])


def test_an_empty_journal_has_an_empty_status() -> None:
    """Before the first fact nothing is claimed."""
    status = LiveView().status()
    assert (status.last_fact_at, status.accounts, status.open_chains) == ("", (), 0)
    assert LiveView().positions() == ()


def test_after_a_fill_the_premium_is_in_the_cash_and_the_leg_is_held() -> None:
    """2 BTC + 0.00252 credit - 0.00018 fee; short 0.6 calls at 0.0042."""
    view = until(FILLED)
    (account,) = view.status().accounts
    assert account.balances == {"BTC": 2.00234, "USDC": 130_000.0}
    (position,) = view.positions()
    assert (position.instrument, position.amount, position.entry_price) == (
        "BTC-2JUN26-66000-C",
        -0.6,
        0.0042,
    )
    (chain,) = view.chains()
    assert (chain.state, chain.flows, chain.legs) == (
        "open",
        {"BTC": 0.00234},
        ("-0.6 BTC-2JUN26-66000-C",),
    )


def test_budget_and_slots_are_functions_of_the_books() -> None:
    """2,340 of 260,000 USD is 0.9 %, of the 3 % the gate last judged by; one of two trades."""
    status = until(MARKED).status()
    (budget,) = status.budgets
    assert (budget.underlying, budget.limit) == ("BTC", 0.03)
    assert budget.used == pytest.approx(0.009)
    (strategy,) = status.strategies
    assert (strategy.slots_used, strategy.slots_limit) == (1, 2)
    assert strategy.slots_free_at == "2026-06-02T00:00:00Z"
    assert strategy.risk_share == pytest.approx(0.009)


def test_a_working_order_uses_budget_before_it_fills() -> None:
    """Between placing and fill the reservation is shown as used, and the order as working."""
    view = until(5)
    status = view.status()
    assert status.working_orders == 1
    assert status.budgets[0].used == pytest.approx(0.009)
    assert view.chains()[0].working == ("open 0.6 of 0.6",)


def test_marks_show_trading_apart_from_holding() -> None:
    """Equity and trading result come from the hourly mark; before it there is none."""
    assert until(FILLED).status().accounts[0].equity_usd is None
    account = until(MARKED).status().accounts[0]
    assert (account.equity_usd, account.trading_pnl_usd) == (260_000.0, 164.0)
    assert (account.marked_at, account.stale) == ("2026-06-01T19:00:00Z", ("ETH-PERPETUAL",))


def test_pauses_and_halts_come_and_go() -> None:
    """Who paused what and why is shown; a lifted halt is gone, a resumed pause too."""
    paused = until(HALTED).status()
    assert [(one.scope, one.by, one.reason) for one in paused.pauses] == [
        ("covered_call_btc", "ann", "news")
    ]
    assert [halt.rule for halt in paused.halts] == ["daily_loss_halt"]
    assert paused.strategies[0].paused
    view = until(LIFTED)
    assert view.status().halts == ()
    view.apply(Recorded(20, EVENING, CommandTaken(FlattenAll("ann", "storm"))))
    assert view.status().pauses[-1].scope == "all strategies"
    view.apply(Recorded(21, EVENING, CommandTaken(ResumeTrading("ann", "calm"))))
    assert view.status().pauses == ()


def test_what_behavior_holds_back_is_shown_with_its_reason() -> None:
    """Multiplier of strategy and account multiply; a pause by an alert is a pause like another."""
    view = until(FILLED)
    at = STORY[FILLED - 1].at
    name = "covered_call_btc"
    view.apply(Recorded(20, at, judgment(name, paused_until=at + HOUR)))
    view.apply(Recorded(20, at, judgment(None)))
    status = view.status()
    (strategy,) = status.strategies
    assert strategy.paused
    assert strategy.multiplier == pytest.approx(0.09)
    assert [(one.trader, round(one.multiplier, 9)) for one in status.held_back] == [
        ("the account", 0.3),
        (name, 0.3),
    ]
    (pause,) = status.pauses
    assert (pause.scope, pause.by) == (name, "behavior")
    assert "`trader resume covered_call_btc`" in pause.reason
    text = status_text(status)
    assert "x 0.09" in text
    assert "the account x 0.3 (was x 0.3 by REVENGE_TRADING" in text
    view.apply(Recorded(21, at, CommandTaken(ResumeTrading("ann", "seen", name))))
    assert view.status().pauses == ()


def test_what_shrank_the_last_size_is_shown() -> None:
    """The factors of the last verdict that was sized; one that was not sized changes nothing."""
    view = until(FILLED)
    assert view.status().sizes == ()
    assert "what the limits allow" in status_text(view.status())
    (approved,) = (one.fact for one in STORY[:FILLED] if isinstance(one.fact, Approved))
    factors = (SizeFactor("kelly", 0.25, "60 chains"), SizeFactor("stage", 1.0, "full"))
    over_the_ledger = LiveView(Ledger())  # the story has this verdict already
    at = STORY[FILLED - 1].at
    for sizing in (factors, factors[1:]):
        told = msgspec.structs.replace(approved, sizing=sizing)
        over_the_ledger.apply(Recorded(20, at, told))
    (size,) = over_the_ledger.status().sizes
    assert (size.strategy, size.scalar) == (approved.intent.strategy, 0.25)
    assert size.reason == "size x 0.25 by kelly x 0.25"


def test_an_expiry_waits_then_settles_into_a_result() -> None:
    """Pending while no price is known; afterwards flat, one trade won."""
    waiting = until(PENDING)
    assert waiting.status().pending_settlements == 1
    assert waiting.positions()[0].pending
    ended = until(len(STORY))
    assert (ended.positions(), ended.chains()) == ((), ())
    (strategy,) = ended.strategies()
    assert (strategy.ended, strategy.won, strategy.pnl_usd) == (1, 1, 152.1)


def test_verdicts_are_counted_by_the_rule_that_bound() -> None:
    """One approval, one refusal by the underlying's budget."""
    counted = [(one.rule, one.count, one.share) for one in until(len(STORY)).verdicts()]
    assert counted == [(None, 1, 0.5), ("underlying_risk", 1, 0.5)]


def test_over_the_engines_ledger_nothing_is_folded_twice() -> None:
    """Given the running ledger the view reads it and shows the same as its own fold."""
    ledger = Ledger()
    view = LiveView(ledger)
    for recorded in STORY:
        ledger.apply(recorded)
        view.apply(recorded)
    assert view.status() == until(len(STORY)).status()


def test_a_strategy_is_listed_before_its_first_verdict() -> None:
    """A stage alone makes a strategy known: on the account, or on its shadow at RESEARCH."""
    view = LiveView()
    view.apply(Recorded(1, EVENING, StageChanged("a", "PILOT", "config", "initial", "h")))
    view.apply(Recorded(1, EVENING, StageChanged("b", "RESEARCH", "config", "initial", "h")))
    assert [(one.strategy, one.account) for one in view.strategies()] == [
        ("a", "main"),
        ("b", "shadow:b"),
    ]


def test_facts_that_contradict_the_books_are_refused() -> None:
    """A fill without its order is no picture to show people."""
    with pytest.raises(InvariantBroken, match="is not working"):
        fold(STORY[5:6])


def test_every_row_becomes_json() -> None:
    """Status and rows are written as JSON without loss."""
    view = until(MARKED)
    for shown in (view.status(), *view.positions(), *view.chains(), *view.strategies()):
        assert msgspec.json.decode(msgspec.json.encode(shown), type=type(shown)) == shown
