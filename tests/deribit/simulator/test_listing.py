"""The catalogue: Deribit's calendar, names and terms; ladders that only grow."""

from datetime import UTC, datetime

import numpy as np
import pytest

from trader.deribit.simulator.listing import NEVER, Expiry, Listing, Listings, expiries
from trader.deribit.simulator.market import GENESIS, UNDERLYINGS, Market
from trader.domain.units import DAY, HOUR, MINUTE, YEAR, nanoseconds

NOW = nanoseconds(datetime(2026, 11, 20, 18, tzinfo=UTC))


@pytest.fixture(scope="module")
def listings() -> Listings:
    """Share one catalogue: its caches never change an answer."""
    return Listings(Market(4))


def _at(year: int, month: int, day: int, hour: int = 8, minute: int = 0) -> int:
    return nanoseconds(datetime(year, month, day, hour, minute, tzinfo=UTC))


def _terms(at: int) -> list[tuple[int, str]]:
    return [(one.expires_at, one.term) for one in expiries(at)]


def test_calendar_of_an_ordinary_friday() -> None:
    """Friday 20 November 2026, after the roll: every class on its dates, longer classes first."""
    assert _terms(NOW) == [
        (_at(2026, 11, 21), "day"),
        (_at(2026, 11, 22), "day"),
        (_at(2026, 11, 23), "day"),
        (_at(2026, 11, 27), "month"),
        (_at(2026, 12, 4), "week"),
        (_at(2026, 12, 11), "week"),
        (_at(2026, 12, 25), "quarter"),
        (_at(2027, 1, 29), "month"),
        (_at(2027, 3, 26), "quarter"),
        (_at(2027, 6, 25), "quarter"),
        (_at(2027, 9, 24), "quarter"),
    ]


def test_dailies_appear_at_eight() -> None:
    """At 08:00 today's daily is gone and the one three days ahead is there."""
    tuesday = _at(2026, 11, 17)
    before = [at for at, _ in _terms(tuesday - 1)]
    after = [at for at, _ in _terms(tuesday)]
    assert tuesday in before
    assert tuesday + 3 * DAY not in [at for at, term in _terms(tuesday - 1) if term == "day"]
    assert tuesday not in after
    assert after[:3] == [tuesday + DAY, tuesday + 2 * DAY, tuesday + 3 * DAY]


def test_weeklies_appear_on_the_thursday_before_the_roll() -> None:
    """The third weekly is listed from Thursday 08:00, a day before the first one expires."""
    thursday = _at(2026, 11, 12)
    new = _at(2026, 12, 4)
    assert new not in [at for at, _ in _terms(thursday - 1)]
    assert Expiry(new, thursday, "week") in expiries(thursday)


def test_month_end_turns_over() -> None:
    """Around 27 November the February month appears a day early, November leaves at 08:00."""
    roll = _at(2026, 11, 27)
    february = _at(2027, 2, 26)
    assert (february, "month") not in _terms(roll - DAY - 1)
    assert (february, "month") in _terms(roll - DAY)
    assert (roll, "month") in _terms(roll - 1)
    assert roll not in [at for at, _ in _terms(roll)]


def test_quarter_end_turns_over() -> None:
    """Before 25 December the December of next year appears; five quarters stand for one day."""
    roll = _at(2026, 12, 25)
    next_year = _at(2027, 12, 31)
    quarters = [at for at, term in _terms(roll - DAY) if term == "quarter"]
    assert quarters[0] == roll
    assert quarters[-1] == next_year
    assert len(quarters) == 5
    assert len([at for at, term in _terms(roll) if term == "quarter"]) == 4
    assert (next_year, "quarter") not in _terms(roll - DAY - 1)


@pytest.mark.parametrize("day", range(0, 400, 7))
def test_calendar_always_has_each_class(day: int) -> None:
    """On any day: dailies, three or more Fridays, months and four quarters, each date once."""
    at = NOW + day * DAY
    found = expiries(at)
    dates = [one.expires_at for one in found]
    assert dates == sorted(set(dates))
    assert all(one.listed_at <= at < one.expires_at for one in found)
    assert all(one.expires_at % DAY == 8 * HOUR for one in found)
    first = (at - 8 * HOUR) // DAY * DAY + 8 * HOUR + DAY
    assert {first, first + DAY, first + 2 * DAY} <= set(dates)
    assert sum(one.term == "quarter" for one in found) >= 4
    fridays = [
        one for one in found if datetime.fromtimestamp(one.expires_at / 1e9, UTC).weekday() == 4
    ]
    assert len([one for one in fridays if one.expires_at < at + 22 * DAY]) >= 3


def test_catalogue_has_a_venues_size(listings: Listings) -> None:
    """Both boards together hold some 600 to 1,800 instruments, over many dates and seeds."""
    for seed in range(3):
        some = Listings(Market(seed))
        for back in range(0, 800, 160):
            assert 600 <= len(some.listed(NOW - back * DAY)) <= 1_800
    assert len(listings.listed(NOW)) == 2 + sum(
        len(listings.options(name, NOW)) for name in UNDERLYINGS
    )


def test_names_follow_the_venue(listings: Listings) -> None:
    """Names spell underlying, date without a padded day, strike and type; ids are unique."""
    all_of_them = listings.listed(NOW)
    names = {one.name for one in all_of_them}
    assert len(names) == len(all_of_them) == len({one.instrument_id for one in all_of_them})
    assert all_of_them[0].name == "BTC-PERPETUAL"
    option = next(one for one in all_of_them if one.expires_at == _at(2026, 12, 4))
    assert option.strike is not None
    assert option.name == f"BTC-4DEC26-{option.strike:.0f}-C"
    for one in all_of_them[2:]:
        underlying, _, strike, letter = one.name.split("-")
        assert (underlying, float(strike)) == (one.underlying, one.strike)
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
    btc, eth = listings.listed(NOW)[:2]
    assert (btc.tick_size, btc.contract_size, btc.expires_at) == (0.5, 10.0, NEVER)
    assert (eth.tick_size, eth.contract_size) == (0.05, 1.0)
    assert (btc.maker_commission, btc.taker_commission) == (0.00015, 0.00035)


def test_strikes_surround_the_money(listings: Listings) -> None:
    """Every expiry has calls and puts from about .1 to .9 delta on even steps."""
    for name in UNDERLYINGS:
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


def test_standing_listings_keep_their_identity(listings: Listings) -> None:
    """From hour to hour an unchanged expiry hands out the same objects."""
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
    assert len(listings._boards) <= 8
    assert len(listings._made) <= 64
