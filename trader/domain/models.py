"""What do the pricing models say? Regimes, fits, forecasts, weights, and what options are worth."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, Literal, Protocol

import msgspec
import numpy as np

from trader.domain.trading import Leg

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trader.domain.market import Floats, Ints

Regime = Literal["Crisis", "Volatile", "Trending", "Calm"]
REGIMES: Final[tuple[Regime, ...]] = ("Crisis", "Volatile", "Trending", "Calm")
"""From the gravest to the mildest."""


def regimes_named(text: str) -> tuple[Regime, ...]:
    """Read regimes as a person lists them, in any case: `calm,trending`.

    Raises:
        ValueError: one is none, or named twice.
    """
    known: dict[str, Regime] = {one.lower(): one for one in REGIMES}
    asked = [one.strip().lower() for one in text.split(",")]
    if any(one not in known for one in asked) or len(set(asked)) < len(asked):
        raise ValueError(f"regimes are {', '.join(known)}, each once")
    return tuple(known[one] for one in asked)


class Observation(msgspec.Struct, frozen=True):
    """A regime and why; None and what is missing where there is too little history."""

    regime: Regime | None
    reason: str

    @property
    def text(self) -> str:
        """The regime with its reason, as every verdict states it."""
        return f"{self.regime or 'unknown'}: {self.reason}"


class RegimeChanged(msgspec.Struct, frozen=True, tag=True):
    """The market of an underlying is of another kind from here on. None: too little history."""

    underlying: str
    regime: Regime | None
    reason: str


class Target(msgspec.Struct, frozen=True):
    """An option whose volatility every model forecasts; `sign` is +1 for calls, -1 for puts."""

    instrument: str
    sign: int
    forward: float
    strike: float
    years: float


class Surface(msgspec.Struct, frozen=True, kw_only=True):
    """What a board said of volatility at one instant, and which options are to be forecast.

    Columns of one length: implied volatilities of the middle of two-sided, fresh quotes of options
    out of the money. `excluded` counts the others by reason.
    """

    underlying: str
    quoted_at: int
    forward: tuple[float, ...]
    strike: tuple[float, ...]
    years: tuple[float, ...]
    vol: tuple[float, ...]
    weight: tuple[float, ...]
    targets: tuple[Target, ...]
    excluded: dict[str, int]


class ExpiryFit(msgspec.Struct, frozen=True):
    """How well one expiry fits: root mean square in volatility, and of how many options."""

    years: float
    error: float
    options: int


class ModelCalibrated(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """A model was fitted to a surface, or was not. A fact as well as an event.

    `reason` says why it was not, "" where it was; then `parameters` hold, `error` is the root mean
    square in volatility and `forecasts` are its implied volatilities of the surface's targets by
    instrument, those it has a number for. `quotes` were fitted, `targets` asked for.
    """

    underlying: str
    model: str
    quoted_at: int
    parameters: tuple[float, ...] = ()
    error: float = 0.0
    expiries: tuple[ExpiryFit, ...] = ()
    forecasts: dict[str, float] = {}
    reason: str = ""
    quotes: int = 0
    excluded: dict[str, int] = {}
    targets: tuple[str, ...] = ()
    at_bound: tuple[str, ...] = ()
    took_s: float = 0.0


class ForecastScore(msgspec.Struct, frozen=True):
    """How a model's forecasts of one bucket came out: sums of errors in volatility, and how many.

    Error is forecast less what quotes said later: a positive bias is a model that sees too much.
    """

    model: str
    moneyness: str
    expiry: str
    options: int
    absolute: float
    signed: float


class WeightsAdopted(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Forecasts of one calibration met later quotes, and beliefs moved by what they lost.

    `regime` is that of the forecasts; None: too little history, so no belief moves and all weights
    are equal. `belief` is after this round, `weights` the same with the floor. `losses` are in
    [0, 1]; a model that forecast nothing lost 1. `rate`, `share` and `floor` are as configured.
    """

    underlying: str
    regime: Regime | None
    quoted_at: int
    losses: dict[str, float]
    belief: dict[str, float]
    weights: dict[str, float]
    scores: tuple[ForecastScore, ...]
    options: int
    rate: float
    share: float
    floor: float


