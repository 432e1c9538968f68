"""What goes wrong at the exchange is said, marks decisions, opens nothing, and is outlived.

One exchange with fault injection and one daemon, both real processes over a real websocket, trade
through every fault in turn; the journal is audited at the end.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.simulation.processes import (
    LINE,
    DaemonProcess,
    ExchangeProcess,
    run,
    write_configuration,
)
from trader.domain.facts import AlertRaised, Recorded
from trader.domain.trading import Approved
from trader.domain.units import SECOND
from trader.storage.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Iterator

SPEED = 1_200.0
QUOTE_AGE_S_MAX = 2.0
SETTINGS = (
    "feed.client.mute_channel_s=3.2",
    "feed.client.gap_s=1.5",
    "feed.client.request_timeout_s=2",
    "feed.client.backoff_initial_s=0.2",
    "feed.client.backoff_max_s=0.5",
    f"engine.quote_age_s_max={QUOTE_AGE_S_MAX}",
)
LIMITS = """
[risk]
max_risk_per_trade = 0.001
max_risk_per_underlying = 0.9
max_new_trades_per_day = 500
max_open_positions_per_strategy = 500
"""
"""So wide that every decision may open: what holds an opening back is the fault alone."""
INDEX = "deribit_price_index.*"


class Venue:
    """Exchange and daemon of this module's tests."""

    def __init__(self, exchange: ExchangeProcess, daemon: DaemonProcess) -> None:
        self.exchange = exchange
        self.daemon = daemon

    def records(self) -> list[Recorded]:
        """Read the journal as it stands."""
        url = f"sqlite:///{self.daemon.state / 'journal.sqlite'}"
        with Journal.create_or_open(url, writer=False) as journal:
            return [stored.recorded for stored in journal.read()]

    def wait_opening(self, within_s: float = 15.0) -> LINE:
        """Wait until the gate lets a position be opened on quotes without a mark."""
        return self.daemon.wait_line(
            "verdict.approved",
            within_s,
            lambda line: line["action"] == "open" and not line.get("data_quality"),
        )

    def wait_told(self, kind: str, within_s: float = 10.0) -> LINE:
        """Wait for a line about a fault: its own, or the one about what was lost by it."""
        return self.daemon.wait_line(
            r"feed\.(fault|lost)|alert",
            within_s,
            lambda line: (
                line["kind"] == kind
                or (line["kind"] == "feed_lost" and line["message"].startswith(kind))
            ),
        )

    def wait_marked(self, mark: str, within_s: float = 10.0) -> LINE:
        """Wait for a decision that carries the mark, or that was skipped because of it."""
        return self.daemon.wait_line(
            r"verdict\.(approved|refused)|alert",
            within_s,
            lambda line: (
                mark in line.get("data_quality", "")
                and line.get("kind") in (None, "decision_skipped")
            ),
        )


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Venue]:
    """Run both until the module is done; the daemon must end cleanly, with a sound journal."""
    folder = tmp_path_factory.mktemp("faults")
    exchange = ExchangeProcess(folder, seed=5, speed=SPEED)
    exchange.start()
    configuration = write_configuration(folder, LIMITS)
    daemon = DaemonProcess(configuration, exchange.url, SETTINGS)
    daemon.start()
    try:
        daemon.ready()
        venue = Venue(exchange, daemon)
        venue.wait_opening(30)
        yield venue
        daemon.mark()
        venue.wait_opening()
        assert daemon.stop() == 0, daemon.said()[-3000:]
        assert "Traceback" not in daemon.said() + exchange.said()
        audited = run("verify", "--config", configuration)
        assert audited.returncode == 0, audited.stderr
        assert opened_while_lost(venue.records()) == []
    finally:
        daemon.end()
        exchange.end()


@pytest.fixture
def venue(running: Venue) -> Iterator[Venue]:
    """Hand over a daemon that trades on good quotes, whatever went wrong in the test before."""
    running.daemon.mark()
    running.wait_opening()
    running.daemon.mark()
    yield running
    assert running.daemon.alive, running.daemon.said()[-3000:]


def opened_while_lost(records: list[Recorded]) -> list[str]:
    """Name every opening that was approved while the whole feed was not to be trusted."""
    found: list[str] = []
    lost = False
    for recorded in records:
        fact = recorded.fact
        if isinstance(fact, AlertRaised) and fact.kind == "feed_lost" and "(*)" in fact.text:
            lost = True
        elif isinstance(fact, AlertRaised) and fact.kind == "feed_restored":
            lost = lost and "subscribed" not in fact.text
        elif lost and isinstance(fact, Approved) and fact.intent.action == "open":
            found.append(fact.verdict_id)
    return found


