"""The catalogue: Deribit's calendar, names and terms; ladders that only grow."""

from datetime import UTC, datetime

import numpy as np
import pytest

from trader.deribit.simulator.listing import (
    FUTURE_FOR_EVERY_EXPIRY_SINCE,
    NEVER,
    PERPETUALS,
    SETTLING,
    SPOT_PAIRS,
    Listing,
    Listings,
    currency,
    state,
)
from trader.deribit.simulator.market import GENESIS, Market
from trader.deribit.simulator.products import OPTIONS
from trader.deribit.translate import contract_name
from trader.domain.expiries import expiries, strike_label
from trader.domain.units import DAY, HOUR, MINUTE, YEAR, nanoseconds

INVERSE = ("BTC", "ETH")
NOW = nanoseconds(datetime(2026, 11, 20, 18, tzinfo=UTC))


@pytest.fixture(scope="module")
def listings() -> Listings:
    """Share one catalogue: its caches never change an answer."""
    return Listings(Market(4))


def _at(year: int, month: int, day: int, hour: int = 8, minute: int = 0) -> int:
    return nanoseconds(datetime(year, month, day, hour, minute, tzinfo=UTC))


def test_catalogue_has_a_venues_size(listings: Listings) -> None:
    """Inverse boards hold some 600 to 1,800 options, all products 1,500 to 5,000 instruments."""
    for seed in range(3):
        some = Listings(Market(seed))
        for back in range(0, 800, 160):
            at = NOW - back * DAY
            assert 600 <= sum(len(some.options(name, at)) for name in INVERSE) <= 1_800
            assert 1_500 <= len(some.listed(at)) <= 5_000
    kinds = [one.kind for one in listings.listed(NOW)]
    assert (kinds.count("perpetual"), kinds.count("spot")) == (8, 2)
    assert kinds.count("future") == 4 * 11 + 2 * len(expiries(NOW, OPTIONS["SOL_USDC"].calendar))


def test_names_follow_the_venue(listings: Listings) -> None:
    """Names spell underlying, date without a padded day, strike and type; ids are unique."""
    all_of_them = listings.listed(NOW)
    names = {one.name for one in all_of_them}
    assert len(names) == len(all_of_them) == len({one.instrument_id for one in all_of_them})
    assert all_of_them[0].name == "BTC-PERPETUAL"
    option = next(one for one in listings.options("BTC", NOW) if one.expires_at == _at(2026, 12, 4))
    assert option.strike is not None
    assert option.name == f"BTC-4DEC26-{option.strike:.0f}-C"
    for one in all_of_them:
        if one.kind != "option":
            continue
        product, _, strike, letter = one.name.split("-")
        assert (product, float(strike.replace("d", "."))) == (one.product, one.strike)
        assert letter == ("C" if one.option_type == "call" else "P")


def test_terms_follow_the_venue(listings: Listings) -> None:
    """Ticks, minimums, fees and settlement periods are Deribit's."""
    by_period = {}
    for one in listings.options("BTC", NOW):
        assert (one.tick_size, one.tick_size_steps) == (0.0001, ((0.005, 0.0005),))
        assert (one.min_trade_amount, one.contract_size) == (0.1, 1.0)
        assert (one.maker_commission, one.taker_commission) == (0.0003, 0.0003)
        by_period[one.expires_at] = one.settlement_period
    assert by_period[_at(2026, 11, 21)] == "day"
    assert by_period[_at(2026, 12, 4)] == "week"
    assert by_period[_at(2026, 11, 27)] == "month"
    assert by_period[_at(2027, 9, 24)] == "month"
    assert listings.options("ETH", NOW)[0].min_trade_amount == 1.0
    btc, eth = PERPETUALS["BTC"], PERPETUALS["ETH"]
    assert (btc.tick_size, btc.contract_size, btc.expires_at) == (0.5, 10.0, NEVER)
    assert (eth.tick_size, eth.contract_size) == (0.05, 1.0)
    assert (btc.maker_commission, btc.taker_commission) == (0.00015, 0.00035)


