"""What do probes and Prometheus see? Real HTTP requests over loopback."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import aiohttp
import msgspec
import pytest

from tests.views.readings import PULSE, Told
from trader.domain.errors import ConfigurationError
from trader.web.access import Terms
from trader.web.server import serve
from trader.web.window import Health

if TYPE_CHECKING:
    from collections.abc import Callable

    from trader.views.reading import Pulse, Reading

T = TypeVar("T")
HEALTHY = Health(feed_alive=True, journal_ok=True, progress_age_s=0.5, progress_age_s_max=30.0)


class View:
    """A daemon's window with a health that the test sets, over an empty journal."""

    def __init__(self, health: Health = HEALTHY) -> None:
        self._health = health

    def health(self) -> Health:
        """Show the health."""
        return self._health

    def pulse(self) -> Pulse:
        """Show the same pulse always."""
        return PULSE

    async def read(self, make: Callable[[Reading], T]) -> T:
        """Read the books of nobody."""
        return make(Told())

    def metrics(self) -> bytes:
        """Show one metric."""
        return b"trader_feed_alive 1.0\n"


async def fetch(url: str, headers: dict[str, str] | None = None) -> tuple[int, str, str]:
    """Get one page: status, text, content type."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(url, headers=headers) as response,
    ):
        return response.status, await response.text(), response.headers["Content-Type"]


async def test_a_healthy_daemon_answers_200() -> None:
    """`/healthz` of a healthy daemon is 200 and shows the pulse it judged."""
    async with serve(View(), "127.0.0.1", 0) as port:
        status, text, _ = await fetch(f"http://127.0.0.1:{port}/healthz")
    assert status == 200
    assert msgspec.json.decode(text) == {
        "healthy": True,
        "problems": [],
        "feed_alive": True,
        "journal_ok": True,
        "progress_age_s": 0.5,
        "progress_age_s_max": 30.0,
        "detail": "",
    }


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"feed_alive": False}, "the feed is not alive"),
        ({"journal_ok": False}, "the journal cannot be written"),
        ({"progress_age_s": 31.0}, "no progress for 31.0 s (limit 30 s)"),
        ({"progress_age_s": float("nan")}, "no progress for nan s (limit 30 s)"),
    ],
)
async def test_each_fault_alone_answers_503(change: dict[str, object], problem: str) -> None:
    """A dead feed, a broken journal, or no (known) progress is 503 and is named."""
    view = View(msgspec.structs.replace(HEALTHY, **change))
    async with serve(view, "127.0.0.1", 0) as port:
        status, text, _ = await fetch(f"http://127.0.0.1:{port}/healthz")
    assert status == 503
    assert msgspec.json.decode(text)["problems"] == [problem]


async def test_metrics_are_served_in_prometheus_text() -> None:
    """`/metrics` is the view's text, byte for byte, under Prometheus' content type."""
    async with serve(View(), "127.0.0.1", 0) as port:
        status, text, content_type = await fetch(f"http://127.0.0.1:{port}/metrics")
    assert (status, text) == (200, "trader_feed_alive 1.0\n")
    assert content_type.startswith("text/plain; version=0.0.4")


async def test_a_token_guards_the_metrics_but_not_the_probe() -> None:
    """With a token, `/metrics` needs it exactly; `/healthz` stays open."""
    terms = Terms(tokens=lambda: ("s3cret-of-16-letters",), guarded_metrics=True)
    async with serve(View(), "127.0.0.1", 0, terms) as port:
        page = f"http://127.0.0.1:{port}"
        answers = [
            (await fetch(f"{page}/metrics"))[0],
            (await fetch(f"{page}/metrics", {"Authorization": "Bearer wrong"}))[0],
            (await fetch(f"{page}/metrics", {"Authorization": "Bearer s3cret-of-16-letters"}))[0],
            (await fetch(f"{page}/healthz"))[0],
        ]
    assert answers == [401, 401, 200, 200]


async def test_nothing_else_is_served() -> None:
    """Any other page is 404, and nothing can be posted."""
    async with serve(View(), "127.0.0.1", 0) as port, aiohttp.ClientSession() as session:
        async with session.get(f"http://127.0.0.1:{port}/nothing") as response:
            assert response.status == 404
        async with session.post(f"http://127.0.0.1:{port}/healthz") as response:
            assert response.status == 405


async def test_the_port_is_free_again_after_the_block() -> None:
    """Leaving the block closes the socket: the next daemon can bind it."""
    async with serve(View(), "127.0.0.1", 0) as port:
        pass
    async with serve(View(), "127.0.0.1", port) as again:
        assert again == port


async def test_without_a_desk_no_command_is_taken() -> None:
    """A server that was given nobody to hand commands to says so."""
    terms = Terms(tokens=lambda: ("s3cret-of-16-letters",))
    headers = {"Authorization": "Bearer s3cret-of-16-letters"}
    async with (
        serve(View(), "127.0.0.1", 0, terms) as port,
        aiohttp.ClientSession(headers=headers) as session,
        session.post(
            f"http://127.0.0.1:{port}/api/v1/commands/flatten", json={"by": "a", "reason": "b"}
        ) as answer,
    ):
        assert answer.status == 503
        assert "takes commands" in await answer.text()


async def test_a_taken_port_is_a_mistake_of_the_configuration() -> None:
    """A port somebody else listens at is named with its remedy, and nothing is left behind."""
    async with serve(View(), "127.0.0.1", 0) as port:
        with pytest.raises(ConfigurationError, match=f"web.port = {port}: .*choose another port"):
            async with serve(View(), "127.0.0.1", port):
                pass
