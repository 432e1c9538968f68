"""Is the repository what a stranger expects to clone? Files, tests that can fail, no traces."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.source import ROOT, Function, committed_files, functions, modules, parse

TOP_LEVEL = frozenset(
    {
        "pyproject.toml",
        "trader",
        "config",
        "scripts",
        "tests",
        "systemd",
        "README.md",
        "LICENSE",
        "CHANGELOG.md",
        ".ci",
        ".editorconfig",
        ".env.example",
        ".gitattributes",
        ".gitignore",
    }
)
# What makes a test able to fail, besides `assert`; a name in the right-most position of a call.
JUDGES = ("assert", "raises", "warns", "fail", "check", "expect", "run_state_machine")


def test_the_top_level_is_exactly_the_agreed_one() -> None:
    """Nothing is added to or missing from the first page a visitor sees."""
    assert {path.parts[0] for path in committed_files()} == TOP_LEVEL


def test_no_committed_file_names_a_machine_or_a_registry() -> None:
    """No path of a developer's machine and no package registry is in any committed file."""
    traces = re.compile(
        r"(?:^|[\s\"'=(:])/(?:work|farm|root|home)/\w"
        r"|--(?:extra-index|index|find)-(?:url|links)\b"
        r"|https?://[^\s\"']+/simple\b"
        r"|\b(?:pypi|pythonhosted|npmjs)\.(?:org|com|io)\b",
        re.MULTILINE,
    )
    found = {
        path.as_posix(): match.group()
        for path in committed_files()
        if (match := traces.search((ROOT / path).read_text(encoding="utf-8", errors="replace")))
    }
    assert not found


def test_text_files_are_clean() -> None:
    """Lines end in a line feed, nothing trails, and no conflict marker survived."""
    texts = [p for p in committed_files() if p.suffix in {".py", ".toml", ".md", ".service", ""}]
    soiled = [
        path.as_posix()
        for path in texts
        if path.name != "LICENSE"
        and re.search(rb"[ \t]+$|\r|^(?:<{7}|>{7}) ", (ROOT / path).read_bytes(), re.MULTILINE)
    ]
    assert not soiled


def collected(path: Path) -> list[Function]:
    """Return the test functions of a file."""
    return [f for f in functions(path) if f.name.startswith("test_")]


def modules_of_tests() -> list[Path]:
    """Return every file pytest collects tests from."""
    return [path for path in modules("tests") if path.name.startswith("test_")]


def judges(function: Function, helpers: frozenset[str]) -> bool:
    """Tell whether a function asserts, expects a failure, or calls a helper that does."""
    for node in ast.walk(function):
        if isinstance(node, ast.Assert):
            return True
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func).rpartition(".")[2]
            if name.startswith(JUDGES) or name in helpers:
                return True
    return False


@pytest.mark.parametrize("path", modules_of_tests(), ids=str)
def test_every_test_says_what_it_expects(path: Path) -> None:
    """A test's docstring states the behavior in one line, the module's the question."""
    assert ast.get_docstring(parse(ROOT / path)), f"{path} has no docstring"
    silent = [f"{path}:{f.lineno} {f.name}" for f in collected(path) if not ast.get_docstring(f)]
    assert not silent


@pytest.mark.parametrize("path", modules_of_tests(), ids=str)
def test_every_test_can_fail(path: Path) -> None:
    """A test asserts, expects an error, or calls something in its file that does."""
    none: frozenset[str] = frozenset()
    helpers = frozenset(f.name for f in functions(path) if judges(f, none))
    helpless = [f"{path}:{f.lineno} {f.name}" for f in collected(path) if not judges(f, helpers)]
    assert not helpless


@pytest.mark.parametrize("folder", ["trader", "tests"])
def test_every_folder_of_python_is_a_package(folder: str) -> None:
    """A folder with modules has an __init__.py, so two tests of one name never clash."""
    bare = {
        path.parent.as_posix()
        for path in modules(folder)
        if not (ROOT / path.parent / "__init__.py").is_file()
    }
    assert not bare
