"""What goes wrong at the bundled exchange, when, and for whom?

A plan of timed faults, in wall seconds since the exchange started. Tests state entries, draw a
seeded plan, or inject entries while the exchange runs (`simulator/fault`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Final, Literal, get_args

import msgspec
import numpy as np

FaultName = Literal[
    "drop_all",
    "mute",
    "half_frame",
    "garbage",
    "duplicate",
    "gap",
    "clock_jump",
    "zero_sides",
    "close",
    "refuse",
]
FAULT_NAMES: Final[tuple[FaultName, ...]] = get_args(FaultName)

GARBAGE: Final = b'{"jsonrpc":"2.0","method":"subscription",\x7f!not json'
DURATION_S_MAX: Final = 86_400.0
JUMP_S_DEFAULT: Final = 3_600.0


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One fault: what, on which channels (a shell pattern), from when, for how long.

    drop_all: nothing leaves the exchange, answers and heartbeats included, sockets stay open.
    mute: matching channels say nothing. half_frame, garbage: one matching notification per batch
    is cut in half, or replaced by noise. duplicate: matching notifications are sent twice.
    gap: each matching notification is lost with `probability`. clock_jump: their timestamps are
    `jump_s` off (market seconds). zero_sides: both sides of quotes show 0. close: connections are
    cut without a goodbye. refuse: close, and new ones are turned away.
    """

    kind: FaultName
    scope: str = "*"
    starts_s: float = 0.0
    duration_s: float = 1.0
    probability: float = 0.5
    jump_s: float = JUMP_S_DEFAULT

    def __post_init__(self) -> None:
        if not self.scope:
            raise ValueError("fault: scope '' matches no channel; name one, or * for all")
        if not (math.isfinite(self.starts_s) and self.starts_s >= 0):
            raise ValueError(f"fault: starts_s {self.starts_s!r} must be 0 or later")
        if not (math.isfinite(self.duration_s) and 0 < self.duration_s <= DURATION_S_MAX):
            raise ValueError(
                f"fault: duration_s {self.duration_s!r} must be above 0, up to {DURATION_S_MAX:g}"
            )
        if not 0 < self.probability <= 1:
            raise ValueError(f"fault: probability {self.probability!r} must be in (0, 1]")
        if not math.isfinite(self.jump_s):
            raise ValueError(f"fault: jump_s {self.jump_s!r} must be a finite number of seconds")

    def active(self, elapsed_s: float) -> bool:
        """Tell whether the fault is on."""
        return self.starts_s <= elapsed_s < self.starts_s + self.duration_s

    def covers(self, channel: str) -> bool:
        """Tell whether the fault touches a channel."""
        return self.scope == "*" or fnmatchcase(channel, self.scope)


class FaultPlan:
    """The faults of one run, and the seeded chance they draw from.

    Invariant: same entries, same seed, same calls: same disturbance. Ended faults are forgotten.
    """

    def __init__(self, entries: Iterable[Fault] = (), *, seed: int = 0) -> None:
        self._entries = list(entries)
        self._chance = np.random.default_rng(seed)
        self._active: tuple[Fault, ...] = ()

    @property
    def entries(self) -> tuple[Fault, ...]:
        """The faults that are on or still to come."""
        return tuple(self._entries)

    def inject(self, fault: Fault) -> None:
        """Add a fault to the plan."""
        self._entries.append(fault)

    def advance(self, elapsed_s: float) -> None:
        """Move to a wall instant: forget what ended, turn on what is due."""
        self._entries = [
            fault for fault in self._entries if elapsed_s < fault.starts_s + fault.duration_s
        ]
        self._active = tuple(fault for fault in self._entries if fault.active(elapsed_s))

    @property
    def disturbs(self) -> bool:
        """Whether any fault is on: the fast path of a healthy exchange asks only this."""
        return bool(self._active)

    @property
    def silent(self) -> bool:
        """Whether nothing at all may leave the exchange."""
        return any(fault.kind == "drop_all" for fault in self._active)

    @property
    def closes(self) -> bool:
        """Whether connections are to be cut."""
        return any(fault.kind in {"close", "refuse"} for fault in self._active)

    @property
    def refuses(self) -> bool:
        """Whether new connections are turned away."""
        return any(fault.kind == "refuse" for fault in self._active)

    def disturb_frames(self, frames: Sequence[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
        """Turn a batch of (channel, notification) into what really leaves."""
        if self.silent:
            return []
        result: list[tuple[str, bytes]] = []
        spoiled: set[FaultName] = set()
        for channel, frame in frames:
            kinds = {fault.kind for fault in self._active if fault.covers(channel)}
            if not kinds:
                result.append((channel, frame))
                continue
            if self._lost(channel):
                continue
            content = self._falsified(channel, frame) if kinds & _FALSE_CONTENT else frame
            for kind in ("half_frame", "garbage"):
                if kind in kinds and kind not in spoiled:
                    spoiled.add(kind)
                    spoilt = content[: len(content) // 2] if kind == "half_frame" else GARBAGE
                    result.append((channel, spoilt))
                    break
            else:
                result.extend([(channel, content)] * (2 if "duplicate" in kinds else 1))
        return result

    def _lost(self, channel: str) -> bool:
        for fault in self._active:
            if not fault.covers(channel):
                continue
            if fault.kind == "mute":
                return True
            if fault.kind == "gap" and self._chance.random() < fault.probability:
                return True
        return False

    def _falsified(self, channel: str, frame: bytes) -> bytes:
        message = msgspec.json.decode(frame)
        content = message["params"]["data"]
        for fault in self._active:
            if not isinstance(content, dict) or not fault.covers(channel):
                continue
            if fault.kind == "zero_sides":
                content.update((key, 0.0) for key in _SIDES if key in content)
            if fault.kind == "clock_jump" and "timestamp" in content:
                content["timestamp"] += int(fault.jump_s * 1_000)
        return msgspec.json.encode(message)


_FALSE_CONTENT: Final[frozenset[FaultName]] = frozenset({"zero_sides", "clock_jump"})
_SIDES: Final = ("best_bid_price", "best_bid_amount", "best_ask_price", "best_ask_amount")


def draw_plan(seed: int, *, wall_s: float, count: int) -> FaultPlan:
    """Draw `count` faults of mixed kinds over a run of `wall_s` seconds, always the same ones.

    Raises:
        ValueError: no time to place them in.
    """
    if not (math.isfinite(wall_s) and wall_s > 0) or count < 0:
        raise ValueError(f"faults: wall_s {wall_s!r} and count {count!r} must be positive")
    chance = np.random.default_rng(seed)
    entries = [
        Fault(
            kind=FAULT_NAMES[int(chance.integers(len(FAULT_NAMES)))],
            starts_s=round(float(chance.uniform(0, wall_s)), 3),
            duration_s=round(float(chance.uniform(0.2, 3.0)), 3),
        )
        for _ in range(count)
    ]
    return FaultPlan(sorted(entries, key=lambda fault: fault.starts_s), seed=seed)
