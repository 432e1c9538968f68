"""Is the configuration right, and what is in force? `trader config check`, `show`, `keys`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from trader.app.commands.options import add_config, add_json
from trader.app.exit_codes import ExitCode
from trader.app.terminal import say, say_json

if TYPE_CHECKING:
    import argparse

    from trader.app.commands.options import Subparsers

DEFAULT_CONFIG: Final = Path("config/trader.toml")
CHECK: Final = "find every mistake; say what equity one lot of each strategy needs at each stage"
KEYS: Final = "list every key with what it takes, its default and its meaning (Markdown)"
SHOW: Final = "print every value in force and who set it; secrets are masked"


def add_commands(subparsers: Subparsers) -> None:
    """Add `config check`, `config show` and `config keys`."""
    summary = "check or show the configuration, or list its keys"
    family = subparsers.add_parser("config", help=summary, description=summary)
    deeds = family.add_subparsers(dest="deed", metavar="check|show|keys", required=True)
    for name, text, execute in (("check", CHECK, check), ("show", SHOW, show)):
        parser = deeds.add_parser(name, help=text, description=text)
        add_config(parser, required=False)
        add_json(parser)
        parser.set_defaults(execute=execute)
    parser = deeds.add_parser("keys", help=KEYS, description=KEYS)
    parser.add_argument(
        "--environment", action="store_true", help="as environment variables, for an .env file"
    )
    parser.set_defaults(execute=keys)


def check(arguments: argparse.Namespace) -> ExitCode:
    """Check everything; mistakes leave as ConfigurationError."""
    from trader.app.config_check import needs_as_text, strategy_needs
    from trader.app.configuration import load_configuration

    configuration = load_configuration(_files(arguments), arguments.set)
    needs = strategy_needs(configuration)
    if arguments.json:
        say_json([need.as_dict() for need in needs])
    else:
        say(needs_as_text(configuration, needs))
    return ExitCode.OK


def show(arguments: argparse.Namespace) -> ExitCode:
    """Print the configuration in force."""
    from trader.app.config_show import effective_values
    from trader.app.configuration import load_configuration

    values = effective_values(load_configuration(_files(arguments), arguments.set))
    if arguments.json:
        say_json([value._asdict() for value in values])
        return ExitCode.OK
    width = max(len(value.key) + len(value.shown) for value in values) + 3
    for value in values:
        say(f"{f'{value.key} = {value.shown}':<{width}}  # {value.origin}")
    return ExitCode.OK


def keys(arguments: argparse.Namespace) -> ExitCode:
    """Print the reference."""
    from trader.app.config_reference import environment_example, reference_table

    say(environment_example() if arguments.environment else reference_table())
    return ExitCode.OK


def _files(arguments: argparse.Namespace) -> list[Path]:
    """Take the files named; without any, the one the repository ships."""
    return arguments.config if arguments.config is not None else [DEFAULT_CONFIG]
