"""What happened to one chain, and why? Its legs, rolls, reasons, flows, payoff, risk, strategy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trader.backtest.roll_chains import Stories
from trader.domain.facts import ChainEnded, Filled
from trader.domain.trading import Approved, Refused
from trader.views import report_numbers as say
from trader.views.blocks import Cell, Figure, Page, Prose, Section, Table, columns, row
from trader.views.chain_facts import FACTS_MAX, facts_about
from trader.views.figures import Line, chart
from trader.views.log_lines import log_line
from trader.views.performance import flows_of_chain
from trader.views.roll_chains import chain_title, step_fields
from trader.views.screens import controls
from trader.views.screens.addresses import verdict_cell, verdict_page
from trader.views.screens.chain_now import now_blocks
from trader.views.screens.chains import signed
from trader.views.screens.earnings import chain_result
from trader.views.screens.strategy_strip import strategy_strip
from trader.views.session_lines import FILLS, session_story
from trader.views.svg import Axis
from trader.views.text import money, number, percent, usd

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trader.backtest.roll_chains import ChainStory
    from trader.domain.facts import Recorded
    from trader.engine.chains import Chain
    from trader.views.blocks import Block
    from trader.views.reading import Asked, Reading

ROWS_MAX = 100
"""Rows of a table: of a longer life the newest are shown."""
FLOWS = "Flows include fees; each is also told in USD of its moment."
NOT_FILLED = "Nothing of it has filled yet: steps appear with the first fill of its order."


def chain(reading: Reading, asked: Asked) -> Page:
    """Make the page of one chain.

    Raises:
        NotThere: the journal knows no such chain.
    """
    chain_id = asked.get("id", "")
    records = facts_about(reading, chain_id)
    living = reading.desk.ledger.chains.get(chain_id)
    story = _story(records)
    strategy = _strategy(records)
    rates = reading.desk.performance.rates()
    sources = chain_result(flows_of_chain(chain_id, records), rates)
    return Page(
        title=f"Chain {chain_id}",
        subtitle=_subtitle(records, story, living),
        notices=(),
        sections=(
            *strategy_strip(reading, strategy),
            *(_living(reading, living) if living is not None else ()),
            *_session(records),
            Section("Steps", _steps(story), level=2),
            Section("Where its cash came from", (sources,), level=2),
            Section("Max loss used at the gate", _allowed(records, chain_id), level=2),
            Section("Timeline", _timeline(records, chain_id, reading.pulse.speed), level=2),
        ),
    )


def _session(records: Sequence[Recorded]) -> tuple[Section, ...]:
    """Sum a session of quotes up, with what came after each fill; nothing of other chains."""
    story = session_story(records)
    if story is None:
        return ()
    summary = Table(
        columns("what", "told"), tuple(row(*one) for one in story.summary), stacked=True
    )
    heads = columns(*(f"#{one.title}" for one in FILLS))
    fills = tuple(row(*(one[name.field] for name in FILLS)) for one in story.fills)
    table = (Table(heads, fills, stacked=True),) if fills else ()
    return (Section("Session of quotes", (summary, *table), level=2),)


def _living(reading: Reading, living: Chain) -> tuple[Section, ...]:
    """Show what is held, what works for it, and how to end it."""
    orders = reading.desk.ledger.working(living.id)
    rows = tuple(
        row(
            one.order.action,
            ", ".join(f"{leg.ratio:+g} {leg.instrument}" for leg in one.order.legs),
            f"{number(one.remaining)} of {number(one.order.amount)}",
            _limit(one.order.limit_net),
            _limit(one.order.worst_net),
            say.minute(one.order.expires_at),
        )
        for one in orders
    )
    heads = columns("to", "legs per unit", "#left", "#net limit", "#then", "until")
    working: Block = (
        Table(heads, rows, stacked=True) if rows else Prose("No order works for it.", "muted")
    )
    return (
        Section("Held now", now_blocks(reading, living), level=2),
        Section("Orders working", (working, controls.close(living.id)), level=2),
    )


def _limit(net: float | None) -> str:
    return "as displayed" if net is None else number(net)


def _story(records: Sequence[Recorded]) -> ChainStory | None:
    stories = Stories()
    for recorded in records:
        stories.take(recorded.fact, recorded.at)
    told = stories.tell({}, {})
    return told[0] if told else None


def _strategy(records: Sequence[Recorded]) -> str:
    """Name whose chain it is: every chain begins with a verdict."""
    for recorded in records:
        match recorded.fact:
            case Approved() | Refused():
                return recorded.fact.intent.strategy
            case Filled() | ChainEnded():
                return recorded.fact.strategy
            case _:
                pass
    return ""


def _subtitle(records: Sequence[Recorded], story: ChainStory | None, living: Chain | None) -> str:
    if story is None:
        return f"approved {say.minute(records[0].at)}; nothing has filled yet"
    shadow = " in the shadow (not on the account)" if living and living.account != "main" else ""
    return chain_title(story).partition(": ")[2] + shadow


def _steps(story: ChainStory | None) -> tuple[Block, ...]:
    """List what happened to it, and draw the cash it moved."""
    if story is None:
        return (Prose(NOT_FILLED, "muted"),)
    heads = columns("at", "what", "legs", "#index", "#flow", "#in USD then", "because")
    rows = []
    for step in story.steps:
        told = step_fields(step, story)
        flow = signed(step.flow, told["flow"])
        rows.append(
            row(
                told["at"], told["what"], told["legs"], told["index"], flow, told["usd"],
                told["reason"],
            )
        )  # fmt: skip
    together = (
        row(
            "", Cell("together"), f"fees {money(story.fees, story.currency)}", "",
            signed(story.flow, money(story.flow, story.currency)),
            say.signed_usd(story.flow_usd), "",
        ),
    )  # fmt: skip
    shown = Table(heads, (*rows[-ROWS_MAX:], *together), stacked=True)
    return (Prose(FLOWS, "muted"), shown, *_cut(len(rows), story.chain_id), *_cash(story))


def _cut(count: int, chain_id: str) -> tuple[Block, ...]:
    """Say that a table shows the newest rows alone, where it does."""
    if count <= ROWS_MAX:
        return ()
    told = f"The last {ROWS_MAX} of {count:,} are shown; `trader explain {chain_id}` tells all."
    return (Prose(told, "muted"),)


def _cash(story: ChainStory) -> tuple[Block, ...]:
    if len(story.steps) < 2:
        return ()
    total, sums = 0.0, []
    for step in story.steps:
        total += step.flow
        sums.append(total)
    line = Line(label="cash moved", xs=[one.at for one in story.steps], ys=sums, steps=True)
    svg = chart(
        "Cash moved so far", [line], Axis("", "time"), Axis(story.currency, "number", (0.0,))
    )
    return (Figure(svg, f"Cash that moved, fees included, in {story.currency}."),)


def _allowed(records: Sequence[Recorded], chain_id: str) -> tuple[Block, ...]:
    """Show the max loss of each approval as the gate computed it."""
    rows = []
    for recorded in records:
        fact = recorded.fact
        if not isinstance(fact, Approved) or fact.intent.action == "quote":
            continue  # of a session its opening states what it may lose
        worst = fact.max_loss
        some = bool(worst.usd or worst.coin)
        searched = f"{number(round(worst.stress_low))} to {number(round(worst.stress_high))} USD"
        rows.append(
            row(
                verdict_cell(fact.verdict_id),
                say.minute(recorded.at),
                fact.intent.action,
                number(fact.amount),
                usd(worst.usd) if some else "nothing new",
                f"{number(worst.coin)} {fact.intent.underlying}" if some else "",
                percent(worst.share) if some else "",
                searched if some else "",
                fact.regime,
            )
        )
    heads = columns(
        "verdict", "at", "to", "#units", "#max loss", "#in coin", "#of equity", "index searched",
        "market",
    )  # fmt: skip
    return (Table(heads, tuple(rows[-ROWS_MAX:]), stacked=True), *_cut(len(rows), chain_id))


def _timeline(records: Sequence[Recorded], chain_id: str, speed: float) -> tuple[Block, ...]:
    """Tell the newest facts about it in the words of the log, oldest first."""
    rows = []
    for recorded in records[-ROWS_MAX:]:
        name, fields = log_line(recorded, speed=speed)
        verdict = str(fields.get("verdict_id", ""))
        rows.append(
            row(
                say.minute(recorded.at),
                Cell(name, href=verdict_page(verdict) if verdict else ""),
                str(fields["message"]),
            )
        )
    ends = (Prose(f"Only its first {FACTS_MAX:,} facts were read for this page.", "warn"),)
    return (
        Table(columns("at", "what", "told"), tuple(rows), stacked=True),
        *_cut(len(records), chain_id),
        *(ends if len(records) >= FACTS_MAX else ()),
    )
