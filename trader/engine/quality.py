"""How good is what a channel tells? A score from 0 to 1 for each, kept in O(1) a message.

score = content x integrity x freshness, and 0 where the channel is not trusted at all.

- content, of the last message: 1 with two sides, 1/2 with one, 0 with none, or with a bid that is
  not below the ask. An index has one number: 1.
- integrity, of the channel: each fault takes a share of it (`TAKES`), each sound message gives back
  5 % of what is missing; after a gap some 60 messages later nine tenths of the loss are mended.
- freshness, as of now: 1 within two seconds (what the venue needs between two pushes), then falling
  evenly to 0 at `quote_age_s_max`. Age is the market clock less the exchange's time of the message,
  in wall seconds: a clock that is off, and a message that was long on its way, count as age.

A score decides nothing by itself: it is shown beside what was decided on. What must not be traded
on is marked stale, as ever.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from trader.domain.events import FaultKind
    from trader.domain.market import Floats, Ints

CADENCE_S: Final = 2.0
MENDS: Final = 0.05
MENDED: Final = 0.999
LOW: Final = 0.5
"""A decision on data below this names its score."""

TAKES: Final[dict[FaultKind, float]] = {
    "server_gone": 0.5,
    "heartbeat_overdue": 0.5,
    "mute_channel": 0.5,
    "half_frame": 0.5,
    "garbage": 0.5,
    "duplicate": 0.1,
    "gap": 0.5,
    "out_of_order": 0.2,
    "clock_jump": 0.5,
    "index_mismatch": 0.5,
    "maintenance": 0.0,
    "rate_limited": 0.2,
}
"""Which share of a channel's integrity a fault takes; maintenance is nobody's fault."""


def freshness(age_s: float, age_s_max: float) -> float:
    """Tell how much of its worth a message of this age has left."""
    if age_s <= CADENCE_S:
        return 1.0
    return max(1.0 - (age_s - CADENCE_S) / max(age_s_max - CADENCE_S, CADENCE_S), 0.0)


def freshnesses(age_s: Floats, age_s_max: float) -> Floats:
    """Tell the same of many."""
    lost = (age_s - CADENCE_S) / max(age_s_max - CADENCE_S, CADENCE_S)
    fresh: Floats = np.clip(1.0 - lost, 0.0, 1.0)
    return fresh


def content(bid: float, ask: float) -> float:
    """Score what is displayed: both sides, one, none, or a market that contradicts itself."""
    has_bid, has_ask = 0.0 < bid < math.inf, 0.0 < ask < math.inf
    if has_bid and has_ask:
        return 1.0 if bid < ask else 0.0
    return 0.5 if has_bid or has_ask else 0.0


def mended(integrity: float) -> float:
    """Give back to a channel what one sound message earns it."""
    better = integrity + MENDS * (1.0 - integrity)
    return better if better < MENDED else 1.0


def share_kept(kind: FaultKind) -> float:
    """Tell which share of a channel's integrity outlives a fault."""
    return 1.0 - TAKES[kind]


class Integrity:
    """How far each channel may be believed by its past: 1 until a fault, mended by messages.

    Channels are rows of whoever owns this. Invariant: where `_sound`, every value is 1.
    """

    def __init__(self, rows: int = 0) -> None:
        self.values: Floats = np.ones(rows)
        self._sound = True
        self._cells = self.values.data.cast("B").cast("d")

    def grow(self, rows: int) -> None:
        """Make room for `rows` channels in all."""
        self.values = np.concatenate([self.values, np.ones(rows - len(self.values))])
        self._cells = self.values.data.cast("B").cast("d")

    def begin(self, row: int) -> None:
        """Give a row to another channel: it has no past."""
        self._cells[row] = 1.0

    def heard(self, row: int) -> float:
        """Take a sound message, and tell the integrity with it."""
        value: float = self._cells[row]
        if value < 1.0:
            self._cells[row] = value = mended(value)
        return value

    def heard_all(self, rows: Ints) -> None:
        """Take a sound message of each of many channels."""
        if not self._sound:
            better = self.values[rows] + MENDS * (1.0 - self.values[rows])
            self.values[rows] = np.where(better < MENDED, better, 1.0)
            self._sound = bool((self.values == 1.0).all())

    def damage(self, rows: int | slice, kept: float) -> None:
        """Leave channels only a share of their integrity."""
        self.values[rows] *= kept
        self._sound = False

    def of(self, rows: Ints) -> Floats | float:
        """Tell the integrity of many channels; one number where all have the same."""
        return 1.0 if self._sound else self.values[rows]
