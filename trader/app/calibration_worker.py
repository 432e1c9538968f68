"""How is a model fitted beside the daemon? A process that reads tasks and writes answers.

One task, one line of JSON, on standard input; one answer, one line, on standard output. It ends
with its input. What a model prints goes to standard error, so that it cannot break an answer. Where
numba is installed and may run, compiled loops price as soon as they are ready, numpy until then.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from threading import Thread
from typing import TYPE_CHECKING

import msgspec

from trader.app.compiled_pricing import compile_pricing
from trader.app.executors import die_with_parent
from trader.app.plugins import pricing_models
from trader.domain.models import ModelCalibrated, Surface
from trader.pricing.recalibration import not_calibrated, recalibrate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trader.pricing.model import PricingModel


class Task(msgspec.Struct, frozen=True):
    """One model to fit to one surface, from `start` where there is one."""

    model: str
    surface: Surface
    start: tuple[float, ...] | None = None


def answer(task: Task, models: Mapping[str, type[PricingModel]]) -> ModelCalibrated:
    """Fit, and tell how long it took; a model that is not installed here is not calibrated."""
    began = time.perf_counter()
    kind = models.get(task.model)
    if kind is None:
        return not_calibrated(task.surface, task.model, "is not installed")
    fitted = recalibrate(kind(), task.surface, task.start)
    return msgspec.structs.replace(fitted, took_s=time.perf_counter() - began)


def main() -> None:
    """Answer tasks until the input ends; `niceness` is the only argument."""
    die_with_parent()
    with suppress(PermissionError):  # a sandbox may forbid it
        os.nice(int(sys.argv[1]))
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    models = pricing_models()
    Thread(target=compile_pricing, daemon=True).start()
    decoder = msgspec.json.Decoder(Task)
    for line in sys.stdin.buffer:
        answers.write(msgspec.json.encode(answer(decoder.decode(line), models)) + b"\n")
        answers.flush()


if __name__ == "__main__":
    main()
