"""What did the gate decide, and why? A list to search, and one verdict with all it rests on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from trader.domain.trading import Approved, Refused
from trader.views import decisions
from trader.views import report_numbers as say
from trader.views.behavior_lines import restraint_lines
from trader.views.blocks import (
    Cell,
    Choice,
    Filter,
    Page,
    Pairs,
    Prose,
    Section,
    Table,
    columns,
    row,
)
from trader.views.reading import NotThere
from trader.views.screens.addresses import asking, chain_cell, chain_page, strategy_cell
from trader.views.screens.asked import one_of, whole
from trader.views.screens.rows import verdict_table
from trader.views.sizing_lines import sizing_rows
from trader.views.small_figures import meter
from trader.views.text import number, when

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from trader.domain.trading import Consumer, LimitUse, SizeFactor, Verdict
    from trader.views.blocks import Block
    from trader.views.decisions import BindingCount
    from trader.views.reading import Asked, Reading

PATH: Final = "/verdicts"
SHOWN: Final = 40
"""Verdicts on one page."""
LOOKED_AT_MAX: Final = 4_000
"""Verdicts that one page looks through for a rule that is rare."""
KINDS: Final = {"approved": ("Approved",), "refused": ("Refused",)}
ANY: Final = ("", "any")
LAST_ID: Final = 999_999_999
NOTHING: Final = (
    "No verdict yet: the first comes when a strategy that is due wishes to trade (see what comes"
    " next on the first page)."
)


class Search(msgspec.Struct, frozen=True):
    """What is looked for; "" and 0 are anything."""

    strategy: str
    verdict: str
    rule: str
    before: int

    def address(self, before: int = 0) -> str:
        """Write where it is answered, from a place in the journal backward."""
        return asking(
            PATH, strategy=self.strategy, verdict=self.verdict, rule=self.rule,
            before=str(before) if before else "",
        )  # fmt: skip


class Found(msgspec.Struct, frozen=True):
    """Verdicts, newest first, and from where to look on; 0 where there are no more."""

    decided: tuple[tuple[int, Verdict], ...]
    looked_until: int


def verdicts(reading: Reading, asked: Asked) -> Page:
    """List verdicts.

    Raises:
        NotUnderstood: an unknown strategy, answer or rule, or a place that is none.
    """
    counts = reading.desk.live.verdicts()
    strategies = tuple(sorted({*reading.desk.ledger.stages, *(one.strategy for one in counts)}))
    search = Search(
        strategy=one_of(asked, "strategy", strategies),
        verdict=one_of(asked, "verdict", tuple(KINDS)),
        rule=one_of(asked, "rule", tuple(decisions.MEANINGS)),
        before=whole(asked, "before", 0, 1, LAST_ID),
    )
    bound = {one.rule for one in counts if one.rule is not None} | {search.rule}
    rules = tuple(sorted(one for one in bound if one))
    found = look_up(reading, search)
    asks_for_all = search == Search("", "", "", 0)
    table = verdict_table(found.decided, NOTHING if asks_for_all else "None of these.")
    blocks: list[Block] = [_form(search, strategies, rules), table]
    if found.looked_until:
        blocks.append(Prose("Earlier ones", href=search.address(found.looked_until)))
    if search.before:
        blocks.append(Prose("Back to the newest", href=search.address()))
    total = sum(one.count for one in counts)
    return Page(
        title="Verdicts",
        subtitle=f"Everything strategies wished for, and what the gate said: {total:,} so far.",
        notices=(),
        sections=(
            Section("Newest first", tuple(blocks), level=2),
            Section("How often each rule bound", (bindings(counts),), level=2, anchor="rules"),
        ),
    )


def look_up(reading: Reading, search: Search) -> Found:
    """Find a page of verdicts; the search for a rare rule ends after a bounded number."""
    kinds = KINDS.get(search.verdict, ("Approved", "Refused"))
    stored = reading.facts(
        kinds=kinds, strategy=search.strategy or None, before_id=search.before or None,
        limit=LOOKED_AT_MAX, newest_first=True,
    )  # fmt: skip
    decided: list[tuple[int, Verdict]] = []
    looked_at = last = 0
    for one in stored:
        if len(decided) == SHOWN:
            return Found(tuple(decided), last)
        verdict, looked_at, last = one.recorded.fact, looked_at + 1, one.id
        if isinstance(verdict, Approved | Refused) and _fits(verdict, search.rule):
            decided.append((one.recorded.at, verdict))
    return Found(tuple(decided), last if looked_at == LOOKED_AT_MAX else 0)


def bindings(counts: Iterable[BindingCount]) -> Block:
    """Tell how often each rule refused, each leading to its refusals."""
    rows = tuple(
        row(
            strategy_cell(one.strategy),
            Cell(f"refused by {one.rule}" if one.rule else "approved", href=_count_address(one)),
            say.count(one.count),
            say.share(one.share, 1),
            Cell("", figure=meter(one.share, 1.0)) if one.rule else Cell(""),
        )
        for one in counts
    )
    if not rows:
        return Prose("Counted from the first verdict on.", "muted")
    return Table(columns("strategy", "answer", "#times", "#of its verdicts", "share"), rows)


def verdict(reading: Reading, asked: Asked) -> Page:
    """Explain one verdict.

    Raises:
        NotThere: there is none of that id.
    """
    name = asked["id"]
    stored = next(reading.facts(kinds=("Approved", "Refused"), verdict_id=name, limit=1), None)
    fact = stored.recorded.fact if stored is not None else None
    if stored is None or not isinstance(fact, Approved | Refused):
        raise NotThere(f"no verdict {name!r} is in the journal: /verdicts lists those that are")
    at, speed = stored.recorded.at, reading.pulse.speed
    return Page(
        title=f"Verdict {fact.verdict_id}: {_answer(fact)}",
        subtitle=decisions.headline(fact, at),
        notices=(_in_short(fact),),
        sections=(
            Section("The answer", (_lines(decisions.answer_lines(fact, at, speed), reading, fact),),
                    level=2),
            *_frees(fact, reading),
            *_consumers(fact, at, speed),
            Section("What was wanted", (_lines(decisions.intent_lines(fact), reading, fact),
                                        _legs(fact)), level=2),
            *_behavior(fact, at, speed),
            *_sizing(fact.sizing),
            Section("Every limit that was asked", (_limits(fact.limits),), level=2),
            Section("Go on", (_links(fact),), level=2),
        ),
    )  # fmt: skip


def _fits(verdict: Verdict, rule: str) -> bool:
    return not rule or (isinstance(verdict, Refused) and verdict.rule == rule)


def _count_address(one: BindingCount) -> str:
    if one.rule is None:
        return asking(PATH, strategy=one.strategy, verdict="approved")
    return asking(PATH, strategy=one.strategy, rule=one.rule)


def _form(search: Search, strategies: tuple[str, ...], rules: tuple[str, ...]) -> Filter:
    return Filter(
        (
            Choice(
                "strategy", "Strategy", search.strategy, (ANY, *((one, one) for one in strategies))
            ),
            Choice("verdict", "Answer", search.verdict, (ANY, *((one, one) for one in KINDS))),
            Choice("rule", "Rule that refused", search.rule, (ANY, *((one, one) for one in rules))),
        )
    )


def _answer(fact: Verdict) -> str:
    return f"refused by {fact.rule}" if isinstance(fact, Refused) else "approved"


def _in_short(fact: Verdict) -> Prose:
    if isinstance(fact, Refused):
        return Prose(f"Refused: {fact.explanation}.", "warn")
    return Prose(f"Approved: {decisions.legs_text(fact.intent, fact.amount)}.", "good")


def _lines(lines: Iterable[tuple[str, str]], reading: Reading, fact: Verdict) -> Pairs:
    """Set names beside values; chains that are in the journal lead to their stories."""
    chain_id = fact.chain_id if isinstance(fact, Approved) else fact.intent.chain_id
    known = chain_id is not None and any(reading.facts(chain_id=chain_id, limit=1))
    return Pairs(
        tuple(
            (name, Cell(text, href=chain_page(text) if known and text == chain_id else ""))
            for name, text in lines
        )
    )


def _frees(fact: Verdict, reading: Reading) -> tuple[Section, ...]:
    """Say how long it is, from now, until what stopped it frees."""
    if not isinstance(fact, Refused) or fact.frees_at is None or not reading.pulse.at:
        return ()
    now = reading.pulse.at
    told = when(fact.frees_at, now, reading.pulse.speed)
    text = f"Seen from now: {told}." if fact.frees_at > now else f"It has freed by now: {told}."
    return (Section("When it frees", (Prose(text),), level=2),)


def _consumers(fact: Verdict, at: int, speed: float) -> tuple[Section, ...]:
    """List who uses the budget."""
    if not isinstance(fact, Refused) or not fact.consumers:
        return ()
    limit = fact.limit if decisions.MEANINGS[decisions.binding_rule(fact)][0] == "share" else 0.0
    rows = tuple(_consumer(one, limit, at, speed) for one in fact.consumers)
    titles = (
        "chain",
        "what",
        "strategy",
        "#share of equity",
        "of the limit",
        "frees at the latest",
    )
    return (
        Section("Who uses the budget", (Table(columns(*titles), rows, stacked=True),), level=2),
    )


def _consumer(one: Consumer, limit: float, at: int, speed: float) -> tuple[Cell, ...]:
    return row(
        chain_cell(one.id),
        one.kind,
        strategy_cell(one.strategy),
        say.share(one.share),
        Cell("", figure=meter(one.share, limit)) if limit > 0 else Cell("counts as one"),
        when(one.frees_at, at, speed) if one.frees_at is not None else "nobody knows",
    )


def _legs(fact: Verdict) -> Block:
    """List the legs of the intent, with amounts where the gate gave one."""
    amount = fact.amount if isinstance(fact, Approved) else None
    rows = tuple(
        row("buy" if leg.ratio > 0 else "sell", leg.instrument,
            number(abs(leg.ratio)), number(abs(leg.ratio) * amount) if amount else "none")
        for leg in fact.intent.legs
    )  # fmt: skip
    if not rows:
        return Prose("It names no legs.", "muted")
    return Table(columns("side", "contract", "#per unit", "#approved"), rows, "Legs:")


def _behavior(fact: Verdict, at: int, speed: float) -> tuple[Section, ...]:
    if fact.restraint is None:
        return ()
    lines = restraint_lines(fact.restraint, fact.intent, at, speed)
    named = tuple((name or "pause", Cell(text)) for name, text in lines)
    return (Section("Behavior", (Pairs(named),), level=2),)


def _sizing(factors: Sequence[SizeFactor]) -> tuple[Section, ...]:
    """List what the size was multiplied by, with reasons and the product."""
    if not factors:
        return ()
    rows = tuple(row(name, scalar, reason) for name, scalar, reason in sizing_rows(factors))
    shown = Table(columns("factor", "#times", "because"), rows)
    return (Section("What shrank the size", (shown,), level=2),)


def _limits(limits: Iterable[LimitUse]) -> Block:
    """List every limit with its use, and a bar of what would be used."""
    rows = tuple(_limit(use) for use in limits)
    if not rows:
        return Prose("None was asked: what it wished for could not be weighed.", "muted")
    titles = ("rule", "#limit", "#used", "#requested", "answer", "used and requested", "counts")
    return Table(columns(*titles), rows, stacked=True)


def _limit(use: LimitUse) -> tuple[Cell, ...]:
    beyond = decisions.is_beyond(use)
    bar = Cell("", figure=meter(use.used + use.requested, use.limit)) if use.limit > 0 else Cell("")
    return row(
        use.rule,
        decisions.in_unit(use.rule, use.limit),
        decisions.in_unit(use.rule, use.used),
        decisions.in_unit(use.rule, use.requested),
        Cell("too much", "bad") if beyond else Cell("fits", "good"),
        bar,
        decisions.MEANINGS[use.rule][1],
    )


def _links(fact: Verdict) -> Pairs:
    strategy = fact.intent.strategy
    rows = [
        ("strategy", strategy_cell(strategy)),
        ("its verdicts", Cell("all of them", href=asking(PATH, strategy=strategy))),
    ]
    if isinstance(fact, Refused):
        href = asking(PATH, rule=fact.rule)
        rows.append(("the same rule", Cell(f"all refusals by {fact.rule}", href=href)))
    return Pairs(tuple(rows))
