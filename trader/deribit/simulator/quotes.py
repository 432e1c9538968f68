"""What do the invented books show at an instant: bid, ask, sizes, mark, volatilities, Greeks?

A pure function of (seed, instant). Makers re-quote when the model's value has left a band around
their last center, a fraction of the spread wide, or when a slice of time of that instrument ends;
between the two a book is still. Marks follow every grid step: Black-76 at the quoted volatility
(rounded as it is published), divided by the forward.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trader.deribit.simulator.listing import PERPETUALS, Listing, Listings
from trader.deribit.simulator.market import Market
from trader.domain.units import SECOND, YEAR
from trader.pricing.black_scholes import Greeks, price_and_greeks
from trader.pricing.normal import Array
from trader.pricing.normalized import total_deviation

_SLICE: Final = 150 * SECOND  # market time for which sizes and a maker's mood hold
_TICK: Final = 0.0001
_WIDE_TICK: Final = 0.0005
_WIDE_ABOVE: Final = 0.005
_HALF_SPREAD_VOL: Final = 0.004  # at the money, of a month, in a calm market
_HALF_SPREAD_OF_VALUE: Final = 0.006
_CALM_VOL: Final = 0.5
_VOL_MIN: Final = 0.01
_TIME_VALUE_MIN: Final = 1e-12  # coin
_IV_TOLERANCE: Final = 1e-3  # of a Halley step: the error left is of the order of its cube
_SIZE_TYPICAL: Final = {"BTC": 12.0, "ETH": 110.0}
_PERPETUAL_SIZE_TYPICAL: Final = 60_000.0  # USD
_PERPETUAL_HALF_SPREAD: Final = 0.000012

Unsigned = NDArray[np.uint64]


class Board(NamedTuple):
    """All options of one underlying at one instant, in columns that follow `listings`.

    Prices (`bid`, `ask`, `mark`) in coin and amounts in coin; an empty side is price 0 and amount
    0. Volatilities are fractions (`bid_iv`, `ask_iv` 0 where the side is empty or implies none);
    `underlying_price` is each expiry's forward, `index_price` the index, both USD.
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
    index_price: float
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


class PerpetualQuote(NamedTuple):
    """The perpetual's best prices and mark (USD), amounts (USD), index and funding per 8 hours."""

    bid: float
    ask: float
    bid_amount: float
    ask_amount: float
    mark: float
    index_price: float
    funding_8h: float


class _Terms(NamedTuple):
    """What does not change while the listings of a board stand."""

    listings: tuple[Listing, ...]
    strike: Array
    sign: Array
    expires_at: NDArray[np.int64]
    key: Unsigned
    phase: NDArray[np.int64]


class Quotes:
    """The books of one market. Caches are bounded and never change an answer."""

    def __init__(self, market: Market, listings: Listings) -> None:
        """Quote what `listings` lists at the prices of `market`."""
        self.market = market
        self.listings = listings
        self._terms: dict[str, _Terms] = {}

    def board(self, underlying: str, at: int) -> Board:
        """Return the quotes of every listed option of an underlying."""
        listings = self.listings.options(underlying, at)
        terms = self._terms.get(underlying)
        if terms is None or terms.listings is not listings:
            terms = self._terms[underlying] = _terms(listings)
        return _board(self.market, underlying, terms, at)

    def option(self, listing: Listing, at: int) -> OptionQuote:
        """Return the quote of one option, equal to its row of the board.

        Raises:
            ValueError: `at` is not before its expiry.
        """
        if at >= listing.expires_at:
            raise ValueError(f"{listing.name}: expired at {listing.expires_at}, no quote at {at}")
        board = _board(self.market, listing.underlying, _terms((listing,)), at)
        return OptionQuote(
            float(board.bid[0]),
            float(board.ask[0]),
            float(board.bid_amount[0]),
            float(board.ask_amount[0]),
            float(board.mark[0]),
            float(board.mark_iv[0]),
            float(board.bid_iv[0]),
            float(board.ask_iv[0]),
            float(board.underlying_price[0]),
            board.index_price,
            Greeks(*(float(figure[0]) for figure in board.greeks)),
        )

    def options(self, listings: tuple[Listing, ...], at: int) -> Board:
        """Return the quotes of some live options of one underlying, equal to the board's rows."""
        return _board(self.market, listings[0].underlying, _terms(listings), at)

    def perpetual(self, underlying: str, at: int) -> PerpetualQuote:
        """Return the quote of the perpetual."""
        listing = PERPETUALS[underlying]
        mark = self.market.perpetual_mark(underlying, at)
        tick, step = listing.tick_size, listing.min_trade_amount
        key, phase = _keys(np.array([listing.instrument_id]))
        draws = _draws(self.market.seed, key, phase, at)
        half = mark * _PERPETUAL_HALF_SPREAD * (0.6 + float(draws[0][0]))
        sizes = _PERPETUAL_SIZE_TYPICAL * np.exp(1.6 * (np.array(draws[1:])[:, 0] - 0.5))
        bid_amount, ask_amount = (float(np.ceil(size / step) * step) for size in sizes)
        return PerpetualQuote(
            round(float(np.floor((mark - half) / tick)) * tick, 2),
            round(float(np.ceil((mark + half) / tick)) * tick, 2),
            bid_amount,
            ask_amount,
            mark,
            self.market.spot(underlying, at),
            self.market.funding_8h(underlying, at),
        )


