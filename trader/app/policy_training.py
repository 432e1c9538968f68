"""How does an exported set become a policy? What `trader train policy` does."""

from __future__ import annotations

import hashlib
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from trader.app.policy_fit import Fitted, fit, load_learner
from trader.backtest.policy_rows import NEEDED, PolicyRows, policy_rows
from trader.backtest.training import SCHEMA_VERSION
from trader.backtest.training_table import check_features
from trader.domain.errors import ConfigurationError
from trader.domain.units import moment
from trader.evaluation.policy_value import LEVEL, policy_value
from trader.storage.training_sets import read_set
from trader.strategies.call_features import LIVE
from trader.strategies.fitted_policy import UNITS, VERSION, FittedPolicy, Terms

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

SCHEMA: Final = "covered_call_training"
BANDS: Final = 5
"""Parts of the rows learned from, by the reward that was expected of them."""


class Card(msgspec.Struct, frozen=True):
    """What is read of the card beside a set."""

    schema: str
    schema_version: int
    source: str
    file: dict[str, Any]
    settings: dict[str, Any]
    columns: list[dict[str, Any]]


def train_policy(
    path: Path, features: Sequence[str] | None = None, threshold: float = 0.0
) -> FittedPolicy:
    """Learn from the part `train` of a set, test on its part `test`; the same set, the same policy.

    `features` None: those that study and daemon know alike. Rows that lack one are not learned
    from, and declined when tested. It sells where more than `threshold` of spot is expected.

    Raises:
        ConfigurationError: the set, its card, a feature or the threshold cannot be used, there are
            too few rows, or scikit-learn is not installed.
    """
    learner = load_learner()
    card = _card(path)
    held = {one["name"]: one["type"] for one in card.columns if one["role"] == "feature"}
    names = _features(features, held)
    if not np.isfinite(threshold):
        raise ConfigurationError(f"--threshold {threshold!r} must be a finite number")
    types = {one["name"]: one["type"] for one in card.columns if one["name"] in (*NEEDED, *names)}
    values = read_set(path, types)
    try:
        rows = policy_rows(values, names)
    except ValueError as error:
        raise ConfigurationError(f"{path}: {error}") from error
    learned, tested = rows.of("train"), rows.of("test")
    _check_known(path, learned)
    complete = learned.kept(learned.complete)
    made = fit(complete, learner)
    sells = _sells(made, tested, threshold)
    value = policy_value(tested.reward, sells, tested.decided_at, tested.ended_at)
    content = {
        "format": "covered_call_policy",
        "version": VERSION,
        "underlying": _one(values, "underlying", path),
        "model": made.model,
        "penalty": made.penalty,
        "reward_unit": "fraction of spot",
        "missing": "decline",
        "features": _uses(made, complete),
        "intercept": made.intercept,
        "threshold": float(threshold),
        "terms": {name: card.settings.get(name) for name in Terms.model_fields},
        "trained": {
            **_span(complete),
            "rows": len(complete),
            "left_out": _left_out(rows, learned, complete),
            "set_name": path.name,
            "set_sha256": card.file["sha256"],
            "config_hash": _one(values, "config_hash", path),
            "code_version": version("trader"),
            "source": card.source,
        },
        "tested": {
            **_span(tested),
            "declined_for_missing": int((~tested.complete).sum()),
            **msgspec.to_builtins(value),
        },
        **_distances(made, complete, tested),
    }
    return FittedPolicy.model_validate(content)


def _card(path: Path) -> Card:
    """Read the card of a set, and check that the set is the one it describes."""
    beside = path.with_name(f"{path.name}.card.json")
    try:
        content = path.read_bytes()
        card = msgspec.json.decode(beside.read_bytes(), type=Card)
        digest = card.file["sha256"]
    except OSError as error:
        raise ConfigurationError(
            f"{error.filename} cannot be read ({error.strerror}): --data names a file of trader"
            " export training, with its card beside it"
        ) from error
    except (msgspec.MsgspecError, KeyError) as error:
        raise ConfigurationError(f"{beside} is no card ({error}); export the set anew") from error
    if card.schema != SCHEMA or card.schema_version != SCHEMA_VERSION:
        raise ConfigurationError(
            f"{path}: schema {card.schema} {card.schema_version}: only {SCHEMA} {SCHEMA_VERSION}"
            " tells what selling and not selling brought; export a study, without --journal"
        )
    if hashlib.sha256(content).hexdigest() != digest:
        raise ConfigurationError(f"{path} is not the file of its card; export the set anew")
    return card


