"""How is one strategy tried on the past by hand? What `trader backtest` and `evaluate` do.

The runs are those of a night: same engine, same terms, same past. Every configuration that is tried
is counted, because luck grows with the number of tries.
"""

from __future__ import annotations

import json
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
from pydantic import ValidationError

from trader.app.evaluation_request import (
    boards_lack,
    days_lack,
    request_of,
    shown_span,
    terms_of,
    unseen_from,
    unseen_lack,
    warm_up_of,
)
from trader.app.executors import executor
from trader.app.mistakes import mistakes_of
from trader.app.policy_files import policy_mistakes, with_policy
from trader.app.trials import TrialLedger, canonical, today
from trader.backtest.runner import run_backtest
from trader.domain.errors import ConfigurationError, nearest
from trader.domain.units import DAY, iso
from trader.evaluation import phases
from trader.evaluation.approval import RegimeCoverage, approval_config, evaluate_strategy
from trader.evaluation.closed_chains import results
from trader.evaluation.evaluate import Evaluation
from trader.evaluation.monte_carlo import run_stage_monte_carlo
from trader.evaluation.psychology import compute_psychology_score
from trader.evaluation.runs import Subject
from trader.evaluation.scorecard import render_strategy_summary
from trader.evaluation.trade_stats import compute_strategy_stats, with_expectancy_bound
from trader.evaluation.verdict import TRADES_MIN
from trader.storage.whole_files import write_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trader.app.configuration import Configuration
    from trader.app.strategy_files import ConfiguredStrategy
    from trader.app.study_past import Past
    from trader.backtest.history import Provenance
    from trader.backtest.market import Market
    from trader.backtest.recorded_market import RecordedMarket
    from trader.backtest.trade_history import ClosedChain, TradeHistory
    from trader.evaluation.approval import ApprovalResult, Gate
    from trader.evaluation.approval_settings import ApprovalSettings

SCORECARD: Final = "scorecard.json"


def find_strategy(configuration: Configuration, name: str) -> ConfiguredStrategy:
    """Find a configured strategy by name, a disabled one too.

    Raises:
        ConfigurationError: there is none of that name.
    """
    known = {one.file.name: one for one in (*configuration.strategies, *configuration.disabled)}
    if name not in known:
        raise ConfigurationError(f"strategy {name!r} is not configured: {nearest(name, known)}")
    return known[name]


def subject_of(one: ConfiguredStrategy, assignments: Sequence[str]) -> Subject:
    """Take a strategy as configured, but for parameters written as `name=value`.

    Raises:
        ConfigurationError: an assignment is none, the strategy cannot have its value, or its policy
            cannot be asked so.
    """
    kind = type(one.strategy)
    assigned = {**one.file.parameters, **dict(map(_assigned, assignments))}
    parameters = with_policy(kind, assigned, Path())
    try:
        kind.Settings.model_validate(parameters)
    except ValidationError as error:
        raise ConfigurationError("\n".join(mistakes_of(error, kind.Settings, _origin))) from None
    file = one.file.model_copy(update={"parameters": parameters})
    subject = Subject(kind=kind, file=file, configuration_hash=one.configuration_hash)
    if wrong := policy_mistakes(_origin("policy"), subject.strategy(), assigned.get("policy")):
        raise ConfigurationError("\n".join(wrong))
    return subject


def _origin(_: str) -> str:
    return "--set"


