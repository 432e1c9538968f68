"""How is a perpetual, a dated future or a spot pair quoted?"""

from math import ceil, floor
from typing import NamedTuple

import numpy as np

from trader.deribit.simulator.draws import keys, uniforms
from trader.deribit.simulator.instrument_series import series
from trader.deribit.simulator.listing import Listing
from trader.deribit.simulator.makers import SLICE, contracts_shown, slice_phase
from trader.deribit.simulator.market import Market
from trader.deribit.simulator.products import FUTURES, SPOTS
from trader.deribit.simulator.turnover import print_length, printed
from trader.domain.units import MINUTE


class PerpetualQuote(NamedTuple):
    """Best prices and mark (USD) of a perpetual, future or spot pair, amounts (USD if inverse, else
    coin), index and funding per 8 hours (0 but for a perpetual).
    """

    bid: float
    ask: float
    bid_amount: float
    ask_amount: float
    mark: float
    index_price: float
    funding_8h: float


class _Sizes(NamedTuple):
    """What makers show for a slice of time: half a spread of the price, contracts a side."""

    number: int
    half_spread: float
    bid: int
    ask: int


class _Minute(NamedTuple):
    """The prints of a minute, by stretch of time: when and how many contracts."""

    number: int
    at: list[int]
    contracts: list[int]


class Desk:
    """The makers of one instrument. What stands for a while is kept and never changes an answer."""

    def __init__(self, market: Market, listing: Listing) -> None:
        """Quote `listing` at the prices of `market`."""
        self._market = market
        self._listing = listing
        self._path = series(listing)
        self._terms = (SPOTS if listing.kind == "spot" else FUTURES)[listing.product]
        self._key = keys(np.array([listing.instrument_id]))
        self._phase = int(slice_phase(self._key)[0])
        self._length = print_length(listing)
        self._sizes = _Sizes(-1, 0.0, 0, 0)
        self._minute = _Minute(-1, [], [])

    def quote(self, at: int) -> PerpetualQuote:
        """Return the quote at an instant; what the latest print took of a side is missing."""
        listing, market = self._listing, self._market
        mark = market.point(self._path, at)
        tick, lot = listing.tick_size, listing.contract_size
        sizes = self._shown(at)
        half = max(mark * sizes.half_spread, 0.6 * tick)
        bid_contracts, ask_contracts = sizes.bid, sizes.ask
        taken = self._taken(at)
        if taken and round(round(mark / tick) * tick, 6) >= mark:
            ask_contracts = max(ask_contracts - taken, 1)
        elif taken:
            bid_contracts = max(bid_contracts - taken, 1)
        return PerpetualQuote(
            round(floor((mark - half) / tick) * tick, 6),
            round(ceil((mark + half) / tick) * tick, 6),
            round(bid_contracts * lot, 8),
            round(ask_contracts * lot, 8),
            mark,
            market.spot(listing.underlying, at),
            market.funding_8h(listing.product, at) if listing.kind == "perpetual" else 0.0,
        )

    def _shown(self, at: int) -> _Sizes:
        number = (self._phase + at) // SLICE
        if self._sizes.number != number:
            drawn = uniforms(self._market.seed, self._key, np.array([number]), 3)
            mood, bid, ask = (float(one[0]) for one in drawn)
            typical = self._terms.size_typical
            self._sizes = _Sizes(
                number,
                self._terms.half_spread * (0.6 + mood),
                contracts_shown(typical, bid),
                contracts_shown(typical, ask),
            )
        return self._sizes

    def _taken(self, at: int) -> int:
        """Return the contracts of the print of this stretch of time, 0 before it happens."""
        number, into = divmod(at - self._listing.listed_at, MINUTE)
        if self._minute.number != number:
            stretches = MINUTE // self._length
            numbers = number * stretches + np.arange(stretches)
            prints = printed(self._market, self._listing, numbers)
            self._minute = _Minute(number, prints.at.tolist(), prints.contracts.tolist())
        stretch = into // self._length
        return self._minute.contracts[stretch] if self._minute.at[stretch] <= at else 0
