"""What can a person ask the journal with plain SQL? Views with ISO times and readable numbers.

Open the file with any SQLite shell, read-only (`sqlite3 -readonly journal.sqlite`). Times are UTC
on the market clock (`2026-06-01T08:00:00Z`), amounts are in units of their currency (not atoms),
shares are in percent of equity. Every row starts with `id` (the order of events), `time`, `account`
and `strategy`; `underlying`, `verdict_id`, `chain_id` and `order_id` follow where there is one.

| view | one row per | columns |
|---|---|---|
| `verdicts` | decision of the risk gate | verdict (approved or refused), action, stage, amount, max_loss_usd, max_loss_percent, rule, used, requested, limit_value, explanation, reason, confidence, frees_at |
| `orders` | order | action, amount, limit_net, worst_net, filled, ended_at, end, detail |
| `fills` | leg of a fill | fill_id, instrument, side, amount, price, currency, index_price, fee, maker |
| `settlements` | leg settled at expiry, or coin moved for it (payoff: its price) | expiry, delivery_price, instrument, amount, payoff, fee, currency |
| `chains_ended` | finished structure | opened_at, how, pnl_usd, pnl_percent, pnl_coin (JSON by currency) |
| `marks` | account and market hour | equity_usd, trading_pnl_usd, stale |
| `commands` | command of a person | command, by, reason, chain_id, stage |

Example: `SELECT rule, count(*) FROM verdicts WHERE verdict = 'refused' GROUP BY rule;`
These views are SQLite's (`json_extract`); the tables themselves are not.
"""  # noqa: E501 - a table row cannot be broken

# ruff: noqa: S608 - the statements are put together from constants of this file only
from __future__ import annotations

from typing import Final


def _field(path: str, source: str = "f.payload") -> str:
    return f"json_extract({source}, '$.{path}')"


def _iso(nanoseconds: str) -> str:
    return f"strftime('%Y-%m-%dT%H:%M:%SZ', {nanoseconds} / 1000000000, 'unixepoch')"


def _coins(atoms: str) -> str:
    return f"({atoms} / 100000000.0)"


_HEAD: Final = f"f.id, {_iso('f.at')} AS time, f.account, f.strategy"
_LEG: Final = "leg.value"

_VERDICTS: Final = f"""
SELECT {_HEAD}, f.underlying,
  CASE f.kind WHEN 'Approved' THEN 'approved' ELSE 'refused' END AS verdict, f.verdict_id,
  f.chain_id, {_field("intent.action")} AS action, {_field("stage")} AS stage,
  coalesce({_field("amount")}, {_field("allowed")}) AS amount,
  round({_field("max_loss.usd")}, 2) AS max_loss_usd,
  round({_field("max_loss.share")} * 100, 3) AS max_loss_percent,
  {_field("rule")} AS rule, {_field("used")} AS used, {_field("requested")} AS requested,
  {_field("limit")} AS limit_value, {_field("explanation")} AS explanation,
  {_field("intent.reason")} AS reason, {_field("intent.confidence")} AS confidence,
  {_iso(_field("frees_at"))} AS frees_at
FROM facts f WHERE f.kind IN ('Approved', 'Refused')
"""

_ORDERS: Final = f"""
SELECT {_HEAD}, f.underlying, f.order_id, f.verdict_id, f.chain_id,
  {_field("order.action")} AS action, {_field("order.amount")} AS amount,
  {_field("order.limit_net")} AS limit_net, {_field("order.worst_net")} AS worst_net,
  coalesce((SELECT sum({_field("amount", "fill.payload")}) FROM facts fill
    WHERE fill.kind = 'Filled' AND fill.order_id = f.order_id), 0) AS filled,
  {_iso("ended.at")} AS ended_at, {_field("end", "ended.payload")} AS end,
  {_field("detail", "ended.payload")} AS detail
FROM facts f LEFT JOIN facts ended ON ended.kind = 'OrderEnded' AND ended.order_id = f.order_id
WHERE f.kind = 'OrderPlaced'
"""

_FILLS: Final = f"""
SELECT {_HEAD}, f.chain_id, f.order_id, {_field("fill_id")} AS fill_id,
  {_field("instrument", _LEG)} AS instrument,
  CASE WHEN {_field("amount", _LEG)} < 0 THEN 'sell' ELSE 'buy' END AS side,
  abs({_field("amount", _LEG)}) AS amount, {_field("price", _LEG)} AS price,
  {_field("currency", _LEG)} AS currency, {_field("index", _LEG)} AS index_price,
  {_coins(_field("fee_atoms", _LEG))} AS fee, {_field("maker", _LEG)} AS maker
FROM facts f, json_each(f.payload, '$.legs') leg WHERE f.kind = 'Filled'
"""


def _delivered(parts: str, instrument: str, price: str) -> str:
    return f"""
SELECT {_HEAD}, f.underlying, {_iso(_field("expires_at"))} AS expiry,
  {_field("delivery_price")} AS delivery_price, {_field("chain_id", _LEG)} AS chain_id,
  {_field(instrument, _LEG)} AS instrument, {_field("amount", _LEG)} AS amount,
  {_field(price, _LEG)} AS payoff, {_coins(_field("fee_atoms", _LEG))} AS fee,
  {_field("currency", _LEG)} AS currency
FROM facts f, json_each(f.payload, '$.{parts}') leg WHERE f.kind = 'Settled'
"""


_SETTLEMENTS: Final = (
    _delivered("legs", "instrument", "payoff")
    + "UNION ALL"
    + _delivered("spot", "instrument.name", "price")
)

_CHAINS_ENDED: Final = f"""
SELECT {_HEAD}, f.underlying, f.chain_id, {_iso(_field("opened_at"))} AS opened_at,
  {_field("how")} AS how, round({_field("pnl_usd")}, 2) AS pnl_usd,
  round({_field("pnl_pct")} * 100, 4) AS pnl_percent,
  (SELECT json_group_object(flow.key, {_coins("flow.value")})
    FROM json_each(f.payload, '$.pnl') flow) AS pnl_coin
FROM facts f WHERE f.kind = 'ChainEnded'
"""

_MARKS: Final = f"""
SELECT {_HEAD}, round({_field("equity_usd")}, 2) AS equity_usd,
  round({_field("trading_pnl_usd")}, 2) AS trading_pnl_usd, {_field("stale")} AS stale
FROM facts f WHERE f.kind = 'AccountMarked'
"""

_COMMANDS: Final = f"""
SELECT {_HEAD}, {_field("command.type")} AS command, {_field("command.by")} AS by,
  {_field("command.reason")} AS reason, f.chain_id, {_field("command.stage")} AS stage
FROM facts f WHERE f.kind = 'CommandTaken'
"""

VIEWS: Final[dict[str, str]] = {
    "verdicts": _VERDICTS,
    "orders": _ORDERS,
    "fills": _FILLS,
    "settlements": _SETTLEMENTS,
    "chains_ended": _CHAINS_ENDED,
    "marks": _MARKS,
    "commands": _COMMANDS,
}
"""Name and SELECT of every view, made once when a journal file is created."""
