"""What did a strategy look like when it got its stage? Its parameters and code, kept by hash.

The journal knows the hash alone. One small file each, written once and never changed.
"""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from trader.app.strategy_code import sources

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from trader.app.strategy_files import ConfiguredStrategy

FOLDER: Final = "strategy-archive"


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A strategy as it was configured: what its hash was made of."""

    strategy: str
    configuration_hash: str
    kind: str
    underlying: str
    parameters: dict[str, object]
    sources: dict[str, str]
    """Each module it is written in, by name."""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """What is not as it was; `code` is a unified diff of its modules, empty where none changed."""

    changed: tuple[tuple[str, str, str], ...]
    """(name, value then, value now)."""
    code: tuple[str, ...]


def describe(one: ConfiguredStrategy) -> Kept:
    """Take down a strategy as it is configured now."""
    return Kept(
        strategy=one.file.name,
        configuration_hash=one.configuration_hash,
        kind=one.file.kind,
        underlying=one.file.underlying,
        parameters=one.strategy.settings.model_dump(mode="json"),
        sources=dict(sources(type(one.strategy))),
    )


def keep(state_dir: Path, strategies: Iterable[ConfiguredStrategy]) -> None:
    """Write down every strategy whose hash is not known yet, each whole or not at all."""
    for one in strategies:
        path = _path(state_dir, one.file.name, one.configuration_hash)
        if path.exists():
            continue
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        unfinished = path.with_suffix(f".{os.getpid()}")
        unfinished.write_bytes(msgspec.json.format(msgspec.json.encode(describe(one)), indent=2))
        unfinished.rename(path)


def recall(state_dir: Path, strategy: str, configuration_hash: str) -> Kept | None:
    """Read what was kept under a hash; None where nothing was, or it cannot be read."""
    try:
        text = _path(state_dir, strategy, configuration_hash).read_bytes()
        return msgspec.json.decode(text, type=Kept)
    except (OSError, msgspec.MsgspecError):
        return None


def compare(then: Kept, now: Kept) -> Difference:
    """List what changed: kind, coin, parameter by parameter, code."""
    missing = "not there"
    pairs = [
        ("kind", then.kind, now.kind),
        ("underlying", then.underlying, now.underlying),
        *(
            (name, then.parameters.get(name, missing), now.parameters.get(name, missing))
            for name in dict.fromkeys((*then.parameters, *now.parameters))
        ),
    ]
    return Difference(
        changed=tuple((name, str(old), str(new)) for name, old, new in pairs if old != new),
        code=tuple(
            line
            for module in sorted({*then.sources, *now.sources})
            for line in _diff(module, then.sources.get(module, ""), now.sources.get(module, ""))
        ),
    )


def _diff(module: str, then: str, now: str) -> Iterator[str]:
    names = f"{module} then", f"{module} now"
    return difflib.unified_diff(then.splitlines(), now.splitlines(), *names, lineterm="")


def _path(state_dir: Path, strategy: str, configuration_hash: str) -> Path:
    return state_dir / FOLDER / strategy / f"{configuration_hash}.json"
