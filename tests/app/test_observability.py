"""Are log lines readable by people and machines, wherever they go?"""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from trader.app.observability import LOG_NAME, TEXT_LENGTH_MAX, configure_log, logger
from trader.app.settings import LogSettings
from trader.domain.units import DAY, HOUR

AT = 20_605 * DAY + 8 * HOUR
"""2026-06-01T08:00:00Z."""


@pytest.fixture(autouse=True)
def _restored_logging() -> Iterator[None]:
    """Give the root logger and structlog back as they were found."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    for handler in root.handlers[:]:
        if handler not in handlers:
            root.removeHandler(handler)
            handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def lines_of(path: Path) -> list[dict[str, object]]:
    """Read a file of JSON lines."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_line_names_event_time_sequence_strategy_and_instrument(tmp_path: Path) -> None:
    """JSON lines carry the trade's keys; what does not apply (None) is left out."""
    path = configure_log(LogSettings(), tmp_path, io.StringIO())
    assert path == tmp_path / LOG_NAME
    log = logger().bind(at=AT, sequence=7)
    log.info("filled", strategy="covered_call_btc", instrument="BTC-9JUN26-104000-C", price=0.01)
    log.warning("feed_lost", strategy=None, kind="gap")
    filled, lost = lines_of(path)
    assert filled.pop("timestamp")
    assert filled == {
        "at": "2026-06-01T08:00:00Z",
        "sequence": 7,
        "strategy": "covered_call_btc",
        "instrument": "BTC-9JUN26-104000-C",
        "price": 0.01,
        "event": "filled",
        "level": "info",
    }
    assert lost["level"] == "warning"
    assert "strategy" not in lost


def test_the_console_is_colored_only_on_a_terminal(tmp_path: Path) -> None:
    """Lines for people carry no escape codes when stdout is a pipe or a file."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    pipe, terminal = io.StringIO(), Terminal()
    for stream in (pipe, terminal):
        configure_log(LogSettings(file=False), tmp_path, stream)
        logger().info("filled", at=AT, strategy="covered_call_btc")
    assert "\x1b[" not in pipe.getvalue()
    assert "\x1b[" in terminal.getvalue()
    assert "filled" in pipe.getvalue()
    assert " 2026-06-01 08:00:00 filled " in pipe.getvalue()


def test_a_console_line_is_a_sentence_with_its_keys(tmp_path: Path) -> None:
    """A line with a message tells it, and whose it is; what the sentence says is not said twice."""
    stream = io.StringIO()
    configure_log(LogSettings(), tmp_path, stream)
    logger().warning(
        "verdict.refused", at=AT, sequence=7, message="may not\nopen", limit=0.01, verdict_id="V7-0"
    )
    (line,) = stream.getvalue().splitlines()
    assert line[9:] == (
        "2026-06-01 08:00:00 verdict.refused   WARNING may not open sequence=7 verdict_id=V7-0"
    )
    (kept,) = lines_of(tmp_path / LOG_NAME)
    assert kept["limit"] == 0.01


def test_the_file_is_rotated_by_size_and_old_ones_are_dropped(tmp_path: Path) -> None:
    """A log never grows beyond rotate_mb times rotate_files + 1."""
    settings = LogSettings(rotate_mb=0.002, rotate_files=2)
    configure_log(settings, tmp_path, io.StringIO())
    for number in range(200):
        logger().info("tick", number=number)
    files = sorted(file.name for file in tmp_path.iterdir())
    assert files == [LOG_NAME, f"{LOG_NAME}.1", f"{LOG_NAME}.2"]
    assert all(file.stat().st_size <= 2_000 for file in tmp_path.iterdir())
    assert lines_of(tmp_path / LOG_NAME)[-1]["number"] == 199


def test_lines_below_the_level_are_not_written(tmp_path: Path) -> None:
    """`level = warning` keeps info lines out of stdout and file."""
    stream = io.StringIO()
    configure_log(LogSettings(level="warning", format="json"), tmp_path, stream)
    logger().info("quiet")
    logger().warning("loud")
    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["loud"]


def test_lines_of_libraries_pass_through_the_same_format(tmp_path: Path) -> None:
    """A library's warning becomes a line like ours; its info lines stay out."""
    path = configure_log(LogSettings(), tmp_path, io.StringIO())
    logging.getLogger("websockets.client").info("connection open")
    logging.getLogger("websockets.client").warning("slow %s", "pong")
    assert path is not None
    (line,) = lines_of(path)
    assert (line["event"], line["level"]) == ("slow pong", "warning")


def test_a_text_that_would_drown_the_log_is_cut_visibly(tmp_path: Path) -> None:
    """trap: alert text too long -> alert lost. It is cut, and the line says how long it was."""
    path = configure_log(LogSettings(), tmp_path, io.StringIO())
    logger().info("alert", text="x" * 100_000)
    assert path is not None
    (line,) = lines_of(path)
    assert str(line["text"]).endswith("... (100000 characters)")
    assert len(str(line["text"])) < TEXT_LENGTH_MAX + 50


@pytest.mark.parametrize("form", ["json", "console"])
def test_an_exception_is_logged_with_its_traceback(tmp_path: Path, form: str) -> None:
    """A crash leaves its cause in the log, in either format."""
    stream = io.StringIO()
    configure_log(LogSettings.model_validate({"format": form}), tmp_path, stream)
    try:
        raise ZeroDivisionError("no equity")
    except ZeroDivisionError:
        logger().exception("crashed")
    assert "ZeroDivisionError: no equity" in stream.getvalue()
    assert "Traceback" in stream.getvalue()


def test_a_second_call_replaces_the_first(tmp_path: Path) -> None:
    """Configuring twice writes each line once."""
    configure_log(LogSettings(), tmp_path, io.StringIO())
    path = configure_log(LogSettings(), tmp_path, io.StringIO())
    logger().info("once")
    assert path is not None
    assert len(lines_of(path)) == 1


def test_a_file_that_cannot_be_opened_is_an_error(tmp_path: Path) -> None:
    """A log path that is a folder raises OSError at the start, not at the first line."""
    (tmp_path / LOG_NAME).mkdir()
    with pytest.raises(OSError, match=LOG_NAME):
        configure_log(LogSettings(), tmp_path, io.StringIO())
