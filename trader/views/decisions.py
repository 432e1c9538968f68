"""Why did the gate decide so? Every verdict in plain words, with every number it rests on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal, assert_never

import msgspec

from trader.domain.trading import (
    Approved,
    Consumer,
    Intent,
    LimitUse,
    Refused,
    Rule,
    Verdict,
)
from trader.domain.units import SECOND, iso
from trader.views.behavior_lines import restraint_lines
from trader.views.sizing_lines import sizing_table
from trader.views.text import Column, number, pairs, percent, table, usd, when

Unit = Literal["share", "count", "amount", "seconds"]

MEANINGS: Final[dict[Rule, tuple[Unit, str]]] = {
    "per_trade_risk": ("share", "the max loss of one trade, as a share of equity"),
    "underlying_risk": (
        "share",
        "the max losses of all that is open on one underlying, as a share of equity",
    ),
    "daily_trades": ("count", "new trades of one strategy in one UTC day"),
    "open_positions": ("count", "structures one strategy may hold or work at once"),
    "margin": ("amount", "the margin balance, in the settlement currency"),
    "maintenance_margin": ("amount", "maintenance margin against the margin balance"),
    "daily_loss_halt": ("share", "today's trading loss, as a share of equity"),
    "drawdown_halt": ("share", "the fall of trading PnL from its peak, as a share of equity"),
    "paused": ("count", "a person paused opening"),
    "stale_quotes": ("seconds", "a quote is too old to trade on, age in seconds"),
    "no_two_sided_quote": ("amount", "a bid and an ask with size are needed"),
    "below_minimum_size": ("amount", "less than one lot would fit"),
    "below_half_size": ("amount", "less than half of the stage's size would fit"),
    "coverage": ("amount", "coins that are not yet promised to a short call"),
    "undefined_risk": ("amount", "a max loss that can be computed"),
    "understated_risk": ("amount", "the stated max loss against the gate's own"),
    "roll_increases_risk": ("share", "what a roll adds to the underlying's risk"),
    "hedge_increases_risk": ("share", "the max loss with the hedge against without"),
    "chain_unknown": ("count", "the structure to act on must exist and be the strategy's own"),
    "invalid_intent": ("count", "the intent must make sense"),
    "already_working": ("count", "an order already changes this structure"),
    "demoted": ("count", "the strategy's stage takes no new risk on the account"),
    "paused_by_behavior": ("count", "a critical alert about behavior paused opening"),
    "inventory": ("amount", "what a session of quotes may hold on one side"),
    "no_value": ("count", "quotes need a value to stand around"),
    "min_confidence": ("share", "the confidence that its type of trader needs at least"),
    "position_size": ("share", "the max loss that suits its type of trader, as a share of equity"),
    "stop_distance": ("amount", "how far its type of trader puts a stop, in average true ranges"),
    "regime": ("count", "the market regime does not let this kind of strategy open"),
    "universe": ("amount", "coins, expiries, strikes and quotes that may be opened at all"),
    "delta_limit": (
        "share",
        "what the book on one underlying gains or loses by 1 % of its index, as a share of equity",
    ),
    "gamma_limit": (
        "share",
        "how much more that is after the next 1 %, as a share of equity",
    ),
    "vega_limit": (
        "share",
        "what the book gains or loses by a point of volatility, as a share of equity",
    ),
    "ranking_or_filter": (
        "count",
        "the strategy trades the strongest coins only: rank of this one",
    ),
    "score_floor": ("amount", "the least score the strategy takes a signal at"),
    "max_positions": ("count", "positions the strategy holds in all"),
    "existing_same_sleeve_symbol": ("count", "a sleeve holds a coin once"),
    "existing_symbol": ("count", "sleeves do not share a coin"),
    "strategy_position_cap": ("count", "positions of one sleeve"),
    "cooldown": ("count", "bars a sleeve leaves a coin alone after it left it"),
    "correlation_gate": ("amount", "mean correlation with what is held"),
    "invalid_risk": ("share", "least distance to the stop, as a share of the price"),
    "strategy_notional_budget": ("share", "what one sleeve holds, as a share of equity"),
    "strategy_risk_budget": ("share", "distance of one sleeve to its stops, as a share of equity"),
    "portfolio_risk_budget": ("share", "distance to all stops, as a share of equity"),
    "gross_exposure": ("share", "what the strategy holds in all, as a share of equity"),
}
"""What each rule counts, and in which unit."""


class VerdictRow(msgspec.Struct, frozen=True, kw_only=True):
    """One verdict as one line of a list; numbers as the verdict holds them (fractions)."""

    verdict_id: str
    at: int
    time: str
    account: str
    strategy: str
    stage: str
    underlying: str
    action: str
    verdict: Literal["approved", "refused"]
    amount: float
    rule: str | None
    max_loss_usd: float | None
    max_loss_share: float | None
    chain_id: str | None
    confidence: float
    why: str


class BindingCount(msgspec.Struct, frozen=True):
    """How often a strategy's intents met a rule that refused them; rule None: approved."""

    strategy: str
    rule: Rule | None
    count: int
    share: float


