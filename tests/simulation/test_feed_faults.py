"""What goes wrong at the exchange is said, marks decisions, opens nothing, and is outlived.

One exchange with fault injection and one daemon, both real processes over a real websocket, trade
through every fault in turn; the journal is audited at the end.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

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
from trader.domain.units import DAY, SECOND
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
[nightly]
run_by = "nobody"
"""
"""So wide that every decision may open: what holds an opening back is the fault alone.

A night comes each 72 seconds, and would take the cores that faults are told in time with."""
INDEX = "deribit_price_index.*"
WHOLE_AGAIN = re.compile(r"contracts subscribed|exchange is open again")
"""How an alert puts it that everything may be trusted again, not single channels."""


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

    def wait_opening(self, within_s: float = 40.0) -> LINE:
        """Wait until the gate lets a position be opened on quotes without a mark."""
        return self.daemon.wait_line(
            "verdict.approved",
            within_s,
            lambda line: line["action"] == "open" and not line.get("data_quality"),
        )

    def told(self, kind: str) -> LINE:
        """Find a line about faults of a kind: its own, or the one about what was lost by it.

        Of all that was said since the start: of a fault that comes again the log speaks ever more
        rarely, and who came first is another test each time.
        """
        for line in self.daemon.lines(all_runs=True):
            named = line.get("kind") == kind and line["event"] in ("feed.fault", "feed.lost")
            if named or (line.get("kind") == "feed_lost" and line["message"].startswith(kind)):
                return line
        raise AssertionError(f"no line tells of {kind}")

    def wait_marked(self, *marks: str, within_s: float = 10.0) -> str:
        """Wait for a decision that carries a mark, or that was skipped for it; return the mark."""

        def carried(line: LINE) -> list[str]:
            quality = line.get("data_quality", "")
            return [mark for mark in marks if mark in quality]

        marked = self.daemon.wait_line(
            r"verdict\.(approved|refused)|alert",
            within_s,
            lambda line: bool(carried(line)) and line.get("kind") in (None, "decision_skipped"),
        )
        return carried(marked)[0]

    def wait_skipped(self, underlying: str, within_s: float = 10.0) -> None:
        """Wait until decisions on an underlying are skipped: the fault has reached them."""
        self.daemon.wait_line(
            "alert",
            within_s,
            lambda line: f"{underlying} board" in line["message"],
            kind="decision_skipped",
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
            lost = lost and not WHOLE_AGAIN.search(fact.text)
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
    [("mute", 3.5, "mute_channel"), ("gap", 1.5, "gap"), ("clock_skew", 1.5, "clock_jump")],
)
def test_index_that_cannot_be_believed(
    venue: Venue, fault: str, duration_s: float, kind: str
) -> None:
    """A line names the fault, decisions made meanwhile carry its mark, trading goes on after it."""
    more = {"probability": 1.0} if fault == "gap" else {}
    venue.exchange.fault(fault, scope=INDEX, duration_s=duration_s, **more)
    venue.wait_marked(kind)
    assert venue.told(kind)["level"] == "warning"


def test_noise_on_the_boards(venue: Venue) -> None:
    """Half frames, garbage and duplicates are told apart by name and mark what is decided."""
    faults = {"truncate": "half_frame", "corrupt": "garbage", "duplicate": "duplicate"}
    for fault, kind in faults.items():
        venue.exchange.fault(fault, scope="ticker.*", duration_s=0.7, probability=0.1)
        venue.wait_marked(kind)
        assert venue.told(kind)["level"] == "warning"


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


TICKERS = "ticker.*"


@pytest.mark.parametrize(
    ("fault", "parameters", "kind"),
    [
        ("delay", {"scope": INDEX, "delay_s": 4.0}, "mute_channel"),
        ("reorder", {"scope": TICKERS}, "out_of_order"),
        ("corrupt", {"scope": TICKERS, "mode": "types", "probability": 0.05}, "garbage"),
        pytest.param("drop", {"scope": INDEX, "count": 2}, "gap", marks=pytest.mark.long),
        pytest.param(
            "drip", {"bytes_per_s": 500, "duration_s": 4}, "mute_channel", marks=pytest.mark.long
        ),
    ],
)
def test_what_arrives_late_or_wrong(
    venue: Venue, fault: str, parameters: dict[str, Any], kind: str
) -> None:
    """Each is told by the name of what is seen of it, and marks what is decided meanwhile."""
    venue.exchange.fault(fault, **{"duration_s": 3.0, **parameters})
    venue.wait_marked(kind)
    assert venue.told(kind)["level"] == "warning"


