"""How does the daemon start? `trader run`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trader.app.commands.options import add_config

if TYPE_CHECKING:
    import argparse

    from trader.app.commands.options import Subparsers
    from trader.app.exit_codes import ExitCode

SUMMARY: Final = "run the daemon: trade on paper until SIGINT or SIGTERM"


def add_commands(subparsers: Subparsers) -> None:
    """Add `run`."""
    parser = subparsers.add_parser("run", help=SUMMARY, description=SUMMARY)
    add_config(parser, required=True)
    parser.add_argument(
        "--fresh", action="store_true", help="begin a new journal; the old one is kept beside it"
    )
    parser.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace) -> ExitCode:
    """Check the configuration, then run until told to stop."""
    from trader.app.configuration import load_configuration
    from trader.app.daemon import run_daemon
    from trader.app.loop import run

    configuration = load_configuration(arguments.config, arguments.set)
    return run(run_daemon(configuration, fresh=arguments.fresh))
