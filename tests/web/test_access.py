"""Who is known, and where do forms come from? The rules, one by one."""

from __future__ import annotations

import ast
import inspect

import pytest

from trader.web import access, sessions
from trader.web.access import Access, Terms, TooManyGuesses, comes_from_us, is_loopback
from trader.web.limits import GUESSES

TOKEN = "a-token-of-twenty-letters"


def guarded(**terms: object) -> Access:
    """Guard a daemon on loopback."""
    return Access(Terms(tokens=lambda: (TOKEN,), **terms), "127.0.0.1")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("host", "heard"),
    [
        ("localhost", True), ("LocalHost:80", True), ("localhost.", True), ("10.0.0.7:1", True),
        ("[2001:db8::1]:443", True), ("box.example:1", True), ("Box.Example", True),
        ("evil.example", False), ("localhost.evil.example", False), ("", False), (None, False),
        ("[half", False), ("user@evil.example", False), ("a b", False),
    ],
)  # fmt: skip
def test_it_hears_to_its_names_and_to_addresses(host: str | None, heard: bool) -> None:
    """An address cannot be rebound to us; a name can."""
    assert guarded(hosts=("box.example",)).hears(host) is heard


def test_a_token_holds_whole_or_not_at_all() -> None:
    """A prefix, another case, more of it: wrong. White space at its ends is a file's."""
    door = guarded()
    assert door.try_token("a", TOKEN, 0.0)
    assert door.try_token("a", f" {TOKEN}\n", 0.0)
    for number, wrong in enumerate((TOKEN[:-1], TOKEN.upper(), TOKEN + "x", "", "ä" * 20)):
        assert not door.try_token(str(number), wrong, 0.0)


def test_no_tokens_means_no_way_in() -> None:
    """A daemon without a token lets nobody in, not even with an empty one."""
    door = Access(Terms(), "127.0.0.1")
    assert not door.try_token("a", "", 0.0)


def test_guesses_of_one_client_do_not_lock_another_out() -> None:
    """Who guesses waits alone."""
    door = guarded()
    for number in range(GUESSES):
        door.try_token("bad", f"guess {number}", 0.0)
    with pytest.raises(TooManyGuesses, match=r"try again in 6 s"):
        door.try_token("bad", TOKEN, 0.0)
    assert door.try_token("good", TOKEN, 0.0)
    assert door.try_token("bad", TOKEN, 6.0)


def test_secrets_are_compared_in_constant_time() -> None:
    """Neither module compares by `==` what may be a secret: digests, by compare_digest."""
    for module in (access, sessions):
        tree = ast.parse(inspect.getsource(module))
        compared = [
            ast.unparse(node)
            for node in ast.walk(tree)
            if isinstance(node, ast.Compare)
            and any(isinstance(one, ast.Eq | ast.NotEq | ast.In) for one in node.ops)
        ]
        secret = ("token", "csrf", "digest", "shown", "given")
        suspicious = [one for one in compared if any(word in one for word in secret)]
        assert suspicious == []
        assert "hmac.compare_digest" in inspect.getsource(module)


@pytest.mark.parametrize(
    ("headers", "scheme", "ours"),
    [
        ({"Origin": "http://localhost:1", "Host": "localhost:1"}, "http", True),
        ({"Origin": "https://box.example", "Host": "box.example"}, "http", True),
        ({"Origin": "http://box.example", "Host": "box.example"}, "https", False),
        ({"Origin": "http://localhost:2", "Host": "localhost:1"}, "http", False),
        ({"Origin": "null", "Host": "localhost:1"}, "http", False),
        ({"Origin": "file://localhost:1", "Host": "localhost:1"}, "http", False),
        ({"Host": "localhost:1"}, "http", False),
        ({"Host": "localhost:1", "Sec-Fetch-Site": "same-origin"}, "http", True),
        ({"Host": "localhost:1", "Sec-Fetch-Site": "none"}, "http", False),
        (
            {"Origin": "http://localhost:1", "Host": "localhost:1", "Sec-Fetch-Site": "same-site"},
            "http",
            False,
        ),
    ],
)
def test_forms_come_from_our_own_pages(headers: dict[str, str], scheme: str, ours: bool) -> None:
    """By what browsers say of themselves; who says nothing is not believed."""
    assert comes_from_us(headers, scheme) is ours


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_loopback_is_this_machine(host: str) -> None:
    """Every spelling of it."""
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "example.org", ""])
def test_other_hosts_are_not_loopback(host: str) -> None:
    """All addresses together are not loopback alone."""
    assert not is_loopback(host)
