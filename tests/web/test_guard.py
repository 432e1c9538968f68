"""Does everything that reaches the dashboard meet its limits first? Over real sockets."""

from __future__ import annotations

import asyncio

import pytest

from tests.web.doors import BEARER, TOKEN, dashboard
from trader.web.headers import HEADERS
from trader.web.limits import GUESSES


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:9467", "127.0.0.1.evil.example", "localhost.evil", ""]
)
async def test_another_name_is_not_ours(host: str) -> None:
    """A page whose name was pointed at us (DNS rebinding) reads nothing, token or not."""
    async with dashboard() as scene:
        for path in ("/", "/metrics", "/healthz", "/static/live.js"):
            page = await scene.visitor.get(path, Host=host, **BEARER)
            assert page.status == 421
            assert "trader_feed_alive" not in page.text


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1:80", "[::1]:9", "my.box"])
async def test_our_own_names_are_heard_at_any_port(host: str) -> None:
    """A tunnel ends at another port; what is named in web.hosts is ours too."""
    async with dashboard(hosts=("my.box",)) as scene:
        page = await scene.visitor.get("/healthz", Host=host)
        assert page.status == 200


async def test_two_hosts_or_none_are_refused() -> None:
    """What a proxy and we could read differently is not read."""
    async with dashboard() as scene:
        head = b"GET / HTTP/1.1\r\nConnection: close\r\n"
        for hosts in (b"", b"Host: localhost\r\nHost: localhost\r\n"):
            answer = await scene.raw(head + hosts + b"\r\n")
            assert answer.split(b" ")[1] in (b"400", b"421")


@pytest.mark.parametrize(
    "path",
    [
        "/static/../server.py",
        "/static/..%2fserver.py",
        "/static/%2e%2e/server.py",
        "/static/%2e%2e%2f%2e%2e%2f..%2fetc%2fpasswd",
        "/static/..%5c..%5cserver.py",
        "/static/%252e%252e%252fserver.py",
        "/static//etc/passwd",
        "/static/live.js%00.css",
        "/../../../../etc/passwd",
        "/static/",
    ],
)
async def test_no_file_is_reached_by_its_path(path: str) -> None:
    """Files are found in a table, by name: nothing else is there in any spelling."""
    async with dashboard() as scene:
        request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        answer = await scene.raw(request.encode())
        assert answer.split(b" ")[1] in (b"404", b"400")
        assert b"root:" not in answer
        assert b"import" not in answer


