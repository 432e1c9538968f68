"""Which options would have been listed? Deribit's calendar and a ladder that follows the market.

Strikes surround the money by a stated reach and stay until their expiry; new ones appear once a
day, at 08:00 UTC, when the venue lists. What is listed depends on prices up to then alone.
"""

from __future__ import annotations

import functools
import math
from typing import Final

from trader.domain.expiries import (
    LONG,
    Expiry,
    Term,
    expiries,
    expiry_label,
    settlement_period,
    strike_label,
)
from trader.domain.instruments import Instrument, OptionType, pair_name
from trader.domain.option_terms import plain_option
from trader.domain.units import DAY, YEAR

INTERVAL: Final[dict[Term, float]] = {"day": 0.01, "week": 0.015, "month": 0.03, "quarter": 0.09}
"""Strikes apart, as a share of the price when the expiry was listed."""

REACH: Final = 1.7
"""Deviations to either side of the money that strikes reach: |delta| about .05 to .95."""

_KINDS: Final[tuple[tuple[str, OptionType], ...]] = (("C", "call"), ("P", "put"))
OPTIONS_KEPT: Final = 60_000
_ROUND: Final = (1.0, 2.0, 2.5, 5.0, 10.0)


SIZE_TYPICAL: Final = {
    ("BTC", False): 12.0, ("ETH", False): 110.0, ("BTC", True): 4.0, ("ETH", True): 60.0,
}  # fmt: skip
"""What is displayed of an option, by coin and whether it is settled in USDC."""


class Ladder:
    """The options of one coin as days go by; call `options` with instants that rise."""

    def __init__(
        self, underlying: str, *, days_max: float, fee_factor: float = 1.0, linear: bool = False
    ) -> None:
        self._underlying = underlying
        self._linear = linear
        self._fee_factor = fee_factor
        self._days_max = days_max
        self._ranges: dict[int, tuple[float, int, int]] = {}
        self._made: dict[int, dict[int, tuple[Instrument, Instrument]]] = {}

    def options(self, at: int, price: float, vol: float) -> tuple[Instrument, ...]:
        """List what trades from `at` on, by expiry, strike, call before put."""
        listed: list[Instrument] = []
        for expiry in expiries(at, LONG):
            if expiry.expires_at - at <= self._days_max * DAY:
                listed += self._expiry(expiry, at, price, vol)
        self._forget(at)
        return tuple(listed)

    def _expiry(self, expiry: Expiry, at: int, price: float, vol: float) -> list[Instrument]:
        interval, first, last = self._ranges.get(expiry.expires_at, (0.0, 1 << 40, 0))
        interval = interval or _round_number(price * INTERVAL[expiry.term])
        reach = math.exp(REACH * vol * math.sqrt((expiry.expires_at - at) / YEAR))
        first = max(min(first, math.floor(price / reach / interval)), 1)
        last = max(last, math.ceil(price * reach / interval))
        self._ranges[expiry.expires_at] = (interval, first, last)
        made = self._made.setdefault(expiry.expires_at, {})
        label = ""
        listed: list[Instrument] = []
        for step in range(first, last + 1):
            pair = made.get(step)
            if pair is None:
                label = label or f"{self._product}-{expiry_label(expiry.expires_at)}"
                pair = made[step] = self._pair(expiry, label, round(step * interval, 6))
            listed += pair
        return listed

    @property
    def _product(self) -> str:
        return pair_name(self._underlying) if self._linear else self._underlying

    def _pair(self, expiry: Expiry, label: str, strike: float) -> tuple[Instrument, Instrument]:
        name = f"{label}-{strike_label(strike)}"
        call, put = (
            option(
                self._underlying, f"{name}-{letter}", expiry.expires_at, expiry.term, strike, kind,
                fee_factor=self._fee_factor, linear=self._linear,
            )
            for letter, kind in _KINDS
        )  # fmt: skip
        return call, put

    def _forget(self, at: int) -> None:
        """Drop what has expired."""
        for gone in [expires_at for expires_at in self._ranges if expires_at <= at]:
            del self._ranges[gone]
            self._made.pop(gone, None)


@functools.lru_cache(OPTIONS_KEPT)
def option(
    underlying: str,
    name: str,
    expires_at: int,
    term: Term,
    strike: float,
    option_type: OptionType,
    *,
    fee_factor: float = 1.0,
    linear: bool = False,
) -> Instrument:
    """Make an option by the terms of its coin; runs of one market share theirs."""
    return plain_option(
        underlying, name, expires_at, strike, option_type,
        settlement_period=settlement_period(term), fee_factor=fee_factor, linear=linear,
    )  # fmt: skip


def _round_number(target: float) -> float:
    """Find the number of the trade nearest to a target: 100, 250, 500, ..."""
    power = 10.0 ** math.floor(math.log10(target))
    return min((one * power for one in _ROUND), key=lambda one: abs(math.log(one / target)))
