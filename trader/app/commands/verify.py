"""Do the facts hold together? `trader verify`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trader.app.commands.journal import open_journal
from trader.app.commands.options import add_json, add_state
from trader.app.exit_codes import ExitCode
from trader.app.terminal import complain, say, say_json

if TYPE_CHECKING:
    import argparse

    from trader.app.commands.options import Subparsers
    from trader.risk.limits import RiskSettings

SUMMARY: Final = "recompute the state from the facts and check every invariant and limit"


def add_commands(subparsers: Subparsers) -> None:
    """Add `verify`."""
    parser = subparsers.add_parser("verify", help=SUMMARY, description=SUMMARY)
    add_state(parser)
    add_json(parser)
    parser.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace) -> ExitCode:
    """Audit every fact; exit 4 where one contradicts another or a limit."""
    from trader.engine.audit import Audit

    limits = _limits(arguments)
    with open_journal(arguments) as journal:
        if journal is None:
            return ExitCode.NOT_FOUND
        audit = Audit(limits)
        violations = audit.read(stored.recorded for stored in journal.read())
        where = journal.where
    if arguments.json:
        say_json({"journal": where, "facts": audit.counted, "violations": violations})
    elif not violations:
        say(f"{where}: {audit.counted} facts, every invariant and limit holds")
    else:
        for violation in violations:
            complain(violation)
        complain(f"{where}: {audit.counted} facts, {len(violations)} violations")
    return ExitCode.VERIFICATION_FAILED if violations else ExitCode.OK


def _limits(arguments: argparse.Namespace) -> RiskSettings:
    """Take the limits of `--config`; with `--state` alone, the defaults."""
    from trader.app.configuration import load_settings

    return load_settings(arguments.config).risk
