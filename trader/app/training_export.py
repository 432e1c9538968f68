"""How do rows to learn from leave the house? What `trader export training` does."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from trader import backtest
from trader.app.call_study import tape_of
from trader.app.policy_files import policy_of
from trader.backtest.call_state import FEATURES
from trader.backtest.call_tape import TapeDataSource
from trader.backtest.covered_call import CoveredCallSimulator
from trader.backtest.training import SCHEMA_VERSION, generate_training_data
from trader.backtest.training_journal import (
    FEATURE_NAMES,
    JOURNAL_SCHEMA_VERSION,
    KINDS,
    journal_examples,
    journal_table,
)
from trader.backtest.training_table import (
    STUDY_FEATURES,
    Split,
    TrainingTable,
    call_table,
    check_features,
)
from trader.deribit.translate import contract_name
from trader.domain.errors import ConfigurationError
from trader.domain.units import iso, moment, nanoseconds
from trader.pricing import regime
from trader.storage.journal import Journal
from trader.storage.training_sets import FORMATS, Format, write_set
from trader.storage.whole_files import write_whole
from trader.strategies import call_features
from trader.views.data_card import card_text, data_card

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trader.app.dvol import KnownIndex
    from trader.backtest.covered_call import CallSimulationConfig
    from trader.backtest.history import History
    from trader.backtest.training import TrainingExample
    from trader.engine.model_desk import Ensemble

TRAINED_ON: Final = 0.7
"""Where rows are cut if nobody says: after this share of their span."""
NOT_SPLIT: Final = (
    "Not split: the span is too short for rows to learn from, an embargo and rows to test on."
)
ABSENT: Final = "Open interest is no column of schema 1."
NO_INDEX: Final = "No volatility index of the coin is held: dvol is no column unless asked for."
FORGONE: Final = (
    "A call not sold is valued as if it alone had been sold, on coins that were free or not."
)
JOURNAL_CAVEATS: Final = (
    "Where no call was proposed there is no row: the journal does not know what was left alone.",
    "What a refused or unfilled call would have brought is not known.",
    "Features are those of the order and of hourly marks, not of the board.",
)


class Cut(msgspec.Struct, frozen=True, kw_only=True):
    """Which features and which split are asked for; None: all, and after `TRAINED_ON`."""

    features: tuple[str, ...] | None = None
    at: int | None = None
    embargo: timedelta = timedelta(days=7)


class TrainingSet(msgspec.Struct, frozen=True, kw_only=True):
    """Rows, and what is told of them beyond what they say themselves."""

    name: str
    table: TrainingTable
    told: dict[str, Any]


def instant(option: str, text: str | None) -> int | None:
    """Read a UTC day, or an instant with its offset, as nanoseconds; None where there is none.

    Raises:
        ConfigurationError: it is neither, or an instant without an offset.
    """
    if text is None:
        return None
    try:
        return nanoseconds(datetime.combine(date.fromisoformat(text), time(), UTC))
    except ValueError:
        pass
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigurationError(
            f"{option} {text!r} is no time: write a UTC day (2026-01-31) or 2026-01-31T08:00Z"
        ) from error
    if at.tzinfo is None:
        raise ConfigurationError(f"{option} {text!r} has no timezone: write {text}Z for UTC")
    return nanoseconds(at)


def check_span(start: int | None, end: int | None) -> None:
    """Refuse a span with nothing in it.

    Raises:
        ConfigurationError: the start is not before the end.
    """
    if start is not None and end is not None and start >= end:
        raise ConfigurationError(f"--from {iso(start)} must come before --to {iso(end)}")


def study_set(
    history: History,
    asked: CallSimulationConfig,
    policy: str,
    cut: Cut,
    *,
    size: float | None,
    drawdown_penalty: float,
    index: KnownIndex | None = None,
    models: Ensemble | None = None,
) -> TrainingSet:
    """Try one policy on a past and make a row of each decision time; `index` makes its `dvol`.

    `models` are fitted where the policy asks them.

    Raises:
        ConfigurationError: policy, size, penalty, feature, span or split cannot be used.
    """
    if not asked.decision_times():
        raise ConfigurationError(
            f"--from {asked.start} to {asked.end} holds no decision time: {asked.target_dte:g}"
            " days (--dte) must remain until the end; name a longer span"
        )
    _check_features(cut.features, STUDY_FEATURES)
    try:
        named = policy_of(policy, asked.underlying)
        tape = tape_of(history, asked, {policy: named}, models)
        simulator = CoveredCallSimulator(TapeDataSource(tape), asked)
        examples = generate_training_data(
            simulator, named, size=size, drawdown_penalty=drawdown_penalty
        )
    except ValueError as error:
        raise ConfigurationError(str(error)) from error
    if index:
        examples = [_with_index(one, index) for one in examples]
    known = STUDY_FEATURES if index else (*FEATURES, "regime")
    table, split, notes = _cut(examples, call_table, known, cut)
    provenance = tape.provenance
    told = {
        "title": f"Covered calls on {asked.underlying}: sold or not, and what came of it",
        "schema": "covered_call_training",
        "schema_version": SCHEMA_VERSION,
        "asked": {"from": asked.start.isoformat(), "to": asked.end.isoformat()},
        "source": f"{provenance.kind}: {provenance.source}",
        "settings": {
            "policy": policy,
            "size": asked.initial_spot_position if size is None else size,
            "drawdown_penalty": drawdown_penalty,
            **_split_told(split),
            **msgspec.to_builtins(asked),
        },
        "caveats": [*provenance.caveats, FORGONE, ABSENT, *(() if index else (NO_INDEX,)), *notes],
    }
    return TrainingSet(name=f"covered_calls_{asked.underlying.lower()}", table=table, told=told)


def journal_set(
    journal: Journal, underlying: str, span: tuple[int | None, int | None], cut: Cut
) -> TrainingSet:
    """Make a row of each call that the gate decided on, within a span of decision times.

    Raises:
        ConfigurationError: there is none, or a feature or split cannot be used.
        StorageError: the journal cannot be read.
    """
    _check_features(cut.features, FEATURE_NAMES)
    start, end = span
    facts = (one.recorded for one in journal.read(kinds=KINDS))
    found, others = journal_examples(facts, _expiry_of)
    since, until = start or 0, 2**63 if end is None else end
    rows = [
        one for one in found
        if one.underlying == underlying and since <= nanoseconds(one.decision_time) < until
    ]  # fmt: skip
    if not rows:
        raise ConfigurationError(
            f"no call on {underlying} was proposed from --from {_told(start, 'start')} to --to"
            f" {_told(end, 'end')}, {len(found)} calls in the whole journal: see trader verdicts"
        )
    table, split, notes = _cut(rows, journal_table, FEATURE_NAMES, cut)
    told = {
        "title": f"Calls on {underlying} that were proposed live, and what came of it",
        "schema": "covered_call_decisions",
        "schema_version": JOURNAL_SCHEMA_VERSION,
        "asked": {"from": _told(start, "start"), "to": _told(end, "end")},
        "source": "the journal of a paper-trading daemon",
        "settings": _split_told(split),
        "caveats": [
            f"{others} decisions of the journal are no rows: they did not open one short call.",
            *JOURNAL_CAVEATS,
            *notes,
        ],
    }
    return TrainingSet(name=f"decisions_{underlying.lower()}", table=table, told=told)


def format_named(text: str) -> Format:
    """Find a format by its name.

    Raises:
        ConfigurationError: there is none.
    """
    known: dict[str, Format] = {one: one for one in FORMATS}
    if text not in known:
        raise ConfigurationError(f"--format {text!r}: choose one of {', '.join(FORMATS)}")
    return known[text]


def write_training(folder: Path, made: TrainingSet, form: Format) -> list[Path]:
    """Write rows and, beside them, their card: as JSON and to be read; each whole or not at all.

    Raises:
        StorageError: the disk refuses.
    """
    path = folder / f"{made.name}.{form}"
    hashes = sorted({one for one in made.table.values["config_hash"] if one is not None})
    told = {
        **made.told,
        "config_hashes": hashes,
        "code_version": version("trader"),
        "code_hash": _code_hash(),
    }
    brief = {name: str(told[name]) for name in ("schema", "schema_version", "code_version")}
    size = write_set(path, made.table, form, brief)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    file = {"name": path.name, "format": form, "bytes": size, "sha256": digest}
    card = data_card(made.table, {**told, "file": file})
    texts = {
        path.with_name(f"{path.name}.card.json"): json.dumps(card, indent=2) + "\n",
        path.with_name(f"{path.name}.card.md"): card_text(card),
    }
    for place, text in texts.items():
        write_whole(place, text.encode())
    return [path, *texts]


def _cut(
    examples: Sequence[TrainingExample],
    lay_out: Callable[[Sequence[TrainingExample], Sequence[str], Split | None], TrainingTable],
    known: Sequence[str],
    cut: Cut,
) -> tuple[TrainingTable, Split | None, list[str]]:
    """Lay out rows with the split asked for, or, where nobody asked, the usual one if it fits."""
    features = known if cut.features is None else cut.features
    at = _usual_cut(examples) if cut.at is None else moment(cut.at)
    try:
        unsplit = lay_out(examples, features, None)
        split = Split(at, cut.embargo)
        try:
            return lay_out(examples, features, split), split, []
        except ValueError:
            if cut.at is not None:
                raise
            return unsplit, None, [NOT_SPLIT]
    except ValueError as error:
        raise ConfigurationError(f"--{error}") from error


def _check_features(asked: Sequence[str] | None, known: Sequence[str]) -> None:
    """Refuse features before the work is done."""
    try:
        check_features(known if asked is None else asked, known)
    except ValueError as error:
        raise ConfigurationError(f"--{error}") from error


def _with_index(one: TrainingExample, index: KnownIndex) -> TrainingExample:
    """Add the volatility index that was known at the decision."""
    dvol = index.at(nanoseconds(one.decision_time))
    return msgspec.structs.replace(one, extra={**one.extra, "dvol": dvol})


def _usual_cut(examples: Sequence[TrainingExample]) -> datetime:
    first, last = examples[0].decision_time, examples[-1].decision_time
    return first + TRAINED_ON * (last - first)


def _split_told(split: Split | None) -> Mapping[str, object]:
    if split is None:
        return {}
    return {"split_at": split.at.isoformat(), "embargo_days": split.embargo / timedelta(days=1)}


def _expiry_of(name: str) -> int | None:
    told = contract_name(name)
    return None if told is None else told.expires_at


def _told(at: int | None, otherwise: str) -> str:
    return f"the journal's {otherwise}" if at is None else iso(at)


def _code_hash() -> str:
    """Name the source that makes rows: the package `backtest`, and what its features are of."""
    digest = hashlib.sha256()
    package = sorted(Path(backtest.__file__).parent.glob("*.py"))
    for path in (*package, Path(call_features.__file__), Path(regime.__file__)):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]