def openings(records: list[Recorded], underlying: str, after: int, until: int) -> list[str]:
    """Name the openings approved on an underlying within a stretch of market time."""
    return [
        one.fact.verdict_id
        for one in records
        if isinstance(one.fact, Approved)
        and one.fact.intent.action == "open"
        and one.fact.intent.underlying == underlying
        and after < one.at < until
    ]


@pytest.mark.parametrize(
    ("fault", "duration_s", "kind"),
    [("mute", 3.5, "mute_channel"), ("gap", 1.5, "gap"), ("clock_jump", 1.5, "clock_jump")],
)
def test_index_that_cannot_be_believed(
    venue: Venue, fault: str, duration_s: float, kind: str
) -> None:
    """A line names the fault, decisions made meanwhile carry its mark, trading goes on after it."""
    more = {"probability": 1.0} if fault == "gap" else {}
    venue.exchange.fault(fault, INDEX, duration_s=duration_s, **more)
    assert venue.wait_told(kind)["level"] == "warning"
    venue.wait_marked(kind)


def test_noise_on_the_boards(venue: Venue) -> None:
    """Half frames, garbage and duplicates are told apart by name and mark what is decided."""
    for fault in ("half_frame", "garbage", "duplicate"):
        venue.exchange.fault(fault, "ticker.*", duration_s=0.7)
        assert venue.wait_told(fault)["level"] == "warning"
        venue.wait_marked(fault)


@pytest.mark.parametrize(("fault", "duration_s"), [("close", 0.3), ("refuse", 1.5)])
def test_connection_cut_and_refused(venue: Venue, fault: str, duration_s: float) -> None:
    """A cut connection is said to be lost, refused attempts are told, the return is marked."""
    venue.exchange.fault(fault, duration_s=duration_s)
    venue.daemon.wait_line("feed.lost", 10, kind="server_gone")
    if fault == "refuse":
        waiting = venue.daemon.wait_line("feed.waiting", 10)
        assert "HTTP 503" in waiting["message"]
    venue.daemon.wait_line("alert", 10, kind="feed_restored")
    venue.wait_marked("server_gone")


def test_server_gone_and_back(venue: Venue) -> None:
    """While the exchange is dead its time stands still and nothing is decided; then it goes on."""
    venue.exchange.kill()
    venue.daemon.wait_line("feed.lost", 10, kind="server_gone")
    time.sleep(0.3)
    before = len(venue.records())
    time.sleep(1.0)
    decided_meanwhile = [one.fact for one in venue.records()[before:]]
    assert decided_meanwhile == []
    venue.exchange.start()
    venue.daemon.wait_line("feed.connected", 10)
    venue.wait_marked("server_gone")


def test_nothing_leaves_the_exchange(venue: Venue) -> None:
    """A silent socket is found out and distrusted; unanswered requests end nothing."""
    venue.exchange.fault("drop_all", duration_s=4.0)
    assert venue.wait_told("mute_channel")["level"] == "warning"
    venue.wait_marked("mute_channel", 15)


def test_mute_boards_age_until_nothing_is_opened(venue: Venue) -> None:
    """No fault can be seen in silent books, so age alone must stop openings on them."""
    began = venue.exchange.market_now()
    venue.exchange.fault("mute", "ticker.BTC-*", duration_s=4.5)
    venue.daemon.wait_line(
        "alert", 10, lambda line: "BTC board" in line["message"], kind="decision_skipped"
    )
    time.sleep(1.5)
    seen = venue.exchange.market_now()
    stale_from = began + int((QUOTE_AGE_S_MAX + 0.5) * SPEED * SECOND)
    until = min(seen, began + int(4.2 * SPEED * SECOND))
    assert until > stale_from
    assert openings(venue.records(), "BTC", stale_from, until) == []


def test_zero_sides_are_no_price(venue: Venue) -> None:
    """Books whose both sides show 0 open nothing, however fresh they are."""
    venue.exchange.fault("zero_sides", "ticker.*", duration_s=3.5)
    began = venue.exchange.market_now()
    time.sleep(3.2)
    until = began + int(3.2 * SPEED * SECOND)
    after = began + int(0.5 * SPEED * SECOND)
    assert openings(venue.records(), "BTC", after, until) == []
    assert openings(venue.records(), "ETH", after, until) == []
