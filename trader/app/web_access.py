"""What does the dashboard need from the disk? Its token, its certificate, the place of its socket.

The token's file is read again when it changes, so that a token is replaced without a restart: the
new one on the first line, the one before on the second until every program has the new one.
"""

from __future__ import annotations

import os
import secrets
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from trader.app.mistakes import mistake
from trader.domain.errors import ConfigurationError
from trader.web.access import TOKEN_LENGTH_MIN, Terms
from trader.web.private_socket import PATH_BYTES_MAX

if TYPE_CHECKING:
    from collections.abc import Callable

    from trader.app.configuration import Configuration
    from trader.app.layers import Layers

TOKEN_NAME: Final = "web.token"  # noqa: S105 - the name of a file
OWN_SOCKET: Final = "web.sock"
"""In the state directory: where `trader status` and others ask the daemon. Its owner's alone."""
TOKENS_MAX: Final = 2
TOKEN_BYTES_MAX: Final = 4_096
READABLE: Final = "name a file this user may read (chmod 400)"


class WebPaths(msgspec.Struct, frozen=True, kw_only=True):
    """Where the files of the dashboard lie, as they were named; None where they were not."""

    token_file: Path | None = None
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    socket: Path | None = None


class TokenFile:
    """The tokens that hold now: the lines of a file, which is read again when it changed.

    One that can be used no longer holds no token: nobody gets in, and `note` hears why.
    """

    def __init__(self, path: Path, note: Callable[[str, str], None]) -> None:
        self.path = path
        self._note = note
        self._stamp: tuple[int, ...] = ()
        self._tokens: tuple[str, ...] = ()

    def tokens(self) -> tuple[str, ...]:
        """Give the tokens, newest first."""
        try:
            found = self.path.stat()
            stamp: tuple[int, ...] = (found.st_mtime_ns, found.st_size, found.st_ino)
        except OSError:
            stamp = (-1,)
        if stamp != self._stamp:
            self._stamp = stamp
            self._tokens, problem = read_tokens(self.path)
            if problem:
                self._note("web.token_unusable", f"{self.path}: {problem}; commands are refused")
        return self._tokens


def read_tokens(path: Path) -> tuple[tuple[str, ...], str]:
    """Read the tokens of a file, or say what is wrong with it (never what is in it)."""
    try:
        lines = path.read_bytes()[: TOKEN_BYTES_MAX + 1].decode().split("\n")
    except OSError as error:
        return (), f"unreadable secret ({error.strerror or 'no such file'})"
    except UnicodeDecodeError:
        return (), "unreadable secret (not UTF-8)"
    tokens = tuple(line.strip() for line in lines if line.strip())
    if not tokens:
        return (), "empty secret"
    if len(tokens) > TOKENS_MAX:
        return (), f"{len(tokens)} lines where at most {TOKENS_MAX} are read: new and previous"
    if min(map(len, tokens)) < TOKEN_LENGTH_MIN:
        return (), f"a token shorter than {TOKEN_LENGTH_MIN} characters"
    return tokens, ""


def made_token(state_dir: Path) -> Path:
    """Make a token in the state directory, where none lies there; its owner's alone.

    Raises:
        OSError: it cannot be written.
    """
    path = state_dir / TOKEN_NAME
    if not path.exists():
        fresh = path.with_name(f"{TOKEN_NAME}.{os.getpid()}")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(f"{secrets.token_urlsafe(32)}\n")
        fresh.replace(path)
    return path


def web_paths(layers: Layers) -> tuple[WebPaths, list[str]]:
    """Resolve what `[web]` names, each relative to the file that names it, and check it."""
    found = {name: _resolved(layers, f"web.{name}") for name in WebPaths.__struct_fields__}
    paths = WebPaths(**found)
    mistakes: list[str] = []
    if paths.token_file is not None and (problem := read_tokens(paths.token_file)[1]):
        remedy = READABLE if "unreadable" in problem else "write one line of random text into it"
        mistakes.append(_mistake(layers, "web.token_file", problem, remedy))
    certificate, key = paths.tls_certificate, paths.tls_key
    if (certificate is None) != (key is None):
        named, other = "web.tls_certificate", "web.tls_key"
        named, other = (named, other) if key is None else (other, named)
        mistakes.append(_mistake(layers, named, "half of a pair", f"name {other} too"))
    elif certificate is not None and key is not None:
        try:
            tls_context(certificate, key)
        except (OSError, ValueError) as error:
            problem = f"no certificate to serve with ({error})"
            mistakes.append(_mistake(layers, "web.tls_certificate", problem, READABLE))
    if paths.socket is not None and len(os.fsencode(paths.socket)) > PATH_BYTES_MAX:
        problem = f"too long for a unix socket (at most {PATH_BYTES_MAX} bytes)"
        mistakes.append(_mistake(layers, "web.socket", problem, "name a path nearer to the root"))
    return paths, mistakes


def tls_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """Load a pair to serve with.

    Raises:
        OSError: it cannot be read, or the two do not belong together.
        ValueError: the key asks for a passphrase.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key, password=_no_passphrase)
    return context


def web_terms(configuration: Configuration, note: Callable[[str, str], None]) -> Terms:
    """Put together on which terms the dashboard is served; make a token where none is named.

    Raises:
        ConfigurationError: what was sound at the start is no longer.
    """
    web, paths = configuration.settings.web, configuration.web_paths
    try:
        token_file = paths.token_file or made_token(configuration.state_dir)
        tls = None
        if paths.tls_certificate is not None and paths.tls_key is not None:
            tls = tls_context(paths.tls_certificate, paths.tls_key)
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"[web]: {error}; {READABLE}") from error
    return Terms(
        tokens=TokenFile(token_file, note).tokens,
        hosts=web.hosts,
        private=web.private,
        guarded_metrics=paths.token_file is not None,
        token_place=str(token_file),
        socket=paths.socket,
        own_socket=configuration.state_dir / OWN_SOCKET,
        tls=tls,
        requests_per_s=web.requests_per_s,
        body_bytes_max=web.body_bytes_max,
        note=note,
    )


def listening(terms: Terms, host: str, port: int) -> str:
    """Say where the dashboard is, and where its token lies (never what it is)."""
    scheme = "https" if terms.tls is not None else "http"
    shown = f"[{host}]" if ":" in host else host
    where = [f"{scheme}://{shown}:{port}"] if port else []
    where += [str(terms.socket)] if terms.socket is not None else []
    return (
        f"dashboard at {' and '.join(where)}, health and metrics at /healthz and /metrics;"
        f" commands ask for the token in {terms.token_place}"
    )


def _resolved(layers: Layers, key: str) -> Path | None:
    written = layers.written(key)
    if not isinstance(written, str) or not written:
        return None
    return Path(os.path.normpath(layers.folder(key).absolute() / Path(written).expanduser()))


def _mistake(layers: Layers, key: str, problem: str, remedy: str) -> str:
    return mistake(layers.origin(key), key, layers.written(key), problem, remedy)


def _no_passphrase() -> str:
    """Refuse to be asked on the terminal."""
    raise ValueError("the key asks for a passphrase: write it without one")
