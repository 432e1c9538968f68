"""Which path does an instrument follow, how often does it print, and what do its bars look like?"""

from trader.deribit.simulator.candles import Candles, Turnover
from trader.deribit.simulator.listing import Listing
from trader.deribit.simulator.market import CARRY, Market
from trader.deribit.simulator.path import Series, perpetual_series, spot_series
from trader.deribit.simulator.products import FUTURES, SPOTS, dated_turnover
from trader.domain.units import MINUTE


def option_prints_every(listing: Listing) -> int:
    """Return the stretch of time in which an option prints once: busier for nearer classes."""
    minutes = {"day": 15, "week": 30, "month": 60}[listing.settlement_period or "month"]
    return minutes * (1 if listing.inverse else 2) * MINUTE


def series(listing: Listing) -> Series:
    """Return the path of a perpetual's, future's or spot pair's mark.

    Raises:
        ValueError: an option has no path of its own.
    """
    match listing.kind:
        case "perpetual":
            return perpetual_series(listing.product)
        case "future":
            carry = CARRY[listing.underlying]
            spot = spot_series(listing.underlying)
            return spot._replace(carry=carry, expires_at=listing.expires_at)
        case "spot":
            return spot_series(listing.underlying)
        case "option":
            raise ValueError(f"{listing.name}: an option is quoted off its future, not a path")


def turnover(listing: Listing) -> Turnover:
    """Return how a perpetual, a future or a spot pair trades."""
    if listing.kind == "spot":
        return SPOTS[listing.product].turnover
    terms = FUTURES[listing.product]
    return dated_turnover(terms) if listing.kind == "future" else terms.turnover


def chart(
    market: Market, listing: Listing, start: int, end: int, resolution_minutes: int, at: int
) -> Candles:
    """Draw the bars of a perpetual, a future or a spot pair: of its mark, on its tick."""
    path = series(listing)._replace(tick=listing.tick_size)
    start, end = max(start, listing.listed_at), min(end, listing.expires_at - 1)
    traded = turnover(listing)
    return market.charts.candles(path, traded, start, end, resolution_minutes, at)
