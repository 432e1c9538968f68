"""How far is each pricing model believed, and how far off is it? Weights, errors, calibrations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trader.domain.units import DAY
from trader.evaluation.model_review import KINDS, review
from trader.views import report_numbers as say
from trader.views.blocks import (
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
from trader.views.models import NO_FACTS
from trader.views.report_models import model_sections
from trader.views.screens.asked import one_of
from trader.views.svg import Axis

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trader.evaluation.model_review import ModelReview, RoundRow
    from trader.views.blocks import Block
    from trader.views.figures import Tone
    from trader.views.reading import Asked, Reading

FACTS_MAX: Final = 20_000
ROUNDS_SHOWN: Final = 20
LOSS: Final = "A loss lies between 0 (exact) and 1 (as wrong as counts, or nothing was said)."
SPANS: Final = {"1": "one day", "7": "a week", "30": "a month"}
TONES: Final[tuple[tuple[Tone, bool], ...]] = (
    (1, False), (2, False), (3, False), (1, True), (2, True), (3, True),
)  # fmt: skip


def models(reading: Reading, asked: Asked) -> Page:
    """Make the page of models.

    Raises:
        NotUnderstood: the span asked for is none of those offered.
    """
    span = one_of(asked, "days", tuple(SPANS), "1")
    at = max(reading.pulse.at, reading.desk.ledger.at)
    found = _review(reading, at - int(span) * DAY, at + 1)
    shown = Filter((Choice("days", "rounds and errors of", span, tuple(SPANS.items())),))
    if not (found.fits or found.regimes):
        told = f"{NO_FACTS[0].upper()}{NO_FACTS[1:]}."
        sections: tuple[Section, ...] = (Section("Weights", (Prose(told, "muted"),), level=2),)
    else:
        first, *rest = model_sections(found)
        sections = (
            Section("The market", first.blocks, level=2),
            Section("Weights over time", (shown, *_curves(found)), level=2),
            *rest,
            Section("Last rounds", (Prose(LOSS, "muted"), _rounds(found.rounds))),
        )
    return Page(
        title="Models",
        subtitle="What each pricing model says is held against later quotes, by kind of market.",
        notices=(),
        sections=sections,
    )


def _review(reading: Reading, since: int, until: int) -> ModelReview:
    """Review the newest facts about models; what stands is of facts before the span too."""
    newest = list(reading.facts(kinds=KINDS, newest_first=True, limit=FACTS_MAX))
    return review((one.recorded for one in reversed(newest)), since, until)


def _curves(found: ModelReview) -> tuple[Block, ...]:
    """Draw the weights of each coin, round by round, whatever the regime was."""
    figures = []
    for underlying in dict.fromkeys(one.underlying for one in found.rounds):
        rounds = [one for one in found.rounds if one.underlying == underlying]
        names = list(dict.fromkeys(name for one in rounds for name in one.weights))
        lines = [
            Line(
                label=name,
                xs=[float(one.at) for one in rounds if name in one.weights],
                ys=[one.weights[name] for one in rounds if name in one.weights],
                tone=tone,
                dashed=dashed,
                steps=True,
            )
            for name, (tone, dashed) in zip(names, TONES, strict=False)
        ]
        y = Axis("", "percent", include=(0.0, 1.0))
        svg = chart(f"Weights of the models on {underlying}", lines, Axis("", "time"), y)
        caption = f"{underlying}: weight after each round, in the market of that round."
        figures.append(Figure(svg, caption))
    nothing = "Weights move once forecasts are old enough to be held against quotes."
    return tuple(figures) or (Prose(nothing, "muted"),)


def _rounds(rounds: Sequence[RoundRow]) -> Block:
    """List the last rounds, newest first, with what each model lost."""
    if not rounds:
        return Prose("No round in this span.", "muted")
    newest = rounds[-ROUNDS_SHOWN:][::-1]
    names = list(dict.fromkeys(name for one in newest for name in one.losses))
    heads = columns(
        "at", "coin", "market", "#forecasts", *(f"#{name} lost" for name in names),
        *(f"#{name} weighs" for name in names),
    )  # fmt: skip
    rows = tuple(
        row(
            say.minute(one.at),
            one.underlying,
            one.regime or "unknown",
            str(one.options),
            *(say.plain(one.losses.get(name), 3) for name in names),
            *(say.share(one.weights.get(name), 1) for name in names),
        )
        for one in newest
    )
    return Table(heads, rows)
