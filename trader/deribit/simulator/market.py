"""What do the invented underlyings cost at any instant, and how much will they move?

One seed and one `MARKET_VERSION` are one path, whoever asks for whichever instant in whatever
order. The hourly skeleton (`skeleton`) fixes levels, volatility and jumps; inside each hour a
Brownian bridge on a grid of 5 seconds, from a counter-based generator keyed by seed, component and
day, leads from level to level. Between grid points prices stand still, so that nothing of the
future shows. Candles, delivery prices and quotes all read this one grid.

Times are UTC nanoseconds; prices USD; volatilities and rates fractions (a year of 365 days).
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trader.deribit.simulator.skeleton import (
    COMPONENTS,
    HOURS_PER_YEAR,
    JUMP_DEVIATION,
    JUMP_MEAN,
    JUMPS_PER_YEAR,
    LOG_VOL_DEVIATION,
    LOG_VOL_REVERSION_PER_DAY,
    REGIMES,
    STEPS_PER_HOUR,
    TRANSITION,
    VOL,
    Component,
    Skeleton,
)
from trader.domain.units import DAY, HOUR, MILLISECOND, MINUTE, SECOND, YEAR
from trader.pricing.normal import Array

MARKET_VERSION: Final = "1"
UNDERLYINGS: Final = ("BTC", "ETH")
RESOLUTIONS_MINUTES: Final = (1, 3, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440)

GENESIS: Final = 1_609_459_200 * SECOND  # 2021-01-01 00:00 UTC
END: Final = 2_208_988_800 * SECOND  # 2040-01-01 00:00 UTC
STEP: Final = HOUR // STEPS_PER_HOUR
DELIVERY_WINDOW: Final = 30 * MINUTE

IMPLIED_OVER_EXPECTED: Final = 1.15  # the premium sellers of volatility live on

_STEPS_PER_DAY: Final = 24 * STEPS_PER_HOUR
_SMILE_CURVATURE: Final = 0.7  # eta of the SSVI surface: eta^2 (1 + |rho|) <= 4 bars arbitrage
_SMILE_SKEW: Final = -0.15  # rho of the SSVI surface
_CARRY: Final = {"BTC": 0.040, "ETH": 0.035}
_FUNDING_DAMPER: Final = 0.00025
_FUNDING_CAP: Final = {"BTC": 0.005, "ETH": 0.010}
_VOLUME_PER_STEP: Final = {"BTC": 0.25, "ETH": 4.0}  # coin, in a quiet step
_USUAL_STEP_MOVE: Final = 0.6 / float(np.sqrt(HOURS_PER_YEAR * STEPS_PER_HOUR))
_HORIZON_DAYS: Final = 800
_DAYS_KEPT: Final = 24
_CURVES_KEPT: Final = 64


class Candles(NamedTuple):
    """Bars in columns of one length: `ticks` are the opens' times in milliseconds."""

    ticks: NDArray[np.int64]
    open: Array
    high: Array
    low: Array
    close: Array
    volume: Array
    cost: Array


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
        self._skeleton = Skeleton(seed)
        self._days: dict[tuple[str, int], Array] = {}
        self._curves: dict[tuple[str, int], tuple[Array, Array]] = {}
        self._deliveries: dict[tuple[str, int], float] = {}

    def spot(self, underlying: str, at: int) -> float:
        """Return the index price at an instant."""
        day, offset = divmod(_checked(at) - GENESIS, DAY)
        return float(self._day(underlying, day)[offset // STEP])

    def spots(self, underlying: str, at: NDArray[np.int64]) -> Array:
        """Return the index price at each instant of an array."""
        if at.size:
            _checked(int(at.min()))
            _checked(int(at.max()))
        days, offsets = np.divmod(at - GENESIS, DAY)
        prices = np.empty(at.shape)
        for day in np.unique(days):
            here = days == day
            prices[here] = self._day(underlying, int(day))[offsets[here] // STEP]
        return prices

    def hourly_spots(self, underlying: str, start: int, end: int) -> Array:
        """Return the index price at every full hour in [start, end]; costs no bridge."""
        first = -((GENESIS - _checked(start)) // HOUR)
        last = (_checked(end) - GENESIS) // HOUR
        hours = self._skeleton.upto(last)
        level = hours.btc.level[first : last + 1]
        if _known(underlying) == "ETH":
            level = level + hours.ratio.level[first : last + 1]
        return _cents(np.exp(level))

    def regime(self, at: int) -> str:
        """Return the mood of the day: "bull", "bear", "chop" or "crash"."""
        hour = (_checked(at) - GENESIS) // HOUR
        return REGIMES[self._skeleton.upto(hour).regime[hour]]

    def forward(self, underlying: str, expires_at: int, at: int) -> float:
        """Return the price of the future of an expiry: the index with a small constant carry."""
        return float(self.forwards(underlying, np.array([expires_at]), at)[0])

    def forwards(self, underlying: str, expires_at: NDArray[np.int64], at: int) -> Array:
        """Return the price of the future for each expiry."""
        years = np.maximum(expires_at - at, 0) / YEAR
        spot = self.spot(underlying, at)
        return _cents(spot * np.exp(_CARRY[underlying] * years))

    def expected_vol(self, underlying: str, at: int, years: Array) -> Array:
        """Return the model's own expected volatility from `at` over each horizon.

        The square root of the mean expected variance: regimes by the powers of their transition
        matrix, log-volatility by its reversion, jumps included.
        """
        hour = (_checked(at) - GENESIS) // HOUR
        first, total = self._curve(underlying, hour)
        days = np.minimum(years * 365.0, _HORIZON_DAYS)
        near = np.maximum(days, 1e-9)
        mean = np.interp(near, np.arange(len(total)), total) / near
        return np.sqrt(np.where(days > 1e-9, mean, first[0]))

    def implied_vol(
        self, underlying: str, at: int, years: Array, log_moneyness: Array | float = 0.0
    ) -> Array:
        """Return the volatility that the venue quotes around, for ln(K/F) at each horizon.

        At the money 1.15 times the expected volatility; the smile is the power-law SSVI of
        Gatheral and Jacquier (2014), free of butterfly and calendar arbitrage.
        """
        level = IMPLIED_OVER_EXPECTED * self.expected_vol(underlying, at, years)
        deviation = np.maximum(level * np.sqrt(years), 1e-6)
        x = np.clip(_SMILE_CURVATURE * log_moneyness / deviation, -40.0, 40.0)
        rho = _SMILE_SKEW
        shape = 0.5 * (1.0 + rho * x + np.sqrt((x + rho) * (x + rho) + 1.0 - rho * rho))
        smiled: Array = level * np.sqrt(shape)
        return smiled

    def premium(self, underlying: str, at: int) -> float:
        """Return the perpetual's premium over the index, as a fraction; it lags an hour behind."""
        hour, offset = divmod(_checked(at) - GENESIS, HOUR)
        hours = self._skeleton.upto(hour)
        premiums = hours.premium_btc if _known(underlying) == "BTC" else hours.premium_eth
        before, now = premiums[max(hour - 1, 0)], premiums[hour]
        return float(before + (now - before) * offset / HOUR)

    def perpetual_mark(self, underlying: str, at: int) -> float:
        """Return the mark of the perpetual."""
        return round(self.spot(underlying, at) * (1.0 + self.premium(underlying, at)), 2)

    def funding_8h(self, underlying: str, at: int) -> float:
        """Return the funding rate per 8 hours: the premium beyond a damper, capped.

        Positive: longs pay shorts. Source: Deribit, inverse perpetuals (+-0.025 % damper, caps
        of 0.5 % for BTC and 1 % for ETH).
        """
        premium = self.premium(underlying, at)
        beyond = max(_FUNDING_DAMPER, premium) + min(-_FUNDING_DAMPER, premium)
        cap = _FUNDING_CAP[underlying]
        return min(max(beyond, -cap), cap)

    def delivery_price(self, underlying: str, expires_at: int, at: int) -> float | None:
        """Return the mean of the index over the 30 minutes before an expiry, None before it.

        Deribit expires at 08:00 UTC; any full hour works.
        """
        if at < expires_at:
            return None
        known = self._deliveries.get((underlying, expires_at))
        if known is None:
            known = self._mean(underlying, expires_at - DELIVERY_WINDOW, expires_at)
            self._deliveries[underlying, expires_at] = known
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
        """Return the bars that open in [start, end] and not after `at`, oldest first.

        The running bar holds what has happened up to `at`. Every bar, however old, is aggregated
        from the same grid; nothing before the genesis exists. `volume` is in coin, `cost` in USD;
        both follow how much the grid moved.

        Raises:
            ValueError: a resolution other than those in `RESOLUTIONS_MINUTES`.
        """
        if resolution_minutes not in RESOLUTIONS_MINUTES:
            raise ValueError(
                f"resolution_minutes = {resolution_minutes!r}: must be one of {RESOLUTIONS_MINUTES}"
            )
        bar = resolution_minutes * MINUTE
        first = -((GENESIS - max(start, GENESIS)) // bar)
        last = (min(end, _checked(at)) - GENESIS) // bar
        seen = (at - GENESIS) // STEP + 1
        per_bar, bars_per_day = bar // STEP, DAY // bar
        parts = []
        for day in range(first // bars_per_day, last // bars_per_day + 1):
            begin = max(first - day * bars_per_day, 0) * per_bar
            stop = min((last + 1 - day * bars_per_day) * per_bar, _STEPS_PER_DAY)
            stop = min(stop, seen - day * _STEPS_PER_DAY)
            if begin < stop:
                prices = self._day(underlying, day)
                open_ms = (GENESIS + day * DAY) // MILLISECOND + begin * (STEP // MILLISECOND)
                before = prices[max(begin - 1, 0)]
                parts.append(_bars(underlying, prices[begin:stop], before, per_bar, open_ms))
        return Candles(*(np.concatenate(column) for column in zip(_NO_BARS, *parts, strict=True)))

    def _mean(self, underlying: str, start: int, end: int) -> float:
        """Return the mean index over grid points in [start, end), inside one day."""
        day, offset = divmod(_checked(start) - GENESIS, DAY)
        first = offset // STEP
        window = self._day(underlying, day)[first : first + (end - start) // STEP]
        return round(float(window.mean()), 2)

    def _day(self, underlying: str, day: int) -> Array:
        """Return the index at every grid point of a day (counted from the genesis)."""
        key = (underlying, day)
        prices = self._days.get(key)
        if prices is None:
            prices = self._made_day(underlying, day)
            while len(self._days) >= _DAYS_KEPT:
                del self._days[next(iter(self._days))]
            self._days[key] = prices
        return prices

    def _made_day(self, underlying: str, day: int) -> Array:
        """Bridge the hours of a day."""
        hours = self._skeleton.upto(24 * day + 24)
        log = _bridged(self.seed, 0, hours.btc, day)
        if _known(underlying) == "ETH":
            log += _bridged(self.seed, 1, hours.ratio, day)
        prices = _cents(np.exp(log)).ravel()
        prices.flags.writeable = False
        return prices

    def _curve(self, underlying: str, hour: int) -> tuple[Array, Array]:
        """Return expected variance (a year) by day ahead, and its sum from now in days."""
        key = (underlying, hour)
        curve = self._curves.get(key)
        if curve is None:
            hours = self._skeleton.upto(hour)
            log_vol = float(hours.log_vol[hour])
            rate = _variance_ahead("BTC", int(hours.regime[hour]), log_vol)
            if _known(underlying) == "ETH":
                rate = rate + _variance_ahead("RATIO", int(hours.regime[hour]), log_vol)
            total = np.concatenate(([0.0], np.cumsum(0.5 * (rate[1:] + rate[:-1]))))
            curve = (rate, total)
            while len(self._curves) >= _CURVES_KEPT:
                del self._curves[next(iter(self._curves))]
            self._curves[key] = curve
        return curve


def _checked(at: int) -> int:
    """Refuse an instant outside the market's life."""
    if not GENESIS <= at < END:
        raise ValueError(f"at = {at!r}: the market lives from {GENESIS} to {END} (UTC ns)")
    return at


def _known(underlying: str) -> str:
    """Refuse an underlying that the market does not have."""
    if underlying not in UNDERLYINGS:
        raise ValueError(f"underlying = {underlying!r}: must be one of {UNDERLYINGS}")
    return underlying


def _cents(amounts: Array) -> Array:
    """Round to two decimals, as the venue publishes an index."""
    rounded: Array = np.round(amounts, 2)
    return rounded


def _bridged(seed: int, component: int, hours: Component, day: int) -> Array:
    """Return the logarithm on the grid of a day, 24 rows of one hour each."""
    rows = slice(24 * day, 24 * day + 24)
    generator = np.random.Philox(key=[seed, 1 + component], counter=[0, 0, 0, day])
    noise = np.random.Generator(generator).standard_normal((24, STEPS_PER_HOUR), dtype=np.float32)
    walk = np.cumsum(noise, axis=1, dtype=np.float64)
    start = hours.level[rows, None]
    jump = hours.jump[rows, None]
    scale = hours.deviation[rows, None] / np.sqrt(STEPS_PER_HOUR)
    slope = hours.level[24 * day + 1 : 24 * day + 25, None] - start - jump
    slope -= scale * walk[:, -1:]
    log = np.empty_like(walk)
    log[:, 0] = 0.0
    np.multiply(walk[:, :-1], scale, out=log[:, 1:])
    log += _FRACTION * slope
    log += start
    for row in np.flatnonzero(hours.jump[rows]):
        log[row, hours.jump_step[24 * day + row] :] += jump[row]
    return log


_FRACTION: Final = np.arange(STEPS_PER_HOUR) / STEPS_PER_HOUR


def _variance_ahead(component: str, regime: int, log_vol: float) -> Array:
    """Return the expected variance (a year) 0, 1, ... days ahead."""
    days = np.arange(_HORIZON_DAYS + 1)
    fade = np.exp(-LOG_VOL_REVERSION_PER_DAY * days)
    spread = LOG_VOL_DEVIATION**2
    # E exp(2 x_u) given x_0, over the square of the mean factor that the skeleton divides by
    factor = np.exp(2.0 * log_vol * fade + 2.0 * spread * (1.0 - fade * fade) - 2.0 * spread)
    by_regime = _CHANCES[:, regime, :]
    at_index = COMPONENTS.index(component)
    ahead: Array = factor * (by_regime @ _DIFFUSION[at_index]) + by_regime @ _JUMPS[at_index]
    return ahead


def _chances() -> Array:
    """Return the powers of the daily transition matrix: [days, from, to]."""
    powers = [np.eye(len(REGIMES))]
    for _ in range(_HORIZON_DAYS):
        powers.append(powers[-1] @ TRANSITION)
    return np.array(powers)


_CHANCES: Final = _chances()
_DIFFUSION: Final = [VOL[name] ** 2 for name in COMPONENTS]
_JUMPS: Final = [
    JUMPS_PER_YEAR[name] * (JUMP_MEAN[name] ** 2 + JUMP_DEVIATION[name] ** 2) for name in COMPONENTS
]
_NO_BARS: Final = Candles(np.empty(0, dtype=np.int64), *(np.empty(0) for _ in range(6)))


def _bars(underlying: str, prices: Array, before: float, per_bar: int, open_ms: int) -> Candles:
    """Aggregate grid prices that start at a bar's open; the last bar may be running.

    `before` is the price one step earlier; a day's first step counts as still.
    """
    starts = np.arange(0, len(prices), per_bar)
    ends = np.minimum(starts + per_bar, len(prices))
    moves = np.abs(np.diff(prices, prepend=before)) / prices
    volume = _VOLUME_PER_STEP[underlying] * (0.4 + moves / _USUAL_STEP_MOVE)
    return Candles(
        open_ms + starts * (STEP // MILLISECOND),
        prices[starts],
        np.maximum.reduceat(prices, starts),
        np.minimum.reduceat(prices, starts),
        prices[ends - 1],
        _cents(np.add.reduceat(volume, starts)),
        _cents(np.add.reduceat(volume * prices, starts)),
    )
