"""What volatility belongs to a strike and an expiry? A surface free of static arbitrage.

Power-law SSVI (Gatheral and Jacquier 2014, "Arbitrage-free SVI volatility surfaces", with
phi = eta / sqrt(theta)): total variance of ln(K/F) = k at an at-the-money total variance theta is
w = theta/2 (1 + rho phi k + sqrt((phi k + rho)^2 + 1 - rho^2)).
"""

from __future__ import annotations

import math

import msgspec
import numpy as np

from trader.pricing.normal import Array

DEVIATION_MIN = 1e-6


class Smile(msgspec.Struct, frozen=True):
    """The shape of every smile of a surface.

    Invariant: |rho| < 1, eta > 0 and eta^2 (1 + |rho|) <= 4, which bars butterflies below zero at
    every expiry with theta <= 16 / (eta (1 + |rho|))^2, at least 2 (theorem 4.2 for gamma = 1/2);
    with theta rising in time no calendar spread is free.
    """

    rho: float = -0.15
    eta: float = 0.7

    def __post_init__(self) -> None:
        if not (math.isfinite(self.rho) and -1 < self.rho < 1):
            raise ValueError(f"rho {self.rho!r} must lie between -1 and 1")
        if not (math.isfinite(self.eta) and self.eta > 0):
            raise ValueError(f"eta {self.eta!r} must be a positive number")
        if self.eta**2 * (1 + abs(self.rho)) > 4 + 1e-12:
            raise ValueError(
                f"eta {self.eta:g} with rho {self.rho:g} allows butterfly arbitrage: "
                "eta^2 (1 + |rho|) must not exceed 4"
            )

    def vol(self, level: Array, years: Array, log_moneyness: Array) -> Array:
        """Return implied volatilities of ln(K/F) given those at the money; arrays broadcast."""
        deviation = np.maximum(level * np.sqrt(years), DEVIATION_MIN)
        x = np.clip(self.eta * log_moneyness / deviation, -40.0, 40.0)
        rho = self.rho
        shape = 0.5 * (1.0 + rho * x + np.sqrt((x + rho) * (x + rho) + 1.0 - rho * rho))
        vol: Array = level * np.sqrt(shape)
        return vol


class Term(msgspec.Struct, frozen=True):
    """How volatility at the money depends on time to expiry: variance reverts to a long-run level.

    Average variance over T is long^2 + (level^2 - long^2) f(T) / f(T0), f(T) = (1 - e^(-kappa T)) /
    (kappa T), where `level` is that of T0 = 30 days. Total variance rises in T: no calendar
    arbitrage.
    """

    kappa: float = 4.0
    reference_years: float = 30.0 / 365.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.kappa) and self.kappa > 0):
            raise ValueError(f"kappa {self.kappa!r} must be a positive number")

    def level(self, reference: Array, long_run: Array, years: Array) -> Array:
        """Return volatilities at the money; arrays broadcast."""
        share = self._average(years) / self._average(np.asarray(self.reference_years))
        variance = long_run * long_run + (reference * reference - long_run * long_run) * share
        floor = 0.04 * long_run * long_run
        level: Array = np.sqrt(np.maximum(variance, floor))
        return level

    def _average(self, years: Array) -> Array:
        reach = np.maximum(self.kappa * years, 1e-9)
        average: Array = -np.expm1(-reach) / reach
        return average
