"""Does a command arrive only from who may give it, as it was meant, signed? Over real sockets."""

from __future__ import annotations

import html

import pytest

from tests.web.doors import BEARER, SIGNED, TOKEN, Scene, dashboard
from trader.domain import events
from trader.web.commands import local
from trader.web.window import Answer

PAUSE = events.PauseTrading(by="ana", reason="news", strategy="alpha")
FORM = {"strategy": "alpha", **SIGNED}


async def consented(scene: Scene, action: str, form: dict[str, str]) -> dict[str, str]:
    """Send the form of a page, and fill in the one that comes back."""
    page = await scene.visitor.post(f"/commands/{action}", form)
    assert page.status == 200
    hidden = {name: page.field(name) for name in ("csrf", "back")}
    return {**form, **hidden}


async def test_a_form_is_done_once_somebody_signed_in_and_said_yes() -> None:
    """Without a session the sign-in comes, then what it would do, then it is done and told once."""
    async with dashboard() as scene:
        visitor = scene.visitor
        asked = await visitor.post("/commands/pause", FORM, Referer=f"{visitor.root}/chains?x=1")
        assert asked.status == 401
        assert "Pause opening? First show" in asked.text
        assert not scene.counter.taken
        hidden = {name: asked.field(name) for name in ("then", "back", "strategy", "by", "reason")}
        assert hidden["back"] == "/chains?x=1"
        consent = await visitor.post("/sign-in", {**hidden, "token": TOKEN})
        assert consent.status == 200
        assert "Opening stops, of alpha" in consent.text
        assert not scene.counter.taken
        given = {**FORM, "csrf": consent.field("csrf"), "back": "/"}
        done = await visitor.post("/commands/pause", given)
        assert (done.status, done.headers["Location"]) == (303, "/")
        assert scene.counter.taken == [PAUSE]
        assert (
            "Done: pause alpha, by ana; journaled with sequence 41."
            in (await visitor.get("/")).text
        )
        assert "journaled with sequence" not in (await visitor.get("/")).text
        assert "Signed in." in (await visitor.get("/")).text


async def test_what_the_daemon_refuses_is_told_where_it_was_asked() -> None:
    """The reason of the engine stands on the page, as text."""
    async with dashboard() as scene:
        await scene.visitor.sign_in()
        form = await consented(scene, "pause", FORM)
        scene.counter.refusal = Answer(accepted=False, sequence=9, detail="strategy <b> is unknown")
        await scene.visitor.post("/commands/pause", form)
        assert "Not done: strategy &lt;b&gt; is unknown." in (await scene.visitor.get("/")).text


async def test_a_form_without_its_mark_is_only_shown_and_a_wrong_mark_is_refused() -> None:
    """No mark: consent is asked. Another session's, or a made-up one: 403, nothing is done."""
    async with dashboard() as one, dashboard() as other:
        await one.visitor.sign_in()
        await other.visitor.sign_in()
        theirs = await consented(other, "flatten", SIGNED)
        assert (await one.visitor.post("/commands/flatten", SIGNED)).status == 200
        for mark in (theirs["csrf"], "", "x" * 32, "ä"):
            form = {**SIGNED, "csrf": mark}
            assert (await one.visitor.post("/commands/flatten", form)).status == 403
        assert not one.counter.taken


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": ""},
        {"Origin": "http://127.0.0.1:1", "Sec-Fetch-Site": "same-site"},
        {"Origin": "null", "Sec-Fetch-Site": ""},
        {"Origin": "", "Sec-Fetch-Site": ""},
    ],
)
async def test_a_form_from_elsewhere_is_refused(headers: dict[str, str]) -> None:
    """Another site, another port, an origin that hides: 403, even with cookie and mark."""
    async with dashboard() as scene:
        await scene.visitor.sign_in()
        form = await consented(scene, "flatten", SIGNED)
        for path, sent in (("/commands/flatten", form), ("/sign-in", {"token": TOKEN})):
            assert (await scene.visitor.post(path, sent, **headers)).status == 403
        assert not scene.counter.taken


async def test_a_program_gives_commands_by_its_token() -> None:
    """Each command arrives as the event it names; the answer is its sequence."""
    async with dashboard() as scene:
        cases: list[tuple[str, dict[str, object], events.Command]] = [
            ("pause", {}, events.PauseTrading("ana", "news")),
            ("resume", {"strategy": "x"}, events.ResumeTrading("ana", "news", "x")),
            ("close", {"chain_id": "C1"}, events.ClosePosition("ana", "news", "C1")),
            ("flatten", {}, events.FlattenAll("ana", "news")),
            (
                "promote",
                {"strategy": "x", "stage": "PILOT", "override": True},
                events.Promote("ana", "news", "x", "PILOT", override=True),
            ),
            (
                "demote",
                {"strategy": "x", "stage": "RESEARCH"},
                events.Demote("ana", "news", "x", "RESEARCH"),
            ),
            ("nightly", {"date": "2026-01-01"}, events.RunNightly("ana", "news", "2026-01-01")),
        ]
        for number, (action, body, _) in enumerate(cases, 41):
            answer = await scene.visitor.api(action, {**SIGNED, **body}, **BEARER)
            assert answer.status == 200, answer.text
            assert answer.text == f'{{"accepted":true,"sequence":{number},"detail":""}}'
        assert scene.counter.taken == [event for *_, event in cases]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer wrong-token-of-many-letters"}, 401),
        ({"Authorization": f"Basic {TOKEN}"}, 401),
        ({"Authorization": "Bearer "}, 401),
        (BEARER | {"Content-Type": "text/plain"}, 415),
    ],
)
async def test_a_program_without_the_token_does_nothing(
    headers: dict[str, str], status: int
) -> None:
    """Missing, wrong, empty, of another kind: 401, and a problem document says what to show."""
    async with dashboard() as scene:
        answer = await scene.visitor.api("flatten", SIGNED, **headers)
        assert answer.status == status
        assert answer.headers["Content-Type"].startswith("application/problem+json")
        assert not scene.counter.taken


