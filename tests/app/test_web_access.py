"""Are token and certificate read as they are now, and never told?"""

from __future__ import annotations

import stat
import time
from pathlib import Path

import pytest

from tests.app.running import write_configuration
from trader.app.configuration import Configuration, load_configuration
from trader.app.web_access import (
    TOKEN_NAME,
    TokenFile,
    listening,
    made_token,
    read_tokens,
    web_terms,
)
from trader.deribit.simulator.certificate import Tls, server_context
from trader.domain.errors import ConfigurationError

OLD, NEW = "an-old-token-of-letters", "a-new-token-of-letters"


def configured(folder: Path, text: str) -> Configuration:
    """Load a configuration with a section `[web]`."""
    head = '[journal]\nstate_dir = "state"\n[web]\n'
    return load_configuration([write_configuration(folder, head + text)], (), {})


def pair(folder: Path) -> Path:
    """Make a real certificate and its key."""
    server_context(Tls(folder / "tls", time.time_ns()), "127.0.0.1")
    return folder / "tls"


def test_a_token_is_replaced_without_a_restart(tmp_path: Path) -> None:
    """New and previous hold together, then the new one alone; a file that broke lets nobody in."""
    path, notes = tmp_path / "token", list[str]()
    path.write_text(f"{OLD}\n", encoding="utf-8")
    file = TokenFile(path, lambda event, text: notes.append(f"{event} {text}"))
    assert file.tokens() == (OLD,)
    path.write_text(f"{NEW}\n{OLD}\n", encoding="utf-8")
    assert file.tokens() == (NEW, OLD)
    fresh = tmp_path / "fresh"
    fresh.write_text(NEW, encoding="utf-8")
    fresh.replace(path)
    assert file.tokens() == (NEW,)
    assert notes == []
    path.unlink()
    assert file.tokens() == file.tokens() == ()
    assert len(notes) == 1
    assert "web.token_unusable" in notes[0]
    path.write_text("short", encoding="utf-8")
    assert file.tokens() == ()
    assert "shorter than 16" in notes[1]
    assert not any("short\n" in note or NEW in note for note in notes)
    path.write_text(OLD, encoding="utf-8")
    assert file.tokens() == (OLD,)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "empty secret"),
        (b"\n \n", "empty secret"),
        (b"\xff\xfe", "not UTF-8"),
        (b"too-short", "shorter than 16 characters"),
        (b"a-token-of-many-letters\nshort", "shorter than 16 characters"),
        (b"a-token-of-many-letters\n" * 3, "3 lines where at most 2"),
    ],
)
def test_a_file_that_is_no_secret_is_a_mistake(
    tmp_path: Path, content: bytes, problem: str
) -> None:
    """It is named with key, file and problem when the configuration is read."""
    (tmp_path / "token").write_bytes(content)
    assert problem in read_tokens(tmp_path / "token")[1]
    with pytest.raises(ConfigurationError, match=f"web.token_file = .token.: .*{problem}"):
        configured(tmp_path, 'token_file = "token"')


def test_a_token_is_made_where_none_is_named(tmp_path: Path) -> None:
    """Long, random, its owner's alone, and kept at the next start."""
    path = made_token(tmp_path)
    assert path == tmp_path / TOKEN_NAME
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    (token,), problem = read_tokens(path)
    assert problem == ""
    assert len(token) == 43
    assert made_token(tmp_path) == path
    assert read_tokens(path)[0] == (token,)
    assert list(tmp_path.iterdir()) == [path]
    (tmp_path / "other").mkdir()
    assert read_tokens(made_token(tmp_path / "other"))[0] != (token,)


def test_terms_follow_the_configuration(tmp_path: Path) -> None:
    """Its own token guards commands only; a named one the metrics too; nothing tells it."""
    configuration = configured(tmp_path, 'hosts = ["box"]\nprivate = true\nsocket = "w.sock"')
    configuration.state_dir.mkdir()
    terms = web_terms(configuration, lambda *_: None)
    assert terms.hosts == ("box",)
    assert terms.private
    assert not terms.guarded_metrics
    assert terms.socket == tmp_path / "w.sock"
    assert terms.token_place == str(configuration.state_dir / TOKEN_NAME)
    (token,) = terms.tokens()
    said = listening(terms, "::1", 9467)
    assert said.startswith(f"dashboard at http://[::1]:9467 and {tmp_path}/w.sock, health")
    assert token not in said
    (tmp_path / "token").write_text(OLD, encoding="utf-8")
    named = web_terms(configured(tmp_path, 'token_file = "token"'), lambda *_: None)
    assert named.guarded_metrics
    assert named.tokens() == (OLD,)


def test_a_pair_of_certificate_and_key_is_served_with(tmp_path: Path) -> None:
    """With token and pair every address may be listened at."""
    pair(tmp_path)
    (tmp_path / "token").write_text(OLD, encoding="utf-8")
    text = (
        'tls_certificate = "tls/certificate.pem"\ntls_key = "tls/key.pem"\n'
        'token_file = "token"\nhost = "0.0.0.0"'
    )
    terms = web_terms(configured(tmp_path, text), lambda *_: None)
    assert terms.tls is not None
    assert listening(terms, "0.0.0.0", 1).startswith("dashboard at https://0.0.0.0:1,")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('tls_certificate = "tls/certificate.pem"', "half of a pair; name web.tls_key too"),
        ('tls_key = "tls/key.pem"', "half of a pair; name web.tls_certificate too"),
        ('tls_certificate = "tls/key.pem"\ntls_key = "tls/key.pem"', "no certificate to serve"),
        ('tls_certificate = "none"\ntls_key = "tls/key.pem"', "no certificate to serve"),
        ('tls_certificate = "tls/certificate.pem"\ntls_key = "locked"', "asks for a passphrase"),
        (f'socket = "{"x" * 200}"', "too long for a unix socket"),
        ('token_file = "none"', "unreadable secret"),
    ],
)
def test_what_cannot_be_served_with_is_a_mistake(tmp_path: Path, text: str, problem: str) -> None:
    """Half a pair, a wrong one, a locked key, a path too long: told before anything starts."""
    from cryptography.hazmat.primitives import serialization

    folder = pair(tmp_path)
    key = serialization.load_pem_private_key((folder / "key.pem").read_bytes(), None)
    locked = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"x"),
    )
    (tmp_path / "locked").write_bytes(locked)
    with pytest.raises(ConfigurationError, match=problem):
        configured(tmp_path, text)
