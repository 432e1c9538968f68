"""Is the program quick to help, and does each error end with its own code?"""

from __future__ import annotations

import argparse
import re
import statistics
import subprocess
import sys
import time

import pytest

from tests.app.running import ROOT, trader
from trader.app import cli
from trader.app.commands import options
from trader.app.exit_codes import ExitCode
from trader.domain.errors import (
    ConfigurationError,
    FeedError,
    InvariantBroken,
    JournalLocked,
    StorageError,
)

HEAVY = ("aiohttp", "msgspec", "numpy", "pydantic", "sqlalchemy", "structlog", "websockets")


def names(parser: argparse.ArgumentParser) -> list[str]:
    """List a parser's commands."""
    (action,) = [one for one in parser._actions if isinstance(one, argparse._SubParsersAction)]
    return list(action.choices)


def test_help_imports_nothing_heavy() -> None:
    """`trader --help` loads none of the libraries the daemon needs."""
    probe = (
        "import sys; from trader.app.cli import command_parser; command_parser().format_help();"
        f"print(*[name for name in {HEAVY!r} if name in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == ""


def test_help_is_fast() -> None:
    """`trader --help` takes 0.3 s, or on a busy machine at most three bare starts of Python."""

    def seconds(*arguments: str) -> float:
        began = time.perf_counter()
        subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, check=True)
        return time.perf_counter() - began

    pairs = [(seconds("-m", "trader.app.cli", "--help"), seconds("-c", "")) for _ in range(5)]
    assert statistics.median(ours for ours, _ in pairs) < max(
        0.3, 3 * statistics.median(bare for _, bare in pairs)
    )


def test_every_command_of_readme_exists_and_is_listed() -> None:
    """README's table and the program know the same commands."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    listed = dict.fromkeys(re.findall(r"^\| `trader (\w+)", text, re.MULTILINE))
    assert set(listed) == set(names(cli.command_parser()))


@pytest.mark.parametrize("command", names(cli.command_parser()))
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`trader COMMAND --help` exits 0 and says more than its usage."""
    with pytest.raises(SystemExit) as ended:
        cli.main([command, "--help"])
    assert ended.value.code == 0
    assert len(capsys.readouterr().out.splitlines()) > 3


def test_a_command_line_that_does_not_parse_is_usage() -> None:
    """An unknown command, or none, exits 2 with the usage on stderr."""
    for arguments in ((), ("fly",), ("pause",), ("verdicts", "--limit", "0")):
        run = trader(*arguments)
        assert run.returncode == ExitCode.USAGE
        assert run.stderr.startswith("usage: trader")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigurationError(["one", "two"]), ExitCode.CONFIGURATION),
        (JournalLocked("held by 7"), ExitCode.LOCKED),
        (StorageError("no space"), ExitCode.STORAGE),
        (FeedError("gone"), ExitCode.UNAVAILABLE),
        (KeyboardInterrupt(), ExitCode.FAILURE),
        (ExceptionGroup("tasks", [StorageError("no space")]), ExitCode.STORAGE),
    ],
)
def test_each_error_has_its_exit_code(
    error: BaseException,
    code: ExitCode,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What a command raises becomes its text on stderr and its code, never a traceback."""
    raising(error, monkeypatch)
    assert cli.main(["raise"]) == code
    out, err = capsys.readouterr()
    said = error.exceptions[0] if isinstance(error, ExceptionGroup) else error
    assert (out, err) == ("", f"{said}\n" if str(said) else "")


@pytest.mark.parametrize("error", [InvariantBroken("cash"), ExceptionGroup("x", [OSError("y")])])
def test_a_bug_of_ours_is_seen_whole(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody expects leaves the program as a traceback: the supervisor restarts it."""
    raising(error, monkeypatch)
    with pytest.raises(type(error)):
        cli.main(["raise"])


def raising(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a command that raises."""

    def execute(_: object) -> ExitCode:
        raise error

    class Raising:
        @staticmethod
        def add_commands(subparsers: options.Subparsers) -> None:
            subparsers.add_parser("raise").set_defaults(execute=execute)

    monkeypatch.setattr(cli, "FAMILIES", (Raising,))


def test_a_closed_pipe_is_no_traceback() -> None:
    """`trader config keys | head -1` ends quietly."""
    pipeline = f"{sys.executable} -m trader.app.cli config keys | head -1"
    run = subprocess.run(pipeline, shell=True, cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout == "| key | takes | default | |\n"
    assert run.stderr == ""
