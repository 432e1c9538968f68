"""What does the bundled exchange list and quote at an instant, by the names Deribit uses?

Thin caches over market, listings and quotes; every answer is a function of (seed, instant).
"""

from __future__ import annotations

from typing import Final

from trader.deribit.simulator.desks import PerpetualQuote
from trader.deribit.simulator.funding import trailing_8h
from trader.deribit.simulator.instrument_series import chart, series
from trader.deribit.simulator.listing import Listing, Listings
from trader.deribit.simulator.market import Market
from trader.deribit.simulator.path import keep
from trader.deribit.simulator.products import OPTIONS
from trader.deribit.simulator.quotes import Board, OptionQuote, Quotes
from trader.deribit.translate import contract_name
from trader.domain.units import DAY, HOUR, MINUTE

INDEX_UNDERLYINGS: Final = {
    "btc_usd": "BTC",
    "eth_usd": "ETH",
    "btc_usdc": "BTC",
    "eth_usdc": "ETH",
    "sol_usdc": "SOL",
    "xrp_usdc": "XRP",
    "ada_usdc": "ADA",
    "avax_usdc": "AVAX",
}
"""Every index name and whose price it shows; the `_usdc` ones are pegged to `_usd`."""

EXPIRED_DAYS: Final = 3
"""How many days of expired contracts `expired=true` still lists."""

SETTLEMENT_TIME: Final = 8 * HOUR
_STATS_EVERY: Final = 5 * MINUTE


class DayStats:
    """High, low, volume and change of a perpetual's, future's or spot pair's last 24 hours."""

    __slots__ = ("change", "cost", "high", "low", "volume")

    def __init__(self, market: Market, listing: Listing, at: int) -> None:
        bars = chart(market, listing, at - DAY, at, 60, at)
        self.high = float(bars.high.max())
        self.low = float(bars.low.min())
        self.change = round(100.0 * float(bars.close[-1] / bars.open[0] - 1.0), 4)
        self.volume = round(float(bars.volume.sum()), 8)
        self.cost = round(float(bars.cost.sum()), 2)


class Venue:
    """One market as an exchange. Caches hold the latest instant only and never change an answer."""

    def __init__(self, market: Market) -> None:
        self.market = market
        self.listings = Listings(market)
        self.quotes = Quotes(market, self.listings)
        self._boards: dict[str, tuple[int, Board]] = {}
        self._settled: dict[str, tuple[int, dict[str, float]]] = {}
        self._stats: dict[str, tuple[int, DayStats]] = {}
        self._estimates: dict[str, tuple[int, float]] = {}

    def find(self, name: str, at: int) -> Listing | None:
        """Find what is listed under a name at an instant."""
        return self.listings.find(name, at)

    def find_expired(self, name: str, at: int) -> Listing | None:
        """Find a contract that expired at or before an instant, however long ago."""
        contract, product = contract_name(name), name.partition("-")[0]
        if contract is None or product not in OPTIONS or contract.expires_at > at:
            return None
        expired = self.listings.expired(product, contract.expires_at)
        return next((one for one in expired if one.name == name), None)

    def listed(self, at: int) -> tuple[Listing, ...]:
        """List everything that trades."""
        return self.listings.listed(at)

    def expired(self, at: int) -> tuple[Listing, ...]:
        """List what expired in the last days, latest first."""
        newest = last_settlement(at)
        return tuple(
            one
            for back in range(EXPIRED_DAYS)
            for product in OPTIONS
            for one in self.listings.expired(product, newest - back * DAY)
        )

    def board(self, product: str, at: int) -> Board:
        """Quote every option of a product."""
        known = self._boards.get(product)
        if known is None or known[0] != at:
            known = (at, self.quotes.board(product, at))
            self._boards[product] = known
        return known[1]

    def option(self, listing: Listing, at: int) -> OptionQuote:
        """Quote one option."""
        return self.quotes.option(listing, at)

    def delta_one(self, listing: Listing, at: int) -> PerpetualQuote:
        """Quote a perpetual, a future or a spot pair."""
        return self.quotes.delta_one(listing, at)

    def settlement_price(self, listing: Listing, at: int) -> float | None:
        """Tell the mark of a contract at the last 08:00 UTC; None if it was not listed then."""
        settled_at = last_settlement(at)
        if listing.kind == "spot" or listing.listed_at >= settled_at:
            return None
        if listing.kind != "option":
            return self.market.point(series(listing), settled_at)
        known = self._settled.get(listing.product)
        if known is None or known[0] != settled_at:
            board = self.quotes.board(listing.product, settled_at)
            rows = zip(board.listings, board.mark.tolist(), strict=True)
            known = (settled_at, {one.name: round(mark, 6) for one, mark in rows})
            self._settled[listing.product] = known
        return known[1].get(listing.name)

    def estimated_delivery_price(self, underlying: str, at: int) -> float:
        """Estimate the next delivery price: the running average in its window, else the index."""
        known = self._estimates.get(underlying)
        if known is None or known[0] != at:
            known = (at, self.market.estimated_delivery_price(underlying, at))
            self._estimates[underlying] = known
        return known[1]

    def day_stats(self, listing: Listing, at: int) -> DayStats:
        """Sum up the last 24 hours of what is no option, as of the last full five minutes."""
        as_of = at - at % _STATS_EVERY
        known = self._stats.get(listing.name)
        if known is None or known[0] != as_of:
            known = (as_of, DayStats(self.market, listing, as_of))
            keep(self._stats, listing.name, known, STATS_KEPT)
        return known[1]

    def funding_trailing_8h(self, product: str, at: int) -> float:
        """Sum the interest of the last 8 hours."""
        return trailing_8h(self.market, product, at)


STATS_KEPT: Final = 256


def last_settlement(at: int) -> int:
    """Name the last 08:00 UTC at or before an instant."""
    return at - (at - SETTLEMENT_TIME) % DAY
