"""Which characteristic function has the log price under Heston, and where is it finite?

E[(S_T / F)^(iz)] = exp(theta A + v0 D). The "little trap" form (Albrecher, Mayer, Schoutens and
Tistaert 2007) takes the principal branches of square root and logarithm, which is right for all
parameters (Lord and Kahl 2010); written so that nothing cancels as vol_of_vol -> 0:
q = iz + z^2, b = kappa - i rho vol_of_vol z, d^2 = b^2 + vol_of_vol^2 q, r = -q / (b + d),
S = (1 - e^(-dT)) / (2 d), y = vol_of_vol^2 r S, D = -q S / (1 + y) and
A = kappa (r T - 2 r S log(1 + y) / y). The original branch is wrong from about a year on.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trader.pricing.normal import Array

Complex = NDArray[np.complex128]
Numbers = NDArray[Any]


_STILL: Final = 1e-3
_SMALL: Final = 1e-8


class Maturities(NamedTuple):
    """Years and parameters, one each a maturity."""

    years: Array
    v0: Array
    kappa: Array
    theta: Array
    vol_of_vol: Array
    rho: Array

    def variance(self) -> Array:
        """Return the expected variance until expiry."""
        reach = self.kappa * self.years
        return self.theta * self.years + (self.v0 - self.theta) * self.years * _share(reach)

    def take(self, rows: NDArray[np.intp]) -> Maturities:
        """Return some maturities."""
        return Maturities(*(one[rows] for one in self))

    def columns(self) -> Maturities:
        """Return maturities as columns, to broadcast against a row of z."""
        return Maturities(*(one[:, None] for one in self))


class Exponents(NamedTuple):
    """A and D, and the parts that their derivatives are made of."""

    a: Complex
    d: Complex
    b: Complex
    root: Complex
    ratio: Complex
    integral: Complex
    y: Complex
    log: Complex


def _share(reach: Array) -> Array:
    """Return (1 - e^(-x)) / x."""
    safe = np.where(reach > 0.0, reach, 1.0)
    return np.where(reach > 0.0, -np.expm1(-safe) / safe, 1.0)


def exponents(model: Maturities, z: Numbers, q: Numbers) -> Exponents:
    """Return the exponents at z with q = iz + z^2, which the caller may know without rounding."""
    years, _, kappa, _, sigma, rho = model
    b = kappa - (1j * rho * sigma) * z
    squared = sigma * sigma
    root: Complex = np.sqrt(b * b + squared * q)
    ratio = -q / (b + root)
    integral = -np.expm1(-root * years) / (2.0 * root)
    product = ratio * integral
    y = squared * product
    one = 1.0 + y
    moved = one - 1.0
    still = np.abs(moved) < _SMALL
    if still.any():
        moved = np.where(still, 1.0, moved)
    per_y = np.log(one) / moved  # Kahan's log1p(y) / y: what rounding does to 1 + y cancels
    if still.any():
        per_y = np.where(still, 1.0 - 0.5 * y, per_y)
    a = kappa * (ratio * years - 2.0 * product * per_y)
    return Exponents(a, -q * integral / one, b, root, ratio, integral, y, y * per_y)


def rates(model: Maturities, q: Numbers, at: Exponents) -> Complex:
    """Return d/dT (theta A + v0 D), by the Riccati equations."""
    grows = -0.5 * q - at.b * at.d + 0.5 * model.vol_of_vol**2 * at.d * at.d
    total: Complex = model.v0 * grows + (model.theta * model.kappa) * at.d
    return total


def slopes(model: Maturities, z: Numbers, q: Numbers, at: Exponents) -> tuple[Complex, ...]:
    """Return d/dp (theta A + v0 D) for v0, kappa, theta, vol_of_vol > 0, rho."""
    years, v0, kappa, theta, sigma, rho = model
    _, d, b, root, ratio, integral, y, log = at
    squared, one, below = sigma * sigma, 1.0 + y, 1.0 / (b + root)
    slope_of_integral = 0.5 * years / root - integral * (years + 1.0 / root)
    by = []
    iz = 1j * z
    for name, b_p in (("kappa", np.ones_like(iz)), ("sigma", -rho * iz), ("rho", -sigma * iz)):
        root_p = b * b_p
        if name == "sigma":
            root_p = root_p + sigma * q
        root_p = root_p / root
        integral_p = root_p * slope_of_integral
        ratio_p = -ratio * (b_p + root_p) * below
        y_p = squared * (ratio_p * integral + ratio * integral_p)
        if name == "sigma":
            y_p = y_p + 2.0 * y / sigma
        relative = y_p / one
        d_p = -q * integral_p / one - d * relative
        a_p = kappa * (ratio_p * years - 2.0 * relative / squared)
        if name == "kappa":
            a_p = a_p + at.a / kappa
        if name == "sigma":
            a_p = a_p + 4.0 * kappa * log / (sigma * squared)
        by.append(theta * a_p + v0 * d_p)
    return d, by[0], at.a, by[1], by[2]


def log_moment(model: Maturities, p: Array) -> Array:
    """Return ln E[(S_T / F)^p] for real p, infinite where the moment has exploded by T.

    Where `vol_of_vol` is next to nothing, a bound: a tenth above that of a lognormal price.
    Source: Andersen and Piterbarg 2007, "Moment explosions in stochastic volatility models".
    """
    years, v0, kappa, theta, sigma, rho = model
    lognormal = 0.5 * model.variance() * (p * p - p)
    still = sigma < _STILL
    sigma = np.where(still, _STILL, sigma)
    b = kappa - rho * sigma * p
    gap = sigma * sigma * (p - p * p)
    discriminant = b * b + gap
    root = np.sqrt(np.abs(discriminant))
    half = 0.5 * root * years
    real = discriminant > 0.0
    # sinh and cosh, or sin and cos, over e^half: what they are scaled by is added to the logarithm
    decay = np.where(real, np.exp(-2.0 * half), 0.0)
    odd = np.where(real, 0.5 * (1.0 - decay), np.sin(half))
    even = np.where(real, 0.5 * (1.0 + decay), np.cos(half))
    small = half < 1e-4
    odd_per_root = np.where(small, 0.5 * years, odd / np.where(small, 1.0, root))
    below = np.where(small, 1.0, even) + b * odd_per_root
    cancels = real & (b < 0.0) & ~small
    if cancels.any():
        apart = np.where(cancels, root - b, 1.0)
        stable = 0.5 * (gap / apart + decay * apart) / np.where(cancels, root, 1.0)
        below = np.where(cancels, stable, below)
    explodes = np.where(real, below <= 0.0, half >= np.arctan2(root, -b))
    safe = np.where(explodes | (below <= 0.0), 1.0, below)
    d = (p * p - p) * odd_per_root / safe
    scaled = np.log(safe) + np.where(real & ~small, half, 0.0)
    a = kappa * (b * years - 2.0 * scaled) / (sigma * sigma)
    total = np.where(explodes | (below <= 0.0), np.inf, theta * a + v0 * d)
    total = np.where(gap == 0.0, 0.0, total)  # mass and forward are kept, whatever rounds
    return np.where(still, 1.1 * lognormal, total)
