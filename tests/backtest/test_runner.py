"""Does a backtest trade by the live rules, and tell a true story?"""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

import msgspec
import numpy as np
import pytest

from tests.backtest.pasts import PRICE, TERMS, chains, day, market, seller, wandering
from trader.backtest.runner import DAILY, NOTES, Terms, run_backtest
from trader.backtest.trade_history import TradeHistory
from trader.domain.events import ResumeTrading
from trader.domain.facts import CommandTaken, Filled, OrderPlaced, Settled
from trader.domain.instruments import Instrument
from trader.domain.models import ModelCalibrated
from trader.domain.situation import Situation
from trader.domain.trading import Intent, Leg
from trader.domain.units import HOUR, MILLISECOND
from trader.engine.model_desk import Ensemble
from trader.engine.outcome import Outcome
from trader.pricing.board_quotes import CalibrationSettings
from trader.pricing.models import BlackScholes, Merton
from trader.risk.limits import RiskSettings
from trader.strategies.covered_call import CoveredCall, CoveredCallSettings
from trader.strategies.strategy import Cadence

ROOT = Path(__file__).resolve().parent.parent.parent
SOLD_AT = 5 * 24 + 9  # hours


def _steps(change: float, hour: int = SOLD_AT + 3) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    close = np.full(24 * 9, PRICE)
    close[hour:] *= 1 + change
    return close


