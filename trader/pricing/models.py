"""Which models fulfill the contract? The functions of each, under one roof, with where to look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from trader.pricing import black_scholes, heston, merton, neural
from trader.pricing.calibration import Bound, VolQuotes, fit
from trader.pricing.columns import FORWARD, RATE, STRIKE
from trader.pricing.model import PricingModel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trader.pricing.calibration import Calibrated, NotCalibrated
    from trader.pricing.columns import Columns, Greeks, Range
    from trader.pricing.normal import Array

VOL_BOUND: Final = Bound("vol", 0.01, 5.0, log=True)


class BlackScholes(PricingModel):
    """Black-76: one volatility for all strikes and expiries of a board."""

    name = "black_scholes"
    parameters = (black_scholes.VOL,)

    def value(self, options: Columns) -> Array:
        """Return undiscounted values."""
        return black_scholes.value(options)

    def sensitivities(self, options: Columns) -> Greeks[Array]:
        """Return Greeks."""
        return black_scholes.sensitivities(options)

    def calibrate(
        self, quotes: VolQuotes, start: Sequence[float] | None = None
    ) -> Calibrated | NotCalibrated:
        """Return the volatility that fits best."""
        level, _ = _levels(quotes)
        return fit(black_scholes.gradient, (VOL_BOUND,), quotes, _starts(start, [(level,)]))


class Merton(PricingModel):
    """Merton's jump diffusion: one smile, steeper the sooner the expiry."""

    name = "merton"
    parameters = merton.RANGES

    bounds = (
        VOL_BOUND,
        Bound("jump_intensity", 0.01, 100.0, log=True),
        Bound("jump_mean", -1.0, 1.0),
        Bound("jump_std", 0.005, 1.0, log=True),
    )

    def value(self, options: Columns) -> Array:
        """Return undiscounted values."""
        return merton.value(options)

    def sensitivities(self, options: Columns) -> Greeks[Array]:
        """Return Greeks."""
        return merton.sensitivities(options)

    def calibrate(
        self, quotes: VolQuotes, start: Sequence[float] | None = None
    ) -> Calibrated | NotCalibrated:
        """Return the diffusion and the jumps that fit best."""
        _, level = _levels(quotes)
        others = [
            (0.9 * level, 2.0, -0.1, 0.15),
            (0.8 * level, 20.0, -0.02, 0.08),
            (0.9 * level, 0.5, -0.3, 0.3),
            (0.9 * level, 2.0, 0.1, 0.15),
        ]
        return fit(merton.gradient, self.bounds, quotes, _starts(start, others))


class Heston(PricingModel):
    """Heston's stochastic volatility: a smile and a term structure of its level."""

    name = "heston"
    parameters = heston.RANGES

    bounds = (
        Bound("v0", 1e-3, 9.0, log=True),
        Bound("kappa", 0.05, 50.0, log=True),
        Bound("theta", 1e-3, 9.0, log=True),
        Bound("vol_of_vol", 0.02, 20.0, log=True),
        Bound("rho", -0.98, 0.98),
    )

    def value(self, options: Columns) -> Array:
        """Return undiscounted values."""
        return heston.value(options)

    def sensitivities(self, options: Columns) -> Greeks[Array]:
        """Return Greeks."""
        return heston.sensitivities(options)

    def calibrate(
        self, quotes: VolQuotes, start: Sequence[float] | None = None
    ) -> Calibrated | NotCalibrated:
        """Return the variance process that fits best."""
        near, far = _levels(quotes)
        others = [
            (near**2, 3.0, far**2, 1.5, -0.2),
            (near**2, 10.0, far**2, 3.0, 0.0),
            (near**2, 1.0, 1.5 * far**2, 1.0, -0.5),
            (near**2, 20.0, far**2, 6.0, 0.2),
        ]
        return fit(heston.gradient, self.bounds, quotes, _starts(start, others))


class Neural(PricingModel):
    """A network's mixture: a term structure in four pieces and two smiles, inside of its box."""

    name = "neural"
    parameters = neural.RANGES

    bounds = tuple(
        Bound(one.name, one.low, one.high, log=one.name.startswith("vol")) for one in neural.RANGES
    )

    @property
    def valid_domain(self) -> tuple[Range, ...]:
        """What the arguments may be: fewer years than others allow."""
        return (FORWARD, STRIKE, neural.YEARS, RATE, *self.parameters)

    def value(self, options: Columns) -> Array:
        """Return undiscounted values."""
        return neural.value(options)

    def sensitivities(self, options: Columns) -> Greeks[Array]:
        """Return Greeks."""
        return neural.sensitivities(options)

    def calibrate(
        self, quotes: VolQuotes, start: Sequence[float] | None = None
    ) -> Calibrated | NotCalibrated:
        """Return the volatilities, skews and smiles that fit what lies in the box best."""
        mine = neural.inside(quotes.forward, quotes.strike, quotes.years)
        quotes = VolQuotes(*(getattr(quotes, name)[mine] for name in quotes.__struct_fields__))
        near, far = _levels(quotes)
        others = [
            (near, near, far, far, -0.03, -0.05, 0.05, 0.05),
            (near, far, far, far, 0.03, 0.03, 0.02, 0.02),
            (far, far, far, far, -0.12, -0.12, 0.1, 0.1),
        ]
        return fit(neural.gradient, self.bounds, quotes, _starts(start, others))


def _starts(
    start: Sequence[float] | None, others: Sequence[Sequence[float]]
) -> list[Sequence[float]]:
    return [*others] if start is None else [start, *others]


def _levels(quotes: VolQuotes) -> tuple[float, float]:
    """Return volatilities at the money of the first and the last expiry."""
    if not quotes.vol.size:
        return 0.5, 0.5
    distance = np.abs(np.log(quotes.strike / quotes.forward))
    levels = []
    for years in (quotes.years.min(), quotes.years.max()):
        mine = quotes.years == years
        levels.append(float(quotes.vol[mine][np.argmin(distance[mine])]))
    return levels[0], levels[1]
