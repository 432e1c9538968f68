"""Is scalped gamma one story, to the satoshi? Straddles and hedges through the real engine."""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest

from tests.backtest.pasts import PRICE, day, market
from tests.simulation.harness import ledger_state, recovered
from trader.backtest.beside import BesidePerpetual
from trader.backtest.runner import Terms, run_backtest
from trader.backtest.trade_history import TradeHistory
from trader.domain.facts import ChainEnded, Filled, FundingPaid, OrderPlaced, Recorded, Settled
from trader.domain.trading import Approved
from trader.domain.units import HOUR
from trader.engine.audit import Audit
from trader.risk.limits import RiskSettings
from trader.storage.payload import decode, encode
from trader.strategies.gamma_scalping import GammaScalping, GammaScalpingSettings
from trader.strategies.strategy import Cadence

TERMS = Terms(balances={"BTC": 20.0})


@functools.cache
def story() -> tuple[TradeHistory, tuple[Recorded, ...]]:
    """Buy straddles on a price that swings by 6 % every two days, for three weeks."""
    hours = np.arange(24 * 30)
    noise = np.random.default_rng(5).normal(0.0, 0.004, len(hours))
    close = PRICE * np.exp(0.06 * np.sin(hours * 2 * math.pi / 48) + noise)
    strategy = GammaScalping(
        name="gamma",
        underlying="BTC",
        settings=GammaScalpingSettings(
            target_days=5, vol_edge_min=-0.5, delta_band=0.1, gain_target=2, loss_limit=0
        ),
        timetable=Cadence(24 * HOUR, 9 * HOUR, HOUR),
    )
    boards = market(close, vol=0.45).chains(days_max=10.0)
    heard: list[Recorded] = []
    told = run_backtest(strategy, BesidePerpetual(boards), TERMS, day(7), day(28),
                        hear=lambda one: heard.extend(one.records))  # fmt: skip
    return told, tuple(heard)


def test_hedges_are_made_and_given_back() -> None:
    """Both ways, by orders of one perpetual; none takes a slot of the day."""
    _, records = story()
    hedges = [one.fact for one in records if isinstance(one.fact, Approved)
              and one.fact.intent.action == "hedge"]  # fmt: skip
    assert len([one for one in hedges if "give back" in one.intent.reason]) > 5
    assert len([one for one in hedges if "give back" not in one.intent.reason]) > 5
    assert {one.intent.legs[0].ratio for one in hedges} == {1.0, -1.0}
    assert not any(one.reservation.slot for one in hedges)


def test_a_chain_is_one_trade_and_ends_flat() -> None:
    """Each result is all its flows: premiums, hedges, fees, funding, and what options that nobody
    bid for settled at; nothing is left of it.
    """
    told, records = story()
    facts = [one.fact for one in records]
    opened = {one.order.chain_id for one in facts
              if isinstance(one, OrderPlaced) and one.order.action == "open"}  # fmt: skip
    ended = [one for one in facts if isinstance(one, ChainEnded)]
    assert len(ended) == len(told.chains) >= 5
    assert {one.chain_id for one in ended} <= opened
    for one in ended:
        moved = [
            posting.atoms
            for fact in facts
            if isinstance(fact, Filled | FundingPaid) and fact.chain_id == one.chain_id
            for posting in fact.postings
            if posting.book == "cash"
        ]
        settled = [leg for fact in facts if isinstance(fact, Settled) for leg in fact.legs
                   if leg.chain_id == one.chain_id]  # fmt: skip
        paid = sum(leg.paid_atoms - leg.fee_atoms for leg in settled)
        assert sum(moved) + paid == one.pnl["BTC"]
        held = {leg.instrument: -leg.amount for leg in settled}
        for fact in facts:
            if isinstance(fact, Filled) and fact.chain_id == one.chain_id:
                for leg in fact.legs:
                    held[leg.instrument] = held.get(leg.instrument, 0.0) + leg.amount
        assert all(amount == pytest.approx(0.0, abs=1e-9) for amount in held.values())
        assert "BTC-PERPETUAL" in held
    assert any(isinstance(one, FundingPaid) and one.postings for one in facts)


def test_hedging_a_swinging_price_pays_for_the_decay() -> None:
    """What realized volatility far above the implied one brings, and what hedges have to do with
    it: most chains win.
    """
    told, _ = story()
    won = [one.pnl_pct > 0 for one in told.chains]
    assert sum(won) > len(won) / 2


def test_the_books_add_up_and_are_recovered() -> None:
    """The audit finds nothing; facts written and read again fold to the same ledger."""
    _, records = story()
    again = [Recorded(one.sequence, one.at, decode(encode(one.fact))) for one in records]
    assert Audit(RiskSettings()).read(again) == ()
    assert ledger_state(recovered(again)) == ledger_state(recovered(records))
