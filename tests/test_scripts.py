"""Can a stranger with git and Python start: scripts parse and run, locks are whole?"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.source import ROOT

SCRIPTS = [".ci/run", *(f"scripts/{name}" for name in ("check", "lock", "run", "setup", "test"))]
LOCKS = ["scripts/locks/run.txt", "scripts/locks/dev.txt"]
ALL_LOCKS = [*LOCKS, "scripts/locks/interoperability.txt"]
TEST_TOOLS = {"hypothesis", "import-linter", "mypy", "pip-tools", "pytest", "ruff", "scipy"}
ORACLES = {"numba", "pandas", "scikit-learn", "scipy"}
REQUIREMENT = re.compile(
    r"^(?P<name>[a-z0-9][a-z0-9.-]*)==(?P<version>[\w.]+)(?: ; [^\\]+)? \\\n"
    r"(?P<hashes>(?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)",
    re.MULTILINE,
)


def pins(lock: str) -> dict[str, str]:
    """Return name -> version of every requirement of a lock that carries hashes."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    return {match["name"]: match["version"] for match in REQUIREMENT.finditer(text)}


@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_are_executable_bash_that_stops_at_errors(script: str) -> None:
    """Every script parses, is executable, and fails on errors and on unset names."""
    path = ROOT / script
    text = path.read_text(encoding="utf-8")
    assert subprocess.run(["bash", "-n", path], check=False).returncode == 0
    assert os.access(path, os.X_OK)
    assert text.startswith("#!/usr/bin/env bash\n")
    assert "\nset -euo pipefail\n" in text


@pytest.mark.parametrize("lock", ALL_LOCKS)
def test_every_requirement_is_pinned_and_hashed(lock: str) -> None:
    """Each line that is no comment and no hash opens a requirement with version and hashes."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    opened = [line for line in text.splitlines() if line and not re.match(r"\s|#", line)]
    assert len(opened) == len(pins(lock)) > 10


@pytest.mark.parametrize("lock", ALL_LOCKS)
def test_locks_name_no_place(lock: str) -> None:
    """No URL, host, option or path: the same lock serves any registry."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    placeless = re.sub(r"#   -c scripts/locks/run\.txt", "", text)
    assert not re.search(r"/|^-|\b(?:com|org|io|net)\b", placeless, re.MULTILINE)


def test_a_run_pulls_no_test_tool() -> None:
    """The run lock holds neither test tools nor oracles, and the build backend it needs."""
    run = pins("scripts/locks/run.txt")
    assert not (TEST_TOOLS | ORACLES) & set(run)
    assert "setuptools" in run


def test_the_clients_of_others_come_with_what_runs_their_tests() -> None:
    """Each client of the extra is pinned beside pytest and TLS, with the uvloop that ccxt asks."""
    others = pins("scripts/locks/interoperability.txt")
    assert set(others) >= {"ccxt", "cryptofeed", "deribit-wrapper", "typed-deribit"}
    assert set(others) >= {"pytest", "cryptography", "uvloop"}


def test_the_dev_lock_holds_the_run_lock() -> None:
    """Tests run on the very versions that users run."""
    run, dev = (pins(lock) for lock in LOCKS)
    assert run.items() <= dev.items()
    assert set(dev) >= TEST_TOOLS


@pytest.mark.parametrize(
    ("environment", "arguments", "said"),
    [
        ({}, ["everything"], "'everything' is no lock"),
        ({"PYTHON": "no-such-python"}, ["run"], "PYTHON=no-such-python is no Python >= 3.11"),
        ({"PATH": "{bin}"}, ["run"], "no Python >= 3.11 found"),
    ],
    ids=["unknown lock", "wrong PYTHON", "no Python at all"],
)
def test_setup_says_what_is_wrong(
    tmp_path: Path, environment: dict[str, str], arguments: list[str], said: str
) -> None:
    """A set-up that cannot start names the cause in one line and leaves no .venv behind."""
    setup = a_checkout(tmp_path)
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("bash", "cat", "cmp", "dirname"):
        (tools / tool).symlink_to(Path("/usr/bin", tool))
    changed = {name: value.format(bin=tools) for name, value in environment.items()}
    run = subprocess.run(
        ["/bin/bash", setup, *arguments],
        env={**os.environ, "PYTHON": "", **changed},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode != 0
    assert said in run.stderr
    assert not (tmp_path / "checkout" / ".venv").exists()


def a_checkout(folder: Path) -> Path:
    """Copy what set-up reads, locks without requirements, and return its scripts/setup."""
    checkout = folder / "checkout"
    (checkout / "scripts" / "locks").mkdir(parents=True)
    setup = checkout / "scripts" / "setup"
    setup.write_bytes((ROOT / "scripts" / "setup").read_bytes())
    for lock in LOCKS:
        (checkout / lock).write_text("")
    (checkout / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    return setup
