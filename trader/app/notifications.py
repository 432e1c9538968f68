"""How is somebody told who is not looking? A thread of its own, that trading never waits for.

Addresses are secrets: no line, page or metric names one. What a service does (hang, refuse, fail)
is counted and logged without it.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from trader.app.mistakes import mistake
from trader.app.observability import logger

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trader.app.layers import Layers
    from trader.app.notification_settings import NotificationSettings
    from trader.views.notices import Notice, NoticeKind

KEY: Final = "notifications.urls_file"
HOUR_S: Final = 3_600.0
GOODBYE_S: Final = 2.0
TALKATIVE: Final = ("apprise", "urllib3", "requests")
"""Libraries whose lines could name an address, and with it a secret."""

Fate = Literal["sent", "failed", "held_back", "dropped"]


class Throttle:
    """Lets so many of a kind through within an hour, and counts what it held back."""

    def __init__(self, per_hour: int) -> None:
        self._per_hour = per_hour
        self._sent: dict[str, list[float]] = {}
        self._held: dict[str, int] = {}

    def admit(self, kind: str, now: float) -> int | None:
        """Tell how many of the kind were held back before this one; None: hold it back too."""
        recent = [at for at in self._sent.get(kind, ()) if now - at < HOUR_S]
        self._sent[kind] = recent
        if len(recent) >= self._per_hour:
            self._held[kind] = self._held.get(kind, 0) + 1
            return None
        recent.append(now)
        return self._held.pop(kind, 0)


class Sent(msgspec.Struct, frozen=True):
    """A notice on its way: title and text as they are sent."""

    kind: NoticeKind
    title: str
    text: str


class Postman:
    """Sends notices from a thread of its own, in their order. Bounded; nothing here raises.

    `count` hears what became of each: (kind, fate). Call `post` from one thread.
    """

    def __init__(
        self,
        urls: Sequence[str],
        settings: NotificationSettings,
        count: Callable[[str, Fate], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._urls = tuple(urls)
        self._settings = settings
        self._count = count
        self._clock = clock
        self._throttle = Throttle(settings.per_hour)
        self._waiting: queue.Queue[Sent | None] = queue.Queue(settings.queue_max)
        self._log = logger("notifications")
        self._thread = threading.Thread(target=self._work, name="postman", daemon=True)
        if self._urls:
            self._services = _services(self._urls, settings.timeout_s)
            self._thread.start()

    def post(self, notice: Notice) -> None:
        """Hand a notice over; it is dropped where too many wait, held back where too many came."""
        if not self._urls or notice.kind not in self._settings.kinds:
            return
        held = self._throttle.admit(notice.kind, self._clock())
        if held is None:
            self._count(notice.kind, "held_back")
            return
        more = f"\n({held} more of this kind were held back before)" if held else ""
        try:
            self._waiting.put_nowait(Sent(notice.kind, notice.title, notice.text + more))
        except queue.Full:
            self._count(notice.kind, "dropped")

    def close(self) -> None:
        """Let what waits be sent, for a moment; a service that hangs is left behind."""
        if not self._urls:
            return
        try:
            self._waiting.put(None, timeout=GOODBYE_S)
        except queue.Full:
            return
        self._thread.join(GOODBYE_S)

    def _work(self) -> None:
        while (sent := self._waiting.get()) is not None:
            try:
                went = bool(
                    self._services.notify(title=sent.title, body=sent.text, body_format="text")
                )
                why = "a service did not take it"
            except Exception as error:  # noqa: BLE001 - whatever a service does, trading goes on
                went, why = False, type(error).__name__
            self._count(sent.kind, "sent" if went else "failed")
            if not went:
                self._log.warning("notification.failed", message=f"{sent.title}: {why}")


def notification_urls(layers: Layers) -> tuple[tuple[str, ...], list[str]]:
    """Read the addresses and check each; a mistake names the line, never what stands there."""
    written = layers.written(KEY)
    if not isinstance(written, str) or not written:
        return (), []
    path = layers.folder(KEY) / Path(written).expanduser()

    def wrong(problem: str, remedy: str) -> list[str]:
        return [mistake(layers.origin(KEY), KEY, written, problem, remedy)]

    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        problem = f"unreadable secret ({getattr(error, 'strerror', None) or 'not UTF-8'})"
        return (), wrong(problem, "name a file this user may read (chmod 400)")
    found = {
        number: line.strip()
        for number, line in enumerate(lines, 1)
        if line.strip() and not line.lstrip().startswith("#")
    }
    if not found:
        return (), wrong("holds no address", "write one on each line, or remove the key")
    if find_spec("apprise") is None:
        return (), wrong("needs the package `apprise`", "install trader[notify]")
    unknown = [str(number) for number, url in found.items() if _service(url) is None]
    if unknown:
        problem = f"line {', '.join(unknown)}: no address that apprise knows"
        return (), wrong(problem, "write it as apprise's documentation says")
    return tuple(found.values()), []


def _services(urls: Sequence[str], timeout_s: float) -> Any:  # noqa: ANN401 - without types
    """Gather the services; each splits what is too long for it, and gives up in time."""
    found = [_service(url) for url in urls]
    import apprise

    services = apprise.Apprise()
    for service in found:
        service.overflow_mode = apprise.OverflowMode.SPLIT
        service.socket_connect_timeout = service.socket_read_timeout = timeout_s
        services.add(service)
    return services


def _service(url: str) -> Any:  # noqa: ANN401 - without types
    """Make a service of an address; None where there is none of the kind."""
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # its plugins use what Python retires
        import apprise

        return apprise.Apprise.instantiate(url, suppress_exceptions=True)
