"""What came of each chain? `trader backtest roll-chains NAME`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trader.app.commands.options import add_backtest, add_span_and_boards, configured
from trader.app.exit_codes import ExitCode
from trader.app.terminal import say

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from trader.app.commands.options import Subparsers
    from trader.backtest.roll_chains import RollChainStudy
    from trader.domain.models import Regime

ROLL_CHAINS: Final = (
    "run a strategy of kind roll_chain on the past and tell each chain: legs, rolls, why"
)
FILE: Final = "roll_chains.json"


def add_command(actions: Subparsers) -> None:
    """Add `roll-chains` to `backtest`."""
    parser = actions.add_parser("roll-chains", help=ROLL_CHAINS, description=ROLL_CHAINS)
    add_backtest(parser, written=FILE)
    add_span_and_boards(parser)
    parser.add_argument(
        "--regime", metavar="REGIME,...",
        help="only chains opened in these market regimes: calm, trending, volatile, crisis",
    )  # fmt: skip
    parser.add_argument("--brief", action="store_true", help="one line a chain, not each step")
    parser.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace) -> ExitCode:
    """Run once, tell every chain and every reason for which nothing was done.

    Raises:
        ConfigurationError: strategy, parameter, span or history cannot be used; another kind.
    """
    from trader.app import study as studies
    from trader.app.study_chains import roll_chains
    from trader.app.study_past import boards_of, past_and_span
    from trader.domain.units import iso
    from trader.views.roll_chains import listing, overview, summary

    wanted_regimes = _regimes(arguments.regime)
    configuration, parameters = configured(arguments)
    one = studies.find_strategy(configuration, arguments.strategy)
    subject = studies.subject_of(one, parameters)
    wanted = (arguments.start, arguments.end)
    past, (start, end) = past_and_span(configuration, subject, boards_of(arguments), wanted)
    found = roll_chains(configuration, past.subject, past, start, end)
    if wanted_regimes is not None:
        found = found.opened_in(wanted_regimes)
    if found.chains:
        say(overview(found) if arguments.brief else listing(found))
        say("")
    say(summary(found))
    say(f"From {iso(start)} to {iso(end)}: {found.history.decisions} decisions")
    studies.tell_provenance(found.history.provenance, say)
    folder = arguments.out or configuration.state_dir / "backtests" / subject.name
    say(f"Written: {_write(folder, found)}")
    return ExitCode.OK


def _regimes(text: str | None) -> tuple[Regime, ...] | None:
    """Read the regimes that are asked for; None: all, and what was opened before one was known.

    Raises:
        ConfigurationError: one is none, or named twice.
    """
    from trader.domain.errors import ConfigurationError
    from trader.domain.models import regimes_named

    if text is None:
        return None
    try:
        return regimes_named(text)
    except ValueError as error:
        raise ConfigurationError(f"--regime {text!r}: {error}") from error


def _write(folder: Path, found: RollChainStudy) -> Path:
    """Write the study as JSON, whole or not at all; what is no number becomes null."""
    import msgspec

    from trader.storage.whole_files import write_whole

    write_whole(folder / FILE, msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n")
    return folder / FILE
