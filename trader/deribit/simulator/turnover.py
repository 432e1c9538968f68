"""When does a perpetual, a future or a spot pair print, and how much?

Each stretch of time (a step of the path for perpetuals, a minute for the others) holds one print at
a drawn moment; the prints of a minute share its contracts out exactly. So a print's number is its
stretch's, without a gap, and any print can be asked for alone.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trader.deribit.simulator.draws import keys, uniforms
from trader.deribit.simulator.instrument_series import series, turnover
from trader.deribit.simulator.listing import Listing
from trader.deribit.simulator.market import GENESIS, Market
from trader.domain.units import DAY, MINUTE

_MINUTES_PER_DAY: Final = DAY // MINUTE
_SMALL: Final = 0.05  # of the largest share that a draw can give

Instants = NDArray[np.int64]


class Printed(NamedTuple):
    """Prints in columns: when, and how many contracts."""

    at: Instants
    contracts: Instants


def print_length(listing: Listing) -> int:
    """Return the stretch of time that holds one print."""
    return MINUTE // turnover(listing).prints


def print_times(market: Market, listing: Listing, number: Instants) -> Instants:
    """Return when some stretches, counted from the listing, print."""
    length = print_length(listing)
    key = keys(np.array([listing.instrument_id]))
    (when,) = uniforms(market.seed, key, number, 1)
    at: Instants = listing.listed_at + number * length + (when * length).astype(np.int64)
    return at


def printed(market: Market, listing: Listing, number: Instants) -> Printed:
    """Return the prints of some stretches, counted from the listing."""
    traded, path = turnover(listing), series(listing)
    length = MINUTE // traded.prints
    key = keys(np.array([listing.instrument_id]))
    opens_at = listing.listed_at + number * length
    minute = (opens_at - GENESIS) // MINUTE
    day = minute // _MINUTES_PER_DAY
    total = np.empty(number.shape, dtype=np.int64)
    for one in np.unique(day):
        here = day == one
        of_day = market.charts.contracts(path, traded, int(one))
        total[here] = of_day[minute[here] % _MINUTES_PER_DAY]
    at = print_times(market, listing, number)
    if traded.prints == 1:
        return Printed(at, total)
    numbers = minute[:, None] * traded.prints + np.arange(traded.prints)
    (share,) = uniforms(market.seed, ~key, numbers, 1)
    upto = np.cumsum(share * share + _SMALL, axis=1)
    free = (total - traded.prints)[:, None]
    given = np.floor(free * (upto / upto[:, -1:])).astype(np.int64)
    parts = given + 1
    parts[:, 1:] -= given[:, :-1]
    within = (opens_at - GENESIS) % MINUTE // length
    chosen: Instants = parts[np.arange(len(parts)), within]
    return Printed(at, chosen)