def _board(market: Market, underlying: str, terms: _Terms, at: int) -> Board:
    """Mark, spread and size every option of `terms`."""
    years = (terms.expires_at - at) / YEAR
    forward = market.forwards(underlying, terms.expires_at, at)
    log_moneyness = np.log(terms.strike / forward)
    quoted = market.implied_vol(underlying, at, years, log_moneyness)
    vol = np.maximum(np.round(quoted, 4), _VOL_MIN)
    value, figures = price_and_greeks(terms.sign, forward, terms.strike, years, vol)
    mark = value / forward
    distance = np.minimum(np.abs(log_moneyness) / (vol * np.sqrt(years)), 4.0)
    mood, first, second = _draws(market.seed, terms.key, terms.phase, at)
    vega = figures.vega * 100.0 / forward
    bid, ask = _two_sides(mark, _half_spread(mark, vega, vol, distance, mood))
    typical = _SIZE_TYPICAL[underlying] * np.exp(-0.2 * distance * distance)
    step = terms.listings[0].min_trade_amount if terms.listings else 1.0
    bid_amount = np.where(bid > 0.0, _amount(typical, first, step), 0.0)
    ask_amount = _amount(typical, second, step)
    root = np.sqrt(years)
    moneyness = terms.strike / forward
    bid_iv, ask_iv = (
        _quoted_vols(terms.sign, moneyness, vol * root, mark, vega / root, np.stack((bid, ask)))
        / root
    )
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
        market.spot(underlying, at),
        figures,
    )


def _half_spread(mark: Array, vega: Array, vol: Array, distance: Array, mood: Array) -> Array:
    """Return half the spread in coin: wider far from the money, for long lives, in wild markets.

    Rounded to powers of sqrt(2) ticks, so that it holds still while its inputs drift.
    """
    tick = np.where(mark >= _WIDE_ABOVE, _WIDE_TICK, _TICK)
    worry = (0.5 + 0.5 * vol / _CALM_VOL) * (0.7 + 0.6 * mood)
    half = worry * (
        _HALF_SPREAD_VOL * vega * (1.0 + 0.35 * distance) + _HALF_SPREAD_OF_VALUE * mark
    )
    ticks = np.maximum(half / tick, 0.25)
    stepped: Array = tick * np.exp2(0.5 * np.round(2.0 * np.log2(ticks)))
    return stepped


def _two_sides(mark: Array, half: Array) -> tuple[Array, Array]:
    """Return bid and ask on the tick grid, around a center that follows the mark in bands.

    The band is half a half-spread wide, so bid <= mark <= ask; narrow spreads follow the grid
    of ticks alone.
    """
    tick = np.where(mark >= _WIDE_ABOVE, _WIDE_TICK, _TICK)
    band = 0.5 * half
    center = np.where(band > tick, np.round(mark / band) * band, mark)
    low, high = np.maximum(center - half, 0.0), center + half
    low_tick = np.where(low >= _WIDE_ABOVE, _WIDE_TICK, _TICK)
    high_tick = np.where(high >= _WIDE_ABOVE, _WIDE_TICK, _TICK)
    bid = np.round(np.floor(low / low_tick) * low_tick, 4)
    ask = np.round(np.ceil(high / high_tick) * high_tick, 4)
    return bid, ask


def _amount(typical: Array, draw: Array, step: float) -> Array:
    """Return a size on the instrument's step: log-uniform around the typical one, never zero."""
    steps = np.maximum(np.round(typical * np.exp(2.4 * (draw - 0.5)) / step), 1.0)
    return np.round(steps * step, 1)


def _quoted_vols(
    sign: Array, moneyness: Array, deviation: Array, mark: Array, vega: Array, sides: Array
) -> Array:
    """Return total deviations that bid and ask imply, 0 where there is none (as the venue does).

    A Halley step in the logarithm of time value from the mark's own volatility, whose Greeks are
    known, starts the inversion; the venue publishes 4 decimals, so a coarse tolerance will do.
    `moneyness` is K / F; `vega` is coin per unit of deviation.
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


def _terms(listings: tuple[Listing, ...]) -> _Terms:
    """Collect the columns of a board's listings."""
    key, phase = _keys(np.array([one.instrument_id for one in listings], dtype=np.int64))
    return _Terms(
        listings,
        np.array([one.strike for one in listings], dtype=np.float64),
        np.array([1.0 if one.option_type == "call" else -1.0 for one in listings]),
        np.array([one.expires_at for one in listings], dtype=np.int64),
        key,
        phase,
    )


def _keys(instrument_ids: NDArray[np.int64]) -> tuple[Unsigned, NDArray[np.int64]]:
    """Return a hash of each instrument and the offset of its slices, so that books take turns."""
    key = _mixed(instrument_ids.astype(np.uint64))
    return key, (key % np.uint64(_SLICE)).astype(np.int64)


def _draws(seed: int, key: Unsigned, phase: NDArray[np.int64], at: int) -> list[Array]:
    """Return three uniforms in [0, 1) per instrument that hold for its slice of time."""
    slices = ((phase + at) // _SLICE).astype(np.uint64)
    word = _mixed(key + slices) ^ np.array(seed, dtype=np.uint64)
    draws = []
    for _ in range(3):
        word = _mixed(word)
        draws.append((word >> np.uint64(11)).astype(np.float64) * 2.0**-53)
    return draws


def _mixed(words: Unsigned) -> Unsigned:
    """Scramble 64-bit words (the finalizer of SplitMix64, Steele, Lea and Flood 2014)."""
    mixed: Unsigned = words + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
