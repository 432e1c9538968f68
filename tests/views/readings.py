"""Readings that need no daemon: the fold of given facts, and a pulse that is set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from trader.domain.facts import Recorded
from trader.engine.stages import StageSettings
from trader.storage.payload import row
from trader.views.desk import Desk
from trader.views.reading import BoardNow, LogLine, NotThere, Pulse
from trader.views.report_json import NightReport

PULSE = Pulse(
    at=0, speed=1.0, trading=True, feed="simulated", feed_alive=True, problems=(),
    loop_lag_s=0.001, progress_age_s=0.5, queue_length=0, events=10, conflated=2, sequence=3,
    rss_bytes=100_000_000, uptime_s=60.0, software="0.1", sizes={"chains": 1}, scores={},
)  # fmt: skip


class Stored(msgspec.Struct, frozen=True):
    """A fact with its place."""

    id: int
    recorded: Recorded


class Told:
    """A reading of the facts it is given; what is looked up is found as the journal finds it."""

    def __init__(
        self,
        facts: Sequence[Recorded] = (),
        pulse: Pulse = PULSE,
        *,
        boards: Mapping[tuple[str, bool], BoardNow] | None = None,
        nights: Mapping[str, NightReport] | None = None,
        log: Sequence[LogLine] = (),
    ) -> None:
        self._boards = boards or {}
        self._nights = nights or {}
        self._log = tuple(log)
        self.desk = Desk()
        self.pulse = pulse
        self.stage_settings = StageSettings()
        self._rows: list[tuple[Stored, dict[str, int | str | None]]] = []
        for recorded in facts:
            self.tell(recorded)

    def tell(self, recorded: Recorded) -> None:
        """Add one more fact."""
        place = len(self._rows) + 1
        self.desk.apply(recorded)
        self._rows.append((Stored(place, recorded), row(place, recorded)))

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
    ) -> Iterator[Stored]:
        """Look facts up by the keys the journal would write."""
        asked = {"strategy": strategy, "chain_id": chain_id, "verdict_id": verdict_id}
        found = [
            stored
            for stored, keys in self._rows
            if stored.id > after_id
            and (before_id is None or stored.id < before_id)
            and (kinds is None or keys["kind"] in kinds)
            and all(value is None or keys[key] == value for key, value in asked.items())
        ]
        ordered = found[::-1] if newest_first else found
        return iter(ordered[:limit])

    def board(self, underlying: str, *, inverse: bool = True) -> BoardNow:
        """Show a board that was laid out."""
        if (underlying, inverse) not in self._boards:
            raise NotThere(f"no options on {underlying} are listed")
        return self._boards[underlying, inverse]

    def boards(self) -> tuple[tuple[str, bool], ...]:
        """List what was laid out."""
        return tuple(self._boards)

    def nights(self) -> tuple[str, ...]:
        """List the nights, newest first."""
        return tuple(sorted(self._nights, reverse=True))

    def night(self, date: str) -> NightReport:
        """Give a night that was laid out."""
        if date not in self._nights:
            raise NotThere(f"no night of {date} is kept")
        return self._nights[date]

    def night_file(self, date: str, name: str) -> bytes:
        """Give no file but the report."""
        if name != "report.json":
            raise NotThere(f"night {date} has no {name}")
        return msgspec.json.encode(self.night(date))

    def log(self, limit: int) -> tuple[LogLine, ...]:
        """Give the newest lines."""
        return self._log[:limit]
