"""How are the engine's inputs kept without ever making it wait? A list, and a thread behind it.

The engine appends; every flush takes the whole list to a thread of its own. Whatever goes wrong
there (a full disk, a slow one) ends or thins the recording, with an alert, and nothing else.
"""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from trader.app.observability import logger
from trader.domain.events import RecordingTrouble
from trader.storage.market_store import MarketStore
from trader.storage.recordings import FOLDER, EpochManifest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from trader.app.configuration import Configuration
    from trader.domain.events import Stamped
    from trader.domain.facts import EpochOpened
    from trader.storage.market_store import RecorderSettings

    Alert = Callable[[RecordingTrouble], Awaitable[None]]

WAITING_MAX: Final = 500_000
"""Inputs that may wait for a slow disk: half a minute of the fastest feed."""

NOT_REPLAYED: Final[dict[str, bool | set[str]]] = dict.fromkeys(
    ("log", "web", "notifications", "journal", "recorder", "strategies"), True
) | {"feed": {"credentials_file"}}


class Recorder:
    """The recording of a running daemon; belongs to its event loop.

    Invariant: `record` never waits and never raises. Between `begin` and `close` everything it was
    given is written within `flush_s`, or an alert said that it was not.
    """

    def __init__(
        self,
        root: Path,
        settings: RecorderSettings,
        alert: Alert,
        *,
        waiting_max: int = WAITING_MAX,
    ) -> None:
        self._settings = settings
        self._alert = alert
        self._store = MarketStore(root, settings)
        self._thread = ThreadPoolExecutor(1, "recorder")
        self._waiting: list[Stamped] = []
        self._waiting_max = waiting_max
        self._dropped = 0
        self._trimmed = False
        self._opening: tuple[EpochManifest, Callable[[], dict[str, str]]] | None = None
        self.recording = False
        self.written = 0

    def record(self, stamped: Stamped) -> None:
        """Keep one input; it is dropped where the disk is too slow."""
        if not self.recording:
            return
        if len(self._waiting) < self._waiting_max:
            self._waiting.append(stamped)
        else:
            self._dropped += 1

    def begin(self, manifest: EpochManifest, files: Callable[[], dict[str, str]]) -> None:
        """Keep every input from here on; the first flush opens the epoch on disk.

        `files` reads the configuration then: what it cannot read ends the recording only.
        """
        self._opening = (manifest, files)
        self.recording = True

    async def run(self) -> None:
        """Open the epoch on disk at once, then write every `flush_s`, until canceled."""
        while True:
            await self.flush()
            await asyncio.sleep(self._settings.flush_s)

    async def flush(self) -> None:
        """Write what waits."""
        rows, self._waiting = self._waiting, []
        if self._dropped:
            text = (
                f"{self._dropped} inputs were not recorded: the disk is too slow; this epoch can "
                "be replayed up to there"
            )
            self._dropped = 0
            await self._alert(RecordingTrouble("recording_dropped", text))
        if not self.recording:
            return
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._write, rows)
        except Exception as error:  # noqa: BLE001 - recording never ends trading
            await self._end(error)
        else:
            self.written += len(rows)
            await self._tell_of_trimming()

    def _write(self, rows: list[Stamped]) -> None:
        """Write on the recorder's thread; loading pyarrow and compacting leftovers happen here."""
        opening, self._opening = self._opening, None
        if opening is not None:
            manifest, files = opening
            kept = self._store.begin(manifest, files())
            if kept is not None:
                message = f"another journal's recording is kept as {kept.name}"
                logger("recorder").info("recorder.set_aside", message=message)
        self._store.write(rows)

    async def close(self) -> None:
        """Write what waits, compact it, and end the thread."""
        await self.flush()
        loop = asyncio.get_running_loop()
        if self.recording:
            try:
                await loop.run_in_executor(self._thread, self._store.close)
            except Exception as error:  # noqa: BLE001 - recording never ends trading
                await self._end(error)
        self.recording = False
        self._thread.shutdown()

    async def _tell_of_trimming(self) -> None:
        """Say once that the budget is too small for the days that should be kept."""
        day = self._store.early_day
        if day is None or self._trimmed:
            return
        self._trimmed = True
        settings = self._settings
        text = (
            f"recordings of {day} were deleted to stay within {settings.budget_gb:g} GB "
            f"(recorder.budget_gb), before their {settings.retention_days} days "
            "(recorder.retention_days) were over: what is left of their epochs cannot be replayed"
        )
        await self._alert(RecordingTrouble("recording_trimmed", text))

    async def _end(self, error: Exception) -> None:
        """Stop recording for good, and say why; what was written stays readable."""
        self.recording = False
        self._waiting = []
        await asyncio.get_running_loop().run_in_executor(self._thread, self._store.abandon)
        text = f"recording stopped, trading goes on: {error}"
        await self._alert(RecordingTrouble("recording_stopped", text))


def recordings_folder(state_dir: Path) -> Path:
    """Name the folder of recordings in a state directory."""
    return state_dir / FOLDER


def epoch_manifest(
    configuration: Configuration, opening: EpochOpened, *, at: int, sequence: int, recovered: int
) -> EpochManifest:
    """Write down where an epoch begins."""
    return EpochManifest(
        opening=opening,
        opened_at=at,
        opened_sequence=sequence,
        facts_recovered=recovered,
        balances=dict(configuration.settings.account.balances),
        strategies={one.file.name: one.configuration_hash for one in configuration.strategies},
    )


def frozen_configuration(configuration: Configuration) -> dict[str, str]:
    """Write the configuration in force as files that `--config` reads: what decides, no secrets."""
    settings = configuration.settings.model_dump(exclude=NOT_REPLAYED)
    lines = [
        f"# What epochs recorded beside this file ran on; trader {version('trader')}.",
        f"strategies = {_toml(['strategies'] if configuration.strategies else [])}",
        *(f"{name} = {_toml(value)}" for name, value in settings.items() if value is not None),
    ]
    files = {"trader.toml": "\n".join(lines) + "\n"}
    for one in configuration.strategies:
        files[f"strategies/{one.file.name}.toml"] = one.path.read_text(encoding="utf-8")
    return files


def _toml(value: object) -> str:
    """Write a value as TOML does; a table's keys without a value are left out."""
    match value:
        case dict():
            parts = (
                f"{json.dumps(str(name))} = {_toml(one)}"
                for name, one in value.items()
                if one is not None
            )
            return "{" + ", ".join(parts) + "}"
        case tuple() | list():
            return "[" + ", ".join(map(_toml, value)) + "]"
        case _:
            return json.dumps(value)
