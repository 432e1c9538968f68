"""Do traders fall into groups, and which type is each? Scaled features, k-means, types by name.

Groups are looked for in what names a type: how long is held, how much, how often. Of planted types
97 to 99 of 100 are found again so, and with all fifteen features 77 to 84: then traders are also
grouped by their luck. What comes of it is plain numbers. scikit-learn and scipy (extra `train`) are
imported where groups are looked for; whoever asks for a type needs neither.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec
import numpy as np

from trader.behavior.archetypes import ASKED, TRADER_TYPES, distances
from trader.behavior.features import FEATURES

if TYPE_CHECKING:
    from trader.domain.market import Floats, Ints

VERSION: Final = 1
FORMAT: Final = "trader_profiles"
TRADERS_PER_CLUSTER: Final = 6
SHARE_MIN: Final = 0.02
SILHOUETTE_MIN: Final = 0.25
LOOK_ROWS: Final = 2_000
"""Of more traders so many are grouped from many starts, and judged: that costs their square."""
STARTS: Final = 20
SKEWED: Final = 1.0
TAIL: Final = 0.01


class Column(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one feature is scaled: clipped to `low` and `high`, logged if skewed, standardized.

    A logged one is log1p of its multiple of `unit`, a typical size: so its own unit, dollars or
    fractions, changes nothing. The sign stays.
    """

    name: str
    low: float
    high: float
    unit: float | None
    mean: float
    scale: float


class Cluster(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A group of traders: its type, how many learned from are in it, its center (scaled)."""

    type: int
    type_name: str
    traders: int
    center: tuple[float, ...]


class FittedProfiles(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was learned of many traders, as plain data. Clusters are in the order of their types."""

    format: Literal["trader_profiles"]
    version: int
    traders: int
    silhouette: float
    columns: tuple[Column, ...]
    clusters: tuple[Cluster, ...]

    def scaled(self, rows: Floats) -> Floats:
        """Scale rows of the fifteen features as those learned from were: (rows, columns)."""
        return _scaled(rows, self.columns)

    def nearest(self, features: Floats) -> tuple[int, float]:
        """Return the type of the nearest center, and how much nearer it is than the next: 0 to 1.

        The latter is 1 less the ratio of both distances.
        """
        row = self.scaled(features[None])
        centers = np.array([one.center for one in self.clusters])
        apart = np.linalg.norm(centers - row, axis=1)
        best, next_best = np.argsort(apart, kind="stable")[:2]
        margin = 1.0 - apart[best] / apart[next_best] if apart[next_best] > 0 else 0.0
        return self.clusters[best].type, float(margin)


class NotFitted(msgspec.Struct, frozen=True):
    """These traders form no groups worth a name."""

    reason: str


def fit_profiles(all_traders_features: Floats, n_clusters: int) -> FittedProfiles | NotFitted:
    """Look for groups in rows of the fifteen features, and name each after the nearest archetype.

    Rows are put in an order of their own first, so that the one they came in changes nothing.

    Raises:
        ModuleNotFoundError: scikit-learn is not installed (extra `train`).
    """
    rows = all_traders_features[np.lexsort(all_traders_features.T[::-1])]
    needed = TRADERS_PER_CLUSTER * n_clusters
    if len(rows) < needed:
        return NotFitted(f"{len(rows)} traders are too few for {n_clusters} groups: {needed} are")
    columns = tuple(_column(FEATURES[place], rows[:, place]) for place in ASKED)
    scaled = _scaled(rows, columns)
    different = len(np.unique(scaled, axis=0))
    if different < n_clusters:
        return NotFitted(f"only {different} of {len(rows)} traders differ: {n_clusters} must")
    labels, centers = _grouped(scaled, n_clusters)
    sizes = np.bincount(labels, minlength=n_clusters)
    least = max(3, round(SHARE_MIN * len(rows)))
    if sizes.min() < least:
        return NotFitted(f"one group has {sizes.min()} of {len(rows)} traders: {least} are needed")
    quality = _silhouette(scaled, labels)
    if quality < SILHOUETTE_MIN:
        return NotFitted(f"groups overlap: silhouette {quality:.2f} is below {SILHOUETTE_MIN}")
    kinds = _named(rows, labels, n_clusters)
    return FittedProfiles(
        format=FORMAT, version=VERSION, traders=len(rows), silhouette=quality, columns=columns,
        clusters=tuple(
            Cluster(
                type=kind, type_name=TRADER_TYPES[kind], traders=int(sizes[place]),
                center=tuple(centers[place].tolist()),
            )
            for kind, place in sorted((kind, place) for place, kind in enumerate(kinds))
        ),
    )  # fmt: skip


def _column(name: str, values: Floats) -> Column:
    low, high = (float(one) for one in np.quantile(values, (TAIL, 1 - TAIL)))
    clipped = np.clip(values, low, high)
    sizes = np.abs(clipped[clipped != 0])
    unit = float(np.median(sizes)) if abs(_skewness(clipped)) > SKEWED else None
    shaped = _shaped(clipped, unit)
    spread = float(shaped.std())
    constant = spread <= 1e-12 * max(1.0, float(np.abs(shaped).max()))
    return Column(
        name=name, low=low, high=high, unit=unit, mean=float(shaped.mean()),
        scale=1.0 if constant else spread,
    )  # fmt: skip


def _scaled(rows: Floats, columns: tuple[Column, ...]) -> Floats:
    kept = (
        (_shaped(np.clip(rows[:, place], one.low, one.high), one.unit) - one.mean) / one.scale
        for place, one in zip(ASKED, columns, strict=True)
    )
    return np.stack(list(kept), axis=1)


def _shaped(values: Floats, unit: float | None) -> Floats:
    """Take the log of what is skewed, by size: losses are skewed the other way."""
    if unit is None:
        return values
    shaped: Floats = np.sign(values) * np.log1p(np.abs(values) / unit)
    return shaped


def _skewness(values: Floats) -> float:
    apart = values - values.mean()
    spread = float(values.std())
    return float((apart**3).mean()) / spread**3 if spread > 0 else 0.0


def _grouped(scaled: Floats, n_clusters: int) -> tuple[Ints, Floats]:
    """Group some from many starts, then all from the best of what came of it."""
    from sklearn.cluster import KMeans

    some = KMeans(n_clusters=n_clusters, n_init=STARTS, random_state=42).fit(_some(scaled))
    found = KMeans(n_clusters=n_clusters, n_init=1, init=some.cluster_centers_).fit(scaled)
    labels: Ints = found.labels_.astype(np.int64)
    centers: Floats = found.cluster_centers_
    return labels, centers


def _silhouette(scaled: Floats, labels: Ints) -> float:
    from sklearn.metrics import silhouette_score

    kept = _some(labels)
    if len(np.unique(kept)) < 2:
        return -1.0
    return float(silhouette_score(_some(scaled), kept))


def _some(rows: Any) -> Any:  # noqa: ANN401 - an array of whatever shape
    """Take rows evenly, at most so many as a first look needs."""
    places = np.linspace(0, len(rows) - 1, min(len(rows), LOOK_ROWS))
    return rows[places.astype(np.int64)]


def _named(rows: Floats, labels: Ints, n_clusters: int) -> list[int]:
    """Give each group a type of its own: least distance in all of their medians to archetypes."""
    from scipy.optimize import linear_sum_assignment  # type: ignore[import-untyped]

    medians = np.stack([np.median(rows[labels == one], axis=0) for one in range(n_clusters)])
    return [int(kind) for kind in linear_sum_assignment(distances(medians))[1]]