VERDICT_COLUMNS: Final = (
    Column("verdict_id", "verdict"),
    Column("time", "market time"),
    Column("strategy", "strategy"),
    Column("action", "action"),
    Column("verdict", "answer"),
    Column("amount", "fits", "right"),
    Column("rule", "rule"),
    Column("max_loss", "max loss", "right"),
    Column("why", "why"),
)
_LIMIT_COLUMNS: Final = (
    Column("rule", "limit checked"),
    Column("limit", "limit", "right"),
    Column("used", "used", "right"),
    Column("requested", "requested", "right"),
    Column("answer", "answer"),
)
_CONSUMER_COLUMNS: Final = (
    Column("id", "used by"),
    Column("kind", "kind"),
    Column("strategy", "strategy"),
    Column("underlying", "underlying"),
    Column("share", "share", "right"),
    Column("frees", "frees at the latest"),
)


def explain(verdict: Verdict, at: int, *, speed: float = 1.0) -> str:
    """Explain a verdict given at `at` (market time) to a stranger, as plain text.

    With the market's `speed` (market seconds per wall second) waiting times are told in both.
    """
    parts = [headline(verdict, at), pairs(answer_lines(verdict, at, speed))]
    if isinstance(verdict, Refused) and verdict.consumers:
        cells = [_consumer_cells(one, at, speed) for one in verdict.consumers]
        parts.append(table(cells, _CONSUMER_COLUMNS))
    parts.append(pairs(intent_lines(verdict)))
    if verdict.restraint is not None:
        parts.append(pairs(restraint_lines(verdict.restraint, verdict.intent, at, speed)))
    if verdict.sizing:
        parts.append(sizing_table(verdict.sizing))
    if verdict.limits:
        parts.append(table([_limit_cells(use) for use in verdict.limits], _LIMIT_COLUMNS))
    return "\n\n".join(parts)


def headline(verdict: Verdict, at: int) -> str:
    """Say in a sentence who asked for what, and what the gate answered."""
    intent = verdict.intent
    answer = "APPROVED" if isinstance(verdict, Approved) else "REFUSED"
    return (
        f"{answer} {verdict.verdict_id} at {iso(at)}: {intent.strategy} ({verdict.stage})"
        f" asked to {intent.action} on {intent.underlying}, account {verdict.account}"
    )


def answer_lines(verdict: Verdict, at: int, speed: float) -> list[tuple[str, str]]:
    """Tell the answer with every number that it rests on, as names and values."""
    match verdict:
        case Refused():
            return _refusal_lines(verdict, at, speed)
        case Approved():
            return _approval_lines(verdict)
        case _:
            assert_never(verdict)


def verdict_row(verdict: Verdict, at: int) -> VerdictRow:
    """Sum a verdict up in one row."""
    intent = verdict.intent
    approved = isinstance(verdict, Approved)
    return VerdictRow(
        verdict_id=verdict.verdict_id,
        at=at,
        time=iso(at),
        account=verdict.account,
        strategy=intent.strategy,
        stage=verdict.stage,
        underlying=intent.underlying,
        action=intent.action,
        verdict="approved" if approved else "refused",
        amount=verdict.amount if isinstance(verdict, Approved) else verdict.allowed,
        rule=verdict.rule if isinstance(verdict, Refused) else None,
        max_loss_usd=verdict.max_loss.usd if isinstance(verdict, Approved) else None,
        max_loss_share=verdict.max_loss.share if isinstance(verdict, Approved) else None,
        chain_id=verdict.chain_id if isinstance(verdict, Approved) else intent.chain_id,
        confidence=intent.confidence,
        why=verdict.explanation if isinstance(verdict, Refused) else intent.reason,
    )


def verdict_table(rows: Iterable[VerdictRow]) -> str:
    """List verdicts as a plain table."""
    return table([_verdict_cells(row) for row in rows], VERDICT_COLUMNS)


def legs_text(intent: Intent, amount: float | None = None) -> str:
    """Name what is bought and sold; sizes where the amount is known, ratios elsewhere."""
    if not intent.legs:
        return "no legs"
    return ", ".join(
        f"{'buy' if leg.ratio > 0 else 'sell'} {number(abs(leg.ratio) * (amount or 1.0))}"
        f" {leg.instrument}"
        for leg in intent.legs
    )


def in_unit(rule: Rule, value: float) -> str:
    """Write a number of a rule in the unit the rule counts in."""
    unit, _ = MEANINGS[rule]
    match unit:
        case "share":
            return percent(value)
        case "seconds":
            return f"{number(round(value, 3))} s"
        case "count" | "amount":
            return number(value)
        case _:
            assert_never(unit)


