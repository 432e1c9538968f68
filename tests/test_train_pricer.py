"""Training the pricer: seeded, the same twice, and what it writes is what the package reads."""

from __future__ import annotations

import math
import subprocess
import sys
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from tests.source import ROOT
from trader.pricing.mixture import PARTS
from trader.pricing.network import Trained, as_arrays, trained

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = ROOT / "scripts" / "train_pricer"


def trained_to(path: Path, *options: str) -> tuple[str, Trained]:
    """Train a little, and return what was said and written."""
    run = subprocess.run(
        [sys.executable, SCRIPT, "--surfaces", "192", "--out", path, *options],
        capture_output=True, text=True, check=True, cwd=ROOT,
    )  # fmt: skip
    return run.stdout, msgspec.json.decode(path.read_bytes(), type=Trained)


def test_the_same_seed_trains_the_same_network(tmp_path: Path) -> None:
    """Every byte; what it learned is not what it began with, and its box is the package's."""
    before = trained()
    said, one = trained_to(tmp_path / "one.json", "--epochs", "2")
    trained_to(tmp_path / "two.json", "--epochs", "2")
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()
    assert "epoch 2: relative error" in said
    assert one.card.surfaces == 154
    assert one.card.steps == 4
    assert one.layers[-1].bias[0] != math.log(0.5)
    assert one.card.box == before.card.box
    told, _ = as_arrays(one).answer(np.array([one.center]).T)
    assert told.shape == (PARTS, 1)


def test_too_little_to_learn_from_is_refused(tmp_path: Path) -> None:
    """Fewer surfaces than make two batches, or no epoch: exit 2 with what to give."""
    for wrong in (("--surfaces", "100"), ("--epochs", "0")):
        run = subprocess.run(
            [sys.executable, SCRIPT, "--out", tmp_path / "none.json", *wrong],
            capture_output=True, text=True, check=False, cwd=ROOT,
        )  # fmt: skip
        assert run.returncode == 2
        assert "--surfaces must be 192 or more, --epochs and --every 1 or more" in run.stderr
    assert not (tmp_path / "none.json").exists()
