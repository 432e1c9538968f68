"""What must a person know at a glance? What needs one, what trading earned, risk, what comes."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

from trader.domain.facts import MAIN_ACCOUNT, AlertRaised
from trader.domain.trading import Approved, Refused
from trader.domain.units import DAY, iso, midnight, utc_day
from trader.views import report_numbers as say
from trader.views.blocks import Cell, Page, Pairs, Prose, Section, Table, columns, prose_or, row
from trader.views.screens.addresses import night_page, strategy_cell, strategy_page
from trader.views.screens.controls import account_controls
from trader.views.screens.earnings import account_curves, account_result
from trader.views.screens.rows import chain_table, verdict_table
from trader.views.small_figures import meter
from trader.views.text import when

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trader.domain.trading import Rule, Verdict
    from trader.views.blocks import Block
    from trader.views.live_rows import StrategyRow
    from trader.views.reading import Asked, Reading

VERDICTS_SHOWN: Final = 8
ALERTS_LOOKED_AT: Final = 50
NIGHT_DAYS_MAX: Final = 2
"""The night of yesterday is made soon after midnight; one of the day before is missing."""
NO_VERDICT: Final = "None yet: the first comes when a strategy that is due wishes to trade."
NO_CHAIN: Final = "None. A chain opens when the gate approves what a strategy wishes for."


def overview(reading: Reading, _: Asked) -> Page:
    """Make the first page."""
    points = reading.desk.performance.account(MAIN_ACCOUNT)
    ended = reading.desk.performance.ended_usd(MAIN_ACCOUNT)
    result = (*account_result(points, ended), *account_curves(points))
    return Page(
        title="Overview",
        subtitle=reading.pulse.status or _so_far(reading),
        notices=tuple(Prose(one, "bad") for one in reading.pulse.problems),
        sections=(
            Section("What needs a person", (needs(reading),), level=2),
            Section("Result", result, level=2, anchor="result"),
            Section("Risk in use today", _budgets(reading), level=2, anchor="risk"),
            Section("Open chains", _chains(reading), level=2),
            Section("Last verdicts", _verdicts(reading), level=2),
            Section("What comes next", (_next(reading),), level=2),
            Section("Feed", (_feed(reading),), level=2),
            Section("What you can do", _controls(reading), level=2),
        ),
    )


def _so_far(reading: Reading) -> str:
    """Say how far the journal goes, for as long as the daemon has told no status of its own."""
    ledger = reading.desk.ledger
    return f"Last fact: {iso(ledger.at)}" if ledger.at else "Nothing has happened yet."


def needs(reading: Reading) -> Block:
    """List what a person should look at, each with the page that tells more."""
    return prose_or(tuple(_needs(reading)), "Nothing does.")


def _needs(reading: Reading) -> Iterator[Prose]:
    status = reading.desk.live.status()
    for halt in status.halts:
        yield Prose(f"Opening is halted by {halt.rule}: {halt.detail}", "bad")
    for pause in status.pauses:
        href = "/behavior" if pause.by == "behavior" else "/strategies"
        if pause.scope in reading.desk.ledger.stages:
            href = strategy_page(pause.scope)
        yield Prose(
            f"Opening of {pause.scope} is paused by {pause.by}: {pause.reason}", "warn", href
        )
    if status.pending_settlements:
        many = say.count(status.pending_settlements, "settlement")
        yield Prose(f"Waiting for a delivery price: {many}", "warn", "/chains")
    for one in reading.desk.stages.rows(reading.stage_settings):
        href = strategy_page(one.strategy)
        if one.failing_nights:
            told = f"{one.strategy} fails its stage {one.stage}: {one.next_step}"
            yield Prose(told, "warn", href)
        elif one.may_rise_to is not None:
            yield Prose(f"{one.strategy} {one.next_step}", "good", href)
    yield from _failures(reading)


def _failures(reading: Reading) -> Iterator[Prose]:
    """Name what broke within a market day, and nights that are missing."""
    now, ledger = reading.pulse.at, reading.desk.ledger
    alerts = reading.facts(kinds=("AlertRaised",), newest_first=True, limit=ALERTS_LOOKED_AT)
    told: dict[str, None] = {}
    for one in alerts:
        fact = one.recorded.fact
        is_new = one.recorded.at > now - DAY
        if is_new and isinstance(fact, AlertRaised) and fact.severity == "critical":
            told[f"{fact.strategy or fact.kind.replace('_', ' ')}: {fact.text}"] = None
    yield from (Prose(one, "bad", "/log") for one in told)
    if "" not in reading.pulse.due or not ledger.began_at:
        return
    night = f"since that of {ledger.night_of}" if ledger.night_of else "yet"
    judged = midnight(ledger.night_of) if ledger.night_of else ledger.began_at
    if utc_day(now) - utc_day(judged) > NIGHT_DAYS_MAX:
        yield Prose(f"No night has come to an end {night}: its log says why", "bad", "/log")


def _budgets(reading: Reading) -> tuple[Block, ...]:
    """Show what is used of each budget, by underlying and by strategy."""
    live, limits = reading.desk.live, reading.desk.live.limits()
    status = live.status()
    risk = tuple(
        row(one.underlying, *_share(one.used, one.limit))
        for one in status.budgets
        if one.account == MAIN_ACCOUNT
    )
    largest: dict[str, float] = {}
    for chain in live.chains():
        largest[chain.strategy] = max(largest.get(chain.strategy, 0.0), chain.max_loss_share)
    traders = tuple(
        _trader(one, largest.get(one.strategy, 0.0), limits)
        for one in status.strategies
        if one.account == MAIN_ACCOUNT
    )
    if not traders:
        return (Prose("Shown once a strategy has its stage.", "muted"),)
    titles = (
        "strategy", "stage", "#largest trade", "of its limit", "#trades today", "of the day's",
        "behavior leaves",
    )  # fmt: skip
    blocks: list[Block] = [
        Table(columns(*titles), traders, "One trade's max loss, and new trades of the UTC day:",
              stacked=True)
    ]  # fmt: skip
    if risk:
        caption = "Max losses of all that is open or working, by underlying:"
        blocks.append(Table(columns("underlying", "#risk in use", "of its limit"), risk, caption))
    else:
        blocks.append(Prose("No underlying carries risk.", "muted"))
    return tuple(blocks)


def _trader(one: StrategyRow, largest: float, limits: dict[Rule, float]) -> tuple[Cell, ...]:
    per_trade = limits.get("per_trade_risk")
    most = one.slots_limit or (int(limits["daily_trades"]) if "daily_trades" in limits else None)
    slots = f"{one.slots_used} of {most}" if most else str(one.slots_used)
    return row(
        strategy_cell(one.strategy),
        one.stage or "",
        *_share(largest, per_trade),
        slots,
        Cell("", figure=meter(one.slots_used, most)) if most else Cell(""),
        Cell(f"x {one.multiplier:.2f}", "warn" if one.multiplier < 1 else "", href="/behavior"),
    )


def _share(used: float, limit: float | None) -> tuple[Cell, Cell]:
    """Write a share of equity in use, and its bar; before any verdict no limit is known."""
    if not limit:
        return Cell(say.share(used)), Cell("the first verdict tells", "muted")
    return Cell(f"{say.share(used)} of {say.share(limit, 1)}"), Cell("", figure=meter(used, limit))


def _chains(reading: Reading) -> tuple[Block, ...]:
    live = reading.desk.live
    mine = [one for one in live.chains() if one.account == MAIN_ACCOUNT]
    table = chain_table(mine, reading.desk.ledger, reading.pulse.speed, NO_CHAIN)
    return (table, Prose("All chains, and those that ended", href="/chains"))


def _verdicts(reading: Reading) -> tuple[Block, ...]:
    return (
        verdict_table(last_verdicts(reading, VERDICTS_SHOWN), NO_VERDICT),
        Prose("All verdicts, by strategy, answer and rule", href="/verdicts"),
    )


def last_verdicts(
    reading: Reading, count: int, strategy: str | None = None
) -> list[tuple[int, Verdict]]:
    """Take the newest verdicts, of one strategy where named, with the market time of each."""
    found = reading.facts(kinds=("Approved", "Refused"), strategy=strategy, newest_first=True)
    told = ((one.recorded.at, one.recorded.fact) for one in found)
    return list(
        islice(((at, one) for at, one in told if isinstance(one, Approved | Refused)), count)
    )


def _next(reading: Reading) -> Block:
    """Name what is due: decisions, the next expiry of what is held, the next night."""
    pulse, ledger = reading.pulse, reading.desk.ledger
    due = sorted((at, name) for name, at in pulse.due.items() if name)
    rows = [
        (f"{name} decides", Cell(when(at, pulse.at, pulse.speed), href=strategy_page(name)))
        for at, name in due
    ]
    expiries = [
        chain.expires_at
        for chain in ledger.chains_of(MAIN_ACCOUNT)
        if chain.expires_at and not chain.pending
    ]
    if expiries:
        rows.append(
            ("next expiry", Cell(when(min(expiries), pulse.at, pulse.speed), href="/chains"))
        )
    if "" in pulse.due:
        rows.append(
            ("next night", Cell(when(pulse.due[""], pulse.at, pulse.speed), href="/nights"))
        )
    if ledger.night_of:
        rows.append(("last night", Cell(ledger.night_of, href=night_page(ledger.night_of))))
    if not rows:
        return Prose("Shown once the market is there and trading has begun.", "muted")
    return Pairs(tuple(rows))


def _feed(reading: Reading) -> Block:
    """Say whether the market is heard, and how far its marks can be trusted."""
    pulse = reading.pulse
    marked = reading.desk.ledger.accounts.get(MAIN_ACCOUNT)
    stale = marked.marked.stale if marked is not None and marked.marked is not None else ()
    alive = Cell("alive", "good") if pulse.feed_alive else Cell("lost: trying again", "bad")
    scores = ", ".join(f"{name} {score:.2f}" for name, score in pulse.scores.items())
    return Pairs(
        (
            (pulse.feed, alive),
            ("data quality, 0 to 1", Cell(scores or "not rated yet")),
            ("marks not to trust", Cell(", ".join(stale) or "none", "warn" if stale else "")),
            ("events taken", Cell(f"{pulse.events:,}; {pulse.queue_length} waiting")),
            ("more", Cell("how the daemon is", href="/system")),
        )
    )


def _controls(reading: Reading) -> tuple[Block, ...]:
    """Offer what concerns all strategies at once."""
    status = reading.desk.live.status()
    stopped = bool(status.halts) or any(one.scope == "all strategies" for one in status.pauses)
    return account_controls(reading.pulse.at, paused=stopped)
