"""What will this daemon run with? Layers -> checked settings and strategies, or every mistake."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeGuard, TypeVar
from urllib.parse import urlsplit

from pydantic import ValidationError

from trader.app.control import SOCKET_NAME, SOCKET_PATH_BYTES_MAX
from trader.app.layers import Layers, command_line_layers, environment_layers, file_layer
from trader.app.mistakes import mistake, mistakes_of
from trader.app.notifications import notification_urls
from trader.app.plugins import strategy_kinds
from trader.app.settings import (
    FEED_URLS,
    SIMULATED,
    FeedSettings,
    Settings,
    coins_listed,
)
from trader.app.strategy_files import ConfiguredStrategy, find_files, read_strategies
from trader.app.web_access import WebPaths, web_paths
from trader.deribit.sign_in import Credentials
from trader.domain.errors import ConfigurationError, nearest
from trader.domain.instruments import INVERSE_COINS
from trader.strategies.selector import EVERY, SelectorSettings
from trader.strategies.strategy import COINS
from trader.web.access import is_loopback

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from trader.strategies.strategy import Strategy

JOURNAL_NAME: Final = "journal.sqlite"
SQLITE: Final = "sqlite:///"
Value = TypeVar("Value")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Configuration:
    """A configuration that can be run: settings, where each came from, strategies, secrets.

    Invariant: nothing in it is known to be wrong. `strategies` are the enabled ones, by name.
    """

    settings: Settings
    layers: Layers
    state_dir: Path
    strategies: tuple[ConfiguredStrategy, ...]
    disabled: tuple[ConfiguredStrategy, ...]
    web_paths: WebPaths
    feed_credentials: Credentials | None = dataclasses.field(repr=False)
    notification_urls: tuple[str, ...] = dataclasses.field(repr=False)

    @property
    def journal_url(self) -> str:
        """Where the journal lies."""
        return _journal_url(self.layers, self.settings.journal.url)

    @property
    def socket_path(self) -> Path:
        """Where the daemon takes commands."""
        return self.state_dir / SOCKET_NAME

    @property
    def hash(self) -> str:
        """Hash what decides trading: every setting but those of watching it, and every strategy."""
        watching = {"log", "web", "notifications", "recorder", "strategies"}
        decided = self.settings.model_dump(mode="json", exclude=watching)
        decided["strategies"] = {one.file.name: one.configuration_hash for one in self.strategies}
        canonical = json.dumps(decided, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()


def load_configuration(
    files: Sequence[Path] = (),
    assignments: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> Configuration:
    """Read and check everything.

    Raises:
        ConfigurationError: with every mistake there is, one line each.
    """
    layers, mistakes = _read_layers(files, assignments, environment)
    settings = _collect(mistakes, lambda: _settings(layers))
    mistakes.extend(_mistakes_between(layers))
    state_dir = _state_dir(layers)
    mistakes.extend(_state_mistakes(layers, state_dir))
    web, wrong = web_paths(layers)
    mistakes.extend(wrong)
    credentials, wrong = _credentials(layers)
    mistakes.extend(wrong)
    urls, wrong = notification_urls(layers)
    mistakes.extend(wrong)
    strategies = _strategies(layers, mistakes, files)
    if settings is None or mistakes:
        raise ConfigurationError(mistakes)
    return Configuration(
        settings=settings,
        layers=layers,
        state_dir=state_dir,
        strategies=tuple(one for one in strategies if one.file.enabled),
        disabled=tuple(one for one in strategies if not one.file.enabled),
        web_paths=web,
        feed_credentials=credentials,
        notification_urls=urls,
    )


def find_state_dir(files: Sequence[Path], environment: Mapping[str, str] | None = None) -> Path:
    """Find where a daemon keeps its state, without checking its whole configuration.

    Raises:
        ConfigurationError: a file cannot be read.
    """
    return _state_dir(_readable_layers(files, environment))


def find_journal_url(files: Sequence[Path], environment: Mapping[str, str] | None = None) -> str:
    """Find where a daemon keeps its journal, without checking its whole configuration.

    Raises:
        ConfigurationError: a file cannot be read.
    """
    layers = _readable_layers(files, environment)
    written = layers.written("journal.url")
    return _journal_url(layers, written if isinstance(written, str) else None)


def load_settings(files: Sequence[Path], environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings alone, without strategies and secrets; for commands that only look.

    Raises:
        ConfigurationError: a file cannot be read, or a value is wrong.
    """
    return _settings(_readable_layers(files, environment))


