"""Are groups found where there are some, named right, alike in any order, and refused elsewhere?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest

from tests.behavior.people import crowd
from trader.behavior.archetypes import ASKED, TRADER_TYPES
from trader.behavior.clustering import FittedProfiles, NotFitted, fit_profiles
from trader.behavior.features import AVG_HOLDING_TIME, AVG_LOSS, FEATURES

if TYPE_CHECKING:
    from trader.domain.market import Floats


def fitted(rows: Floats, clusters: int = 5) -> FittedProfiles:
    """Expect groups."""
    found = fit_profiles(rows, clusters)
    assert isinstance(found, FittedProfiles), found
    return found


def reason(rows: Floats, clusters: int = 5) -> str:
    """Expect none."""
    found = fit_profiles(rows, clusters)
    assert isinstance(found, NotFitted)
    return found.reason


def test_planted_types_are_found_and_named() -> None:
    """Of 40 traders of each type at least 9 of 10 are of it; every group has a type of its own."""
    rows, kinds = crowd(np.random.default_rng(0), 40)
    found = fitted(rows)
    assert [one.type_name for one in found.clusters] == list(TRADER_TYPES.values())
    assert sum(one.traders for one in found.clusters) == found.traders == 200
    right = [found.nearest(row)[0] == kind for row, kind in zip(rows, kinds, strict=True)]
    assert np.mean(right) >= 0.9
    assert found.silhouette > 0.5


def test_the_order_of_traders_changes_nothing() -> None:
    """Any permutation of rows gives the same numbers, to the last bit."""
    rng = np.random.default_rng(1)
    rows, _ = crowd(rng, 12)
    first = fitted(rows)
    for _ in range(3):
        assert fitted(rng.permutation(rows)) == first


def test_the_order_of_groups_changes_nothing() -> None:
    """Whichever number a group has, whoever is nearest to it is of its type."""
    rows, _ = crowd(np.random.default_rng(2), 12)
    found = fitted(rows)
    turned = msgspec.structs.replace(found, clusters=found.clusters[::-1])
    assert [turned.nearest(row) for row in rows] == [found.nearest(row) for row in rows]


def test_features_that_are_not_asked_change_nothing() -> None:
    """Luck makes no type, in whatever currency it is counted."""
    rows, _ = crowd(np.random.default_rng(3), 12)
    other = rows.copy()
    other[:, AVG_LOSS] *= 50_000.0
    assert fitted(other).clusters == fitted(rows).clusters
    assert [FEATURES[place] for place in ASKED] == [one.name for one in fitted(rows).columns]


def test_two_types_are_told_apart_with_two_groups() -> None:
    """Who is asked for two names the two nearest archetypes."""
    rows, kinds = crowd(np.random.default_rng(4), 20)
    some = rows[[kind in (3, 4) for kind in kinds]]
    assert [one.type for one in fitted(some, 2).clusters] == [3, 4]


def test_too_few_traders_make_no_groups() -> None:
    """Five groups need thirty; one trader is none."""
    rows, _ = crowd(np.random.default_rng(5), 6)
    assert "29 traders are too few for 5 groups: 30" in reason(rows[1:])
    assert "1 traders are too few" in reason(rows[:1])


def test_alike_traders_make_no_groups() -> None:
    """Constant columns scale nothing, duplicates are no group of their own."""
    rows, _ = crowd(np.random.default_rng(6), 1)
    assert "only 1 of 60 traders differ" in reason(np.repeat(rows[:1], 60, axis=0))
    assert fitted(np.repeat(rows, 10, axis=0)).silhouette == pytest.approx(1.0)
    constant = rows.repeat(10, axis=0)
    constant[:, AVG_HOLDING_TIME] = 60.0
    assert fitted(constant).columns[0].scale == 1.0


def test_one_cloud_makes_no_groups() -> None:
    """Overlap and stragglers are told as reasons."""
    rows, kinds = crowd(np.random.default_rng(7), 100)
    moderate = rows[[kind == 1 for kind in kinds]]
    assert "groups overlap: silhouette" in reason(moderate)
    lonely = np.concatenate([np.repeat(rows[[0, 100, 200, 300]], 200, axis=0), rows[[400]]])
    assert "differ" in reason(lonely) or "one group has" in reason(lonely)


def test_ten_thousand_traders_are_grouped() -> None:
    """Those of whom only some are looked at from many starts get the groups of the others."""
    rng = np.random.default_rng(9)
    rows, kinds = crowd(rng, 20, 30)
    many = np.repeat(rows, 100, axis=0) * rng.lognormal(0, 0.05, (10_000, 15))
    found = fitted(many)
    assert sum(one.traders for one in found.clusters) == 10_000
    right = [found.nearest(row)[0] == kind for row, kind in zip(rows, kinds, strict=True)]
    assert np.mean(right) >= 0.9
    assert fitted(rng.permutation(many)) == found


def test_an_outlier_far_outside_is_clipped() -> None:
    """One absurd trader moves no scale by more than his percentile."""
    rows, _ = crowd(np.random.default_rng(8), 40)
    wild = np.concatenate([rows, np.full((1, 15), 1e12)])
    for one, other in zip(fitted(rows).columns, fitted(wild).columns, strict=True):
        assert other.scale == pytest.approx(one.scale, rel=0.1)
