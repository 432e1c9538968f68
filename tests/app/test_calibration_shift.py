"""Is every model answered for, whatever becomes of the process that fits it? Real processes."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from tests.builders import board
from trader.app.calibration_shift import CalibrationShift
from trader.engine.outcome import CalibrationNeeded
from trader.pricing.board_quotes import CalibrationSettings, surface

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from trader.domain.models import ModelCalibrated

MODELS = ("black_scholes", "merton", "heston")
SURFACE = surface(board(iv=0.6, spread=0.0001), CalibrationSettings())
PLANTED = """
import os, sys, time
from trader.app import calibration_worker as worker
fit = worker.answer
def answer(task, models):
    if task.model == "merton":
        BEHAVIOR
    return fit(task, models)
worker.answer = answer
worker.main()
"""


def planted(behavior: str) -> Sequence[str]:
    """Run the real worker, in which one model misbehaves."""
    return (sys.executable, "-c", PLANTED.replace("BEHAVIOR", behavior))


class Scene:
    """A shift whose answers are delivered here."""

    def __init__(self, command: Sequence[str] | None = None, **settings: Any) -> None:
        self.answers: list[ModelCalibrated] = []
        self._came = asyncio.Event()
        worker = {} if command is None else {"command": command}
        self.shift = CalibrationShift(
            CalibrationSettings.model_validate(settings), self._deliver, **worker
        )

    async def _deliver(self, answer: ModelCalibrated) -> None:
        self.answers.append(answer)
        self._came.set()

    async def until(self, count: int) -> list[ModelCalibrated]:
        """Wait for some answers."""
        while len(self.answers) < count:
            self._came.clear()
            await self._came.wait()
        return self.answers


@asynccontextmanager
async def running(scene: Scene) -> AsyncIterator[Scene]:
    """Run a shift; it ends with the block."""
    async with asyncio.TaskGroup() as tasks:
        job = tasks.create_task(scene.shift.run())
        try:
            yield scene
        finally:
            job.cancel()


def wanted(models: tuple[str, ...] = MODELS) -> CalibrationNeeded:
    """Want a surface fitted."""
    return CalibrationNeeded(SURFACE, models, {})


async def test_every_model_is_fitted_in_its_turn() -> None:
    """One worker serves board after board; the newest wish of a board stands for all of them."""
    async with running(Scene()) as scene:
        scene.shift.want(wanted(("nobody",)))
        scene.shift.want(wanted())
        answers = await scene.until(3)
        assert [one.model for one in answers] == list(MODELS)
        assert [one.reason for one in answers] == ["", "", ""]
        scene.shift.want(wanted(("black_scholes",)))
        assert (await scene.until(4))[-1].parameters == pytest.approx((0.6,), abs=0.01)


@pytest.mark.parametrize(
    ("behavior", "reason"),
    [
        ("time.sleep(600)", "stalled: no answer within 8 s (calibration.seconds_max)"),
        ("os._exit(7)", "its worker died (EOFError: it ended with code 7)"),
        ("os.abort()", "its worker died (EOFError: it ended with code -6)"),
        ("raise SystemExit(3)", "its worker died (EOFError: it ended with code 3)"),
    ],
)
async def test_a_model_that_stalls_or_dies_costs_only_itself(behavior: str, reason: str) -> None:
    """Not calibrated, with what happened; the next model gets a new worker; a person hears."""
    with capture_logs() as logs:
        async with running(Scene(planted(behavior), seconds_max=8.0)) as scene:
            scene.shift.want(wanted())
            answers = await scene.until(3)
    assert [one.reason for one in answers] == ["", reason, ""]
    assert answers[1].targets == tuple(one.instrument for one in SURFACE.targets)
    failed = [one["message"] for one in logs if one["event"] == "calibration.failed"]
    assert failed == [f"merton {reason}"]


async def test_what_a_model_prints_breaks_no_answer() -> None:
    """A stranger's model may talk: standard output is the worker's own."""
    async with running(Scene(planted("print('hello'); os.write(1, b'{}')"))) as scene:
        scene.shift.want(wanted())
        assert [one.reason for one in await scene.until(3)] == ["", "", ""]


async def test_a_worker_that_cannot_start_is_a_reason() -> None:
    """No such program: every model is answered for, and nothing is raised."""
    async with running(Scene(("/nowhere/python",))) as scene:
        scene.shift.want(wanted())
        for one in await scene.until(3):
            assert one.reason.startswith("its worker died (FileNotFoundError")


async def test_an_answer_that_is_none_is_a_reason() -> None:
    """A line that cannot be read: the worker is not trusted any further."""
    silly = (sys.executable, "-c", "import sys\nfor _ in sys.stdin: print('{}', flush=True)")
    async with running(Scene(silly)) as scene:
        scene.shift.want(wanted(("heston",)))
        (answer,) = await scene.until(1)
        assert answer.reason.startswith("its worker died (ValidationError")


async def test_a_shift_that_ends_leaves_no_worker(capfd: pytest.CaptureFixture[str]) -> None:
    """Canceled while a model stalls: its process is killed and waited for."""
    scene = Scene(planted("print(os.getpid(), file=sys.stderr, flush=True); time.sleep(600)"))
    async with running(scene):
        scene.shift.want(wanted(("black_scholes", "merton")))
        await scene.until(1)
        said = ""
        while not said.strip():
            await asyncio.sleep(0)
            said += capfd.readouterr().err
    with pytest.raises(ProcessLookupError):
        os.kill(int(said.split()[0]), 0)
