"""What do the invented books show at an instant: bid, ask, sizes, mark, volatilities, Greeks?

A pure function of (seed, instant). Makers re-quote when the model's value has left a band around
their last center, a fraction of the spread wide, or when a slice of time of that instrument ends;
between the two a book is still, but for prints: what one takes is missing from its side for a
while. Marks follow every grid step: Black-76 at the quoted volatility (rounded as it is published),
divided by the forward where it is paid in coin.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trader.deribit.simulator.desks import Desk, PerpetualQuote
from trader.deribit.simulator.draws import Stretches, keys
from trader.deribit.simulator.instrument_series import option_prints_every
from trader.deribit.simulator.listing import PERPETUALS, Listing, Listings
from trader.deribit.simulator.makers import SLICE, Grid, on_step, quoted_deviations, slice_phase
from trader.deribit.simulator.market import Market
from trader.deribit.simulator.path import keep
from trader.deribit.simulator.products import OPTIONS, OptionTerms
from trader.deribit.simulator.surface import smiled
from trader.domain.units import SECOND, YEAR
from trader.pricing.black_scholes import price_and_greeks
from trader.pricing.columns import Greeks
from trader.pricing.normal import Array

REFILL: Final = 20 * SECOND
"""How long what an option's print took is missing from the book."""

DESKS_KEPT: Final = 48

_VOL_MIN: Final = 0.01

Instants = NDArray[np.int64]


class Board(NamedTuple):
    """Options of one product, in columns that follow `listings`, at one instant or one for each.

    Prices (`bid`, `ask`, `mark`) in coin (inverse) or USDC, amounts in coin; an empty side is price
    0 and amount 0. Volatilities are fractions (`bid_iv`, `ask_iv` 0 where the side is empty or
    implies none); `underlying_price` is each expiry's forward, `index_price` the index, one or one
    for each, both USD.
    """

    listings: tuple[Listing, ...]
    bid: Array
    ask: Array
    bid_amount: Array
    ask_amount: Array
    mark: Array
    mark_iv: Array
    bid_iv: Array
    ask_iv: Array
    underlying_price: Array
    index_price: float | Array
    greeks: Greeks[Array]


class OptionQuote(NamedTuple):
    """One row of a `Board`."""

    bid: float
    ask: float
    bid_amount: float
    ask_amount: float
    mark: float
    mark_iv: float
    bid_iv: float
    ask_iv: float
    underlying_price: float
    index_price: float
    greeks: Greeks[float]


class Taken(NamedTuple):
    """The print of each option in a stretch of time: when, whether a buyer's, how much (coin)."""

    at: Instants
    buy: NDArray[np.bool_]
    amount: Array


class _Terms(NamedTuple):
    """What does not change while the listings of a board stand."""

    listings: tuple[Listing, ...]
    product: OptionTerms
    strike: Array
    sign: Array
    expires_at: Instants
    expiry: Instants
    expiry_of: NDArray[np.intp]
    mood: Stretches
    prints: Stretches


class Quotes:
    """The books of one market. Caches are bounded and never change an answer."""

    def __init__(self, market: Market, listings: Listings) -> None:
        """Quote what `listings` lists at the prices of `market`."""
        self.market = market
        self.listings = listings
        self._terms: dict[str, _Terms] = {}
        self._desks: dict[str, Desk] = {}

    def board(self, product: str, at: int) -> Board:
        """Return the quotes of every listed option of a product."""
        listings = self.listings.options(product, at)
        known = self._terms.get(product)
        if known is None or known.listings is not listings:
            self._terms[product] = _terms(listings)
        return _board(self.market, self._terms[product], at)

    def option(self, listing: Listing, at: int) -> OptionQuote:
        """Return the quote of one option, equal to its row of the board.

        Raises:
            ValueError: `at` is not before its expiry.
        """
        if at >= listing.expires_at:
            raise ValueError(f"{listing.name}: expired at {listing.expires_at}, no quote at {at}")
        board = _board(self.market, _terms((listing,)), at)
        return next(rows(board))[1]

    def options(self, listings: tuple[Listing, ...], at: int | Instants) -> Board:
        """Return the quotes of some live options of one product, equal to the board's rows.

        With an array `at` row i is quoted at `at[i]`; `index_price` is then that of the first.
        """
        return _board(self.market, _terms(listings), at)

    def option_prints(self, listings: tuple[Listing, ...], at: Instants) -> tuple[Board, Taken]:
        """Return for each option the print of its stretch of time that holds `at[i]`.

        The board is what the print met. A print at or after the expiry never happens.
        """
        terms = _terms(listings)
        drawn = _drawn(self.market.seed, terms, at)
        met = _board(self.market, terms, np.minimum(drawn.at, terms.expires_at - 1), met=True)
        buy = drawn.buy | (met.bid == 0.0)
        shown = np.where(buy, met.ask_amount, met.bid_amount)
        return met, Taken(drawn.at, buy, np.minimum(drawn.amount, shown))

    def print_times(self, listings: tuple[Listing, ...], at: Instants) -> Instants:
        """Return when the print of `option_prints` happens."""
        return _drawn(self.market.seed, _terms(listings), at).at

    def print_counts(self, listings: tuple[Listing, ...], at: int) -> Instants:
        """Return how often each of some listed options of one product has printed until `at`.

        Cheap for the listings of a board: what is known of them is kept.
        """
        if not listings:
            return np.empty(0, dtype=np.int64)
        known = self._terms.get(listings[0].product)
        terms = known if known and known.listings is listings else _terms(listings)
        printed_at = _drawn(self.market.seed, terms, at).at
        return terms.prints.numbers(at) + (printed_at <= at)

    def perpetual(self, product: str, at: int) -> PerpetualQuote:
        """Return the quote of a product's perpetual."""
        return self.delta_one(PERPETUALS[product], at)

    def delta_one(self, listing: Listing, at: int) -> PerpetualQuote:
        """Return the quote of a perpetual, a dated future or a spot pair."""
        desk = self._desks.get(listing.name)
        if desk is None:
            desk = Desk(self.market, listing)
            keep(self._desks, listing.name, desk, DESKS_KEPT)
        return desk.quote(at)


