"""How wide do makers quote, on which ticks and how much? Which volatility do quotes imply?"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trader.deribit.simulator.draws import Unsigned
from trader.deribit.simulator.products import OptionTerms
from trader.domain.units import SECOND
from trader.pricing.normal import Array
from trader.pricing.normalized import total_deviation

SLICE: Final = 150 * SECOND
"""Market time for which sizes and a maker's mood hold."""

_HALF_SPREAD_VOL: Final = 0.004  # at the money, of a month, in a calm market
_HALF_SPREAD_OF_VALUE: Final = 0.006
_CALM_VOL: Final = 0.5
_TIME_VALUE_MIN: Final = 1e-12  # of the forward
_IV_TOLERANCE: Final = 4e-2  # of a Halley step: the error left is of the order of its cube


class Grid(NamedTuple):
    """The ticks of a product's options."""

    product: OptionTerms

    def ticks(self, prices: Array) -> Array:
        """Return the tick at each price."""
        ((above, wide),) = self.product.tick_size_steps
        return np.where(prices >= above, wide, self.product.tick_size)

    def half_spread(
        self, mark: Array, vega: Array, vol: Array, distance: Array, mood: Array
    ) -> Array:
        """Return half the spread: wider far from the money, for long lives, in wild markets.

        Rounded to powers of sqrt(2) ticks, so that it holds still while its inputs drift.
        """
        tick = self.ticks(mark)
        worry = (0.5 + 0.5 * vol / _CALM_VOL) * (0.7 + 0.6 * mood)
        half = worry * (
            _HALF_SPREAD_VOL * vega * (1.0 + 0.35 * distance) + _HALF_SPREAD_OF_VALUE * mark
        )
        ticks = np.maximum(half / tick, 0.25)
        stepped: Array = tick * np.exp2(0.5 * np.round(2.0 * np.log2(ticks)))
        return stepped

    def two_sides(self, mark: Array, half: Array) -> tuple[Array, Array]:
        """Return bid and ask on the tick grid, around a center that follows the mark in bands.

        The band is half a half-spread wide, so bid <= mark <= ask; narrow spreads follow the grid
        of ticks alone.
        """
        band = 0.5 * half
        center = np.where(band > self.ticks(mark), np.round(mark / band) * band, mark)
        low, high = np.maximum(center - half, 0.0), center + half
        low_tick, high_tick = self.ticks(low), self.ticks(high)
        bid = np.round(np.floor(low / low_tick) * low_tick, 6)
        ask = np.round(np.ceil(high / high_tick) * high_tick, 6)
        return bid, ask


def on_step(amount: Array, step: float) -> Array:
    """Return amounts as multiples of a step, never zero."""
    return np.round(np.maximum(np.round(amount / step), 1.0) * step, 4)


def contracts_shown(typical: float, draw: float) -> int:
    """Return a size in contracts, log-uniform around the typical one."""
    return max(int(typical * np.exp(1.6 * (draw - 0.5))), 1)


def quoted_deviations(
    sign: Array, moneyness: Array, deviation: Array, mark: Array, vega: Array, sides: Array
) -> Array:
    """Return total deviations that bid and ask imply, 0 where there is none (as the venue does).

    A Halley step in the logarithm of time value from the mark's own volatility, whose Greeks are
    known, starts the inversion; the venue publishes 4 decimals, so a coarse tolerance will do.
    `moneyness` is K / F; prices are over the forward, `vega` that per unit of deviation.
    """
    intrinsic = np.maximum(sign * (1.0 - moneyness), 0.0)
    time_value = np.maximum(mark - intrinsic, _TIME_VALUE_MIN)
    paid = sides - intrinsic
    distance = -np.abs(np.log(moneyness))
    value = paid / np.sqrt(moneyness)
    solvable = (sides > 0.0) & (paid > _TIME_VALUE_MIN) & (value < np.exp(0.5 * distance))
    slope = np.maximum(vega, _TIME_VALUE_MIN) / time_value
    bend = (distance / deviation) ** 2 / deviation - 0.25 * deviation - slope
    newton = np.log(np.where(solvable, paid, time_value) / time_value) / slope
    step = newton / np.maximum(1.0 + 0.5 * newton * bend, 0.5)
    start = np.maximum(deviation + step, 0.25 * deviation)
    distances = np.broadcast_to(distance, sides.shape)
    found = np.zeros(sides.shape)
    found[solvable] = total_deviation(
        distances[solvable], value[solvable], start[solvable], _IV_TOLERANCE
    )
    return found


def slice_phase(key: Unsigned) -> NDArray[np.int64]:
    """Return the offset of each instrument's slices of time, so that books take turns."""
    phase: NDArray[np.int64] = (key % np.uint64(SLICE)).astype(np.int64)
    return phase
