"""Can a person train a policy, is it written whole, and is every mistake named?"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.app.running import within
from tests.app.training_files import examples, write_rows
from trader.strategies.fitted_policy import FittedPolicy


def test_a_policy_is_told_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The table on stdout, the file where it is asked, readable by its own loader."""
    path, out = write_rows(tmp_path, examples(200, edge=0.02)), tmp_path / "out" / "policy.json"
    options = ("--data", path, "--out", out, "--features", "iv,trend", "--threshold", "0.001")
    run = within("train", "policy", *options, capsys=capsys)
    assert (run.returncode, run.stderr) == (0, "")
    policy = FittedPolicy.model_validate_json(out.read_text(), strict=True)
    assert (policy.names, policy.threshold) == (("trend", "iv"), 0.001)
    assert run.stdout.endswith(f"Result: {policy.tested.evidence}.\nWritten: {out}\n")


def test_mistakes_are_told_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 78: no such set; the extra is not installed."""
    out = tmp_path / "policy.json"
    options = ("--data", tmp_path / "none.csv", "--out", out)
    monkeypatch.setitem(sys.modules, "sklearn.linear_model", None)
    run = within("train", "policy", *options, capsys=capsys)
    assert run.returncode == 78
    assert run.stderr == (
        "trader train: the extra `train` is not installed (pip install trader[train])\n"
    )
    assert not out.exists()