async def test_every_answer_carries_the_headers_and_no_name() -> None:
    """Pages, files, errors of ours, redirects, refusals, and what is no HTTP at all."""
    async with dashboard(private=True, requests_per_s=1_000) as scene:
        pages = [
            await scene.visitor.get("/sign-in"),
            await scene.visitor.get("/static/style.css"),
            await scene.visitor.get("/nothing", **BEARER),
            await scene.visitor.get("/", Host="evil.example"),
            await scene.visitor.get("/"),
            await scene.visitor.post("/healthz", {}),
            await scene.visitor.api("pause", {}),
        ]
        assert [page.status for page in pages] == [200, 200, 404, 421, 303, 405, 401]
        for page in pages:
            for name, value in HEADERS.items():
                assert page.headers[name] == value
            assert "Server" not in page.headers
        assert pages[5].headers["Allow"] == "GET,HEAD"
        for garbage in (b"\x16\x03\x01\x00\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"X" * 9_000):
            answer = await scene.raw(garbage)
            assert answer.startswith(b"HTTP/1.")
            assert b"X-Frame-Options: DENY" in answer
            for boast in (b"aiohttp", b"Python", b"Traceback"):
                assert boast not in answer


async def test_the_policy_allows_no_inline_code_and_no_frame() -> None:
    """Strict CSP, nothing inline, nobody frames us (clickjacking)."""
    policy = HEADERS["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert HEADERS["X-Frame-Options"] == "DENY"


async def test_a_large_body_is_not_taken_in() -> None:
    """Announced or in chunks: 413, and the connection is not kept busy."""
    async with dashboard(body_bytes_max=2_000) as scene:
        big = await scene.visitor.api("pause", {"by": "x" * 5_000}, **BEARER)
        assert big.status == 413
        head = (
            b"POST /api/v1/commands/pause HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
            + f"Authorization: Bearer {TOKEN}\r\n\r\n".encode()
        )
        chunk = b"3e8\r\n" + b"x" * 1_000 + b"\r\n"
        assert b" 413 " in await scene.raw(head + chunk * 5 + b"0\r\n\r\n")
        assert not scene.counter.taken


async def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    """A client that drips is told 408 and hung up on."""
    async with dashboard(body_s_max=0.2) as scene:
        head = (
            b"POST /api/v1/commands/pause HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            b"Content-Length: 100\r\n\r\n{"
        )
        assert b" 408 " in await scene.raw(head)  # or it gives up waiting


async def test_who_asks_too_often_waits() -> None:
    """A burst beyond the limit is 429 with the seconds to wait; later it is served again."""
    async with dashboard(requests_per_s=5) as scene:
        pages = await asyncio.gather(*(scene.visitor.get("/healthz") for _ in range(40)))
        refused = [page for page in pages if page.status == 429]
        assert 20 <= len(refused) <= 30
        assert {page.headers["Retry-After"] for page in refused} == {"1"}
        await asyncio.sleep(0.5)
        assert (await scene.visitor.get("/healthz")).status == 200


async def test_who_guesses_waits_even_with_the_right_token() -> None:
    """Ten different wrong tokens, at the door or at the sign-in; an old one counts once."""
    async with dashboard() as scene:
        for _ in range(3 * GUESSES):
            page = await scene.visitor.get("/", Authorization="Bearer an-old-token-of-a-program")
            assert page.status == 200, "reading is open, whatever is shown"
        for number in range(GUESSES - 1):
            token = f"guess-number-{number:04d}-of-many"
            assert (await scene.visitor.sign_in(token)).status == 401
        page = await scene.visitor.sign_in()
        assert page.status == 429
        assert 1 <= int(page.headers["Retry-After"]) <= 7
        assert (await scene.visitor.api("pause", {}, **BEARER)).status == 429


async def test_reading_can_ask_for_the_token() -> None:
    """`private`: a probe, the sign-in and its looks are open, all else is not; people are led."""
    async with dashboard(private=True) as scene:
        visitor = scene.visitor
        led = await visitor.get("/?x=1")
        assert (led.status, led.headers["Location"]) == (303, "/sign-in?back=/?x%3D1")
        for path, status in (("/metrics", 401), ("/", 401), ("/healthz", 200)):
            assert (await visitor.get(path, Accept="*/*")).status == status
            assert (await visitor.get(path, Accept="*/*", **BEARER)).status == 200
        assert (await visitor.get("/static/style.css")).status == 200
        assert (await visitor.sign_in()).headers["Location"] == "/"
        assert (await visitor.get("/")).status == 200


async def test_a_name_that_others_use_closes_reading() -> None:
    """Behind a proxy every client comes from loopback: then reading asks for the token."""
    async with dashboard(hosts=("trader.example",)) as scene:
        assert (await scene.visitor.get("/", Accept="*/*")).status == 401
    async with dashboard(hosts=("localhost",)) as scene:
        assert (await scene.visitor.get("/", Accept="*/*")).status == 200


async def test_metrics_alone_can_ask_for_the_token() -> None:
    """A token file that is named guards the metrics, as it always did."""
    async with dashboard(guarded_metrics=True) as scene:
        assert (await scene.visitor.get("/", Accept="*/*")).status == 200
        assert (await scene.visitor.get("/metrics", Accept="*/*")).status == 401
        assert (await scene.visitor.get("/metrics", Accept="*/*", **BEARER)).status == 200


async def test_a_token_that_was_replaced_opens_nothing() -> None:
    """Programs and sessions of the old one are out at once, those of the new one are in."""
    async with dashboard(private=True) as scene:
        await scene.visitor.sign_in()
        assert (await scene.visitor.get("/")).status == 200
        scene.tokens.insert(0, "the-new-token-of-this-daemon")
        assert (await scene.visitor.get("/")).status == 200, "the previous one still holds"
        del scene.tokens[1:]
        assert (await scene.visitor.get("/")).status == 303
        assert (await scene.visitor.get("/metrics", Accept="*/*", **BEARER)).status == 401
        new = {"Authorization": f"Bearer {scene.tokens[0]}"}
        assert (await scene.visitor.get("/metrics", **new)).status == 200


async def test_no_secret_is_shown_anywhere() -> None:
    """Not the token, no session's cookie, in no page, header, note, metric or refusal."""
    async with dashboard() as scene:
        signed = await scene.visitor.sign_in()
        cookie = signed.headers["Set-Cookie"].partition(";")[0].partition("=")[2]
        pages = [
            await scene.visitor.get(path)
            for path in ("/", "/metrics", "/healthz", "/sign-in", "/nothing", "/static/live.js")
        ]
        pages.append(await scene.visitor.post("/commands/flatten", {"by": "a", "reason": "b"}))
        pages.append(await scene.visitor.api("flatten", {}, **BEARER))
        told = " ".join([page.text + str(page.headers) for page in pages] + scene.notes)
        assert TOKEN not in told
        assert cookie not in told


async def test_a_page_for_one_session_is_not_kept_for_others() -> None:
    """Its tag is its own and caches are told; a stranger gets the page of everybody."""
    async with dashboard() as scene:
        before = await scene.visitor.get("/")
        await scene.visitor.sign_in()
        ours = await scene.visitor.get("/")
        assert ours.headers["Cache-Control"] == "private, no-cache"
        assert ours.headers["Vary"] == "Cookie"
        assert ours.headers["ETag"] != before.headers["ETag"]
        again = await scene.visitor.get("/", **{"If-None-Match": ours.headers["ETag"]})
        assert (again.status, again.text) == (304, "")
        stranger = await scene.visitor.get("/", Cookie="trader=made-up")
        assert "Sign in to give commands" in before.text
        assert "Signed in." in ours.text
        assert stranger.status == 200
