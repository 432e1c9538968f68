"""Does README tell the truth: commands, map and exit codes exist, and none is left out?"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator

import pytest

from tests.source import PACKAGE, ROOT, committed_files
from trader.app.cli import command_parser
from trader.app.config_reference import environment_example, reference_table
from trader.app.exit_codes import ExitCode

README = (ROOT / "README.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    """Return the text under one heading, up to the next of the same level."""
    match = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", README, re.MULTILINE | re.DOTALL)
    assert match, f"README has no section {title!r}"
    return match[1]


def commands(parser: argparse.ArgumentParser, prefix: str = "") -> Iterator[str]:
    """Yield every command a person can type, `config check` and the like in full."""
    families = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    if not families:
        yield prefix.strip()
    for family in families:
        for name, child in family.choices.items():
            yield from commands(child, f"{prefix} {name}")


def test_the_two_commands_come_first() -> None:
    """The first code block is how to run and how to test, and both scripts exist."""
    first = README.split("```")[1]
    scripts = re.findall(r"^\./(\S+)", first, re.MULTILINE)
    assert scripts == ["scripts/run", "scripts/test"]
    assert all((ROOT / script).is_file() for script in scripts)


def test_every_command_is_listed_and_every_listed_command_exists() -> None:
    """The table of commands equals what `trader --help` offers."""
    typed = r"^\| `trader ([a-z]+(?: [a-z]+(?:-[a-z]+)*)?)"
    listed = re.findall(typed, section("Commands"), re.MULTILINE)
    assert sorted(listed) == sorted(commands(command_parser()))


def test_every_exit_code_is_listed() -> None:
    """The table of exit codes equals `ExitCode`, names included."""
    rows = re.findall(r"^\| (\d+) \| `([A-Z_]+)` \| \S", section("Exit codes"), re.MULTILINE)
    assert [(int(value), name) for value, name in rows] == [(c.value, c.name) for c in ExitCode]


def test_the_map_names_every_package_and_nothing_else() -> None:
    """Each folder of the map exists, and each package of trader/ is on it."""
    paths: list[str] = []
    trail: list[str] = []
    for indent, name in re.findall(r"^( *)([\w.]+)/", section("Map"), re.MULTILINE):
        trail = [*trail[: len(indent) // 2], name]
        paths.append("/".join(trail))
    packages = {p.parent.relative_to(ROOT).as_posix() for p in PACKAGE.rglob("__init__.py")}
    assert packages <= set(paths)
    assert [path for path in paths if not (ROOT / path).is_dir()] == []


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\((?!http|#)([^)]+)\)", README))))
def test_every_link_into_the_repository_arrives(target: str) -> None:
    """A relative link names a committed file or folder."""
    files = {path.as_posix() for path in committed_files()}
    assert target in files or any(name.startswith(f"{target.rstrip('/')}/") for name in files)


def test_the_configuration_table_is_the_one_the_settings_give() -> None:
    """README and .env.example are what `trader config keys` prints: every key, type and default."""
    begin, end = "<!-- configuration:begin -->\n", "\n<!-- configuration:end -->"
    assert README.partition(begin)[2].partition(end)[0] == reference_table()
    assert (ROOT / ".env.example").read_text(encoding="utf-8") == f"{environment_example()}\n"
