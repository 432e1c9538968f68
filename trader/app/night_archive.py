"""What did past nights write? Their dates, their reports, and the files as they were written."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec

from trader.app.last_night import REPORT
from trader.app.night_folder import MADE
from trader.views.reading import NotThere
from trader.views.report_json import NightReport, decode

if TYPE_CHECKING:
    from pathlib import Path

DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
SHOWN: Final = ("report.html", "report.md", REPORT, MADE)
"""What may be asked for by name."""
KEPT_MAX: Final = 8
"""Reports kept in memory: they take long to read and do not change."""


class NightArchive:
    """The folders of nights. It belongs to one thread; nights may come and go meanwhile."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._kept: dict[tuple[str, int], NightReport] = {}

    def dates(self) -> tuple[str, ...]:
        """List the nights that are kept, newest first."""
        if not self._folder.is_dir():
            return ()
        names = (one.name for one in self._folder.iterdir() if (one / REPORT).is_file())
        return tuple(sorted((name for name in names if DATE.fullmatch(name)), reverse=True))

    def report(self, date: str) -> NightReport:
        """Read a night's report.

        Raises:
            NotThere: there is no such night, or its report cannot be read.
        """
        path = self._path(date, REPORT)
        try:
            key = (date, path.stat().st_mtime_ns)
            if key not in self._kept:
                self._kept[key] = decode(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, msgspec.MsgspecError) as error:
            raise NotThere(f"night {date}: {REPORT} cannot be read ({error})") from error
        while len(self._kept) > KEPT_MAX:
            del self._kept[next(iter(self._kept))]
        return self._kept[key]

    def file(self, date: str, name: str) -> bytes:
        """Read a file of a night as it was written.

        Raises:
            NotThere: there is no such night, or no such file.
        """
        if name not in SHOWN:
            raise NotThere(f"night {date} has no file {name}: choose from {', '.join(SHOWN)}")
        path = self._path(date, name)
        try:
            return path.read_bytes()
        except OSError as error:
            raise NotThere(f"night {date} has no {name}") from error

    def _path(self, date: str, name: str) -> Path:
        if not DATE.fullmatch(date) or not (self._folder / date / REPORT).is_file():
            raise NotThere(f"no night of {date!r} is kept: /nights lists those that are")
        return self._folder / date / name
