"""How does the daemon get its night judged? One child process at a time, whose verdict it adopts.

The child is the command a person types; it only writes its folder. What it could not judge in time
comes back as a night without judgment: stages follow by rule, the reason is told.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sys
import time
from typing import TYPE_CHECKING, Final

from trader.app.exit_codes import ExitCode
from trader.app.night_folder import NIGHTS, NightUnusable, read_decisions
from trader.app.observability import logger
from trader.app.recorder import frozen_configuration
from trader.domain.events import NightEvaluated, NightVerdict
from trader.domain.units import SECOND
from trader.views.log_lines import judgment
from trader.views.text import duration

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from pathlib import Path

    from trader.app.configuration import Configuration
    from trader.app.night_folder import Origin
    from trader.app.night_settings import NightSettings
    from trader.engine.outcome import NightNeeded
    from trader.engine.review import Slot

LOG_NAME: Final = "nightly.log"
LOG_BYTES_MAX: Final = 1_000_000
REASON_LENGTH_MAX: Final = 500
PATIENCE_S: Final = 5.0
"""How long a child that was asked to end may take."""
ATTEMPTS: Final = 3
"""How often a night is begun whose process is killed or breaks; one that says why is believed."""
TIMER_REMEDY: Final = (
    "is the timer on? `systemctl enable --now trader-nightly.timer`,"
    ' or let the daemon do it (nightly.run_by = "daemon")'
)
DONE: Final = (ExitCode.OK, ExitCode.DEMOTED)


class NightShift:
    """Runs at most one night at a time; of several that wait the newest stands for all.

    `origin` tells what a night must have been made from to be ours; `deliver` hands what it judged
    to the engine and waits until that is taken.
    """

    def __init__(
        self,
        settings: NightSettings,
        folder: Path,
        command: Sequence[str],
        slots: Sequence[Slot],
        origin: Callable[[], Origin],
        deliver: Callable[[NightEvaluated], Awaitable[None]],
    ) -> None:
        self._settings = settings
        self._folder = folder
        self._command = tuple(command)
        self._slots = tuple(slots)
        self._origin = origin
        self._deliver = deliver
        self._wanted: NightNeeded | None = None
        self._woken = asyncio.Event()
        self._log = logger("night")
        self.under_way = ""
        """The date that is being judged, "" where none is."""

    def want(self, request: NightNeeded) -> None:
        """Ask for a night; an older one that waits is dropped."""
        if self._settings.run_by == "nobody" and not request.by_hand:
            return
        if self._wanted is None or request.date >= self._wanted.date:
            self._wanted = request
            self._woken.set()

    async def run(self) -> None:
        """Judge what is wanted until canceled."""
        while True:
            await self._woken.wait()
            self._woken.clear()
            wanted, self._wanted = self._wanted, None
            if wanted is None:
                continue
            self.under_way = wanted.date
            try:
                await self._deliver(await self._night(wanted.date))
            finally:
                self.under_way = ""

    async def _night(self, date: str) -> NightEvaluated:
        """Take a night from its folder, or have it made."""
        began = time.monotonic()
        night = self._found(date)
        if isinstance(night, str):
            if self._settings.run_by == "timer":
                night = await self._awaited(date)
            else:
                night = await self._made(date, night)
        if isinstance(night, str):
            return self._without_judgment(date, night)
        took = duration(round(time.monotonic() - began) * SECOND)
        message = f"night of {date} judged in {took}: report in {self._folder / date}"
        self._log.info("night.done", message=message)
        for verdict in night.verdicts:
            message = f"{verdict.strategy} earns {judgment(verdict)}"
            self._log.info("night.verdict", message=message, strategy=verdict.strategy)
        return night

    def _found(self, date: str) -> NightEvaluated | str:
        """Read what lies in the folder of a night; say why where it is of no use."""
        try:
            return read_decisions(self._folder / date, self._origin())
        except NightUnusable as error:
            return str(error)

    async def _awaited(self, date: str) -> NightEvaluated | str:
        """Wait for what another unit writes, or until it is late."""
        minutes = self._settings.minutes_max
        message = f"waiting for the night of {date}, which a timer starts (nightly.run_by)"
        self._log.info("night.awaited", message=message)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(minutes * 60):
                while isinstance(night := self._found(date), str):  # noqa: ASYNC110 - a file
                    await asyncio.sleep(1.0)
                return night
        return f"did not come within {minutes:g} minutes: {self._found(date)}; {TIMER_REMEDY}"

    async def _made(self, date: str, why: str) -> NightEvaluated | str:
        """Have a night made by a child process; say why where there is none."""
        if (self._folder / date).exists():
            self._log.warning("night.anew", message=f"the night of {date} is made anew: {why}")
        message = f"evaluating the day {date} in a child process"
        self._log.info("night.begins", message=message)
        minutes, failure = self._settings.minutes_max, ""
        try:
            async with asyncio.timeout(minutes * 60):
                for _ in range(ATTEMPTS):
                    failure, again = await self._child(date)
                    if not again:
                        break
                    self._log.warning("night.died", message=f"night of {date}: {failure}")
        except TimeoutError:
            failure = f"was stopped after {minutes:g} minutes (nightly.minutes_max)"
        except OSError as error:  # no process, no memory, no disk: trading goes on
            failure = f"could not be begun: {error}"
        night = self._found(date)
        return failure if failure and isinstance(night, str) else night

    async def _child(self, date: str) -> tuple[str, bool]:
        """Run the evaluation once; tell what it died of, "" where it did not, and if to retry."""
        log = self._child_log()
        again = ("--again",) if (self._folder / date).exists() else ()
        with log.open("ab") as output:
            child = await asyncio.create_subprocess_exec(
                *self._command, "--date", date, "--until-eof", *again,
                stdin=asyncio.subprocess.PIPE, stdout=output, stderr=output,
                start_new_session=True, env=_environment(),
            )  # fmt: skip
        try:
            code = await child.wait()
        finally:
            await _end(child)
        if code in DONE:
            return "", False
        if code < 0:
            return f"was killed by signal {-code} (see {log})", True
        said = _last_line(log) or "nothing was said"
        return f"ended with code {code}: {said} (see {log})", code == ExitCode.FAILURE

    def _child_log(self) -> Path:
        """Name the log of the children, begun anew where it has grown large."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        log = self._folder / LOG_NAME
        if log.exists() and log.stat().st_size > LOG_BYTES_MAX:
            log.replace(log.with_name(f"{LOG_NAME}.1"))
        return log

    def _without_judgment(self, date: str, reason: str) -> NightEvaluated:
        """State a night that judged nothing, of every strategy."""
        self._log.error("night.failed", message=f"the night of {date} {reason}")
        text = f"the night {reason}"[:REASON_LENGTH_MAX]
        verdicts = tuple(
            NightVerdict(
                strategy=slot.name,
                configuration_hash=slot.configuration_hash,
                stage="RESEARCH",
                standing="failed",
                reason=text,
            )
            for slot in self._slots
        )
        return NightEvaluated(
            date=date, profile=self._settings.profile, verdicts=verdicts, detail=text
        )


