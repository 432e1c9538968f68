"""How does the daemon get its models fitted? One worker process, one model at a time.

A model that does not answer in time has stalled: its worker is killed, the reason is its answer,
and the next model gets a new one. So is one that dies with its worker. Trading never waits for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from typing import TYPE_CHECKING, Final

import msgspec

from trader.app.calibration_worker import Task
from trader.app.observability import logger
from trader.domain.models import ModelCalibrated
from trader.pricing.recalibration import not_calibrated

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from trader.engine.outcome import CalibrationNeeded
    from trader.pricing.board_quotes import CalibrationSettings

LINE_BYTES_MAX: Final = 1 << 22


class CalibrationShift:
    """Fits what is wanted, one board after the other; of one board the newest stands for all.

    `deliver` hands an answer to the engine and waits until it is taken. Each model that was wanted
    is answered for, calibrated or not.
    """

    def __init__(
        self,
        settings: CalibrationSettings,
        deliver: Callable[[ModelCalibrated], Awaitable[None]],
        command: Sequence[str] = (sys.executable, "-m", "trader.app.calibration_worker"),
    ) -> None:
        self._settings = settings
        self._deliver = deliver
        self._command = (*command, str(settings.niceness))
        self._wanted: dict[str, CalibrationNeeded] = {}
        self._woken = asyncio.Event()
        self._worker: asyncio.subprocess.Process | None = None
        self._log = logger("models")

    def want(self, request: CalibrationNeeded) -> None:
        """Ask for a calibration; an older one of the same board that waits is dropped."""
        self._wanted[request.surface.underlying] = request
        self._woken.set()

    async def run(self) -> None:
        """Fit what is wanted until canceled."""
        try:
            while True:
                await self._woken.wait()
                self._woken.clear()
                while self._wanted:
                    await self._fit(self._wanted.pop(next(iter(self._wanted))))
        finally:
            await self._end()

    async def _fit(self, request: CalibrationNeeded) -> None:
        """Have every model of a request fitted, and deliver each answer as it comes."""
        for model in request.models:
            task = Task(model, request.surface, request.starts.get(model))
            await self._deliver(await self._answer(task))

    async def _answer(self, task: Task) -> ModelCalibrated:
        """Have one model fitted; a worker that stalls or dies is replaced."""
        seconds = self._settings.seconds_max
        try:
            async with asyncio.timeout(seconds):
                return await self._asked(task)
        except TimeoutError:
            reason = f"stalled: no answer within {seconds:g} s (calibration.seconds_max)"
        except (OSError, EOFError, msgspec.MsgspecError) as error:
            reason = f"its worker died ({type(error).__name__}: {error})"
        await self._end()
        self._log.warning("calibration.failed", message=f"{task.model} {reason}")
        return not_calibrated(task.surface, task.model, reason)

    async def _asked(self, task: Task) -> ModelCalibrated:
        worker = await self._started()
        if worker.stdin is None or worker.stdout is None:
            raise EOFError("no pipes")
        worker.stdin.write(msgspec.json.encode(task) + b"\n")
        await worker.stdin.drain()
        line = await worker.stdout.readline()
        if not line.endswith(b"\n"):
            raise EOFError(f"it ended with code {await worker.wait()}")
        return msgspec.json.decode(line, type=ModelCalibrated)

    async def _started(self) -> asyncio.subprocess.Process:
        """Use the worker that runs, or start one."""
        if self._worker is None:
            self._worker = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
                limit=LINE_BYTES_MAX, start_new_session=True,
                env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
            )  # fmt: skip
        return self._worker

    async def _end(self) -> None:
        """Kill the worker, whatever it does."""
        worker, self._worker = self._worker, None
        if worker is None:
            return
        with contextlib.suppress(ProcessLookupError):
            worker.kill()
        if worker.stdin is not None:
            worker.stdin.close()
        await worker.wait()