def binding_rule(refused: Refused) -> Rule:
    """Name the limit that a refusal's numbers belong to.

    A refusal for its size (`below_half_size`) carries the numbers of the limit that shrank it.
    """
    numbers = (refused.limit, refused.used, refused.requested)
    for use in refused.limits:
        if (use.limit, use.used, use.requested) == numbers and any(numbers):
            return use.rule
    return refused.rule


def intent_lines(verdict: Verdict) -> list[tuple[str, str]]:
    """Tell what was wanted, why, and in which market, as names and values."""
    intent = verdict.intent
    size = number(intent.amount) if intent.amount is not None else "as large as allowed"
    lines = [
        ("intent", f"{intent.action}: {legs_text(intent)}, per unit"),
        ("size wanted", size),
        ("confidence", percent(intent.confidence)),
        ("reason", intent.reason),
    ]
    if intent.chain_id is not None:
        lines.append(("acts on chain", intent.chain_id))
    if intent.stated_max_loss_usd is not None:
        lines.append(("stated max loss", usd(intent.stated_max_loss_usd)))
    if verdict.selection and not (isinstance(verdict, Refused) and verdict.rule == "regime"):
        lines.append(("families", verdict.selection))
    lines.append(("data quality", "; ".join(verdict.data_quality) or "good"))
    if verdict.regime:
        lines.append(("market", verdict.regime))
    return lines


def is_beyond(use: LimitUse) -> bool:
    """Whether what was requested does not fit a limit beside what is used."""
    return use.used + use.requested > use.limit + 1e-12


def _refusal_lines(refused: Refused, at: int, speed: float) -> list[tuple[str, str]]:
    counted = binding_rule(refused)
    lines = [
        ("decided by", f"{refused.rule}: {MEANINGS[refused.rule][1]}"),
        ("because", refused.explanation),
    ]
    if counted != refused.rule:
        lines.append(("counted by", f"{counted}: {MEANINGS[counted][1]}"))
    if refused.limit or refused.used or refused.requested:
        lines += [
            ("limit", in_unit(counted, refused.limit)),
            ("used", in_unit(counted, refused.used)),
            ("requested", in_unit(counted, refused.requested)),
        ]
    coin = refused.intent.underlying
    fitting = f"{number(refused.allowed)} {coin}" if refused.allowed else "nothing"
    lines.append(("would have fitted", fitting))
    if refused.equity_needed_usd is not None:
        needed = f"{usd(refused.equity_needed_usd)} for the smallest order there is"
        lines.append(("equity needed", needed))
    frees = when(refused.frees_at, at, speed) if refused.frees_at is not None else "no known time"
    return [*lines, ("frees at", frees)]


def _approval_lines(approved: Approved) -> list[tuple[str, str]]:
    coin = approved.intent.underlying
    return [
        ("approved amount", f"{number(approved.amount)} {coin}"),
        ("trades", legs_text(approved.intent, approved.amount)),
        ("chain", approved.chain_id),
        *_risk_lines(approved, coin),
    ]


def _risk_lines(approved: Approved, coin: str) -> list[tuple[str, str]]:
    """Say what an approval may lose and what it holds back for that; a close may lose nothing."""
    worst, held = approved.max_loss, approved.reservation
    if not (worst.usd or worst.coin or held.usd or held.coin or held.slot):
        return [("max loss", "nothing new: it takes risk away and reserves none")]
    loss = f"{usd(worst.usd)}, {number(worst.coin)} {coin}, {percent(worst.share)} of equity"
    slot = "one of today's trades" if held.slot else "none of today's trades"
    stress = f"{coin} index from {number(worst.stress_low)} to {number(worst.stress_high)} USD"
    return [
        ("max loss", loss),
        ("stress tested", stress),
        ("reserves", f"{usd(held.usd)}, {number(held.coin)} {coin} ({held.id}), {slot}"),
    ]


def _consumer_cells(one: Consumer, at: int, speed: float) -> dict[str, str]:
    return {
        "id": one.id,
        "kind": one.kind,
        "strategy": one.strategy,
        "underlying": one.underlying,
        "share": percent(one.share),
        "frees": when(one.frees_at, at, speed) if one.frees_at is not None else "",
    }


def _limit_cells(use: LimitUse) -> dict[str, str]:
    return {
        "rule": use.rule,
        "limit": in_unit(use.rule, use.limit),
        "used": in_unit(use.rule, use.used),
        "requested": in_unit(use.rule, use.requested),
        "answer": "too much" if is_beyond(use) else "fits",
    }


def _verdict_cells(row: VerdictRow) -> dict[str, str]:
    return {
        "verdict_id": row.verdict_id,
        "time": iso(row.at - row.at % SECOND),
        "strategy": row.strategy,
        "action": row.action,
        "verdict": row.verdict,
        "amount": f"{number(row.amount)} {row.underlying}" if row.amount else "",
        "rule": row.rule or "",
        "max_loss": percent(row.max_loss_share) if row.max_loss_share else "",
        "why": row.why,
    }
