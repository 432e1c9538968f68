"""What type of trader is this? By groups that were found among many, else by rule, and how sure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypedDict

import msgspec
import numpy as np

from trader.behavior.archetypes import ASKED, SAMPLE_TRADES, TRADER_TYPES, rule_based_type
from trader.behavior.clustering import (
    FORMAT,
    VERSION,
    Column,
    FittedProfiles,
    NotFitted,
    fit_profiles,
)
from trader.behavior.features import (
    AVG_HOLDING_TIME,
    FEATURES,
    MAX_DRAWDOWN,
    PROFIT_FACTOR,
    REVENGE_RATIO,
    TRADE_COUNT,
    WIN_RATE,
    extract_behavior_features,
)

if TYPE_CHECKING:
    from trader.domain.market import Floats

SHOWN: Final = (WIN_RATE, PROFIT_FACTOR, AVG_HOLDING_TIME, REVENGE_RATIO, MAX_DRAWDOWN)
UNFITTED: Final = "no profiles were fitted: the type is by rule"


class Profile(TypedDict):
    """A trader's type (`cluster` is its number), what speaks for it, and how sure that is."""

    cluster: int
    type_name: str
    features: dict[str, float]
    confidence: float
    """0 on the border to another type, towards 1 far from it and with many trades."""
    method: Literal["clusters", "rules"]
    reason: str


class TraderProfiler:
    """Tells types of traders apart.

    Labels depend neither on the order of traders nor on that of the groups found.
    """

    extract_behavior_features = staticmethod(extract_behavior_features)

    def __init__(self, n_clusters: int = 5, fitted: FittedProfiles | None = None) -> None:
        if not 2 <= n_clusters <= len(TRADER_TYPES):
            raise ValueError(f"n_clusters is {n_clusters}, must be 2 to {len(TRADER_TYPES)}")
        self.n_clusters = n_clusters
        self.fitted = fitted
        self.reason = "" if fitted else UNFITTED

    @property
    def is_fitted(self) -> bool:
        """Whether groups were found; without, types are by rule and `reason` says why."""
        return self.fitted is not None

    def fit(self, all_traders_features: Floats) -> None:
        """Look for groups among traders, a row of fifteen features each.

        Where they are too few or form no groups, types stay by rule; `reason` says so.

        Raises:
            ValueError: rows are not of the fifteen features, or a number is not finite.
            ModuleNotFoundError: scikit-learn is not installed (extra `train`).
        """
        rows = np.asarray(all_traders_features, dtype=np.float64)
        if rows.ndim != 2 or rows.shape[1] != len(FEATURES):
            raise ValueError(f"features are of shape {rows.shape}, must be (traders, 15)")
        broken = np.flatnonzero(~np.isfinite(rows).all(axis=1))
        for place in broken[:1]:
            _check_finite(rows[place], f"trader {place}: ")
        found = fit_profiles(rows, self.n_clusters)
        if isinstance(found, NotFitted):
            self.fitted, self.reason = None, f"{found.reason}; the type is by rule"
        else:
            self.fitted, self.reason = found, ""

    def predict_type(self, features: Floats) -> Profile:
        """Return the type of one trader.

        Raises:
            ValueError: these are not the fifteen features, or one is not finite.
        """
        row = np.asarray(features, dtype=np.float64)
        if row.shape != (len(FEATURES),):
            raise ValueError(f"features are of shape {row.shape}, must be the fifteen of a trader")
        _check_finite(row, "")
        if self.fitted is None:
            kind, confidence = rule_based_type(row)
            told = self.reason
        else:
            kind, margin = self.fitted.nearest(row)
            confidence = margin * row[TRADE_COUNT] / (row[TRADE_COUNT] + SAMPLE_TRADES)
            told = f"nearest of {len(self.fitted.clusters)} groups that were found"
        return {
            "cluster": kind,
            "type_name": TRADER_TYPES[kind],
            "features": {FEATURES[place]: float(row[place]) for place in SHOWN},
            "confidence": float(confidence),
            "method": "clusters" if self.is_fitted else "rules",
            "reason": told,
        }


def profiles_json(fitted: FittedProfiles) -> bytes:
    """Write what was learned as JSON, alike for the same numbers."""
    return msgspec.json.format(msgspec.json.encode(fitted), indent=1) + b"\n"


def read_profiles(content: bytes) -> FittedProfiles:
    """Read what `profiles_json` wrote.

    Raises:
        ValueError: it is none, of another version, or its parts do not fit together.
    """
    try:
        fitted = msgspec.json.decode(content, type=FittedProfiles)
    except msgspec.MsgspecError as error:
        raise ValueError(f"no {FORMAT} ({error}); fit the profiles anew") from error
    if fitted.version != VERSION:
        raise ValueError(
            f"version {fitted.version}: only {VERSION} is read here; fit the profiles anew with"
            " this version of trader"
        )
    kinds = [one.type for one in fitted.clusters]
    if (
        [one.name for one in fitted.columns] != [FEATURES[place] for place in ASKED]
        or any(_impossible(one) for one in fitted.columns)
        or any(len(one.center) != len(ASKED) for one in fitted.clusters)
        or not set(kinds) <= set(TRADER_TYPES)
        or not 2 <= len(kinds) == len(set(kinds))
    ):
        raise ValueError("features, scales, centers or types do not fit; fit the profiles anew")
    return fitted


def _impossible(column: Column) -> bool:
    """Whether a column cannot scale anything."""
    unit = column.unit is None or column.unit > 0
    return not (unit and column.scale > 0 and column.low <= column.high)


def _check_finite(row: Floats, whose: str) -> None:
    for name, value in zip(FEATURES, row.tolist(), strict=True):
        if not np.isfinite(value):
            raise ValueError(f"{whose}{name} is {value}, must be finite; leave the trader out")
