"""Do results and complaints go to different places?"""

from __future__ import annotations

import json

import pytest

from trader.app.terminal import complain, say, say_json


def test_results_go_to_stdout_and_complaints_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    """A pipe sees results only."""
    say("result")
    complain("trouble")
    assert capsys.readouterr() == ("result\n", "trouble\n")


def test_json_is_whole_and_keeps_letters(capsys: pytest.CaptureFixture[str]) -> None:
    """A program reads back what was said; letters beyond ASCII stay readable."""
    say_json({"name": "é", "list": [1, None]})
    out = capsys.readouterr().out
    assert json.loads(out) == {"name": "é", "list": [1, None]}
    assert "é" in out