async def test_a_script_of_a_page_needs_the_mark_of_its_session() -> None:
    """The cookie alone gives no command: a foreign page could make a browser send it."""
    async with dashboard() as scene:
        await scene.visitor.sign_in()
        mark = (await consented(scene, "flatten", SIGNED))["csrf"]
        ours = {"Origin": scene.visitor.root}
        bad: list[dict[str, str]] = [{}, ours, {"X-CSRF-Token": mark}]
        bad.append({"X-CSRF-Token": mark, "Origin": "https://evil.example"})
        for headers in bad:
            assert (await scene.visitor.api("flatten", SIGNED, **headers)).status == 403
        good = await scene.visitor.api("flatten", SIGNED, **ours, **{"X-CSRF-Token": mark})
        assert good.status == 200


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (Answer(accepted=False, sequence=7, detail="not configured"), 409),
        (Answer(accepted=False, detail="not trading yet"), 503),
    ],
)
async def test_a_refusal_of_the_daemon_is_a_problem(answer: Answer, status: int) -> None:
    """Refused and journaled, or not taken at all: the words are the daemon's."""
    async with dashboard() as scene:
        scene.counter.refusal = answer
        said = await scene.visitor.api("flatten", SIGNED, **BEARER)
        assert said.status == status
        assert answer.detail in said.text
        assert ("Retry-After" in said.headers) == (status == 503)


@pytest.mark.parametrize("body", [[], "x", {"by": "ana"}, {**SIGNED, "x": 1}, {**SIGNED, "by": 1}])
async def test_what_is_no_command_is_named(body: object) -> None:
    """No object, a field too few or too many: 400 and why."""
    async with dashboard() as scene:
        assert (await scene.visitor.api("flatten", body, **BEARER)).status == 400
        assert (await scene.visitor.api("launch", SIGNED, **BEARER)).status == 400
        assert (await scene.visitor.post("/commands/launch", SIGNED)).status == 404
        assert not scene.counter.taken


async def test_a_form_that_cannot_be_read_is_told_and_not_done() -> None:
    """A form that lost its reason comes back with what is missing."""
    async with dashboard() as scene:
        await scene.visitor.sign_in()
        form = await consented(scene, "pause", FORM)
        await scene.visitor.post("/commands/pause", {**form, "reason": " "})
        told = html.unescape((await scene.visitor.get("/")).text)
        assert "Not understood: field 'reason' is empty" in told
        assert not scene.counter.taken


async def test_the_cookie_is_kept_from_scripts_and_other_sites() -> None:
    """HttpOnly, SameSite=Strict, of the whole site, for twelve hours."""
    async with dashboard() as scene:
        page = await scene.visitor.sign_in()
        cookie = page.headers["Set-Cookie"]
        assert cookie.startswith("trader=")
        for flag in ("HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"):
            assert flag in cookie
        assert TOKEN not in cookie


async def test_signing_out_ends_the_session() -> None:
    """The cookie that a thief may hold is worth nothing afterwards."""
    async with dashboard() as scene:
        page = await scene.visitor.sign_in()
        stolen = page.headers["Set-Cookie"].partition(";")[0]
        left = await scene.visitor.post("/sign-out", {})
        assert left.status == 303
        again = await scene.visitor.post("/commands/flatten", SIGNED, Cookie=stolen)
        assert again.status == 401


async def test_a_wrong_token_at_the_sign_in_keeps_what_was_begun() -> None:
    """A typo costs no second form; who tried is noted, what was tried is not."""
    async with dashboard() as scene:
        asked = await scene.visitor.post("/commands/pause", FORM)
        hidden = {name: asked.field(name) for name in ("then", "back", "strategy")}
        again = await scene.visitor.post("/sign-in", {**hidden, "token": "typo-of-the-token"})
        assert again.status == 401
        assert "That is not the token." in again.text
        assert again.field("strategy") == "alpha"
        assert any("wrong token" in note for note in scene.notes)
        assert not any("typo-of-the-token" in note for note in scene.notes)


@pytest.mark.parametrize(
    "address",
    ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:1", "", "/a\nb"],
)
def test_nobody_is_led_away(address: str) -> None:
    """An address to go back to stays within our pages."""
    assert local(address) == "/"
