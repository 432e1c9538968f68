"""What would selling calls on coins have brought? `trader backtest covered-call`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trader.app.commands.options import add_config, add_end, add_span_and_boards
from trader.app.exit_codes import ExitCode
from trader.app.terminal import say

if TYPE_CHECKING:
    import argparse

    from trader.app.commands.options import Subparsers
    from trader.backtest.covered_call import CallSimulationConfig

COVERED_CALL: Final = "try policies of selling calls on coins held, against holding the coins"


def add_command(actions: Subparsers) -> None:
    """Add `covered-call` to the actions of `backtest`."""
    parser = actions.add_parser("covered-call", help=COVERED_CALL, description=COVERED_CALL)
    add_config(parser, required=True)
    parser.add_argument("--underlying", default="BTC", metavar="COIN", help="default: BTC")
    parser.add_argument(
        "--policy", action="append", default=[], metavar="NAME[:THRESHOLD]",
        help=(
            "always (default), never, iv_rank[:MIN], trend[:MAX], edge[:MIN] (implied over realized"
            " volatility), regime[:calm,trending,...], ensemble[:MIN] (bid over what the pricing"
            " models hold it to be worth), model:FILE; repeat"
        ),
    )  # fmt: skip
    parser.add_argument(
        "--compare", action="store_true", help="set always, iv_rank, trend and never beside it"
    )
    add_span_and_boards(parser)
    add_end(parser, "study.html")
    add_terms(parser)
    parser.set_defaults(execute=execute)


def add_terms(parser: argparse.ArgumentParser) -> None:
    """Add what is sold, and how often is decided."""
    parser.add_argument(
        "--timeframe", default="1h", metavar="BAR", help="1m, 5m, 15m, 1h (default), 4h or 1d"
    )
    parser.add_argument(
        "--every", type=int, default=1, metavar="BARS", help="bars between decisions (default: 1)"
    )
    for name, default, meaning in (
        ("dte", 7.0, "days to expiry looked for"),
        ("dte-tolerance", 3.0, "days it may be off"),
        ("delta", 0.25, "delta looked for"),
        ("delta-tolerance", 0.1, "how far it may be off"),
        ("coins", 1.0, "coins held at the start"),
    ):
        parser.add_argument(
            f"--{name}", type=float, default=default, metavar="NUMBER",
            help=f"{meaning} (default: {default:g})",
        )  # fmt: skip
    parser.add_argument(
        "--size", type=float, metavar="NUMBER", help="coins sold at a time (default: all)"
    )
    parser.add_argument(
        "--fill", default="bid", metavar="PRICE", help="bid (default), or mark less slippage"
    )


def terms_of(arguments: argparse.Namespace, start: int, end: int) -> CallSimulationConfig:
    """Make what is asked of what `add_terms` added; `start` and `end` in nanoseconds.

    Raises:
        ConfigurationError: a term cannot have its value.
    """
    from trader.app.call_study import configured

    return configured(
        underlying=arguments.underlying, start=start, end=end, timeframe=arguments.timeframe,
        decision_interval_bars=arguments.every, target_dte=arguments.dte,
        dte_tolerance=arguments.dte_tolerance, target_delta=arguments.delta,
        delta_tolerance=arguments.delta_tolerance, initial_spot_position=arguments.coins,
        fill=arguments.fill,
    )  # fmt: skip


def execute(arguments: argparse.Namespace) -> ExitCode:
    """Try every policy, print the table, write the page.

    Raises:
        ConfigurationError: policy, term, span or history cannot be used.
    """
    from trader.app import call_study
    from trader.app.configuration import load_configuration
    from trader.app.study import tell_provenance
    from trader.views.call_study import comparison_text, question, reason_lines

    configuration = load_configuration(arguments.config, arguments.set)
    days_max = arguments.dte + arguments.dte_tolerance + 1.0
    history = call_study.history_of(
        configuration, arguments.underlying, days_max, arguments.chains, arguments.closes,
        recorded=arguments.recorded,
    )  # fmt: skip
    years = configuration.settings.nightly.years
    start, end = call_study.span_of(history.span, arguments.start, arguments.end, years)
    asked = terms_of(arguments, start, end)
    compared = call_study.COMPARED if arguments.compare else ()
    policies = list(dict.fromkeys((*arguments.policy, *compared))) or ["always"]
    models = call_study.models_of(configuration)
    done = call_study.study(history, asked, policies, arguments.size, models)
    say(question(asked))
    say(comparison_text(done.results))
    for line in reason_lines(done.results):
        say(line)
    tell_provenance(done.source.tape.provenance, say)
    folder = arguments.out or (
        configuration.state_dir / "backtests" / f"covered_calls_{arguments.underlying.lower()}"
    )
    for path in call_study.write_study(folder, done):
        say(f"Written: {path}")
    return ExitCode.OK
