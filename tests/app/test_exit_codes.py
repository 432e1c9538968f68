"""Does README list the exit codes there are?"""

from __future__ import annotations

import re

from tests.app.running import ROOT
from trader.app.exit_codes import ExitCode


def test_readme_lists_every_exit_code() -> None:
    """The table of README has each code with its name, and no other."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| `([A-Z_]+)` \|", text, re.MULTILINE)
    assert [(int(code), name) for code, name in rows] == [(one.value, one.name) for one in ExitCode]
