"""What do the invented underlyings cost at any instant, and how much will they move?

One seed and one `MARKET_VERSION` are one path, whoever asks for whichever instant in whatever
order: the hours come from `skeleton`, what lies between them from `path`, volatilities from
`surface`. Candles, delivery prices and quotes all read the same steps of 5 seconds.

Times are UTC nanoseconds; prices USD; volatilities and rates fractions (a year of 365 days). A
perpetual is named by its product: `BTC` is BTC-PERPETUAL, `BTC_USDC` BTC_USDC-PERPETUAL.
"""

from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from trader.deribit.simulator.candles import Candles, Charts
from trader.deribit.simulator.path import (
    END,
    GENESIS,
    INDEX_DECIMALS,
    STEP,
    Path,
    Series,
    finish,
    keep,
    perpetual_series,
    premium_logs,
    spot_series,
)
from trader.deribit.simulator.skeleton import COINS, LOG_VOL, PERPETUAL_PRODUCTS, REGIMES
from trader.deribit.simulator.surface import (
    BLEND_HOURS,
    IMPLIED_OVER_EXPECTED,
    State,
    expected_vol,
    smiled,
)
from trader.domain.units import DAY, HOUR, MINUTE, YEAR
from trader.pricing.normal import Array

__all__ = [
    "CARRY",
    "END",
    "GENESIS",
    "LOG_VOL_SERIES",
    "MARKET_VERSION",
    "STEP",
    "UNDERLYINGS",
    "Market",
]

MARKET_VERSION: Final = "2"
UNDERLYINGS: Final = COINS
DELIVERY_WINDOW: Final = 30 * MINUTE

CARRY: Final = {
    "BTC": 0.040,
    "ETH": 0.035,
    "SOL": 0.045,
    "XRP": 0.030,
    "ADA": 0.030,
    "AVAX": 0.030,
}
FUNDING_DAMPER: Final = 0.00025
_FUNDING_CAP: Final = {"BTC": 0.005, "ETH": 0.010}
_LINEAR_FUNDING_CAP: Final = 0.05
LOG_VOL_SERIES: Final = Series((LOG_VOL,), 0, None)
_DELIVERIES_KEPT: Final = 4_096
_HOURLY_KEPT: Final = 2_048

Instants = NDArray[np.int64]
Shape = TypeVar("Shape", int, NDArray[np.int64])


