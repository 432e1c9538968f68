"""How does a person steer a running daemon? Commands with a name and a reason, journaled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trader.app.commands.options import add_json, add_state, state_dir
from trader.app.exit_codes import ExitCode
from trader.app.terminal import complain, say, say_json

if TYPE_CHECKING:
    import argparse

    from trader.app.commands.options import Subparsers
    from trader.domain.events import Command

STAGES: Final = ("RESEARCH", "PILOT", "PRODUCTION")
SUMMARIES: Final = {
    "pause": "stop opening, of one strategy or of all; closes go on",
    "resume": "open again what a pause or a halt stopped",
    "close": "close one chain as soon as the displayed quotes allow",
    "flatten": "cancel every order, close every chain, pause all opening",
    "promote": "raise a strategy to a stage",
    "demote": "lower a strategy to a stage",
}


def add_commands(subparsers: Subparsers) -> None:
    """Add pause, resume, close, flatten, promote and demote."""
    for name, summary in SUMMARIES.items():
        parser = subparsers.add_parser(name, help=summary, description=summary)
        match name:
            case "pause" | "resume":
                parser.add_argument("--strategy", help="only this strategy (default: all)")
            case "close":
                parser.add_argument("chain_id", metavar="CHAIN_ID")
            case "promote" | "demote":
                parser.add_argument("strategy", metavar="STRATEGY")
                parser.add_argument("stage", metavar="STAGE", type=str.upper, choices=STAGES)
            case _:
                pass
        parser.add_argument("--by", metavar="WHO", required=True, type=_said, help="your name")
        parser.add_argument("--reason", metavar="WHY", required=True, type=_said, help="why")
        add_state(parser)
        add_json(parser)
        parser.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace) -> ExitCode:
    """Send the command; print the sequence under which the journal has it."""
    import msgspec

    from trader.app.control import SOCKET_NAME, DaemonUnreachable, send

    path = state_dir(arguments) / SOCKET_NAME
    try:
        answer = send(path, _command(arguments))
    except DaemonUnreachable as error:
        complain(f"{error}; start it with `trader run`, or name its --state")
        return ExitCode.UNAVAILABLE
    if arguments.json:
        say_json(msgspec.structs.asdict(answer))
    elif answer.accepted:
        detail = f": {answer.detail}" if answer.detail else ""
        say(f"{arguments.command} journaled with sequence {answer.sequence}{detail}")
    else:
        complain(f"{arguments.command} not accepted: {answer.detail}")
    return ExitCode.OK if answer.accepted else ExitCode.FAILURE


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
        case "promote":
            return events.Promote(by=by, reason=reason, strategy=given.strategy, stage=given.stage)
        case "demote":
            return events.Demote(by=by, reason=reason, strategy=given.strategy, stage=given.stage)
        case _:
            return events.FlattenAll(by=by, reason=reason)


def _said(text: str) -> str:
    """Refuse an empty name or reason: the journal keeps it for years."""
    if not text.strip():
        raise ValueError("must not be empty")
    return text.strip()
