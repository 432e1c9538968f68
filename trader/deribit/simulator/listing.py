"""Which instruments does the invented exchange list at an instant, and on which terms?

Options expire at 08:00 UTC. Their strikes surround the money and grow outward as the market moves:
a pure function of the path. A dated future stands beside every option expiry; before August 2026
beside the monthly and quarterly inverse ones only. Perpetuals and spot pairs always trade.
"""

from collections.abc import Iterator
from typing import Final, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from trader.deribit.simulator.market import GENESIS, Market
from trader.deribit.simulator.path import keep
from trader.deribit.simulator.products import (
    FUTURES,
    OPTIONS,
    SPOTS,
    FutureTerms,
    price_index,
)
from trader.domain.expiries import (
    Expiry,
    SettlementPeriod,
    Term,
    expiries,
    expiry_label,
    settlement_period,
    strike_label,
)
from trader.domain.units import DAY, HOUR, SECOND, YEAR
from trader.pricing.normal import Array

Kind = Literal["option", "future", "perpetual", "spot"]
OptionType = Literal["call", "put"]
State = Literal["open", "settlement", "delivered", "archivized"]

NEVER: Final = 32_503_708_800_000 * 1_000_000  # how the venue writes a perpetual's expiry
FUTURE_FOR_EVERY_EXPIRY_SINCE: Final = 1_785_542_400 * SECOND  # 2026-08-01
SETTLING: Final = 3 * SECOND
"""How long books stay in `settlement` at 08:00 UTC."""
ARCHIVED_AFTER: Final = 30 * DAY

_WING: Final = 1.2  # standard deviations on either side of the money: |delta| about .1 to .9
_HOURS_KEPT: Final = 4
_LADDERS_KEPT: Final = 192

# Strike interval as a share of the spot at listing, by class; rounded to the trade's numbers.
_INTERVAL: Final = {"day": 0.0065, "week": 0.013, "month": 0.030, "quarter": 0.090}


class Listing(msgspec.Struct, frozen=True, gc=False):
    """One instrument of the venue. `tick_size_steps` holds (above_price, tick_size); times are UTC
    nanoseconds.

    An inverse option's price is in coin, all others' in USD or USDC. Amounts are in coin, those of
    inverse perpetuals and futures in USD. `underlying` is the base coin, `product` what stands
    before the name's first dash.
    """

    name: str
    kind: Kind
    product: str
    underlying: str
    inverse: bool
    quote_currency: str
    counter_currency: str
    settlement_currency: str | None
    price_index: str
    strike: float | None
    option_type: OptionType | None
    expires_at: int
    listed_at: int
    settlement_period: SettlementPeriod | None
    tick_size: float
    tick_size_steps: tuple[tuple[float, float], ...]
    min_trade_amount: float
    contract_size: float
    maker_commission: float
    taker_commission: float
    instrument_id: int


def currency(listing: Listing) -> str:
    """Return the currency under which the venue files an instrument: USDC for all linear ones."""
    return listing.underlying if listing.inverse else listing.quote_currency


