"""What did the gate decide? Verdicts by the page, how often each rule bound, and one explained."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from trader.domain.facts import EpochOpened
from trader.domain.trading import Approved, Refused, Rule
from trader.views.answers.asking import SCAN_MAX, Paged, Question, Strategy, Text
from trader.views.decisions import BindingCount, VerdictRow, explain, verdict_row
from trader.views.reading import NotThere

if TYPE_CHECKING:
    from trader.views.reading import Filed, Reading


class VerdictsQuestion(Paged, frozen=True, kw_only=True):
    """Asks for verdicts, newest first."""

    strategy: Strategy | None = None
    verdict: Literal["approved", "refused"] | None = None
    rule: Annotated[Rule, msgspec.Meta(description="Only refusals by this rule.")] | None = None


class Verdicts(msgspec.Struct, frozen=True, kw_only=True):
    """A page of verdicts, newest first; `next` goes into `before` for older ones.

    `counts` are of all decisions (of the strategy that was asked for), not of the page.
    """

    verdicts: tuple[VerdictRow, ...]
    counts: tuple[BindingCount, ...]
    next: int | None


class VerdictQuestion(Question, frozen=True, kw_only=True):
    """Asks for one verdict."""

    verdict_id: Text


class VerdictTold(msgspec.Struct, frozen=True, kw_only=True):
    """One verdict: its line, the fact with every number, and the explanation in words."""

    id: int
    row: VerdictRow
    fact: Approved | Refused
    text: str


def verdicts(reading: Reading, asked: VerdictsQuestion) -> Verdicts:
    """What the gate decided, newest first, and how often each rule bound."""
    kinds = {"approved": ("Approved",), "refused": ("Refused",), None: ("Approved", "Refused")}
    stored = reading.facts(
        kinds=("Refused",) if asked.rule is not None else kinds[asked.verdict],
        strategy=asked.strategy, before_id=asked.before, limit=SCAN_MAX, newest_first=True,
    )  # fmt: skip

    def wanted(one: Filed) -> bool:
        fact = one.recorded.fact
        fits = isinstance(fact, Refused) and fact.rule == asked.rule
        return asked.rule is None or (fits and asked.verdict != "approved")

    page, following = paged(stored, wanted, asked.limit)
    rows = [
        verdict_row(one.recorded.fact, one.recorded.at)
        for one in page
        if isinstance(one.recorded.fact, Approved | Refused)
    ]
    counts = (
        one
        for one in reading.desk.live.verdicts()
        if asked.strategy is None or one.strategy == asked.strategy
    )
    return Verdicts(verdicts=tuple(rows), counts=tuple(counts), next=following)


def verdict(reading: Reading, asked: VerdictQuestion) -> VerdictTold:
    """One decision explained: rule, limit, used, requested, who uses it, when it frees."""
    kinds = ("Approved", "Refused")
    stored = next(reading.facts(kinds=kinds, verdict_id=asked.verdict_id, limit=1), None)
    fact = stored.recorded.fact if stored is not None else None
    if stored is None or not isinstance(fact, Approved | Refused):
        raise NotThere(f"no verdict {asked.verdict_id!r} in the journal: /verdicts lists them")
    at = stored.recorded.at
    text = explain(fact, at, speed=speed(reading))
    return VerdictTold(id=stored.id, row=verdict_row(fact, at), fact=fact, text=text)


def speed(reading: Reading) -> float:
    """Tell the market's speed of the newest epoch."""
    epoch = reading.desk.ledger.epoch
    return epoch.speed if isinstance(epoch, EpochOpened) else 1.0


def paged(
    stored: Iterator[Filed], wanted: Callable[[Filed], bool], limit: int
) -> tuple[list[Filed], int | None]:
    """Take a page of what is wanted, and the id to go on before; None where nothing may follow.

    Caller's obligation: newest first, `SCAN_MAX` facts at most.
    """
    page: list[Filed] = []
    scanned = 0
    last = 0
    for one in stored:
        if len(page) == limit:
            return page, last
        scanned, last = scanned + 1, one.id
        if wanted(one):
            page.append(one)
    return page, last if scanned == SCAN_MAX else None