def _last_line(log: Path) -> str:
    """Read what a child said last."""
    with log.open("rb") as file:
        file.seek(max(log.stat().st_size - 2_000, 0))
        lines = file.read().decode(errors="replace").split("\n")
    return next((line.strip()[:300] for line in reversed(lines) if line.strip()), "")


def _environment() -> dict[str, str]:
    """Hand the environment on but for what configures us: the frozen copy holds that already."""
    return {name: text for name, text in os.environ.items() if not name.startswith("TRADER_")}


async def _end(child: asyncio.subprocess.Process) -> None:
    """End a child with all its workers: its input ends, then it is killed."""
    if child.stdin is not None:
        child.stdin.close()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE_S):
            await child.wait()
            return
    with contextlib.suppress(ProcessLookupError):
        child.kill()
    await child.wait()


def nightly_command(configuration: Configuration) -> tuple[str, ...]:
    """Name the command a night is, as a person would type it, on the configuration in force.

    It reads a copy: what is edited meanwhile belongs to the next start.
    """
    folder = configuration.state_dir / NIGHTS / "configuration"
    shutil.rmtree(folder, ignore_errors=True)  # a strategy that is gone must not be judged
    for name, text in frozen_configuration(configuration).items():
        (folder / name).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return (
        *(sys.executable, "-m", "trader.app.cli", "nightly"),
        *("--config", str(folder / "trader.toml")),
        *("--set", f"journal.state_dir={configuration.state_dir}"),
        *("--set", f"journal.url={configuration.journal_url}"),
    )
