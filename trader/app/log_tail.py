"""What did the log say last? The end of its files, newest line first, whatever their format."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

from trader.views.reading import LogLine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BLOCK_BYTES: Final = 65_536
BYTES_MAX: Final = 4_000_000
"""How far back a look at the log goes."""
LINE_BYTES_MAX: Final = 32_768
OWN: Final = ("timestamp", "level", "event", "message")
LEVELS: Final = ("debug", "info", "warning", "error", "critical")
CONSOLE: Final = re.compile(
    r"(?P<time>\d\d:\d\d:\d\d) (?P<at>\S+(?: \d\d:\d\d:\d\d)?) +(?P<event>[\w.]+) +"
    r"(?:(?P<level>DEBUG|WARNING|ERROR|CRITICAL) )?(?P<text>.*)"
)


def newest_lines(path: Path, limit: int) -> tuple[LogLine, ...]:
    """Read the last lines of a log and, where it was rotated lately, of the file before."""
    found: list[LogLine] = []
    left = BYTES_MAX
    for place in (path, path.with_name(f"{path.name}.1")):
        for raw in _backward(place, left):
            left -= len(raw) + 1
            if raw.strip():
                found.append(_read(raw[:LINE_BYTES_MAX].decode("utf-8", "replace")))
            if len(found) == limit:
                return tuple(found)
    return tuple(found)


def _backward(path: Path, bytes_max: int) -> Iterator[bytes]:
    """Give the lines of a file from its end; a last line still being written is left out."""
    try:
        file = path.open("rb")
    except OSError:
        return
    with file:
        edge = file.seek(0, 2)
        floor = max(edge - bytes_max, 0)
        rest, newest = b"", True
        while edge > floor:
            size = min(BLOCK_BYTES, edge - floor)
            edge -= size
            file.seek(edge)
            first, *lines = (file.read(size) + rest).split(b"\n")
            if lines and newest:
                lines.pop()  # what follows the last line break
                newest = False
            yield from reversed(lines)
            rest = first
        if not floor and not newest:
            yield rest


def _read(line: str) -> LogLine:
    try:
        fields = json.loads(line)
    except ValueError:
        return _from_console(line)
    if not isinstance(fields, dict):
        return _from_console(line)
    wall, level, event, message = (str(fields.pop(key, "")) for key in OWN)
    told = {key: one if isinstance(one, str) else json.dumps(one) for key, one in fields.items()}
    return LogLine(wall, level or "info", event, message, told)


def _from_console(line: str) -> LogLine:
    found = CONSOLE.fullmatch(line)
    if found is None:
        return LogLine("", "info", "", line, {})
    at = {"at": found["at"]} if found["at"] != "-" else {}
    level = (found["level"] or "INFO").lower()
    return LogLine(found["time"], level, found["event"], found["text"], at)
