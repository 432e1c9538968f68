"""How does the supervisor learn that we are ready, alive and stopping? By sd_notify(3)."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

STATUS_LENGTH_MAX: Final = 300


class Notifier:
    """One datagram per message to systemd's socket; silent where nobody listens.

    Invariant: never blocks and never raises into the daemon. An address that starts with `@`
    names an abstract socket (sd_notify(3), "NOTIFY_SOCKET").
    """

    def __init__(self, address: str | None) -> None:
        self._address = address

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Notifier:
        """Read NOTIFY_SOCKET; absent or empty means that no supervisor asked."""
        variables = os.environ if environment is None else environment
        return cls(variables.get("NOTIFY_SOCKET") or None)

    def ready(self, status: str) -> bool:
        """Say that start-up is over: `systemctl start` returns now."""
        return self._send(f"READY=1\nSTATUS={_one_line(status)}")

    def status(self, text: str) -> bool:
        """Show one line in `systemctl status`."""
        return self._send(f"STATUS={_one_line(text)}")

    def watchdog(self) -> bool:
        """Prove life. Call it on progress only, never from a bare timer."""
        return self._send("WATCHDOG=1")

    def stopping(self) -> bool:
        """Say that the stop has begun."""
        return self._send("STOPPING=1")

    def _send(self, message: str) -> bool:
        """Send one datagram; False where it could not be delivered at once."""
        if self._address is None:
            return False
        address = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
        kind = socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
        with socket.socket(socket.AF_UNIX, kind) as channel:
            try:
                channel.sendto(message.encode(), address)
            except OSError:
                return False
        return True


def watchdog_interval_s(environment: Mapping[str, str] | None = None) -> float | None:
    """Read how often systemd wants WATCHDOG=1 at the latest; None where it does not watch us.

    Half of WATCHDOG_USEC, as sd_watchdog_enabled(3) advises; WATCHDOG_PID of another is ignored.
    """
    variables = os.environ if environment is None else environment
    if variables.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    text = variables.get("WATCHDOG_USEC", "")
    return int(text) / 2e6 if text.isdigit() and int(text) > 0 else None


def _one_line(text: str) -> str:
    """Bound a status: a line break would begin another assignment."""
    return " ".join(text.split())[:STATUS_LENGTH_MAX]
