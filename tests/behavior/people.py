"""Simulated traders: of each type for clustering, and with a planted habit for alerts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tests.behavior.lists import START
from trader.behavior.archetypes import ARCHETYPES
from trader.behavior.features import FEATURES, extract_behavior_features
from trader.behavior.trades import Trade
from trader.domain.units import MINUTE, nanoseconds

if TYPE_CHECKING:
    from trader.domain.market import Floats

BEGIN = nanoseconds(START)


def of_type(kind: int, rng: np.random.Generator, count: int = 60) -> list[Trade]:
    """Trade as an archetype does, within a third more or less of each of its numbers."""
    model = ARCHETYPES[kind]
    pace = 1440 / model.trades_per_day * rng.lognormal(0, 0.3)
    held = model.holding_minutes * rng.lognormal(0, 0.3)
    size = model.position_size * rng.lognormal(0, 0.3)
    minute, trades = 0.0, []
    for _ in range(count):
        minute += rng.exponential(pace)
        sized, minutes = size * rng.lognormal(0, 0.2), held * rng.lognormal(0, 0.5)
        closed_at = BEGIN + round((minute + minutes) * MINUTE)
        pnl = rng.normal(0.05, 1.0) * sized
        trades.append(
            Trade(pnl=float(pnl), size=float(sized), holding_minutes=minutes, closed_at=closed_at)
        )
    return trades


def crowd(rng: np.random.Generator, each: int, trades: int = 60) -> tuple[Floats, list[int]]:
    """Return the features of so many traders of each type, and their types."""
    kinds = [kind for kind in ARCHETYPES for _ in range(each)]
    rows = [extract_behavior_features(of_type(kind, rng, trades)) for kind in kinds]
    return np.array(rows).reshape(-1, len(FEATURES)), kinds


PLANTED = {
    "overtrader": "OVERTRADING",
    "revenge": "REVENGE_TRADING",
    "escalator": "RISK_ESCALATION",
    "disciplined": None,
}
"""Each planted habit and the alert that must name it."""


def planted(habit: str, rng: np.random.Generator, count: int = 80) -> list[Trade]:
    """Trade with one habit, differently strong in each trader; results are a fair coin's.

    All trade in sessions of four hours, exponential 40 minutes apart, at one size give or take a
    quarter. An overtrader's gaps are of 1 to 4 minutes in a fifth to nine tenths of his sessions.
    After a loss a revenge trader comes back, in three to nine of ten cases, within 12 minutes at
    1.5 to 3 times the size. An escalator's size grows by 4 to 20 % a trade until he falls back
    after some 12.
    """
    strength, grows = rng.uniform(0.2, 0.9), rng.uniform(0.04, 0.20)
    trades: list[Trade] = []
    minute, hasty, lost, climbed = 0.0, False, False, 0
    while len(trades) < count:
        if minute % 1440 > 240 or not trades:
            minute = (minute // 1440 + 1) * 1440 + rng.uniform(0, 20)
            hasty, lost = habit == "overtrader" and rng.random() < strength, False
        angry = habit == "revenge" and lost and rng.random() < max(strength, 0.3)
        usual = 1 + rng.exponential(40)
        gap = rng.uniform(1, 4) if hasty else rng.uniform(1, 12) if angry else usual
        climbed = 0 if rng.random() < 1 / 12 else climbed + 1
        size = 0.05 * rng.lognormal(0, 0.15 if habit == "escalator" else 0.25)
        if habit == "escalator":
            size *= (1 + grows) ** climbed
        if angry:
            size *= rng.uniform(1.5, 3)
        held = rng.uniform(0.5, 2) if hasty else rng.uniform(5, 15)
        minute += gap + held
        lost = rng.random() < 0.5
        pnl = size * 0.01 * rng.uniform(0.5, 1.5) * (-1 if lost else 1)
        closed_at = BEGIN + round(minute * MINUTE)
        trades.append(
            Trade(
                pnl=pnl, size=size, holding_minutes=held, closed_at=closed_at,
                opened_at=closed_at - round(held * MINUTE),
            )
        )  # fmt: skip
    return trades


def premium_seller(rng: np.random.Generator, count: int = 60) -> list[Trade]:
    """Sell condors of four legs, two or three at once, closed a leg at a time; roll some by plan.

    Half of the legs lose by nature, every other leg is twice as large, sizes vary by a tenth with
    what the account may risk, and some are rolled at once to twice the size, as was planned.
    """
    legs: list[Trade] = []
    for place in range(count):
        opened_at = BEGIN + round((place * 8 * 60 + rng.uniform(0, 60)) * MINUTE)
        ended = opened_at + round(rng.uniform(4, 30) * 60 * MINUTE)
        size = 0.01 * rng.lognormal(0, 0.1)
        roll = rng.random() < 0.3
        for number in range(4):
            pnl = float(rng.normal(0.001 if number % 2 else -0.0005, 0.002))
            legs.append(
                Trade(
                    pnl=pnl, size=size * (1 + number % 2), opened_at=opened_at,
                    closed_at=ended + number * MINUTE // 6, chain_id=f"condor-{place}",
                )
            )  # fmt: skip
        if roll:
            rolled = Trade(
                pnl=0.001, size=size * 2, opened_at=ended + MINUTE, scheduled_roll=True,
                closed_at=ended + 5 * MINUTE, chain_id=f"roll-{place}",
            )  # fmt: skip
            legs.append(rolled)
    return legs
