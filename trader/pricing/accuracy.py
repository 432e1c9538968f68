"""How well did models forecast? Their volatilities against what quotes implied later, by bucket."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from trader.domain.models import ForecastScore

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trader.domain.models import Regime

DAYS: Final = 365.0
MONEYNESS: Final = ("far put", "put", "at the money", "call", "far call")
MONEYNESS_EDGES: Final = (-1.5, -0.5, 0.5, 1.5)
"""Deviations from the money, ln(K/F) / (vol sqrt(T)), that part the buckets."""
EXPIRIES: Final = ("to 2 days", "to 2 weeks", "to 6 weeks", "beyond")
EXPIRY_EDGES: Final = (2.0, 14.0, 42.0)
"""Days to expiry that part the buckets."""


class Observed(msgspec.Struct, frozen=True):
    """What a later quote said of an option that was forecast."""

    instrument: str
    vol: float
    deviation: float
    years: float

    @property
    def moneyness(self) -> str:
        """The bucket of its distance from the money."""
        return MONEYNESS[int(np.searchsorted(MONEYNESS_EDGES, self.deviation, side="right"))]

    @property
    def expiry(self) -> str:
        """The bucket of its time to expiry."""
        return EXPIRIES[int(np.searchsorted(EXPIRY_EDGES, self.years * DAYS, side="left"))]


class Accuracy(msgspec.Struct, frozen=True):
    """The record of one model in one regime and bucket; errors are fractions of volatility."""

    options: int = 0
    absolute: float = 0.0
    signed: float = 0.0

    @property
    def mean_error(self) -> float:
        """The mean absolute error; NaN where nothing was forecast."""
        return self.absolute / self.options if self.options else math.nan

    @property
    def bias(self) -> float:
        """The mean error: positive where the model sees more volatility than came."""
        return self.signed / self.options if self.options else math.nan

    def with_score(self, score: ForecastScore) -> Accuracy:
        """Take one more score in."""
        return Accuracy(
            self.options + score.options,
            self.absolute + score.absolute,
            self.signed + score.signed,
        )


Bucket = tuple[str, str, str, str]
"""Model, regime ("unknown" where there was none), moneyness, expiry."""


def bucket_of(score: ForecastScore, regime: Regime | None) -> Bucket:
    """Name the row of the table that a score belongs to."""
    return score.model, regime or "unknown", score.moneyness, score.expiry


def lost(
    forecasts: Mapping[str, float] | None, observed: Sequence[Observed], full_error: float
) -> float:
    """Return a model's loss: its mean error over `full_error`, each clipped to [0, 1].

    What it did not forecast counts 1, and so does a model without forecasts at all.
    """
    told = forecasts or {}
    each = [_loss(told.get(one.instrument, math.nan), one.vol, full_error) for one in observed]
    return math.fsum(each) / len(each) if each and told else 1.0


def scores(
    model: str, forecasts: Mapping[str, float], observed: Sequence[Observed]
) -> tuple[ForecastScore, ...]:
    """Sum up a model's errors by bucket, in the order of the buckets."""
    found: dict[tuple[str, str], list[float]] = {}
    for one in observed:
        forecast = forecasts.get(one.instrument)
        if forecast is not None:
            found.setdefault((one.moneyness, one.expiry), []).append(forecast - one.vol)
    order = [(moneyness, expiry) for expiry in EXPIRIES for moneyness in MONEYNESS]
    return tuple(
        ForecastScore(model, *key, len(errors), math.fsum(map(abs, errors)), math.fsum(errors))
        for key in order
        if (errors := found.get(key))
    )


def _loss(forecast: float, vol: float, full_error: float) -> float:
    error = abs(forecast - vol) / full_error
    return min(error, 1.0) if math.isfinite(error) else 1.0
