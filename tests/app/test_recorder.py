"""Does recording stay out of the engine's way, whatever the disk does?"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from tests.app.recorded import demo_configuration
from tests.storage.inputs import manifest, quotes
from trader.app.configuration import load_configuration
from trader.app.recorder import Recorder, frozen_configuration, recordings_folder
from trader.storage.market_store import RecorderSettings
from trader.storage.replay_inputs import epoch_inputs

QUICK = RecorderSettings(flush_s=0.02, reserve_gb=0.0)


class Alerts(list[tuple[str, str]]):
    """What was told."""

    def __call__(self, kind: str, text: str) -> None:
        """Take an alert."""
        self.append((kind, text))


def sequences(root: Path) -> list[int]:
    """Read what was recorded."""
    return [one.sequence for one in epoch_inputs(root, 1)]


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


def test_keeping_an_input_costs_less_than_five_microseconds(tmp_path: Path) -> None:
    """The engine's thread only appends (a generous bound: machines are shared)."""
    recorder = Recorder(tmp_path, QUICK, Alerts())
    recorder.recording = True
    rows = quotes(20_000)
    began = time.perf_counter()
    for row in rows:
        recorder.record(row)
    assert (time.perf_counter() - began) / len(rows) < 5e-6
    recorder._thread.shutdown()


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