def _story(
    close: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> tuple[TradeHistory, list[Outcome]]:
    """Sell one call on the fifth day; it settles on the sixth."""
    heard: list[Outcome] = []
    history = market(close).chains(days_max=4.0)
    end = day(6) + 9 * HOUR
    told = run_backtest(seller(), history, TERMS, day(5), end, hear=heard.append)
    return told, heard


def _one(heard: list[Outcome]) -> tuple[Instrument, Filled, Settled]:
    facts = [fact for outcome in heard for fact in outcome.facts]
    (placed,) = (fact for fact in facts if isinstance(fact, OrderPlaced))
    (filled,) = (fact for fact in facts if isinstance(fact, Filled))
    (settled,) = (fact for fact in facts if isinstance(fact, Settled))
    return placed.instruments[0], filled, settled


def test_a_call_that_expires_worthless_keeps_its_premium() -> None:
    """Premium less the fee of .0003 a coin, to the satoshi; delivery out of the money is free."""
    told, heard = _story(_steps(0.0))
    instrument, filled, settled = _one(heard)
    (chain,), (leg,) = told.chains, filled.legs
    assert leg.amount < 0
    assert instrument.expires_at == day(6) + 8 * HOUR
    assert leg.fee_atoms == round(-leg.amount * min(0.0003, 0.125 * leg.price) * 1e8)
    assert settled.legs[0].fee_atoms == 0
    coins = -leg.amount * leg.price - leg.fee_atoms / 1e8
    assert chain.pnl_pct == pytest.approx(coins / 20.0, abs=1e-12)
    assert chain.fees_pct == pytest.approx(-leg.fee_atoms / 1e8 / 20.0, abs=1e-14)
    assert chain.premium_pct == pytest.approx(-leg.amount * leg.price / 20.0, abs=1e-12)
    assert (chain.how, chain.closed_at) == ("settled", day(6) + 8 * HOUR)


def test_a_call_that_ends_in_the_money_pays_at_the_price_of_eight() -> None:
    """Payoff (S - K) / S coin on the delivery price, premium and fees beside it."""
    told, heard = _story(_steps(0.08))
    instrument, filled, settled = _one(heard)
    (leg,), price = filled.legs, PRICE * 1.08
    assert settled.delivery_price == price
    payoff = (price - (instrument.strike or 0.0)) / price
    assert payoff > 0
    fees = (leg.fee_atoms + settled.legs[0].fee_atoms) / 1e8
    coins = -leg.amount * leg.price - fees + leg.amount * payoff
    assert told.chains[0].pnl_pct == pytest.approx(coins / 20.0, abs=1e-9)
    assert told.chains[0].fees_pct == pytest.approx(-fees / 20.0, abs=1e-12)


def test_a_decision_sees_the_board_of_its_minute_and_fills_later() -> None:
    """Decided at nine on the board of nine, filled once its order had time to arrive."""
    _, heard = _story(_steps(0.0))
    instants = {type(fact): outcome.at for outcome in heard for fact in outcome.facts}
    assert instants[OrderPlaced] == day(5) + 9 * HOUR
    assert instants[Filled] >= day(5) + 9 * HOUR + 200 * MILLISECOND


def test_an_order_an_hour_late_meets_the_market_an_hour_later() -> None:
    """The stress of latency delays the arrival; nothing fills before."""
    late = msgspec.structs.replace(TERMS, latency=HOUR)
    heard: list[Outcome] = []
    strategy = seller(lifetime_minutes=240.0)
    history = market(days=16).chains(days_max=4.0)
    run_backtest(strategy, history, late, day(2), day(15), hear=heard.append)
    placed: dict[str, int] = {}
    filled: dict[str, int] = {}
    for outcome in heard:
        for fact in outcome.facts:
            if isinstance(fact, OrderPlaced):
                placed[fact.order.order_id] = outcome.at
            elif isinstance(fact, Filled):
                filled.setdefault(fact.order_id, outcome.at)
    assert filled
    assert all(at - placed[name] >= HOUR for name, at in filled.items())


def test_a_halt_ends_at_the_next_midnight() -> None:
    """A loss beyond the limit stops opening; at midnight trading resumes, as is stated."""
    strict = Terms(balances={"BTC": 20.0}, risk=RiskSettings(drawdown_halt=0.0001))
    heard: list[Outcome] = []
    history = market(_steps(0.10)).chains(days_max=4.0)
    told = run_backtest(seller(), history, strict, day(5), day(8), hear=heard.append)
    assert told.halted >= 1
    resumed = [
        outcome.at
        for outcome in heard
        for fact in outcome.facts
        if isinstance(fact, CommandTaken) and isinstance(fact.command, ResumeTrading)
    ]
    assert resumed[0] == day(6)
    assert len(told.chains) > 1


def test_coins_without_a_price_here_are_left_out() -> None:
    """trap: an account that holds another coin as well is worth NaN, and every open was refused."""
    wide = Terms(balances=dict(TERMS.balances) | {"ETH": 300.0})
    found = run_backtest(seller(), chains(12), wide, day(2), day(11))
    assert found.chains == run_backtest(seller(), chains(12), TERMS, day(2), day(11)).chains
    assert found.chains
    assert any("other coins have no price" in one for one in found.provenance.caveats)


def test_every_result_states_what_it_is() -> None:
    """Modelled boards, full stage, no behavior layer: in the provenance of the result, and so."""
    told, heard = _story(_steps(0.0))
    verdicts = [one for outcome in heard for one in outcome.verdicts]
    assert verdicts
    assert all(one.restraint is None for one in verdicts)
    assert told.provenance.kind == "modelled"
    assert {*NOTES, DAILY} < set(told.provenance.caveats)
    assert told.decisions == 1
    assert told.failed == told.skipped == 0


def test_another_coin_is_refused_by_name() -> None:
    """A strategy on ETH cannot run on the past of BTC."""
    history = chains(6)
    history.underlying = "ETH"
    with pytest.raises(ValueError, match="calls trades BTC, the history is ETH's"):
        run_backtest(seller(), history, TERMS, day(2), day(3))


def test_an_unknown_span_is_refused_by_name() -> None:
    """What there is stands in the message."""
    with pytest.raises(ValueError, match="not within 2022-01-03T01:00:00Z to"):
        run_backtest(seller(), chains(6), TERMS, day(2), day(30))


def test_the_same_run_gives_the_same_bytes() -> None:
    """Twice in a process: equal results, equal fingerprints; another past differs."""
    first, second = (
        run_backtest(seller(), chains(12), TERMS, day(2), day(11), fingerprint=True)
        for _ in range(2)
    )
    assert msgspec.json.encode(first) == msgspec.json.encode(second)
    other = market(wandering(12, seed=2)).chains(days_max=10.0)
    third = run_backtest(seller(), other, TERMS, day(2), day(11), fingerprint=True)
    assert third.digest != first.digest


def test_the_order_of_hashing_is_no_input() -> None:
    """Two processes with different hash seeds make the same fingerprint."""
    program = (
        "from tests.backtest.pasts import *;"
        "from trader.backtest.runner import run_backtest;"
        "print(run_backtest(seller(), chains(8), TERMS, day(2), day(7), fingerprint=True).digest)"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            capture_output=True, check=True, text=True,
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(digests) == 1
    assert len(digests.pop().strip()) == 64


class Asking(CoveredCall):
    """Sells nothing; notes what it is told of the market and of options."""

    asks_models: ClassVar[bool] = True
    told: ClassVar[list[tuple[str | None, float]]] = []

    def propose(self, situation: Situation) -> tuple[Intent, ...]:
        """Ask what the first option is worth."""
        leg = Leg(situation.board.instruments[len(situation.board) // 2].name, 1.0)
        edge = situation.models.edge([leg], 0.01)
        worth = edge.worth.value if edge is not None else math.nan
        self.told.append((situation.regime, worth))
        return ()


def test_who_asks_models_is_answered_in_a_backtest() -> None:
    """Models are fitted at each board that is due, before the decision; regimes are told."""
    Asking.told.clear()
    history = market(wandering(70)).chains(days_max=4.0)
    asking = Asking(
        name="asking",
        underlying="BTC",
        settings=CoveredCallSettings(),
        timetable=Cadence(24 * HOUR, 9 * HOUR, HOUR),
    )
    heard: list[Outcome] = []
    daily = CalibrationSettings(every_minutes=24 * 60)
    ensemble = Ensemble((BlackScholes(), Merton()), calibration=daily)
    terms = msgspec.structs.replace(TERMS, ensemble=ensemble)
    run_backtest(asking, history, terms, day(62), day(66), hear=heard.append)
    said = [
        fact for outcome in heard for fact in outcome.facts if isinstance(fact, ModelCalibrated)
    ]
    assert {one.model for one in said} == {"black_scholes", "merton"}
    assert not [one.reason for one in said if one.reason]
    assert len(Asking.told) >= 4
    assert all(regime is not None and worth > 0 for regime, worth in Asking.told)


def test_who_asks_no_models_pays_for_none() -> None:
    """With an ensemble at hand, a strategy that does not ask trades as without one."""
    history = market(wandering(9)).chains(days_max=4.0)
    terms = msgspec.structs.replace(TERMS, ensemble=Ensemble((BlackScholes(),)))
    with_models = run_backtest(seller(), history, terms, day(5), day(8), fingerprint=True)
    without = run_backtest(seller(), history, TERMS, day(5), day(8), fingerprint=True)
    assert with_models.digest == without.digest
