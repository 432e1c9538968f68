"""Cadence, strategy files and the door through which every strategy is built."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import NOW
from trader.domain.units import DAY, HOUR, MINUTE
from trader.strategies.covered_call import CoveredCall, CoveredCallSettings
from trader.strategies.registry import BUILT_IN
from trader.strategies.strategy import (
    Cadence,
    CadenceSettings,
    StrategyFile,
    build,
    grid_around,
)

CONFIG = Path(__file__).parents[2] / "config"
FILES = sorted([*CONFIG.glob("strategies/*.toml"), *CONFIG.glob("demo/strategies/*.toml")])
MINIMAL = {"name": "calls", "kind": "covered_call", "underlying": "BTC", "cadence": {"hours": 2}}


@given(at=st.integers(0, 60_000 * DAY), slots=st.sampled_from([30, 60, 120, 1440]))
def test_due_moments_surround_now(at: int, slots: int) -> None:
    """The latest slot is never after now, the next always is, and both lie on the grid."""
    cadence = Cadence(every=slots * MINUTE, offset=15 * MINUTE, manage_every=5 * MINUTE)
    latest, following = cadence.latest_due(at), cadence.next_due(at)
    assert latest <= at < following == latest + cadence.every
    assert latest % DAY % cadence.every == cadence.offset


def test_slots_count_from_utc_midnight() -> None:
    """Two hours with an offset of 30 minutes are due at 00:30, 02:30 and so on, UTC."""
    cadence = Cadence(every=2 * HOUR, offset=30 * MINUTE, manage_every=5 * MINUTE)
    assert cadence.next_due(NOW) == NOW + 30 * MINUTE
    assert cadence.latest_due(NOW + 30 * MINUTE) == NOW + 30 * MINUTE


@pytest.mark.parametrize(
    ("every", "offset", "manage_every"),
    [(0, 0, 1), (-1, 0, 1), (1, 1, 1), (1, -1, 1), (1, 0, 0)],
)
def test_impossible_cadences_are_refused(every: int, offset: int, manage_every: int) -> None:
    """A cadence that never comes, or lies outside its own period, names the field."""
    with pytest.raises(ValueError, match="cadence"):
        Cadence(every, offset, manage_every)


@pytest.mark.parametrize(
    ("cadence", "remedy"),
    [
        ({}, "give the time between decisions"),
        ({"hours": 5}, "must divide a day"),
        ({"hours": 2, "offset_minutes": 120}, "must be below 120"),
        ({"hours": 2, "manage_minutes": 7}, "must divide a day"),
        ({"hours": -1}, "greater than or equal to 0"),
        ({"hours": 2, "second": 1}, "Extra inputs"),
    ],
)
def test_cadence_mistakes_name_their_remedy(cadence: dict[str, int], remedy: str) -> None:
    """Each mistake in [cadence] is refused with the reason."""
    with pytest.raises(pydantic.ValidationError, match=remedy):
        CadenceSettings.model_validate(cadence)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "Covered Call"},
        {"name": ""},
        {"underlying": "PEPE"},
        {"initial_stage": "LIVE"},
        {"kind": ""},
        {"colour": "red"},
    ],
)
def test_file_mistakes_are_refused(change: dict[str, object]) -> None:
    """A wrong name, coin, stage, kind or unknown key is a mistake, and its key is named."""
    with pytest.raises(pydantic.ValidationError) as caught:
        StrategyFile.model_validate(MINIMAL | change)
    assert next(iter(change)) in str(caught.value)


def test_stage_defaults_to_research() -> None:
    """A file that names no stage starts in the shadow, enabled."""
    file = StrategyFile.model_validate(MINIMAL)
    assert file.initial_stage == "RESEARCH"
    assert file.enabled


def test_build_validates_the_parameters_of_the_kind() -> None:
    """`build` fills defaults, carries name, coin and cadence, and refuses unknown parameters."""
    file = StrategyFile.model_validate(MINIMAL | {"parameters": {"target_delta": 0.2}})
    strategy = build(CoveredCall, file)
    assert strategy.settings == CoveredCallSettings(target_delta=0.2)
    assert (strategy.name, strategy.underlying) == ("calls", "BTC")
    assert strategy.cadence() == Cadence(2 * HOUR, 0, 5 * MINUTE)
    wrong = StrategyFile.model_validate(MINIMAL | {"parameters": {"target_gamma": 1}})
    with pytest.raises(pydantic.ValidationError, match="target_gamma"):
        build(CoveredCall, wrong)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_shipped_files_build(path: Path) -> None:
    """Every file we ship is valid, named like its strategy, and sets only known parameters."""
    file = StrategyFile.model_validate(tomllib.loads(path.read_text()))
    kinds = {kind.kind: kind for kind in BUILT_IN}
    strategy = build(kinds[file.kind], file)
    assert strategy.name == path.stem
    assert set(file.parameters) <= set(type(strategy.settings).model_fields)


def test_demo_files_are_the_four_of_the_demo() -> None:
    """The demo trades two strategies on two coins, one at full size, half an hour apart."""
    demo = [
        StrategyFile.model_validate(tomllib.loads(path.read_text()))
        for path in FILES
        if "demo" in path.parts
    ]
    assert {one.name: one.initial_stage for one in demo} == {
        "covered_call_btc": "PRODUCTION",
        "covered_call_eth": "PILOT",
        "directional_btc": "PILOT",
        "directional_eth": "PILOT",
    }
    assert sorted(one.cadence.offset_minutes for one in demo) == [0, 30, 60, 90]
    assert {one.cadence.hours for one in demo} == {2}


def test_grid_holds_todays_value_within_limits() -> None:
    """A grid is ascending, keeps the present value and drops what lies outside the limits."""
    assert grid_around(0.25, 0.05, 0.05, 0.45) == (0.15, 0.2, 0.25, 0.3, 0.35)
    assert grid_around(0.8, 0.1, 0.1, 0.9) == (0.6, 0.7, 0.8, 0.9)
    assert grid_around(0.0, 0.1, 0.1, 0.9) == (0.0, 0.1, 0.2)
