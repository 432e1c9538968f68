"""Which structures live, and how did those end that did? Open chains, then ended ones by page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trader.domain.facts import ChainEnded
from trader.views import report_numbers as say
from trader.views.blocks import (
    Cell,
    Choice,
    Filter,
    Page,
    Prose,
    Section,
    Table,
    columns,
    row,
)
from trader.views.screens.addresses import asking, chain_cell, strategy_cell
from trader.views.screens.asked import one_of, whole
from trader.views.text import atoms, duration, money

if TYPE_CHECKING:
    from trader.views.blocks import Block
    from trader.views.live_rows import ChainRow
    from trader.views.reading import Asked, Filed, Reading

ENDED_A_PAGE: Final = 50
IDS_MAX: Final = 999_999_999
NONE_OPEN: Final = (
    "No chain lives now. One appears when the gate approves what a strategy proposes; "
    "the page of verdicts tells what was refused, and why."
)
NONE_ENDED: Final = (
    "No chain has ended yet. The first does when its legs expire (08:00 UTC) or are closed."
)


def chains(reading: Reading, asked: Asked) -> Page:
    """Make the page of chains.

    Raises:
        NotUnderstood: the place or the strategy asked for cannot be.
    """
    names = tuple(dict.fromkeys(one.strategy for one in reading.desk.live.strategies()))
    strategy = one_of(asked, "strategy", names)
    before = whole(asked, "before", 0, 1, IDS_MAX)
    living = [one for one in reading.desk.live.chains() if strategy in ("", one.strategy)]
    options = (("", "all"), *((name, name) for name in names))
    return Page(
        title="Chains",
        subtitle="A chain is one structure from its first order to its end, rolls included.",
        notices=(),
        sections=(
            Section("", (Filter((Choice("strategy", "strategy", strategy, options),)),)),
            Section(f"Open ({len(living)})", (_open(living),), level=2),
            Section("Ended", _ended(reading, strategy, before), level=2),
        ),
    )


def signed(amount: float, text: str) -> Cell:
    """Show a result: gains and losses are told by their sign, and by color."""
    return Cell(text, "good" if amount > 0 else "bad" if amount < 0 else "")


def _open(living: list[ChainRow]) -> Block:
    if not living:
        return Prose(NONE_OPEN, "muted")
    heads = columns(
        "chain", "strategy", "state", "legs", "opened", "expires", "#cash so far", "#max loss",
        "#of equity", "orders working",
    )  # fmt: skip
    rows = tuple(
        row(
            chain_cell(one.chain_id),
            strategy_cell(one.strategy),
            one.state.replace("_", " "),
            ", ".join(one.legs) or "no leg yet",
            _minute(one.opened_at) or "not filled yet",
            _minute(one.expires_at) or "never",
            ", ".join(money(amount, coin) for coin, amount in one.flows.items()) or "none",
            say.usd(one.max_loss_usd),
            say.share(one.max_loss_share),
            ", ".join(one.working) or "none",
        )
        for one in living
    )
    return Table(heads, rows, stacked=True, keys=tuple(one.chain_id for one in living))


def _minute(time: str | None) -> str:
    """Cut an ISO time to the minute."""
    return f"{time[:10]} {time[11:16]} UTC" if time else ""


def _ended(reading: Reading, strategy: str, before: int) -> tuple[Block, ...]:
    found = reading.facts(
        kinds=("ChainEnded",), strategy=strategy or None, before_id=before or None,
        newest_first=True, limit=ENDED_A_PAGE + 1,
    )  # fmt: skip
    shown = list(found)
    if not shown:
        return (Prose("There is no older chain." if before else NONE_ENDED, "muted"),)
    heads = columns(
        "chain", "strategy", "on", "ended", "#lived", "how", "#result", "#in coin", "#of equity",
    )  # fmt: skip
    kept = shown[:ENDED_A_PAGE]
    table = Table(
        heads, tuple(_row(one) for one in kept), stacked=True, keys=tuple(map(_key, kept))
    )
    links = []
    if before:
        links.append(Prose("Newest chains", href=_address(strategy, 0)))
    if len(shown) > ENDED_A_PAGE:
        links.append(Prose("Older chains", href=_address(strategy, kept[-1].id)))
    return (table, *links)


def _key(filed: Filed) -> str:
    return f"ended-{filed.id}"


def _row(filed: Filed) -> tuple[Cell, ...]:
    fact, at = filed.recorded.fact, filed.recorded.at
    if not isinstance(fact, ChainEnded):
        raise TypeError(f"fact {filed.id} is {type(fact).__name__}, ChainEnded was asked for")
    shadow = "" if fact.account == "main" else " (shadow)"
    return row(
        chain_cell(fact.chain_id),
        strategy_cell(fact.strategy),
        f"{fact.underlying}{shadow}",
        say.minute(at),
        duration(at - fact.opened_at),
        "at expiry" if fact.how == "settled" else "by closing",
        signed(fact.pnl_usd, say.signed_usd(fact.pnl_usd)),
        ", ".join(atoms(count, coin) for coin, count in fact.pnl.items()) or "nothing",
        say.share(fact.pnl_pct, 4, signed=True),
    )


def _address(strategy: str, before: int) -> str:
    return asking("/chains", strategy=strategy, before=str(before or ""))
