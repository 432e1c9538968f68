"""Where do we stand? One line for the silences, waiting times in wall seconds."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from trader.domain.facts import MAIN_ACCOUNT
from trader.engine.engine import OPEN

if TYPE_CHECKING:
    from trader.app.market_clock import MarketClock
    from trader.engine.engine import Engine


def status_line(engine: Engine, clock: MarketClock, feed_alive: bool) -> dict[str, object]:
    """Sum up the account: result against holding, budgets, what comes next."""
    view = engine.review.view(MAIN_ACCOUNT)
    worth = view.worth()
    equity = worth.equity_usd
    used: dict[str, float] = {}
    if equity > 0:
        for consumer in view.consumers(equity):
            used[consumer.underlying] = used.get(consumer.underlying, 0.0) + consumer.share
    budgets = ", ".join(f"{name} {share:.1%}" for name, share in sorted(used.items())) or "none"
    chains = engine.ledger.chains_of(MAIN_ACCOUNT)
    open_chains = sum(not chain.flat for chain in chains)
    parts = [
        f"trading {worth.trading_pnl_usd:+,.0f} USD against holding",
        f"equity {equity:,.0f} USD",
        f"risk in use {budgets}",
        f"{open_chains} open, {len(engine.ledger.orders)} orders working",
        *_ahead(engine, clock),
    ]
    if not feed_alive:
        parts.insert(0, "FEED LOST")
    paused = sorted(engine.ledger.paused)
    if paused:
        parts.append(f"paused: {', '.join(paused)}")
    halts = sorted(engine.ledger.account(MAIN_ACCOUNT).halts)
    if halts:
        parts.append(f"halted: {', '.join(halts)}")
    shown = {"equity_usd": worth.equity_usd, "trading_pnl_usd": worth.trading_pnl_usd}
    numbers = {name: round(value, 2) for name, value in shown.items() if math.isfinite(value)}
    return {"at": clock.now(), "message": "; ".join(parts), **numbers}


def _ahead(engine: Engine, clock: MarketClock) -> list[str]:
    """Name the next decision and the next expiry of what is held."""
    ahead: list[str] = []
    decisions = [(engine.timers.due_at(OPEN + name), name) for name in engine.slots]
    if decisions:
        due_at, name = min(decisions)
        ahead.append(f"{name} decides in {clock.wall_s_until(due_at):.0f} s")
    expiries = [chain.expires_at for chain in engine.ledger.chains.values() if not chain.pending]
    known = [expires_at for expires_at in expiries if expires_at is not None]
    if known:
        ahead.append(f"next expiry in {clock.wall_s_until(min(known)):.0f} s")
    return ahead
