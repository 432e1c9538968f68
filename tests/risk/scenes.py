"""What stands before the gate in these tests? Contracts, touches, chains and views, all typed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import msgspec

from trader.domain.instruments import Instrument
from trader.domain.market import Touch
from trader.domain.portfolio import ChainView, Position, WorkingOrder
from trader.domain.trading import Consumer, Intent, Leg, Order
from trader.domain.units import DAY, YEAR
from trader.pricing.black_scholes import price
from trader.risk.gate import Gate, GateView
from trader.risk.limits import RiskSettings

if TYPE_CHECKING:
    from trader.domain.instruments import OptionType, SettlementPeriod
    from trader.domain.trading import Action

NOW = 20_000 * DAY + 18 * DAY // 24
SPOT = 65_000.0
EQUITY = 3_000_000.0
VOL = 0.6


def option(
    option_type: OptionType = "call",
    strike: float = 70_000.0,
    days: float = 7.0,
    *,
    inverse: bool = True,
    underlying: str = "BTC",
    period: SettlementPeriod = "week",
    step: float = 0.1,
) -> Instrument:
    """List one option expiring `days` after NOW."""
    pair = underlying if inverse else f"{underlying}_USDC"
    return Instrument(
        name=f"{pair}-{days:g}D-{strike:g}-{option_type[0].upper()}",
        kind="option",
        underlying=underlying,
        settlement_currency=underlying if inverse else "USDC",
        inverse=inverse,
        price_index=f"{underlying.lower()}_usd",
        tick_size=0.0001,
        min_trade_amount=step,
        contract_size=1.0,
        maker_fee_rate=0.0003,
        taker_fee_rate=0.0003,
        settlement_period=period,
        option_type=option_type,
        strike=strike,
        expires_at=NOW + int(days * DAY),
    )


def perpetual(*, inverse: bool = True, underlying: str = "BTC") -> Instrument:
    """List a perpetual."""
    return Instrument(
        name=f"{underlying}{'' if inverse else '_USDC'}-PERPETUAL",
        kind="perpetual",
        underlying=underlying,
        settlement_currency=underlying if inverse else "USDC",
        inverse=inverse,
        price_index=f"{underlying.lower()}_usd",
        tick_size=0.5,
        min_trade_amount=10.0 if inverse else 0.001,
        contract_size=10.0 if inverse else 0.001,
        maker_fee_rate=0.0,
        taker_fee_rate=0.0005,
        settlement_period="perpetual",
    )


def touch(instrument: Instrument, *, spot: float = SPOT, **changes: Any) -> Touch:
    """Quote a contract by Black-76, two ticks wide, fresh and two-sided."""
    if instrument.kind == "option":
        years = ((instrument.expires_at or 0) - NOW) / YEAR
        usd = price(instrument.option_type or "call", spot, instrument.strike or 0.0, years, VOL)
        mark = usd / spot if instrument.inverse else usd
        half = 0.0002 if instrument.inverse else 13.0
    else:
        mark, half = spot, 0.5
    quoted = Touch(
        instrument=instrument,
        bid=max(mark - half, half / 2),
        bid_amount=25.0,
        ask=mark + half,
        ask_amount=25.0,
        mark=mark,
        mark_iv=VOL if instrument.kind == "option" else math.nan,
        underlying_price=spot,
        index=spot,
        fresh=True,
        age_s=1.0,
    )
    return msgspec.structs.replace(quoted, **changes)


SHORT_CALL = option("call", 70_000.0)
LONG_CALL = option("call", 74_000.0)
FAR_CALL = option("call", 76_000.0, 14.0)
VERTICAL = (Leg(SHORT_CALL.name, -1), Leg(LONG_CALL.name, 1))
COVERED = (Leg(SHORT_CALL.name, -1),)
BOARD = {one.name: touch(one) for one in (SHORT_CALL, LONG_CALL, FAR_CALL)}


def intent(action: Action = "open", legs: tuple[Leg, ...] = VERTICAL, **changes: Any) -> Intent:
    """Wish for a bear call spread on BTC."""
    fields: dict[str, Any] = {
        "strategy": "directional_btc",
        "action": action,
        "underlying": "BTC",
        "legs": legs,
        "confidence": 0.7,
        "reason": "trend and delta agree",
        "chain_id": None if action == "open" else "C9-0",
    }
    return Intent(**(fields | changes))


def view(**changes: Any) -> GateView:
    """Show a rich account that holds nothing."""
    fields: dict[str, Any] = {
        "at": NOW,
        "account": "main",
        "stage": "PRODUCTION",
        "equity_usd": EQUITY,
        "index": SPOT,
        "touches": BOARD,
        "consumers": (),
        "slots_used": (),
        "open_chains": 0,
        "chain": None,
        "free_coins": {"BTC": 20.0},
        "margin_balance": {"BTC": 20.0, "USDC": 1_000_000.0},
        "initial_margin": {},
        "maintenance_margin": {},
        "trading_pnl_usd": 0.0,
        "day_open_pnl_usd": 0.0,
        "peak_pnl_usd": 0.0,
        "paused": None,
        "working": (),
    }
    return GateView(**(fields | changes))


def consumer(id: str = "C1-0", share: float = 0.009, **changes: Any) -> Consumer:  # noqa: A002
    """An open position that uses part of BTC's budget."""
    fields: dict[str, Any] = {
        "id": id,
        "kind": "position",
        "strategy": "covered_call_btc",
        "underlying": "BTC",
        "share": share,
        "frees_at": NOW + DAY,
    }
    return Consumer(**(fields | changes))


def chain(
    units: float = 2.0,
    *,
    legs: tuple[tuple[Instrument, float], ...] = ((SHORT_CALL, -1.0), (LONG_CALL, 1.0)),
    **changes: Any,
) -> ChainView:
    """A vertical that directional_btc sold before, with a max loss of 4,200 USD a unit."""
    fields: dict[str, Any] = {
        "chain_id": "C9-0",
        "account": "main",
        "strategy": "directional_btc",
        "underlying": "BTC",
        "state": "open",
        "approved_at": NOW - DAY,
        "opened_at": NOW - DAY,
        "units": units,
        "entry_net": -0.004,
        "index_at_open": SPOT,
        "equity_at_open_usd": EQUITY,
        "positions": tuple(
            Position("C9-0", instrument, ratio * units, touch(instrument).mark)
            for instrument, ratio in legs
        ),
        "flows": {},
        "max_loss_usd": 4_200.0 * units,
        "max_loss_coin": 0.056 * units,
        "expires_at": SHORT_CALL.expires_at,
        "confidence": 0.7,
        "reason": "trend",
    }
    return ChainView(**(fields | changes))


def working(
    action: Action = "close", amount: float = 2.0, filled: float = 0.0, chain_id: str = "C9-0"
) -> WorkingOrder:
    """An order of directional_btc that rests."""
    order = Order(
        order_id="O8-0",
        account="main",
        verdict_id="V8-0",
        strategy="directional_btc",
        underlying="BTC",
        chain_id=chain_id,
        action=action,
        legs=VERTICAL,
        amount=amount,
        limit_net=0.001,
        worst_net=0.002,
        live_at=NOW,
        patient_until=NOW,
        expires_at=NOW + DAY,
        placed_at=NOW,
    )
    return WorkingOrder(order, filled)


GATE = Gate(RiskSettings())
