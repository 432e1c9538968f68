"""What changed, why, and what needs a person? The first screen of a night, and the account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trader.domain.units import DAY
from trader.views import report_numbers as say
from trader.views.blocks import Cell, Figure, Items, Prose, Section, Table, columns, prose_or, row
from trader.views.figures import Line, chart
from trader.views.report_behavior import behavior
from trader.views.small_figures import score_bar
from trader.views.stages import earned
from trader.views.svg import Axis

if TYPE_CHECKING:
    from trader.domain.events import NightVerdict
    from trader.domain.trading import Stage
    from trader.evaluation.approval import Gate
    from trader.evaluation.night import Night, Subject, Threshold
    from trader.views.blocks import Block, Tone

ACCOUNT: Final = "Account"
"""The first title beyond the first screen."""
STANDINGS: Final = {"insufficient": "too early to judge", "failed": "could not be judged"}


def front(night: Night) -> tuple[Section, ...]:
    """Write the first screen, then what concerns all strategies."""
    return (
        Section("What changed since yesterday", _changes(night), level=2),
        Section("What needs a person", (_needs(night),), level=2),
        Section("Strategies", (_strategies(night), *_reasons(night)), level=2),
        Section(ACCOUNT, _account(night), level=2),
        Section("Behavior", behavior(night), level=2),
        Section("Gates and rules", _telemetry(night), level=2),
        Section("Limits in force", _limits(night), level=2),
    )


def notices(night: Night) -> tuple[Prose, ...]:
    """State how far this night can be trusted."""
    modelled = sum(one.card.provenance.kind == "modelled" for one in night.subjects)
    rows = []
    if night.profile == "quick":
        rows.append(
            "Quick profile: 9 cells, one decision a day, 500 simulations. Good for a demo, too"
            " coarse for a verdict on money: it can cost a stage, and is not enough for promotion."
        )
    if modelled:
        rows.append(
            f"Modelled data: {modelled} of {len(night.subjects)} backtests ran on option prices"
            " that a model made from candles, not on recorded ones."
        )
    recorded = [one.card for one in night.subjects if one.card.provenance.kind == "recorded"]
    if recorded:
        days = max(one.end - one.start for one in recorded) // DAY
        rows.append(
            f"Recorded data: {len(recorded)} of {len(night.subjects)} backtests ran on recorded"
            f" option prices, {say.count(days, 'day')} of them at most."
        )
    judged = [one.card for one in night.subjects if one.card.end > one.card.start]
    old = min((one.end for one in judged), default=night.ends_at)
    if night.ends_at - old > 2 * DAY:
        rows.append(
            f"Old data: a history ends on {say.day(old)},"
            f" {say.count((night.ends_at - old) // DAY, 'day')} before this night."
        )
    rows += [note for note in night.notes if note.startswith("stage_floor")]
    return tuple(Prose(one, "warn") for one in rows)


def anchor(place: int) -> str:
    """Name the chapter of the strategy at a place: no name of its own can break it."""
    return f"strategy-{place + 1}"


def move(before: Stage, after: Stage) -> str:
    """Write a stage, or the one before and the one after."""
    return f"{before} \u2192 {after}" if before != after else before


def verdict_text(verdict: NightVerdict) -> str:
    """Say what a night says of a strategy: the stage it would deserve, or why there is none."""
    return STANDINGS.get(verdict.standing) or f"deserves {earned(verdict)}"


def _changes(night: Night) -> tuple[Block, ...]:
    moved = [
        Prose(
            f"{one.card.strategy}: {move(one.before, one.after)}. {one.why}",
            "bad" if one.demoted else "good",
        )
        for one in night.subjects
        if one.before != one.after
    ]
    by_hand = [
        Prose(
            f"{one.card.strategy}: at {change.stage} since {say.minute(change.at)},"
            f" by {change.by}: {change.reason}"
        )
        for one in night.subjects
        for change in one.stages
        if night.ends_at - DAY <= change.at < night.ends_at
    ]
    blocks = [prose_or((*moved, *by_hand), "No stage changed.")]
    if night.previous is None:
        blocks.append(Prose("There is no earlier night to compare with.", "muted"))
    else:
        judged = f"No judgment differs from that of the night of {night.previous.date}."
        blocks.append(prose_or(_judged_otherwise(night), judged))
    return tuple(blocks)


def _judged_otherwise(night: Night) -> tuple[Prose, ...]:
    """Compare with the night before, strategy by strategy."""
    earlier = {one.strategy: one for one in night.previous.verdicts} if night.previous else {}
    found = []
    for subject in night.subjects:
        now = subject.card.verdict
        before = earlier.get(now.strategy)
        if before is None:
            found.append(Prose(f"{now.strategy} is judged for the first time."))
        elif (before.stage, before.standing) != (now.stage, now.standing):
            was = f"{verdict_text(before)} the night before"
            found.append(Prose(f"{now.strategy}: {was}, now {verdict_text(now)}: {now.reason}"))
    return tuple(found)


def _needs(night: Night) -> Block:
    wanted = tuple(Prose(one, "warn") for one in night.needs)
    return prose_or(wanted, "Nothing: no strategy waits for a person.")


def _strategies(night: Night) -> Table:
    titles = (
        "strategy", "stage", "tonight", "#expectancy / trade", "#win rate",
        "#worst MC drawdown", "#worst losing run", "score (35 to 71.3)",
    )  # fmt: skip
    rows = (_strategy_row(one, place) for place, one in enumerate(night.subjects))
    return Table(columns(*titles), tuple(rows), stacked=True)


def _reasons(night: Night) -> tuple[Block, ...]:
    """Say why each strategy that did not move stands where it does."""
    rows = tuple(
        Prose(f"{one.card.strategy}: {one.why}")
        for one in night.subjects
        if one.before == one.after
    )
    return (Items(rows),) if rows else ()


def _strategy_row(subject: Subject, place: int) -> tuple[Cell, ...]:
    card, approval = subject.card, subject.card.approval
    tone: Tone = "bad" if subject.demoted else ""
    name = Cell(card.strategy, anchor=anchor(place))
    stage = Cell(move(subject.before, subject.after), tone)
    judged = Cell(verdict_text(card.verdict))
    if approval is None:
        return row(name, stage, judged, *(say.NOT_AVAILABLE,) * 4, Cell("n/a", "muted"))
    config, score = approval.config, approval.psych.score
    bar = score_bar(score, config.min_psych_score_pilot, config.min_psych_score_prod)
    return row(
        name,
        stage,
        judged,
        say.share(approval.stats.expectancy_per_trade, 4, signed=True),
        say.share(approval.stats.win_rate, 1),
        say.share(approval.variance.worst_max_dd, 1),
        say.count(approval.variance.worst_max_loss_streak, "trade"),
        Cell(say.plain(score, 1), figure=bar),
    )


def _account(night: Night) -> tuple[Block, ...]:
    if not night.equity:
        return (Prose("n/a: the account was not marked yet.", "muted"),)
    at = [float(mark[0]) for mark in night.equity]
    first, last = night.equity[0], night.equity[-1]
    day = [mark for mark in night.equity if mark[0] >= night.ends_at - DAY]
    today = last[2] - (day[0][2] if day else last[2])
    return (
        Prose(
            f"At {say.minute(last[0])} the account was worth {say.usd(last[1])}"
            f" ({say.signed_usd(last[1] - first[1])} since {say.day(first[0])}, coins and their"
            f" prices included). Trading made {say.signed_usd(last[2])} against holding the same"
            f" coins, {say.signed_usd(today)} of it on this day."
        ),
        Figure(
            chart(
                "Trading result against holding, USD",
                [Line(label="trading", xs=at, ys=[mark[2] for mark in night.equity])],
                Axis("UTC", "time"),
                Axis("USD", "usd", include=(0.0,)),
            ),
            "What decisions earned or lost, the movement of the coins held taken out.",
        ),
        Figure(
            chart(
                "Equity of the account, USD",
                [Line(label="equity", xs=at, ys=[mark[1] for mark in night.equity], tone=2)],
                Axis("UTC", "time"),
                Axis("USD", "usd"),
            ),
            "Everything the account is worth; mostly the price of its coins.",
        ),
        *_in_coin(night),
    )


def _in_coin(night: Night) -> tuple[Block, ...]:
    """Tell the account in BTC at each mark's own index, from the first that knew one."""
    marks = [
        (float(at), worth / price, earned / price)
        for (at, worth, earned), price in zip(night.equity, night.coin_usd, strict=False)
        if price > 0
    ]
    if not marks:
        return ()
    last = marks[-1]
    return (
        Prose(
            f"In BTC, at the index of {say.minute(round(last[0]))}: worth {last[1]:,.4f}, of which"
            f" trading made {last[2]:+,.6f} against holding."
        ),
        Figure(
            chart(
                "Trading result against holding, BTC",
                [Line(label="trading", xs=[m[0] for m in marks], ys=[m[2] for m in marks])],
                Axis("UTC", "time"),
                Axis("BTC", include=(0.0,)),
            ),
            "The same result in BTC, at each hour's index.",
        ),
    )


