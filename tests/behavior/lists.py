"""Lists of trades for tests of behavior, and the seed's rules written out slowly."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

Dicts = list[dict[str, Any]]

START = datetime(2024, 3, 1, 12, tzinfo=UTC)


def untimed(rng: np.random.Generator, count: int) -> Dicts:
    """Draw trades as a person's notebook has them: no times, no scratches."""
    return [
        {
            "pnl": float(rng.normal(0.0, 100.0)),
            "size": float(rng.lognormal(-3.0, 1.0)),
            "holding_time": float(rng.lognormal(4.0, 2.0)),
            "entry_price": 100.0,
            "exit_price": 101.0,
            "direction": 1,
        }
        for _ in range(count)
    ]


def closed(minute: float, pnl: float = 1.0, size: float = 1.0, **more: Any) -> dict[str, Any]:
    """Make a trade that closed so many minutes after noon, opened that moment if not told."""
    return {"timestamp": START + timedelta(minutes=minute), "pnl": pnl, "size": size} | more


def seed_features(trades: Dicts) -> list[float]:
    """Compute the fifteen features trade by trade, as the seed defines them."""
    if not trades:
        return [0.0] * 15
    wins = [one["pnl"] for one in trades if one["pnl"] > 0]
    losses = [one["pnl"] for one in trades if one["pnl"] <= 0]
    sizes = [one["size"] for one in trades]
    mean = sum(sizes) / len(sizes)
    deviation = math.sqrt(sum((one - mean) ** 2 for one in sizes) / len(sizes))
    after_loss: list[float] = []
    after_win: list[float] = []
    longest = run = 0
    total, peak, deepest = 0.0, -math.inf, 0.0
    for place, one in enumerate(trades):
        if place:
            (after_win if trades[place - 1]["pnl"] > 0 else after_loss).append(one["size"])
        run = 0 if one["pnl"] > 0 else run + 1
        longest = max(longest, run)
        total += one["pnl"]
        peak = max(peak, total)
        deepest = max(deepest, peak - total)
    lost, won = average(after_loss), average(after_win)
    return [
        len(wins) / len(trades), average(wins), average(losses),
        abs(sum(wins)) / (abs(sum(losses)) + 1e-8), mean, max(sizes), deviation,
        average([one["holding_time"] for one in trades]), len(trades), longest,
        lost / (won + 1e-8), deepest, lost, won, len(trades),
    ]  # fmt: skip


def seed_analysis(trades: Dicts, value: float, hours: float) -> dict[str, Any]:
    """Raise the seed's four alerts by its rules, in its order."""
    types, multiplier, run = [], 1.0, 0
    for one in reversed(trades):
        if one["pnl"] > 0:
            break
        run += 1
    lost = abs(min(sum(one["pnl"] for one in trades), 0)) / (value + 1e-8)
    grew = (
        len(trades) > 1
        and trades[-2]["pnl"] < 0
        and trades[-1]["size"] > 1.5 * trades[-2]["size"]
    )  # fmt: skip
    for name, raised, factor in (
        ("OVERTRADING", len(trades) / max(hours, 0.1) > 10, 0.5),
        ("REVENGE_TRADING", grew, 0.3),
        ("LOSS_STREAK", run >= 3, 0.5),
        ("EXCESSIVE_DRAWDOWN", lost > 0.15, 0.1),
    ):
        if raised:
            types.append(name)
            multiplier *= factor
    critical = {"REVENGE_TRADING", "EXCESSIVE_DRAWDOWN"} & set(types)
    return {
        "types": types,
        "risk_multiplier": multiplier,
        "status": "critical" if critical else "warning" if types else "normal",
        "consecutive_losses": run,
        "session_drawdown_pct": lost,
    }


def average(values: list[float]) -> float:
    """Return the mean, 0 of nothing."""
    return sum(values) / len(values) if values else 0.0