def _readable_layers(files: Sequence[Path], environment: Mapping[str, str] | None) -> Layers:
    """Stack the layers; a file that cannot be read ends it."""
    layers, mistakes = _read_layers(files, (), environment)
    if mistakes:
        raise ConfigurationError(mistakes)
    return layers


def _journal_url(layers: Layers, written: str | None) -> str:
    """Resolve the journal's URL: a relative path in it is relative to the file that names it."""
    if not written:
        return f"{SQLITE}{_state_dir(layers) / JOURNAL_NAME}"
    path = layers.folder("journal.url").absolute() / written.removeprefix(SQLITE)
    return f"{SQLITE}{os.path.normpath(path)}"


def _read_layers(
    files: Sequence[Path], assignments: Sequence[str], environment: Mapping[str, str] | None
) -> tuple[Layers, list[str]]:
    """Stack files, environment and command line, the last the heaviest."""
    read = [file_layer(path) for path in files]
    variables = environment_layers(os.environ if environment is None else environment, Settings)
    overrides, mistakes = command_line_layers(assignments)
    layers = Layers([layer for layer, _ in read if layer is not None], [*variables, *overrides])
    return layers, [*(line for _, wrong in read for line in wrong), *mistakes]


def _settings(layers: Layers) -> Settings:
    """Check every value by itself."""
    try:
        return Settings.of(layers)
    except ValidationError as error:
        raise ConfigurationError(mistakes_of(error, Settings, layers.origin)) from error


def _mistakes_between(layers: Layers) -> list[str]:
    """Check what no single value can tell; works on what was written, right or wrong."""
    mistakes = []
    source = layers.written("feed.source", SIMULATED)
    floor = layers.written("stage_floor")
    if floor is not None and source != SIMULATED:
        remedy = f"remove it: only the bundled exchange (feed.source = {SIMULATED}) may have one"
        where = layers.origin("stage_floor")
        problem = f"a floor on a real feed ({source})"
        mistakes.append(mistake(where, "stage_floor", floor, problem, remedy))
    return mistakes


def _state_dir(layers: Layers) -> Path:
    """Resolve the state directory."""
    written = layers.written("journal.state_dir")
    if isinstance(written, str) and written:
        folder = layers.folder("journal.state_dir")
        return Path(os.path.normpath(folder.absolute() / Path(written).expanduser()))
    home = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(home).absolute() / "trader"


def _state_mistakes(layers: Layers, state_dir: Path) -> list[str]:
    """Check that the state directory can hold what must lie in it."""
    where, key = layers.origin("journal.state_dir"), "journal.state_dir"
    if state_dir.exists() and not state_dir.is_dir():
        problem, remedy = "is a file", "name a folder (it is made where it is missing)"
        return [mistake(where, key, str(state_dir), problem, remedy)]
    length = len(os.fsencode(state_dir / SOCKET_NAME))
    if length > SOCKET_PATH_BYTES_MAX:
        problem = f"too long for a unix socket ({length} bytes, at most {SOCKET_PATH_BYTES_MAX})"
        return [mistake(where, key, str(state_dir), problem, "name a folder nearer to the root")]
    return []


def _secret(layers: Layers, key: str) -> tuple[str | None, list[str]]:
    """Read a secret file; one that cannot be read, or is empty, is a mistake."""
    written = layers.written(key)
    if not isinstance(written, str) or not written:
        return None, []
    path = layers.folder(key) / Path(written).expanduser()
    try:
        secret = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        problem = f"unreadable secret ({getattr(error, 'strerror', None) or 'not UTF-8'})"
        remedy = "name a file this user may read (chmod 400)"
        return None, [mistake(layers.origin(key), key, written, problem, remedy)]
    if not secret:
        remedy = "write the secret into it"
        return None, [mistake(layers.origin(key), key, written, "empty secret", remedy)]
    return secret, []


