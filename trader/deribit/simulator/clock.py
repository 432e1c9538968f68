"""What time is it on the bundled market, and how does it survive a crash?

Market time is epoch + elapsed x speed while the exchange runs and stands still while it is down.
Before a time is shown, a ceiling above it is written to disk: after a SIGKILL the market resumes
at the ceiling, so nobody ever sees it run backward.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Final, NamedTuple

import msgspec

from trader.deribit.simulator.market import END, GENESIS
from trader.domain.errors import ConfigurationError
from trader.domain.units import DAY, MINUTE, SECOND, iso, nanoseconds

DEMO_START_AT: Final = nanoseconds(datetime(2026, 6, 1, 18, tzinfo=UTC))
"""A fresh demo begins six hours before its first night (decision 13)."""

RESERVED_WALL_S: Final = 2.0
"""How much wall time one reservation covers: what a SIGKILL may skip, at most."""

SPEED_MAX: Final = 100_000.0
STEPPED_SPEED: Final = 1_000_000.0
"""What a clock that goes by steps announces: whenever it moves, it is faster than any other."""


class Life(NamedTuple):
    """Between which instants a market's clock may run; at the last it stops."""

    first_at: int
    last_at: int


SEEDED_LIFE: Final = Life(GENESIS + 60 * DAY, END - 2 * DAY)
"""That of an invented market: before it there must be a past, after it the path ends."""


class ClockState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What survives a crash: which market this is, where it began, and what it may have shown."""

    seed: str
    market: str
    epoch_at: int
    ceiling_at: int


class SimulatedClock:
    """The market's clock, driven by monotonic readings that are handed in.

    Invariant: a shown time never exceeds the reserved ceiling and never falls. Where a reservation
    is late (a slow disk), the clock waits at the ceiling.
    """

    def __init__(
        self,
        *,
        epoch_at: int,
        resumed_at: int,
        speed: float,
        started_monotonic_ns: int,
        life: Life = SEEDED_LIFE,
    ) -> None:
        if not (math.isfinite(speed) and 0 < speed <= SPEED_MAX):
            raise ConfigurationError(
                f"speed {speed!r}: give a number above 0 and up to {SPEED_MAX:g} (1 = real time)"
            )
        if not life.first_at <= epoch_at <= resumed_at <= life.last_at:
            raise ConfigurationError(
                f"start {iso(epoch_at)}, resumed {iso(resumed_at)}: the market runs forward "
                f"between {iso(life.first_at)} and {iso(life.last_at)}"
            )
        self._life = life
        self.epoch_at = epoch_at
        self.speed = speed
        self._resumed_at = resumed_at
        self._started_monotonic_ns = started_monotonic_ns
        self._shown_at = resumed_at
        self._ceiling_at = resumed_at

    @property
    def ceiling_at(self) -> int:
        """The latest market time this clock may show."""
        return self._ceiling_at

    def now(self, monotonic_ns: int) -> int:
        """Tell the market time of a monotonic reading; an older reading shows no older time."""
        running = self._running(monotonic_ns)
        self._shown_at = max(self._shown_at, min(running, self._ceiling_at))
        return self._shown_at

    def jump(self, at: int, monotonic_ns: int) -> None:
        """Go on from a later time, which shows once a ceiling above it is reserved.

        Nothing happens where that would be backward, or beyond the end of the path.
        """
        running = self._running(monotonic_ns)
        if running <= at <= self._life.last_at:
            self._resumed_at += at - running

    def due_ceiling(self, monotonic_ns: int) -> int | None:
        """Propose the next ceiling once half of the present one is used up; None before.

        The caller writes it to disk, then calls `reserve`.
        """
        block = int(RESERVED_WALL_S * SECOND * self.speed)
        running = self._running(monotonic_ns)
        if self._ceiling_at - running > block // 2:
            return None
        return min(running + block, self._life.last_at)

    def reserve(self, ceiling_at: int) -> None:
        """Allow times up to `ceiling_at`; the caller has made it durable.

        Raises:
            ValueError: the ceiling would fall.
        """
        if ceiling_at < self._ceiling_at:
            raise ValueError(f"ceiling {iso(ceiling_at)} is below {iso(self._ceiling_at)}")
        self._ceiling_at = ceiling_at

    def _running(self, monotonic_ns: int) -> int:
        elapsed = max(monotonic_ns - self._started_monotonic_ns, 0)
        return self._resumed_at + int(elapsed * self.speed)

    def wall_s_until(self, at: int, monotonic_ns: int) -> float:
        """Tell how many wall seconds remain until a market time; 0 where it has passed."""
        return max(at - self.now(monotonic_ns), 0) / SECOND / self.speed


def encode_state(state: ClockState) -> bytes:
    """Write the state as one line of JSON."""
    return msgspec.json.encode(state) + b"\n"


def decode_state(
    content: bytes, *, like: ClockState, where: str, life: Life = SEEDED_LIFE
) -> ClockState:
    """Read the state back and check that it belongs to the same market as `like`.

    Raises:
        ConfigurationError: unreadable, or written by another seed or market version.
    """
    try:
        state = msgspec.json.decode(content, type=ClockState)
    except msgspec.DecodeError as error:
        raise ConfigurationError(
            f"{where}: not a clock of this exchange ({error}); start with --fresh to discard it"
        ) from error
    if (state.seed, state.market) != (like.seed, like.market):
        raise ConfigurationError(
            f"{where}: belongs to seed {state.seed!r} of market {state.market!r}, this is seed "
            f"{like.seed!r} of {like.market!r}; start with --fresh to discard it, or use its seed"
        )
    if not life.first_at <= state.epoch_at <= state.ceiling_at <= life.last_at:
        raise ConfigurationError(
            f"{where}: epoch {state.epoch_at} and ceiling {state.ceiling_at} make no sense; "
            "start with --fresh to discard it"
        )
    return state


def parse_start(text: str, life: Life = SEEDED_LIFE) -> int:
    """Read `--start`: an ISO instant with a timezone, on a whole minute.

    Raises:
        ConfigurationError: unreadable, naive, or not on a whole minute.
    """
    remedy = "give an instant such as 2026-06-01T18:00Z"
    try:
        at = nanoseconds(datetime.fromisoformat(text))
    except ValueError as error:
        raise ConfigurationError(f"start {text!r}: {error}; {remedy}") from error
    if at % MINUTE or not life.first_at <= at <= life.last_at:
        raise ConfigurationError(
            f"start {text!r}: not a whole minute between {iso(life.first_at)} and "
            f"{iso(life.last_at)}; {remedy}"
        )
    return at