@pytest.mark.long
def test_flipped_bits_end_nothing(venue: Venue) -> None:
    """Whatever they spell, something is told of them, and the daemon lives on."""
    venue.exchange.fault("corrupt", mode="bits", bits=20, probability=0.3, duration_s=5.0)
    assert venue.daemon.wait_line(r"feed\.(fault|lost)", 10)["level"] == "warning"


@pytest.mark.parametrize(
    ("code", "kind", "said"),
    [(1012, "server_gone", "1012 restart"), (4000, "heartbeat_overdue", "4000 heartbeat close")],
)
def test_connection_closed_with_a_code(venue: Venue, code: int, kind: str, said: str) -> None:
    """The code is in the log, what it means in its kind, and the return is marked."""
    reason = said.partition(" ")[2]
    venue.exchange.fault("close", duration_s=0.3, code=code, reason=reason)
    assert said in venue.daemon.wait_line("feed.lost", 10, kind=kind)["message"]
    venue.daemon.wait_line("alert", 10, kind="feed_restored")
    venue.wait_marked(kind)


def test_too_many_requests(venue: Venue) -> None:
    """A refusal with 10028 ends the connection; the daemon waits, and is let in again."""
    venue.exchange.fault("too_many_requests", duration_s=2.0)
    venue.exchange.fault("close", duration_s=0.2)
    told = venue.daemon.wait_line(r"feed\.(lost|waiting)", 10, kind="rate_limited")
    assert "10028" in told["message"]
    venue.daemon.wait_line("alert", 15, kind="feed_restored")


def test_platform_under_maintenance(venue: Venue) -> None:
    """Silence and refusals are told; the venue ends it with a restart, and all is subscribed."""
    venue.exchange.fault("maintenance", duration_s=4.0)
    seen = venue.wait_marked("mute_channel", "gap", "maintenance", within_s=15)
    assert venue.told(seen)["level"] == "warning"
    venue.exchange.ask("simulator/fault_stop")
    venue.exchange.fault("close", duration_s=0.2, code=1012)
    venue.daemon.wait_line("alert", 15, kind="feed_restored")


def test_storm_of_expiries(venue: Venue) -> None:
    """Days jumped over and a Friday's roll at once: contracts come and go, chains are settled."""
    before = venue.exchange.market_now()
    venue.exchange.fault("expiry_storm", before_s=600, duration_s=0.5)
    told = venue.daemon.wait_line(
        "alert",
        15,
        lambda line: line["message"].startswith(("clock_jump", "mute_channel", "gap")),
        kind="feed_lost",
    )
    assert told["level"] == "warning"
    venue.daemon.wait_line("feed.listed", 20, lambda line: " 0 gone" not in line["message"])
    assert venue.exchange.market_now() > before + DAY


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
    venue.exchange.fault("drop", duration_s=4.0)
    venue.wait_marked("mute_channel", within_s=15)
    assert venue.told("mute_channel")["level"] == "warning"


def test_mute_boards_age_until_nothing_is_opened(venue: Venue) -> None:
    """No fault can be seen in silent books, so age alone must stop openings on them."""
    began = venue.exchange.market_now()
    venue.exchange.fault("mute", scope="ticker.BTC-*", duration_s=60.0)
    venue.wait_skipped("BTC")
    time.sleep(1.5)
    until = venue.exchange.market_now()
    venue.exchange.ask("simulator/fault_stop")
    stale_from = began + int((QUOTE_AGE_S_MAX + 0.5) * SPEED * SECOND)
    assert until > stale_from
    assert openings(venue.records(), "BTC", stale_from, until) == []


def test_zero_sides_are_no_price(venue: Venue) -> None:
    """Books whose both sides show 0 open nothing, however fresh they are."""
    venue.exchange.fault("zero_side", scope="ticker.*", duration_s=60.0)
    for underlying in ("BTC", "ETH"):
        venue.wait_skipped(underlying)
    after = venue.exchange.market_now()
    time.sleep(2.0)
    until = venue.exchange.market_now()
    venue.exchange.ask("simulator/fault_stop")
    for underlying in ("BTC", "ETH"):
        assert openings(venue.records(), underlying, after, until) == []
