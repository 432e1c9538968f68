"""Does a notice arrive at a real receiver, and does nothing of it reach the engine?"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.app.running import write_configuration
from trader.app.configuration import load_configuration
from trader.app.notification_settings import NotificationSettings
from trader.app.notifications import HOUR_S, Fate, Postman, Throttle
from trader.domain.errors import ConfigurationError
from trader.views.notices import Notice

if os.environ.get("CI") != "true":
    pytest.importorskip("apprise", reason="the extra `notify` is not installed here")

SECRET = "s3cret-of-a-service"
HALT = Notice("halt", "Opening halted", "lost 3 % today")
PATIENCE_S = 20.0


class Receiver(ThreadingHTTPServer):
    """A service on loopback: it keeps what it is sent, or does as it is told."""

    def __init__(self, status: int = 200, wait_s: float = 0.0) -> None:
        self.received: list[dict[str, str]] = []
        self.status = status
        self.wait_s = wait_s
        super().__init__(("127.0.0.1", 0), Taking)

    @property
    def url(self) -> str:
        """Its address, as apprise writes it."""
        return f"json://user:{SECRET}@127.0.0.1:{self.server_port}/hook"


class Taking(BaseHTTPRequestHandler):
    """Takes one notice."""

    server: Receiver

    def do_POST(self) -> None:
        """Keep it, and answer."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        time.sleep(self.server.wait_s)
        self.server.received.append(json.loads(body))
        try:
            self.send_response(self.server.status)
            self.end_headers()
        except BrokenPipeError:
            pass

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@contextmanager
def receiver(status: int = 200, wait_s: float = 0.0) -> Iterator[Receiver]:
    """Serve until the block ends."""
    with Receiver(status, wait_s) as served:
        thread = threading.Thread(target=served.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield served
        finally:
            served.shutdown()
            thread.join()


class Tally:
    """What became of notices, as metrics would count it."""

    def __init__(self) -> None:
        self.fates: list[tuple[str, Fate]] = []

    def count(self, kind: str, fate: Fate) -> None:
        """Keep one."""
        self.fates.append((kind, fate))

    def until(self, fate: Fate, times: int = 1) -> None:
        """Wait until so many notices came to it."""
        until = time.monotonic() + PATIENCE_S
        while sum(one == fate for _, one in self.fates) < times:
            assert time.monotonic() < until, self.fates
            time.sleep(0.02)


def postman(url: str, tally: Tally, **settings: object) -> Postman:
    """Send to one address."""
    return Postman([url], NotificationSettings.model_validate(settings), tally.count)


def test_a_notice_arrives() -> None:
    """Title and text, whole, at a real receiver; closing sends what waits."""
    tally = Tally()
    with receiver() as service:
        sender = postman(service.url, tally)
        sender.post(HALT)
        sender.post(Notice("demotion", "alpha fell", "x <b> & 100 %"))
        tally.until("sent", 2)
        sender.close()
    told = [(one["title"], one["message"]) for one in service.received]
    assert told == [("Opening halted", "lost 3 % today"), ("alpha fell", "x <b> & 100 %")]
    assert tally.fates == [("halt", "sent"), ("demotion", "sent")]


def test_a_long_notice_is_split_and_nothing_of_it_is_lost() -> None:
    """What is longer than a service takes arrives in parts, in order."""
    tally, words = Tally(), " ".join(f"word{number}" for number in range(9_000))
    with receiver() as service:
        sender = postman(service.url, tally)
        sender.post(Notice("failed_night", "long", words))
        tally.until("sent")
        sender.close()
    parts = [one["message"] for one in service.received]
    assert len(parts) >= 2
    assert max(map(len, parts)) <= 32_768
    assert " ".join(parts).split() == words.split()


@pytest.mark.parametrize("trouble", ["refuses", "is gone"])
def test_a_service_in_trouble_is_counted_and_never_named(
    trouble: str, caplog: pytest.LogCaptureFixture
) -> None:
    """One that answers 500, and one that does not exist: a line without its address."""
    caplog.set_level(logging.DEBUG)
    tally = Tally()
    with receiver(status=500) as service:
        sender = postman(service.url, tally, timeout_s=2.0)
        if trouble == "refuses":
            sender.post(HALT)
            tally.until("failed")
    if trouble == "is gone":
        sender.post(HALT)
        tally.until("failed")
    sender.close()
    assert SECRET not in caplog.text
    assert "/hook" not in caplog.text


def test_a_service_that_hangs_delays_nobody() -> None:
    """Handing over takes no time, waiting is bounded, and it is given up after its time."""
    tally = Tally()
    with receiver(wait_s=1.5) as service:
        sender = postman(service.url, tally, queue_max=2, per_hour=1_000, timeout_s=0.3)
        for _ in range(50):
            sender.post(HALT)
        assert not service.received, "handing over waited for an answer"
        dropped = sum(fate == "dropped" for _, fate in tally.fates)
        assert 46 <= dropped <= 48
        tally.until("failed")
        sender.close()


def test_a_kind_is_told_so_often_an_hour_and_says_what_it_held_back() -> None:
    """Two of a kind an hour, the others counted and told with the next one; kinds do not share."""
    throttle = Throttle(2)
    assert [throttle.admit("halt", float(at)) for at in range(5)] == [0, 0, None, None, None]
    assert throttle.admit("demotion", 5.0) == 0
    assert throttle.admit("halt", HOUR_S + 0.5) == 3
    assert throttle.admit("halt", HOUR_S + 0.6) is None
    assert throttle.admit("halt", HOUR_S + 1.5) == 1


def test_only_the_kinds_that_were_asked_for_are_told() -> None:
    """And nobody at all where no address is named."""
    tally = Tally()
    with receiver() as service:
        sender = postman(service.url, tally, kinds=["demotion"], per_hour=1)
        sender.post(HALT)
        sender.post(Notice("demotion", "alpha fell", "first"))
        sender.post(Notice("demotion", "alpha fell", "second"))
        tally.until("sent")
        sender.close()
    assert [one["message"] for one in service.received] == ["first"]
    assert tally.fates.count(("demotion", "held_back")) == 1
    silent = Postman([], NotificationSettings(), tally.count)
    silent.post(HALT)
    silent.close()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "unreadable secret"),
        ("\n# none yet\n", "holds no address"),
        (f"json://127.0.0.1/x\nnonsense://{SECRET}\n", "line 2: no address that apprise knows"),
        (SECRET, "line 1: no address that apprise knows"),
    ],
)
def test_addresses_are_checked_and_never_shown(
    tmp_path: Path, content: str | None, problem: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A mistake names file and line, not what stands there."""
    if content is not None:
        (tmp_path / "urls").write_text(content, encoding="utf-8")
    path = write_configuration(tmp_path, '[notifications]\nurls_file = "urls"\n')
    with pytest.raises(ConfigurationError, match=problem) as caught:
        load_configuration([path], (), {})
    assert SECRET not in str(caught.value)
    assert SECRET not in caplog.text


def test_addresses_stay_out_of_what_is_printed(tmp_path: Path) -> None:
    """They are read, comments aside, and no repr holds them."""
    (tmp_path / "urls").write_text(f"# me\njson://a:{SECRET}@127.0.0.1/x\n", encoding="utf-8")
    path = write_configuration(tmp_path, '[notifications]\nurls_file = "urls"\n')
    configuration = load_configuration([path], (), {})
    assert configuration.notification_urls == (f"json://a:{SECRET}@127.0.0.1/x",)
    assert SECRET not in repr(configuration)


def test_without_the_extra_it_is_said_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clear mistake at the start, not a surprise at the first notice."""
    monkeypatch.setattr("trader.app.notifications.find_spec", lambda name: None)
    (tmp_path / "urls").write_text("json://127.0.0.1/x\n", encoding="utf-8")
    path = write_configuration(tmp_path, '[notifications]\nurls_file = "urls"\n')
    with pytest.raises(ConfigurationError, match=r"install trader\[notify\]"):
        load_configuration([path], (), {})
