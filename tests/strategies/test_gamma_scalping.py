"""Straddles bought cheap, hedged on a band, given back, and left as one chain."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from pydantic import ValidationError

from tests.builders import (
    NOW,
    at_eight,
    board,
    chain,
    hourly_bars,
    option,
    quote_of,
    situation,
    working_order,
)
from tests.risk.scenes import GATE, view
from tests.strategies.perpetuals import touch_of
from trader.domain.market import Bars, Touch
from trader.domain.situation import Perpetual
from trader.domain.trading import Approved
from trader.domain.units import HOUR, MINUTE, to_atoms
from trader.strategies.gamma_scalping import GammaScalping, GammaScalpingSettings
from trader.strategies.sketch import fictitious_perpetual
from trader.strategies.strategy import Cadence

if TYPE_CHECKING:
    from trader.domain.market import Board
    from trader.domain.portfolio import ChainView
    from trader.domain.situation import Situation
    from trader.domain.trading import Intent

EXPIRY = at_eight(7)
STRIKE = 90_000.0
PUT, CALL = option("put", STRIKE, EXPIRY), option("call", STRIKE, EXPIRY)
SWAP = fictitious_perpetual("BTC")
WILD = hourly_bars([STRIKE * (1 + 0.01 * (hour % 2)) for hour in range(300)])
DEBIT = 0.06


def scalper(**parameters: object) -> GammaScalping:
    """Scalp weekly straddles, unless changed."""
    return GammaScalping(
        name="gamma",
        underlying="BTC",
        settings=GammaScalpingSettings.model_validate(parameters),
        timetable=Cadence(2 * HOUR, 0, 5 * MINUTE),
    )


def shown(
    index: float = STRIKE, *, market: Board | None = None, touch: Any = None, **changes: Any
) -> Situation:
    """Show a board and the perpetual at a price."""
    seen = situation(board(index=index) if market is None else market, **changes)
    quoted = touch_of(SWAP, index) if touch is None else touch
    beside = Perpetual(touch=quoted, history=lambda: WILD, left_at={}, drawdown=0.0)
    return msgspec.structs.replace(seen, perpetuals={seen.board.underlying: beside})


def held(hedge_usd: float = 0.0, entry: float = STRIKE, flows: float = -2 * DEBIT) -> ChainView:
    """Hold two straddles bought at .060, hedged with some USD of the perpetual."""
    hedge = ((SWAP, hedge_usd, entry),) if hedge_usd else ()
    one = chain((PUT, 2.0, DEBIT / 2), (CALL, 2.0, DEBIT / 2), *hedge, units=2.0)
    told = {"entry_net": DEBIT, "flows": {"BTC": to_atoms(flows)}}
    return msgspec.structs.replace(one, **told)


def managed(one: ChainView, index: float = STRIKE, **changes: Any) -> tuple[Intent, ...]:
    """Ask what to do with a chain."""
    parameters = {"gain_target": 0, "loss_limit": 0} | changes
    seen = {name: parameters.pop(name) for name in ("market", "touch", "orders") if name in changes}
    return scalper(**parameters).propose(shown(index, chains=(one,), occasion="manage", **seen))


def test_buys_where_implied_is_below_the_forecast() -> None:
    """.55 against 94 % realized: put and call at the money, patiently, its loss stated."""
    (intent,) = scalper().propose(shown(bars=WILD))
    assert [(leg.instrument, leg.ratio) for leg in intent.legs] == [(PUT.name, 1), (CALL.name, 1)]
    assert intent.action == "open"
    assert 0.3 < intent.confidence < 0.5
    assert intent.stop is None
    assert scalper().propose(shown()) == ()
    assert scalper(vol_edge_min=0.5).propose(shown(bars=WILD)) == ()
    assert scalper().propose(shown(bars=Bars((), (), (), (), ()))) == ()


@pytest.mark.parametrize("share", [0.01, 0.1, 1.0])
def test_the_stated_loss_is_what_the_gate_finds_and_what_hedges_may_cost(share: float) -> None:
    """Never less than the gate's own number, which it therefore accepts, and no more than that."""
    seen = shown(bars=WILD)
    (intent,) = scalper(hedge_cost_share=share).propose(seen)
    quotes = {}
    for leg in intent.legs:
        row = seen.board.row(leg.instrument)
        assert row is not None
        quotes[leg.instrument] = Touch(
            seen.board.instruments[row], float(seen.board.bid[row]), 25.0,
            float(seen.board.ask[row]), 25.0, float(seen.board.mark[row]), 0.55, STRIKE, STRIKE,
            fresh=True, age_s=1.0,
        )  # fmt: skip
    fields: dict[str, Any] = {"at": NOW, "index": STRIKE, "touches": quotes}
    verdict = GATE.judge(intent, view(**fields), "V1-0")
    alone = msgspec.structs.replace(intent, stated_max_loss_usd=None)
    plain = GATE.judge(alone, view(**fields), "V1-0")
    assert isinstance(verdict, Approved)
    assert isinstance(plain, Approved)
    own = plain.max_loss.usd / plain.amount
    aside = share * (intent.pricing.worst_net or 0.0) * STRIKE
    assert verdict.max_loss.usd / verdict.amount == pytest.approx(own + aside)


def test_hedges_once_the_delta_leaves_the_band() -> None:
    """Up 4 %: sells the perpetual against both straddles; down: buys; within the band nothing."""
    (sell,) = managed(held(), STRIKE * 1.04)
    assert (sell.action, sell.legs[0].instrument, sell.legs[0].ratio) == ("hedge", SWAP.name, -1)
    assert sell.chain_id == "K1"
    assert sell.amount is not None
    assert sell.amount % SWAP.min_trade_amount == 0
    assert 0.2 < sell.amount / (STRIKE * 1.04) / 2 < 0.6
    (buy,) = managed(held(), STRIKE * 0.96)
    assert buy.legs[0].ratio == 1
    assert managed(held(), STRIKE * 1.005) == ()
    assert managed(held(), STRIKE * 1.04, delta_band=0.9) == ()


