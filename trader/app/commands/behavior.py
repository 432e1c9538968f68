"""How does a person trade? `trader behavior profile` and `trader behavior fit`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from trader.app.commands.options import add_days, add_json
from trader.app.exit_codes import ExitCode
from trader.app.terminal import complain, say, say_json

if TYPE_CHECKING:
    import argparse

    from trader.app.commands.options import Subparsers
    from trader.storage.trade_files import Reading

BEHAVIOR: Final = "profile how a person trades, from closed trades in CSV files"
PROFILE: Final = "tell a trader's type, features, alerts over time and habits, and write a page"
MEANINGS: Final = (
    "closed_at", "opened_at", "pnl", "holding_minutes", "size", "notional", "quantity",
    "entry_price", "exit_price", "side", "closing_side", "symbol", "chain", "scheduled_roll",
    "balance", "kind", "trader",
)  # fmt: skip
"""What a column can mean; written here too, so that help loads nothing."""
FIT: Final = "look for groups among many traders, and write the profiles that types come from"


def add_commands(subparsers: Subparsers) -> None:
    """Add `behavior` with its two actions."""
    parser = subparsers.add_parser("behavior", help=BEHAVIOR, description=BEHAVIOR)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    profile = actions.add_parser("profile", help=PROFILE, description=PROFILE)
    profile.add_argument("file", type=Path, metavar="FILE", help="closed trades, CSV or CSV.GZ")
    _add_reading(profile)
    profile.add_argument(
        "--profiles", type=Path, metavar="FILE", help="what trader behavior fit wrote"
    )
    profile.add_argument(
        "--out", type=Path, default=Path("behavior.html"), metavar="FILE",
        help="where the page goes (default: behavior.html)",
    )  # fmt: skip
    add_days(profile, "first UTC day of closes (default: all)")
    add_json(profile)
    profile.set_defaults(execute=execute_profile)
    fit = actions.add_parser("fit", help=FIT, description=FIT)
    fit.add_argument(
        "files", type=Path, nargs="+", metavar="FILE",
        help="closed trades, one trader a file or, with --column trader=HEADER, many in one",
    )  # fmt: skip
    _add_reading(fit)
    fit.add_argument("--groups", type=int, default=5, metavar="N", help="2 to 5 (default: 5)")
    fit.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="where profiles go (JSON)"
    )
    fit.set_defaults(execute=execute_fit)


def execute_profile(arguments: argparse.Namespace) -> ExitCode:
    """Read, study, tell, write.

    Raises:
        ConfigurationError: an option cannot be.
        StorageError: a file cannot be read or written, or a row cannot be used.
    """
    from trader.app.behavior_study import (
        TooFew,
        as_json,
        profile_file,
        read_fitted,
        write_page,
    )
    from trader.views.behavior_study import study_text

    fitted = None if arguments.profiles is None else read_fitted(arguments.profiles)
    span = (arguments.start, arguments.end)
    found = profile_file(arguments.file, _reading(arguments), arguments.equity, fitted, span)
    if isinstance(found, TooFew):
        complain(found.reason)
        return ExitCode.NOT_FOUND
    write_page(arguments.out, found)
    if arguments.json:
        say_json(as_json(found))
        return ExitCode.OK
    say(study_text(found.study, found.whose, found.notes, found.told))
    say(f"Written: {arguments.out}")
    return ExitCode.OK


def execute_fit(arguments: argparse.Namespace) -> ExitCode:
    """Read, group, tell, write.

    Raises:
        ConfigurationError: an option cannot be; scikit-learn is missing.
        StorageError: a file cannot be read or written, or a row cannot be used.
    """
    from trader.app.behavior_study import TooFew, fit_files, write_fitted
    from trader.views.behavior_study import groups_text

    found, left_out = fit_files(
        arguments.files, _reading(arguments), arguments.equity, arguments.groups
    )
    for line in left_out:
        say(f"left out {line}")
    if isinstance(found, TooFew):
        complain(f"{found.reason}; nothing was written")
        return ExitCode.NOT_FOUND
    write_fitted(arguments.out, found)
    say(groups_text(found))
    say(f"Written: {arguments.out}")
    return ExitCode.OK


def _add_reading(parser: argparse.ArgumentParser) -> None:
    """Add how files are to be read."""
    parser.add_argument(
        "--column", action="append", default=[], metavar="MEANING=HEADER",
        help=f"which column is what, e.g. pnl=Profit or chain='Order ID'; several times; what there"
        f" is to know: {', '.join(MEANINGS)}",
    )  # fmt: skip
    parser.add_argument("--timezone", metavar="ZONE", help="zone of times that name none, e.g. UTC")
    parser.add_argument(
        "--date-format", metavar="FORMAT",
        help="how times are written, if not year first, e.g. '%%d/%%m/%%Y %%H:%%M'",
    )  # fmt: skip
    parser.add_argument(
        "--equity", type=float, metavar="AMOUNT", help="what the account began with"
    )


def _reading(arguments: argparse.Namespace) -> Reading:
    from trader.storage.trade_files import Reading, given_columns

    return Reading(
        timezone=arguments.timezone,
        date_format=arguments.date_format,
        columns=given_columns(arguments.column),
    )
