"""What do rows teach a linear model? scikit-learn fits; what it found leaves as plain numbers.

The penalty is chosen inside of what is learned from, walking forward: each fold is judged by a
model of rows whose outcome was known before the fold began.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import msgspec
import numpy as np

from trader.domain.errors import ConfigurationError

if TYPE_CHECKING:
    from trader.backtest.policy_rows import PolicyRows
    from trader.domain.market import Floats

PENALTIES: Final = (1.0, 10.0, 100.0, 1_000.0, 10_000.0)
"""Ridge penalties that are tried, of standardized features; beside them the mean alone."""
FOLDS: Final = 5
ROWS_MIN: Final = 40
"""Complete rows without which nothing is fitted."""


class Fitted(msgspec.Struct, frozen=True, kw_only=True):
    """Expected reward = intercept + sum(coefficient * (feature - mean) / scale)."""

    model: Literal["ridge", "constant"]
    penalty: float | None
    mean: Floats
    scale: Floats
    coefficient: Floats
    intercept: float

    def expected(self, features: Floats) -> Floats:
        """Expect the reward of each row."""
        return self.intercept + ((features - self.mean) / self.scale) @ self.coefficient


class Learner(NamedTuple):
    """The parts of scikit-learn that are used (they come without types)."""

    ridge: Any
    scaler: Any


def load_learner() -> Learner:
    """Import scikit-learn.

    Raises:
        ConfigurationError: it is not installed.
    """
    try:
        from sklearn.linear_model import Ridge
        from sklearn.preprocessing import StandardScaler
    except ImportError:
        raise ConfigurationError(
            "trader train: the extra `train` is not installed (pip install trader[train])"
        ) from None
    return Learner(Ridge, StandardScaler)


def fit(rows: PolicyRows, learner: Learner) -> Fitted:
    """Fit rows with every feature known, with the penalty that walked forward best.

    Raises:
        ConfigurationError: there are too few rows.
    """
    if len(rows) < ROWS_MIN:
        raise ConfigurationError(
            f"rows to learn from: {len(rows)} with every feature known, {ROWS_MIN} are needed;"
            " export a longer span, or name fewer --features"
        )
    return fitted(rows.features, rows.reward, chosen_penalty(rows, learner), learner)


def chosen_penalty(rows: PolicyRows, learner: Learner) -> float | None:
    """Choose by the squared error of folds that were not looked at; None: the mean alone is best.

    Ties go to the larger penalty, and a span too short for folds to the mean.
    """
    chunks = np.array_split(np.arange(len(rows)), FOLDS + 1)
    errors: dict[float | None, float] = dict.fromkeys((None, *reversed(PENALTIES)), 0.0)
    judged = False
    for fold in chunks[1:]:
        past = np.flatnonzero(rows.ended_at <= rows.decided_at[fold[0]])
        if len(past) < 2:
            continue
        judged = True
        for penalty in errors:
            made = fitted(rows.features[past], rows.reward[past], penalty, learner)
            missed = made.expected(rows.features[fold]) - rows.reward[fold]
            errors[penalty] += float(missed @ missed)
    if not judged:
        return None
    least = min(errors.values())
    return next(one for one, error in errors.items() if error == least)


def fitted(features: Floats, reward: Floats, penalty: float | None, learner: Learner) -> Fitted:
    """Fit one model: a ridge on standardized features, or, without a penalty, the mean."""
    scaler = learner.scaler().fit(features)
    mean, scale = np.asarray(scaler.mean_), np.asarray(scaler.scale_)
    if penalty is None:
        nothing = np.zeros(features.shape[1])
        return Fitted(
            model="constant", penalty=None, mean=mean, scale=scale, coefficient=nothing,
            intercept=math.fsum(reward) / len(reward),
        )  # fmt: skip
    ridge = learner.ridge(alpha=penalty, solver="cholesky").fit(scaler.transform(features), reward)
    return Fitted(
        model="ridge", penalty=penalty, mean=mean, scale=scale,
        coefficient=np.asarray(ridge.coef_), intercept=float(ridge.intercept_),
    )  # fmt: skip
