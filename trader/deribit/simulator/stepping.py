"""When does a replay at full speed go on? Once every client that paces it waits for that.

The clock stands; a client that has dealt with all it was told asks for the next step and says until
when it has nothing to do. Market time then goes to whatever comes first: the next thing recorded,
or the next thing a client waits for. So nobody is ever late, and nothing is waited for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from typing import Final, Generic, TypeVar

from trader.deribit.messages import SimulatorStep
from trader.deribit.server_session import Call
from trader.deribit.simulator.clock import STEPPED_SPEED, ClockState, Life, SimulatedClock
from trader.deribit.simulator.parameters import Parameters
from trader.domain.units import MILLISECOND, SECOND

STEP_METHOD: Final = "simulator/step"
STEP_MIN: Final = SECOND
"""What is recorded within such a stretch is told at once."""

Client = TypeVar("Client", bound=Hashable)


def start_clock(
    state: ClockState, life: Life, speed: float, monotonic_ns: int
) -> SimulatedClock | SteppedClock:
    """Start the clock where the market stood; at infinite speed it goes by steps.

    Raises:
        ConfigurationError: an impossible speed.
    """
    if speed == math.inf:
        return SteppedClock(state, life)
    return SimulatedClock(
        epoch_at=state.epoch_at,
        resumed_at=state.ceiling_at,
        speed=speed,
        started_monotonic_ns=monotonic_ns,
        life=life,
    )


class SteppedClock:
    """A market clock that moves by steps only. Invariant: it never falls, nor leaves its life."""

    speed: Final = STEPPED_SPEED

    def __init__(self, state: ClockState, life: Life) -> None:
        self.epoch_at = state.epoch_at
        self.life = life
        self._at = state.ceiling_at

    @property
    def ended(self) -> bool:
        """Whether there is nothing left to go to."""
        return self._at >= self.life.last_at

    def now(self, _monotonic_ns: int) -> int:
        """Tell the market time."""
        return self._at

    def jump(self, at: int, _monotonic_ns: int) -> None:
        """Go on from a later time; nothing happens where that is backward."""
        self._at = max(self._at, min(at, self.life.last_at))

    def due_ceiling(self, _monotonic_ns: int) -> int | None:
        """Propose nothing: what is not kept needs no reservation."""
        return None

    def reserve(self, _ceiling_at: int) -> None:
        """Do nothing."""


class Stepper(Generic[Client]):
    """Who paces the clock. Invariant: it moves only while each of them waits for it."""

    def __init__(self, clock: SteppedClock, next_change: Callable[[int], int | None]) -> None:
        self._clock = clock
        self._next_change = next_change
        self._pacing: dict[Client, tuple[Call, int] | None] = {}

    def wait(self, client: Client, call: Call) -> None:
        """Let a client wait for the next step; from now on it paces the clock.

        Raises:
            ServerError: it does not say until when (`until`, milliseconds).
        """
        until = Parameters(call.params).integer("until") * MILLISECOND
        self._pacing[client] = (call, until)

    def leave(self, client: Client) -> None:
        """Pace without this client."""
        self._pacing.pop(client, None)

    def move(self, monotonic_ns: int) -> bool:
        """Go on if everybody waits for it; tell whether the clock was moved."""
        waiting = [one for one in self._pacing.values() if one is not None]
        if not waiting or len(waiting) < len(self._pacing):
            return False
        now = self._clock.now(monotonic_ns)
        change = self._next_change(now)
        recorded_at = self._clock.life.last_at if change is None else max(change, now + STEP_MIN)
        self._clock.jump(min(recorded_at, *(until for _, until in waiting)), monotonic_ns)
        return True

    def answers(self, monotonic_ns: int) -> list[tuple[Client, Call, SimulatorStep]]:
        """Take what is to be answered now that all of the step was told."""
        step = SimulatorStep(now_at=self._clock.now(monotonic_ns), ended=self._clock.ended)
        taken = [(client, one[0], step) for client, one in self._pacing.items() if one is not None]
        self._pacing = dict.fromkeys(self._pacing)
        return taken
