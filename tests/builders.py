"""How do tests make markets and situations? Small builders with sane defaults, all typed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from trader.domain.instruments import Instrument
from trader.domain.market import Bars, Board
from trader.domain.portfolio import ChainView, Position, WorkingOrder
from trader.domain.situation import Situation
from trader.domain.trading import Leg, Order
from trader.domain.units import DAY, HOUR, YEAR, moment, nanoseconds
from trader.pricing.black_scholes import price_and_greeks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from trader.domain.instruments import OptionType
    from trader.domain.market import Bools
    from trader.domain.portfolio import ChainState
    from trader.domain.trading import Action

    Rows = slice | int | Bools
    Direction = Literal["up", "down", "flat"]

NOW = nanoseconds(datetime(2026, 11, 20, 18, tzinfo=UTC))
INDEX = {"BTC": 90_000.0, "ETH": 3_000.0, "AVAX": 3_000.0}
COLUMNS = (
    "bid", "bid_amount", "ask", "ask_amount", "mark", "mark_iv",
    "underlying_price", "delta", "fresh",
)  # fmt: skip


def at_eight(days: int, at: int = NOW) -> int:
    """Name the 08:00 UTC expiry `days` calendar days after the day of `at`."""
    return at // DAY * DAY + days * DAY + 8 * HOUR


def option(
    option_type: OptionType = "call",
    strike: float = 95_000.0,
    expires_at: int = at_eight(1),
    underlying: str = "BTC",
    *,
    inverse: bool = True,
) -> Instrument:
    """List one option as Deribit does."""
    day = moment(expires_at).strftime("%-d%b%y").upper()
    letter = "C" if option_type == "call" else "P"
    return Instrument(
        name=f"{underlying if inverse else underlying + '_USDC'}-{day}-{strike:.15g}-{letter}",
        kind="option",
        underlying=underlying,
        settlement_currency=underlying if inverse else "USDC",
        inverse=inverse,
        price_index=f"{underlying.lower()}_usd",
        tick_size=0.0001,
        tick_size_steps=((0.005, 0.0005),),
        min_trade_amount=0.1 if underlying == "BTC" else 1.0,
        contract_size=1.0,
        maker_fee_rate=0.0003,
        taker_fee_rate=0.0003,
        settlement_period="day",
        option_type=option_type,
        strike=strike,
        expires_at=expires_at,
    )


def board(
    underlying: str = "BTC",
    *,
    at: int = NOW,
    index: float | None = None,
    iv: float = 0.55,
    days: Sequence[int] = (1, 2, 3, 7, 14),
    spread: float = 0.0002,
    inverse: bool = True,
) -> Board:
    """Quote a whole board by Black-76: strikes 0.5 % apart, `spread` coin between touches; without
    `inverse` in USDC, as much wider as a coin costs.

    The arrays are read-only, so a strategy that writes into what it sees fails.
    """
    forward = INDEX[underlying] if index is None else index
    strikes = [INDEX[underlying] * (200 + k) / 200 for k in range(-30, 31)]
    instruments = tuple(
        option(kind, strike, at_eight(day), underlying, inverse=inverse)
        for day in days
        for strike in strikes
        for kind in ("call", "put")
    )
    strike = np.array([one.strike for one in instruments], dtype=np.float64)
    expires_at = np.array([one.expires_at for one in instruments], dtype=np.int64)
    is_call = np.array([one.option_type == "call" for one in instruments])
    years = np.maximum(expires_at - at, 0) / YEAR
    usd, greeks = price_and_greeks(np.where(is_call, 1, -1), forward, strike, years, iv)
    unit, tick = (1.0, 0.0001) if inverse else (forward, 0.5)
    mark = usd / forward * unit
    spread *= unit
    bid = np.floor((mark - spread / 2) / tick) * tick
    size = len(instruments)
    return _board(
        underlying=underlying,
        at=at,
        index=forward,
        instruments=instruments,
        strike=strike,
        expires_at=expires_at,
        is_call=is_call,
        bid=np.round(np.where(bid > 0, bid, np.nan), 10),
        bid_amount=np.full(size, 25.0),
        ask=np.round((np.ceil((mark + spread / 2) / tick)) * tick, 10),
        ask_amount=np.full(size, 25.0),
        mark=mark,
        mark_iv=np.full(size, iv),
        underlying_price=np.full(size, forward),
        delta=np.array(greeks.delta),
        fresh=np.ones(size, dtype=np.bool_),
    )


def _board(**columns: object) -> Board:
    """Make a board whose arrays cannot be written to."""
    for column in columns.values():
        if isinstance(column, np.ndarray):
            column.flags.writeable = False
    return Board(**columns)  # type: ignore[arg-type]


def alter(board: Board, columns: Mapping[str, ArrayLike], rows: Rows = slice(None)) -> Board:
    """Copy a board with some columns overwritten at `rows` (a mask, a row, default all)."""
    whole = {name: getattr(board, name) for name in Board.FIELDS}
    for name, values in columns.items():
        changed: NDArray[Any] = whole[name].copy()
        changed[rows] = values
        whole[name] = changed
    return _board(**whole)


def quote_of(board: Board, name: str, **columns: ArrayLike) -> Board:
    """Copy a board with the quote of one instrument overwritten."""
    row = board.row(name)
    assert row is not None, f"{name} is not on the board"
    return alter(board, columns, row)


def hourly_bars(closes: Sequence[float], at: int = NOW) -> Bars:
    """Close one bar an hour, the last of them at `at`."""
    closed = tuple(float(close) for close in closes)
    opened_at = tuple(at - (len(closed) - place) * HOUR for place in range(len(closed)))
    return Bars(opened_at, closed, closed, closed, closed)


def trending_bars(direction: Direction, at: int = NOW, index: float = 90_000.0) -> Bars:
    """Move 200 hours by 0.2 % an hour, or to and fro, ending at `index`."""
    drift = {"up": 0.002, "down": -0.002, "flat": 0.0}[direction]
    return hourly_bars(
        [index * np.exp(drift * (k - 199) + 0.001 * (-1) ** k) for k in range(200)], at
    )


def situation(
    board: Board,
    *,
    occasion: Literal["open", "manage"] = "open",
    bars: Bars | None = None,
    chains: tuple[ChainView, ...] = (),
    orders: tuple[WorkingOrder, ...] = (),
    equity_usd: float = 1_800_000.0,
) -> Situation:
    """Show a board to a strategy; without bars the market has been flat."""
    return Situation(
        at=board.at,
        occasion=occasion,
        stage="PRODUCTION",
        equity_usd=equity_usd,
        board=board,
        history=lambda: trending_bars("flat", board.at, board.index) if bars is None else bars,
        chains=chains,
        orders=orders,
        free_coins={board.underlying: 20.0},
        data_quality=(),
    )


def chain(
    *held: tuple[Instrument, float, float],
    units: float = 1.0,
    state: ChainState = "open",
    approved_at: int = NOW - 3 * HOUR,
    strategy: str = "test",
    confidence: float = 0.75,
) -> ChainView:
    """Hold (instrument, signed amount, entry price) as one chain of `units`."""
    positions = tuple(Position("K1", one, amount, price) for one, amount, price in held)
    expiries = [one.expires_at for one, _, _ in held if one.expires_at is not None]
    return ChainView(
        chain_id="K1",
        account="main",
        strategy=strategy,
        underlying=held[0][0].underlying if held else "BTC",
        state=state,
        approved_at=approved_at,
        opened_at=approved_at,
        units=units,
        entry_net=sum(amount * price for _, amount, price in held) / units if units else 0.0,
        index_at_open=90_000.0,
        equity_at_open_usd=1_800_000.0,
        positions=positions,
        flows={},
        max_loss_usd=1_000.0,
        max_loss_coin=0.01,
        expires_at=min(expiries, default=None),
        confidence=confidence,
        reason="test",
    )


def working_order(
    action: Action = "close",
    *,
    limit_net: float | None = 0.002,
    worst_net: float | None = None,
    chain_id: str = "K1",
    legs: tuple[Leg, ...] = (Leg("BTC-21NOV26-95000-C", 1),),
    at: int = NOW,
) -> WorkingOrder:
    """Let an order work, nothing of it filled."""
    order = Order(
        order_id="O1",
        account="main",
        verdict_id="V1",
        strategy="test",
        underlying="BTC",
        chain_id=chain_id,
        action=action,
        legs=legs,
        amount=1.0,
        limit_net=limit_net,
        worst_net=worst_net,
        live_at=at,
        patient_until=at,
        expires_at=at + 12 * HOUR,
        placed_at=at,
    )
    return WorkingOrder(order, 0.0)
