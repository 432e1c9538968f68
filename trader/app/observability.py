"""What does the daemon say about itself? Log lines for people and journald, in one set-up."""

from __future__ import annotations

import logging
import sys
from logging.handlers import RotatingFileHandler
from typing import TYPE_CHECKING, Final, TextIO

import structlog

from trader.domain.units import iso

if TYPE_CHECKING:
    from collections.abc import MutableMapping
    from pathlib import Path

    from structlog.typing import EventDict, Processor, WrappedLogger

    from trader.app.settings import LogFormat, LogSettings

LOG_NAME: Final = "trader.log"
TEXT_LENGTH_MAX: Final = 2_000
TOLD_ALWAYS: Final = ("sequence", "strategy", "instrument", "verdict_id", "chain_id")
PLAIN, BOLD, DIM = "\x1b[0m", "\x1b[1m", "\x1b[2m"
LEVEL_COLORS: Final = {
    "debug": DIM,
    "warning": "\x1b[1;33m",
    "error": "\x1b[1;31m",
    "critical": "\x1b[1;31m",
}
LEADING_KEYS: Final = ("at", "sequence", "strategy", "instrument")


def configure_log(
    settings: LogSettings, state_dir: Path, stdout: TextIO | None = None
) -> Path | None:
    """Send every line of ours and of the libraries to stdout and, where asked, to the file.

    Call it once, before the first line; a second call replaces the first. Returns the file.

    Raises:
        OSError: the file cannot be opened.
    """
    stream = sys.stdout if stdout is None else stdout
    handlers: list[logging.Handler] = [logging.StreamHandler(stream)]
    handlers[0].setFormatter(_formatter(settings.format, colors=stream.isatty()))
    path = state_dir / LOG_NAME if settings.file else None
    if path is not None:
        handlers.append(_rotating(path, settings))
    _install(handlers, settings.level.upper())
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_shared_processors(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    return path


def logger(name: str = "trader") -> structlog.stdlib.BoundLogger:
    """Take the logger of a part. Bind `at` (UTC ns), `sequence`, `strategy`, `instrument`."""
    bound: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return bound


def _rotating(path: Path, settings: LogSettings) -> logging.Handler:
    """Open the file for appending; it is rotated by size."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = RotatingFileHandler(
        path,
        maxBytes=max(int(settings.rotate_mb * 1_000_000), 1),
        backupCount=settings.rotate_files,
        encoding="utf-8",
    )
    handler.setFormatter(_formatter(settings.file_format, colors=False))
    return handler


def _install(handlers: list[logging.Handler], level: str) -> None:
    """Replace the root's handlers; what stood there is closed."""
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
        old.close()
    for handler in handlers:
        root.addHandler(handler)
    root.setLevel(level)
    for library in ("websockets", "aiohttp", "asyncio"):
        logging.getLogger(library).setLevel(max(root.level, logging.WARNING))


def _formatter(form: LogFormat, *, colors: bool) -> logging.Formatter:
    """Render an event dictionary as one line."""
    renderer: Processor = structlog.processors.JSONRenderer()
    if form == "console":
        renderer = ConsoleLine(colors=colors)
    closing: list[Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
    ]
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_shared_processors(), processors=[*closing, renderer]
    )


class ConsoleLine:
    """Writes one event as a person reads it: wall time, market time, event, sentence, whose.

    A line with a sentence (`message`) leaves out the fields the sentence tells; the JSON file has
    them all.
    """

    def __init__(self, *, colors: bool) -> None:
        self._colors = colors

    def __call__(self, _: WrappedLogger, __: str, event: EventDict) -> str:
        """Render; a traceback stands below its line."""
        level = str(event.pop("level", "info"))
        wall = str(event.pop("timestamp", ""))[11:19]
        market = str(event.pop("at", ""))[:19].replace("T", " ")
        name, sentence = str(event.pop("event")), event.pop("message", None)
        traceback = event.pop("exception", None)
        shown = event if sentence is None else {k: event[k] for k in TOLD_ALWAYS if k in event}
        fields = " ".join(f"{key}={value}" for key, value in shown.items())
        word = "" if level == "info" else f"{level.upper()} "
        head = f"{wall} {market or '-':<19} {self._painted(f'{name:<17}', level)} {word}"
        line = f"{head}{sentence or ''} {self._dimmed(fields)}".replace("\n", " ").rstrip()
        return line if traceback is None else f"{line}\n{traceback}"

    def _painted(self, text: str, level: str) -> str:
        color = LEVEL_COLORS.get(level, BOLD)
        return f"{color}{text}{PLAIN}" if self._colors else text

    def _dimmed(self, text: str) -> str:
        return f"{DIM}{text}{PLAIN}" if self._colors and text else text


def _shared_processors() -> list[Processor]:
    """List what every line passes, ours or a library's."""
    return [
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="timestamp"),
        write_market_time,
        bound_texts,
        lead_with_the_trade,
    ]


def write_market_time(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Write `at` (UTC nanoseconds of the market clock) as people read it."""
    if isinstance(event.get("at"), int):
        event["at"] = iso(event["at"])
    return event


def bound_texts(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Cut texts that would drown a log; the cut is visible."""
    for key, value in event.items():
        if isinstance(value, str) and len(value) > TEXT_LENGTH_MAX:
            event[key] = f"{value[:TEXT_LENGTH_MAX]}... ({len(value)} characters)"
    return event


def lead_with_the_trade(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Put time, sequence, strategy and instrument first; leave out what does not apply."""
    leading: MutableMapping[str, object] = {
        key: event.pop(key) for key in LEADING_KEYS if key in event
    }
    return {**{key: value for key, value in leading.items() if value is not None}, **event}
