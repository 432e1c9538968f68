"""Does recording stay out of the engine's way, whatever the disk does?"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.app.recorded import demo_configuration
from tests.app.running import ROOT
from tests.storage.inputs import NOON, manifest, quotes
from trader.app.configuration import load_configuration
from trader.app.recorder import Recorder, frozen_configuration, recordings_folder
from trader.domain.events import FeedFault, RecordingTrouble, Stamped
from trader.domain.units import DAY
from trader.storage.market_store import RecorderSettings
from trader.storage.replay_inputs import epoch_inputs

QUICK = RecorderSettings(flush_s=0.02, reserve_gb=0.0)


class Alerts(list[tuple[str, str]]):
    """What was told: kind and detail."""

    async def __call__(self, trouble: RecordingTrouble) -> None:
        """Take an alert."""
        self.append((trouble.kind, trouble.detail))


def sequences(root: Path) -> list[int]:
    """Read what was recorded."""
    return [one.sequence for one in epoch_inputs(root, 1)]


def files_in(root: Path) -> list[Path]:
    """List what lies there."""
    return list(root.rglob("*"))


async def test_what_it_is_given_is_on_disk_a_flush_later(tmp_path: Path) -> None:
    """And all of it after the end; before the beginning nothing is kept."""
    alerts = Alerts()
    recorder = Recorder(tmp_path, QUICK, alerts)
    for row in quotes(3):
        recorder.record(row)
    async with asyncio.TaskGroup() as tasks:
        recorder.begin(manifest(), dict)
        task = tasks.create_task(recorder.run())
        for row in quotes(50):
            recorder.record(row)
        async with asyncio.timeout(10):
            while recorder.written < 50:  # noqa: ASYNC110 - the recorder tells nobody
                await asyncio.sleep(0.01)
        assert sequences(tmp_path) == list(range(1, 51))
        task.cancel()
    for row in quotes(5, 51):
        recorder.record(row)
    await recorder.close()
    assert sequences(tmp_path) == list(range(1, 56))
    assert alerts == []


async def test_a_full_disk_ends_the_recording_with_an_alert_and_nothing_else(
    tmp_path: Path,
) -> None:
    """Later inputs are let go, the rest of the daemon never hears of it."""
    alerts = Alerts()
    recorder = Recorder(tmp_path, RecorderSettings(reserve_gb=1_000), alerts)
    recorder.begin(manifest(), dict)
    recorder.record(quotes(1)[0])
    await recorder.flush()
    assert [kind for kind, _ in alerts] == ["recording_stopped"]
    assert "recorder.reserve_gb" in alerts[0][1]
    for row in quotes(100):
        recorder.record(row)
    await recorder.flush()
    await recorder.close()
    assert len(alerts) == 1
    assert sequences(tmp_path) == []


def test_a_disk_of_one_megabyte_fills_up(tmp_path: Path) -> None:
    """A file system of its own, really full: one alert, and what was written reads back whole."""
    mount = f"mount -t tmpfs -o size=1m tmpfs {tmp_path}"
    if subprocess.run(["unshare", "-rm", "sh", "-c", mount], check=False).returncode:
        pytest.skip("this system lets nobody mount a small file system")
    script = f"{mount} && exec {sys.executable} -c '{_FILL}' {tmp_path}"
    run = subprocess.run(
        ["unshare", "-rm", "sh", "-c", script], cwd=ROOT, env={**os.environ, "PYTHONPATH": "."},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    kind, errno_text, written, read = run.stdout.split("|")
    assert kind == "recording_stopped"
    assert "No space left on device" in errno_text
    assert int(read) >= int(written) > 1_000


_FILL = """
import asyncio, sys
from pathlib import Path
from tests.app.test_recorder import Alerts, sequences
from tests.storage.inputs import manifest, quotes
from trader.app.recorder import Recorder
from trader.storage.market_store import RecorderSettings

async def fill(root):
    alerts, first = Alerts(), 1
    recorder = Recorder(root, RecorderSettings(reserve_gb=0.0), alerts)
    recorder.begin(manifest(), dict)
    while recorder.recording:
        for row in quotes(500, first):
            recorder.record(row)
        first += 500
        await recorder.flush()
    await recorder.close()
    found = sequences(root)
    whole = found[:recorder.written]  # of the flush that failed, one file may have its part
    assert whole == list(range(1, recorder.written + 1))
    [(kind, detail)] = alerts
    print(kind, detail, recorder.written, len(found), sep="|")

