"""What does the source say? Reads the repository's own files, for the tests that judge them."""

from __future__ import annotations

import ast
import functools
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "trader"

Function = ast.FunctionDef | ast.AsyncFunctionDef


@functools.cache
def parse(path: Path) -> ast.Module:
    """Return the syntax tree of one source file."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


@functools.cache
def modules(folder: str = "trader") -> tuple[Path, ...]:
    """Return the Python files under a top-level folder, relative to the root, in order."""
    files = (ROOT / folder).rglob("*.py")
    return tuple(sorted(path.relative_to(ROOT) for path in files))


@functools.cache
def committed_files() -> tuple[Path, ...]:
    """Return what a clone would hold, relative to the root."""
    listing = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    names = (Path(name) for name in listing.split("\0") if name)
    return tuple(name for name in names if (ROOT / name).is_file())


def has_content(path: Path) -> bool:
    """Tell whether a module says more than its docstring and its imports."""
    said = (ast.Expr, ast.Import, ast.ImportFrom)
    return any(not isinstance(node, said) for node in parse(ROOT / path).body)


def functions(path: Path) -> Iterator[Function]:
    """Yield every function of a file, methods and nested ones too."""
    for node in ast.walk(parse(ROOT / path)):
        if isinstance(node, Function):
            yield node


def dotted(node: ast.expr) -> str:
    """Return `a.b.c` for a name or a chain of attributes; what hangs on a call starts with `.`."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=attribute):
            return f"{dotted(value)}.{attribute}"
        case _:
            return ""


def imports(path: Path) -> dict[str, str]:
    """Return local name -> full name for everything a file imports, wherever it imports it."""
    found: dict[str, str] = {}
    for node in ast.walk(parse(ROOT / path)):
        match node:
            case ast.Import(names=names):
                for name in names:
                    full = name.name if name.asname else name.name.split(".")[0]
                    found[name.asname or full] = name.name if name.asname else full
                    found.setdefault(name.name, name.name)
            case ast.ImportFrom(module=str(module), names=names, level=0):
                for name in names:
                    found[name.asname or name.name] = f"{module}.{name.name}"
            case _:
                pass
    return found


def uses(path: Path) -> Iterator[tuple[int, str]]:
    """Yield (line, full dotted name) of every use of something imported, aliases resolved."""
    known = imports(path)
    for node in ast.walk(parse(ROOT / path)):
        if isinstance(node, ast.Name | ast.Attribute):
            first, _, rest = dotted(node).partition(".")
            if full := known.get(first):
                yield node.lineno, f"{full}.{rest}" if rest else full
