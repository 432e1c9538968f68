"""Do `--config` and `--state` mean the same place for every command?"""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from tests.app.running import write_configuration
from trader.app.commands.options import (
    add_backtest,
    add_config,
    add_span_and_boards,
    add_state,
    configured,
    journal_url,
    state_dir,
)
from trader.domain.units import DAY


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


def asked(*arguments: str) -> argparse.Namespace:
    """Parse what a study of the past takes."""
    parser = argparse.ArgumentParser()
    add_backtest(parser)
    add_span_and_boards(parser)
    return parser.parse_args(["calls", "--config", "a.toml", *arguments])


def test_a_span_is_midnights_of_utc() -> None:
    """`--from` and `--to` name days; what is left out stays open."""
    found = asked("--from", "1970-01-02", "--to", "1970-01-03")
    assert (found.start, found.end) == (DAY, 2 * DAY)
    assert (asked().start, asked().end) == (None, None)


@pytest.mark.parametrize(
    "wrong", [("--from", "2026-02-30"), ("--recorded", "--chains", "a"), ("--to", "tomorrow")]
)
def test_a_past_that_cannot_be_meant_is_a_mistake(wrong: tuple[str, ...]) -> None:
    """No such day; two kinds of boards at once."""
    with pytest.raises(SystemExit):
        asked(*wrong)


def test_what_is_set_without_a_dot_is_a_parameter(tmp_path: Path) -> None:
    """`--set name=value` is the strategy's, `--set section.key=value` the daemon's."""
    path = write_configuration(tmp_path, '[journal]\nstate_dir = "s"')
    arguments = asked("--set", "target_delta=0.2", "--set", "risk.max_new_trades_per_day=3")
    arguments.config = [path]
    configuration, parameters = configured(arguments)
    assert parameters == ["target_delta=0.2"]
    assert configuration.settings.risk.max_new_trades_per_day == 3
