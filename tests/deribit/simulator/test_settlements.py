"""Settlement at 08:00 UTC: deliveries at the mean of the index, the rest at marks, no future."""

from datetime import UTC, datetime
from itertools import pairwise

import pytest

from trader.deribit.simulator.funding import funding_history
from trader.deribit.simulator.listing import PERPETUALS, SPOT_PAIRS, Listings
from trader.deribit.simulator.market import Market
from trader.deribit.simulator.settlements import (
    INVERSE_INTO_FUTURES_SINCE,
    delivered_into,
    open_interest,
    payoff,
    settlements,
    settlements_of,
)
from trader.domain.units import DAY, HOUR, nanoseconds

FRIDAY = nanoseconds(datetime(2026, 11, 27, 8, tzinfo=UTC))


@pytest.fixture(scope="module")
def listings() -> Listings:
    """Share one catalogue: its caches never change an answer."""
    return Listings(Market(12))


@pytest.mark.parametrize("currency", ["BTC", "ETH", "USDC"])
def test_rows_of_an_expiry_day(listings: Listings, currency: str) -> None:
    """Every expiring contract is delivered once, every living one settled once, at its price."""
    market = listings.market
    rows = settlements(market, listings, currency, FRIDAY, FRIDAY)
    names = [row.listing.name for row in rows]
    assert len(names) == len(set(names))
    delivered = [row for row in rows if row.type == "delivery"]
    assert {row.listing.expires_at for row in delivered} == {FRIDAY}
    assert {row.listing.kind for row in delivered} == {"option", "future"}
    for row in delivered:
        mean = market.delivery_price(row.listing.underlying, FRIDAY, FRIDAY)
        assert row.index_price == mean
        if row.listing.kind == "option":
            assert row.mark_price == round(payoff(row.listing, row.index_price), 8)
            assert row.profit_loss == pytest.approx(row.position * row.mark_price, abs=1e-7)
        else:
            assert row.mark_price == mean
    settled = [row for row in rows if row.type == "settlement"]
    assert {row.listing.kind for row in settled} == {"perpetual", "future"}
    assert all(row.funding is not None for row in settled if row.listing.kind == "perpetual")
    for row in rows[:: len(rows) // 20]:
        assert settlements_of(market, row.listing, FRIDAY, FRIDAY) == row


def test_funding_of_a_settlement_is_the_days_interest(listings: Listings) -> None:
    """What longs received is minus the interest of 24 hours on the position."""
    market = listings.market
    row = settlements_of(market, PERPETUALS["ETH_USDC"], FRIDAY, FRIDAY)
    assert row is not None
    assert row.funding is not None
    interest = funding_history(market, "ETH_USDC", FRIDAY - DAY + 1, FRIDAY).interest_1h.sum()
    assert row.funding == pytest.approx(-row.position * row.mark_price * interest, abs=1e-7)
    before = market.perpetual_mark("ETH_USDC", FRIDAY - DAY)
    made = row.position * (row.mark_price - before)
    assert row.session_profit_loss == pytest.approx(made, rel=1e-9, abs=1e-7)


def test_payoffs_are_in_the_settlement_currency(listings: Listings) -> None:
    """A call pays S - K, an inverse one that over S; the other side pays nothing."""
    for product in ("BTC", "BTC_USDC"):
        call, put = listings.options(product, FRIDAY)[:2]
        assert call.strike is not None
        above = call.strike * 1.25
        worth = 0.2 if call.inverse else call.strike * 0.25
        assert payoff(call, above) == pytest.approx(worth)
        assert payoff(put, above) == 0.0
        assert payoff(call, call.strike) == payoff(put, call.strike) == 0.0


def test_options_in_the_money_become_their_future(listings: Listings) -> None:
    """Since August 2026 an inverse option in the money is delivered into its expiry's future."""
    call, put = listings.options("BTC", FRIDAY - 1)[:2]
    assert call.strike is not None
    future = delivered_into(call, 2.0 * call.strike)
    assert future is not None
    assert listings.find(future, FRIDAY - 1) is not None
    assert delivered_into(put, 2.0 * call.strike) is None
    old = listings.options("BTC", INVERSE_INTO_FUTURES_SINCE - 40 * DAY)[0]
    assert old.strike is not None
    assert delivered_into(old, 2.0 * old.strike) is None


def test_nothing_is_settled_before_its_time(listings: Listings) -> None:
    """A day's rows appear at its 08:00; other hours have none."""
    market = listings.market
    assert settlements(market, listings, "BTC", FRIDAY, FRIDAY - 1) == ()
    assert settlements(market, listings, "BTC", FRIDAY + HOUR, FRIDAY + DAY) == ()
    assert settlements_of(market, PERPETUALS["BTC"], FRIDAY, FRIDAY - 1) is None
    assert settlements_of(market, SPOT_PAIRS["BTC_USDC"], FRIDAY, FRIDAY) is None
    assert settlements(market, listings, "EURR", FRIDAY, FRIDAY) == ()


def test_open_interest_grows_and_is_on_the_step(listings: Listings) -> None:
    """Options gather open interest over their life; nothing is open before the listing."""
    market = listings.market
    option = next(
        one for one in listings.options("ETH", FRIDAY) if one.settlement_period == "month"
    )
    seen = [open_interest(market, option, option.listed_at + day * DAY) for day in range(20)]
    assert seen[0] == 0.0
    assert seen == sorted(seen)
    assert seen[-1] > 0.0
    assert all(one % option.min_trade_amount == 0.0 for one in seen)
    perpetual = PERPETUALS["BTC"]
    held = [open_interest(market, perpetual, FRIDAY + hour * HOUR) for hour in range(200)]
    assert max(abs(after / before - 1.0) for before, after in pairwise(held)) < 0.02
    assert all(one % 10.0 == 0.0 for one in held)
    assert open_interest(market, SPOT_PAIRS["BTC_USDC"], FRIDAY) == 0.0
