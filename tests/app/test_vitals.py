"""Does the daemon know how it is before, during and without a market?"""

from __future__ import annotations

from pathlib import Path

from tests.app.test_daemon import NOWHERE, configured
from trader.app.daemon import Daemon
from trader.app.vitals import NOT_TRADING, _size
from trader.storage.journal import Journal


async def test_a_daemon_without_a_market_says_so(tmp_path: Path) -> None:
    """No feed, no time, not trading: each is told, and nothing is invented."""
    configuration = configured(tmp_path, NOWHERE)
    configuration.state_dir.mkdir(parents=True)
    with Journal.create_or_open(configuration.journal_url, writer=True) as journal:
        vitals = Daemon(configuration, journal).vitals
        pulse, health = vitals.look(), vitals.health()
        assert (pulse.at, pulse.trading, pulse.feed_alive) == (0, False, False)
        assert pulse.problems == ("the feed is not alive",)
        assert health.detail == NOT_TRADING
        vitals.trading.set()
        assert vitals.health().detail == ""
        assert pulse.rss_bytes > 10_000_000
        assert b"trader_feed_alive 0.0" in vitals.metrics()


def test_a_journal_is_measured_with_what_is_written_ahead(tmp_path: Path) -> None:
    """Both files count; a server's journal, or none yet, has no size here."""
    url = f"sqlite:///{tmp_path / 'journal.sqlite'}"
    assert _size(url) == 0
    (tmp_path / "journal.sqlite").write_bytes(b"x" * 1_000)
    (tmp_path / "journal.sqlite-wal").write_bytes(b"x" * 24)
    assert _size(url) == 1_024
    assert _size("postgresql://somewhere/else") == 0
