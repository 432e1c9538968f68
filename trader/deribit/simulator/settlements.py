"""What was settled and delivered at 08:00 UTC, and how much is open?

Every day perpetuals and futures are settled at their mark; what expires is delivered at the mean of
the index. Since 2026 an option in the money first becomes a position in the future of its expiry,
which then settles in cash at the same price: `delivered_into` names that future.
"""

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

import numpy as np

from trader.deribit.simulator.draws import keys, uniforms
from trader.deribit.simulator.funding import funding_history
from trader.deribit.simulator.instrument_series import option_prints_every, series, turnover
from trader.deribit.simulator.listing import PERPETUALS, Listing, Listings, currency
from trader.deribit.simulator.market import GENESIS, Market
from trader.deribit.simulator.products import OPTIONS
from trader.domain.units import DAY, HOUR, SECOND

LINEAR_INTO_FUTURES_SINCE: Final = 1_775_030_400 * SECOND  # 2026-04-01 08:00
INVERSE_INTO_FUTURES_SINCE: Final = 1_785_571_200 * SECOND  # 2026-08-01 08:00

_HELD: Final = (0.05, 0.4)  # of what an option has printed
_MINUTES_HELD: Final = 1_100.0  # of a perpetual's turnover
_WEEK: Final = 7 * DAY


class Settlement(NamedTuple):
    """One row: prices in the instrument's units, `position` and money as the venue sums them up.

    `mark_price` of a delivered option is its payoff. `session_profit_loss` is what the longs made
    since the last settlement, `profit_loss` what a delivery pays, `funding` what longs received;
    all in the settlement currency.
    """

    type: Literal["settlement", "delivery"]
    at: int
    listing: Listing
    index_price: float
    mark_price: float
    position: float
    profit_loss: float
    session_profit_loss: float
    funding: float | None


def settlements(
    market: Market, listings: Listings, wanted: str, settled_at: int, at: int
) -> tuple[Settlement, ...]:
    """Return what was settled in a currency (BTC, ETH, USDC) at one 08:00 UTC: deliveries first.

    Nothing of the future shows: before `settled_at` there are no rows, as at any other hour.
    """
    if settled_at % DAY != 8 * HOUR or not GENESIS + DAY <= settled_at <= at:
        return ()
    products = [one for one in OPTIONS if _currency(one) == wanted]
    gone = [one for product in products for one in listings.expired(product, settled_at)]
    perpetuals = [one for one in PERPETUALS.values() if currency(one) == wanted]
    futures = [one for product in products for one in listings.futures(product, settled_at)]
    return (
        *(_delivered(market, one, settled_at) for one in gone),
        *(_settled(market, one, settled_at) for one in perpetuals),
        *(_settled(market, one, settled_at) for one in futures if one.listed_at < settled_at),
    )


def settlements_of(market: Market, listing: Listing, settled_at: int, at: int) -> Settlement | None:
    """Return the row of one instrument at one 08:00 UTC, None where it has none."""
    if settled_at % DAY != 8 * HOUR or not GENESIS + DAY <= settled_at <= at:
        return None
    if listing.expires_at == settled_at:
        return _delivered(market, listing, settled_at)
    alive = listing.listed_at < settled_at < listing.expires_at
    return _settled(market, listing, settled_at) if alive and listing.kind in _SETTLED else None


def payoff(option: Listing, delivery_price: float) -> float:
    """Return what one unit of an option pays at expiry, in its settlement currency."""
    strike = option.strike or 0.0
    sign = 1.0 if option.option_type == "call" else -1.0
    dollars = max(sign * (delivery_price - strike), 0.0)
    return dollars / delivery_price if option.inverse else dollars


def delivered_into(option: Listing, delivery_price: float) -> str | None:
    """Name the future that an option in the money becomes at expiry, None where it pays cash."""
    since = INVERSE_INTO_FUTURES_SINCE if option.inverse else LINEAR_INTO_FUTURES_SINCE
    if option.expires_at < since or payoff(option, delivery_price) == 0.0:
        return None
    return option.name.rsplit("-", 2)[0]