def test_strikes_surround_the_money(listings: Listings) -> None:
    """Every expiry has calls and puts from about .1 to .9 delta on even steps."""
    for name in INVERSE:
        market = listings.market
        spot = market.spot(name, NOW)
        for expiry in expiries(NOW):
            of_expiry = [
                one for one in listings.options(name, NOW) if one.expires_at == expiry.expires_at
            ]
            calls = [one.strike or 0.0 for one in of_expiry if one.option_type == "call"]
            puts = [one.strike or 0.0 for one in of_expiry if one.option_type == "put"]
            assert calls == puts == sorted(calls)
            strikes = np.array(calls, dtype=np.float64)
            assert len(set(np.diff(strikes).tolist())) == 1
            assert all(one.listed_at <= NOW for one in of_expiry)
            years = np.array([(expiry.expires_at - NOW) / YEAR])
            reach = float(market.expected_vol(name, NOW, years)[0] * np.sqrt(years[0]))
            assert strikes[0] <= spot * np.exp(-reach)
            assert strikes[-1] >= spot * np.exp(reach)


def test_ladders_grow_and_never_shrink() -> None:
    """Over an expiry's life strikes are added outside and none is withdrawn."""
    expiry = _at(2026, 11, 27)
    grown = 0
    for seed in range(4):
        listings = Listings(Market(seed))
        sizes = []
        seen: set[str] = set()
        for at in range(_at(2026, 8, 27), expiry, 7 * DAY):
            options = listings.options("ETH", at)
            names = {one.name for one in options if one.expires_at == expiry}
            assert seen <= names
            seen = names
            sizes.append(len(names))
        grown += sizes[-1] > sizes[0] > 0
    assert grown >= 3


def test_catalogue_is_a_function_of_the_instant() -> None:
    """Another order of questions gives the same catalogue; within an hour the same object."""
    one, other = Listings(Market(4)), Listings(Market(4))
    days = [NOW + day * DAY for day in range(6)]
    forward = [one.listed(at) for at in days]
    backward = [other.listed(at) for at in reversed(days)]
    assert forward == backward[::-1]
    assert one.options("BTC", NOW + MINUTE) is one.options("BTC", NOW + 50 * MINUTE)


def test_standing_listings_keep_their_identity() -> None:
    """From hour to hour an unchanged expiry hands out the same objects."""
    listings = Listings(Market(4))  # its own: caches hold what was asked for last
    now = {one.name: one for one in listings.options("BTC", NOW)}
    later = {one.name: one for one in listings.options("BTC", NOW + HOUR)}
    same = [name for name in now if name in later and later[name] is now[name]]
    assert len(same) > 0.8 * len(now)


def test_young_market_lists_since_its_genesis() -> None:
    """In the first hours expiries that would be older are listed since the genesis."""
    early: tuple[Listing, ...] = Listings(Market(1)).listed(GENESIS + HOUR)
    assert len(early) > 300
    assert min(one.listed_at for one in early) == GENESIS


def test_caches_stay_bounded() -> None:
    """Boards and ladders of the past leave as new ones come."""
    listings = Listings(Market(2))
    for hour in range(0, 24 * 90, 24):
        listings.listed(NOW + hour * HOUR)
    assert len(listings._boards) <= 24
    assert len(listings._made) <= 192
    assert len(listings._plans) <= 192


def test_linear_strikes_have_decimals_written_with_d(listings: Listings) -> None:
    """XRP's strikes are fractions of a dollar; names write the point as d and parse back."""
    names = [one.name for one in listings.options("XRP_USDC", NOW)]
    assert any("d" in name for name in names)
    assert [strike_label(one) for one in (0.625, 100_000.0, 152.5)] == ["0d625", "100000", "152d5"]
    for one in listings.options("XRP_USDC", NOW):
        named = contract_name(one.name)
        assert named is not None
        assert (named.strike, named.expires_at) == (one.strike, one.expires_at)