class Market:
    """The path of one seed. Caches are bounded and never change an answer."""

    version: Final = MARKET_VERSION
    underlyings: Final = UNDERLYINGS

    def __init__(self, seed: int) -> None:
        """Make nothing yet: the path grows when it is asked for.

        Raises:
            ValueError: `seed` is negative or above 2^63 - 1.
        """
        if not 0 <= seed < 2**63:
            raise ValueError(f"seed = {seed!r}: must lie in [0, 2^63 - 1]")
        self.seed = seed
        self.path = Path(seed)
        self.charts = Charts(self.path)
        self._deliveries: dict[tuple[str, int], float] = {}
        self._hourly: dict[tuple[Series, int], float] = {}

    def spot(self, underlying: str, at: int) -> float:
        """Return the index price at an instant."""
        return self.point(_SPOTS[_known(underlying)], at)

    def spots(self, underlying: str, at: Instants) -> Array:
        """Return the index price at each instant of an array."""
        return self.points(_SPOTS[_known(underlying)], at)

    def point(self, series: Series, at: int) -> float:
        """Return what a series shows at an instant."""
        day, offset = divmod(_checked(at) - GENESIS, DAY)
        return float(self.path.day(series, day)[offset // STEP])

    def hourly_point(self, series: Series, at: int) -> float:
        """Return what a series shows at a full hour; the day around it is not made."""
        known = self._hourly.get((series, at))
        if known is None:
            known = float(self.path.hour(series, (_checked(at) - GENESIS) // HOUR)[0])
            keep(self._hourly, (series, at), known, _HOURLY_KEPT)
        return known

    def points(self, series: Series, at: Instants) -> Array:
        """Return what a series shows at each instant of an array."""
        if at.size:
            _checked(int(at.min()))
            _checked(int(at.max()))
        days, offsets = np.divmod(at - GENESIS, DAY)
        prices = np.empty(at.shape)
        for day in np.unique(days):
            here = days == day
            prices[here] = self.path.day(series, int(day))[offsets[here] // STEP]
        return prices

    def hourly_spots(self, underlying: str, start: int, end: int) -> Array:
        """Return the index price at every full hour in [start, end]; costs no bridge."""
        series = _SPOTS[_known(underlying)]
        first = -((GENESIS - _checked(start)) // HOUR)
        last = (_checked(end) - GENESIS) // HOUR
        level = self.path.skeleton.upto(last).level[list(series.components), first : last + 1]
        return finish(series, level.sum(axis=0))

    def regime(self, at: int) -> str:
        """Return the mood of the day: "bull", "bear", "chop" or "crash"."""
        hour = (_checked(at) - GENESIS) // HOUR
        return REGIMES[self.path.skeleton.upto(hour).regime[hour]]

    def forward(self, underlying: str, expires_at: int, at: int) -> float:
        """Return the price of the future of an expiry: the index with a small constant carry."""
        return float(self.forwards(underlying, np.array([expires_at]), at)[0])

    def forwards(self, underlying: str, expires_at: Instants, at: int | Instants) -> Array:
        """Return the price of the future for each expiry, at one instant or at one for each."""
        years = np.maximum(expires_at - at, 0) / YEAR
        spot = self.spot(underlying, at) if isinstance(at, int) else self.spots(underlying, at)
        forwards: Array = np.round(
            spot * np.exp(CARRY[underlying] * years), INDEX_DECIMALS[underlying]
        )
        return forwards

    def state(self, at: int | Instants) -> State:
        """Return what the surfaces hang on at one instant or at several."""
        if isinstance(at, int):
            hourly = self.hourly_state(np.array([at]))
            return hourly._replace(log_vol=np.array([self.point(LOG_VOL_SERIES, at)]))
        hourly = self.hourly_state(at)
        if not (at % HOUR).any():
            return hourly
        return hourly._replace(log_vol=self.points(LOG_VOL_SERIES, at))

    def hourly_state(self, at: Instants) -> State:
        """Return what the surfaces hang on at the start of each instant's hour; no bridge."""
        hour = (at - GENESIS) // HOUR
        hours = self.path.skeleton.upto(int(hour.max()))
        weight = np.minimum((hour % 24 + 1.0) / BLEND_HOURS, 1.0)
        return State(
            hours.regime[np.maximum(hour - 24, 0)],
            hours.regime[hour],
            weight,
            hours.level[LOG_VOL, hour],
        )

    def expected_vol(self, underlying: str, at: int | Instants, years: Array) -> Array:
        """Return the model's own expected volatility from `at` over each horizon.

        The square root of the mean expected variance.
        """
        return expected_vol(_known(underlying), self.state(at), years)

    def implied_vol(
        self,
        underlying: str,
        at: int | Instants,
        years: Array,
        log_moneyness: Array | float = 0.0,
    ) -> Array:
        """Return the volatility that the venue quotes around, for ln(K/F) at each horizon."""
        return smiled(self.money_vol(underlying, at, years), years, log_moneyness)

    def money_vol(self, underlying: str, at: int | Instants, years: Array) -> Array:
        """Return the volatility that the venue quotes around at the money."""
        return IMPLIED_OVER_EXPECTED * self.expected_vol(underlying, at, years)

    def premium(self, product: str, at: int) -> float:
        """Return the perpetual's premium over the index, as a fraction; it lags an hour behind."""
        hour, offset = divmod(_checked(at) - GENESIS, HOUR)
        hours = self.path.skeleton.upto(hour)
        number = PERPETUAL_PRODUCTS.index(_perpetual(product))
        before, now = premium_logs(number, hours, np.array([hour, hour + 1]))
        return float(np.expm1(before + (now - before) * (offset // MINUTE * MINUTE) / HOUR))

    def hourly_premiums(self, product: str, start: int, end: int) -> Array:
        """Return the premium at every full hour in [start, end]."""
        first = -((GENESIS - _checked(start)) // HOUR)
        last = (_checked(end) - GENESIS) // HOUR
        number = PERPETUAL_PRODUCTS.index(_perpetual(product))
        premiums = self.path.skeleton.upto(last).premium[number]
        shown: Array = premiums[np.maximum(np.arange(first, last + 1) - 1, 0)]
        return shown

    def perpetual_mark(self, product: str, at: int) -> float:
        """Return the mark of the perpetual."""
        return self.point(_MARKS[_perpetual(product)], at)

    def funding_8h(self, product: str, at: int) -> float:
        """Return the funding rate per 8 hours: the premium beyond a damper, capped.

        Positive: longs pay shorts. Source: Deribit (+-0.025 % damper, caps of 0.5 % for BTC, 1 %
        for ETH and 5 % in USDC).
        """
        return float(funding_rates(product, np.array([self.premium(product, at)]))[0])

    def delivery_price(self, underlying: str, expires_at: int, at: int) -> float | None:
        """Return the mean of the index over the 30 minutes before an expiry, None before it.

        Deribit expires at 08:00 UTC; any full hour works.
        """
        if at < expires_at:
            return None
        known = self._deliveries.get((underlying, expires_at))
        if known is None:
            known = self._mean(underlying, expires_at - DELIVERY_WINDOW, expires_at)
            keep(self._deliveries, (underlying, expires_at), known, _DELIVERIES_KEPT)
        return known

    def estimated_delivery_price(self, underlying: str, at: int) -> float:
        """Return the running mean inside 07:30-08:00 UTC, the index at any other time."""
        into_day = (_checked(at) - GENESIS) % DAY
        opens = 8 * HOUR - DELIVERY_WINDOW
        if not opens <= into_day < 8 * HOUR:
            return self.spot(underlying, at)
        start = at - into_day + opens
        return self._mean(underlying, start, at - at % STEP + STEP)

    def delivery_prices(
        self, underlying: str, at: int, count: int, offset: int = 0
    ) -> list[tuple[int, float]]:
        """Return (08:00 UTC of the day, delivery price), newest first, after `offset` newer ones.

        Fewer than `count` come back where the history begins.
        """
        days = (_checked(at) - GENESIS - 8 * HOUR) // DAY
        newest = GENESIS + 8 * HOUR + days * DAY
        prices = []
        for back in range(offset, min(offset + count, days + 1)):
            price = self.delivery_price(underlying, newest - back * DAY, at)
            if price is not None:
                prices.append((newest - back * DAY, price))
        return prices

    def candles(
        self, underlying: str, start: int, end: int, resolution_minutes: int, at: int
    ) -> Candles:
        """Return the bars of the index that open in [start, end] and not after `at`.

        The running bar holds what has happened up to `at`; an index has no volume.

        Raises:
            ValueError: a resolution other than those in `RESOLUTIONS_MINUTES`.
        """
        series = _SPOTS[_known(underlying)]
        return self.charts.candles(series, None, start, end, resolution_minutes, _checked(at))

    def _mean(self, underlying: str, start: int, end: int) -> float:
        """Return the mean index over grid points in [start, end), inside one hour."""
        hour, offset = divmod(_checked(start) - GENESIS, HOUR)
        first = offset // STEP
        prices = self.path.hour(_SPOTS[_known(underlying)], hour)
        window = prices[first : first + (end - start) // STEP]
        return round(float(window.mean()), INDEX_DECIMALS[underlying])


def funding_rates(product: str, premiums: Array) -> Array:
    """Return the funding rate per 8 hours at each premium."""
    beyond = np.maximum(FUNDING_DAMPER, premiums) + np.minimum(-FUNDING_DAMPER, premiums)
    cap = funding_cap(product)
    rates: Array = np.clip(beyond, -cap, cap)
    return rates


def funding_cap(product: str) -> float:
    """Return the highest funding rate per 8 hours."""
    return _FUNDING_CAP.get(product, _LINEAR_FUNDING_CAP)


def _checked(at: int) -> int:
    """Refuse an instant outside the market's life."""
    if not GENESIS <= at < END:
        raise ValueError(f"at = {at!r}: the market lives from {GENESIS} to {END} (UTC ns)")
    return at


def _known(underlying: str) -> str:
    """Refuse an underlying that the market does not have."""
    if underlying not in _SPOTS:
        raise ValueError(f"underlying = {underlying!r}: must be one of {UNDERLYINGS}")
    return underlying


def _perpetual(product: str) -> str:
    """Refuse a perpetual that the market does not have."""
    if product not in _MARKS:
        raise ValueError(f"product = {product!r}: must be one of {PERPETUAL_PRODUCTS}")
    return product


_SPOTS: Final = {coin: spot_series(coin) for coin in COINS}
_MARKS: Final = {product: perpetual_series(product) for product in PERPETUAL_PRODUCTS}
