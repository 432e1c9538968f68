"""How do tests run `trader`? As a person does: the real program, in a process of its own."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from trader.app.cli import main
from trader.app.control import SOCKET_NAME, listen
from trader.web.window import Answer

if TYPE_CHECKING:
    from trader.domain.events import Command

ROOT = Path(__file__).resolve().parents[2]
TAKEN = Answer(accepted=True, sequence=41)

STRATEGY = """
name = "{name}"
kind = "covered_call"
underlying = "BTC"

[cadence]
hours = 24
"""


def trader(
    *arguments: str | Path, environment: dict[str, str] | None = None, cwd: Path = ROOT
) -> subprocess.CompletedProcess[str]:
    """Run one command with no `TRADER_` variable but those given."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("TRADER_")}
    return subprocess.run(
        [sys.executable, "-m", "trader.app.cli", *map(str, arguments)],
        cwd=cwd,
        env={**clean, "PYTHONPATH": _path(), **(environment or {})},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def within(
    *arguments: str | Path, capsys: pytest.CaptureFixture[str]
) -> subprocess.CompletedProcess[str]:
    """Run one command in this process: the same, but for the second a start takes."""
    capsys.readouterr()
    code = main([*map(str, arguments)])
    out, err = capsys.readouterr()
    return subprocess.CompletedProcess(arguments, code, out, err)


async def typed_to_a_daemon(
    folder: Path,
    *typed: str,
    capsys: pytest.CaptureFixture[str],
    answer: Answer = TAKEN,
) -> tuple[subprocess.CompletedProcess[str], list[Command]]:
    """Type a command where one listens as a daemon does; return what came of it and what arrived.

    Only the socket is asked here: what a daemon makes of a command is asked of a real one.
    """
    arrived: list[Command] = []

    async def take(command: Command) -> Answer:
        arrived.append(command)
        return answer

    async with listen(folder / SOCKET_NAME, take):
        run = await asyncio.to_thread(within, *typed, "--state", folder, capsys=capsys)
    return run, arrived


def write_configuration(folder: Path, text: str = "", name: str = "covered_call_btc") -> Path:
    """Write a runnable configuration with one strategy; `text` is the configuration file."""
    strategies = folder / "strategies"
    strategies.mkdir(exist_ok=True)
    (strategies / f"{name}.toml").write_text(STRATEGY.format(name=name), encoding="utf-8")
    path = folder / "trader.toml"
    path.write_text(text, encoding="utf-8")
    return path


def _path() -> str:
    """Let a process started elsewhere find the package."""
    return os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH", ""))))
