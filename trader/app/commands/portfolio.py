"""What would a portfolio have done on these bars? `trader backtest portfolio`."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Final

from trader.app.commands.options import add_days
from trader.app.exit_codes import ExitCode
from trader.app.terminal import say

if TYPE_CHECKING:
    import argparse

    from trader.app.commands.options import Subparsers

PORTFOLIO: Final = "run trend and pullback sleeves over the bars of many coins, with one account"


def add_command(actions: Subparsers) -> None:
    """Add `portfolio` to the actions of `backtest`."""
    parser = actions.add_parser("portfolio", help=PORTFOLIO, description=PORTFOLIO)
    parser.add_argument(
        "--data", type=Path, required=True, metavar="PATH",
        help="bars: a Parquet or CSV file, or a folder of them; symbols in a column or by file",
    )  # fmt: skip
    add_days(parser, "first UTC day; its first 201 bars only warm up (default: all)")
    parser.add_argument(
        "--param", action="append", default=[], metavar="NAME=VALUE",
        help="a parameter, as TOML writes it: max_positions=4; several times",
    )  # fmt: skip
    parser.add_argument("--timezone", metavar="ZONE", help="zone of times that name none, e.g. UTC")
    parser.add_argument(
        "--out", type=Path, metavar="DIR",
        help="where page, trades, events and curve go (default: nothing is written)",
    )  # fmt: skip
    parser.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace) -> ExitCode:
    """Run, print the tables, write the files.

    Raises:
        ConfigurationError: parameter, span or bars cannot be used.
        StorageError: a file cannot be read or written.
    """
    from trader.app.portfolio_study import study, terms_of, write_study
    from trader.views.portfolio_study import question, study_text

    if importlib.util.find_spec("numba") is None:
        say("numba is not installed (extra `portfolio`): the same, some hundred times slower")
    terms = terms_of(arguments.param)
    done = study(arguments.data, arguments.start, arguments.end, terms, arguments.timezone)
    say(question(done.span, done.result))
    say(study_text(done.result, done.span))
    for line in done.gaps:
        say(line)
    if arguments.out is not None:
        for path in write_study(arguments.out, done):
            say(f"Written: {path}")
    return ExitCode.OK
