"""What is a pricing model? The contract of each, built in or registered by others."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Final

import numpy as np

from trader.pricing.columns import FORWARD, RATE, STRIKE, YEARS, columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trader.pricing.calibration import Calibrated, NotCalibrated, VolQuotes
    from trader.pricing.columns import Columns, Greeks, Kinds, Numbers, Range, Signs
    from trader.pricing.normal import Array

ENTRY_POINT_GROUP: Final = "trader.models"


class PricingModel(ABC):
    """Values, Greeks and parameters of European options on a forward.

    A model has no state: parameters are arguments, in the order of `parameters`. Whatever it is
    given inside of `valid_domain` has a value between the bounds of no arbitrage; the rest, and
    combinations that it cannot hold, it refuses by a `ValueError` that names argument and value.
    """

    name: ClassVar[str]
    parameters: ClassVar[tuple[Range, ...]]

    @property
    def valid_domain(self) -> tuple[Range, ...]:
        """What the arguments may be: forward, strike, years, rate and each parameter."""
        return (FORWARD, STRIKE, YEARS, RATE, *self.parameters)

    def price(
        self,
        kind: Kinds,
        forward: Numbers,
        strike: Numbers,
        years: Numbers,
        *parameters: Numbers,
        rate: Numbers = 0.0,
    ) -> float | Array:
        """Return the value in USD of one unit (a linear premium), discounted at `rate`.

        Raises:
            ValueError: an argument lies outside of `valid_domain`, or some do together.
        """
        options = self._columns(kind, forward, strike, years, parameters, rate)
        return options.shaped(options.discounted(self.value(options)))

    def inverse_price(
        self,
        kind: Kinds,
        forward: Numbers,
        strike: Numbers,
        years: Numbers,
        *parameters: Numbers,
        rate: Numbers = 0.0,
    ) -> float | Array:
        """Return the value in coin of one unit (an inverse premium): that in USD per forward.

        Raises:
            ValueError: an argument lies outside of `valid_domain`, or some do together.
        """
        options = self._columns(kind, forward, strike, years, parameters, rate)
        return options.shaped(options.discounted(self.value(options)) / options.forward)

    def greeks(
        self,
        kind: Kinds,
        forward: Numbers,
        strike: Numbers,
        years: Numbers,
        *parameters: Numbers,
        rate: Numbers = 0.0,
    ) -> Greeks[float] | Greeks[Array]:
        """Return the Greeks of one unit, in Deribit's units.

        Raises:
            ValueError: an argument lies outside of `valid_domain`, or some do together.
        """
        options = self._columns(kind, forward, strike, years, parameters, rate)
        return options.shaped_greeks(self.sensitivities(options))

    @abstractmethod
    def value(self, options: Columns) -> Array:
        """Return undiscounted values in USD of columns that were checked."""

    @abstractmethod
    def sensitivities(self, options: Columns) -> Greeks[Array]:
        """Return Greeks of columns that were checked."""

    @abstractmethod
    def calibrate(
        self, quotes: VolQuotes, start: Sequence[float] | None = None
    ) -> Calibrated | NotCalibrated:
        """Return the parameters that fit quotes best, from `start` where there is one.

        That none fit is a value, never an exception.
        """

    def _columns(
        self,
        kind: Kinds,
        forward: Numbers,
        strike: Numbers,
        years: Numbers,
        parameters: Sequence[Numbers],
        rate: Numbers,
    ) -> Columns:
        if len(parameters) != len(self.parameters):
            names = ", ".join(one.name for one in self.parameters)
            raise ValueError(f"{self.name} got {len(parameters)} parameters: must be {names}")
        return columns(kind, forward, strike, years, rate, parameters, self.parameters)


def prices_or_nan(
    model: PricingModel,
    sides: Signs,
    forward: Array,
    strike: Array,
    years: Array,
    parameters: Sequence[float],
) -> Array:
    """Return values in USD, a row for each option, NaN for each that the model refuses.

    One option beyond the edge costs its neighbors nothing:
    halves are asked until it is found.
    """
    try:
        found = model.price(sides, forward, strike, years, *parameters)
        return np.broadcast_to(np.asarray(found, dtype=np.float64), forward.shape)
    except ValueError:
        if len(forward) <= 1:
            return np.full(forward.shape, np.nan)
    half = len(forward) // 2
    parts = [
        prices_or_nan(model, sides[part], forward[part], strike[part], years[part], parameters)
        for part in (slice(None, half), slice(half, None))
    ]
    return np.concatenate(parts)