def rows(board: Board) -> Iterator[tuple[Listing, OptionQuote]]:
    """Walk a board row by row."""
    quotes = zip(
        board.bid.tolist(),
        board.ask.tolist(),
        board.bid_amount.tolist(),
        board.ask_amount.tolist(),
        board.mark.tolist(),
        board.mark_iv.tolist(),
        board.bid_iv.tolist(),
        board.ask_iv.tolist(),
        board.underlying_price.tolist(),
        np.broadcast_to(board.index_price, board.mark.shape).tolist(),
        strict=True,
    )
    greeks = zip(*(figures.tolist() for figures in board.greeks), strict=True)
    for listing, (*touch, index_price), figures in zip(board.listings, quotes, greeks, strict=True):
        bid, ask, bid_amount, ask_amount, mark, mark_iv, bid_iv, ask_iv, forward = touch
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
                index_price,
                Greeks(*figures),
            ),
        )


def _board(market: Market, terms: _Terms, at: int | Instants, *, met: bool = False) -> Board:
    """Mark, spread and size every option of `terms`; with `met` before any print."""
    coin, product = terms.product.coin, terms.product
    years = (terms.expires_at - at) / YEAR
    forward = market.forwards(coin, terms.expires_at, at)
    if isinstance(at, int):
        expiry_years = (terms.expiry - at) / YEAR
        level = market.money_vol(coin, at, expiry_years)[terms.expiry_of]
    else:
        level = market.money_vol(coin, at, years)
    log_moneyness = np.log(terms.strike / forward)
    vol = np.maximum(np.round(smiled(level, years, log_moneyness), 4), _VOL_MIN)
    value, figures = price_and_greeks(terms.sign, forward, terms.strike, years, vol)
    unit: Array | float = forward if product.inverse else 1.0
    mark = value / unit
    root = np.sqrt(years)
    distance = np.minimum(np.abs(log_moneyness) / (vol * root), 4.0)
    mood, first, second = terms.mood.draws(market.seed, at)
    vega = figures.vega * 100.0
    grid = Grid(product)
    bid, ask = grid.two_sides(mark, grid.half_spread(mark, vega / unit, vol, distance, mood))
    typical = product.size_typical * np.exp(-0.2 * distance * distance)
    step = product.min_trade_amount
    bid_amount = np.where(bid > 0.0, on_step(typical * first, step), 0.0)
    ask_amount = on_step(typical * second, step)
    if not met:
        _take(_drawn(market.seed, terms, at), at, bid_amount, ask_amount, step)
    over_forward = np.stack((bid, ask)) if product.inverse else np.stack((bid, ask)) / forward
    total = quoted_deviations(
        terms.sign,
        terms.strike / forward,
        vol * root,
        value / forward,
        vega / forward / root,
        over_forward,
    )
    bid_iv, ask_iv = total / root
    first_at = at if isinstance(at, int) else int(at[0])
    return Board(
        terms.listings,
        bid,
        ask,
        bid_amount,
        ask_amount,
        mark,
        vol,
        bid_iv,
        ask_iv,
        forward,
        market.spot(coin, first_at),
        figures,
    )


def _take(
    drawn: Taken, at: int | Instants, bid_amount: Array, ask_amount: Array, step: float
) -> None:
    """Remove from each side what a recent print took of it; the makers leave one step."""
    recent = np.flatnonzero((drawn.at <= at) & (at < drawn.at + REFILL))
    for row in recent:
        side = ask_amount if drawn.buy[row] or bid_amount[row] == 0.0 else bid_amount
        side[row] = max(round(float(side[row] - drawn.amount[row]), 4), step)


def _drawn(seed: int, terms: _Terms, at: int | Instants) -> Taken:
    """Draw the print of the stretch of time that holds an instant, whatever the book shows."""
    when, side, size = terms.prints.draws(seed, at)
    printed_at = terms.prints.starts_at(at) + (when * terms.prints.length).astype(np.int64)
    step = terms.product.min_trade_amount
    return Taken(printed_at, side < 0.5, on_step(terms.product.print_typical * size, step))


def _terms(listings: tuple[Listing, ...]) -> _Terms:
    """Collect the columns of a board's listings."""
    key = keys(np.array([one.instrument_id for one in listings], dtype=np.int64))
    listed_at = np.array([one.listed_at for one in listings], dtype=np.int64)
    prints_every = np.array([option_prints_every(one) for one in listings])
    expires_at = np.array([one.expires_at for one in listings], dtype=np.int64)
    expiry, expiry_of = np.unique(expires_at, return_inverse=True)
    return _Terms(
        listings,
        OPTIONS[listings[0].product],
        np.array([one.strike for one in listings], dtype=np.float64),
        np.array([1.0 if one.option_type == "call" else -1.0 for one in listings]),
        expires_at,
        expiry,
        expiry_of,
        Stretches(key, -slice_phase(key), np.full(len(key), SLICE), 1),
        Stretches(~key, listed_at, prints_every, 2),
    )
