"""What does a running daemon answer? The API over its own socket, else the same from its journal.

Both make the answer with the same function from the same facts; asking the daemon spares folding a
long journal anew.
"""

from __future__ import annotations

import socket
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import urlencode

import msgspec

from trader.app.web_access import OWN_SOCKET
from trader.app.window import Records, Sources
from trader.views.answers.asking import PREFIX
from trader.views.reading import Pulse

if TYPE_CHECKING:
    from pathlib import Path

    from trader.engine.stages import StageSettings
    from trader.views.answers.asking import Question

PATIENCE_S: Final = 5.0
A = TypeVar("A")
AT_REST: Final = Pulse(
    at=0, speed=1.0, trading=False, feed="", feed_alive=False, problems=("no daemon answers",),
    loop_lag_s=0.0, progress_age_s=0.0, queue_length=0, events=0, conflated=0, sequence=-1,
    rss_bytes=0, uptime_s=0.0, software="", sizes={}, scores={},
)  # fmt: skip


class OwnConnection(HTTPConnection):
    """A connection to a unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=PATIENCE_S)
        self._path = path

    def connect(self) -> None:
        """Connect.

        Raises:
            OSError: nobody listens there.
        """
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(PATIENCE_S)
        self.sock.connect(str(self._path))


def asked_of_daemon(state_dir: Path, path: str, question: Question, kind: type[A]) -> A | None:
    """Ask the daemon of a state directory; None where none answers as we understand it."""
    asked = msgspec.to_builtins(question)
    given = {name: value for name, value in asked.items() if value is not None}
    connection = OwnConnection(state_dir / OWN_SOCKET)
    try:
        connection.request("GET", f"{PREFIX}{path}?{urlencode(given)}")
        answer = connection.getresponse()
        body = answer.read()
        return msgspec.json.decode(body, type=kind) if answer.status == 200 else None
    except (OSError, HTTPException, msgspec.MsgspecError):
        return None
    finally:
        connection.close()


def read_from_journal(url: str, state_dir: Path, settings: StageSettings) -> Records:
    """Fold a journal for asking; the caller closes it.

    Raises:
        StorageError: it cannot be read.
    """
    from trader.app.night_folder import NIGHTS

    sources = Sources(journal_url=url, nights=state_dir / NIGHTS, log=None, stage_settings=settings)
    records = Records(sources, AT_REST, breath_s=0.0)
    records.catch_up()
    return records
