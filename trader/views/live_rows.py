"""How does each line of the live view read? Rows that become JSON as they are, and plain tables."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from trader.views.decisions import in_unit
from trader.views.text import (
    NOTHING,
    Column,
    money,
    number,
    pairs,
    percent,
    signed_usd,
    table,
    usd,
)


class AccountRow(msgspec.Struct, frozen=True, kw_only=True):
    """One account; marks are of the last full market hour, None before the first.

    `trading_pnl_usd` is against holding the starting balances, so the coins' own swings are out.
    """

    account: str
    balances: dict[str, float]
    equity_usd: float | None
    trading_pnl_usd: float | None
    day_pnl_usd: float | None
    drawdown_usd: float | None
    marked_at: str | None
    stale: tuple[str, ...]
    data_quality: dict[str, float]


class BudgetRow(msgspec.Struct, frozen=True):
    """What is open and working on one underlying, as a share of equity; limit as last judged by."""

    account: str
    underlying: str
    used: float
    limit: float | None


class HaltRow(msgspec.Struct, frozen=True):
    """A halt of opening that holds now."""

    account: str
    rule: str
    limit: float
    used: float
    detail: str


class PauseRow(msgspec.Struct, frozen=True):
    """Who paused what, and why."""

    scope: str
    by: str
    reason: str


class HeldRow(msgspec.Struct, frozen=True):
    """A trader whose behavior holds its new risk back now: by how much, and why."""

    trader: str
    multiplier: float
    reason: str


class SizeRow(msgspec.Struct, frozen=True):
    """What the last size that a strategy was asked for was shrunk to, stage apart, and by what."""

    strategy: str
    scalar: float
    reason: str


class PositionRow(msgspec.Struct, frozen=True, kw_only=True):
    """One leg that is held: signed amount, average entry price in `currency`."""

    account: str
    strategy: str
    chain_id: str
    instrument: str
    amount: float
    entry_price: float
    currency: str
    expires_at: str | None
    pending: bool


class ChainRow(msgspec.Struct, frozen=True, kw_only=True):
    """One structure that lives: what it holds, what it paid so far, what it can lose."""

    chain_id: str
    account: str
    strategy: str
    underlying: str
    state: str
    opened_at: str | None
    units: float
    entry_net: float
    legs: tuple[str, ...]
    flows: dict[str, float]
    max_loss_usd: float
    max_loss_share: float
    working: tuple[str, ...]
    expires_at: str | None
    confidence: float
    reason: str


class StrategyRow(msgspec.Struct, frozen=True, kw_only=True):
    """One strategy on one account: stage, slots of today, risk, results of its ended chains.

    `multiplier` is what behavior leaves of its new risk, `trader_type` what a night took it for.
    """

    strategy: str
    account: str
    stage: str | None
    paused: bool
    open_chains: int
    working_orders: int
    slots_used: int
    slots_limit: int | None
    slots_free_at: str
    risk_share: float
    ended: int
    won: int
    pnl_usd: float
    multiplier: float
    trader_type: str


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """Everything at a glance, as of the last fact (`at`, market time)."""

    at: int
    last_fact_at: str
    sequence: int
    epoch: int
    feed: str
    speed: float
    market: str
    software: str
    accounts: tuple[AccountRow, ...]
    budgets: tuple[BudgetRow, ...]
    open_chains: int
    working_orders: int
    pending_settlements: int
    halts: tuple[HaltRow, ...]
    pauses: tuple[PauseRow, ...]
    held_back: tuple[HeldRow, ...]
    sizes: tuple[SizeRow, ...]
    strategies: tuple[StrategyRow, ...]


_POSITIONS: Final = (
    Column("instrument", "instrument"),
    Column("amount", "amount", "right"),
    Column("entry", "entry price", "right"),
    Column("chain_id", "chain"),
    Column("strategy", "strategy"),
    Column("account", "account"),
    Column("expires_at", "expires at"),
    Column("state", "state"),
)
_CHAINS: Final = (
    Column("chain_id", "chain"),
    Column("strategy", "strategy"),
    Column("state", "state"),
    Column("legs", "legs"),
    Column("opened_at", "opened at"),
    Column("expires_at", "expires at"),
    Column("flows", "paid so far", "right"),
    Column("max_loss", "max loss", "right"),
    Column("working", "working"),
)
_STRATEGIES: Final = (
    Column("strategy", "strategy"),
    Column("account", "account"),
    Column("stage", "stage"),
    Column("open", "open", "right"),
    Column("working", "working", "right"),
    Column("slots", "trades today", "right"),
    Column("risk", "risk used", "right"),
    Column("ended", "ended", "right"),
    Column("won", "won", "right"),
    Column("pnl", "result", "right"),
    Column("multiplier", "new risk", "right"),
    Column("type", "trader type"),
    Column("paused", "opening"),
)
_BUDGETS: Final = (
    Column("account", "account"),
    Column("underlying", "risk on"),
    Column("used", "used", "right"),
    Column("limit", "limit", "right"),
)


def status_text(status: Status) -> str:
    """Write the status as a page of plain text."""
    if not status.last_fact_at:
        return "the journal is empty: nothing has happened yet"
    head = pairs(
        [
            ("market time", f"{status.last_fact_at} (last fact, sequence {status.sequence})"),
            ("feed", f"{status.feed} at {number(status.speed)}x, epoch {status.epoch}"),
            ("market", status.market),
            ("software", status.software),
            ("open chains", str(status.open_chains)),
            ("working orders", str(status.working_orders)),
            ("pending settlements", str(status.pending_settlements)),
            ("opening", _opening(status)),
            ("behavior", "; ".join(one.reason for one in status.held_back) or "holds nothing back"),
            (
                "sizes",
                "; ".join(f"{one.strategy} {one.reason}" for one in status.sizes)
                or "what the limits allow",
            ),
        ]
    )
    accounts = [_account_text(account) for account in status.accounts]
    budgets = table([_budget_cells(row) for row in status.budgets], _BUDGETS)
    return "\n\n".join([head, *accounts, budgets, strategies_text(status.strategies)])


def positions_text(rows: Iterable[PositionRow]) -> str:
    """Write positions as a table."""
    return table([_position_cells(row) for row in rows], _POSITIONS)


def chains_text(rows: Iterable[ChainRow]) -> str:
    """Write living structures as a table."""
    return table([_chain_cells(row) for row in rows], _CHAINS)


def strategies_text(rows: Iterable[StrategyRow]) -> str:
    """Write strategies as a table."""
    return table([_strategy_cells(row) for row in rows], _STRATEGIES)


def _opening(status: Status) -> str:
    reasons = [f"halted on {halt.account} by {halt.rule} ({halt.detail})" for halt in status.halts]
    reasons += [f"{pause.scope} paused by {pause.by} ({pause.reason})" for pause in status.pauses]
    return "; ".join(reasons) or "allowed"


def _account_text(row: AccountRow) -> str:
    cash = ", ".join(money(amount, currency) for currency, amount in row.balances.items())
    lines = [("account", row.account), ("cash", cash or NOTHING)]
    if row.equity_usd is None or row.trading_pnl_usd is None:
        lines.append(("equity", "not marked yet (the first mark comes at the next market hour)"))
        return pairs(lines)
    lines += [
        ("equity", f"{usd(row.equity_usd)} at {row.marked_at}"),
        ("trading against holding", signed_usd(row.trading_pnl_usd)),
        ("of it today", signed_usd(row.day_pnl_usd or 0.0)),
        ("below its peak", usd(row.drawdown_usd or 0.0)),
    ]
    if row.data_quality:
        scores = (f"{name} {score:.2f}" for name, score in row.data_quality.items())
        lines.append(("data quality", ", ".join(scores)))
    if row.stale:
        lines.append(("marks not to trust", " ".join(row.stale)))
    return pairs(lines)


def _budget_cells(row: BudgetRow) -> dict[str, str]:
    return {
        "account": row.account,
        "underlying": row.underlying,
        "used": in_unit("underlying_risk", row.used),
        "limit": in_unit("underlying_risk", row.limit) if row.limit is not None else "",
    }


def _position_cells(row: PositionRow) -> dict[str, str]:
    return {
        "instrument": row.instrument,
        "amount": number(row.amount),
        "entry": number(row.entry_price),
        "chain_id": row.chain_id,
        "strategy": row.strategy,
        "account": row.account,
        "expires_at": row.expires_at or "",
        "state": "waits for its delivery price" if row.pending else "open",
    }


def _chain_cells(row: ChainRow) -> dict[str, str]:
    return {
        "chain_id": row.chain_id,
        "strategy": row.strategy,
        "state": row.state.replace("_", " "),
        "legs": ", ".join(row.legs),
        "opened_at": row.opened_at or "",
        "expires_at": row.expires_at or "",
        "flows": ", ".join(money(amount, currency) for currency, amount in row.flows.items()),
        "max_loss": f"{usd(row.max_loss_usd)} = {percent(row.max_loss_share)}",
        "working": ", ".join(row.working),
    }


def _strategy_cells(row: StrategyRow) -> dict[str, str]:
    slots = f"{row.slots_used} of {row.slots_limit}" if row.slots_limit else str(row.slots_used)
    return {
        "strategy": row.strategy,
        "account": row.account,
        "stage": row.stage or "",
        "open": str(row.open_chains),
        "working": str(row.working_orders),
        "slots": slots,
        "risk": percent(row.risk_share),
        "ended": str(row.ended),
        "won": str(row.won),
        "pnl": signed_usd(row.pnl_usd),
        "multiplier": f"x {row.multiplier:.3g}",
        "type": row.trader_type,
        "paused": "paused" if row.paused else "allowed",
    }
