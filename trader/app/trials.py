"""How many configurations were ever tried? A file that only grows, one line a new one.

Luck grows with the number of tries: the deflated Sharpe ratio asks for it. The same configuration
counts once, however often it is run, and whoever runs it: the night, `trader backtest`, `trader
evaluate`.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Final

from trader.domain.errors import StorageError
from trader.domain.units import day_date, utc_day
from trader.storage.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from pathlib import Path

    from trader.app.configuration import Configuration

FILE: Final = "trials.jsonl"
FIELDS: Final = frozenset({"strategy", "first", "parameters"})


class TrialLedger:
    """The trials of one state directory; several processes may add to it at once."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE

    def count(self, strategy: str, before: str | None = None) -> int:
        """Count the distinct configurations tried before a date (YYYY-MM-DD), or ever."""
        found = self._of(strategy)
        tried = {one["parameters"] for one in found if before is None or one["first"] < before}
        return len(tried)

    def add(self, strategy: str, parameters: Iterable[str], date: str) -> None:
        """Note configurations, each as a canonical text, as tried from a date on.

        Known ones are left as they are. `date` is the market's: see `today`.
        """
        known = {one["parameters"] for one in self._of(strategy)}
        fresh = [one for one in dict.fromkeys(parameters) if one not in known]
        if not fresh:
            return
        lines = "".join(
            json.dumps({"strategy": strategy, "first": date, "parameters": one}) + "\n"
            for one in fresh
        )
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._path.open("ab") as file:  # one write: lines of two writers do not mix
            file.write(b"\n" * self._torn() + lines.encode())
            file.flush()
            os.fsync(file.fileno())

    def _of(self, strategy: str) -> list[dict[str, str]]:
        """Read what is whole; a line that a crash cut off was never counted."""
        if not self._path.exists():
            return []
        found = []
        for line in self._path.read_text(encoding="utf-8").splitlines():
            try:
                one = json.loads(line)
            except json.JSONDecodeError:
                continue
            if isinstance(one, dict) and one.get("strategy") == strategy and one.keys() >= FIELDS:
                found.append(one)
        return found

    def _torn(self) -> bool:
        """Tell whether a crash cut the last line off."""
        text = self._path.read_bytes() if self._path.exists() else b""
        return bool(text) and not text.endswith(b"\n")


def today(configuration: Configuration, wall: datetime) -> str:
    """Name the day on which something tried now counts: the market's, which the journal knows."""
    try:
        with Journal.create_or_open(configuration.journal_url, writer=False) as journal:
            last = journal.last()
    except StorageError:
        last = None  # nothing has been traded yet
    return (day_date(utc_day(last.recorded.at)) if last is not None else wall.date()).isoformat()


def canonical(parameters: dict[str, object]) -> str:
    """Write parameters as the one text that stands for them."""
    return json.dumps(parameters, sort_keys=True, separators=(",", ":"))
