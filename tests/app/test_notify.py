"""Does the supervisor hear us? Messages over a real datagram socket, as systemd listens."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from trader.app.notify import STATUS_LENGTH_MAX, Notifier, watchdog_interval_s


@pytest.fixture(params=["path", "abstract"])
def supervisor(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[socket.socket]:
    """Listen as systemd does: at a path, or at an abstract name."""
    name = str(tmp_path / "notify")
    address = name if request.param == "path" else f"\0{name}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(address)
        listener.settimeout(2)
        yield listener


def notifier_of(listener: socket.socket) -> Notifier:
    """Point a notifier at a listening socket, spelled as NOTIFY_SOCKET spells it."""
    name = listener.getsockname()
    address = f"@{name[1:].decode()}" if isinstance(name, bytes) else name
    return Notifier.from_environment({"NOTIFY_SOCKET": address})


def test_each_state_is_one_datagram(supervisor: socket.socket) -> None:
    """READY with a status, a status, a sign of life and the stop arrive as sd_notify(3) says."""
    notifier = notifier_of(supervisor)
    assert notifier.ready("trading on paper")
    assert notifier.status("2 positions")
    assert notifier.watchdog()
    assert notifier.stopping()
    messages = [supervisor.recv(4096).decode() for _ in range(4)]
    assert messages == [
        "READY=1\nSTATUS=trading on paper",
        "STATUS=2 positions",
        "WATCHDOG=1",
        "STOPPING=1",
    ]


def test_a_status_cannot_smuggle_another_assignment(supervisor: socket.socket) -> None:
    """Line breaks in a status become blanks, and its length is bounded."""
    notifier_of(supervisor).status("a\nWATCHDOG=1\n" + "x" * 1000)
    message = supervisor.recv(4096).decode()
    assert message.startswith("STATUS=a WATCHDOG=1 x")
    assert len(message) == len("STATUS=") + STATUS_LENGTH_MAX


def test_without_a_supervisor_nothing_is_sent() -> None:
    """No NOTIFY_SOCKET, or an empty one, means silence."""
    assert not Notifier.from_environment({}).ready("x")
    assert not Notifier.from_environment({"NOTIFY_SOCKET": ""}).watchdog()


def test_a_vanished_supervisor_never_raises(tmp_path: Path) -> None:
    """A socket that is gone is reported as undelivered; the daemon trades on."""
    assert not Notifier(str(tmp_path / "gone")).watchdog()


def test_a_deaf_supervisor_never_blocks(tmp_path: Path) -> None:
    """A full socket buffer drops the message instead of stopping the event loop."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "deaf"))
        notifier = Notifier(str(tmp_path / "deaf"))
        assert not all(notifier.watchdog() for _ in range(10_000))


@pytest.mark.parametrize(
    ("environment", "interval_s"),
    [
        ({"WATCHDOG_USEC": "30000000"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_is_fed_twice_per_timeout(
    environment: dict[str, str], interval_s: float | None
) -> None:
    """Half of WATCHDOG_USEC, where it is meant for this process; None elsewhere."""
    assert watchdog_interval_s(environment) == interval_s
