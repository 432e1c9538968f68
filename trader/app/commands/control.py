"""How does a person steer a daemon? Commands with a name and a reason, journaled.

With no daemon running, those that need no market are journaled all the same: the next one obeys.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Final

from trader.app.commands.options import add_daemon, add_json, journal_url, state_dir
from trader.app.exit_codes import ExitCode
from trader.app.terminal import complain, say, say_json
from trader.domain.errors import JournalLocked

if TYPE_CHECKING:
    from trader.app.commands.options import Subparsers
    from trader.domain.events import Command
    from trader.web.window import Answer

NEED_THE_MARKET: Final = ("close", "flatten")
SUMMARIES: Final = {
    "pause": "stop opening, of one strategy or of all; closes go on",
    "resume": "open again what a pause, a halt or an alert about behavior stopped",
    "close": "close one chain as soon as the displayed quotes allow",
    "flatten": "cancel every order, close every chain, pause all opening",
}


def add_commands(subparsers: Subparsers) -> None:
    """Add pause, resume, close and flatten."""
    for name, summary in SUMMARIES.items():
        parser = subparsers.add_parser(name, help=summary, description=summary)
        match name:
            case "pause" | "resume":
                # by place or by name, as `promote` takes its stage
                parser.add_argument(
                    "name", metavar="STRATEGY", nargs="?", help="only this strategy (default: all)"
                )
                parser.add_argument("--strategy", help="the same, by name")
            case "close":
                parser.add_argument("chain_id", metavar="CHAIN_ID")
            case _:
                pass
        add_signature(parser)
        parser.set_defaults(execute=execute)


def add_signature(parser: argparse.ArgumentParser) -> None:
    """Add what every command needs: who, why, which daemon."""
    parser.add_argument("--by", metavar="WHO", required=True, type=_person, help="your name")
    parser.add_argument("--reason", metavar="WHY", required=True, type=_said, help="why")
    add_daemon(parser)
    add_json(parser)


def execute(arguments: argparse.Namespace) -> ExitCode:
    """Send the command that was typed."""
    if arguments.command in ("pause", "resume"):
        named = {one for one in (arguments.name, arguments.strategy) if one is not None}
        if len(named) > 1:
            complain(f"{arguments.command}: name one strategy, not {' and '.join(sorted(named))}")
            return ExitCode.USAGE
        arguments.strategy = named.pop() if named else None
    return deliver(arguments, _command(arguments))


def deliver(arguments: argparse.Namespace, command: Command) -> ExitCode:
    """Send a command; print the sequence under which the journal has it."""
    import msgspec

    from trader.app.control import SOCKET_NAME, DaemonUnreachable, send

    path = state_dir(arguments) / SOCKET_NAME
    try:
        answer = send(path, command)
    except DaemonUnreachable as error:
        offline = _without_daemon(arguments, command, str(error))
        if isinstance(offline, ExitCode):
            return offline
        answer = offline
    if arguments.json:
        say_json(msgspec.structs.asdict(answer))
    elif answer.accepted:
        detail = f": {answer.detail}" if answer.detail else ""
        say(f"{arguments.command} journaled with sequence {answer.sequence}{detail}")
    else:
        complain(f"{arguments.command} not accepted: {answer.detail}")
    return ExitCode.OK if answer.accepted else ExitCode.FAILURE


def _without_daemon(
    arguments: argparse.Namespace, command: Command, silence: str
) -> Answer | ExitCode:
    """Journal a command in the daemon's place; where that cannot be, say why."""
    if arguments.command in NEED_THE_MARKET:
        complain(f"{silence}; {arguments.command} needs the market: start `trader run` first")
        return ExitCode.UNAVAILABLE
    from trader.app import offline
    from trader.app.configuration import load_configuration

    moved = [f"journal.state_dir={arguments.state.absolute()}"] if arguments.state else []
    configuration = load_configuration(arguments.config, moved) if arguments.config else None
    url = journal_url(arguments) if configuration is None else configuration.journal_url
    journal = Path(url.removeprefix("sqlite:///"))
    if not journal.exists():
        complain(f"{silence}, and there is no journal at {journal}; name the daemon's --config")
        return ExitCode.NOT_FOUND
    if configuration is None:
        complain(f"{silence}; name its --config too, to journal this without a daemon")
        return ExitCode.UNAVAILABLE
    try:
        return offline.take(configuration, command)
    except JournalLocked as error:
        complain(f"{silence}, and {error}; where it is starting or stopping, try again")
        return ExitCode.UNAVAILABLE


def _command(given: argparse.Namespace) -> Command:
    """Turn what was typed into the event the journal keeps."""
    from trader.domain import events

    by, reason = given.by, given.reason
    match given.command:
        case "pause":
            return events.PauseTrading(by=by, reason=reason, strategy=given.strategy)
        case "resume":
            return events.ResumeTrading(by=by, reason=reason, strategy=given.strategy)
        case "close":
            return events.ClosePosition(by=by, reason=reason, chain_id=given.chain_id)
        case _:
            return events.FlattenAll(by=by, reason=reason)


def _person(text: str) -> str:
    """Take a person's name; those of the machines that write beside people are theirs."""
    from trader.views.stages import MACHINES

    name = _said(text)
    if name.lower() in MACHINES:
        raise argparse.ArgumentTypeError(f"{name!r} signs for the program itself: give your name")
    return name


def _said(text: str) -> str:
    """Refuse an empty name or reason: the journal keeps it for years."""
    if not text.strip():
        raise argparse.ArgumentTypeError("must not be empty: say it")
    return text.strip()
