"""What does the log say about each fact? One event name, flat fields, a sentence for a stranger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, assert_never

import msgspec

from trader.domain.events import (
    ClosePosition,
    Command,
    Demote,
    FlattenAll,
    NightEvaluated,
    NightVerdict,
    PauseTrading,
    Promote,
    ResumeTrading,
    RunNightly,
    StageChanged,
)
from trader.domain.facts import (
    SHADOW_PREFIX,
    AccountMarked,
    AccountOpened,
    AlertRaised,
    BehaviorJudged,
    ChainEnded,
    CommandTaken,
    EpochOpened,
    Fact,
    Filled,
    FillFollowed,
    FundingPaid,
    HaltChanged,
    OrderEnded,
    OrderPlaced,
    Recorded,
    SessionOpened,
    SessionWithdrawn,
    Settled,
    SettlementPending,
)
from trader.domain.models import EdgesWeighed, ModelCalibrated, RegimeChanged, WeightsAdopted
from trader.domain.trading import Approved, Order, Refused
from trader.views import behavior_lines, model_lines, session_lines, trade_lines
from trader.views.decisions import in_unit
from trader.views.stages import earned
from trader.views.text import atoms, number, signed_usd, usd
from trader.views.trade_lines import Fields

if TYPE_CHECKING:
    from collections.abc import Sequence


class Known(msgspec.Struct, frozen=True):
    """What the caller's books add to a fact.

    `max_loss_share`: what the chain of a fill may lose at worst, of its equity at open. `order`:
    the one that ended.
    """

    max_loss_share: float | None = None
    order: Order | None = None


NOTHING_KNOWN: Final = Known()


def log_line(
    recorded: Recorded, known: Known = NOTHING_KNOWN, *, speed: float = 1.0
) -> tuple[str, Fields]:
    """Name what happened and lay out its fields: `message` is a sentence, `at` the market time.

    `speed` is market seconds per wall second, so that waiting times are told in both.
    """
    name, fields = _told(recorded.fact, recorded.at, known, speed)
    told = {key: value for key, value in fields.items() if value != "" or key == "message"}
    if str(told.get("account", "")).startswith(SHADOW_PREFIX):
        told["message"] = f"shadow: {told['message']}"
    return name, {"at": recorded.at, "sequence": recorded.sequence, **told}


def _told(fact: Fact, at: int, known: Known, speed: float) -> tuple[str, Fields]:
    match fact:
        case Approved():
            return "verdict.approved", trade_lines.approved(fact)
        case Refused():
            return "verdict.refused", trade_lines.refused(fact, at, speed)
        case OrderPlaced():
            return "order.placed", trade_lines.placed(fact, at, speed)
        case Filled():
            return "order.filled", trade_lines.filled(fact, known.max_loss_share)
        case OrderEnded():
            return "order.ended", trade_lines.order_ended(fact, known.order)
        case Settled():
            return "chain.settled", trade_lines.settled(fact)
        case ChainEnded():
            return "chain.ended", trade_lines.chain_ended(fact, at)
        case SettlementPending():
            return "settlement.pending", trade_lines.settlement_pending(fact)
        case SessionOpened():
            return "session.opened", session_lines.opened(fact)
        case SessionWithdrawn():
            return "session.withdrawn", session_lines.withdrawn(fact)
        case FillFollowed():
            return "fill.followed", session_lines.followed(fact)
        case FundingPaid():
            return "funding.paid", trade_lines.funding_paid(fact)
        case AccountOpened():
            return "account.opened", _account_opened(fact)
        case AccountMarked():
            return "account.marked", _marked(fact)
        case HaltChanged():
            return ("halt.raised" if fact.active else "halt.lifted"), _halt(fact)
        case BehaviorJudged():
            return "behavior.judged", behavior_lines.judged(fact)
        case StageChanged():
            return "stage.changed", _stage(fact)
        case NightEvaluated():
            return "night.evaluated", _night(fact)
        case RegimeChanged():
            return "regime.changed", model_lines.regime_changed(fact)
        case ModelCalibrated():
            return "model.calibrated", model_lines.calibrated(fact)
        case WeightsAdopted():
            return "weights.adopted", model_lines.adopted(fact)
        case EdgesWeighed():
            return "edges.weighed", model_lines.weighed(fact)
        case CommandTaken():
            return "command.taken", _command(fact.command)
        case AlertRaised():
            return "alert", _alert(fact)
        case EpochOpened():
            return "epoch.opened", _epoch(fact)
        case _:
            assert_never(fact)


def _account(name: str) -> str:
    """Name an account in a sentence; one in the shadow is a strategy's own."""
    strategy = name.removeprefix(SHADOW_PREFIX)
    return f"account {name}" if strategy == name else f"the account of {strategy}"


def _account_opened(fact: AccountOpened) -> Fields:
    holdings = ", ".join(atoms(count, currency) for currency, count in fact.balances.items())
    return {
        "message": f"{_account(fact.account)} opened with {holdings or 'nothing'}",
        "account": fact.account,
        "balances": holdings,
    }


