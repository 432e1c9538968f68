"""What would a strategy have done? `trader backtest run NAME` and `trader evaluate NAME`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trader.app.commands import covered_call, portfolio, roll_chains
from trader.app.commands.options import add_backtest, add_boards, add_span_and_boards, configured
from trader.app.exit_codes import ExitCode
from trader.app.terminal import say

if TYPE_CHECKING:
    import argparse

    from trader.app.commands.options import Subparsers

BACKTEST: Final = "run one strategy on the past and print what came of it"
EVALUATE: Final = "run every study of one strategy and print its gates, as a night does"


def add_commands(subparsers: Subparsers) -> None:
    """Add `backtest` with its actions, and `evaluate`."""
    parser = subparsers.add_parser("backtest", help=BACKTEST, description=BACKTEST)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    run = actions.add_parser("run", help=BACKTEST, description=BACKTEST)
    add_backtest(run)
    add_span_and_boards(run)
    run.set_defaults(execute=execute_run)
    roll_chains.add_command(actions)
    covered_call.add_command(actions)
    portfolio.add_command(actions)
    evaluate = subparsers.add_parser("evaluate", help=EVALUATE, description=EVALUATE)
    add_backtest(evaluate)
    add_boards(evaluate)
    evaluate.set_defaults(execute=execute_evaluate)


def execute_run(arguments: argparse.Namespace) -> ExitCode:
    """Run once; what was modelled is said.

    Raises:
        ConfigurationError: strategy, parameter, span or history cannot be used.
    """
    from trader.app import study
    from trader.app.study_past import boards_of, past_and_span

    configuration, parameters = configured(arguments)
    one = study.find_strategy(configuration, arguments.strategy)
    subject = study.subject_of(one, parameters)
    wanted = (arguments.start, arguments.end)
    past, (start, end) = past_and_span(configuration, subject, boards_of(arguments), wanted)
    history = study.backtest(configuration, past, start, end)
    judged = study.judge(history, past, configuration.settings.approval)
    told = study.tell(history, judged, say)
    if (note := study.remembered(subject, start)) is not None:
        say(note)
    say("Walk-forward, sensitivity and stress need runs of their own: trader evaluate")
    folder = arguments.out or configuration.state_dir / "backtests" / subject.name
    told["parameters"] = subject.strategy().settings.model_dump(mode="json")
    say(f"Written: {study.write_scorecard(folder, told)}")
    return ExitCode.OK


def execute_evaluate(arguments: argparse.Namespace) -> ExitCode:
    """Do every study; no stage changes.

    Raises:
        ConfigurationError: strategy, parameter or history cannot be used.
    """
    from trader.app import study
    from trader.app.study_past import boards_of, market_of_subject

    configuration, parameters = configured(arguments)
    one = study.find_strategy(configuration, arguments.strategy)
    subject = study.subject_of(one, parameters)
    market = market_of_subject(configuration, subject, boards_of(arguments), arguments.end)
    told = study.evaluate(configuration, subject, market, say)
    folder = arguments.out or configuration.state_dir / "evaluations" / subject.name
    say(f"Written: {study.write_scorecard(folder, told)}")
    return ExitCode.OK
