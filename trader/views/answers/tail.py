"""What happened last? Facts with a sentence each, and the lines of the log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from trader.domain.units import iso
from trader.views.answers.asking import ID_MAX, LIMIT, LIMIT_MAX, Limit, Question, Text
from trader.views.log_lines import log_line
from trader.views.reading import LogLine

if TYPE_CHECKING:
    from trader.views.reading import Filed, Reading

Level = Literal["debug", "info", "warning", "error", "critical"]
LEVELS: tuple[Level, ...] = ("debug", "info", "warning", "error", "critical")
LINES_LOOKED_AT = 20_000


class FactLine(msgspec.Struct, frozen=True, kw_only=True):
    """One fact as a line: its place (`id`), kind, market time, the sentence, what it is about.

    `keys` holds `strategy`, `account`, `chain_id`, `verdict_id`, ... where the line names them.
    """

    id: int
    kind: str
    event: str
    at: int
    time: str
    sequence: int
    text: str
    keys: dict[str, str]


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """Facts oldest first; `last` goes into `after` for those that follow."""

    facts: tuple[FactLine, ...]
    last: int


class FactsQuestion(Question, frozen=True, kw_only=True):
    """Asks for facts after a place; without one for the newest."""

    after: (
        Annotated[
            int,
            msgspec.Meta(
                ge=0, le=ID_MAX, description="Only what follows this id; 0 from the first."
            ),
        ]
        | None
    ) = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=LIMIT_MAX, description="How many at most.")] = LIMIT


class LogQuestion(Question, frozen=True, kw_only=True):
    """Asks for lines of the log."""

    limit: Limit = LIMIT
    level: Annotated[Level, msgspec.Meta(description="Only lines at least this grave.")] = "debug"
    event: Annotated[
        str, msgspec.Meta(max_length=200, description="Only events that begin so.")
    ] = ""
    text: Annotated[
        str, msgspec.Meta(max_length=200, description="Only lines that hold this, in any case.")
    ] = ""
    strategy: Text | None = None


class Log(msgspec.Struct, frozen=True, kw_only=True):
    """Lines of the log, newest first; empty where no file is kept (`log.file`)."""

    lines: tuple[LogLine, ...]


KEYS = ("strategy", "account", "underlying", "chain_id", "verdict_id", "order_id", "instrument")


def facts(reading: Reading, asked: FactsQuestion) -> Facts:
    """What happened, in order, one sentence per fact; the stream tells the same as it happens."""
    if asked.after is None:
        newest = list(reading.facts(limit=asked.limit, newest_first=True))
        lines = [fact_line(one, reading.pulse.speed) for one in reversed(newest)]
        return Facts(facts=tuple(lines), last=lines[-1].id if lines else 0)
    stored = reading.facts(after_id=asked.after, limit=asked.limit)
    lines = [fact_line(one, reading.pulse.speed) for one in stored]
    return Facts(facts=tuple(lines), last=lines[-1].id if lines else asked.after)


def fact_line(stored: Filed, speed: float) -> FactLine:
    """Tell one fact in a line; waiting times in market and in wall time by `speed`."""
    recorded = stored.recorded
    event, fields = log_line(recorded, speed=speed)
    return FactLine(
        id=stored.id,
        kind=type(recorded.fact).__name__,
        event=event,
        at=recorded.at,
        time=iso(recorded.at),
        sequence=recorded.sequence,
        text=str(fields.get("message", "")),
        keys={name: str(fields[name]) for name in KEYS if fields.get(name)},
    )


def log(reading: Reading, asked: LogQuestion) -> Log:
    """The last lines of the log, newest first."""
    grave = LEVELS[LEVELS.index(asked.level) :]
    sought = asked.text.casefold()
    filtered = asked.level != "debug" or asked.event or sought or asked.strategy
    looked = reading.log(LINES_LOOKED_AT if filtered else asked.limit)
    found = (
        one
        for one in looked
        if (one.level in grave or one.level not in LEVELS)
        and one.event.startswith(asked.event)
        and (asked.strategy is None or one.fields.get("strategy") == asked.strategy)
        and (not sought or sought in f"{one.event} {one.message} {one.fields}".casefold())
    )
    return Log(lines=tuple(one for one, _ in zip(found, range(asked.limit), strict=False)))