def _credentials(layers: Layers) -> tuple[Credentials | None, list[str]]:
    """Read the key of the exchange: client id and secret, with white space between."""
    key = "feed.credentials_file"
    secret, mistakes = _secret(layers, key)
    if secret is None:
        return None, mistakes
    words = secret.split()
    if len(words) != 2:
        problem = f"{len(words)} words where a client id and a client secret are asked for"
        remedy = "write both into it, with white space between"
        written = str(layers.written(key))
        return None, [mistake(layers.origin(key), key, written, problem, remedy)]
    url = _endpoint(layers)
    if url.startswith("ws://") and not is_loopback(urlsplit(url).hostname or ""):
        problem = f"a secret would cross the network unencrypted, to {url}"
        remedy = "use a wss:// address, or remove it"
        where = layers.origin(key)
        return None, [mistake(where, key, str(layers.written(key)), problem, remedy)]
    return Credentials(*words), []


def _endpoint(layers: Layers) -> str:
    """Name the address of the feed as written, right or wrong."""
    source = layers.written("feed.source", SIMULATED)
    if source == SIMULATED:
        source = layers.written("feed.url", FeedSettings.model_fields["url"].default)
    return FEED_URLS.get(str(source), str(source))


def _strategies(
    layers: Layers, mistakes: list[str], files: Sequence[Path]
) -> list[ConfiguredStrategy]:
    """Read the strategy files, also when settings are wrong: every mistake at once."""
    written = layers.written("strategies", Settings.model_fields["strategies"].default)
    names = (written,) if isinstance(written, str) else written
    if not _texts(names):
        return []
    named = layers.setter("strategies") != "default" or not files
    folder = layers.folder("strategies") if named else files[-1].parent
    origin = layers.origin("strategies") if named else str(files[-1])
    paths, wrong = find_files(origin, [folder / Path(name).expanduser() for name in names])
    mistakes.extend(wrong)
    kinds: dict[str, type[Strategy]] | None = _collect(mistakes, strategy_kinds)
    if kinds is None:
        return []
    mistakes.extend(_unknown_families(layers, kinds))
    watched = layers.written("feed.underlyings")
    names = tuple(name.upper() for name in watched) if _texts(watched) else ()
    source = layers.written("feed.source", SIMULATED)
    sound = bool(names) and set(names) <= set(coins_listed(source))
    strategies, wrong = read_strategies(
        paths,
        kinds,
        names if sound else (INVERSE_COINS if watched is None else COINS),
        linear=layers.written("feed.linear") is True,
    )
    mistakes.extend(wrong)
    mistakes.extend(_outside_universe(layers, strategies))
    return sorted(strategies, key=lambda one: one.file.name)


def _outside_universe(layers: Layers, strategies: Sequence[ConfiguredStrategy]) -> list[str]:
    """Find strategies of coins that the universe leaves out: none of their wishes could pass."""
    key = "risk.universe.underlyings"
    listed = layers.written(key)
    if not _texts(listed) or not listed:
        return []
    coins = {name.strip().upper().removesuffix("_USDC") for name in listed}
    out = [one for one in strategies if one.strategy.underlying not in coins]
    return [
        mistake(
            layers.origin(key), key, ", ".join(listed),
            f"leaves out {one.strategy.underlying}, which {one.strategy.name} trades",
            "add the coin, or disable the strategy",
        )
        for one in out
    ]  # fmt: skip


def _unknown_families(layers: Layers, kinds: Mapping[str, type[Strategy]]) -> list[str]:
    """Find what the selector lists and nobody registered: a typo would bar a family in silence."""
    found = []
    for name in SelectorSettings.model_fields:
        key = f"engine.selector.{name}"
        listed = layers.written(key)
        for kind in listed if _texts(listed) else ():
            if kind not in kinds and kind != EVERY:
                problem, remedy = "unknown kind of strategy", nearest(kind, kinds)
                found.append(mistake(layers.origin(key), key, kind, problem, remedy))
    return found


def _texts(written: object) -> TypeGuard[Sequence[str]]:
    """Tell whether a value that nobody checked yet is a list of texts."""
    return isinstance(written, list | tuple) and all(isinstance(one, str) for one in written)


def _collect(mistakes: list[str], attempt: Callable[[], Value]) -> Value | None:
    """Try a step; its mistakes join the others instead of ending the search."""
    try:
        return attempt()
    except ConfigurationError as error:
        mistakes.extend(error.mistakes)
        return None
