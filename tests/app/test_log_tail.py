"""Is the end of the log read, whatever its format, its rotation and what stands in it?"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from trader.app import log_tail
from trader.app.log_tail import newest_lines
from trader.app.observability import configure_log, logger
from trader.app.settings import LogSettings
from trader.domain.units import SECOND

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("form", ["json", "console"])
def test_what_the_daemon_wrote_is_read_back(tmp_path: Path, form: str) -> None:
    """Level, name and sentence of each line, newest first, in either format."""
    path = configure_log(LogSettings(file_format=form), tmp_path)  # type: ignore[arg-type]
    assert path is not None
    logger("t").info("daemon.ready", message="trading on paper", at=1_780_336_800 * SECOND)
    logger("t").error("halt.raised", message="the day lost 3 %")
    newest, oldest = newest_lines(path, 10)
    assert (newest.level, newest.event, newest.message) == (
        "error", "halt.raised", "the day lost 3 %"
    )  # fmt: skip
    assert (oldest.level, oldest.event, oldest.message) == (
        "info", "daemon.ready", "trading on paper"
    )  # fmt: skip
    assert oldest.fields["at"].startswith("2026-06-01")


def test_rotated_lines_follow_and_a_line_being_written_waits(tmp_path: Path) -> None:
    """The file before is read on; what has no line break yet is left out."""
    path = tmp_path / "trader.log"
    path.with_name("trader.log.1").write_text('{"event": "one"}\n{"event": "two"}\n')
    path.write_text('{"event": "three"}\n{"event": "fo')
    assert [one.event for one in newest_lines(path, 10)] == ["three", "two", "one"]
    assert [one.event for one in newest_lines(path, 2)] == ["three", "two"]
    assert newest_lines(tmp_path / "none.log", 5) == ()


def test_long_logs_are_read_from_their_end_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lines across blocks come whole and in order; nobody reads further back than the bound."""
    path = tmp_path / "trader.log"
    lines = [json.dumps({"event": f"e{n}", "text": "x" * (n % 700)}) for n in range(2_000)]
    path.write_text("\n".join(lines) + "\n")
    found = newest_lines(path, 1_500)
    assert [one.event for one in found] == [f"e{n}" for n in range(1_999, 499, -1)]
    monkeypatch.setattr(log_tail, "BYTES_MAX", 10_000)
    assert 10 < len(newest_lines(path, 2_000)) < 60


@pytest.mark.parametrize(
    "line", ["[1, 2]", "no json at all", '{"event": 3, "deep": {"a": [1]}}', "\x00\xff", "{" * 50]
)
def test_any_line_is_shown_and_none_ends_the_page(tmp_path: Path, line: str) -> None:
    """What another program wrote there is told as text."""
    path = tmp_path / "trader.log"
    path.write_bytes(line.encode("latin-1") + b"\n")
    (found,) = newest_lines(path, 5)
    assert found.message or found.event
