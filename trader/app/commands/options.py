"""Which options do several commands share? Configuration, state, and what a past is asked for."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from trader.app.configuration import Configuration

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


def add_backtest(parser: argparse.ArgumentParser, written: str = "scorecard.json") -> None:
    """Add what every study by hand takes: strategy, configuration, end, and where it writes."""
    parser.add_argument("strategy", metavar="STRATEGY", help="name of a configured strategy")
    add_config(parser, required=True)
    add_end(parser, written)
    for action in parser._actions:  # noqa: SLF001 - argparse has no public way to reword one
        if action.dest == "set":
            action.help = "a parameter of the strategy (name=value) or a setting (section.key=...)"


def add_end(parser: argparse.ArgumentParser, written: str) -> None:
    """Add until when a study by hand goes, and where it writes."""
    _add_to(parser)
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help=f"where {written} goes (default: the state)"
    )


def add_span_and_boards(parser: argparse.ArgumentParser) -> None:
    """Add from when a run goes, and whether on modelled boards or recorded ones."""
    _add_from(parser, "first UTC day (default: the years of nightly.years)")
    add_boards(parser)


def add_days(parser: argparse.ArgumentParser, first: str) -> None:
    """Add from and until when a run over bars goes; `first` says what the first day means."""
    _add_from(parser, first)
    _add_to(parser)


def _add_from(parser: argparse.ArgumentParser, meaning: str) -> None:
    parser.add_argument("--from", dest="start", type=_midnight, metavar="YYYY-MM-DD", help=meaning)


def _add_to(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--to", dest="end", type=_midnight, metavar="YYYY-MM-DD",
        help="the UTC day before which it ends (default: the end of the history)",
    )  # fmt: skip


def add_boards(parser: argparse.ArgumentParser) -> None:
    """Add whether a study is made on modelled boards or on recorded ones."""
    boards = parser.add_mutually_exclusive_group()
    boards.add_argument(
        "--recorded", action="store_true", help="imported boards instead of modelled ones"
    )
    boards.add_argument(
        "--chains", type=Path, metavar="FILE", help="recorded boards (Parquet) instead of modelled"
    )
    parser.add_argument(
        "--closes", type=Path, metavar="FILE", help="hourly closes (CSV) beside --chains"
    )


def _midnight(text: str) -> int:
    from trader.domain.units import EPOCH, nanoseconds

    day = datetime.date.fromisoformat(text)
    return nanoseconds(EPOCH.replace(year=day.year, month=day.month, day=day.day))


def configured(arguments: argparse.Namespace) -> tuple[Configuration, list[str]]:
    """Load the configuration; what is set without a dot are parameters of the strategy.

    Raises:
        ConfigurationError: the configuration cannot be read.
    """
    from trader.app.configuration import load_configuration

    settings = [one for one in arguments.set if "." in one.partition("=")[0]]
    parameters = [one for one in arguments.set if one not in settings]
    return load_configuration(arguments.config, settings), parameters


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
