"""Do `--config` and `--state` mean the same place for every command?"""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from tests.app.running import write_configuration
from trader.app.commands.options import add_config, add_state, journal_url, state_dir


def given(*arguments: str) -> argparse.Namespace:
    """Parse what a report takes."""
    parser = argparse.ArgumentParser()
    add_state(parser)
    return parser.parse_args(arguments)


def test_a_state_directory_is_taken_as_it_is(tmp_path: Path) -> None:
    """`--state` needs no configuration."""
    arguments = given("--state", str(tmp_path))
    assert state_dir(arguments) == tmp_path
    assert journal_url(arguments) == f"sqlite:///{tmp_path}/journal.sqlite"


def test_a_configuration_names_the_state_directory(tmp_path: Path) -> None:
    """`--config` leads to the same place as the daemon's own."""
    path = write_configuration(tmp_path, '[journal]\nstate_dir = "s"')
    arguments = given("--config", str(path))
    assert state_dir(arguments) == tmp_path / "s"
    assert journal_url(arguments) == f"sqlite:///{tmp_path}/s/journal.sqlite"


def test_both_at_once_would_be_ambiguous(capsys: pytest.CaptureFixture[str]) -> None:
    """`--config` with `--state` is a mistake of usage."""
    with pytest.raises(SystemExit):
        given("--state", "a", "--config", "b")
    assert "not allowed with" in capsys.readouterr().err


def test_files_and_assignments_add_up() -> None:
    """`--config` and `--set` may be given several times, in order."""
    parser = argparse.ArgumentParser()
    add_config(parser, required=True)
    arguments = parser.parse_args(
        ["--config", "a", "--set", "x=1", "--config", "b", "--set", "y=2"]
    )
    assert arguments.config == [Path("a"), Path("b")]
    assert arguments.set == ["x=1", "y=2"]