def _features(asked: Sequence[str] | None, held: Mapping[str, str]) -> tuple[str, ...]:
    """Take the features asked for, in the order of the schema."""
    known = [name for name in UNITS if name in held]
    if asked is None:
        asked = [name for name in LIVE if name in known]
    try:
        return check_features(asked, known)
    except ValueError as error:
        raise ConfigurationError(f"--{error}") from error


def _check_known(path: Path, learned: PolicyRows) -> None:
    """Refuse a feature that most rows lack: with it next to nothing would be learned."""
    for name, column in zip(learned.names, learned.features.T, strict=True):
        count = int(np.isfinite(column).sum())
        if 2 * count < len(learned):
            raise ConfigurationError(
                f"{path}: {name!r} is known in {count} of {len(learned)} rows to learn from; leave"
                " it out of --features"
            )


def _sells(made: Fitted, tested: PolicyRows, threshold: float) -> np.ndarray[Any, Any]:
    sells = np.zeros(len(tested), dtype=np.bool_)
    complete = tested.complete
    sells[complete] = made.expected(tested.features[complete]) > threshold
    return sells


def _uses(made: Fitted, complete: PolicyRows) -> list[dict[str, Any]]:
    lows, highs = complete.features.min(axis=0), complete.features.max(axis=0)
    columns = (made.mean, made.scale, made.coefficient, lows, highs)
    return [
        {
            "name": name, "unit": UNITS[name], "mean": float(mean), "scale": float(scale),
            "coefficient": float(coefficient), "low": float(low), "high": float(high),
        }
        for name, mean, scale, coefficient, low, high in zip(complete.names, *columns, strict=True)
    ]  # fmt: skip


def _span(rows: PolicyRows) -> dict[str, Any]:
    first, last = int(rows.decided_at[0]), int(rows.decided_at[-1])
    return {"first": moment(first), "last": moment(last)}


def _left_out(rows: PolicyRows, learned: PolicyRows, complete: PolicyRows) -> dict[str, int]:
    lost = dict(rows.left_out["train"])
    missing = len(learned) - len(complete)
    return dict(sorted((lost | ({"feature_missing": missing} if missing else {})).items()))


def _distances(made: Fitted, learned: PolicyRows, tested: PolicyRows) -> dict[str, Any]:
    """Tell how far outcomes lay from what was expected, and what each band of rows earned."""
    tested = tested.kept(tested.complete)
    if not len(tested):
        raise ConfigurationError("no row to test on has every feature; name fewer --features")
    expected, later = made.expected(learned.features), made.expected(tested.features)
    low, high = np.quantile(
        tested.reward - later, [(1.0 - LEVEL) / 2.0, (1.0 + LEVEL) / 2.0]
    ).tolist()
    shares = np.arange(1, BANDS if made.model == "ridge" else 1) / BANDS
    inner = np.unique(np.quantile(expected, shares))
    bands = []
    for place, upto in enumerate((*inner.tolist(), None)):
        told: dict[str, Any] = {"upto": upto}
        for name, rows, score in (("learned", learned, expected), ("tested", tested, later)):
            inside = rows.reward[np.searchsorted(inner, score) == place]
            told |= {
                f"rows_{name}": len(inside),
                f"mean_{name}": float(inside.mean()) if len(inside) else None,
            }
        bands.append(told)
    residuals = {"rows": len(tested), "level": LEVEL, "low": low, "high": high}
    return {"residuals": residuals, "bands": bands}


def _one(values: Mapping[str, Sequence[Any]], column: str, path: Path) -> str:
    """Take the one value that a column must have."""
    found = sorted({str(one) for one in values[column]})
    if len(found) > 1:
        raise ConfigurationError(
            f"{path}: {column} has {len(found)} values ({', '.join(found[:3])}); train on one"
        )
    return found[0]
