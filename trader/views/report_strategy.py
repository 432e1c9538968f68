"""What does a night say of one strategy? Its judgment, its data, and the order of its chapter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trader.evaluation.psychology import POINTS, SCORE_NEUTRAL, component_points, score_sentence
from trader.views import report_numbers as say
from trader.views.blocks import Cell, Figure, Items, Prose, Section, Table, columns, row
from trader.views.report_front import move, verdict_text
from trader.views.report_luck import luck
from trader.views.report_studies import studies
from trader.views.small_figures import timeline

if TYPE_CHECKING:
    from trader.evaluation.approval import ApprovalResult, Gate
    from trader.evaluation.night import Subject
    from trader.evaluation.sample_size import SizedStage
    from trader.evaluation.strategy_card import Scorecard
    from trader.views.blocks import Block, Tone

STAGES = ("RESEARCH", "PILOT", "PRODUCTION")
OUTCOMES: dict[str, tuple[str, Tone]] = {
    "pass": ("passes", "good"),
    "fail": ("fails", "bad"),
    "not_evaluated": ("not evaluated", "warn"),
    "not_required": ("not required", "muted"),
}
EXPECTANCY_POINTS_MAX = 1.5


def chapter(
    subject: Subject, sizes: tuple[SizedStage, ...], anchor: str, ends_at: int
) -> tuple[Section, ...]:
    """Write one strategy's chapter of a night that ends at an instant."""
    card = subject.card
    head = Section(f"{card.strategy}: {move(subject.before, subject.after)}", _head(subject),
                   anchor=anchor, level=2)  # fmt: skip
    return (
        head,
        Section("Gates", _gates(card)),
        Section("Numbers", _numbers(card)),
        *luck(card, sizes),
        *studies(subject),
        Section("Stages", _stages(subject, ends_at)),
        Section("Data used", _data(card)),
        Section("Limits of this evaluation", _limits(card)),
    )


def _head(subject: Subject) -> tuple[Block, ...]:
    card = subject.card
    rows = [Prose(f"Tonight: {verdict_text(card.verdict)}. {subject.why}")]
    if card.verdict.reason not in subject.why:
        rows.append(Prose(f"Judgment: {card.verdict.reason}"))
    if subject.failing:
        rows.append(Prose(f"Nights below its stage in a row: {subject.failing}", "warn"))
    rows.append(
        Prose(
            f"{card.kind} on {card.underlying}, configuration {card.configuration_hash[:12]}:"
            f" {_parameters(card)}",
            "muted",
        )
    )
    return (Items(tuple(rows)),)


def _parameters(card: Scorecard) -> str:
    told = (
        f"{name} {say.brief(value) if isinstance(value, float) else value}"
        for name, value in card.parameters.items()
    )
    return ", ".join(told) or "no parameters known"


def _gates(card: Scorecard) -> tuple[Block, ...]:
    approval = card.approval
    if approval is None:
        return (Prose(f"n/a: {card.verdict.reason}", "muted"),)
    titles = ("gate", "verdict", "#value", "#limit", "#short by", "guards")
    rows = tuple(_gate_row(gate, approval.binding) for gate in approval.gates)
    blocks: list[Block] = [Prose(_distance(approval)), Table(columns(*titles), rows)]
    reached = _unreachable(approval)
    return (*blocks, Prose(reached, "warn")) if reached else tuple(blocks)


def _gate_row(gate: Gate, binding: str | None) -> tuple[Cell, ...]:
    text, tone = OUTCOMES[gate.outcome]
    text = f"{text} (binds)" if gate.name == binding and gate.blocks else text
    shortfall = _gate_value(gate.name, gate.shortfall) if gate.shortfall else "-"
    side = ">" if gate.name == "positive_expectancy" else "\u2265"
    side = "\u2264" if gate.name.startswith(("worst_dd", "loss_streak")) else side
    limit = "yes" if gate.limit is None else f"{side} {_gate_value(gate.name, gate.limit)}"
    value = {"pass": "yes", "fail": "no"}.get(gate.outcome, say.NOT_AVAILABLE)
    if gate.limit is not None:
        value = _gate_value(gate.name, gate.value)
    return row(gate.name, Cell(text, tone), value, limit, shortfall, gate.scope.lower())


def _gate_value(name: str, value: float | None) -> str:
    """Write a gate's number in its unit."""
    if name.startswith("worst_dd"):
        return say.share(value, 1)
    match name:
        case "positive_expectancy":
            return say.share(value, 4)
        case "deflated_sharpe":
            return say.share(value, 1)
        case "history":
            return f"{say.plain(value, 1)} years"
        case "psych_score_pilot" | "psych_score_production":
            return say.plain(value, 1)
        case "regimes":
            return f"{say.count(value)} of 3" if value is not None else say.NOT_AVAILABLE
        case _:
            return say.count(value, "trade")


def _distance(approval: ApprovalResult) -> str:
    """Say how far the next stage is."""
    if approval.next_stage is None:
        return "It deserves the highest stage; no gate stands in its way."
    missing = ", ".join(
        f"{gate.name} ({OUTCOMES[gate.outcome][0]}"
        + (f", short by {_gate_value(gate.name, gate.shortfall)})" if gate.shortfall else ")")
        for gate in approval.missing
    )
    gates = say.count(len(approval.missing), "gate")
    return f"{gates} between it and {approval.next_stage}: {missing or 'none'}."


