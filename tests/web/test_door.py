"""Do the doors open where they should, for whom they should? Real TCP, TLS and unix sockets."""

from __future__ import annotations

import asyncio
import socket
import ssl
import stat
import time
from pathlib import Path

import aiohttp
import pytest

from tests.web.doors import BEARER, SIGNED, TOKEN, Counter, Room, Visitor, dashboard
from trader.deribit.simulator.certificate import CERTIFICATE_NAME, Tls, server_context
from trader.domain.errors import ConfigurationError
from trader.web.access import Terms
from trader.web.server import serve


def terms(**more: object) -> Terms:
    """Agree on a token."""
    return Terms(tokens=lambda: (TOKEN,), **more)  # type: ignore[arg-type]


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A real certificate: what the server shows, and what a client that trusts it uses."""
    folder = tmp_path / "tls"
    server = server_context(Tls(folder, time.time_ns()), "127.0.0.1")
    return server, ssl.create_default_context(cafile=str(folder / CERTIFICATE_NAME))


async def test_tls_is_spoken_with_a_secure_cookie(
    certificate: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    """A client that trusts the certificate signs in and commands; the cookie is bound to TLS."""
    server, client = certificate
    counter = Counter()
    async with (
        serve(Room(), "127.0.0.1", 0, terms(tls=server), counter.take) as port,
        aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=client), cookie_jar=aiohttp.CookieJar(unsafe=True)
        ) as session,
    ):
        visitor = Visitor(session, f"https://127.0.0.1:{port}")
        page = await visitor.sign_in()
        assert page.status == 303
        cookie = page.headers["Set-Cookie"]
        assert cookie.startswith("__Host-trader=")
        assert "Secure" in cookie
        assert "Strict-Transport-Security" not in page.headers, "loopback is not bound to TLS"
        plain = f"http://127.0.0.1:{port}"
        assert (await visitor.post("/commands/flatten", SIGNED, Origin=plain)).status == 403
        assert (await visitor.post("/commands/flatten", SIGNED)).status == 200
        assert (await visitor.api("flatten", SIGNED, **BEARER)).status == 200
        assert len(counter.taken) == 1


async def test_plain_http_is_not_answered_under_tls(
    certificate: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    """Who speaks in the clear gets nothing, and nobody trusts a stranger's certificate."""
    async with serve(Room(), "127.0.0.1", 0, terms(tls=certificate[0])) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        try:
            async with asyncio.timeout(3):
                assert b"200" not in await reader.read()
        except ConnectionError:
            pass
        finally:
            writer.close()
        async with aiohttp.ClientSession() as session:
            with pytest.raises(aiohttp.ClientConnectorCertificateError):
                await session.get(f"https://127.0.0.1:{port}/")


async def test_beyond_loopback_everything_asks_for_the_token(
    certificate: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    """All addresses are listened at: reading needs the token, browsers are bound to TLS."""
    server, client = certificate
    async with (
        serve(Room(), "0.0.0.0", 0, terms(tls=server, token_place="/state/web.token")) as port,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=client)) as session,
    ):
        visitor = Visitor(session, f"https://127.0.0.1:{port}")
        assert (await visitor.get("/", Accept="*/*")).status == 401
        page = await visitor.get("/sign-in")
        assert "web.token" not in page.text, "strangers need not know where it lies"
        assert page.headers["Strict-Transport-Security"] == "max-age=31536000"
        assert (await visitor.get("/", **BEARER)).status == 200


async def test_a_unix_socket_is_its_owners_alone(tmp_path: Path) -> None:
    """Mode 0600, no TCP port, pages open, commands by token; gone at the end."""
    path = tmp_path / "web.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    counter = Counter()
    async with (
        serve(Room(), "127.0.0.1", None, terms(socket=path), counter.take) as port,
        aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path))) as session,
    ):
        assert port == 0
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        visitor = Visitor(session, "http://localhost")
        assert (await visitor.get("/")).status == 200
        assert (await visitor.api("flatten", SIGNED)).status == 401
        assert (await visitor.api("flatten", SIGNED, **BEARER)).status == 200
    assert not path.exists()


async def test_a_socket_that_cannot_be_bound_is_a_mistake(tmp_path: Path) -> None:
    """A file in its place is not taken away; the remedy is told, the port is free again."""
    path = tmp_path / "file"
    path.write_text("precious", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"web\.socket = .*name a path"):
        async with serve(Room(), "127.0.0.1", 0, terms(socket=path)):
            pass
    assert path.read_text(encoding="utf-8") == "precious"


async def test_one_connection_too_many_is_closed() -> None:
    """Who opens ever more connections is hung up on; those before go on."""
    async with dashboard(connections_max=3) as scene:
        opened = [await asyncio.open_connection("127.0.0.1", scene.port) for _ in range(3)]
        assert await scene.raw(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n") == b""
        reader, writer = opened[0]
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert b" 200 " in await reader.read()
        for _, one in opened:
            one.close()


async def test_a_connection_that_says_nothing_is_closed() -> None:
    """Also one that says half of a request, and drips (slow headers)."""
    async with dashboard(idle_s_max=0.3) as scene:
        for said in (b"", b"GET / HTTP/1.1\r\nHost: loc"):
            assert await scene.raw(said) == b""  # or it gives up waiting
