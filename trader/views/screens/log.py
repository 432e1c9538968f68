"""What did the log say last? Its newest lines, by level, strategy and text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trader.views.blocks import Cell, Choice, Filter, Page, Prose, Section, Table, columns, row
from trader.views.screens.asked import one_of, whole

if TYPE_CHECKING:
    from trader.views.blocks import Block, Tone
    from trader.views.reading import Asked, LogLine, Reading

LEVELS: Final = ("debug", "info", "warning", "error", "critical")
READ_MAX: Final = 5_000
"""Lines that are looked through for those that are asked for."""
SHOWN: Final = 100
SHOWN_MAX: Final = 500
TONES: Final[dict[str, Tone]] = {
    "debug": "muted", "warning": "warn", "error": "bad", "critical": "bad",
}  # fmt: skip
LINKS: Final = (
    ("verdict_id", "/verdicts/"),
    ("chain_id", "/chains/"),
    ("strategy", "/strategies/"),
)
NO_FILE: Final = (
    "No line yet. The log is read from the file in the state directory; with `log.file = false` "
    "none is kept, and the daemon's standard output has it."
)
NO_MATCH: Final = "None of the last {} lines fits: ask for less, or wait; the page follows the log."


def log(reading: Reading, asked: Asked) -> Page:
    """Make the page of the log.

    Raises:
        NotUnderstood: the level or the number of lines cannot be.
    """
    level = one_of(asked, "level", LEVELS)
    strategy, text = asked.get("strategy", ""), asked.get("text", "").strip()
    lines = whole(asked, "lines", SHOWN, 1, SHOWN_MAX)
    read = reading.log(READ_MAX)
    found = [one for one in read if fits(one, level, strategy, text)][:lines]
    names = dict.fromkeys(one.strategy for one in reading.desk.live.strategies())
    choices = (
        Choice("level", "level at least", level, (("", "all"), *((one, one) for one in LEVELS))),
        Choice("strategy", "strategy", strategy, (("", "all"), *((one, one) for one in names))),
        Choice("text", "text", text),
        Choice(
            "lines", "lines", str(lines), tuple((one, one) for one in ("50", "100", "250", "500"))
        ),
    )
    return Page(
        title="Log",
        subtitle="Newest first. Wall time is when it was written, market time what it is about.",
        notices=(),
        sections=(Section("Lines", (Filter(choices), _table(found, len(read))), level=2),),
    )


def fits(line: LogLine, level: str, strategy: str, text: str) -> bool:
    """Whether a line is at least of a level, of a strategy, and says a text (case is ignored)."""
    known = LEVELS.index(line.level) if line.level in LEVELS else len(LEVELS)
    if level and known < LEVELS.index(level):
        return False
    if strategy and line.fields.get("strategy", "") != strategy and strategy not in line.message:
        return False
    if not text:
        return True
    wanted = text.casefold()
    return any(
        wanted in one.casefold() for one in (line.event, line.message, *line.fields.values())
    )


def _table(found: list[LogLine], read: int) -> Block:
    if not found:
        return Prose(NO_MATCH.format(read) if read else NO_FILE, "muted")
    rows = tuple(
        row(
            _wall(one.time),
            _market(one.fields.get("at", "")),
            Cell(one.level, TONES.get(one.level, "")),
            Cell(one.event, href=_target(one)),
            one.message or _fields(one),
        )
        for one in found
    )
    heads = columns("written", "market", "level", "what", "told")
    return Table(heads, rows, stacked=True, keys=_keys(found))


def _keys(found: list[LogLine]) -> tuple[str, ...]:
    """Name each line so that it keeps its name while newer ones come above it."""
    seen: dict[tuple[str, str], int] = {}
    keys = []
    for one in reversed(found):
        place = seen[one.time, one.event] = seen.get((one.time, one.event), 0) + 1
        keys.append(f"{one.time} {one.event} {place}")
    return tuple(reversed(keys))


def _wall(text: str) -> str:
    """Cut a time to the second."""
    return f"{text[:10]} {text[11:19]} UTC" if "T" in text else text


def _market(text: str) -> str:
    return _wall(text) if text[:1].isdigit() else text


def _fields(line: LogLine) -> str:
    return " ".join(f"{name}={value}" for name, value in line.fields.items() if name != "at")


def _target(line: LogLine) -> str:
    """Lead to what a line is about: a verdict, else a chain, else a strategy."""
    for name, path in LINKS:
        value = line.fields.get(name, "")
        if value and value.replace("-", "").replace("_", "").isalnum() and value.isascii():
            return f"{path}{value}"
    return ""
