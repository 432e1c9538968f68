"""Which faults are on? The plan of one run, written beforehand or led while the exchange runs."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

import msgspec

from trader.deribit.simulator.faults import AnyFault, Close, Drip, ExpiryStorm, Maintenance, Refuse

FAULTS_MAX: Final = 100_000
"""Entries of one plan: a week of one fault every six seconds."""


class Entry(msgspec.Struct):
    """A fault of the plan: `since_s` is its start on its own clock, `turn` counts how often it came
    (0: not yet), `on` whether it is on now.
    """

    id: int
    fault: AnyFault
    since_s: float
    turn: int = 0
    on: bool = False
    began_s: float = 0.0

    def move(self, now_s: float) -> float:
        """Turn it on or off at an instant of its clock; tell when that is to be asked next."""
        fault = self.fault
        elapsed_s = now_s - self.since_s
        if elapsed_s < 0:
            return self.since_s
        turn = 0 if fault.every_s is None else int(elapsed_s // fault.every_s)
        self.began_s = self.since_s + (0.0 if fault.every_s is None else turn * fault.every_s)
        self.turn = turn + 1
        self.on = now_s < self.began_s + fault.duration_s
        if self.on:
            return self.began_s + fault.duration_s
        return math.inf if fault.every_s is None else self.began_s + fault.every_s


class FaultPlan:
    """The faults of one run.

    Invariant: same faults, same seed, same calls at the same instants: same disturbance. A fault
    that is over and does not come again is forgotten.
    """

    def __init__(self, faults: Iterable[AnyFault] = (), *, seed: int = 0) -> None:
        self.seed = seed
        self.wall_s = 0.0
        self.market_s = 0.0
        self.active: tuple[Entry, ...] = ()
        self._entries: dict[int, Entry] = {}
        self._next_id = 1
        self._wall_change_s = math.inf
        self._market_change_s = math.inf
        self._jumped: dict[int, int] = {}
        for fault in faults:
            self._add(fault, fault.starts_s)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """What is on or still to come, in order of entry."""
        return tuple(self._entries.values())

    @property
    def disturbs(self) -> bool:
        """Whether any fault is on: the fast path of a healthy exchange asks only this."""
        return bool(self.active)

    def start(self, fault: AnyFault) -> int:
        """Add a fault whose `starts_s` counts from now; tell its number.

        Raises:
            ValueError: there are too many already.
        """
        if len(self._entries) >= FAULTS_MAX:
            raise ValueError(f"{FAULTS_MAX} faults are planned already; stop some first")
        id_ = self._add(fault, self._now_s(fault) + fault.starts_s)
        self._look()
        return id_

    def stop(self, id_: int | None = None) -> int:
        """End a fault, or all of them; tell how many were ended."""
        ended = list(self._entries) if id_ is None else [id_] if id_ in self._entries else []
        for one in ended:
            self._forget(one)
        self._look()
        return len(ended)

    def advance(self, wall_s: float, market_s: float) -> None:
        """Move to an instant: seconds since the exchange began, of the wall and of the market."""
        self.wall_s, self.market_s = wall_s, market_s
        if wall_s >= self._wall_change_s or market_s >= self._market_change_s:
            self._look()

    def elapsed_s(self, entry: Entry) -> float:
        """Tell for how long an active fault has been on, on its own clock."""
        return max(self._now_s(entry.fault) - entry.began_s, 0.0)

    def closing(self, client: str) -> Close | None:
        """Find what closes a client's connection now."""
        for entry in self.active:
            if isinstance(entry.fault, Close) and entry.fault.concerns(client):
                return entry.fault
        return None

    def refusing(self, client: str, *, standing: bool = False) -> Refuse | None:
        """Find what turns a client away; one that is connected already, where `standing`."""
        for entry in self.active:
            fault = entry.fault
            if (
                isinstance(fault, Refuse)
                and fault.concerns(client)
                and (fault.cuts or not standing)
            ):
                return fault
        return None

    def bytes_per_s(self, client: str) -> float:
        """Tell how fast bytes may leave for a client; infinity: as fast as they can."""
        speeds = [
            entry.fault.bytes_per_s
            for entry in self.active
            if isinstance(entry.fault, Drip) and entry.fault.concerns(client)
        ]
        return min(speeds, default=math.inf)

    @property
    def locked(self) -> bool:
        """Whether the platform is under maintenance."""
        return any(isinstance(entry.fault, Maintenance) for entry in self.active)

    def take_storms(self) -> list[ExpiryStorm]:
        """Take the expiry storms that broke since this was last asked, each once."""
        storms = []
        for entry in self.active:
            if isinstance(entry.fault, ExpiryStorm) and self._jumped.get(entry.id) != entry.turn:
                self._jumped[entry.id] = entry.turn
                storms.append(entry.fault)
        return storms

    def _add(self, fault: AnyFault, since_s: float) -> int:
        entry = Entry(self._next_id, fault, since_s)
        self._next_id += 1
        self._entries[entry.id] = entry
        if fault.clock == "wall":
            self._wall_change_s = min(self._wall_change_s, since_s)
        else:
            self._market_change_s = min(self._market_change_s, since_s)
        return entry.id

    def _now_s(self, fault: AnyFault) -> float:
        return self.wall_s if fault.clock == "wall" else self.market_s

    def _look(self) -> None:
        """Turn faults on and off, forget what is over, and find when to look again."""
        next_s = {"wall": math.inf, "market": math.inf}
        for entry in self.entries:
            clock = entry.fault.clock
            change_s = entry.move(self._now_s(entry.fault))
            if change_s == math.inf:
                self._forget(entry.id)
            next_s[clock] = min(next_s[clock], change_s)
        self._wall_change_s, self._market_change_s = next_s["wall"], next_s["market"]
        self.active = tuple(entry for entry in self._entries.values() if entry.on)

    def _forget(self, id_: int) -> None:
        del self._entries[id_]
        self._jumped.pop(id_, None)
