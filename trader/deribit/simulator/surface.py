"""How much does the model expect a coin to move, and which volatility is quoted for that?

Expected variance follows from the mood and the log-volatility: moods by the powers of their
transition matrix, log-volatility by its reversion, jumps included. Quotes stand above it by a
premium, around a smile that moves with the forward (sticky in moneyness): the power-law SSVI of
Gatheral and Jacquier (2014), free of butterfly and calendar arbitrage. A new mood enters over
`BLEND_HOURS`, since nobody is told of it.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trader.deribit.simulator.skeleton import (
    COINS,
    JUMP_DEVIATION,
    JUMP_MEAN,
    JUMPS_PER_YEAR,
    LOG_VOL_DEVIATION,
    LOG_VOL_REVERSION_PER_DAY,
    REGIMES,
    TRANSITION,
    VOL,
)
from trader.pricing.normal import Array
from trader.pricing.normalized import normalized

IMPLIED_OVER_EXPECTED: Final = 1.15
"""Sellers of volatility live on the difference."""

BLEND_HOURS: Final = 8
_SMILE_CURVATURE: Final = 0.7  # eta: eta^2 (1 + |rho|) <= 4 bars butterfly arbitrage
_SMILE_SKEW: Final = -0.15  # rho
_HORIZON_DAYS: Final = 800
_LOG_VOL_REACH: Final = 1.6
_LOG_VOL_STEP: Final = 0.1
_DAYS_MIN: Final = 1e-6
_DEVIATION_MIN: Final = 1e-6


class State(NamedTuple):
    """What the surface hangs on at some instants: moods yesterday and today, today's weight and the
    log-volatility. Arrays of one shape, or single numbers.
    """

    before: NDArray[np.int64]
    now: NDArray[np.int64]
    weight: Array
    log_vol: Array


def expected_vol(coin: str, state: State, years: Array) -> Array:
    """Return the model's volatility over each horizon; `years` broadcasts against the state."""
    days = np.clip(years * 365.0, _DAYS_MIN, _HORIZON_DAYS - 1e-6)
    day = days.astype(np.int64)
    step = np.clip((state.log_vol + _LOG_VOL_REACH) / _LOG_VOL_STEP, 0.0, len(_LOG_VOLS) - 1.001)
    row = step.astype(np.int64)
    table, ahead, aside = _TOTAL[coin], days - day, step - row

    def total(regime: NDArray[np.int64]) -> Array:
        low = table[regime, row, day] * (1.0 - ahead) + table[regime, row, day + 1] * ahead
        high = table[regime, row + 1, day] * (1.0 - ahead) + table[regime, row + 1, day + 1] * ahead
        return low + (high - low) * aside

    mixed = total(state.before) * (1.0 - state.weight) + total(state.now) * state.weight
    vol: Array = np.sqrt(mixed / days)
    return vol


def smiled(level: Array, years: Array, log_moneyness: Array | float) -> Array:
    """Return the volatility quoted for ln(K/F), given that at the money."""
    deviation = np.maximum(level * np.sqrt(years), _DEVIATION_MIN)
    vol: Array = level * np.sqrt(_shape(log_moneyness / deviation))
    return vol


def variance_swap_vol(level: Array, years: float) -> Array:
    """Return the volatility at which a variance swap on the quoted smile is fair.

    Source: the replication of the log contract by out-of-the-money options (Demeterfi, Derman,
    Kamal, Zou 1999), as the venue's volatility index uses it.
    """
    deviation = level * np.sqrt(years)
    vol: Array = level * np.sqrt(np.interp(deviation, _DEVIATIONS, _SWAP_OVER_MONEY))
    return vol


def _shape(standardized: Array | float) -> Array:
    """Return implied over at-the-money variance, by ln(K/F) in deviations."""
    x = np.clip(_SMILE_CURVATURE * standardized, -40.0, 40.0)
    rho = _SMILE_SKEW
    shape: Array = 0.5 * (1.0 + rho * x + np.sqrt((x + rho) * (x + rho) + 1.0 - rho * rho))
    return shape


def _chances() -> Array:
    """Return the powers of the daily transition matrix: [days, from, to]."""
    powers = [np.eye(len(REGIMES))]
    for _ in range(_HORIZON_DAYS):
        powers.append(powers[-1] @ TRANSITION)
    return np.array(powers)


def _totals() -> dict[str, Array]:
    """Return by coin the expected variance until each day: [mood, log-volatility, day]."""
    days = np.arange(_HORIZON_DAYS + 1)
    fade = np.exp(-LOG_VOL_REVERSION_PER_DAY * days)
    spread = LOG_VOL_DEVIATION**2
    # E exp(2 x_u) given x_0, over the square of the mean factor that the skeleton divides by
    growth = 2.0 * np.outer(_LOG_VOLS, fade) + 2.0 * spread * (1.0 - fade * fade) - 2.0 * spread
    factor = np.exp(growth)
    chances = _chances()
    jumps = JUMPS_PER_YEAR * (JUMP_MEAN**2 + JUMP_DEVIATION**2)
    rates = [
        factor * (chances @ VOL[one] ** 2).T[:, None, :] + (chances @ jumps[one]).T[:, None, :]
        for one in range(len(COINS))
    ]
    sums = {}
    for one, coin in enumerate(COINS):
        rate = rates[0] if one == 0 else rates[0] + rates[one]
        total = np.zeros_like(rate)
        np.cumsum(0.5 * (rate[:, :, 1:] + rate[:, :, :-1]), axis=2, out=total[:, :, 1:])
        sums[coin] = total
    return sums


def _swap_over_money() -> Array:
    """Return the fair variance of a swap over that at the money, by total deviation."""
    standardized = np.linspace(-14.0, 14.0, 1_121)
    ratios = []
    for deviation in _DEVIATIONS:
        log_strike = standardized * deviation
        options = normalized(-np.abs(log_strike), deviation * np.sqrt(_shape(standardized))).value
        worth = options * np.exp(-0.5 * log_strike)  # the option over the strike, F = 1
        ratios.append(2.0 * np.sum(worth) * (standardized[1] - standardized[0]) / deviation)
    return np.array(ratios)


_LOG_VOLS: Final = np.arange(-_LOG_VOL_REACH, _LOG_VOL_REACH + 1e-9, _LOG_VOL_STEP)
_TOTAL: Final = _totals()
_DEVIATIONS: Final = np.linspace(0.01, 0.8, 80)
_SWAP_OVER_MONEY: Final = _swap_over_money()
