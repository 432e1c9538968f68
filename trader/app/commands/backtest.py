"""What would a strategy have done? `trader backtest run NAME` and `trader evaluate NAME`."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from trader.app.commands.options import add_config
from trader.app.exit_codes import ExitCode
from trader.app.terminal import say

if TYPE_CHECKING:
    import argparse

    from trader.app.commands.options import Subparsers
    from trader.app.configuration import Configuration

BACKTEST: Final = "run one strategy on the past and print what came of it"
EVALUATE: Final = "run every study of one strategy and print its gates, as a night does"


def add_commands(subparsers: Subparsers) -> None:
    """Add `backtest run` and `evaluate`."""
    parser = subparsers.add_parser("backtest", help=BACKTEST, description=BACKTEST)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    run = actions.add_parser("run", help=BACKTEST, description=BACKTEST)
    _add_common(run)
    run.add_argument(
        "--from", dest="start", type=_midnight, metavar="YYYY-MM-DD",
        help="first UTC day (default: the years of nightly.years)",
    )  # fmt: skip
    boards = run.add_mutually_exclusive_group()
    boards.add_argument(
        "--recorded", action="store_true", help="imported recordings instead of modelled boards"
    )
    boards.add_argument(
        "--chains", type=Path, metavar="FILE", help="recorded boards (Parquet) instead of modelled"
    )
    run.add_argument(
        "--closes", type=Path, metavar="FILE", help="hourly closes (CSV) beside --chains"
    )
    run.set_defaults(execute=execute_run)
    evaluate = subparsers.add_parser("evaluate", help=EVALUATE, description=EVALUATE)
    _add_common(evaluate)
    evaluate.set_defaults(execute=execute_evaluate)


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("strategy", metavar="STRATEGY", help="name of a configured strategy")
    add_config(parser, required=True)
    parser.add_argument(
        "--to", dest="end", type=_midnight, metavar="YYYY-MM-DD",
        help="the UTC day before which it ends (default: the end of the history)",
    )  # fmt: skip
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="where scorecard.json goes (default: the state)"
    )
    for action in parser._actions:  # noqa: SLF001 - argparse has no public way to reword one
        if action.dest == "set":
            action.help = "a parameter of the strategy (name=value) or a setting (section.key=...)"


def _midnight(text: str) -> int:
    from trader.domain.units import EPOCH, nanoseconds

    day = datetime.date.fromisoformat(text)
    return nanoseconds(EPOCH.replace(year=day.year, month=day.month, day=day.day))


def _configured(arguments: argparse.Namespace) -> tuple[Configuration, list[str]]:
    """Load the configuration; what is set without a dot are parameters of the strategy."""
    from trader.app.configuration import load_configuration

    settings = [one for one in arguments.set if "." in one.partition("=")[0]]
    parameters = [one for one in arguments.set if one not in settings]
    return load_configuration(arguments.config, settings), parameters


def execute_run(arguments: argparse.Namespace) -> ExitCode:
    """Run once; what was modelled is said.

    Raises:
        ConfigurationError: strategy, parameter, span or history cannot be used.
    """
    from trader.app import study

    configuration, parameters = _configured(arguments)
    one = study.find_strategy(configuration, arguments.strategy)
    subject = study.subject_of(one, parameters)
    past = study.past_of(
        configuration, subject, arguments.chains, arguments.closes, recorded=arguments.recorded
    )
    years = configuration.settings.nightly.years
    start, end = study.span_of(past.history.span, arguments.start, arguments.end, years)
    history = study.backtest(configuration, subject, past, start, end)
    judged = study.judge(history, past, configuration.settings.approval)
    told = study.tell(history, judged, say)
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

    configuration, parameters = _configured(arguments)
    one = study.find_strategy(configuration, arguments.strategy)
    subject = study.subject_of(one, parameters)
    told = study.evaluate(configuration, subject, arguments.end, say)
    folder = arguments.out or configuration.state_dir / "evaluations" / subject.name
    say(f"Written: {study.write_scorecard(folder, told)}")
    return ExitCode.OK
