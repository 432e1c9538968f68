"""What may a page ask? The past from the fold of the journal, the present from a pulse."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple, Protocol

import msgspec

Asked = Mapping[str, str]
"""What stands in an address: named parts of its path, then its query."""

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trader.domain.facts import Recorded
    from trader.domain.market import Board
    from trader.domain.models import Observation
    from trader.engine.stages import StageSettings
    from trader.pricing.ensemble import Believed
    from trader.views.desk import Desk
    from trader.views.report_json import NightReport


class NotThere(Exception):
    """What a page was asked about does not exist; the message says so and where to look."""


class NotUnderstood(Exception):
    """A question cannot be read; the message names the field, the value and what it may be."""


class Pulse(msgspec.Struct, frozen=True, kw_only=True):
    """How the daemon is at one instant. `at` is market time in ns, 0 before it is known.

    `problems` is empty where it is fit; lags and ages are wall seconds; `sizes` counts what memory
    holds, `scores` rates the channels of the market from 0 to 1.
    """

    at: int
    speed: float
    trading: bool
    feed: str
    feed_alive: bool
    problems: tuple[str, ...]
    loop_lag_s: float
    progress_age_s: float
    queue_length: int
    events: int
    conflated: int
    sequence: int
    rss_bytes: int
    journal_bytes: int = 0
    uptime_s: float
    software: str
    sizes: dict[str, int]
    scores: dict[str, float]
    status: str = ""
    """The status line of the log."""
    due: dict[str, int] = {}
    """When (market time in ns) each strategy decides next, by name, and the next night, by ""."""


class BoardNow(NamedTuple):
    """The option board of an underlying at one instant, and the models that are believed on it.

    `inverse`: coins settle it, else USDC does. `believed` is empty before the first calibration;
    `trader.pricing.ensemble` tells what options are worth to them.
    """

    board: Board
    inverse: bool
    seen: Observation
    believed: tuple[Believed, ...]


class LogLine(msgspec.Struct, frozen=True):
    """One line of the log: wall time (""; unknown), level, name, sentence, and what else it says.

    Field `at`, where there is one, is market time.
    """

    time: str
    level: str
    event: str
    message: str
    fields: dict[str, str]


class Filed(Protocol):
    """A fact with its place in the journal; ids count from 1 without gaps."""

    @property
    def id(self) -> int:
        """Its place."""

    @property
    def recorded(self) -> Recorded:
        """The fact."""


class Reading(Protocol):
    """What a page is made from. It belongs to one thread, and to one call."""

    @property
    def desk(self) -> Desk:
        """The fold of every durable fact."""

    @property
    def pulse(self) -> Pulse:
        """The daemon when the page was asked for."""

    @property
    def stage_settings(self) -> StageSettings:
        """The rules of stages in force."""

    def facts(
        self,
        *,
        kinds: Sequence[str] | None = None,
        strategy: str | None = None,
        chain_id: str | None = None,
        verdict_id: str | None = None,
        after_id: int = 0,
        before_id: int | None = None,
        limit: int | None = None,
        newest_first: bool = False,
    ) -> Iterator[Filed]:
        """Look facts up in the journal."""

    def board(self, underlying: str, *, inverse: bool = True) -> BoardNow:
        """Show an option board as it stood when the page was asked for.

        Raises:
            NotThere: no option of it is listed.
        """

    def boards(self) -> tuple[tuple[str, bool], ...]:
        """List the boards there are: underlying, and whether coins settle it."""

    def nights(self) -> tuple[str, ...]:
        """List the dates of the nights that are kept, newest first."""

    def night(self, date: str) -> NightReport:
        """Read the report of a night.

        Raises:
            NotThere: there is none.
        """

    def night_file(self, date: str, name: str) -> bytes:
        """Read a file of a night as it was written: `report.html`, `report.json`.

        Raises:
            NotThere: there is none.
        """

    def log(self, limit: int) -> tuple[LogLine, ...]:
        """Read the last lines of the log, newest first; none where no file is kept."""
