"""Is the past kept when a person begins anew, journal and nights together?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.app.test_daemon import NOWHERE, configured
from trader.app.fresh import set_aside
from trader.app.night_process import alone
from trader.domain.errors import JournalLocked

if TYPE_CHECKING:
    from pathlib import Path


def test_a_fresh_start_keeps_every_old_journal(tmp_path: Path) -> None:
    """Each old journal keeps its bytes under the next free number, with what lies beside it."""
    configuration = configured(tmp_path, NOWHERE)
    configuration.state_dir.mkdir()
    set_aside(configuration)
    for number, text in ((1, "first"), (2, "second")):
        for suffix in ("", "-wal", "-shm"):
            (configuration.state_dir / f"journal.sqlite{suffix}").write_text(text + suffix)
        (configuration.state_dir / "nights" / "2026-11-20").mkdir(parents=True)
        set_aside(configuration)
        for suffix in ("", "-wal", "-shm"):
            kept = configuration.state_dir / f"journal.sqlite.{number}{suffix}"
            assert kept.read_text() == text + suffix
        assert (configuration.state_dir / f"nights.{number}" / "2026-11-20").is_dir()
    assert not (configuration.state_dir / "nights").exists()


def test_journal_and_nights_share_their_number(tmp_path: Path) -> None:
    """What was judged together is kept together: a number that either uses is taken."""
    configuration = configured(tmp_path, NOWHERE)
    (configuration.state_dir / "nights.1").mkdir(parents=True)
    (configuration.state_dir / "journal.sqlite").write_text("x")
    set_aside(configuration)
    assert (configuration.state_dir / "journal.sqlite.2").exists()


def test_a_journal_that_a_night_reads_is_not_put_aside(tmp_path: Path) -> None:
    """The night would write its folder among those of the new journal."""
    configuration = configured(tmp_path, NOWHERE)
    configuration.state_dir.mkdir()
    (configuration.state_dir / "journal.sqlite").write_text("x")
    with alone(configuration), pytest.raises(JournalLocked, match="another evaluation"):
        set_aside(configuration)
    assert (configuration.state_dir / "journal.sqlite").exists()
