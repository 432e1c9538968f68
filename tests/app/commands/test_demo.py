"""Does `trader demo` reach its run with what was typed?"""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.app.running import ROOT, trader, write_configuration
from trader.app import cli
from trader.app.commands.demo import DEMO_CONFIG
from trader.app.configuration import find_state_dir


def test_the_defaults_are_the_demo_of_the_readme() -> None:
    """300 times real time, the shipped configuration, whatever state there is."""
    given = cli.command_parser().parse_args(["demo"])
    assert (given.speed, given.config, given.fresh, given.state) == (300, DEMO_CONFIG, False, None)


def test_its_state_lies_hidden_beside_the_configuration() -> None:
    """The demo leaves nothing on a checkout's first page: its state is hidden and git-ignored."""
    assert find_state_dir([ROOT / DEMO_CONFIG], {}) == ROOT / ".state" / "demo"
    ignored = subprocess.run(
        ["git", "check-ignore", "--quiet", ".state/demo/journal.sqlite"], cwd=ROOT, check=False
    )
    assert ignored.returncode == 0


def test_it_says_where_its_configuration_was_looked_for(tmp_path: Path) -> None:
    """Outside a checkout the demo's configuration is missing: exit 78 with its name."""
    run = trader("demo", cwd=tmp_path)
    assert run.returncode == 78
    assert "config/demo.toml: cannot be read" in run.stderr


def test_mistakes_are_found_before_anything_is_started(tmp_path: Path) -> None:
    """A wrong --set ends it with exit 78 and leaves no state."""
    path = write_configuration(tmp_path, '[journal]\nstate_dir = "s"')
    run = trader("demo", "--config", path, "--set", "risk.enabled=false")
    assert run.returncode == 78
    assert not (tmp_path / "s").exists()
