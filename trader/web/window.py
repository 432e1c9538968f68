"""What does the daemon show the web? A window: cheap looks at the present, readings of the past."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

    from trader.views.reading import Pulse, Reading

T = TypeVar("T")


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """What a probe must know. `progress_age_s` is wall time since the engine last moved."""

    feed_alive: bool
    journal_ok: bool
    progress_age_s: float
    progress_age_s_max: float
    detail: str = ""

    def problems(self) -> tuple[str, ...]:
        """Name everything that makes the daemon unfit; empty means healthy."""
        late = f"no progress for {self.progress_age_s:.1f} s (limit {self.progress_age_s_max:g} s)"
        faults = (
            ("the feed is not alive", not self.feed_alive),
            ("the journal cannot be written", not self.journal_ok),
            (late, not self.progress_age_s <= self.progress_age_s_max),
        )
        return tuple(text for text, broken in faults if broken)


class Answer(msgspec.Struct, frozen=True):
    """What became of a command: the sequence of its fact in the journal, or why there is none."""

    accepted: bool
    sequence: int | None = None
    detail: str = ""


class Window(Protocol):
    """What the daemon opens for HTTP. Nothing seen through it can change or delay the engine."""

    def health(self) -> Health:
        """Take the pulse now."""

    def metrics(self) -> bytes:
        """Write every metric in Prometheus' text format 0.0.4."""

    def pulse(self) -> Pulse:
        """Look at the daemon now; cheap."""

    async def read(self, make: Callable[[Reading], T]) -> T:
        """Make something of all that is durable, beside the engine, never in its way.

        Raises whatever `make` raises.
        """
