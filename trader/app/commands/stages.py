"""Who may trade how large? What stages people see, give and take, and what changed since."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from trader.app.commands.control import add_signature, deliver
from trader.app.commands.journal import (
    add_answer,
    answered,
    open_journal,
    say_structs,
    stage_settings,
)
from trader.app.commands.options import add_daemon, add_json, state_dir
from trader.app.exit_codes import ExitCode
from trader.app.terminal import complain, say

if TYPE_CHECKING:
    import argparse

    from trader.app.commands.options import Subparsers
    from trader.domain.trading import Stage
    from trader.engine.ledger import Ledger
    from trader.storage.journal import Journal
    from trader.views.live import LiveView
    from trader.views.stages import StageView

STAGES: Final = ("RESEARCH", "PILOT", "PRODUCTION")
STRATEGIES: Final = "stage of each strategy, who gave it, the last night, what next; its record"
PROMOTE: Final = "raise a strategy to a stage: shows its scorecard and asks"
DEMOTE: Final = "lower a strategy to a stage"
DIFF: Final = "what changed in a strategy since it got its stage"


def add_commands(subparsers: Subparsers) -> None:
    """Add strategies, diff, promote and demote."""
    parser = subparsers.add_parser("strategies", help=STRATEGIES, description=STRATEGIES)
    add_answer(parser, strategies)
    parser = subparsers.add_parser("diff", help=DIFF, description=DIFF)
    parser.add_argument("strategy", metavar="STRATEGY")
    add_daemon(parser)
    add_json(parser)
    parser.set_defaults(execute=diff)
    for name, summary, execute in (("promote", PROMOTE, promote), ("demote", DEMOTE, demote)):
        parser = subparsers.add_parser(name, help=summary, description=summary)
        parser.add_argument("strategy", metavar="STRATEGY")
        # by place or by name: the one reads like a command, the other like a sentence
        parser.add_argument(
            "stage", metavar="STAGE", nargs="?", type=str.upper, choices=(*STAGES, None)
        )
        parser.add_argument(
            "--to", metavar="STAGE", type=str.upper, choices=STAGES, help=", ".join(STAGES)
        )
        add_signature(parser)
        if execute is promote:
            parser.add_argument(
                "--override", action="store_true", help="whatever speaks against it; journaled too"
            )
            parser.add_argument("--yes", action="store_true", help="do not ask")
        parser.set_defaults(execute=execute)


def strategies(arguments: argparse.Namespace) -> ExitCode:
    """Tell where each strategy stands, then its record on each account."""
    from trader.views.answers import standing
    from trader.views.answers.asking import Question
    from trader.views.live_rows import strategies_text
    from trader.views.stages import stages_text

    kind = tuple[standing.StrategyState, ...]
    states = answered(arguments, "/strategies", standing.strategies, Question(), kind)
    if states is None:
        return ExitCode.NOT_FOUND
    if arguments.json:
        say_structs(states)
        return ExitCode.OK
    say(f"{stages_text(standing.stage_rows(states))}\n\n{strategies_text(states)}")
    return ExitCode.OK


def promote(arguments: argparse.Namespace) -> ExitCode:
    """Show what speaks for and against it, ask, and send it."""
    from trader.domain.events import Promote

    stage = _wanted(arguments)
    if stage is None:
        return ExitCode.USAGE
    if not arguments.json:
        _show(arguments, stage)
    if not arguments.yes and not _agreed(f"promote {arguments.strategy} to {stage}"):
        return ExitCode.FAILURE
    return deliver(
        arguments,
        Promote(
            by=arguments.by,
            reason=arguments.reason,
            strategy=arguments.strategy,
            stage=stage,
            override=arguments.override,
        ),
    )


def demote(arguments: argparse.Namespace) -> ExitCode:
    """Send it at once: less risk needs no second question."""
    from trader.domain.events import Demote

    stage = _wanted(arguments)
    if stage is None:
        return ExitCode.USAGE
    by, reason, strategy = arguments.by, arguments.reason, arguments.strategy
    return deliver(arguments, Demote(by=by, reason=reason, strategy=strategy, stage=stage))


def diff(arguments: argparse.Namespace) -> ExitCode:
    """Compare a strategy as it is configured with how it was when it got its stage.

    Raises:
        ConfigurationError: the configuration cannot be used.
    """
    from trader.app.configuration import load_configuration
    from trader.app.strategy_archive import compare, describe, recall
    from trader.views.stage_story import changes_text

    if not arguments.config:
        complain("diff compares with what is configured: name the --config")
        return ExitCode.USAGE
    moved = [f"journal.state_dir={arguments.state.absolute()}"] if arguments.state else []
    configuration = load_configuration(arguments.config, moved)
    found = [one for one in configuration.strategies if one.file.name == arguments.strategy]
    with open_journal(arguments) as journal:
        approval = _fold(journal)[2].approvals.get(arguments.strategy) if journal else None
    if not found or approval is None:
        where = "journal: it never had a stage" if found else "configuration"
        complain(f"no strategy {arguments.strategy} in the {where}")
        return ExitCode.NOT_FOUND
    now, hashed = describe(found[0]), approval.change.configuration_hash
    then = recall(configuration.state_dir, arguments.strategy, hashed)
    difference = compare(then, now) if then is not None else None
    if arguments.json:
        say_structs({"approval": approval, "now": now.configuration_hash, "changes": difference})
        return ExitCode.OK
    changed = difference.changed if difference is not None else None
    code = difference.code if difference is not None else ()
    say(changes_text(approval, now.configuration_hash, changed, code))
    return ExitCode.OK


def _fold(journal: Journal) -> tuple[Ledger, LiveView, StageView]:
    """Read the journal once, for every view."""
    from trader.engine.ledger import Ledger
    from trader.views.live import LiveView
    from trader.views.stages import StageView

    ledger = Ledger()
    live, stages = LiveView(ledger), StageView(ledger)
    for stored in journal.read():
        ledger.apply(stored.recorded)
        live.apply(stored.recorded)
        stages.apply(stored.recorded)
    return ledger, live, stages


def _wanted(arguments: argparse.Namespace) -> Stage | None:
    """Take the stage from its place or from `--to`."""
    named: set[Stage] = {one for one in (arguments.stage, arguments.to) if one is not None}
    if len(named) != 1:
        complain(f"{arguments.command} {arguments.strategy}: name one stage, --to STAGE")
        return None
    return named.pop()


def _show(arguments: argparse.Namespace, stage: Stage) -> None:
    """Show where the strategy stands, its last scorecard, and what speaks against it."""
    from trader.app.last_night import approval_of
    from trader.engine.stages import objection
    from trader.evaluation.scorecard import render_strategy_summary
    from trader.views.stages import stages_text

    with open_journal(arguments) as journal:
        if journal is None:
            return
        ledger, _, stages = _fold(journal)
    settings, name = stage_settings(arguments), arguments.strategy
    if name not in ledger.stages:
        return
    standing = ledger.standing(name)
    say(stages_text([stages.row(name, settings)]) + "\n")
    approval = approval_of(state_dir(arguments), standing.judged_on, name)
    if approval is not None:
        render_strategy_summary(approval, write=say)
    else:
        say("no scorecard of its last night is kept")
    against = objection(standing, stage, ledger.at, settings)
    say(f"\nAgainst it: {against}" if against else "\nNothing speaks against it.")


def _agreed(what: str) -> bool:
    """Ask on the terminal; without one nobody agreed."""
    if not sys.stdin.isatty():
        complain(f"{what}: there is no terminal to ask on; repeat with --yes")
        return False
    say(f"{what}? [y/N]")
    if sys.stdin.readline().strip().lower() in ("y", "yes"):
        return True
    complain("nothing was changed")
    return False