def _marked(fact: AccountMarked) -> Fields:
    unsure = f" (marks not to trust: {' '.join(fact.stale)})" if fact.stale else ""
    return {
        "message": (
            f"{_account(fact.account)}: equity {usd(fact.equity_usd)}, trading"
            f" {signed_usd(fact.trading_pnl_usd)} against holding{unsure}"
        ),
        "account": fact.account,
        "equity": usd(fact.equity_usd),
        "trading_pnl": signed_usd(fact.trading_pnl_usd),
        "indices": ", ".join(f"{name} {usd(price)}" for name, price in fact.indices.items()),
        "stale": " ".join(fact.stale),
    }


def _halt(fact: HaltChanged) -> Fields:
    state = "opening is halted" if fact.active else "opening is allowed again"
    return {
        "message": f"{state} on {_account(fact.account)} ({fact.rule}): {fact.detail}",
        "account": fact.account,
        "rule": fact.rule,
        "limit": in_unit(fact.rule, fact.limit),
        "used": in_unit(fact.rule, fact.used),
        "severity": "critical" if fact.active else "info",
    }


def _stage(fact: StageChanged) -> Fields:
    return {
        "message": f"{fact.strategy} lives at {fact.stage} now, by {fact.by}: {fact.reason}",
        "strategy": fact.strategy,
        "stage": fact.stage,
        "by": fact.by,
        "reason": fact.reason,
        "configuration_hash": fact.configuration_hash,
    }


def _night(fact: NightEvaluated) -> Fields:
    judged = [f"{len(names)} {what}" for what, names in _sorted_out(fact.verdicts).items()]
    quick = ", quick profile" if fact.profile == "quick" else ""
    detail = f" ({fact.detail})" if fact.detail else ""
    return {
        "message": f"night of {fact.date}{quick}: {', '.join(judged) or 'nothing judged'}{detail}",
        "date": fact.date,
        "profile": fact.profile,
    }


def _sorted_out(verdicts: Sequence[NightVerdict]) -> dict[str, list[str]]:
    """Sort strategies by what the night says of them."""
    found: dict[str, list[str]] = {}
    for one in verdicts:
        said = {"judged": f"earned {earned(one)}", "insufficient": "with too little to judge by"}
        found.setdefault(said.get(one.standing, "not evaluated"), []).append(one.strategy)
    return found


def judgment(verdict: NightVerdict) -> str:
    """Say what a night judged of a strategy: "PILOT, worst streak 9"."""
    match verdict.standing:
        case "judged":
            judgment = f"{earned(verdict)}, {verdict.reason}"
        case "insufficient":
            judgment = f"no verdict, thin evidence: {verdict.reason}"
        case _:
            judgment = f"no verdict, not evaluated: {verdict.reason}"
    apart = f" (live_divergence: {verdict.live_divergence})" if verdict.live_divergence else ""
    return judgment + apart


def _command(command: Command) -> Fields:
    fields: Fields = {
        "message": f"{command.by} {command_text(command)}: {command.reason}",
        "command": type(command).__name__,
        "by": command.by,
        "reason": command.reason,
    }
    for key in ("strategy", "chain_id", "stage", "date"):
        if value := getattr(command, key, None):
            fields[key] = value
    return fields


def command_text(command: Command) -> str:
    """Tell what a person commanded, in the past tense."""
    match command:
        case PauseTrading(strategy=strategy):
            return f"paused opening of {strategy or 'everything'}"
        case ResumeTrading(strategy=strategy):
            return f"resumed opening of {strategy or 'everything'}"
        case ClosePosition(chain_id=chain_id):
            return f"asked to close {chain_id}"
        case FlattenAll():
            return "asked to cancel every order, close everything and pause"
        case Promote(strategy=strategy, stage=stage):
            return f"asked to promote {strategy} to {stage}"
        case Demote(strategy=strategy, stage=stage):
            return f"asked to demote {strategy} to {stage}"
        case RunNightly(date=date):
            return f"asked for the nightly evaluation of {date}"
        case _:
            assert_never(command)


def _alert(fact: AlertRaised) -> Fields:
    return {
        "message": fact.text,
        "kind": fact.kind,
        "severity": fact.severity,
        "strategy": fact.strategy or "",
        "instrument": fact.instrument or "",
    }


def _epoch(fact: EpochOpened) -> Fields:
    pace = "real time" if fact.speed == 1 else f"{number(fact.speed)} x real time"
    stale = (
        f"; quotes are stale after {number(fact.staleness_s / 3_600.0)} market hours"
        if fact.staleness_s is not None
        else ""
    )
    assumed = "; displayed sizes are assumed" if fact.assumed_sizes else ""
    return {
        "message": (
            f"epoch {fact.epoch} opened on feed {fact.feed} ({fact.market}) at {pace}"
            f"{stale}{assumed}"
        ),
        "epoch": fact.epoch,
        "feed": fact.feed,
        "speed": fact.speed,
        "market": fact.market,
        "software": fact.software,
        "configuration_hash": fact.configuration_hash,
    }
