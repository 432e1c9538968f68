"""What would a position win or lose in USD by a step of the market? One contract at a time.

Black-76 on the forward at the volatility the board shows, in plain floats: a gate asks for a few
contracts, and an array would cost more than its work.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

from trader.pricing.normal import SQRT_HALF
from trader.pricing.normalized import NO_DEVIATION

PER_CENT: Final = 0.01
ROOT_TWO_PI: Final = math.sqrt(2.0 * math.pi)


class Exposure(NamedTuple):
    """USD that a position gains: `delta` by a forward 1 % higher; `gamma` more of that after each
    such rise; `vega` by a volatility one point (.01) higher.
    """

    delta: float
    gamma: float
    vega: float

    def plus(self, other: Exposure, times: float = 1.0) -> Exposure:
        """Add so many of another."""
        return Exposure(
            self.delta + times * other.delta,
            self.gamma + times * other.gamma,
            self.vega + times * other.vega,
        )


NOTHING: Final = Exposure(0.0, 0.0, 0.0)


def option_exposure(sign: int, forward: float, strike: float, years: float, vol: float) -> Exposure:
    """Return the exposure of one unit: call (+1) or put (-1), inverse or not, it is worth as much.

    The caller vouches for positive finite numbers, years >= 0. Limits at T -> 0 and vol -> 0 are
    those of `black_scholes`: a delta of 0, a half or 1, and no gamma.
    """
    deviation = vol * math.sqrt(years)
    distance = math.log(forward / strike)
    if deviation > NO_DEVIATION:
        d1 = distance / deviation + 0.5 * deviation
        density = math.exp(-0.5 * d1 * d1) / ROOT_TWO_PI
        gamma = density * forward / deviation
    else:
        d1 = math.copysign(math.inf, distance) if distance else 0.0
        density = 0.0 if distance else 1.0 / ROOT_TWO_PI
        gamma = 0.0
    delta = sign * 0.5 * math.erfc(-sign * d1 * SQRT_HALF)
    return Exposure(
        delta=delta * forward * PER_CENT,
        gamma=gamma * PER_CENT * PER_CENT,
        vega=forward * math.sqrt(years) * density * PER_CENT,
    )
