"""How do strategies trade, as people do or do not? Types, new risk, alerts over time, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trader.domain.facts import BehaviorJudged
from trader.domain.units import iso
from trader.engine.guard import held_back, pause_text, trader_name
from trader.views import report_numbers as say
from trader.views.behavior_lines import judgment_text
from trader.views.blocks import (
    Cell,
    Choice,
    Figure,
    Filter,
    Page,
    Prose,
    Section,
    Table,
    columns,
    row,
)
from trader.views.figures import Line, chart
from trader.views.report_behavior import APART
from trader.views.screens.addresses import chain_cell, strategy_cell
from trader.views.screens.asked import one_of
from trader.views.svg import Axis

if TYPE_CHECKING:
    from trader.engine.conduct import Tape
    from trader.views.blocks import Block, Tone
    from trader.views.reading import Asked, Filed, Reading

ALERTS_SHOWN: Final = 100
JUDGMENTS_MAX: Final = 2_000
STEPS: Final = 60
"""Points of a curve on which a multiplier comes back."""
SEVERITY_TONES: Final[dict[str, Tone]] = {"normal": "", "warning": "warn", "critical": "bad"}
NOBODY: Final = (
    "No chain has ended yet: behavior is told from closed chains. The first trader appears here "
    "with the first that ends."
)
NO_ALERT: Final = (
    "No alert about behavior so far. One appears when trades come faster, or larger after losses, "
    "than a sober trader's would."
)
ACCOUNT: Final = "account"


def behavior(reading: Reading, asked: Asked) -> Page:
    """Make the page of behavior.

    Raises:
        NotUnderstood: the trader asked for is none of those known.
    """
    at = max(reading.pulse.at, reading.desk.ledger.at)
    tapes = reading.desk.ledger.conduct.tapes()
    names = tuple(name or ACCOUNT for name, _ in tapes)
    chosen = one_of(asked, "trader", names)
    judged = _judgments(reading, chosen)
    choice = Choice("trader", "trader", chosen, (("", "all"), *((one, one) for one in names)))
    known = [(name, tape) for name, tape in tapes if tape.deals or tape.living or tape.profile]
    return Page(
        title="Behavior",
        subtitle="How trades were made on paper, and what follows for new risk.",
        notices=(),
        sections=(
            Section("Traders", (_traders(known, at),), level=2),
            Section("What is held back now", _held(known, at), level=2),
            Section("New risk over time", _curves(judged, at), level=2),
            Section("Alerts", (Filter((choice,)), _alerts(judged)), level=2),
            Section("Two things apart", (Prose(APART, "muted"),)),
        ),
    )


def _judgments(reading: Reading, chosen: str) -> list[Filed]:
    """Find the newest judgments, newest first."""
    strategy = chosen if chosen not in ("", ACCOUNT) else None
    found = reading.facts(
        kinds=("BehaviorJudged",), strategy=strategy, newest_first=True, limit=JUDGMENTS_MAX
    )
    return [
        one
        for one in found
        if isinstance(one.recorded.fact, BehaviorJudged)
        and (chosen != ACCOUNT or one.recorded.fact.strategy is None)
    ]


def _traders(known: list[tuple[str | None, Tape]], at: int) -> Block:
    if not known:
        return Prose(NOBODY, "muted")
    rows = []
    for name, tape in known:
        profile, scale = tape.profile, tape.scaled(at)
        rows.append(
            row(
                strategy_cell(name) if name is not None else Cell(trader_name(None)),
                profile.type_name if profile else "not told before the first night",
                say.share(profile.confidence if profile else None, 0),
                say.count(len(tape.deals)),
                say.count(len(tape.living)),
                Cell(f"x {scale:.3g}", "warn" if scale < 1 else ""),
                ", ".join(one.type.replace("_", " ") for one in tape.standing(at)) or "none",
                iso(tape.paused_until or 0) if tape.paused(at) else "not paused",
                profile.reason if profile else "",
            )
        )
    heads = columns(
        "trader", "type", "#sure", "#chains closed", "#living", "#new risk", "alerts that count",
        "paused until", "why this type",
    )  # fmt: skip
    return Table(heads, tuple(rows), stacked=True)


def _held(known: list[tuple[str | None, Tape]], at: int) -> tuple[Block, ...]:
    told = [Prose(held_back(name, tape, at), "warn") for name, tape in known if tape.scaled(at) < 1]
    told += [Prose(pause_text(name, tape), "bad") for name, tape in known if tape.paused(at)]
    return tuple(told) or (Prose("Nothing: every trader may take its full new risk.", "muted"),)


def _curves(judged: list[Filed], at: int) -> tuple[Block, ...]:
    """Draw how the multiplier of each trader fell and came back."""
    by_trader: dict[str | None, list[tuple[int, BehaviorJudged]]] = {}
    for one in reversed(judged):
        fact = one.recorded.fact
        if isinstance(fact, BehaviorJudged) and fact.multiplier < fact.before:
            by_trader.setdefault(fact.strategy, []).append((one.recorded.at, fact))
    figures = []
    for name, found in by_trader.items():
        xs, ys = _curve(found, at)
        line = Line(label="new risk", xs=xs, ys=ys)
        y = Axis("", "number", include=(0.0, 1.0))
        svg = chart(f"New risk of {trader_name(name)}", [line], Axis("", "time"), y)
        figures.append(
            Figure(svg, f"{trader_name(name)}: an alert shrinks it, time brings it back.")
        )
    return tuple(figures) or (Prose("No alert has shrunk it so far.", "muted"),)


def _curve(found: list[tuple[int, BehaviorJudged]], at: int) -> tuple[list[float], list[float]]:
    """Follow a multiplier from alert to alert: what is missing to 1 halves every half-life."""
    xs, ys = [float(found[0][0])], [found[0][1].before]
    ends = [one[0] for one in found[1:]] + [max(at, found[-1][0])]
    for (began, fact), end in zip(found, ends, strict=True):
        missing = 1.0 - fact.multiplier
        for step in range(STEPS + 1):
            then = began + (end - began) * step // STEPS
            xs.append(float(then))
            ys.append(1.0 - missing * 0.5 ** ((then - began) / fact.half_life))
    return xs, ys


def _alerts(judged: list[Filed]) -> Block:
    rows, keys = [], []
    for one in judged[:ALERTS_SHOWN]:
        fact = one.recorded.fact
        if not isinstance(fact, BehaviorJudged):
            continue
        keys.append(str(one.id))
        rows.append(
            row(
                say.minute(one.recorded.at),
                trader_name(fact.strategy),
                Cell(fact.status, SEVERITY_TONES[fact.status]),
                f"x {fact.before:.3g} to x {fact.multiplier:.3g}",
                chain_cell(fact.chain_id),
                judgment_text(fact),
            )
        )
    if not rows:
        return Prose(NO_ALERT, "muted")
    heads = columns("at", "trader", "severity", "#new risk", "at chain", "what was found")
    return Table(heads, tuple(rows), stacked=True, keys=tuple(keys))