asyncio.run(fill(Path(sys.argv[1]) / "recordings"))
"""


async def test_a_folder_that_cannot_be_written_is_an_alert(tmp_path: Path) -> None:
    """A file where the folder should be."""
    place = tmp_path / "recordings"
    place.write_text("in the way")
    alerts = Alerts()
    recorder = Recorder(place, QUICK, alerts)
    recorder.begin(manifest(), dict)
    await recorder.flush()
    await recorder.close()
    assert [kind for kind, _ in alerts] == ["recording_stopped"]


async def test_a_slow_disk_drops_inputs_and_says_how_many(tmp_path: Path) -> None:
    """The list is bounded; what stands in it is written, the loss is told once per flush."""
    alerts = Alerts()
    recorder = Recorder(tmp_path, QUICK, alerts, waiting_max=10)
    recorder.begin(manifest(), dict)
    for row in quotes(25):
        recorder.record(row)
    await recorder.flush()
    await recorder.close()
    assert [kind for kind, _ in alerts] == ["recording_dropped"]
    assert alerts[0][1].startswith("15 inputs")
    assert sequences(tmp_path) == list(range(1, 11))


async def test_a_budget_too_small_for_the_retention_is_told_once(tmp_path: Path) -> None:
    """Days that were to be kept are deleted: a person must know, but not at every rotation."""
    alerts = Alerts()
    recorder = Recorder(tmp_path, RecorderSettings(budget_gb=0.01, reserve_gb=0.0), alerts)
    recorder.begin(manifest(), dict)
    for day in range(20):
        noise = FeedFault("garbage", (), os.urandom(700_000).hex())
        recorder.record(Stamped(1 + day, NOON + day * DAY, noise))
        await recorder.flush()
    await recorder.close()
    [(kind, detail)] = alerts
    assert kind == "recording_trimmed"
    assert "recorder.budget_gb" in detail
    assert sequences(tmp_path)[-1] == 20


async def test_keeping_an_input_is_an_append_and_nothing_else(tmp_path: Path) -> None:
    """Until a flush no file is opened and no thread begins: the engine waits for neither."""
    recorder = Recorder(tmp_path / "new", QUICK, Alerts())
    recorder.begin(manifest(), dict)
    threads = threading.active_count()
    for row in quotes(2_000):
        recorder.record(row)
    assert files_in(tmp_path) == []
    assert (threading.active_count(), recorder.written) == (threads, 0)
    await recorder.close()
    assert sequences(tmp_path / "new") == list(range(1, 2_001))


def test_the_frozen_configuration_loads_to_the_same_decisions(tmp_path: Path) -> None:
    """Every setting that decides, every strategy, read back by the ordinary door."""
    configuration = demo_configuration(tmp_path, "risk.max_risk_per_trade=0.0075")
    folder = tmp_path / "frozen"
    for name, content in frozen_configuration(configuration).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    again = load_configuration([folder / "trader.toml"], environment={})
    decides = {"risk", "broker", "engine", "feed", "account", "stage_floor"}
    assert again.settings.model_dump(include=decides) == configuration.settings.model_dump(
        include=decides
    )
    assert {one.file.name: one.configuration_hash for one in again.strategies} == {
        one.file.name: one.configuration_hash for one in configuration.strategies
    }
    assert recordings_folder(tmp_path) == tmp_path / "recordings"


async def test_a_configuration_that_went_away_ends_the_recording_only(tmp_path: Path) -> None:
    """Strategy files are read again when the epoch opens; one may be gone by then."""
    alerts = Alerts()
    recorder = Recorder(tmp_path, QUICK, alerts)

    def gone() -> dict[str, str]:
        raise FileNotFoundError("strategies/covered_call_btc.toml")

    recorder.begin(manifest(), gone)
    await recorder.flush()
    await recorder.close()
    assert [kind for kind, _ in alerts] == ["recording_stopped"]
