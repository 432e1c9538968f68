"""Which columns does a set of training rows have? Names, types, units, roles, and their values.

Only what has the role `feature` may be shown to a model: an `outcome` was not known at
`decision_time`. What is not known is None, in every type and format; there are no NaN.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Literal

import msgspec

from trader.backtest.call_state import FEATURES
from trader.backtest.training import Quality, TrainingExample, split_by_time
from trader.strategies.call_features import MEANINGS

Type = Literal["timestamp", "string", "float64", "int64"]
Role = Literal["key", "action", "feature", "outcome", "quality"]
SPLITS: Final = ("train", "embargo", "test")
"""Values of the column `split`, in the order of time; a set that is not split has None."""


class Column(msgspec.Struct, frozen=True):
    """One column; `unit` is "" for texts and instants (UTC), a fraction is 1 for the whole."""

    name: str
    type: Type
    role: Role
    unit: str
    meaning: str


class TrainingTable(msgspec.Struct, frozen=True, kw_only=True):
    """Rows by decision time. Invariant: `values` has a list of one length for every column."""

    columns: tuple[Column, ...]
    values: dict[str, list[Any]]

    def __len__(self) -> int:
        return len(self.values[self.columns[0].name])

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows, each by the names of the columns."""
        names = [one.name for one in self.columns]
        lanes = zip(*(self.values[name] for name in names), strict=True)
        return [dict(zip(names, lane, strict=True)) for lane in lanes]


class Split(msgspec.Struct, frozen=True):
    """Where rows are cut in time, and how long after the cut none is tested."""

    at: datetime
    embargo: timedelta


KEYS: Final = (
    Column("decision_time", "timestamp", "key", "", "when was decided; nothing later was known"),
    Column("underlying", "string", "key", "", "the coin"),
    Column(
        "split", "string", "key", "",
        "train: the outcome was known by the cut; test: decided an embargo after it or later; "
        "embargo: in neither",
    ),
    Column("action", "string", "action", "", "SELL_CALL or DO_NOTHING"),
)  # fmt: skip
SPOT: Final = Column("spot", "float64", "feature", "USD", "last price of the coin known then")
ENDS: Final = (
    Column("quality", "int64", "quality", "bits", "what the row lacks, see quality; 0 nothing"),
    Column("schema_version", "int64", "quality", "", "version of these columns"),
    Column("config_hash", "string", "quality", "", "configuration that was decided under"),
)

CALL_FEATURES: Final = (
    *(Column(name, "float64", "feature", *MEANINGS[name]) for name in FEATURES),
    Column("dvol", "float64", "feature", "fraction per year", "published volatility index"),
    Column(
        "regime",
        "string",
        "feature",
        "",
        "Crisis, Volatile, Trending or Calm, of the coin's hourly closes; the year that volatility "
        "is ranked in is what is held of it",
    ),
)
STUDY_FEATURES: Final = (*FEATURES, "dvol", "regime")
"""What can be chosen: what a state knows in numbers, the index held beside it, and the regime."""
CALL_ACTION: Final = (
    Column(
        "probability", "float64", "action", "fraction",
        "chance of the action under the policy that decided; 1 of one that does not tell",
    ),
    Column("reason", "string", "action", "", "why nothing was sold, or a sale has no outcome"),
    Column("instrument_name", "string", "action", "", "the call that was, or could be, sold"),
    Column("size", "float64", "action", "coins", "coins sold, or that could be"),
)  # fmt: skip
CALL_OUTCOME: Final = (
    Column("reward", "float64", "outcome", "USD", "of the action taken: 0 for DO_NOTHING"),
    Column(
        "counterfactual_reward", "float64", "outcome", "USD",
        "of the action not taken: of the call not sold, as if it alone had been; 0 for a sale",
    ),
    Column("close_time", "timestamp", "outcome", "", "expiry of the call"),
    Column("pnl_vs_hodl", "float64", "outcome", "USD", "premium - assignment - fees"),
    Column("premium", "float64", "outcome", "USD", "received, coin valued at the expiry's price"),
    Column("assignment", "float64", "outcome", "USD", "paid at the expiry"),
    Column("fees", "float64", "outcome", "USD", "of the sale and of the delivery"),
    Column(
        "drawdown_penalty", "float64", "outcome", "USD",
        "taken off the reward of selling: a share of the worst mark on its way",
    ),
    Column("max_drawdown_pct", "float64", "outcome", "percent", "drawdown of coins and call"),
)  # fmt: skip


def check_features(asked: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """Take the features that are asked for, in the order of the schema.

    Raises:
        ValueError: one is unknown or named twice, or none is asked for.
    """
    if not asked:
        raise ValueError(f"features: none named; choose among {', '.join(known)}")
    for name in asked:
        if name not in known:
            raise ValueError(f"features: {name!r} is unknown; choose among {', '.join(known)}")
        if list(asked).count(name) > 1:
            raise ValueError(f"features: {name!r} is named twice; name each once")
    return tuple(name for name in known if name in asked)


def call_table(
    examples: Sequence[TrainingExample],
    features: Sequence[str] = FEATURES,
    split: Split | None = None,
) -> TrainingTable:
    """Lay out rows of `generate_training_data` with the features asked for.

    `dvol` is not among what a state knows: whoever asks for it adds it to `extra`.

    Raises:
        ValueError: a feature is unknown, or the split leaves nothing to learn from or to test on.
    """
    chosen = check_features(features, STUDY_FEATURES)
    shown = tuple(one for one in CALL_FEATURES if one.name in chosen)
    return lay_out(examples, (*KEYS, *CALL_ACTION, SPOT, *shown, *CALL_OUTCOME, *ENDS), split)


def lay_out(
    examples: Sequence[TrainingExample], columns: tuple[Column, ...], split: Split | None
) -> TrainingTable:
    """Lay out rows in columns; the bit FEATURES_MISSING is that of the features among them.

    Raises:
        ValueError: the split leaves nothing to learn from or to test on.
    """
    features = [one.name for one in columns if one.role == "feature" and one.name != SPOT.name]
    labels = _labels(examples, split)
    values: dict[str, list[Any]] = {one.name: [] for one in columns}
    for row, label in zip(examples, labels, strict=True):
        quality = row.extra["quality"] & ~Quality.FEATURES_MISSING
        if any(row.extra.get(name) is None for name in features):
            quality |= Quality.FEATURES_MISSING
        cells = {
            "dvol": None, **row.extra, "decision_time": row.decision_time,
            "underlying": row.underlying, "split": label, "action": row.action,
            "spot": row.spot, "reward": row.reward,
            "quality": int(quality),
        }  # fmt: skip
        for one in columns:
            values[one.name].append(_plain(cells[one.name]))
    return TrainingTable(columns=columns, values=values)


def _labels(examples: Sequence[TrainingExample], split: Split | None) -> list[str | None]:
    if split is None:
        return [None] * len(examples)
    learned, tested = split_by_time(examples, split.at, split.embargo)
    if not learned or not tested:
        lack = "before it has an outcome" if not learned else "is decided that long after it"
        raise ValueError(
            f"split {split.at.isoformat()} with an embargo of {split.embargo}: no row {lack}; "
            "cut elsewhere, or name a longer span"
        )
    first, last = {id(one) for one in learned}, {id(one) for one in tested}
    return [
        "train" if id(one) in first else "test" if id(one) in last else "embargo"
        for one in examples
    ]


def _plain(value: object) -> object:
    """Say None for what is not known: an empty text, or no number."""
    if value == "" or (isinstance(value, float) and not math.isfinite(value)):
        return None
    return value
