"""What does the bundled exchange list and quote at an instant, by the names Deribit uses?

Thin caches over market, listings and quotes; every answer is a function of (seed, instant).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from trader.deribit.simulator.listing import PERPETUALS, Listing, Listings
from trader.deribit.simulator.market import GENESIS, Market
from trader.deribit.simulator.quotes import Board, OptionQuote, PerpetualQuote, Quotes
from trader.deribit.translate import contract_name
from trader.domain.units import DAY, HOUR, MINUTE
from trader.pricing.black_scholes import Greeks

INDEX_UNDERLYINGS: Final = {
    "btc_usd": "BTC",
    "eth_usd": "ETH",
    "btc_usdc": "BTC",
    "eth_usdc": "ETH",
}
"""Every index name and whose price it shows; the `_usdc` ones are pegged to `_usd`."""

EXPIRED_DAYS: Final = 3
"""How many days of expired contracts `expired=true` still lists."""

SETTLEMENT_TIME: Final = 8 * HOUR
_STATS_EVERY: Final = 5 * MINUTE


class DayStats:
    """High, low, volume and change of an underlying's last 24 hours."""

    __slots__ = ("change", "cost", "high", "low", "volume")

    def __init__(self, market: Market, underlying: str, at: int) -> None:
        bars = market.candles(underlying, at - DAY, at, 60, at)
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
        self._by_name: dict[str, Listing] = {}
        self._named: tuple[tuple[Listing, ...], ...] = ()
        self._boards: dict[str, tuple[int, Board]] = {}
        self._settled: dict[str, tuple[int, dict[str, float]]] = {}
        self._stats: dict[str, tuple[int, DayStats]] = {}
        self._estimates: dict[str, tuple[int, float]] = {}

    def find(self, name: str, at: int) -> Listing | None:
        """Find what is listed under a name at an instant."""
        boards = tuple(self.listings.options(one, at) for one in self.market.underlyings)
        same = len(boards) == len(self._named) and all(
            now is before for now, before in zip(boards, self._named, strict=True)
        )
        if not same:
            self._by_name = {one.name: one for one in PERPETUALS.values()}
            self._by_name.update((one.name, one) for board in boards for one in board)
            self._named = boards
        return self._by_name.get(name)

    def find_expired(self, name: str, at: int) -> Listing | None:
        """Find a contract that expired at or before an instant, however long ago."""
        contract = contract_name(name)
        if contract is None or contract.underlying not in self.market.underlyings:
            return None
        if not GENESIS + HOUR <= contract.expires_at <= at:
            return None
        board = self.listings.options(contract.underlying, contract.expires_at - 1)
        return next((one for one in board if one.name == name), None)

    def listed(self, at: int) -> tuple[Listing, ...]:
        """List everything that trades."""
        return self.listings.listed(at)

    def expired(self, at: int) -> tuple[Listing, ...]:
        """List what expired in the last days, latest first."""
        newest = last_settlement(at)
        return tuple(
            one
            for back in range(EXPIRED_DAYS)
            for underlying in self.market.underlyings
            for one in self.listings.options(underlying, newest - back * DAY - 1)
            if one.expires_at == newest - back * DAY
        )

    def board(self, underlying: str, at: int) -> Board:
        """Quote every option of an underlying."""
        known = self._boards.get(underlying)
        if known is None or known[0] != at:
            known = (at, self.quotes.board(underlying, at))
            self._boards[underlying] = known
        return known[1]

    def option(self, listing: Listing, at: int) -> OptionQuote:
        """Quote one option."""
        return self.quotes.option(listing, at)

    def perpetual(self, underlying: str, at: int) -> PerpetualQuote:
        """Quote the perpetual."""
        return self.quotes.perpetual(underlying, at)

    def settlement_price(self, listing: Listing, at: int) -> float | None:
        """Tell the mark of a contract at the last 08:00 UTC; None if it was not listed then."""
        settled_at = last_settlement(at)
        known = self._settled.get(listing.underlying)
        if known is None or known[0] != settled_at:
            board = self.quotes.board(listing.underlying, settled_at)
            rows = zip(board.listings, board.mark.tolist(), strict=True)
            marks = {one.name: round(mark, 6) for one, mark in rows}
            perpetual = PERPETUALS[listing.underlying]
            marks[perpetual.name] = self.market.perpetual_mark(listing.underlying, settled_at)
            known = (settled_at, marks)
            self._settled[listing.underlying] = known
        return known[1].get(listing.name)

    def estimated_delivery_price(self, underlying: str, at: int) -> float:
        """Estimate the next delivery price: the running average in its window, else the index."""
        known = self._estimates.get(underlying)
        if known is None or known[0] != at:
            known = (at, self.market.estimated_delivery_price(underlying, at))
            self._estimates[underlying] = known
        return known[1]

    def day_stats(self, underlying: str, at: int) -> DayStats:
        """Sum up the last 24 hours, as of the last full five minutes."""
        as_of = at - at % _STATS_EVERY
        known = self._stats.get(underlying)
        if known is None or known[0] != as_of:
            known = (as_of, DayStats(self.market, underlying, as_of))
            self._stats[underlying] = known
        return known[1]

    def funding_trailing_8h(self, underlying: str, at: int) -> float:
        """Average the funding rate of the last 8 hours, read at each hour."""
        hours = [max(at - back * HOUR, GENESIS) for back in range(8)]
        return sum(self.market.funding_8h(underlying, hour) for hour in hours) / len(hours)


def option_rows(board: Board) -> Iterator[tuple[Listing, OptionQuote]]:
    """Walk a board row by row."""
    columns = (
        board.bid,
        board.ask,
        board.bid_amount,
        board.ask_amount,
        board.mark,
        board.mark_iv,
        board.bid_iv,
        board.ask_iv,
        board.underlying_price,
    )
    quotes = zip(*(column.tolist() for column in columns), strict=True)
    greeks = zip(*(figures.tolist() for figures in board.greeks), strict=True)
    rows = zip(board.listings, quotes, greeks, strict=True)
    for listing, (bid, ask, bid_amount, ask_amount, *marks, forward), figures in rows:
        mark, mark_iv, bid_iv, ask_iv = marks
        yield (
            listing,
            OptionQuote(
                bid,
                ask,
                bid_amount,
                ask_amount,
                mark,
                mark_iv,
                bid_iv,
                ask_iv,
                forward,
                board.index_price,
                Greeks(*figures),
            ),
        )


def last_settlement(at: int) -> int:
    """Name the last 08:00 UTC at or before an instant."""
    return at - (at - SETTLEMENT_TIME) % DAY