class Listings:
    """The venue's catalogue over one market. Caches are bounded and never change an answer."""

    def __init__(self, market: Market) -> None:
        """Read strikes off `market`."""
        self.market = market
        self._boards: dict[tuple[str, int], tuple[Listing, ...]] = {}
        self._dated: dict[tuple[str, int], tuple[Listing, ...]] = {}
        self._futures: dict[tuple[str, int], tuple[Listing, ...]] = {}
        self._made: dict[tuple[str, int, int, int], tuple[Listing, ...]] = {}
        self._plans: dict[tuple[str, int], tuple[float, float]] = {}
        self._names: dict[str, tuple[tuple[Listing, ...], dict[str, Listing]]] = {}

    def listed(self, at: int) -> tuple[Listing, ...]:
        """Return everything that trades: perpetuals, spot pairs, then futures and options by
        product and expiry.

        New strikes and expiries appear on full hours. An instrument trades until, not at, its
        expiry.
        """
        dated = [one for product in OPTIONS for one in self.dated(product, at)]
        return (*PERPETUALS.values(), *SPOT_PAIRS.values(), *dated)

    def dated(self, product: str, at: int) -> tuple[Listing, ...]:
        """Return what expires of a product: futures, then options; one object for an hour."""
        hour = at // HOUR * HOUR
        known = self._dated.pop((product, hour), None)  # asked for last, forgotten last
        if known is None:
            known = (*self.futures(product, hour), *self.options(product, hour))
        keep(self._dated, (product, hour), known, _HOURS_KEPT * len(OPTIONS))
        return known

    def options(self, product: str, at: int) -> tuple[Listing, ...]:
        """Return the options of one product, by expiry, strike, call before put."""
        hour = at // HOUR * HOUR
        board = self._boards.get((product, hour))
        if board is None:
            listed = expiries(hour, OPTIONS[product].calendar)
            board = tuple(one for expiry in listed for one in self._expiry(product, expiry, hour))
            keep(self._boards, (product, hour), board, _HOURS_KEPT * len(OPTIONS))
        return board

    def futures(self, product: str, at: int) -> tuple[Listing, ...]:
        """Return the dated futures of one product, by expiry."""
        hour = at // HOUR * HOUR
        futures = self._futures.get((product, hour))
        if futures is None:
            futures = tuple(
                _future(product, expiry)
                for expiry in expiries(hour, OPTIONS[product].calendar)
                if _has_future(product, expiry, hour)
            )
            keep(self._futures, (product, hour), futures, _HOURS_KEPT * len(OPTIONS))
        return futures

    def find(self, name: str, at: int) -> Listing | None:
        """Return what is listed under a name at an instant."""
        if name in _TIMELESS:
            return _TIMELESS[name]
        product = name.partition("-")[0]
        if product not in OPTIONS:
            return None
        dated = self.dated(product, at)
        known = self._names.get(product)
        if known is None or known[0] is not dated:
            known = (dated, {one.name: one for one in dated})
            self._names[product] = known
        return known[1].get(name)

    def expired(self, product: str, expires_at: int) -> tuple[Listing, ...]:
        """Return the futures and options of a product that expired at an instant."""
        hour = (expires_at - 1) // HOUR * HOUR
        if hour < GENESIS:
            return ()
        due = [
            one for one in expiries(hour, OPTIONS[product].calendar) if one.expires_at == expires_at
        ]
        futures = [_future(product, one) for one in due if _has_future(product, one, hour)]
        options = [option for one in due for option in self._expiry(product, one, hour)]
        return (*futures, *options)

    def underlying_index(self, option: Listing, at: int) -> str:
        """Return what an option is priced off: its future, or a synthetic one if none is listed."""
        name = option.name.rsplit("-", 2)[0]
        expiry = Expiry(option.expires_at, option.listed_at, _term(option))
        return name if _has_future(option.product, expiry, at) else f"SYN.{name}"

    def _expiry(self, product: str, expiry: Expiry, hour: int) -> tuple[Listing, ...]:
        """Return the options of one expiry, the same objects while its ladder stands."""
        interval, vol = self._plan(product, expiry)
        lows, highs = self._ranges(product, expiry, vol, hour)
        first = np.maximum((lows // interval).astype(np.int64), 1)
        last = np.ceil(highs / interval).astype(np.int64)
        key = (product, expiry.expires_at, int(first[-1]), int(last[-1]))
        made = self._made.get(key)
        if made is None:
            since = max(expiry.listed_at, GENESIS)
            made = tuple(
                option_listing(product, expiry, strike, option_type, since + HOUR * hours)
                for strike, hours in _ladder(first, last, interval)
                for option_type in _OPTION_TYPES
            )
            keep(self._made, key, made, _LADDERS_KEPT)
        return made

    def _plan(self, product: str, expiry: Expiry) -> tuple[float, float]:
        """Return the strike interval of an expiry and its volatility when it was listed."""
        key = (product, expiry.expires_at)
        plan = self._plans.get(key)
        if plan is None:
            terms = OPTIONS[product]
            since = max(expiry.listed_at, GENESIS)
            spot = float(self.market.hourly_spots(terms.coin, since, since)[0])
            target = spot * _INTERVAL[expiry.term]
            power = 10.0 ** np.floor(np.log10(target))
            choices = [one * power * up for up in (1.0, 10.0) for one in terms.mantissas]
            nearest = min(choices, key=lambda choice: abs(np.log(choice / target)))
            life = np.array([(expiry.expires_at - since) / YEAR])
            vol = float(self.market.implied_vol(terms.coin, np.array([since]), life)[0])
            plan = (max(round(float(nearest), 6), terms.interval_min), vol)
            keep(self._plans, key, plan, _LADDERS_KEPT)
        return plan

    def _ranges(self, product: str, expiry: Expiry, vol: float, hour: int) -> tuple[Array, Array]:
        """Return the lowest and highest strike asked for until each full hour since listing.

        Each hour asks for `_WING` deviations around its spot over what was left of the life, at
        the volatility quoted when the expiry was listed.
        """
        since = max(expiry.listed_at, GENESIS)
        spots = self.market.hourly_spots(OPTIONS[product].coin, since, hour)
        left = (expiry.expires_at - since - HOUR * np.arange(len(spots))) / YEAR
        reach = np.exp(_WING * vol * np.sqrt(left))
        return np.minimum.accumulate(spots / reach), np.maximum.accumulate(spots * reach)


def state(listing: Listing, at: int) -> State:
    """Return the state of an instrument's book: closed for some seconds at 08:00 UTC, when all but
    spot is settled.
    """
    if at >= listing.expires_at + ARCHIVED_AFTER:
        return "archivized"
    if at >= listing.expires_at:
        return "delivered"
    settling = listing.kind != "spot" and (at - 8 * HOUR) % DAY < SETTLING
    return "settlement" if settling else "open"


def _ladder(
    first: NDArray[np.int64], last: NDArray[np.int64], interval: float
) -> Iterator[tuple[float, int]]:
    """Walk the strikes with the hours after which each was added."""
    for step in range(int(first[-1]), int(last[-1]) + 1):
        covered = (first <= step) & (step <= last)
        yield round(step * interval, 6), int(covered.argmax())


def _term(option: Listing) -> Term:
    return option.settlement_period if option.settlement_period in ("day", "week") else "month"


def _has_future(product: str, expiry: Expiry, at: int) -> bool:
    if at >= FUTURE_FOR_EVERY_EXPIRY_SINCE:
        return True
    return OPTIONS[product].inverse and expiry.term in ("month", "quarter")


_OPTION_TYPES: Final[tuple[OptionType, ...]] = ("call", "put")


def option_listing(
    product: str, expiry: Expiry, strike: float, option_type: OptionType, listed_at: int
) -> Listing:
    """Return an option on the venue's terms (a call of 25 December 2026: BTC-25DEC26-100000-C)."""
    terms = OPTIONS[product]
    number = (expiry.expires_at // DAY * 8 + terms.number) * 2 + _OPTION_TYPES.index(option_type)
    name = f"{product}-{expiry_label(expiry.expires_at)}-{strike_label(strike)}"
    dollar = "USD" if terms.inverse else "USDC"
    return Listing(
        name=f"{name}-{option_type[0].upper()}",
        kind="option",
        product=product,
        underlying=terms.coin,
        inverse=terms.inverse,
        quote_currency=terms.coin if terms.inverse else dollar,
        counter_currency=dollar,
        settlement_currency=terms.coin if terms.inverse else dollar,
        price_index=price_index(product),
        strike=strike,
        option_type=option_type,
        expires_at=expiry.expires_at,
        listed_at=listed_at,
        settlement_period=settlement_period(expiry.term),
        tick_size=terms.tick_size,
        tick_size_steps=terms.tick_size_steps,
        min_trade_amount=terms.min_trade_amount,
        contract_size=terms.contract_size,
        maker_commission=0.0003,
        taker_commission=0.0003,
        instrument_id=number * 10_000_000_000 + round(strike * 1_000),
    )


def _delta_one(
    name: str, kind: Kind, product: str, terms: FutureTerms, instrument_id: int
) -> Listing:
    """Return a perpetual, future or spot pair that has always been listed and never expires."""
    dollar = "USD" if terms.inverse else "USDC"
    settled_in = terms.coin if terms.inverse else dollar
    return Listing(
        name=name,
        kind=kind,
        product=product,
        underlying=terms.coin,
        inverse=terms.inverse,
        quote_currency=dollar,
        counter_currency=dollar,
        settlement_currency=None if kind == "spot" else settled_in,
        price_index=price_index(product),
        strike=None,
        option_type=None,
        expires_at=NEVER,
        listed_at=GENESIS,
        settlement_period=None if kind == "spot" else "perpetual",
        tick_size=terms.tick_size,
        tick_size_steps=(),
        min_trade_amount=terms.contract_size,
        contract_size=terms.contract_size,
        maker_commission=0.0 if kind == "spot" else 0.00015,
        taker_commission=0.0 if kind == "spot" else 0.00035,
        instrument_id=instrument_id,
    )


def _future(product: str, expiry: Expiry) -> Listing:
    """Return the dated future of an expiry."""
    terms = FUTURES[product]
    name = f"{product}-{expiry_label(expiry.expires_at)}"
    number = expiry.expires_at // DAY * 8 + terms.number
    undated = _delta_one(name, "future", product, terms, 1_000 + number)
    every = not terms.inverse or expiry.term in ("day", "week")
    since = FUTURE_FOR_EVERY_EXPIRY_SINCE if every else GENESIS
    return msgspec.structs.replace(
        undated,
        expires_at=expiry.expires_at,
        listed_at=max(expiry.listed_at, since),
        settlement_period=settlement_period(expiry.term),
        tick_size=terms.dated_tick_size,
    )


PERPETUALS: Final = {
    product: _delta_one(f"{product}-PERPETUAL", "perpetual", product, terms, 1 + terms.number)
    for product, terms in FUTURES.items()
}
SPOT_PAIRS: Final = {
    pair: _delta_one(pair, "spot", pair, terms, 101 + terms.number) for pair, terms in SPOTS.items()
}
_TIMELESS: Final = {one.name: one for one in (*PERPETUALS.values(), *SPOT_PAIRS.values())}
