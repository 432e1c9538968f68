"""What did a model learn about selling calls? A policy as plain data: checked, asked, and scored.

Rewards are those of a call sold and held to its expiry, against holding the coin, as a fraction of
the coin's price at the sale: so rows of other years and sizes can be compared.
"""

from __future__ import annotations

import functools
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec
import numpy as np
import pydantic
from pydantic import AwareDatetime, ConfigDict, Field

from trader.strategies.call_features import MEANINGS

if TYPE_CHECKING:
    from trader.domain.market import Floats

VERSION: Final = 2
UNITS: Final = {name: unit for name, (unit, _) in MEANINGS.items()} | {"dvol": "fraction per year"}
"""Features that a policy may ask for: those of a study's state, and the published index."""

Action = Literal["SELL_CALL", "DO_NOTHING"]


class _Section(pydantic.BaseModel):
    """A part of the file: nothing unknown, nothing that is no number."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class FeatureUse(_Section):
    """One feature: how it is standardized, what it counts, and between what it was seen."""

    name: str
    unit: str
    mean: float
    scale: float = Field(gt=0)
    coefficient: float
    low: float
    high: float

    @pydantic.model_validator(mode="after")
    def _known(self) -> FeatureUse:
        if self.name not in UNITS:
            raise ValueError(f"{self.name!r} is unknown; choose among {', '.join(UNITS)}")
        if self.unit != UNITS[self.name]:
            raise ValueError(
                f"unit {self.unit!r} of {self.name} is another than {UNITS[self.name]!r};"
                " train the policy anew"
            )
        if self.low > self.high:
            raise ValueError(
                f"low {self.low:g} of {self.name} is above high {self.high:g}; exchange them"
            )
        return self


class Terms(_Section):
    """Which calls it learned from: terms of the study that made its rows."""

    timeframe: str
    decision_interval_bars: int = Field(ge=1)
    target_dte: float = Field(gt=0)
    dte_tolerance: float = Field(ge=0)
    target_delta: float = Field(gt=0, lt=1)
    delta_tolerance: float = Field(ge=0)
    fill: str
    drawdown_penalty: float = Field(ge=0)


class Trained(_Section):
    """What it learned from; `left_out` names why rows were not used, and how many."""

    first: AwareDatetime
    last: AwareDatetime
    rows: int = Field(ge=1)
    left_out: dict[str, int]
    set_name: str
    set_sha256: str
    config_hash: str
    code_version: str
    source: str


class Estimate(_Section):
    """A mean and its interval."""

    mean: float
    low: float
    high: float


class Tested(_Section):
    """What came of it where it had not looked: mean rewards of a decision, with intervals.

    `independent` counts calls that could have been sold one after the other: so many outcomes do
    not overlap. `evidence` says in words what that proves.
    """

    first: AwareDatetime
    last: AwareDatetime
    decisions: int = Field(ge=1)
    sold: int = Field(ge=0)
    declined_for_missing: int = Field(ge=0)
    independent: int = Field(ge=1)
    block_length: int = Field(ge=1)
    level: float = Field(gt=0, lt=1)
    policy: Estimate
    always: Estimate
    policy_less_always: Estimate
    advantage: bool
    evidence: str


class Residuals(_Section):
    """How far outcomes lay from what was expected, out of sample: quantiles at `level`."""

    rows: int = Field(ge=1)
    level: float = Field(gt=0, lt=1)
    low: float
    high: float


class Band(_Section):
    """Rows whose expected reward was at most `upto` (None: the highest), and what they earned."""

    upto: float | None
    rows_learned: int = Field(ge=0)
    mean_learned: float | None
    rows_tested: int = Field(ge=0)
    mean_tested: float | None


class FittedPolicy(_Section):
    """A linear model of the reward of selling; sells where it expects more than `threshold`.

    It is a policy: called with a state it says yes or no, and declines what lacks a feature.
    """

    format: Literal["covered_call_policy"]
    version: int
    underlying: str = Field(min_length=1)
    model: Literal["ridge", "constant"]
    penalty: float | None = Field(ge=0)
    reward_unit: Literal["fraction of spot"]
    missing: Literal["decline"]
    features: tuple[FeatureUse, ...] = Field(min_length=1)
    intercept: float
    threshold: float
    terms: Terms
    trained: Trained
    tested: Tested
    residuals: Residuals
    bands: tuple[Band, ...] = Field(min_length=1)

    @pydantic.field_validator("version")
    @classmethod
    def _read_here(cls, version: int) -> int:
        if version != VERSION:
            raise ValueError(
                f"version {version}: only {VERSION} is read here; train the policy anew with this"
                " version of trader"
            )
        return version

    @pydantic.model_validator(mode="after")
    def _consistent(self) -> FittedPolicy:
        names = [one.name for one in self.features]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"features: {name!r} is named twice; name each once")
        limits = [one.upto for one in self.bands]
        finite = [one for one in limits if one is not None]
        if limits[-1] is not None or len(finite) != len(limits) - 1 or finite != sorted(finite):
            raise ValueError("bands: upto must rise and end with null; train the policy anew")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """The features, in order."""
        return tuple(one.name for one in self.features)

    @functools.cached_property
    def digest(self) -> str:
        """Name the content: policies with one digest decide alike."""
        return hashlib.sha256(policy_json(self).encode()).hexdigest()

    @functools.cached_property
    def _columns(self) -> tuple[Floats, Floats, Floats]:
        rows = [(one.mean, one.scale, one.coefficient) for one in self.features]
        mean, scale, coefficient = np.array(rows).T
        return mean, scale, coefficient

    def __str__(self) -> str:
        return f"sha256:{self.digest}"

    def expected(self, values: Sequence[float]) -> float:
        """Expect a reward from one number per feature, in their order: a fraction of spot."""
        mean, scale, coefficient = self._columns
        return self.intercept + float(coefficient @ ((np.asarray(values) - mean) / scale))

    def __call__(self, state: Mapping[str, Any]) -> bool:
        """Decide: sell where the expected reward is above the threshold and nothing is missing."""
        values = known(self, state)
        return values is not None and self.expected(values) > self.threshold


PolicyParameter = pydantic.InstanceOf[FittedPolicy] | None
"""The parameter `policy` of a strategy: its file names a file, whose policy takes its place."""


def asked_policy(settings: pydantic.BaseModel) -> FittedPolicy | None:
    """Find the policy that a strategy of these settings asks; None where it asks none."""
    policy = getattr(settings, "policy", None)
    return policy if isinstance(policy, FittedPolicy) else None


class Outside(msgspec.Struct, frozen=True):
    """A feature that lies where none was seen when it was learned."""

    feature: str
    value: float
    low: float
    high: float


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """What a candidate historically earned. Rewards are fractions of spot, `low` to `high` holds a
    single outcome with chance `level`; `similar_*` are past rows with an expected reward like it.
    """

    action: Action
    expected_reward: float
    expected_reward_usd: float | None
    low: float
    high: float
    level: float
    threshold: float
    outside: tuple[Outside, ...]
    similar_learned: int
    similar_learned_mean: float | None
    similar_tested: int
    similar_tested_mean: float | None
    advantage: bool
    evidence: str
    says: str


def known(policy: FittedPolicy, state: Mapping[str, Any]) -> list[float] | None:
    """Take a policy's features from a state, in order; None where one is missing or no number."""
    values = [state.get(name) for name in policy.names]
    found = [float(one) for one in values if one is not None and math.isfinite(one)]
    return found if len(found) == len(values) else None


