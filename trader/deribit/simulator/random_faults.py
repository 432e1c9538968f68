"""Which faults would an unlucky day bring? A schedule drawn from a seed, for soak tests."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import numpy as np

from trader.deribit.simulator.faults import (
    AnyFault,
    ClockSkew,
    Close,
    Corrupt,
    Delay,
    Drip,
    Drop,
    Duplicate,
    ExpiryStorm,
    Gap,
    Maintenance,
    Mute,
    Refuse,
    Reorder,
    TooManyRequests,
    Truncate,
    ZeroSide,
)

QUIET_S: Final = 10.0
"""Before the first fault: a client may connect in peace."""

APART_S: Final = 12.0
"""Mean time between the starts of two faults."""

LASTS_S: Final = (0.3, 4.0)
SCOPES: Final = ("*", "ticker.*", "ticker.BTC-*", "deribit_price_index.*", "book.*", "public/*")
CODES: Final = (1000, 1006, 1012, 1013, 4000)

Draw = Callable[[np.random.Generator, float, float], AnyFault]


def random_schedule(seed: int, *, wall_s: float, apart_s: float = APART_S) -> tuple[AnyFault, ...]:
    """Draw the faults of a run of `wall_s` seconds, `apart_s` apart in the mean; always the same.

    Every kind occurs equally often; faults may overlap.

    Raises:
        ValueError: no time to place them in, or between them.
    """
    if not (0 < wall_s < math.inf and 0 < apart_s < math.inf):
        raise ValueError(f"faults: wall_s {wall_s!r} and apart_s {apart_s!r} must be positive")
    chance = np.random.default_rng(seed)
    faults: list[AnyFault] = []
    starts_s = QUIET_S
    while starts_s < wall_s:
        faults.append(random_fault(chance, round(starts_s, 3)))
        starts_s += float(chance.exponential(apart_s))
    return tuple(faults)


def random_fault(chance: np.random.Generator, starts_s: float = 0.0) -> AnyFault:
    """Draw one fault, every kind with the same chance."""
    draw = _DRAWS[int(chance.integers(len(_DRAWS)))]
    return draw(chance, starts_s, _between(chance, *LASTS_S))


def _between(chance: np.random.Generator, low: float, high: float) -> float:
    return round(float(chance.uniform(low, high)), 3)


def _scope(chance: np.random.Generator) -> str:
    return SCOPES[int(chance.integers(len(SCOPES)))]


_DRAWS: Final[tuple[Draw, ...]] = (
    lambda chance, at, lasts: Drop(
        starts_s=at, duration_s=lasts, scope=_scope(chance), probability=_between(chance, 0.1, 1.0)
    ),
    lambda chance, at, lasts: Mute(starts_s=at, duration_s=lasts, scope=_scope(chance)),
    lambda chance, at, lasts: Gap(starts_s=at, duration_s=lasts, scope=_scope(chance)),
    lambda chance, at, lasts: Delay(
        starts_s=at, duration_s=lasts, delay_s=_between(chance, 0.1, 3.0),
        jitter_s=_between(chance, 0.0, 1.0), scope=_scope(chance),
    ),
    lambda chance, at, lasts: Duplicate(starts_s=at, duration_s=lasts, scope=_scope(chance)),
    lambda chance, at, lasts: Reorder(starts_s=at, duration_s=lasts, scope=_scope(chance)),
    lambda chance, at, lasts: Corrupt(
        starts_s=at, duration_s=lasts, mode="json", scope=_scope(chance), probability=0.3
    ),
    lambda chance, at, lasts: Corrupt(
        starts_s=at, duration_s=lasts, mode="types", scope=_scope(chance), probability=0.3
    ),
    lambda chance, at, lasts: Truncate(
        starts_s=at, duration_s=lasts, keep=_between(chance, 0.05, 0.95), scope=_scope(chance),
        probability=0.3,
    ),
    lambda chance, at, lasts: ZeroSide(starts_s=at, duration_s=lasts, scope=_scope(chance)),
    lambda chance, at, lasts: ClockSkew(
        starts_s=at, duration_s=lasts, skew_s=_between(chance, -7_200.0, 7_200.0),
        drift=_between(chance, -10.0, 10.0), scope=_scope(chance),
    ),
    lambda chance, at, lasts: TooManyRequests(
        starts_s=at, duration_s=lasts, closes=bool(chance.integers(2))
    ),
    lambda chance, at, lasts: Drip(
        starts_s=at, duration_s=lasts, bytes_per_s=_between(chance, 500.0, 50_000.0)
    ),
    lambda chance, at, lasts: Close(
        starts_s=at, duration_s=min(lasts, 1.0), code=CODES[int(chance.integers(len(CODES)))]
    ),
    lambda _, at, lasts: Refuse(starts_s=at, duration_s=lasts),
    lambda _, at, lasts: ExpiryStorm(starts_s=at, duration_s=lasts),
    lambda _, at, lasts: Maintenance(starts_s=at, duration_s=lasts),
)  # fmt: skip
"""Flipped bits are not among them: what they make of a price, nobody can notice."""
