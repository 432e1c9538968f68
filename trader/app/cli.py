"""What can a person type? `trader COMMAND`: every command, and what each error exits with."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING, Final

from trader.app.commands import (
    backtest,
    behavior,
    config,
    control,
    data,
    demo,
    exchange,
    export,
    journal,
    models,
    nightly,
    replay,
    report,
    run,
    score,
    stages,
    train,
    verify,
)
from trader.app.exit_codes import ExitCode
from trader.app.terminal import complain
from trader.domain.errors import (
    ConfigurationError,
    FeedError,
    JournalLocked,
    StorageError,
    TraderError,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

FAMILIES: Final = (
    demo, run, exchange, journal, models, verify, replay, backtest, export, train, score, behavior,
    nightly, report, data, config, stages, control,
)  # fmt: skip
"""Every module of commands; `add_commands` of each adds its parsers, in the order of `--help`."""

DESCRIPTION: Final = (
    "Trades crypto options on paper: Deribit ticks in, gated decisions out."
    " It never places a real order."
)
EXIT_CODES: Final = "exit codes: " + ", ".join(
    f"{code.value} {code.name.lower().replace('_', ' ')}" for code in ExitCode
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; errors become readable lines on stderr."""
    given = command_parser().parse_args(arguments)
    try:
        return int(given.execute(given))
    except (TraderError, ExceptionGroup) as error:
        return _end(error)
    except KeyboardInterrupt:
        return ExitCode.FAILURE
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.FAILURE


def command_parser() -> argparse.ArgumentParser:
    """Build the parser of every command."""
    parser = argparse.ArgumentParser(prog="trader", description=DESCRIPTION, epilog=EXIT_CODES)
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for family in FAMILIES:
        family.add_commands(subparsers)
    return parser


def _end(error: Exception) -> ExitCode:
    """Print an expected error as it was phrased where it was raised; let any other be seen whole.

    A dead task of a group ends the process: what it died of is what a person must read.
    """
    cause = error
    while isinstance(cause, ExceptionGroup):
        cause = cause.exceptions[0]
    match cause:
        case ConfigurationError():
            code = ExitCode.CONFIGURATION
        case JournalLocked():
            code = ExitCode.LOCKED
        case StorageError():
            code = ExitCode.STORAGE
        case FeedError():
            code = ExitCode.UNAVAILABLE
        case _:
            raise error
    complain(cause)
    return code


if __name__ == "__main__":
    sys.exit(main())
