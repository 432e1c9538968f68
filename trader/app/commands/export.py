"""How does somebody else learn from this? `trader export training`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trader.app.commands.covered_call import add_terms, terms_of
from trader.app.commands.options import add_boards, add_config
from trader.app.exit_codes import ExitCode
from trader.app.terminal import say

if TYPE_CHECKING:
    import argparse

    from trader.app.commands.options import Subparsers
    from trader.app.configuration import Configuration
    from trader.app.training_export import Cut, TrainingSet

EXPORT: Final = "write what can be learned from, for other programs"
TRAINING: Final = "write a row of each decision to sell a call or not, and a data card beside it"
EMBARGO_MAX: Final = 3_650
STUDY_ONLY: Final = (
    "policy", "drawdown_penalty", "timeframe", "every", "dte", "dte_tolerance", "delta",
    "delta_tolerance", "coins", "size", "fill", "recorded", "chains", "closes",
)  # fmt: skip
"""What only a study takes: a journal says itself what was decided."""


def add_commands(subparsers: Subparsers) -> None:
    """Add `export` with its one action."""
    parser = subparsers.add_parser("export", help=EXPORT, description=EXPORT)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    training = actions.add_parser("training", help=TRAINING, description=TRAINING)
    add_config(training, required=True)
    training.add_argument(
        "--format", default="parquet", metavar="FORMAT", help="parquet (default), csv or jsonl"
    )
    for name, dest, meaning in (
        ("from", "start", "first UTC day, or an instant with its offset"),
        ("to", "end", "the UTC day or instant before which it ends"),
        ("split", "split", "where train ends (default: after 70 %% of the span)"),
    ):
        training.add_argument(f"--{name}", dest=dest, metavar="YYYY-MM-DD", help=meaning)
    training.add_argument(
        "--embargo", type=float, default=7.0, metavar="DAYS",
        help="days after the split before test begins (default: 7)",
    )  # fmt: skip
    training.add_argument(
        "--features", metavar="NAME,...", help="columns a model may see (default: all)"
    )
    training.add_argument("--underlying", default="BTC", metavar="COIN", help="default: BTC")
    training.add_argument(
        "--journal", action="store_true",
        help="what was decided live and what came of it, instead of a study",
    )  # fmt: skip
    training.add_argument(
        "--policy", default="always", metavar="NAME[:THRESHOLD]",
        help="always (default), never, iv_rank[:MIN], trend[:MAX], edge[:MIN] or model:FILE",
    )  # fmt: skip
    training.add_argument(
        "--drawdown-penalty", type=float, default=0.0, metavar="SHARE",
        help="share of the worst mark taken off a sale's reward (default: 0)",
    )  # fmt: skip
    add_boards(training)
    add_terms(training)
    training.add_argument("--out", metavar="DIR", help="where it goes (default: the state)")
    usual = {name: training.get_default(name) for name in STUDY_ONLY}
    training.set_defaults(execute=execute, usual=usual)


def execute(arguments: argparse.Namespace) -> ExitCode:
    """Make the rows, write them and their card.

    Raises:
        ConfigurationError: an option, the span or the history cannot be used.
        StorageError: the journal cannot be read, or the files cannot be written.
    """
    from datetime import timedelta
    from pathlib import Path

    from trader.app import training_export
    from trader.app.configuration import load_configuration
    from trader.domain.errors import ConfigurationError

    form = training_export.format_named(arguments.format)
    start = training_export.instant("--from", arguments.start)
    end = training_export.instant("--to", arguments.end)
    training_export.check_span(start, end)
    if not 0.0 <= arguments.embargo <= EMBARGO_MAX:
        raise ConfigurationError(
            f"--embargo {arguments.embargo:g} must be days from 0 to {EMBARGO_MAX}"
        )
    asked = arguments.features
    cut = training_export.Cut(
        features=None if asked is None else tuple(filter(None, asked.split(","))),
        at=training_export.instant("--split", arguments.split),
        embargo=timedelta(days=arguments.embargo),
    )
    configuration = load_configuration(arguments.config, arguments.set)
    if arguments.journal:
        made = _of_journal(arguments, configuration, (start, end), cut)
    else:
        made = _of_study(arguments, configuration, (start, end), cut)
    folder = configuration.state_dir / "exports" if arguments.out is None else Path(arguments.out)
    paths = training_export.write_training(folder, made, form)
    say(f"{len(made.table):,} rows: {made.told['title']}")
    for path in paths:
        say(f"Written: {path}")
    return ExitCode.OK


def _of_journal(
    arguments: argparse.Namespace,
    configuration: Configuration,
    span: tuple[int | None, int | None],
    cut: Cut,
) -> TrainingSet:
    from trader.app.training_export import journal_set
    from trader.domain.errors import ConfigurationError
    from trader.storage.journal import Journal

    given = [name for name, value in arguments.usual.items() if getattr(arguments, name) != value]
    if given:
        names = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise ConfigurationError(f"{names}: of no use with --journal; leave it out")
    with Journal.create_or_open(configuration.journal_url, writer=False) as journal:
        return journal_set(journal, arguments.underlying, span, cut)


def _of_study(
    arguments: argparse.Namespace,
    configuration: Configuration,
    span: tuple[int | None, int | None],
    cut: Cut,
) -> TrainingSet:
    from trader.app.call_study import history_of, models_of, span_of
    from trader.app.dvol import KnownIndex
    from trader.app.study_past import store_of
    from trader.app.training_export import check_span, study_set

    history = history_of(
        configuration, arguments.underlying, arguments.dte + arguments.dte_tolerance + 1.0,
        arguments.chains, arguments.closes, recorded=arguments.recorded,
    )  # fmt: skip
    start, end = span_of(history.span, *span, configuration.settings.nightly.years)
    check_span(start, end)
    return study_set(
        history, terms_of(arguments, start, end), arguments.policy, cut,
        size=arguments.size, drawdown_penalty=arguments.drawdown_penalty,
        index=KnownIndex(store_of(configuration), arguments.underlying),
        models=models_of(configuration),
    )  # fmt: skip
