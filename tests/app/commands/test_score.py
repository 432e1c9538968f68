"""Can another program consult a policy, from a file or through a pipe?"""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from tests.app.running import within
from tests.strategies.policies import content

SEEN = {"iv": 0.6, "trend": 1.0}


def written(folder: Path) -> Path:
    """Write a policy."""
    path = folder / "policy.json"
    path.write_text(json.dumps(content()))
    return path


def test_states_of_a_file_are_answered(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A line each."""
    states = tmp_path / "states.jsonl"
    states.write_text(f"{json.dumps(SEEN)}\n{json.dumps({**SEEN, 'iv': 0.3})}\n")
    run = within("score", "--policy", written(tmp_path), "--state", states, capsys=capsys)
    assert (run.returncode, run.stderr) == (0, "")
    first, second = (json.loads(line) for line in run.stdout.splitlines())
    assert (first["action"], second["action"]) == ("SELL_CALL", "DO_NOTHING")
    assert first["says"].startswith("this candidate historically has reward +0.30% of spot")


def test_a_pipe_is_answered_line_by_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mistake is the answer of its line, is told, and ends with 78; the others are answered."""
    typed = f'{json.dumps(SEEN)}\n{{"iv": 1}}\n\n{json.dumps(SEEN)}\n'
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    run = within("score", "--policy", written(tmp_path), "--state", "-", capsys=capsys)
    assert run.returncode == 78
    answers = [json.loads(line) for line in run.stdout.splitlines()]
    assert [set(one) == {"error"} for one in answers] == [False, True, False]
    assert run.stderr.startswith("state 2: trend is missing: give a finite number")


def test_what_cannot_be_read_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The policy, the states, or nothing in them: exit 78."""
    policy = written(tmp_path)
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    for options, said in (
        (("--policy", tmp_path / "gone", "--state", "-"), "gone cannot be read"),
        (("--policy", policy, "--state", tmp_path / "gone"), "gone cannot be read"),
        (("--policy", policy, "--state", "-"), "--state holds no state"),
    ):
        run = within("score", *options, capsys=capsys)
        assert (run.returncode, run.stdout) == (78, "")
        assert said in run.stderr
