"""One evening of one account, fact by fact, with numbers that can be checked by hand.

A covered call is approved, sold (0.6 x 0.0042 = 0.00252 BTC = 163.80 USD at 65,000) and expires
worthless; a second one is refused; a person pauses the strategy; a halt comes and goes.
"""

from __future__ import annotations

from typing import Final

from trader.domain.events import PauseTrading, StageChanged
from trader.domain.facts import (
    AccountMarked,
    AccountOpened,
    AlertRaised,
    ChainEnded,
    CommandTaken,
    EpochOpened,
    Filled,
    HaltChanged,
    LegSettlement,
    OrderEnded,
    OrderPlaced,
    Posting,
    Recorded,
    Settled,
    SettlementPending,
)
from trader.domain.instruments import Instrument
from trader.domain.trading import (
    Approved,
    Consumer,
    Intent,
    Leg,
    LegFill,
    LimitUse,
    MaxLoss,
    Order,
    Refused,
    Reservation,
)
from trader.domain.units import ATOMS_PER_UNIT, HOUR, SECOND

EVENING: Final = 1_780_336_800 * SECOND
"""2026-06-01T18:00:00Z"""
EXPIRY: Final = EVENING + 14 * HOUR
NAME: Final = "BTC-2JUN26-66000-C"

CALL: Final = Instrument(
    name=NAME,
    kind="option",
    underlying="BTC",
    settlement_currency="BTC",
    inverse=True,
    price_index="btc_usd",
    tick_size=0.0001,
    min_trade_amount=0.1,
    contract_size=1.0,
    maker_fee_rate=0.0003,
    taker_fee_rate=0.0003,
    settlement_period="day",
    option_type="call",
    strike=66_000.0,
    expires_at=EXPIRY,
)

INTENT: Final = Intent(
    strategy="covered_call_btc",
    action="open",
    underlying="BTC",
    legs=(Leg(NAME, -1),),
    confidence=0.75,
    reason="delta 0.25 one day out",
)

APPROVED: Final = Approved(
    verdict_id="v1",
    account="main",
    intent=INTENT,
    stage="PRODUCTION",
    amount=0.6,
    chain_id="c1",
    max_loss=MaxLoss(2340.0, 0.0312, 0.009, 52_000.0, 81_250.0),
    reservation=Reservation("r1", 2340.0, 0.0312, slot=True),
    limits=(
        LimitUse("per_trade_risk", 0.01, 0.0, 0.009),
        LimitUse("underlying_risk", 0.03, 0.016, 0.009),
        LimitUse("daily_trades", 2.0, 0.0, 1.0),
    ),
)

REFUSED: Final = Refused(
    verdict_id="v2",
    account="main",
    intent=INTENT,
    stage="PRODUCTION",
    rule="underlying_risk",
    limit=0.03,
    used=0.025,
    requested=0.009,
    explanation="the BTC budget is full",
    allowed=0.3,
    consumers=(
        Consumer("c1", "position", "covered_call_btc", "BTC", 0.009, EXPIRY),
        Consumer("c7", "order", "directional_btc", "BTC", 0.016, None),
    ),
    frees_at=EXPIRY,
    equity_needed_usd=1_234_567.0,
    limits=(LimitUse("underlying_risk", 0.03, 0.025, 0.009),),
    data_quality=("stale quotes: BTC-PERPETUAL",),
)

ORDER: Final = Order(
    order_id="o1",
    account="main",
    verdict_id="v1",
    strategy="covered_call_btc",
    underlying="BTC",
    chain_id="c1",
    action="open",
    legs=INTENT.legs,
    amount=0.6,
    limit_net=-0.0042,
    worst_net=-0.0040,
    live_at=EVENING + SECOND,
    patient_until=EVENING + 30 * SECOND,
    expires_at=EVENING + HOUR,
    placed_at=EVENING,
)

PLACED: Final = OrderPlaced(order=ORDER, instruments=(CALL,), equity_usd=260_000.0, index=65_000.0)

FILLED: Final = Filled(
    fill_id="f1",
    order_id="o1",
    account="main",
    strategy="covered_call_btc",
    chain_id="c1",
    amount=0.6,
    legs=(LegFill(NAME, -0.6, 0.0042, 0.0042, 65_000.0, 18_000, "BTC", maker=False),),
    postings=(
        Posting("cash", "BTC", 252_000),
        Posting("premium", "BTC", -252_000),
        Posting("cash", "BTC", -18_000),
        Posting("fees", "BTC", 18_000),
    ),
)

SETTLED: Final = Settled(
    account="main",
    underlying="BTC",
    expires_at=EXPIRY,
    delivery_price=65_100.0,
    legs=(
        LegSettlement(
            chain_id="c1",
            instrument=NAME,
            amount=-0.6,
            payoff=0.0,
            paid_atoms=0,
            fee_atoms=0,
            currency="BTC",
        ),
    ),
    postings=(),
)

ENDED: Final = ChainEnded(
    account="main",
    strategy="covered_call_btc",
    chain_id="c1",
    underlying="BTC",
    opened_at=EVENING + 5 * SECOND,
    pnl={"BTC": 234_000},
    pnl_usd=152.1,
    pnl_pct=0.000585,
    how="settled",
)


def _halt(*, active: bool) -> HaltChanged:
    return HaltChanged(
        account="main",
        rule="daily_loss_halt",
        active=active,
        limit=0.03,
        used=0.031,
        detail="lost 3.1 % of equity today",
    )


MARKED: Final = AccountMarked(
    account="main",
    equity_usd=260_000.0,
    trading_pnl_usd=164.0,
    indices={"BTC": 65_000.0},
    stale=("ETH-PERPETUAL",),
)

STORY: Final = (
    Recorded(
        1,
        EVENING,
        EpochOpened(
            epoch=1,
            feed="simulated",
            speed=300.0,
            market="simulated:7:1",
            software="0.1.0",
            configuration_hash="c0ffee",
        ),
    ),
    Recorded(
        1,
        EVENING,
        AccountOpened("main", {"BTC": 2 * ATOMS_PER_UNIT, "USDC": 130_000 * ATOMS_PER_UNIT}),
    ),
    Recorded(
        1,
        EVENING,
        StageChanged("covered_call_btc", "PRODUCTION", "config", "initial stage", "c0ffee"),
    ),
    Recorded(2, EVENING, APPROVED),
    Recorded(2, EVENING, PLACED),
    Recorded(3, EVENING + 5 * SECOND, FILLED),
    Recorded(3, EVENING + 5 * SECOND, OrderEnded("o1", "main", "filled")),
    Recorded(4, EVENING + HOUR, MARKED),
    Recorded(5, EVENING + HOUR, REFUSED),
    Recorded(
        6,
        EVENING + HOUR,
        CommandTaken(PauseTrading(by="ann", reason="news", strategy="covered_call_btc")),
    ),
    Recorded(7, EVENING + HOUR, _halt(active=True)),
    Recorded(8, EVENING + 2 * HOUR, _halt(active=False)),
    Recorded(
        9,
        EVENING + 2 * HOUR,
        AlertRaised(kind="feed_lost", severity="warning", text="no heartbeat for 12 s"),
    ),
    Recorded(10, EXPIRY, SettlementPending("main", "BTC", EXPIRY, (NAME,))),
    Recorded(11, EXPIRY + 5 * SECOND, SETTLED),
    Recorded(11, EXPIRY + 5 * SECOND, ENDED),
)
