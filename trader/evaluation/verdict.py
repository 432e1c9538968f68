"""What does a night say of a strategy in one value? Approval, look-ahead and paper together.

A strategy that sees the future is at RESEARCH whatever else it shows: every other number of it is
made of what nobody can know.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import msgspec

from trader.domain.events import NightVerdict
from trader.evaluation.approval import EVIDENCE, Gate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trader.evaluation.approval import ApprovalResult, Outcome
    from trader.evaluation.divergence import Divergence
    from trader.evaluation.look_ahead import LookAhead
    from trader.evaluation.strategy_card import FailedStudy, Overfitting, Request

TRADES_MIN: Final = 2
"""Below this there is no spread, so nothing to compute."""
REASON_MAX: Final = 500
APPROVAL: Final = "approval"
CONVINCING: Final = 0.95
"""What a deflated Sharpe ratio should reach; below, a result may be luck."""
QUICK_PROFILE: Final = 'Quick profile: not enough for promotion (nightly.profile = "full" is)'
UNKNOWN: Final = "Look-ahead could not be evaluated"


def with_look_ahead(approval: ApprovalResult, found: LookAhead | None) -> ApprovalResult:
    """Ask the look-ahead tests before the gates of approval.

    Caught peeking is RESEARCH on any sample; no answer blocks promotion and demotes nobody.
    """
    ok = found.ok if found is not None else None
    outcome: Outcome = "not_evaluated" if ok is None else "pass" if ok else "fail"
    reason = f"{UNKNOWN}: {found.reason}" if found is not None else UNKNOWN
    if found is not None and ok is False:
        reason = f"Sees the future: {found.reason}"
    gate = Gate("look_ahead", "all", None, None, outcome, reason)
    asked = _with_gate(approval, gate)
    if ok is not False:
        return asked
    return msgspec.structs.replace(
        asked, reason=reason, verdict="EVALUATED", demote_to="RESEARCH", demote_reason=reason,
        binding=gate.name,
    )  # fmt: skip


def with_overfitting(approval: ApprovalResult, found: Overfitting | None) -> ApprovalResult:
    """Ask whether it may be luck, where the configuration makes that a gate; list it always."""
    limit = approval.config.min_deflated_sharpe
    value = found.deflated_sharpe if found is not None else None
    outcome: Outcome = "not_required"
    if limit is not None:
        outcome = "not_evaluated" if value is None else "pass" if value >= limit else "fail"
    told = "could not be evaluated" if value is None else f"is {value:.1%} after all trials"
    gate = Gate(
        "deflated_sharpe", "all", value, CONVINCING if limit is None else limit, outcome,
        f"May be luck: the deflated Sharpe ratio {told}",
    )  # fmt: skip
    return _with_gate(approval, gate)


def with_profile(approval: ApprovalResult, profile: Literal["full", "quick"]) -> ApprovalResult:
    """Let a quick evaluation raise nobody, in one line; it may still lower."""
    if profile == "full":
        return approval
    gate = Gate("full_profile", "all", None, None, "not_evaluated", QUICK_PROFILE)
    return _with_gate(approval, gate)


def luck(found: Overfitting | None) -> str:
    """Warn of what the deflated Sharpe ratio does not believe; "" where it does, or is unknown."""
    if found is None or found.deflated_sharpe is None or found.deflated_sharpe >= CONVINCING:
        return ""
    return f"deflated Sharpe ratio {found.deflated_sharpe:.1%} after {found.trials} trials"


def _with_gate(approval: ApprovalResult, gate: Gate) -> ApprovalResult:
    """Put a gate before the others. What stops a strategy already stays the reason."""
    gates = (gate, *approval.gates)
    if not gate.blocks:
        return msgspec.structs.replace(approval, gates=gates)
    missing = tuple(one for one in gates if one.blocks and one.scope in ("all", "PILOT"))
    asked = msgspec.structs.replace(approval, gates=gates, missing=missing)
    fell = gate.outcome == "fail" and approval.verdict != "INSUFFICIENT_DATA"
    if fell:
        asked = msgspec.structs.replace(
            asked, verdict="EVALUATED", demote_to="RESEARCH", demote_reason=gate.reason
        )
    if approval.stage == "RESEARCH":
        return asked
    return msgspec.structs.replace(
        asked, stage="RESEARCH", reason=gate.reason, next_stage="PILOT", binding=gate.name,
        verdict="EVALUATED" if fell else "INCONCLUSIVE",
    )  # fmt: skip


def thin_reason(approval: ApprovalResult) -> str:
    """Say everything that evidence is short of, not only what was asked first."""
    short = [one.reason for one in approval.gates if one.blocks and one.name in EVIDENCE]
    return "; ".join(dict.fromkeys([approval.reason, *short]))


def night_verdict(
    request: Request,
    approval: ApprovalResult | None,
    trades: int,
    apart: Divergence | None,
    failures: Sequence[FailedStudy],
) -> NightVerdict:
    """Say what the night means for the strategy's stage."""
    name, hashed = request.subject.name, request.subject.configuration_hash
    left = apart.reason if apart is not None and apart.diverged else ""
    if approval is None:
        thin = trades < TRADES_MIN
        reasons = [one.reason for one in failures if one.name == APPROVAL]
        return NightVerdict(
            strategy=name,
            configuration_hash=hashed,
            stage="RESEARCH",
            standing="insufficient" if thin else "failed",
            reason=f"only {trades} closed trades" if thin else reasons[0][:REASON_MAX],
            live_divergence=left,
        )
    thin = approval.verdict == "INSUFFICIENT_DATA"
    return NightVerdict(
        strategy=name,
        configuration_hash=hashed,
        stage=approval.stage,
        standing="insufficient" if thin else "judged",
        reason=(thin_reason(approval) if thin else approval.reason)[:REASON_MAX],
        demote_to=approval.demote_to,
        demote_reason=approval.demote_reason[:REASON_MAX],
        live_divergence=left,
        figures={
            "trades": float(approval.stats.n_trades),
            "win_rate": approval.stats.win_rate,
            "expectancy_per_trade": approval.stats.expectancy_per_trade,
            "mc_worst_max_dd": approval.variance.worst_max_dd,
            "mc_worst_loss_streak": float(approval.variance.worst_max_loss_streak),
            "mc_sims": float(approval.variance.sims),
            "mc_seed": float(approval.config.simulation_seed),
            "psychology_score": approval.psych.score,
        },
    )
