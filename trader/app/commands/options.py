"""Which options do several commands share? Where the configuration lies, where the state."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - no public name


def add_config(parser: argparse.ArgumentParser, *, required: bool) -> None:
    """Add `--config`, several times for layers, and `--set`."""
    parser.add_argument(
        "--config",
        metavar="FILE",
        type=Path,
        action="append",
        default=None,
        required=required,
        help="configuration file (TOML); given again, later files override earlier ones",
    )
    add_set(parser)


def add_set(parser: argparse.ArgumentParser) -> None:
    """Add `--set section.key=value`."""
    parser.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="override one value, e.g. --set log.level=debug",
    )


def add_state(parser: argparse.ArgumentParser) -> None:
    """Add the two ways to say whose journal or socket is meant."""
    place = parser.add_mutually_exclusive_group()
    place.add_argument(
        "--config",
        metavar="FILE",
        type=Path,
        action="append",
        default=[],
        help="the daemon's configuration file, which names its state directory",
    )
    place.add_argument("--state", metavar="DIR", type=Path, help="the daemon's state directory")


def add_daemon(parser: argparse.ArgumentParser) -> None:
    """Add the two ways to say which daemon is meant; both where its state lies elsewhere."""
    parser.add_argument(
        "--config",
        metavar="FILE",
        type=Path,
        action="append",
        default=[],
        help="the daemon's configuration file; needed where no daemon runs",
    )
    parser.add_argument(
        "--state", metavar="DIR", type=Path, help="its state directory, where it is another"
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add `--json`."""
    parser.add_argument("--json", action="store_true", help="write JSON instead of text")


def state_dir(arguments: argparse.Namespace) -> Path:
    """Find the state directory that `--config` or `--state` means.

    Raises:
        ConfigurationError: the configuration cannot be read.
    """
    if arguments.state is not None:
        return Path(arguments.state).absolute()
    from trader.app.configuration import find_state_dir

    return find_state_dir(arguments.config)


def journal_url(arguments: argparse.Namespace) -> str:
    """Find the journal that `--config` or `--state` means.

    Raises:
        ConfigurationError: the configuration cannot be read.
    """
    from trader.app.configuration import JOURNAL_NAME, find_journal_url

    if arguments.state is not None:
        return f"sqlite:///{Path(arguments.state).absolute() / JOURNAL_NAME}"
    return find_journal_url(arguments.config)