def score(policy: FittedPolicy, state: Mapping[str, Any]) -> Score:
    """Say what a candidate historically earned; `spot` of the state, if any, makes dollars of it.

    Raises:
        ValueError: a feature (or spot) is no finite number or missing, or the coin is another.
    """
    coin = state.get("underlying", policy.underlying)
    if coin != policy.underlying:
        raise ValueError(
            f"underlying {coin!r}: the policy was learned on {policy.underlying}; train one for it"
        )
    values = [_number(policy, state, name) for name in policy.names]
    spot = _spot(state)
    expected = policy.expected(values)
    sells = expected > policy.threshold
    band = next(one for one in policy.bands if one.upto is None or expected <= one.upto)
    outside = tuple(
        Outside(one.name, value, one.low, one.high)
        for one, value in zip(policy.features, values, strict=True)
        if not one.low <= value <= one.high
    )
    low, high = expected + policy.residuals.low, expected + policy.residuals.high
    return Score(
        action="SELL_CALL" if sells else "DO_NOTHING",
        expected_reward=expected,
        expected_reward_usd=None if spot is None else expected * spot,
        low=low,
        high=high,
        level=policy.residuals.level,
        threshold=policy.threshold,
        outside=outside,
        similar_learned=band.rows_learned,
        similar_learned_mean=band.mean_learned,
        similar_tested=band.rows_tested,
        similar_tested_mean=band.mean_tested,
        advantage=policy.tested.advantage,
        evidence=policy.tested.evidence,
        says=_says(policy, expected, (low, high), band, outside),
    )


def policy_json(policy: FittedPolicy) -> str:
    """Write a policy as a file holds it: the same bytes for the same policy."""
    return json.dumps(policy.model_dump(mode="json"), indent=2) + "\n"


def _number(policy: FittedPolicy, state: Mapping[str, Any], name: str) -> float:
    value = state.get(name)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    said = "is missing" if value is None else f"is {value!r}"
    raise ValueError(
        f"{name} {said}: give a finite number ({UNITS[name]}); needed: {', '.join(policy.names)}"
    )


def _spot(state: Mapping[str, Any]) -> float | None:
    spot = state.get("spot")
    if spot is None:
        return None
    fits = isinstance(spot, (int, float)) and not isinstance(spot, bool)
    if not fits or not 0 < spot < math.inf:
        raise ValueError(f"spot is {spot!r}: give a positive number (USD), or leave it out")
    return float(spot)


def _says(
    policy: FittedPolicy,
    expected: float,
    ends: tuple[float, float],
    band: Band,
    outside: Sequence[Outside],
) -> str:
    tested = (
        f"{band.rows_tested} later ones {band.mean_tested:+.2%}"
        if band.mean_tested is not None
        else "no later ones"
    )
    learned = (
        f"{band.rows_learned} like it earned {band.mean_learned:+.2%} on average"
        if band.mean_learned is not None
        else "none like it was learned from"
    )
    beyond = f"; outside of what was seen: {', '.join(one.feature for one in outside)}"
    return (
        f"this candidate historically has reward {expected:+.2%} of spot"
        f" ({ends[0]:+.2%} to {ends[1]:+.2%} with chance {policy.residuals.level:.0%});"
        f" {learned}, {tested}{beyond if outside else ''}; {policy.tested.evidence}"
    )
