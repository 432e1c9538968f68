"""How is a day judged? `trader nightly --date D`: the command the daemon starts, and a person."""

from __future__ import annotations

import datetime
import os
from typing import TYPE_CHECKING, Final

from trader.app.commands.options import add_config
from trader.app.exit_codes import ExitCode
from trader.app.terminal import complain, say
from trader.domain.errors import ConfigurationError

if TYPE_CHECKING:
    import argparse

    from trader.app.commands.options import Subparsers
    from trader.app.configuration import Configuration

SUMMARY: Final = "evaluate every strategy as of the end of a UTC day and write the report"
YESTERDAY: Final = "yesterday"


def add_commands(subparsers: Subparsers) -> None:
    """Add `nightly`."""
    parser = subparsers.add_parser("nightly", help=SUMMARY, description=SUMMARY)
    add_config(parser, required=True)
    parser.add_argument(
        "--date", required=True, type=_day, metavar="YYYY-MM-DD",
        help=f"the UTC day, which must be over; `{YESTERDAY}`: the last one that is",
    )  # fmt: skip
    parser.add_argument(
        "--again", action="store_true",
        help="make a night anew that was made already; stages stay as they are",
    )  # fmt: skip
    parser.add_argument(
        "--until-eof", action="store_true",
        help="as the daemon starts it: at low priority, and gone when standard input ends",
    )  # fmt: skip
    parser.set_defaults(execute=execute)


def _day(text: str) -> datetime.date | None:
    """Take a date; None stands for yesterday."""
    return None if text == YESTERDAY else datetime.date.fromisoformat(text)


def execute(arguments: argparse.Namespace) -> ExitCode:
    """Judge; stages change only when a daemon takes the decisions.

    Raises:
        ConfigurationError: the configuration or the date cannot be used.
        JournalLocked: another night is being made.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # workers share the cores, not each of them
    from concurrent.futures import BrokenExecutor

    from trader.app.configuration import load_configuration
    from trader.app.night_folder import forget_old
    from trader.app.night_process import alone, confine, fetch_history, until_eof
    from trader.app.nightly import make_night

    configuration = load_configuration(arguments.config, arguments.set)
    settings = configuration.settings.nightly
    if arguments.until_eof:
        confine(settings)
        until_eof()
    day = _checked(configuration, arguments.date, trusted=arguments.until_eof)
    with alone(configuration, wait=arguments.until_eof) as nights:
        if settings.sync and (arguments.again or not (nights / day.isoformat()).exists()):
            fetch_history(configuration, complain)
        try:
            made, folder = make_night(configuration, day, complain, again=arguments.again)
        except BrokenExecutor as error:
            complain(f"{error} (out of memory? nightly.memory_gb_max): nothing was written")
            return ExitCode.FAILURE
        forget_old(nights, settings.keep_days, folder.name)
    for line in (*made.needs, f"report: {folder}"):
        say(line)
    return ExitCode.DEMOTED if made.demoted else ExitCode.OK


def _checked(
    configuration: Configuration, day: datetime.date | None, *, trusted: bool
) -> datetime.date:
    """Refuse a day that is not over; a daemon is `trusted` to know the market's time.

    Raises:
        ConfigurationError: it is not.
    """
    from trader.app.nightly import last_day

    if trusted and day is not None:
        return day
    last = last_day(configuration, datetime.datetime.now(datetime.UTC))
    if day is not None and day > last:
        raise ConfigurationError(
            f"--date {day}: that UTC day is not over, the last one that is: {last}"
        )
    return day or last
