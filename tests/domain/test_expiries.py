"""The calendar: Deribit's classes on their dates, each listed when the venue lists it."""

from datetime import UTC, datetime

import pytest

from trader.deribit.simulator.products import OPTIONS
from trader.domain.expiries import Expiry, expiries, expiry_of
from trader.domain.units import DAY, HOUR, nanoseconds

NOW = nanoseconds(datetime(2026, 11, 20, 18, tzinfo=UTC))


def _terms(at: int) -> list[tuple[int, str]]:
    return [(one.expires_at, one.term) for one in expiries(at)]


def _at(year: int, month: int, day: int, hour: int = 8) -> int:
    return nanoseconds(datetime(year, month, day, hour, tzinfo=UTC))


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


@pytest.mark.parametrize("day", range(0, 400, 9))
def test_small_products_list_fewer_expiries(day: int) -> None:
    """SOL and XRP have two dailies, two or three Fridays ahead, one month and one quarter more."""
    at = NOW + day * DAY
    found = expiries(at, OPTIONS["SOL_USDC"].calendar)
    terms = [one.term for one in found]
    assert 3 <= len(found) <= 8
    assert terms.count("day") <= 2
    assert 1 <= terms.count("quarter") <= 2
    assert terms.count("month") <= 2
    assert {one.expires_at for one in found} <= {one.expires_at for one in expiries(at)}


def test_a_date_has_one_class() -> None:
    """Whether or not it is listed at some instant: the expiry is the one of the calendar."""
    for one in expiries(NOW):
        assert expiry_of(one.expires_at) == one
    assert expiry_of(_at(2026, 3, 27)).term == "quarter"
