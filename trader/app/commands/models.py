"""Who is believed? `trader models`: regimes, weights, accuracy and fits, from the journal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trader.app.commands.journal import add_options, say_structs
from trader.app.exit_codes import ExitCode
from trader.app.terminal import say

if TYPE_CHECKING:
    import argparse

    from trader.app.commands.options import Subparsers
    from trader.storage.journal import Journal

SUMMARY: Final = "what the pricing models say: regimes, weights, accuracy, last calibrations"


def add_commands(subparsers: Subparsers) -> None:
    """Add `models`."""
    parser = subparsers.add_parser("models", help=SUMMARY, description=SUMMARY)
    parser.add_argument(
        "--days", type=_days, default=0.0, metavar="N",
        help="accuracy, rounds and edges of the last N market days only (all)",
    )  # fmt: skip
    parser.add_argument(
        "--brief", action="store_true", help="accuracy by regime, without moneyness and expiry"
    )
    add_options(parser, models)


def models(arguments: argparse.Namespace, journal: Journal) -> ExitCode:
    """Review the models' facts."""
    from trader.domain.units import DAY
    from trader.evaluation.model_review import KINDS, review
    from trader.views.models import models_text

    last = journal.last()
    until = last.recorded.at + 1 if last is not None else 0
    since = until - round(arguments.days * DAY) if arguments.days else 0
    found = review((one.recorded for one in journal.read(kinds=KINDS)), since, until)
    if arguments.json:
        say_structs(found)
    else:
        say(models_text(found, buckets=not arguments.brief))
    return ExitCode.OK


def _days(text: str) -> float:
    """Take a positive number of days."""
    days = float(text)
    if not 0 < days <= 100_000:
        raise ValueError("must be a positive number of days")
    return days