def test_a_hedge_has_whole_contracts_for_every_lot() -> None:
    """Two units are twenty lots: so many times 10 USD, no more than is displayed; else nothing."""
    (sell,) = managed(held(), STRIKE * 1.04)
    assert sell.amount is not None
    assert sell.amount % 200 == 0
    price = STRIKE * 1.04
    (part,) = managed(held(), price, touch=touch_of(SWAP, price, bid_amount=10_399.0))
    assert part.amount == 10_200.0
    assert managed(held(), price, touch=touch_of(SWAP, price, bid_amount=190.0)) == ()


def test_what_is_hedged_is_not_hedged_again() -> None:
    """The hedge's own delta counts: only what is missing is sold."""
    (first,) = managed(held(), STRIKE * 1.04)
    assert first.amount is not None
    assert managed(held(-first.amount, STRIKE * 1.04), STRIKE * 1.04) == ()
    (more,) = managed(held(-first.amount, STRIKE * 1.04), STRIKE * 1.07)
    assert more.amount is not None
    assert more.amount < first.amount


def test_a_hedge_counts_by_what_it_does_to_the_value_in_usd() -> None:
    """Sold lower, its dollars are more coins: 90,000 USD sold at 75,000 hedge 1.2 at any price."""
    deep = STRIKE * 1.14
    (sell,) = managed(held(-90_000.0, 75_000.0), deep, delta_band=0.3)
    (less,) = managed(held(-90_000.0, STRIKE), deep, delta_band=0.3)
    assert sell.amount is not None
    assert less.amount is not None
    assert less.amount - sell.amount == pytest.approx(0.2 * deep, abs=200)


def test_a_hedge_is_given_back_when_the_price_returns() -> None:
    """At most what is held; with the close that follows where the gate refuses."""
    back, close = managed(held(-90_000.0, STRIKE * 1.05), STRIKE)
    assert (back.action, back.legs[0].ratio) == ("hedge", 1)
    assert back.amount is not None
    assert 60_000 < back.amount <= 90_000
    assert close.action == "close"
    assert {leg.instrument for leg in close.legs} == {PUT.name, CALL.name, SWAP.name}
    assert close.pricing.limit_net is None
    beyond, _ = managed(held(-30_000.0, STRIKE * 1.05), STRIKE * 0.95)
    assert beyond.amount == 30_000.0


def test_a_hedge_that_locks_in_nothing_is_not_made() -> None:
    """Nearer to the strike than its costs it could only add to what can be lost."""
    assert managed(held(), STRIKE * 1.0005, delta_band=0.02) == ()


def test_leaves_by_gain_loss_time_and_cost() -> None:
    """What hedges have realized and still show counts with the options."""

    def reason(one: ChainView, index: float = STRIKE, **changes: Any) -> str | None:
        intents = managed(one, index, delta_band=1.0, **changes)
        return intents[0].reason.partition(":")[0] if intents else None

    assert reason(held()) is None
    assert reason(held(), STRIKE * 1.12, gain_target=0.5) == "gain"
    assert reason(held(flows=-2 * DEBIT + 0.1), gain_target=0.5) == "gain"
    assert reason(held(-90_000.0, STRIKE * 1.1), gain_target=0.5) == "gain"
    assert reason(held(), loss_limit=0.05) is None
    assert reason(held(90_000.0, STRIKE * 1.1), loss_limit=0.5) == "loss"
    late = board(at=EXPIRY - 23 * HOUR)
    assert reason(held(), market=late) == "time"
    assert reason(held(flows=-2 * DEBIT * 1.11)) == "costs"
    assert reason(held(flows=-2 * DEBIT * 1.09)) is None


def test_a_hedge_whose_options_are_gone_is_closed() -> None:
    """No perpetual is held alone."""
    left = chain((SWAP, -50_000.0, STRIKE), units=2.0)
    (close,) = managed(left)
    assert close.action == "close"
    assert [leg.instrument for leg in close.legs] == [SWAP.name]


def test_nothing_is_done_blind_or_twice() -> None:
    """A stale option, a stale or one-sided perpetual, an absurd touch, a working order: wait."""
    one, up = held(), STRIKE * 1.04
    market = board(index=up)
    assert managed(one, up, market=quote_of(market, CALL.name, fresh=False)) == ()
    for damage in ({"fresh": False}, {"bid": math.nan}, {"ask": 0.0}, {"ask": math.inf}):
        assert managed(one, up, touch=touch_of(SWAP, up, **damage)) == ()
    assert managed(one, up, orders=(working_order("hedge"),)) == ()
    late = quote_of(board(at=EXPIRY - 23 * HOUR), CALL.name, bid=0.0001)
    assert managed(one, market=late) == ()


def test_impossible_parameters_are_refused_by_name() -> None:
    """An exit before the entry, no band, nothing set aside."""
    for wrong in ({"debit_exit_hours": 60}, {"delta_band": 0}, {"hedge_cost_share": 0}):
        with pytest.raises(ValidationError, match=next(iter(wrong))):
            scalper(**wrong)


def test_sketch_is_a_bought_straddle() -> None:
    """Both at the money."""
    legs = scalper().sketch(STRIKE, 0.55, NOW)
    assert [(leg.ratio, leg.instrument.strike) for leg in legs] == [(1, STRIKE), (1, STRIKE)]