def _limits(night: Night) -> tuple[Block, ...]:
    """List the thresholds that decided, those that differ from their defaults marked."""
    if not night.limits:
        return (Prose("n/a: this night did not keep them.", "muted"),)
    rows = tuple(
        row(
            one.key,
            Cell(_limit(one.value), "warn" if one.value != one.default else ""),
            _limit(one.default),
        )
        for one in night.limits
    )
    changed = [one.key for one in night.limits if one.value != one.default]
    told = f"Set by hand: {', '.join(changed)}." if changed else "All of them are the defaults."
    return (Prose(told), Table(columns("key", "#in force", "#default"), rows))


def _limit(value: Threshold) -> str:
    """Write a threshold as a configuration would."""
    match value:
        case str():
            return value or "empty"
        case None:
            return "not set"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case _:
            return say.brief(value)


def _telemetry(night: Night) -> tuple[Block, ...]:
    """Count how many strategies each gate stops, and what the risk gate refused in backtests."""
    stopped: dict[str, list[str]] = {}
    judged = [one.card for one in night.subjects if one.card.approval is not None]
    gates: dict[str, Gate] = {}
    for card in judged:
        for gate in card.approval.gates if card.approval is not None else ():
            gates.setdefault(gate.name, gate)
            if gate.blocks:
                stopped.setdefault(gate.name, []).append(card.strategy)
    of = len(judged)
    rows = tuple(
        row(name, gate.scope.lower(), f"{len(stopped.get(name, []))} of {of}",
            ", ".join(stopped.get(name, [])) or "-")
        for name, gate in gates.items()
    )  # fmt: skip
    refused = tuple(
        row(one.card.strategy, rule, say.count(times))
        for one in night.subjects
        for rule, times in sorted(one.card.refused.items(), key=lambda item: (-item[1], item[0]))
    )
    return (
        Table(
            columns("gate", "guards", "#stops", "which"), rows,
            "How many strategies each gate of approval stops:",
        ),
        Table(
            columns("strategy", "rule", "#refusals"), refused,
            "What the risk gate refused in the backtests:",
        ),
    )  # fmt: skip
