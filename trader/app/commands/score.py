"""What has a candidate like this earned? `trader score`, for other programs to consult."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from trader.app.exit_codes import ExitCode
from trader.app.terminal import complain, say

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

    from trader.app.commands.options import Subparsers

SCORE: Final = "say what a candidate historically earned, by a fitted policy: JSON in, JSON out"


def add_commands(subparsers: Subparsers) -> None:
    """Add `score`."""
    parser = subparsers.add_parser("score", help=SCORE, description=SCORE)
    parser.add_argument(
        "--policy", type=Path, required=True, metavar="FILE", help="written by trader train policy"
    )
    parser.add_argument(
        "--state", required=True, metavar="FILE",
        help="states: a JSON object (a line each, or a list); - answers stdin line by line",
    )  # fmt: skip
    parser.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace) -> ExitCode:
    """Answer each state with a line, in their order; a mistake is an answer, and ends with 78.

    Raises:
        ConfigurationError: policy or states cannot be read.
    """
    from trader.app.policy_files import read_policy
    from trader.app.scoring import answer
    from trader.domain.errors import ConfigurationError

    policy = read_policy(arguments.policy)
    wrong = count = 0
    for state in _states(arguments.state):
        count += 1
        told = answer(policy, state)
        say(json.dumps(told))
        sys.stdout.flush()
        if "error" in told:
            wrong += 1
            complain(f"state {count}: {told['error']}")
    if not count:
        raise ConfigurationError("--state holds no state: write a JSON object a line")
    return ExitCode.CONFIGURATION if wrong else ExitCode.OK


def _states(place: str) -> Iterable[object]:
    from trader.app.scoring import states_in
    from trader.domain.errors import ConfigurationError

    if place == "-":
        return (line for line in sys.stdin if line.strip())
    try:
        return states_in(Path(place).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"--state {place} cannot be read: {error}") from error
