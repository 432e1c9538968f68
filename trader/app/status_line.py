"""Where do we stand? One line for the silences, waiting times in wall seconds."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from trader.domain.facts import MAIN_ACCOUNT
from trader.domain.units import SECOND
from trader.engine.engine import NIGHTLY, OPEN
from trader.engine.guard import trader_name
from trader.engine.ledger import EVERYTHING
from trader.engine.quality import LOW
from trader.views.text import duration, signed_usd, usd

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trader.app.market_clock import MarketClock
    from trader.engine.account_view import AccountView, Worth
    from trader.engine.engine import Engine


def status_line(
    engine: Engine,
    clock: MarketClock,
    *,
    feed_alive: bool,
    risk_share_max: float,
    nights: bool = True,
    night: str = "",
) -> dict[str, object]:
    """Sum up the account: result against holding, budgets, what stands still, what comes next.

    `risk_share_max` is the budget of one underlying, a fraction of equity; `nights` whether there
    are any, `night` the date of the one under way.
    """
    view = engine.review.view(MAIN_ACCOUNT)
    worth = view.worth()
    parts = [
        *([] if feed_alive else ["FEED LOST"]),
        *_standing(worth, view, risk_share_max),
        *_quality(engine),
        *_activity(engine),
        *_stopped(engine),
        *_ahead(engine, clock),
        *_nightly(engine, clock, nights=nights, night=night),
    ]
    shown = {"equity_usd": worth.equity_usd, "trading_pnl_usd": worth.trading_pnl_usd}
    numbers = {name: round(value, 2) for name, value in shown.items() if math.isfinite(value)}
    return {"at": clock.now(), "message": "; ".join(parts), **numbers}


def _standing(worth: Worth, view: AccountView, share_max: float) -> Iterator[str]:
    """Tell what trading earned apart from what the holdings are worth, and the risk in use."""
    if not math.isfinite(worth.equity_usd):
        yield "no value yet: waiting for the first prices"
        return
    unsure = f" ({len(worth.stale)} marks not to trust)" if worth.stale else ""
    yield f"trading {signed_usd(worth.trading_pnl_usd)} against holding"
    yield f"equity {usd(worth.equity_usd)}{unsure}"
    used: dict[str, float] = {}
    if worth.equity_usd > 0:
        for consumer in view.consumers(worth.equity_usd):
            used[consumer.underlying] = used.get(consumer.underlying, 0.0) + consumer.share
    shares = [f"{name} {share:.1%} of {share_max:.1%}" for name, share in sorted(used.items())]
    yield f"risk in use {', '.join(shares) or 'none'}"


def _quality(engine: Engine) -> Iterator[str]:
    """Name the channels of the market that score low."""
    low = {name: score for name, score in engine.market.scores().items() if score < LOW}
    if low:
        yield f"data quality {', '.join(f'{name} {score:.2f}' for name, score in low.items())}"


def _activity(engine: Engine) -> Iterator[str]:
    """Count what the account holds, works on and waits to be paid for."""
    chains = engine.ledger.chains_of(MAIN_ACCOUNT)
    books = engine.ledger.orders.values()
    orders = sum(book.order.account == MAIN_ACCOUNT for book in books)
    yield f"{sum(not chain.flat for chain in chains)} open, {orders} orders working"
    pending = sum(chain.pending for chain in chains)
    if pending:
        yield f"{pending} expired, waiting for the delivery price"


def _stopped(engine: Engine) -> Iterator[str]:
    """Name what does not open at present, and why."""
    paused = engine.ledger.paused
    if paused:
        names = ("everything",) if EVERYTHING in paused else sorted(paused)
        yield f"opening paused: {', '.join(names)}"
    halts = sorted(engine.ledger.account(MAIN_ACCOUNT).halts)
    if halts:
        yield f"opening halted: {', '.join(halts)}"
    yield from _held_back(engine)


def _held_back(engine: Engine) -> Iterator[str]:
    """Name the traders whose behavior shrinks or pauses their new risk, with their multipliers."""
    at = engine.market.at
    tapes = engine.ledger.conduct.tapes()
    held = [
        f"{trader_name(name)} {'paused' if tape.paused(at) else f'x {tape.scaled(at):.2g}'}"
        for name, tape in tapes
        if tape.paused(at) or tape.scaled(at) < 1
    ]
    if held:
        yield f"held back by behavior: {', '.join(held)}"


def _ahead(engine: Engine, clock: MarketClock) -> Iterator[str]:
    """Name the next decision and the next expiry of what is held."""
    if clock.standing:
        yield "the market's clock stands still"
        return
    decisions = [(engine.timers.due_at(OPEN + name), name) for name in engine.slots]
    if decisions:
        due_at, name = min(decisions)
        yield f"{name} decides in {_wait(clock, due_at)}"
    chains = (one for one in engine.ledger.chains_of(MAIN_ACCOUNT) if not one.pending)
    expiries = [chain.expires_at for chain in chains if chain.expires_at is not None]
    if expiries:
        yield f"next expiry in {_wait(clock, min(expiries))}"


def _nightly(engine: Engine, clock: MarketClock, *, nights: bool, night: str) -> Iterator[str]:
    """Name the night that is under way, or the next."""
    if night:
        yield f"the night of {night} is under way"
    elif nights and not clock.standing:
        yield f"next night in {_wait(clock, engine.timers.due_at(NIGHTLY))}"


def _wait(clock: MarketClock, due_at: int) -> str:
    """Write how long a person waits, whatever the market's speed."""
    return duration(round(clock.wall_s_until(due_at)) * SECOND)