def test_currencies_of_each_product() -> None:
    """Inverse products settle in coin, linear ones in USDC, where the venue also files them."""
    listings = Listings(Market(4))
    inverse, linear = listings.options("BTC", NOW)[0], listings.options("SOL_USDC", NOW)[0]
    pair, perpetual = SPOT_PAIRS["BTC_USDC"], PERPETUALS["ADA_USDC"]
    assert (inverse.quote_currency, inverse.counter_currency) == ("BTC", "USD")
    assert (inverse.settlement_currency, inverse.price_index) == ("BTC", "btc_usd")
    assert (linear.quote_currency, linear.settlement_currency) == ("USDC", "USDC")
    assert (linear.price_index, linear.inverse, linear.underlying) == ("sol_usdc", False, "SOL")
    assert (linear.contract_size, linear.min_trade_amount) == (10.0, 10.0)
    assert (pair.kind, pair.settlement_currency, pair.expires_at) == ("spot", None, NEVER)
    assert (perpetual.name, perpetual.quote_currency) == ("ADA_USDC-PERPETUAL", "USDC")
    assert [currency(one) for one in (inverse, linear, pair, perpetual)] == [
        "BTC", "USDC", "USDC", "USDC",
    ]  # fmt: skip


def test_every_expiry_has_a_future_since_august_2026(listings: Listings) -> None:
    """Since then a future stands beside each option expiry; before, at inverse month ends only."""
    for product in OPTIONS:
        dates = {one.expires_at for one in listings.options(product, NOW)}
        futures = listings.futures(product, NOW)
        assert {one.expires_at for one in futures} == dates
        assert all(
            listings.underlying_index(one, NOW) in {future.name for future in futures}
            for one in listings.options(product, NOW)
        )
    before = FUTURE_FOR_EVERY_EXPIRY_SINCE - 30 * DAY
    assert listings.futures("XRP_USDC", before) == ()
    old = listings.futures("BTC", before)
    assert {one.settlement_period for one in old} == {"month"}
    synthetic = listings.options("BTC", before)[0]
    assert listings.underlying_index(synthetic, before).startswith("SYN.BTC-")


def test_instruments_are_found_by_name_while_they_live(listings: Listings) -> None:
    """Every listed name is found, none after its expiry; expired ones are known by their date."""
    for one in listings.listed(NOW):
        assert listings.find(one.name, NOW) == one
    daily = next(one for one in listings.options("ETH", NOW) if one.settlement_period == "day")
    assert listings.find(daily.name, daily.expires_at - 1) is not None
    assert listings.find(daily.name, daily.expires_at) is None
    assert daily in listings.expired("ETH", daily.expires_at)
    assert listings.find("BTC-PERP", NOW) is None
    assert listings.find("DOGE-25DEC26", NOW) is None


def test_strikes_are_listed_when_the_market_asks_for_them(listings: Listings) -> None:
    """A strike's own listing time is the hour from which it is in the catalogue."""
    found = 0
    for one in listings.options("BTC", NOW)[::5]:
        assert listings.find(one.name, one.listed_at) is not None
        if one.listed_at % DAY != 8 * HOUR:
            found += 1
            assert listings.find(one.name, one.listed_at - 1) is None
    assert found > 3


def test_books_settle_at_eight_and_are_delivered_at_expiry(listings: Listings) -> None:
    """Every book pauses for seconds at 08:00 UTC; what expires is delivered, later archived."""
    perpetual = PERPETUALS["BTC"]
    option = next(one for one in listings.options("BTC", NOW) if one.settlement_period == "week")
    eight = _at(2026, 11, 21)
    assert state(perpetual, eight - 1) == "open"
    assert state(perpetual, eight) == "settlement"
    assert state(option, eight + SETTLING) == "open"
    assert state(option, option.expires_at - 1) == "open"
    assert state(option, option.expires_at) == "delivered"
    assert state(option, option.expires_at + 40 * DAY) == "archivized"


def test_what_expired_is_what_the_last_board_held(listings: Listings) -> None:
    """Of every class of expiry, linear and inverse, and nothing at another hour."""
    friday = nanoseconds(datetime(2026, 9, 25, 8, tzinfo=UTC))
    for product in ("BTC", "SOL_USDC"):
        for expires_at in (friday, friday - DAY, friday - 7 * DAY, friday - 700 * DAY):
            last = listings.dated(product, expires_at - 1)
            due = tuple(one for one in last if one.expires_at == expires_at)
            assert listings.expired(product, expires_at) == due
        assert listings.expired(product, friday - HOUR) == ()
    assert listings.expired("BTC", GENESIS) == ()
