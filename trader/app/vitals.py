"""How is the daemon? Its pulse, its health and its metrics, taken from what runs."""

from __future__ import annotations

import asyncio
import os
import time
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

from trader.app.notify import Notifier, watchdog_interval_s
from trader.domain.units import SECOND
from trader.engine.engine import NIGHTLY, OPEN
from trader.views.reading import Pulse
from trader.web.window import Health

if TYPE_CHECKING:
    from trader.app.configuration import Configuration
    from trader.app.driver import Driver, Inbox
    from trader.app.live_feed import LiveFeed
    from trader.app.market_clock import MarketClock
    from trader.app.metrics import Metrics
    from trader.engine.engine import Engine

PULSE_EVERY_S: Final = 1.0
NOT_TRADING: Final = "not trading yet: waiting for the market"
SQLITE: Final = "sqlite:///"
STATM: Final = Path("/proc/self/statm")


class Vitals:
    """What is known of a running daemon's condition. `trading` is set when trading begins."""

    def __init__(
        self,
        configuration: Configuration,
        engine: Engine,
        clock: MarketClock,
        feed: LiveFeed,
        inbox: Inbox,
        driver: Driver,
        counts: Metrics,
    ) -> None:
        self.trading = asyncio.Event()
        self.status = ""
        self._configuration = configuration
        self._engine = engine
        self._clock = clock
        self._feed = feed
        self._inbox = inbox
        self._driver = driver
        self._counts = counts
        self._started_at = self._pulse_at = time.monotonic()
        self._loop_lag_s = 0.0
        self._software = version("trader")

    async def beat(self, notifier: Notifier) -> None:
        """Watch the loop, and feed the watchdog while the engine moves and its facts are kept.

        Before there is a market nothing can move but the loop itself. Runs until canceled.
        """
        interval_s = watchdog_interval_s()
        while True:
            await asyncio.sleep(PULSE_EVERY_S)
            now = time.monotonic()
            self._loop_lag_s = max(now - self._pulse_at - PULSE_EVERY_S, 0.0)
            self._pulse_at = now
            if interval_s is not None and self._age_s() < interval_s:
                notifier.watchdog()

    def health(self) -> Health:
        """Take the pulse now."""
        web = self._configuration.settings.web
        return Health(
            feed_alive=self._feed.alive,
            journal_ok=self._driver.journal_ok or self._age_s() < web.progress_age_s_max,
            progress_age_s=self._age_s(),
            progress_age_s_max=web.progress_age_s_max,
            detail="" if self.trading.is_set() else NOT_TRADING,
        )

    def metrics(self) -> bytes:
        """Write every metric in Prometheus' text format 0.0.4."""
        metrics, engine = self._counts, self._engine
        metrics.feed_alive.set(float(self._feed.alive))
        metrics.queue_length.set(len(self._inbox))
        metrics.follow(events=self._driver.processed, conflated=self._inbox.conflated)
        metrics.loop_lag_seconds.set(self._loop_lag_s)
        metrics.progress_age_seconds.set(self._age_s())
        metrics.sequence.set(engine.sequence)
        metrics.score(engine.market.scores())
        metrics.hold(self._sizes())
        if self._clock.known:
            metrics.restrain(engine.ledger.conduct.tapes(), self._clock.now())
            metrics.market_time_seconds.set(self._clock.now() / SECOND)
        return metrics.text()

    def look(self) -> Pulse:
        """Say how we are, for whoever looks at a page."""
        return Pulse(
            at=self._clock.now() if self._clock.known else 0,
            speed=self._clock.speed,
            trading=self.trading.is_set(),
            feed=self._configuration.settings.feed.source,
            feed_alive=self._feed.alive,
            problems=self.health().problems(),
            loop_lag_s=self._loop_lag_s,
            progress_age_s=self._age_s(),
            queue_length=len(self._inbox),
            events=self._driver.processed,
            conflated=self._inbox.conflated,
            sequence=self._engine.sequence,
            rss_bytes=int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGESIZE"),
            journal_bytes=_size(self._configuration.journal_url),
            uptime_s=time.monotonic() - self._started_at,
            software=self._software,
            sizes=self._sizes(),
            scores=dict(self._engine.market.scores()),
            status=self.status,
            due=self._due(),
        )

    def _due(self) -> dict[str, int]:
        """Tell when each strategy decides next, and when the next night is."""
        if not self.trading.is_set():
            return {}
        timers = self._engine.timers
        nights = self._configuration.settings.nightly.run_by == "daemon"
        decisions = {name: timers.due_at(OPEN + name) for name in self._engine.slots}
        return decisions | ({"": timers.due_at(NIGHTLY)} if nights else {})

    def _age_s(self) -> float:
        moved_at = self._driver.progress_at if self.trading.is_set() else self._pulse_at
        return time.monotonic() - moved_at

    def _sizes(self) -> dict[str, int]:
        """Count what is held in memory, by name."""
        engine = self._engine
        taken = {"taken_quotes": engine.broker.taken_count}
        return {**self._feed.sizes(), **engine.market.sizes(), **engine.ledger.sizes(), **taken}


def _size(journal_url: str) -> int:
    """Measure a journal with what is written ahead of it; 0 where it is no file."""
    if not journal_url.startswith(SQLITE):
        return 0
    path = journal_url.removeprefix(SQLITE)
    files = (Path(f"{path}{suffix}") for suffix in ("", "-wal"))
    return sum(one.stat().st_size for one in files if one.is_file())
