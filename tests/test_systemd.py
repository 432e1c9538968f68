"""Does the service unit keep its promises: watchdog, restarts, a stop in 10 s, a small exposure?"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.source import ROOT
from trader.app.cli import command_parser
from trader.app.exit_codes import ExitCode
from trader.app.night_settings import NightSettings
from trader.app.settings import Settings
from trader.engine.engine import EngineSettings

UNITS = ROOT / "systemd"
UNIT = UNITS / "trader.service"
NIGHTLY = UNITS / "trader-nightly.service"
TIMER = UNITS / "trader-nightly.timer"
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXPOSURE_MAX = 1.5


def directives(unit: Path, section: str) -> dict[str, str]:
    """Return the directives of a section; the values of a repeated one are joined by spaces."""
    found: dict[str, str] = {}
    text = unit.read_text(encoding="utf-8").partition(f"[{section}]\n")[2].partition("\n[")[0]
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, _, value = line.partition("=")
            found[name] = f"{found[name]} {value}" if name in found else value
    return found


@pytest.fixture(scope="module")
def service() -> dict[str, str]:
    """Read what the daemon's unit says of its service."""
    return directives(UNIT, "Service")


@pytest.fixture(scope="module")
def nightly() -> dict[str, str]:
    """Read what the night's unit says of its service."""
    return directives(NIGHTLY, "Service")


def test_the_unit_tells_systemd_when_it_is_ready_and_alive(
    service: dict[str, str],
) -> None:
    """Type=notify with a watchdog: READY after recovery, then signs of progress."""
    assert service["Type"] == "notify"
    assert 10 <= int(service["WatchdogSec"]) <= 60


def test_the_unit_restarts_what_a_restart_can_mend(service: dict[str, str]) -> None:
    """A crash restarts; a bad configuration and a held journal do not."""
    hopeless = {ExitCode.CONFIGURATION.value, ExitCode.LOCKED.value}
    assert service["Restart"] == "on-failure"
    assert {int(code) for code in service["RestartPreventExitStatus"].split()} == hopeless
    assert int(service["TimeoutStopSec"]) == 10


@pytest.mark.parametrize("unit", [UNIT, NIGHTLY], ids=lambda path: path.name)
def test_the_units_set_only_settings_that_exist(unit: Path) -> None:
    """Each TRADER_ variable of a unit names a section and a key of the settings."""
    names = [
        assignment.split("=")[0].removeprefix("TRADER_").lower().split("__")
        for assignment in directives(unit, "Service")["Environment"].split()
        if assignment.startswith("TRADER_")
    ]
    assert names
    for section, key in names:
        model = Settings.model_fields[section].annotation
        assert key in getattr(model, "model_fields", {}), f"{section}.{key} is no setting"


def test_the_night_gives_way_and_is_bounded(nightly: dict[str, str]) -> None:
    """Lowest priority, the limits that the settings have by default, a demotion is no failure."""
    defaults = NightSettings()
    assert nightly["Nice"] == "19"
    assert nightly["MemoryMax"] == f"{defaults.memory_gb_max:g}G"
    assert nightly["TimeoutStartSec"] == f"{defaults.minutes_max / 60:g}h"
    assert int(nightly["CPUWeight"]) < 100, "100 is what everybody else has"
    assert {int(code) for code in nightly["SuccessExitStatus"].split()} == {ExitCode.DEMOTED}
    assert nightly["Type"] == "oneshot"


def test_the_night_shares_state_and_user_with_the_daemon(
    service: dict[str, str], nightly: dict[str, str]
) -> None:
    """Both see one journal; a dynamic user is named after its unit where it has no name."""
    for name in ("DynamicUser", "StateDirectory", "ConfigurationDirectory", "WorkingDirectory"):
        assert nightly[name] == service[name]
    assert nightly["User"] == UNIT.stem
    assert "TRADER_JOURNAL__STATE_DIR=/var/lib/trader" in nightly["Environment"].split()
    assert "TRADER_NIGHTLY__RUN_BY=timer" in service["Environment"].split(), "never both"


def test_the_night_is_what_a_person_types(nightly: dict[str, str]) -> None:
    """The command line parses, on the configuration of the daemon."""
    words = nightly["ExecStart"].split()
    assert words[0] == "/opt/trader/.venv/bin/trader"
    given = command_parser().parse_args(words[1:])
    assert [str(path) for path in given.config] == ["/etc/trader/trader.toml"]
    assert given.date is None, "yesterday"


def test_the_timer_fires_when_the_day_is_over_and_after_a_downtime() -> None:
    """At the minute the daemon would take, in UTC, and once for what was missed."""
    timer = directives(TIMER, "Timer")
    minute = EngineSettings().night_minute
    assert timer["OnCalendar"] == f"*-*-* 00:{minute:02d}:00 UTC"
    assert timer["Persistent"] == "yes"
    assert "[Install]" in TIMER.read_text(encoding="utf-8")
    assert "[Install]" not in NIGHTLY.read_text(encoding="utf-8"), "the timer starts it"


def test_what_is_installed_is_enabled_timer_included() -> None:
    """README copies every unit there is and enables daemon and timer; so does the unit itself."""
    block = README.partition("## As a service")[2].partition("```bash\n")[2].partition("```")[0]
    copied, _, enabled = (line.split() for line in block.splitlines())
    assert sorted(copied[2:-1]) == sorted(f"systemd/{path.name}" for path in UNITS.iterdir())
    assert enabled[:4] == ["sudo", "systemctl", "enable", "--now"]
    assert enabled[4:] == [UNIT.name, TIMER.name]
    assert f"enable --now trader {TIMER.name}" in UNIT.read_text(encoding="utf-8")


@pytest.mark.parametrize("unit", [UNIT, NIGHTLY], ids=lambda path: path.name)
def test_the_units_expose_little(unit: Path) -> None:
    """systemd's own review puts the exposure at 1.5 of 10 or less."""
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed here")
    run = subprocess.run(
        [
            *(analyze, "security", "--offline=true", "--no-pager"),
            f"--threshold={round(EXPOSURE_MAX * 10)}",
            str(unit),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-500:] + run.stderr
