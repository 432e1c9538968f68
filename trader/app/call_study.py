"""How is a study of covered calls done by hand? What `trader backtest covered-call` does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import msgspec

from trader.app.assemble import build_ensemble
from trader.app.past_candles import YEARS
from trader.app.policy_files import policy_notes, policy_of
from trader.app.study_past import Boards, market_for
from trader.backtest.call_policies import EnsemblePolicy
from trader.backtest.call_tape import TapeDataSource, record_tape
from trader.backtest.covered_call import CallSimulationConfig, CoveredCallSimulator
from trader.domain.errors import ConfigurationError
from trader.domain.units import DAY, YEAR, moment, nanoseconds
from trader.storage.whole_files import write_whole
from trader.views.call_study import comparison, study_page
from trader.views.report_html import page_html

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from trader.app.configuration import Configuration
    from trader.backtest.call_policies import PolicyFn
    from trader.backtest.call_tape import CallTape
    from trader.backtest.covered_call import SimulationResult
    from trader.backtest.history import History
    from trader.engine.model_desk import Ensemble

COMPARED: Final = ("always", "iv_rank:0.5", "trend:1", "never")
"""The policies that `--compare` sets beside those asked for."""


class CallStudy(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked, of which past, and what each policy made of it."""

    config: CallSimulationConfig
    source: TapeDataSource
    results: dict[str, SimulationResult]


def history_of(
    configuration: Configuration,
    underlying: str,
    days_max: float,
    chains: Path | None,
    closes: Path | None,
    *,
    recorded: bool,
) -> History:
    """Take recorded boards, of a file or imported, where asked; else model them on our datasets.

    Raises:
        ConfigurationError: what is named cannot be used, or there are no candles.
    """
    boards = Boards(chains=chains, closes=closes, recorded=recorded)
    market = market_for(configuration, underlying, boards, years=YEARS)
    history: History = market.chains(days_max=days_max)
    return history


def span_of(
    span: tuple[int, int], start: int | None, end: int | None, years: float
) -> tuple[int, int]:
    """Choose midnights: what is asked for, else the last years of what there is."""
    first, last = span
    until = last // DAY * DAY if end is None else end
    since = -(-max(first, until - round(years * YEAR)) // DAY) * DAY if start is None else start
    return since, until


def study(
    history: History,
    asked: CallSimulationConfig,
    policies: Sequence[str],
    size: float | None,
    models: Ensemble | None = None,
) -> CallStudy:
    """Try each policy on one span of a history; `models` are fitted where a policy asks them.

    Raises:
        ConfigurationError: an unknown policy, a size that is none, a span the history lacks, or no
            models for a policy that asks them.
    """
    try:
        named = {name: policy_of(name, asked.underlying) for name in policies}
        tape = tape_of(history, asked, named, models)
        source = TapeDataSource(_noted(tape, named, asked))
        simulator = CoveredCallSimulator(source, asked)
        results = {name: simulator.simulate_policy(policy, size) for name, policy in named.items()}
    except ValueError as error:
        raise ConfigurationError(str(error)) from error
    return CallStudy(config=asked, source=source, results=results)


def tape_of(
    history: History,
    asked: CallSimulationConfig,
    named: Mapping[str, PolicyFn],
    models: Ensemble | None,
) -> CallTape:
    """Record what the study of some policies looks at, fits of the models among it where one asks.

    Raises:
        ConfigurationError: one asks, and there are no models.
        ValueError: the history does not hold the span.
    """
    asking = [name for name, one in named.items() if isinstance(one, EnsemblePolicy)]
    if asking and (models is None or not models.models):
        raise ConfigurationError(
            f"policy {asking[0]!r} asks the pricing models, and none takes part: set"
            " ensemble.enabled = true"
        )
    span = nanoseconds(asked.start), nanoseconds(asked.end)
    return record_tape(history, *span, models if asking else None)


def models_of(configuration: Configuration) -> Ensemble:
    """Make the models that take part, fitted as often as a backtest fits them.

    Raises:
        ConfigurationError: a model is named that is not installed.
    """
    settings = configuration.settings
    return build_ensemble(settings, every_minutes=settings.calibration.backtest_minutes)


def _noted(tape: CallTape, named: Mapping[str, PolicyFn], asked: CallSimulationConfig) -> CallTape:
    """Add to what a past says of itself what the policies should say of themselves."""
    notes = [note for name, one in named.items() for note in policy_notes(name, one, asked)]
    if tape.fits:
        fitted = sum(bool(one.believed) for one in tape.fits)
        notes.append(
            f"pricing models were fitted to {len(tape.fits)} boards, at {fitted} of which at least"
            " one could be, and weighed by what later boards said of their forecasts"
        )
    told = tape.provenance
    provenance = msgspec.structs.replace(told, caveats=(*told.caveats, *notes))
    return msgspec.structs.replace(tape, provenance=provenance)


def configured(**fields: Any) -> CallSimulationConfig:  # noqa: ANN401 - what a person typed
    """Make what is asked; `start` and `end` in nanoseconds.

    Raises:
        ConfigurationError: a field cannot have its value.
    """
    try:
        return CallSimulationConfig(
            **{**fields, "start": moment(fields["start"]), "end": moment(fields["end"])}
        )
    except ValueError as error:
        raise ConfigurationError(str(error)) from error


def write_study(folder: Path, done: CallStudy) -> list[Path]:
    """Write `study.json` and `study.html` into a folder, each whole or not at all.

    Raises:
        StorageError: the disk refuses.
    """
    provenance = done.source.tape.provenance
    told = {
        "asked": msgspec.to_builtins(done.config),
        "history": msgspec.to_builtins(provenance),
        "table": comparison(done.results),
        "policies": {
            name: {
                "metrics": one.metrics,
                "reasons": one.reasons,
                "trades": msgspec.to_builtins(one.trades),
            }
            for name, one in done.results.items()
        },
    }
    texts = {
        "study.json": json.dumps(told, indent=2) + "\n",
        "study.html": page_html(study_page(done.config, done.results, provenance)),
    }
    for name, text in texts.items():
        write_whole(folder / name, text.encode())
    return [folder / name for name in texts]
