"""Does the service unit keep its promises: watchdog, restarts, a stop in 10 s, a small exposure?"""

from __future__ import annotations

import shutil
import subprocess

import pytest

from tests.source import ROOT
from trader.app.exit_codes import ExitCode
from trader.app.settings import Settings

UNIT = ROOT / "systemd" / "trader.service"
EXPOSURE_MAX = 1.5


@pytest.fixture(scope="module")
def service() -> dict[str, str]:
    """Return the directives of [Service]; the values of a repeated one are joined by spaces."""
    found: dict[str, str] = {}
    text = UNIT.read_text(encoding="utf-8").partition("[Service]\n")[2].partition("\n[")[0]
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, _, value = line.partition("=")
            found[name] = f"{found[name]} {value}" if name in found else value
    return found


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


def test_the_unit_sets_only_settings_that_exist(service: dict[str, str]) -> None:
    """Each TRADER_ variable of the unit names a section and a key of the settings."""
    names = [
        assignment.split("=")[0].removeprefix("TRADER_").lower().split("__")
        for assignment in service["Environment"].split()
        if assignment.startswith("TRADER_")
    ]
    assert names
    for section, key in names:
        model = Settings.model_fields[section].annotation
        assert key in getattr(model, "model_fields", {}), f"{section}.{key} is no setting"


def test_the_unit_exposes_little() -> None:
    """systemd's own review puts the exposure at 1.5 of 10 or less."""
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed here")
    run = subprocess.run(
        [
            *(analyze, "security", "--offline=true", "--no-pager"),
            f"--threshold={round(EXPOSURE_MAX * 10)}",
            str(UNIT),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-500:] + run.stderr