class Worth(msgspec.Struct, frozen=True):
    """What the ensemble holds a structure to be worth, in settlement currency per unit.

    Signed as a net price is: positive is what its holder would pay, negative what it must receive.
    `uncertainty` is the dispersion of the models (weighted standard deviation) plus what their fit
    errors amount to. `alone` is what each model alone says, `weights` how far each is believed;
    models without a value for every leg are left out, and the other weights still sum to 1.
    """

    value: float
    uncertainty: float
    alone: dict[str, float]
    weights: dict[str, float]


class Edge(msgspec.Struct, frozen=True, kw_only=True):
    """What a structure is worth beyond what it costs, per unit in settlement currency.

    `net` is the executable net price (positive pays), `costs` fees and what else a round trip
    takes, `needed` what a strategy asks for beyond costs and uncertainty. All finite.
    """

    legs: tuple[Leg, ...]
    net: float
    costs: float
    needed: float
    worth: Worth

    @property
    def gain(self) -> float:
        """Ensemble value less the executable price and costs."""
        return self.worth.value - self.net - self.costs

    @property
    def enough(self) -> bool:
        """Whether the gain exceeds the uncertainty by what is needed."""
        return self.gain > self.worth.uncertainty + self.needed

    def enough_alone(self, model: str) -> bool:
        """Whether a strategy that believed this model only, without a doubt, would trade."""
        alone = self.worth.alone.get(model, math.nan)
        return alone - self.net - self.costs > self.needed


class EdgesWeighed(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """The edges a strategy asked for at one decision, the largest gains first, and which it took.

    `unshown` counts those beyond what is kept.
    """

    strategy: str
    underlying: str
    regime: Regime | None
    edges: tuple[Edge, ...]
    taken: tuple[bool, ...]
    unshown: int = 0


ModelFact = RegimeChanged | ModelCalibrated | WeightsAdopted | EdgesWeighed
"""What the journal keeps of the models."""


class Models(Protocol):
    """What a strategy may ask the pricing models at one instant; priced when it asks.

    `seen` is the market regime with its reason. Without models, or before the first calibration,
    every value is NaN and every edge None: a strategy that trades on edge then does nothing.
    """

    @property
    def seen(self) -> Observation:
        """The regime of the underlying, and why."""

    def vols(self, rows: Ints) -> Floats:
        """Return the ensemble's implied volatility for rows of the board; NaN where it has none."""

    def worth(self, legs: Sequence[Leg]) -> Worth | None:
        """Value a structure of options; None where a leg is none of the board or no model can."""

    def edge(
        self, legs: Sequence[Leg], net: float, *, costs: float = 0.0, needed: float = 0.0
    ) -> Edge | None:
        """Hold a structure's worth against its executable net price; None where there is none.

        What is asked here is journaled with the decision (the largest gains, a bounded number), so
        that a night can tell what each model alone would have decided. Scan by `vols` or `worth`,
        and ask for the edge of what would be traded.
        """


class NoModels(msgspec.Struct, frozen=True):
    """No model is asked here: every value is unknown. Only the regime is told, where it is seen."""

    seen: Observation = Observation(None, "no history was read")

    def vols(self, rows: Ints) -> Floats:
        """Know no volatility."""
        return np.full(len(rows), np.nan)

    def worth(self, legs: Sequence[Leg]) -> Worth | None:
        """Know no value."""
        del legs
        return None

    def edge(
        self, legs: Sequence[Leg], net: float, *, costs: float = 0.0, needed: float = 0.0
    ) -> Edge | None:
        """Know no edge."""
        del legs, net, costs, needed
        return None


NO_MODELS: Final = NoModels()
