"""Does a worker answer every task with a line, whatever a model does or prints?"""

from __future__ import annotations

import os
import subprocess
import sys

import msgspec
import pytest

from tests.builders import board
from trader.app.calibration_worker import Task, answer
from trader.app.plugins import pricing_models
from trader.domain.models import ModelCalibrated
from trader.pricing.board_quotes import CalibrationSettings, surface

SURFACE = surface(board(iv=0.6, spread=0.0001), CalibrationSettings())


def test_a_worker_answers_line_by_line_and_ends_with_its_input() -> None:
    """Two tasks in, two answers out in their order, exit code 0; each tells how long it took."""
    tasks = [Task("black_scholes", SURFACE), Task("merton", SURFACE, (0.5, 1.0, -0.1, 0.1))]
    run = subprocess.run(
        [sys.executable, "-m", "trader.app.calibration_worker", "5"],
        input=b"".join(msgspec.json.encode(one) + b"\n" for one in tasks),
        capture_output=True, check=True, timeout=60,
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
    )  # fmt: skip
    said = [msgspec.json.decode(one, type=ModelCalibrated) for one in run.stdout.splitlines()]
    assert [one.model for one in said] == ["black_scholes", "merton"]
    assert all(one.reason == "" and one.took_s > 0 and one.forecasts for one in said)


@pytest.mark.parametrize("name", sorted(pricing_models()))
def test_every_installed_model_can_be_asked(name: str) -> None:
    """A worker makes any registered model by its name."""
    assert answer(Task(name, SURFACE), pricing_models()).model == name


def test_a_model_that_is_not_installed_is_a_reason() -> None:
    """The daemon may know a package that the worker's environment lacks."""
    assert answer(Task("nobody", SURFACE), {}).reason == "is not installed"
