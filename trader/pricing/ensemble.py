"""How far is each model believed, and what is an option worth to all of them together?

Weights are Fixed-Share exponential weights (Herbster and Warmuth 1998, "Tracking the best expert"):
each round a belief falls by exp(-rate * loss), then every model gets an equal part of `share`. With
share and floor at zero and rate sqrt(8 ln N / T) the regret after T rounds is at most
sqrt(T ln N / 2) (Cesa-Bianchi and Lugosi 2006, theorem 2.2); a floor g adds at most N g T.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, NamedTuple

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from trader.domain.models import Worth
from trader.pricing.black_scholes import implied_vol, price_and_greeks
from trader.pricing.model import prices_or_nan

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trader.pricing.columns import Signs
    from trader.pricing.model import PricingModel
    from trader.pricing.normal import Array


def model_names(names: tuple[str, ...]) -> tuple[str, ...]:
    """Accept names that are given once each."""
    if len(set(names)) != len(names):
        raise ValueError("names a model twice; name each once")
    return names


class EnsembleSettings(BaseModel):
    """How models are weighed against each other."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    enabled: bool = Field(
        default=True,
        description="Whether models are calibrated and weighed; false is the basic daemon.",
    )
    models: Annotated[tuple[str, ...], AfterValidator(model_names)] = Field(
        default=(),
        max_length=16,
        strict=False,  # TOML has lists, we keep tuples
        description="Pricing models that take part; none named: all that are registered.",
    )
    learning_rate: float = Field(
        default=2.0, gt=0, le=100, allow_inf_nan=False, description="How fast a loss costs belief."
    )
    share: float = Field(
        default=0.01,
        ge=0,
        le=0.5,
        allow_inf_nan=False,
        description="Part of all belief that is dealt out evenly after each round.",
    )
    floor: float = Field(
        default=0.02, ge=0, le=0.05, allow_inf_nan=False, description="Least weight of a model."
    )
    full_error: float = Field(
        default=0.10,
        gt=0,
        le=5,
        allow_inf_nan=False,
        description="Error of an implied volatility (a fraction) that is a whole loss, 1.",
    )


class Believed(NamedTuple):
    """A model with the parameters it was fitted to, its fit error in volatility, its weight."""

    model: PricingModel
    parameters: tuple[float, ...]
    error: float
    weight: float


def fixed_share(belief: Array, losses: Array, *, rate: float, share: float) -> Array:
    """Return beliefs after one round; both rows have one element per model, losses in [0, 1].

    Raises:
        ValueError: a loss is no number from 0 to 1.
    """
    if not (np.isfinite(losses).all() and (losses >= 0.0).all() and (losses <= 1.0).all()):
        raise ValueError(f"losses {losses.tolist()}: each must be a number from 0 to 1")
    kept = belief * np.exp(-rate * (losses - losses.min()))
    kept /= kept.sum()
    after: Array = (1.0 - share) * kept + share / len(kept)
    return after


def floored(belief: Array, floor: float) -> Array:
    """Return weights: beliefs of which none is below the floor, which is at most one in N."""
    least = min(floor, 1.0 / len(belief))
    weights: Array = (1.0 - least * len(belief)) * belief + least
    return weights


def beliefs(known: Mapping[str, float], names: Sequence[str]) -> Array:
    """Return what is believed of these models; one that is new is believed as much as the mean."""
    even = 1.0 / len(names)
    found = np.array([known.get(name, even) for name in names])
    whole: Array = found / found.sum() if found.sum() > 0.0 else np.full(len(names), even)
    return whole


def combine(alone: Array, weights: Array) -> tuple[Array, Array]:
    """Return mean and standard deviation of what models say (rows: models), by their weights.

    A model without a number is left out; where all are, so is the answer: NaN.
    """
    told = np.isfinite(alone)
    share = np.where(told, weights[:, None], 0.0)
    total = share.sum(axis=0)
    share = np.divide(share, total, out=np.full_like(share, np.nan), where=total > 0.0)
    said = np.where(told, alone, 0.0)
    mean = (share * said).sum(axis=0)
    spread = np.sqrt((share * np.where(told, said - mean, 0.0) ** 2).sum(axis=0))
    return mean, spread


def values(
    believed: Sequence[Believed], sides: Signs, forward: Array, strike: Array, years: Array
) -> Array:
    """Return what each model (a row) holds options to be worth in USD; NaN where it refuses."""
    found = np.full((len(believed), len(forward)), np.nan)
    for row, one in enumerate(believed):
        try:
            found[row] = prices_or_nan(one.model, sides, forward, strike, years, one.parameters)
        except Exception:  # noqa: BLE001, S112 - a stranger's model must not end the daemon
            continue
    return found


def vols(believed: Sequence[Believed], forward: Array, strike: Array, years: Array) -> Array:
    """Return the implied volatility of the ensemble's value at each strike; NaN where none is.

    It is read off the side out of the money, where a price is all time value.
    """
    said = values(believed, _out(forward, strike), forward, strike, years)
    return _implied(believed, said, forward, strike, years)


def _out(forward: Array, strike: Array) -> Signs:
    return np.where(strike >= forward, 1, -1)


def _implied(
    believed: Sequence[Believed], said: Array, forward: Array, strike: Array, years: Array
) -> Array:
    """Read volatilities off what models (rows) say of the side out of the money."""
    sides = _out(forward, strike)
    mean, _ = combine(said, np.array([one.weight for one in believed]))
    found = np.full(mean.shape, np.nan)
    told = np.isfinite(mean) & (mean >= 0.0)
    if told.any():
        solved = implied_vol(sides[told], mean[told], forward[told], strike[told], years[told])
        found[told] = solved.vol
    return found


def worth(
    believed: Sequence[Believed],
    sides: Signs,
    forward: Array,
    strike: Array,
    years: Array,
    ratio: Array,
    unit: Array,
) -> Worth | None:
    """Value a structure: `ratio` units of each option, `unit` USD per settlement currency.

    None where no model has a value for every leg.
    """
    each = values(believed, sides, forward, strike, years)
    net = (each * ratio / unit).sum(axis=1)
    able = [place for place, one in enumerate(net.tolist()) if math.isfinite(one)]
    total = sum(believed[place].weight for place in able)
    if not total > 0.0:
        return None
    weights = np.array([believed[place].weight / total for place in able])
    mean, spread = combine(net[able, None], weights)
    time_value = each - np.maximum(sides * (forward - strike), 0.0)  # by parity
    level = _implied(believed, np.maximum(time_value, 0.0), forward, strike, years)
    _, greeks = price_and_greeks(sides, forward, strike, years, np.nan_to_num(level))
    vega = float((np.abs(ratio) * greeks.vega * 100.0 / unit).sum())
    error = sum(
        weight * believed[place].error for place, weight in zip(able, weights.tolist(), strict=True)
    )
    names = [believed[place].model.name for place in able]
    return Worth(
        value=float(mean[0]),
        uncertainty=float(spread[0]) + error * vega,
        alone=dict(zip(names, net[able].tolist(), strict=True)),
        weights=dict(zip(names, weights.tolist(), strict=True)),
    )
