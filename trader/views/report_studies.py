"""Does the edge hold elsewhere? Folds, grid, phases, stresses, look-ahead, paper, refusals."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from trader.evaluation.divergence import TRADES_MIN
from trader.views import report_numbers as say
from trader.views.blocks import Cell, Figure, Prose, Section, Table, columns, row
from trader.views.figures import Line, chart
from trader.views.figures import columns as bars
from trader.views.small_figures import heat_map
from trader.views.svg import Axis

if TYPE_CHECKING:
    from trader.evaluation.night import Subject
    from trader.evaluation.strategy_card import Scorecard
    from trader.evaluation.walk_forward import Fold, WalkForward
    from trader.views.blocks import Block, Tone


def studies(subject: Subject) -> tuple[Section, ...]:
    """Write the part of each study; one without an answer says so."""
    card = subject.card
    return (
        Section("Walk-forward", _walk_forward(card)),
        Section("Sensitivity of the parameters", _sensitivity(card)),
        Section("Phases of the market", _phases(card)),
        Section("Stress", _stress(card)),
        Section("Look-ahead", _look_ahead(card)),
        Section("Paper against backtest", _paper(subject)),
        Section("Refusals by rule", _refusals(card)),
    )


def _missing(card: Scorecard, name: str) -> tuple[Block, ...]:
    """Say that a study gave nothing, and why where it is known."""
    why = [one.reason for one in card.failures if one.name.startswith(name)]
    return (Prose(f"n/a: {why[0] if why else 'not studied'}", "muted"),)


def _answer(ok: bool | None, reason: str) -> Prose:
    word = {True: "Passes", False: "Fails", None: "No answer"}[ok]
    tones: dict[bool | None, Tone] = {True: "good", False: "bad", None: "warn"}
    return Prose(f"{word}: {reason}", tones[ok])


def _walk_forward(card: Scorecard) -> tuple[Block, ...]:
    found = [one for one in (card.rolling, card.anchored) if one is not None]
    if not found:
        return _missing(card, "walk-forward")
    blocks: list[Block] = []
    if card.rolling is not None:
        blocks.append(_answer(card.rolling.ok, card.rolling.reason))
    blocks += [_fold_figure(one) for one in found]
    rows = tuple(_walk_row(one) for one in found)
    titles = ("window", "#trades", "#mean", "#90 % bound", "#round trip", "#efficiency", "verdict")
    blocks.append(Table(columns(*titles), rows, "Out of sample, all folds together:"))
    return (*blocks, _fold_table(found[0]))


def _fold_table(walk: WalkForward) -> Table:
    rows = tuple(_fold_row(place, one) for place, one in enumerate(walk.folds, 1))
    titles = ("fold", "judged on", "chosen on its past", "#past", "#profit", "#trades")
    return Table(columns(*titles), rows, f"Folds ({walk.window}):")


def _fold_figure(walk: WalkForward) -> Figure:
    names = [str(place) for place in range(1, len(walk.folds) + 1)]
    profits = [one.profit for one in walk.folds]
    svg = bars(f"Profit of each fold, {walk.window}", names, [("out of sample", profits)],
               Axis("sum of results", "percent"))  # fmt: skip
    return Figure(svg, f"{walk.window.capitalize()} window: what the choice of the past earned.")


def _walk_row(walk: WalkForward) -> tuple[Cell, ...]:
    verdict = Cell("passes", "good") if walk.ok else Cell(walk.reason, "bad")
    return row(
        walk.window,
        say.count(walk.trades),
        say.share(walk.mean, 4, signed=True),
        say.share(walk.lower_bound, 4, signed=True),
        say.share(walk.cost, 4),
        say.plain(walk.efficiency),
        verdict,
    )


def _fold_row(place: int, fold: Fold) -> tuple[Cell, ...]:
    chosen = ", ".join(f"{name} {say.brief(value)}" for name, value in fold.chosen.items())
    tone: Tone = "good" if fold.profit > 0 else "bad" if fold.profit < 0 else ""
    return row(
        str(place),
        f"{say.day(fold.start)} to {say.day(fold.end)}",
        chosen or "-",
        say.share(fold.past_profit, signed=True),
        Cell(say.share(fold.profit, signed=True), tone),
        say.count(fold.trades),
    )


def _sensitivity(card: Scorecard) -> tuple[Block, ...]:
    found = card.sensitivity
    if found is None:
        return _missing(card, "sensitivity")
    blocks: list[Block] = [_answer(found.ok, found.reason)]
    grid = found.grid
    if len(grid.names) == 2 and len(found.best) == len(grid.configured) == 2:
        percents = [one * 100.0 for one in found.scores]
        svg = heat_map(
            "Sum of results by parameters, %",
            (grid.names[0], grid.names[1]),
            (grid.values[0], grid.values[1]),
            percents,
            (grid.configured[0], grid.configured[1]),
            (found.best[0], found.best[1]),
        )
        blocks.append(Figure(svg, "Sum of results in %; blue earns, orange loses."))
    cells = itertools.product(*(range(len(one)) for one in grid.values))
    marks = {tuple(grid.configured): "configured", tuple(found.best): "best neighborhood"}
    if tuple(grid.configured) == tuple(found.best):
        marks = {tuple(found.best): "configured, best neighborhood"}
    rows = tuple(
        row(*map(say.brief, grid.parameters(cell).values()), say.share(score, signed=True),
            say.share(median, signed=True), marks.get(cell, ""))
        for cell, score, median in zip(cells, found.scores, found.medians, strict=False)
    )  # fmt: skip
    titles = (*grid.names, "#sum of results", "#neighborhood median", "mark")
    told = f"The configured cell's neighborhood is worth {say.plain(found.robustness)} of its own."
    return (*blocks, Prose(told), Table(columns(*titles), rows))


def _phases(card: Scorecard) -> tuple[Block, ...]:
    if not card.phases:
        return _missing(card, "phases")
    rows = tuple(
        row(one.phase, say.count(one.days), say.count(one.trades), say.share(one.win_rate, 1),
            say.share(one.expectancy, 4, signed=True),
            Cell("covered", "good") if one.covered else Cell("too little", "warn"))
        for one in card.phases
    )  # fmt: skip
    titles = ("phase", "#days", "#trades", "#win rate", "#expectancy", "20 trades, 60 days")
    return (Table(columns(*titles), rows),)


def _stress(card: Scorecard) -> tuple[Block, ...]:
    found = card.stress
    if found is None:
        return _missing(card, "stress")
    rows = tuple(
        row(one.text, say.count(one.trades), say.share(one.expectancy, 4, signed=True),
            say.share(one.drawdown, 1))
        for one in found.rows
    )  # fmt: skip
    told = "n/a"
    if found.break_even_fees is not None and say.is_known(found.break_even_fees):
        told = f"{say.plain(found.break_even_fees, 1)} times today's fees"
        if found.break_even_fees < 0:
            told = "none, it loses before fees"
    return (
        _answer(found.ok, found.reason),
        Table(columns("stress", "#trades", "#expectancy", "#drawdown"), rows),
        Prose(f"Break-even cost: {told}."),
    )


def _look_ahead(card: Scorecard) -> tuple[Block, ...]:
    if card.look_ahead is None:
        return _missing(card, "look-ahead")
    found = card.look_ahead
    answer = _answer(found.ok, found.reason)
    if not found.cuts:
        return (answer,)
    first, last = say.day(found.cuts[0]), say.day(found.cuts[-1])
    cuts = say.count(len(found.cuts), "cut")
    return (answer, Prose(f"{cuts} through the history, {first} to {last}.", "muted"))


def _paper(subject: Subject) -> tuple[Block, ...]:
    card, found = subject.card, subject.card.divergence
    multiples = subject.paper.multiples
    if found is None and not multiples:
        return _missing(card, "paper against backtest")
    steps = [float(place) for place in range(len(multiples) + 1)]
    lines = [Line(label="paper", xs=steps, ys=[0.0, *itertools.accumulate(multiples)], tone=2)]
    if found is not None:
        trades = [float(TRADES_MIN + place) for place in range(len(found.expected))]
        mean = [found.backtest_mean * one for one in steps]
        lines.append(Line(label="backtest's mean", xs=steps, ys=mean, dashed=True))
        lines.append(Line(label="1 % band", xs=trades, ys=found.lowest, tone=3))
    svg = chart("Paper trades against the backtest, cumulative R", lines,
                Axis("closed paper trades"), Axis("R", include=(0.0,)))  # fmt: skip
    told = Prose(found.reason, "bad" if found.diverged else "") if found is not None else Prose(
        "n/a: the backtest has too few trades for a band", "muted"
    )  # fmt: skip
    caption = (
        f"Below the band anywhere from {TRADES_MIN} trades on, the edge is judged gone: one stage"
        " down. R is a result over what was risked."
    )
    return (told, Figure(svg, caption))


def _refusals(card: Scorecard) -> tuple[Block, ...]:
    total = sum(card.refused.values())
    rows = tuple(
        row(rule, say.count(times), say.share(times / total if total else None, 1))
        for rule, times in sorted(card.refused.items(), key=lambda item: (-item[1], item[0]))
    )
    if not rows:
        return (Prose("The risk gate refused nothing in the backtest.", "muted"),)
    return (Table(columns("rule", "#refusals", "#share"), rows),)
