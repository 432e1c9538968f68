"""Can a person read the journal with plain SQL? Every view against facts we know."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.backtest.wheels import facts_of_a_turn
from tests.storage.story import STORY
from trader.storage import queries
from trader.storage.journal import Journal
from trader.storage.queries import VIEWS

KEYS = ("underlying", "verdict_id", "chain_id", "order_id")


def rows(tmp_path: Path, view: str) -> list[dict[str, Any]]:
    """Write the story into a journal and read one view of it with plain sqlite3, read-only."""
    path = tmp_path / "journal.sqlite"
    if not path.exists():
        with Journal.create_or_open(f"sqlite:///{path}", writer=True) as journal:
            journal.append(STORY)
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as shell:
        shell.row_factory = sqlite3.Row
        return [dict(found) for found in shell.execute(f"SELECT * FROM {view} ORDER BY id")]


def part(row: dict[str, Any], *columns: str) -> tuple[Any, ...]:
    """Pick columns of a row."""
    return tuple(row[column] for column in columns)


def test_every_view_is_documented_with_its_columns(tmp_path: Path) -> None:
    """The module's table names each view; each row begins with id, time, account, strategy."""
    for view in VIEWS:
        (documented,) = (
            line for line in str(queries.__doc__).split("\n") if f"| `{view}` |" in line
        )
        for row in rows(tmp_path, view):
            assert list(row)[:4] == ["id", "time", "account", "strategy"]
            named = (*KEYS, *documented.replace(",", " ").split())
            assert [column for column in list(row)[4:] if column not in named] == []


def test_verdicts_show_both_answers_with_their_numbers(tmp_path: Path) -> None:
    """An approval shows size and max loss in percent, a refusal rule, limit, used, requested."""
    approved, refused = rows(tmp_path, "verdicts")
    assert part(approved, "time", "verdict", "amount", "max_loss_usd", "max_loss_percent") == (
        "2026-06-01T18:00:00Z",
        "approved",
        0.6,
        2340.0,
        0.9,
    )
    assert part(refused, "verdict", "rule", "limit_value", "used", "requested", "frees_at") == (
        "refused",
        "underlying_risk",
        0.03,
        0.025,
        0.009,
        "2026-06-02T08:00:00Z",
    )


def test_orders_show_how_much_was_filled_and_how_they_ended(tmp_path: Path) -> None:
    """One row per order from its placing to its end."""
    (order,) = rows(tmp_path, "orders")
    assert part(order, "order_id", "amount", "filled", "end", "ended_at") == (
        "o1",
        0.6,
        0.6,
        "filled",
        "2026-06-01T18:00:05Z",
    )


def test_fills_show_side_price_and_fee_in_units(tmp_path: Path) -> None:
    """One row per leg: side, unsigned amount, price, fee in coin (not atoms)."""
    (leg,) = rows(tmp_path, "fills")
    assert part(leg, "instrument", "side", "amount", "price", "fee", "currency", "index_price") == (
        "BTC-2JUN26-66000-C",
        "sell",
        0.6,
        0.0042,
        0.00018,
        "BTC",
        65000.0,
    )


def test_settlements_and_ended_chains_show_money_in_units(tmp_path: Path) -> None:
    """A leg settles at the delivery price; the chain's result stands in coin, USD and percent."""
    (leg,) = rows(tmp_path, "settlements")
    assert part(leg, "chain_id", "delivery_price", "payoff", "fee", "expiry") == (
        "c1",
        65100.0,
        0.0,
        0.0,
        "2026-06-02T08:00:00Z",
    )
    (chain,) = rows(tmp_path, "chains_ended")
    assert part(chain, "chain_id", "how", "pnl_usd", "pnl_percent") == (
        "c1",
        "settled",
        152.1,
        0.0585,
    )
    assert json.loads(chain["pnl_coin"]) == {"BTC": 0.00234}


def test_coin_that_moved_at_a_settlement_is_a_row_of_its_own(tmp_path: Path) -> None:
    """Bought at 55,000, sold at 61,000, beside the options it moved for."""
    path = tmp_path / "journal.sqlite"
    with Journal.create_or_open(f"sqlite:///{path}", writer=True) as journal:
        journal.append(facts_of_a_turn())
    moved = [part(row, "chain_id", "instrument", "amount", "payoff", "fee", "currency")
             for row in rows(tmp_path, "settlements")]  # fmt: skip
    assert moved == [
        ("C12-0", "BTC_USDC-14JAN22-60000-P", -1.0, 5_000.0, 8.25, "USDC"),
        ("C12-0", "BTC_USDC", 1.0, 55_000.0, 0.0, "USDC"),
        ("C12-0", "BTC_USDC-21JAN22-58000-C", -1.0, 3_000.0, 9.15, "USDC"),
        ("C12-0", "BTC_USDC", -1.0, 61_000.0, 0.0, "USDC"),
    ]


def test_marks_and_commands_read_as_they_were_said(tmp_path: Path) -> None:
    """Equity beside trading result; a command with who and why."""
    (mark,) = rows(tmp_path, "marks")
    assert part(mark, "account", "equity_usd", "trading_pnl_usd") == ("main", 260000.0, 164.0)
    (command,) = rows(tmp_path, "commands")
    assert part(command, "command", "by", "reason", "strategy") == (
        "PauseTrading",
        "ann",
        "news",
        "covered_call_btc",
    )
