"""Which code is a strategy? Its module, and what that takes from its own package or from ours.

A rule that moved into a neighbor is still its rule: a stage belongs to all of it.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.util
import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Final

from trader.domain.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trader.strategies.strategy import Strategy

OURS: Final = "trader.strategies"


@functools.cache
def sources(kind: type[Strategy]) -> Mapping[str, str]:
    """Read every module a strategy is written in: name to text, sorted by name.

    Followed are imports of modules of its own package and of `trader.strategies`; what only types
    need is left out.

    Raises:
        ConfigurationError: a source cannot be read, so that no stage could belong to it.
    """
    own = kind.__module__
    packages = {OURS} if own.startswith("trader.") else {OURS, own.partition(".")[0]}
    found: dict[str, str] = {}
    waiting = [own]
    while waiting:
        name = waiting.pop()
        if name not in found:
            path = _path(kind, name)
            found[name] = text = _read(kind, name, path)
            around = name if path.stem == "__init__" else name.rpartition(".")[0]
            waiting.extend(
                one
                for one in _imported(text, around)
                if any(f"{one}.".startswith(f"{package}.") for package in packages)
                and _file(one) is not None
            )
    return dict(sorted(found.items()))


def source_hash(kind: type[Strategy]) -> str:
    """Hash all of a strategy's code: a changed rule is another strategy.

    Raises:
        ConfigurationError: as `sources`.
    """
    told = hashlib.sha256()
    for name, text in sources(kind).items():
        told.update(f"{name} {len(text)}\n{text}\n".encode())
    return told.hexdigest()


def _path(kind: type[Strategy], name: str) -> Path:
    """Find where a module is written; a path that is no file where it is not."""
    try:
        found = inspect.getsourcefile(kind) if name == kind.__module__ else _file(name)
    except (OSError, TypeError):  # a class made at run time
        found = None
    return Path(found or "")


def _read(kind: type[Strategy], name: str, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"strategy kind {kind.kind}: the source of {name} cannot be read ({error});"
            " install the package with its .py files"
        ) from error


def _file(name: str) -> str | None:
    """Find where a module is written; None where there is no such module."""
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None
    return spec.origin if spec is not None and spec.has_location else None


def _imported(text: str, package: str) -> Iterator[str]:
    """Name what a source may import when it runs; names taken from modules stand among them.

    One dot means the `package` that a module stands in; for its `__init__` that is itself.
    """
    parents = package.split(".")
    waiting: list[ast.AST] = [ast.parse(text)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            waiting.extend(node.orelse)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = parents[: len(parents) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)
        else:
            waiting.extend(ast.iter_child_nodes(node))
