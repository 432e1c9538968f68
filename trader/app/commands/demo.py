"""How does a stranger see it all? `trader demo`: exchange and daemon together."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from trader.app.commands.options import add_set

if TYPE_CHECKING:
    import argparse

    from trader.app.commands.options import Subparsers
    from trader.app.exit_codes import ExitCode

SUMMARY: Final = "run the bundled exchange and the daemon against it, until Ctrl-C"
DEMO_CONFIG: Final = Path("config/demo.toml")


def add_commands(subparsers: Subparsers) -> None:
    """Add `demo`."""
    parser = subparsers.add_parser("demo", help=SUMMARY, description=SUMMARY)
    parser.add_argument(
        "--speed", type=float, default=300.0, help="market seconds per wall second (300)"
    )
    parser.add_argument("--seed", type=int, default=1, help="which market (1): one seed, one path")
    parser.add_argument(
        "--fresh", action="store_true", help="begin anew; the old journal is kept beside the new"
    )
    parser.add_argument("--state", metavar="DIR", type=Path, help="where state goes (.state/demo)")
    parser.add_argument(
        "--config", metavar="FILE", type=Path, default=DEMO_CONFIG, help=f"({DEMO_CONFIG})"
    )
    add_set(parser)
    parser.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace) -> ExitCode:
    """Run both until told to stop."""
    from trader.app.demo import run_demo

    return run_demo(
        arguments.config,
        speed=arguments.speed,
        seed=arguments.seed,
        fresh=arguments.fresh,
        state=arguments.state,
        assignments=arguments.set,
    )
