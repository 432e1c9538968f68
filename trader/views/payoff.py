"""What will a structure be worth? Its result over prices at the next expiry and now, its Greeks.

Everything that moved so far counts: coin at the price that is looked at, dollars as they are. At
expiry options pay what `option_payoff` says, less the delivery fee; what expires later, and all of
it now, is worth its Black-76 value at the volatility the board shows.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from trader.domain.units import YEAR, from_atoms
from trader.domain.valuation import delivered, result
from trader.pricing.black_scholes import price_and_greeks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trader.domain.instruments import Instrument
    from trader.domain.market import Board, Floats

POINTS: Final = 121
ROOM: Final = (0.04, 0.5)
"""How far, at least and at most, the curves reach around the price and the strikes."""
ROOM_UNKNOWN: Final = 0.25
DEVIATIONS: Final = 4.0
"""Standard deviations to the next expiry that are shown."""


class HeldLeg(msgspec.Struct, frozen=True):
    """A leg with what the board says of it; NaN where it says nothing."""

    instrument: Instrument
    amount: float
    entry_price: float
    vol: float = math.nan
    forward: float = math.nan
    mark: float = math.nan

    @property
    def is_option(self) -> bool:
        """Whether its worth bends."""
        return self.instrument.kind == "option"

    @property
    def is_priced(self) -> bool:
        """Whether the board says enough to value it before its expiry."""
        return not self.is_option or (
            0 < self.vol < math.inf and 0 < self.forward < math.inf and self.expires_at > 0
        )

    @property
    def expires_at(self) -> int:
        """When it expires; 0 where it never does."""
        return self.instrument.expires_at or 0


class Sensitivity(msgspec.Struct, frozen=True):
    """Greeks of a whole leg or structure: delta in coin, gamma in coin per USD, vega in USD per
    point of volatility, theta in USD per day.
    """

    delta: float
    gamma: float
    vega: float
    theta: float

    def __add__(self, other: Sensitivity) -> Sensitivity:
        return Sensitivity(
            self.delta + other.delta,
            self.gamma + other.gamma,
            self.vega + other.vega,
            self.theta + other.theta,
        )


class Payoff(msgspec.Struct, frozen=True):
    """The result of a chain in USD over prices of its coin; NaN where no model can tell."""

    prices: Floats
    at_expiry: Floats
    now: Floats
    expires_at: int
    """The next expiry; 0 where nothing expires."""


def seen_on(
    held: Sequence[tuple[Instrument, float, float]], board: Board | None
) -> tuple[HeldLeg, ...]:
    """Look legs (contract, signed amount, entry price) up on a board."""
    return tuple(_seen(*one, board) for one in held)


def _seen(instrument: Instrument, amount: float, entry: float, board: Board | None) -> HeldLeg:
    row = None if board is None else board.row(instrument.name)
    if board is None or row is None:
        return HeldLeg(instrument, amount, entry)
    columns = (board.mark_iv, board.underlying_price, board.mark)
    return HeldLeg(instrument, amount, entry, *(float(one[row]) for one in columns))


def payoff(
    legs: Sequence[HeldLeg], flows: Mapping[str, int], underlying: str, index: float, at: int
) -> Payoff | None:
    """Value a structure over prices around `index`; None where it holds nothing or no index is."""
    if not legs or not 0 < index < math.inf:
        return None
    expires_at = min((leg.expires_at for leg in legs if leg.is_option), default=0)
    prices = _prices(legs, index, expires_at - at)
    moved = from_atoms(flows.get(underlying, 0)) * prices
    moved += sum(from_atoms(atoms) for coin, atoms in flows.items() if coin != underlying)
    ended = [_at(leg, prices, index, max(expires_at, at)) for leg in legs]
    now = [_at(leg, prices, index, at) for leg in legs]
    return Payoff(prices, moved + sum(ended), moved + sum(now), expires_at)


def sensitivity(leg: HeldLeg, index: float, at: int) -> Sensitivity | None:
    """State the Greeks of a leg now; None where the board says too little."""
    if not leg.is_priced or not 0 < index < math.inf:
        return None
    instrument, amount = leg.instrument, leg.amount
    if not leg.is_option:
        linear = amount / index if instrument.inverse and instrument.kind != "spot" else amount
        return Sensitivity(linear, 0.0, 0.0, 0.0)
    years = max(leg.expires_at - at, 0) / YEAR
    sign = 1 if instrument.option_type == "call" else -1
    _, found = price_and_greeks(sign, leg.forward, instrument.strike or 0.0, years, leg.vol)
    each = (found.delta, found.gamma, found.vega, found.theta)
    return Sensitivity(*(amount * float(one[0]) for one in each))


def _prices(legs: Sequence[HeldLeg], index: float, left: int) -> Floats:
    """Choose prices: around the index and every strike, the strikes themselves among them."""
    vols = [leg.vol for leg in legs if leg.is_option and 0 < leg.vol < math.inf]
    room = ROOM_UNKNOWN
    if vols and left > 0:
        room = min(max(DEVIATIONS * max(vols) * math.sqrt(left / YEAR), ROOM[0]), ROOM[1])
    strikes = [leg.instrument.strike for leg in legs if leg.instrument.strike]
    low, high = min([index, *strikes]), max([index, *strikes])
    even = np.linspace(low * (1 - room), high * (1 + room), POINTS)
    return np.unique(np.concatenate([even, strikes, [index]]))


def _at(leg: HeldLeg, prices: Floats, index: float, at: int) -> Floats:
    """Value a leg in USD over prices at an instant; past its expiry it pays what it pays."""
    instrument = leg.instrument
    unit = prices if instrument.inverse else np.ones(len(prices))
    if instrument.kind == "spot":
        return leg.amount * prices
    if not leg.is_option:
        ones = [result(instrument, leg.amount, leg.entry_price, one) for one in prices.tolist()]
        return np.array(ones) * unit
    if leg.expires_at <= at:
        paid = [delivered(instrument, leg.amount, one) for one in prices.tolist()]
        return np.array(paid) * unit
    if not leg.is_priced:
        return np.full(len(prices), np.nan)
    sign = 1 if instrument.option_type == "call" else -1
    forward = prices * (leg.forward / index)
    years = (leg.expires_at - at) / YEAR
    worth, _ = price_and_greeks(sign, forward, instrument.strike or 0.0, years, leg.vol)
    return leg.amount * worth * (prices / forward if instrument.inverse else 1.0)
