"""What goes into an evaluation, and what does a person read of it? Rows in, console lines out."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal

import msgspec
import numpy as np

from trader.evaluation.approval import ApprovalResult
from trader.evaluation.psychology import score_sentence
from trader.evaluation.trade_stats import TradeResult

Unit = Literal["fraction", "percent", "auto"]
Row = Mapping[str, Any]

FRACTION_MAX: Final = 0.2
"""Read as percents, results that never leave this would not be worth a trade."""
PERCENT_MEDIAN_MIN: Final = 1.0
"""Read as fractions, this would be a typical trade that doubles the account."""
AGREEMENT: Final = 0.02
"""How near pnl_pct must be to pnl_usd / equity to prove its unit."""


class ImportReport(msgspec.Struct, frozen=True):
    """Which fields the trades were read from, in which unit, and why."""

    timestamp_field: str
    pnl_field: str
    unit: Literal["fraction", "percent"]
    why: str
    underlying_assumed: int
    """Rows that named no underlying and were read as BTC."""


class ImportedTrades(list[TradeResult]):
    """A list of trades that remembers how they were read."""

    def __init__(self, trades: Sequence[TradeResult], report: ImportReport) -> None:
        super().__init__(trades)
        self.report = report


def build_trades_from_backtest(
    rows: Sequence[Row], unit: Unit = "auto", equity: float | None = None
) -> ImportedTrades:
    """Turn rows of a backtest into trades; the list's `report` says how they were read.

    The time is `exit_time` where every row has it, else `decision_time`: an aware datetime or ISO
    text with an offset. The result is `pnl_pct` where every row has it, else `pnl_usd` over the
    row's `equity`, else over `equity`. `unit` is that of `pnl_pct`; "auto" decides once for all
    rows and refuses to guess.

    Raises:
        ValueError: a field is missing or impossible, or the unit is ambiguous; names row, value
            and remedy.
    """
    if unit not in ("fraction", "percent", "auto"):
        raise ValueError(f"unit is {unit!r}, must be fraction, percent or auto")
    if equity is not None and not (math.isfinite(equity) and equity > 0):
        raise ValueError(f"equity is {equity}, must be a positive amount")
    when = _field_of_all(rows, ("exit_time", "decision_time"))
    if _has_all(rows, "pnl_pct"):
        what = "pnl_pct"
        results = [_number(row, "pnl_pct", place) for place, row in enumerate(rows)]
        decided, why = _unit_of(results, rows, equity) if unit == "auto" else (unit, "as asked")
    else:
        what, decided, why = "pnl_usd / equity", "fraction", "a ratio of amounts"
        results = [_ratio(row, equity, place) for place, row in enumerate(rows)]
    scale = 100.0 if decided == "percent" else 1.0
    trades = [
        TradeResult(
            timestamp=_time(row, when, place),
            pnl_pct=result / scale,
            is_win=result > 0,
            underlying=str(row.get("underlying") or "BTC"),
            chain_id=None if row.get("chain_id") is None else str(row["chain_id"]),
        )
        for place, (row, result) in enumerate(zip(rows, results, strict=True))
    ]
    assumed = sum(not row.get("underlying") for row in rows)
    return ImportedTrades(trades, ImportReport(when, what, decided, why, assumed))


def render_strategy_summary(
    approval: ApprovalResult, write: Callable[[str], object] = print
) -> dict[str, Any]:
    """Write what a person reads of an evaluation, and return it for JSON.

    The score is written twice: as its line always was, and with the range it can have.
    """
    s = approval.stats
    v = approval.variance
    p = approval.psych
    cfg = approval.config
    write("=== Strategy Evaluation ===")
    write(f"Stage: {approval.stage} – {approval.reason}")  # noqa: RUF001 (the dash is part of the format)
    write(f"Trades: {s.n_trades} over ~{s.years_covered:.1f} years")
    write(f"Win rate: {s.win_rate:.1%}")
    write(f"Avg win: {s.avg_win:.2%}, Avg loss: {s.avg_loss:.2%}")
    write(f"Expectancy/trade: {s.expectancy_per_trade:.3%}")
    write(f"Max DD (backtest): {s.max_drawdown_pct:.1%}")
    write(f"MC worst DD: {v.worst_max_dd:.1%}, worst loss streak: {v.worst_max_loss_streak}")
    write(f"Psychology score: {p.score:.1f} / 100")
    write(
        "Psychology range: "
        + score_sentence(p.score, cfg.min_psych_score_pilot, cfg.min_psych_score_prod)
    )
    return {
        "stage": approval.stage,
        "reason": approval.reason,
        "win_rate": s.win_rate,
        "avg_win": s.avg_win,
        "avg_loss": s.avg_loss,
        "expectancy_per_trade": s.expectancy_per_trade,
        "backtest_max_dd": s.max_drawdown_pct,
        "mc_worst_max_dd": v.worst_max_dd,
        "mc_worst_loss_streak": v.worst_max_loss_streak,
        "psychology_score": p.score,
        "psychology_components": p.components,
    }


def _has_all(rows: Sequence[Row], field: str) -> bool:
    """Tell whether every row has a value in a field."""
    return all(row.get(field) is not None for row in rows)


def _field_of_all(rows: Sequence[Row], fields: Sequence[str]) -> str:
    """Return the first field that every row has."""
    for field in fields:
        if _has_all(rows, field):
            return field
    lacking = {
        field: next(place for place, row in enumerate(rows) if row.get(field) is None)
        for field in fields
    }
    told = ", ".join(f"row {place} lacks {field}" for field, place in lacking.items())
    raise ValueError(f"no time that every row has: {told}; leave out trades that are still open")


def _number(row: Row, field: str, place: int) -> float:
    """Read one finite number."""
    try:
        number = float(row[field])
    except (TypeError, ValueError):
        raise ValueError(f"row {place}: {field} is {row[field]!r}, must be a number") from None
    if not math.isfinite(number):
        raise ValueError(f"row {place}: {field} is {number}, must be finite; leave the row out")
    return number


def _ratio(row: Row, equity: float | None, place: int) -> float:
    """Divide the amount of a row by equity."""
    if row.get("pnl_usd") is None:
        raise ValueError(f"row {place} has neither pnl_pct nor pnl_usd: give one for every row")
    base = equity if row.get("equity") is None else _number(row, "equity", place)
    if base is None:
        raise ValueError(f"row {place} has pnl_usd but no equity: add it, or pass equity=")
    if base <= 0:
        raise ValueError(f"row {place}: equity is {base}, must be a positive amount")
    return _number(row, "pnl_usd", place) / base


def _unit_of(
    results: Sequence[float], rows: Sequence[Row], equity: float | None
) -> tuple[Literal["fraction", "percent"], str]:
    """Decide the unit of `pnl_pct` for all rows.

    Raises:
        ValueError: both are plausible.
    """
    proven = _unit_proven(results, rows, equity)
    if proven is not None:
        return proven, "pnl_usd / equity says so"
    sizes = np.abs(np.array(results))
    largest = float(sizes.max(initial=0.0))
    typical = float(np.median(sizes[sizes > 0])) if largest else 0.0
    if largest <= FRACTION_MAX:
        return "fraction", f"no result is beyond {FRACTION_MAX:g}: largest {largest:.4g}"
    if min(results) < -1.0:
        return "percent", f"a loss of {-min(results):.4g} cannot be a share of equity"
    if typical >= PERCENT_MEDIAN_MIN:
        return "percent", f"the median size of a result is {typical:.4g}"
    raise ValueError(
        f"unit of pnl_pct is ambiguous (sizes: median {typical:.4g}, largest {largest:.4g}):"
        ' pass unit="fraction" or unit="percent"'
    )


def _unit_proven(
    results: Sequence[float], rows: Sequence[Row], equity: float | None
) -> Literal["fraction", "percent"] | None:
    """Compare with the amounts, where every row has them and all agree."""
    if not _has_all(rows, "pnl_usd") or (equity is None and not _has_all(rows, "equity")):
        return None
    ratios = np.array([_ratio(row, equity, place) for place, row in enumerate(rows)])
    for unit, scale in (("fraction", 1.0), ("percent", 100.0)):
        if ratios.any() and np.allclose(np.array(results), ratios * scale, rtol=AGREEMENT):
            return "fraction" if unit == "fraction" else "percent"
    return None


def _time(row: Row, field: str, place: int) -> datetime:
    """Read an aware time."""
    value = row[field]
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise ValueError(f"row {place}: {field} is {value!r}, must be ISO 8601") from None
    if not isinstance(value, datetime):
        raise ValueError(  # noqa: TRY004 (wrong is the data, not the call)
            f"row {place}: {field} is {value!r}, must be an aware datetime or ISO 8601 text"
        )
    if value.utcoffset() is None:
        raise ValueError(f"row {place}: {field} {value} is naive, give it a timezone, e.g. UTC")
    return value
