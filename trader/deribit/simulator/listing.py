"""Which instruments does the invented exchange list at an instant, and on which terms?

Deribit's calendar: options on BTC and ETH expire at 08:00 UTC on the next three days, the next
three Fridays, the last Fridays of the next three months and of the next four quarters; a date that
a longer class has is that class's. A new daily appears when one expires; a new weekly, monthly or
quarterly on the Thursday, 08:00, before the Friday on which its class loses one. Strikes surround
the money and grow outward as the market moves: a pure function of the path.
"""

from datetime import date, timedelta
from typing import Final, Literal, NamedTuple

import msgspec
import numpy as np

from trader.deribit.simulator.market import GENESIS, UNDERLYINGS, Market
from trader.domain.units import DAY, HOUR, YEAR

SettlementPeriod = Literal["day", "week", "month", "perpetual"]

NEVER: Final = 32_503_708_800_000 * 1_000_000  # how the venue writes a perpetual's expiry

_EPOCH: Final = date(1970, 1, 1)
_FRIDAY: Final = 4
_MONTHS: Final = "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC"
_WING: Final = 1.2  # standard deviations on either side of the money: |delta| about .1 to .9
_HOURS_KEPT: Final = 4
_LADDERS_KEPT: Final = 64

# Strike interval as a share of the spot at listing, by class; rounded to the trade's numbers.
_INTERVAL: Final = {"day": 0.0065, "week": 0.013, "month": 0.030, "quarter": 0.090}
_MANTISSAS: Final = {"BTC": (1.0, 2.0, 5.0), "ETH": (1.0, 2.5, 5.0)}
_INTERVAL_MIN: Final = {"BTC": 100.0, "ETH": 5.0}

_TICK_STEPS: Final = ((0.005, 0.0005),)


class Listing(msgspec.Struct, frozen=True, gc=False):
    """One instrument of the venue. Prices of options are in coin, amounts in coin; a perpetual's
    are in USD. `tick_size_steps` holds (above_price, tick_size); times are UTC nanoseconds.
    """

    name: str
    kind: Literal["option", "perpetual"]
    underlying: str
    strike: float | None
    option_type: Literal["call", "put"] | None
    expires_at: int
    listed_at: int
    settlement_period: SettlementPeriod
    tick_size: float
    tick_size_steps: tuple[tuple[float, float], ...]
    min_trade_amount: float
    contract_size: float
    maker_commission: float
    taker_commission: float
    instrument_id: int


class Expiry(NamedTuple):
    """One date of a board: when it expires, since when it is listed, and its class."""

    expires_at: int
    listed_at: int
    term: Literal["day", "week", "month", "quarter"]