def open_interest(market: Market, listing: Listing, at: int) -> float:
    """Return what is held open: coin, USD for inverse perpetuals and futures; 0 of spot."""
    return held(listing, held_draws(market, listing, at), at)


def held(listing: Listing, draws: tuple[float, float], at: int) -> float:
    """Return what is held open, given what `held_draws` drew for the week.

    An option's is a share of what it has printed, a perpetual's some of its turnover, drifting
    from week to week; a future's grows over its life.
    """
    if listing.kind == "spot" or at <= listing.listed_at:
        return 0.0
    at = min(at, listing.expires_at)
    if listing.kind == "option":
        prints = (at - listing.listed_at) // option_prints_every(listing)
        amount = prints * OPTIONS[listing.product].print_typical * draws[0]
        return round(round(amount / listing.min_trade_amount) * listing.min_trade_amount, 8)
    mood = 0.7 + 0.6 * (draws[0] + (draws[1] - draws[0]) * (at % _WEEK) / _WEEK)
    contracts = turnover(listing).contracts * _MINUTES_HELD * mood
    if listing.kind == "future":
        life = listing.expires_at - listing.listed_at
        contracts *= 10.0 * min(2.0 * (at - listing.listed_at) / life, 1.0)
    return round(round(contracts) * listing.contract_size, 8)


def held_draws(market: Market, listing: Listing, at: int) -> tuple[float, float]:
    """Draw what `held` hangs on: an option's share for its life, else two levels for a week."""
    if listing.kind == "option":
        (share,) = held_shares(market, [listing])
        return share, share
    week = min(at, listing.expires_at) // _WEEK
    key = keys(np.array([listing.instrument_id]))
    (level,) = uniforms(market.seed, key[[0, 0]], np.array([week, week + 1]), 1)
    return float(level[0]), float(level[1])


def held_shares(market: Market, options: Sequence[Listing]) -> list[float]:
    """Draw for each option which share of what it prints is held."""
    low, high = _HELD
    key = keys(np.array([one.instrument_id for one in options], dtype=np.int64))
    (share,) = uniforms(market.seed, key, np.zeros(len(options), dtype=np.int64), 1)
    shares: list[float] = (low + (high - low) * share).tolist()
    return shares


_SETTLED: Final = ("perpetual", "future")


def _currency(product: str) -> str:
    return product if OPTIONS[product].inverse else "USDC"


def _settled(market: Market, listing: Listing, settled_at: int) -> Settlement:
    """Settle a perpetual or a future at its mark."""
    mark = market.hourly_point(series(listing), settled_at)
    before_at = max(settled_at - DAY, listing.listed_at)
    before = market.hourly_point(series(listing), before_at)
    position = open_interest(market, listing, before_at + 1)
    made = position * (1.0 / before - 1.0 / mark if listing.inverse else mark - before)
    funding = None
    if listing.kind == "perpetual":
        history = funding_history(market, listing.product, before_at + 1, settled_at)
        value = position / mark if listing.inverse else position * mark
        funding = round(-value * float(history.interest_1h.sum()), 8) + 0.0  # no minus zero
    return Settlement(
        "settlement",
        settled_at,
        listing,
        float(market.hourly_spots(listing.underlying, settled_at, settled_at)[0]),
        mark,
        position,
        0.0,
        round(made, 8),
        funding,
    )


def _delivered(market: Market, listing: Listing, settled_at: int) -> Settlement:
    """Deliver an option or a future at the mean of the index."""
    price = market.delivery_price(listing.underlying, settled_at, settled_at)
    if price is None:
        raise AssertionError(f"{listing.name}: no delivery price at its expiry {settled_at}")
    position = open_interest(market, listing, settled_at)
    if listing.kind == "option":
        mark = round(payoff(listing, price), 8)
        paid = position * mark
        made = paid
    else:
        mark = price
        before_at = max(settled_at - DAY, listing.listed_at)
        before = market.hourly_point(series(listing), before_at)
        made = position * (1.0 / before - 1.0 / mark if listing.inverse else mark - before)
        paid = made
    return Settlement(
        "delivery", settled_at, listing, price, mark, position, round(paid, 8), round(made, 8), None
    )