def _unreachable(approval: ApprovalResult) -> str:
    """Say where a score cannot be reached as the strategy is sized: expectancy grows with size."""
    earned = approval.psych.components.get("expectancy_score", EXPECTANCY_POINTS_MAX)
    best = SCORE_NEUTRAL + POINTS["win_rate_score"] + POINTS["expectancy_score"] * earned
    needed = approval.config.min_psych_score_prod
    if not best < needed:
        return ""
    return (
        f"PRODUCTION cannot be reached at the present sizing: with this expectancy the score is at"
        f" most {say.plain(best, 1)}, even with every trade won, and {needed:g} is needed."
    )


def _numbers(card: Scorecard) -> tuple[Block, ...]:
    approval = card.approval
    if approval is None:
        return (Prose(f"n/a: {say.count(card.trades, 'closed trade')}", "muted"),)
    s, v, p, config = approval.stats, approval.variance, approval.psych, approval.config
    bound = say.share(s.expectancy_lower_bound, 4, signed=True)
    rows = [
        ("trades", f"{say.count(s.n_trades)} over {say.plain(s.years_covered, 1)} years"),
        ("win rate", say.share(s.win_rate, 1)),
        ("average win", say.share(s.avg_win, 3, signed=True)),
        ("average loss", say.share(s.avg_loss, 3, signed=True)),
        ("expectancy a trade", say.share(s.expectancy_per_trade, 4, signed=True)),
        ("its 90 % lower bound", bound),
        ("longest losing, winning run", f"{s.max_consec_losses}, {s.max_consec_wins} trades"),
        ("deepest drawdown (backtest)", say.share(s.max_drawdown_pct)),
        ("worst simulated drawdown", f"{say.share(v.worst_max_dd)} (N={v.sims})"),
        ("worst simulated losing run", f"{v.worst_max_loss_streak} trades (N={v.sims})"),
    ]
    pilot, production = config.min_psych_score_pilot, config.min_psych_score_prod
    known = say.is_known(p.score)
    sentence = score_sentence(p.score, pilot, production) if known else say.NOT_AVAILABLE
    points = ", ".join(
        f"{name.replace('_', ' ')} {say.plain(value, 1, signed=True)}"
        for name, value in component_points(p).items()
    )
    told = f"Psychology score {sentence}. Points from 50: {points}."
    tables = [Table(columns("judged by", "#value"), tuple(row(*one) for one in rows))]
    if card.quality is not None:
        tables.append(_quality(card))
    return (Prose(told), *tables)


def _quality(card: Scorecard) -> Table:
    q = card.quality
    assert q is not None  # noqa: S101 - the caller looked
    rows = [
        ("profit factor", say.plain(q.profit_factor)),
        ("SQN (n at most 100)", say.plain(q.sqn)),
        ("half Kelly", f"{say.plain(q.half_kelly, 1)} times its size"),
        (
            "Sharpe, Sortino (daily, first to last trade)",
            f"{say.plain(q.sharpe)}, {say.plain(q.sortino)}",
        ),
        ("Calmar", say.plain(q.calmar)),
        ("ulcer index", say.share(q.ulcer_index)),
        ("longest time under water", f"{say.plain(q.underwater_days_max, 0)} days"),
        ("share of time under water", say.share(q.underwater_share, 0)),
    ]
    if q.holding is not None:
        held = f"{say.plain(q.holding.median_hours, 1)} h, {say.plain(q.holding.tail_hours, 1)} h"
        rows.append(("holding time, median and 95 %", held))
        rows.append(("share of time with a position", say.share(q.holding.exposure, 0)))
    if q.attribution is not None:
        made = q.attribution
        parts = (made.premium, made.delta, made.fees, made.funding)
        told = ", ".join(say.share(one, signed=True) for one in parts)
        rows.append(("result from premium, market, fees, funding", told))
    return Table(columns("beside it", "#value"), tuple(row(*one) for one in rows))


def _stages(subject: Subject, ends_at: int) -> tuple[Block, ...]:
    changes = [(one.at, STAGES.index(one.stage)) for one in subject.stages]
    rows = tuple(
        row(say.minute(one.at), one.stage, one.by, one.reason) for one in subject.stages[-20:]
    )
    figure = timeline(f"Stages of {subject.card.strategy}", STAGES, changes, ends_at)
    return (
        Figure(figure, "At which stage it stood, as the journal has it."),
        Table(columns("since", "stage", "by", "reason"), rows, "" if rows else "No stage change:"),
    )


def _data(card: Scorecard) -> tuple[Block, ...]:
    kind = "Modelled" if card.provenance.kind == "modelled" else "Recorded"
    rows = [
        Prose(
            f"{kind} history ({card.provenance.source}) from {say.day(card.start)} to"
            f" {say.day(card.end)}: {say.count(card.trades, 'closed trade')}, {card.open_chains}"
            f" still open at its end and not counted, {say.count(card.skipped, 'decision')}"
            f" skipped, {say.count(card.halted, 'halt')}."
        ),
        *(Prose(one) for one in card.provenance.caveats),
    ]
    return (Items(tuple(rows)),)


def _limits(card: Scorecard) -> tuple[Block, ...]:
    """Say what these numbers cannot tell, and which studies are missing."""
    failed = [Prose(f"{one.name} failed: {one.reason}", "bad") for one in card.failures]
    rows = [
        "Every number takes past trades as a sample of those to come; markets change.",
        "Orders fill at displayed or modelled quotes and move nobody: a real market is worse.",
        "Simulated paths know closed trades only: what an open position may show is not in them.",
        "Droughts longer than a block of the simulation are in the backtest's path alone.",
    ]
    if card.profile == "quick":
        rows.append("Quick profile: a small grid, few folds, the decisive stresses alone.")
    return (Items((*failed, *(Prose(one) for one in rows))),)