class Listings:
    """The venue's catalogue over one market. Caches are bounded and never change an answer."""

    def __init__(self, market: Market) -> None:
        """Read strikes off `market`."""
        self.market = market
        self._boards: dict[tuple[str, int], tuple[Listing, ...]] = {}
        self._ladders: dict[tuple[str, int], tuple[int, tuple[int, int], float]] = {}
        self._made: dict[tuple[str, int, int, int], tuple[Listing, ...]] = {}

    def listed(self, at: int) -> tuple[Listing, ...]:
        """Return everything that trades at an instant: perpetuals, then options by expiry.

        New strikes and expiries appear on full hours. An instrument trades until, not at, its
        expiry.
        """
        perpetuals = tuple(PERPETUALS.values())
        return perpetuals + tuple(one for name in UNDERLYINGS for one in self.options(name, at))

    def options(self, underlying: str, at: int) -> tuple[Listing, ...]:
        """Return the options of one underlying, by expiry, strike, call before put."""
        hour = at // HOUR * HOUR
        board = self._boards.get((underlying, hour))
        if board is None:
            board = tuple(
                one for expiry in expiries(hour) for one in self._expiry(underlying, expiry, hour)
            )
            while len(self._boards) >= _HOURS_KEPT * len(UNDERLYINGS):
                del self._boards[next(iter(self._boards))]
            self._boards[underlying, hour] = board
        return board

    def _expiry(self, underlying: str, expiry: Expiry, hour: int) -> tuple[Listing, ...]:
        """Return the options of one expiry, the same objects while its ladder stands."""
        interval = self._interval(underlying, expiry)
        low, high = self._range(underlying, expiry, hour)
        first, last = int(low // interval), int(-(-high // interval))
        key = (underlying, expiry.expires_at, first, last)
        made = self._made.get(key)
        if made is None:
            made = tuple(
                _option(underlying, expiry, step * interval, option_type)
                for step in range(max(first, 1), last + 1)
                for option_type in _OPTION_TYPES
            )
            while len(self._made) >= _LADDERS_KEPT:
                del self._made[next(iter(self._made))]
            self._made[key] = made
        return made

    def _interval(self, underlying: str, expiry: Expiry) -> float:
        """Return the strike interval of an expiry, fixed when it is listed."""
        since = max(expiry.listed_at, GENESIS)
        spot = float(self.market.hourly_spots(underlying, since, since)[0])
        target = spot * _INTERVAL[expiry.term]
        power = 10.0 ** np.floor(np.log10(target))
        choices = [one * power * up for up in (1.0, 10.0) for one in _MANTISSAS[underlying]]
        nearest = min(choices, key=lambda choice: abs(np.log(choice / target)))
        return max(float(nearest), _INTERVAL_MIN[underlying])

    def _range(self, underlying: str, expiry: Expiry, hour: int) -> tuple[float, float]:
        """Return the lowest and highest strike that any full hour since listing asked for.

        Each hour asks for `_WING` deviations around its spot over what was left of the life, at
        the volatility quoted when the expiry was listed.
        """
        since = max(expiry.listed_at, GENESIS)
        spots = self.market.hourly_spots(underlying, since, hour)
        left = (expiry.expires_at - since - HOUR * np.arange(len(spots))) / YEAR
        term = np.array([left[0]])
        vol = float(self.market.implied_vol(underlying, since, term)[0])
        reach = np.exp(_WING * vol * np.sqrt(left))
        return float((spots / reach).min()), float((spots * reach).max())


def expiries(at: int) -> tuple[Expiry, ...]:
    """Return the option expiries that are listed at an instant, nearest first."""
    today = _EPOCH + timedelta(days=at // DAY)
    dates = {today + timedelta(days=ahead) for ahead in range(5)}
    friday = today + timedelta(days=(_FRIDAY - today.weekday()) % 7)
    dates |= {friday + timedelta(weeks=ahead) for ahead in range(5)}
    dates |= {_last_friday(today, ahead) for ahead in range(17)}
    found = [_expiry(day) for day in sorted(dates)]
    return tuple(one for one in found if one.listed_at <= at < one.expires_at)


def settlement_period(term: Literal["day", "week", "month", "quarter"]) -> SettlementPeriod:
    """Return the venue's word for a class: quarters settle as months."""
    return "month" if term == "quarter" else term


def _expiry(day: date) -> Expiry:
    """Return the expiry of a date, under the longest class that has it."""
    expires_at = _eight(day)
    if day.weekday() != _FRIDAY:
        return Expiry(expires_at, expires_at - 3 * DAY, "day")
    if day != _last_friday(day, 0):
        return Expiry(expires_at, expires_at - 22 * DAY, "week")
    if day.month % 3:
        return Expiry(expires_at, _eight(_last_friday(day, -3)) - DAY, "month")
    return Expiry(expires_at, _eight(_last_friday(day, -12)) - DAY, "quarter")


def _last_friday(day: date, months: int) -> date:
    """Return the last Friday of the month that lies `months` after the one of `day`."""
    ahead = day.year * 12 + day.month - 1 + months + 1
    last = date(ahead // 12, ahead % 12 + 1, 1) - timedelta(days=1)
    return last - timedelta(days=(last.weekday() - _FRIDAY) % 7)


def _eight(day: date) -> int:
    """Return 08:00 UTC of a date."""
    return (day - _EPOCH).days * DAY + 8 * HOUR


_OPTION_TYPES: Final[tuple[Literal["call", "put"], ...]] = ("call", "put")


def _option(
    underlying: str, expiry: Expiry, strike: float, option_type: Literal["call", "put"]
) -> Listing:
    """Return an option on the venue's terms (a call of 25 December 2026: BTC-25DEC26-100000-C)."""
    day = _EPOCH + timedelta(days=expiry.expires_at // DAY)
    label = f"{day.day}{_MONTHS[3 * day.month - 3 : 3 * day.month]}{day.year % 100:02d}"
    number = (expiry.expires_at // DAY * 2 + UNDERLYINGS.index(underlying)) * 2
    number = (number + _OPTION_TYPES.index(option_type)) * 10_000_000 + round(strike)
    return Listing(
        name=f"{underlying}-{label}-{round(strike)}-{option_type[0].upper()}",
        kind="option",
        underlying=underlying,
        strike=strike,
        option_type=option_type,
        expires_at=expiry.expires_at,
        listed_at=max(expiry.listed_at, GENESIS),
        settlement_period=settlement_period(expiry.term),
        tick_size=0.0001,
        tick_size_steps=_TICK_STEPS,
        min_trade_amount=0.1 if underlying == "BTC" else 1.0,
        contract_size=1.0,
        maker_commission=0.0003,
        taker_commission=0.0003,
        instrument_id=number,
    )


def _perpetual(underlying: str, contract_size: float, tick_size: float, number: int) -> Listing:
    """Return the inverse perpetual of an underlying."""
    return Listing(
        name=f"{underlying}-PERPETUAL",
        kind="perpetual",
        underlying=underlying,
        strike=None,
        option_type=None,
        expires_at=NEVER,
        listed_at=GENESIS,
        settlement_period="perpetual",
        tick_size=tick_size,
        tick_size_steps=(),
        min_trade_amount=contract_size,
        contract_size=contract_size,
        maker_commission=0.00015,
        taker_commission=0.00035,
        instrument_id=number,
    )


PERPETUALS: Final = {
    "BTC": _perpetual("BTC", 10.0, 0.5, 1),
    "ETH": _perpetual("ETH", 1.0, 0.05, 2),
}