def _assigned(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    try:
        if name and equals:
            return name.strip(), tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        pass
    raise ConfigurationError(f"--set {text}: write name=value, e.g. target_delta=0.2")


def remembered(subject: Subject, start: int) -> str | None:
    """Say so where a run goes over what its policy learned from; None where it does not."""
    since = unseen_from(subject)
    if since is None or start >= since:
        return None
    return (
        f"Its policy learned from what came before {iso(since)}: until then this run tells what it"
        f" remembers, not what it earns (--from {iso(since)[:10]} tells that)"
    )


def backtest(configuration: Configuration, past: Past, start: int, end: int) -> TradeHistory:
    """Run a strategy, and count the configuration as tried.

    Raises:
        ConfigurationError: the history does not hold the span, or is of another coin.
    """
    strategy = past.subject.strategy()
    try:
        history = run_backtest(strategy, past.history, terms_of(configuration.settings), start, end)
    except ValueError as error:
        raise ConfigurationError(str(error)) from error
    tried = canonical(strategy.settings.model_dump(mode="json"))
    note_trials(configuration, past.subject.name, [tried])
    return history


def note_trials(configuration: Configuration, strategy: str, tried: Sequence[str]) -> None:
    """Count configurations as tried today: nights before it find the count of their time."""
    date = today(configuration, datetime.now(UTC))
    TrialLedger(configuration.state_dir).add(strategy, tried, date)


def judge(history: TradeHistory, past: Past, settings: ApprovalSettings) -> ApprovalResult | None:
    """Ask the gates what one run alone can answer; None where there are too few trades to ask.

    Walk-forward, sensitivity and stress are not answered: they need runs of their own.
    """
    if len(history.chains) < TRADES_MIN:
        return None
    trades = results(history.chains)
    stats = with_expectancy_bound(compute_strategy_stats(trades), trades)
    variance = run_stage_monte_carlo(trades, seed=settings.simulation_seed)
    return evaluate_strategy(
        stats,
        variance,
        compute_psychology_score(stats, variance),
        _coverage(history.chains, past, history.start),
        param_sensitivity_ok=None,
        walk_forward_ok=None,
        stress_test_ok=None,
        cfg=approval_config(settings),
    )


def _coverage(chains: Sequence[ClosedChain], past: Past, start: int) -> RegimeCoverage:
    first, closes = phases.daily_closes(past.opened_at, past.close)
    begin = max(start // DAY - first, 0)
    closed = ((one.closed_at, one.pnl_pct) for one in chains)
    rows = phases.coverage(first + begin, phases.labels(closes)[begin:], closed)
    covered = {row.phase: row.covered for row in rows}
    return RegimeCoverage(**{phase: covered.get(phase, False) for phase in phases.PHASES})


def tell(
    history: TradeHistory, approval: ApprovalResult | None, write: Callable[[str], object]
) -> dict[str, Any]:
    """Write what came of a run, and return it for JSON: the summary's keys and its history."""
    chains = len(history.chains)
    if approval is None:
        few = f"{chains} closed trades: at least {TRADES_MIN} are needed"
        told: dict[str, Any] = {"stage": "RESEARCH", "reason": few}
        write(f"Stage: RESEARCH, {few}")
    else:
        told = render_strategy_summary(approval, write)
        told["gates"] = msgspec.to_builtins(approval.gates)
    write(f"From {iso(history.start)} to {iso(history.end)}: {history.decisions} decisions")
    refused = ", ".join(f"{rule} {count}" for rule, count in history.refused.items()) or "none"
    write(f"Decisions skipped for want of a fresh board: {history.skipped}")
    write(f"Refused: {refused}; halts: {history.halted}; still open: {history.open_chains}")
    tell_provenance(history.provenance, write)
    return told | {
        "from": iso(history.start),
        "to": iso(history.end),
        "trades": chains,
        "open_chains": history.open_chains,
        "refused": history.refused,
        "skipped": history.skipped,
        "halts": history.halted,
        "history": msgspec.to_builtins(history.provenance),
    }


def evaluate(
    configuration: Configuration,
    subject: Subject,
    market: Market | RecordedMarket,
    write: Callable[[str], object],
) -> dict[str, Any]:
    """Do every study as a night does, write gates and failures, return it all for JSON.

    Raises:
        ConfigurationError: the history is too short for a model to be worth it, or does not show
            what the strategy trades.
    """
    if (lack := boards_lack(subject, market) or days_lack(subject, market)) is not None:
        raise ConfigurationError(f"{subject.name}: {lack}")
    trials = TrialLedger(configuration.state_dir).count(subject.name)
    request = request_of(configuration.settings, subject, market, trials=trials)
    if (lack := unseen_lack(subject, request.end)) is not None:
        raise ConfigurationError(f"{subject.name}: {lack}")
    if request.end - request.start < warm_up_of(subject, market):
        days = max(request.end - shown_span(subject, market)[0], 0) // DAY
        raise ConfigurationError(f"only {days} days of history: get more by `trader data sync`")
    settings = configuration.settings.nightly
    with executor(settings.executor, settings.workers) as workers:
        evaluation = Evaluation(request, workers)
        card = evaluation.finish()
    tried = [canonical(one) for one in evaluation.tried]
    note_trials(configuration, subject.name, tried)
    told: dict[str, Any] = {"stage": card.verdict.stage, "reason": card.verdict.reason}
    if card.approval is None:
        write(f"Stage: {card.verdict.stage}, {card.verdict.reason}")
    else:
        told = render_strategy_summary(card.approval, write)
        write(f"Gates ({card.profile} profile):")
        for line in gate_lines(card.approval.gates):
            write(line)
    if card.verdict.standing == "insufficient":
        write(f"Too early to judge, no stage changes on this: {card.verdict.reason}")
    for failure in card.failures:
        write(f"Study failed: {failure.name}: {failure.reason}")
    write(f"From {iso(card.start)} to {iso(card.end)}")
    tell_provenance(card.provenance, write)
    told["standing"] = card.verdict.standing
    return told | {"evaluation": msgspec.to_builtins(card)}


def tell_provenance(provenance: Provenance, write: Callable[[str], object]) -> None:
    """Write what a result rests on, modelled boards in capitals."""
    kind = "MODELLED" if provenance.kind == "modelled" else provenance.kind
    write(f"History: {kind}: {provenance.source}")
    for caveat in provenance.caveats:
        write(f"  - {caveat}")


def gate_lines(gates: Sequence[Gate]) -> list[str]:
    """Write every gate with its value, its limit and its answer."""
    return [
        f"  {gate.outcome:<13} {gate.scope:<10} {gate.name:<26}"
        f" {_figure(gate.value):>10} {_figure(gate.limit):>10}"
        + (f"  {gate.reason}" if gate.blocks else "")
        for gate in gates
    ]


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def write_scorecard(folder: Path, told: dict[str, Any]) -> Path:
    """Write `scorecard.json` into a folder, whole or not at all.

    Raises:
        StorageError: the disk refuses.
    """
    path = folder / SCORECARD
    write_whole(path, (json.dumps(told, indent=2) + "\n").encode())
    return path
