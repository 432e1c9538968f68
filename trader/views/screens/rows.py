"""How do chains and verdicts look as rows of a page? The same wherever they are listed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trader.views import report_numbers as say
from trader.views.blocks import Cell, Prose, Table, columns, row
from trader.views.decisions import verdict_row
from trader.views.screens.addresses import chain_cell, strategy_cell, verdict_cell
from trader.views.text import number, when

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from trader.domain.trading import Verdict
    from trader.engine.ledger import Ledger
    from trader.views.blocks import Block
    from trader.views.live_rows import ChainRow

SECONDS_SHOWN: Final = 19
"""Characters of an ISO time up to its seconds."""


def verdict_table(decided: Iterable[tuple[int, Verdict]], nothing: str) -> Block:
    """List verdicts with the market time of each, as they come; each leads to its explanation."""
    rows = tuple(_verdict(at, verdict) for at, verdict in decided)
    titles = ("market time", "verdict", "strategy", "asked to", "answer", "#fits", "why")
    return Table(columns(*titles), rows, stacked=True) if rows else Prose(nothing, "muted")


def _verdict(at: int, verdict: Verdict) -> tuple[Cell, ...]:
    one = verdict_row(verdict, at)
    approved = one.verdict == "approved"
    answer = "approved" if approved else f"refused: {one.rule}"
    return row(
        clock(one.time),
        verdict_cell(one.verdict_id),
        strategy_cell(one.strategy),
        f"{one.action} {one.underlying}",
        Cell(answer, "good" if approved else "warn"),
        f"{number(one.amount)} {one.underlying}" if one.amount else "nothing",
        one.why,
    )


def chain_table(chains: Sequence[ChainRow], ledger: Ledger, speed: float, nothing: str) -> Block:
    """List living chains; each leads to its story."""
    rows = tuple(_chain(one, ledger, speed) for one in chains)
    titles = (
        "chain", "strategy", "state", "holds", "#max loss", "#of equity", "ends at the latest"
    )  # fmt: skip
    return Table(columns(*titles), rows, stacked=True) if rows else Prose(nothing, "muted")


def _chain(one: ChainRow, ledger: Ledger, speed: float) -> tuple[Cell, ...]:
    chain = ledger.chains[one.chain_id]
    ends = when(chain.expires_at, ledger.at, speed) if chain.expires_at else "no expiry"
    return row(
        chain_cell(one.chain_id),
        strategy_cell(one.strategy),
        Cell(one.state.replace("_", " "), "warn" if chain.pending else ""),
        ", ".join(one.legs) or ", ".join(one.working) or "nothing yet",
        say.usd(one.max_loss_usd),
        say.share(one.max_loss_share),
        ends,
    )


def clock(time: str) -> str:
    """Write an ISO time to the second, as `2026-06-01 18:00:05 UTC`."""
    return f"{time[:SECONDS_SHOWN].replace('T', ' ')} UTC"
