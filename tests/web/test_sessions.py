"""Do sessions end when they should, and are they few?"""

from __future__ import annotations

from trader.web.sessions import SESSION_S, SESSIONS_MAX, Sessions

TOKEN = "a-token-of-twenty-letters"


def test_a_session_ends_with_its_time() -> None:
    """Twelve hours after the sign-in, used or not."""
    sessions = Sessions()
    cookie, session = sessions.sign_in(TOKEN, 100.0)
    assert sessions.find(cookie, (TOKEN,), 100.0 + SESSION_S - 1) is session
    assert sessions.find(cookie, (TOKEN,), 100.0 + SESSION_S) is None
    assert len(sessions) == 0


def test_a_session_ends_with_its_token() -> None:
    """It lives on while its token is the previous one, and is gone for good afterwards."""
    sessions = Sessions()
    cookie, session = sessions.sign_in(TOKEN, 0.0)
    assert sessions.find(cookie, ("another-token-entirely", TOKEN), 1.0) is session
    assert sessions.find(cookie, ("another-token-entirely",), 1.0) is None
    assert sessions.find(cookie, (TOKEN,), 1.0) is None


def test_signing_out_ends_it() -> None:
    """And a cookie that nobody was given is no session."""
    sessions = Sessions()
    cookie, _ = sessions.sign_in(TOKEN, 0.0)
    assert sessions.find(f"{cookie}x", (TOKEN,), 0.0) is None
    sessions.sign_out(cookie)
    sessions.sign_out("never given")
    assert sessions.find(cookie, (TOKEN,), 0.0) is None


def test_sessions_are_few() -> None:
    """Of too many the oldest ends; no two share a cookie or a mark."""
    sessions = Sessions()
    opened = [sessions.sign_in(TOKEN, 0.0) for _ in range(SESSIONS_MAX + 5)]
    assert len(sessions) == SESSIONS_MAX
    assert sessions.find(opened[0][0], (TOKEN,), 0.0) is None
    assert sessions.find(opened[-1][0], (TOKEN,), 0.0) is opened[-1][1]
    assert len({cookie for cookie, _ in opened}) == len(opened)
    assert len({session.csrf for _, session in opened}) == len(opened)


def test_a_mark_is_that_of_the_session() -> None:
    """Exactly it."""
    _, session = Sessions().sign_in(TOKEN, 0.0)
    assert session.wrote(session.csrf)
    for wrong in ("", session.csrf[:-1], f"{session.csrf}x", "ä"):
        assert not session.wrote(wrong)
