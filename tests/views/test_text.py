"""Do numbers, times and tables read the way people write them?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.domain.units import DAY, HOUR, MINUTE, SECOND
from trader.views.text import (
    Column,
    atoms,
    duration,
    money,
    number,
    pairs,
    percent,
    signed_usd,
    table,
    usd,
    when,
)


@pytest.mark.parametrize(
    ("value", "written"),
    [(0.1 + 0.2, "0.3"), (-0.0, "0"), (1234567.5, "1,234,567.5"), (1e-9, "0"), (-0.6, "-0.6")],
)
def test_number_drops_binary_dust(value: float, written: str) -> None:
    """Eight decimals at most, no trailing zeros, thousands apart, no minus zero."""
    assert number(value) == written


@pytest.mark.parametrize(
    ("amount", "written"),
    [(163.8, "164 USD"), (99.994, "99.99 USD"), (-0.001, "0.00 USD"), (-1500.0, "-1,500 USD")],
)
def test_usd_shows_cents_only_where_they_matter(amount: float, written: str) -> None:
    """Cents below 100 dollars, whole dollars above, never minus nothing."""
    assert usd(amount) == written


def test_results_carry_their_sign() -> None:
    """A gain shows a plus, a loss a minus, nothing neither."""
    assert [signed_usd(amount) for amount in (164.0, -164.0, 0.0)] == [
        "+164 USD",
        "-164 USD",
        "0.00 USD",
    ]


def test_money_keeps_its_currency() -> None:
    """Coins are written exactly, dollar coins as dollars; atoms become amounts."""
    assert money(0.00252, "BTC") == "0.00252 BTC"
    assert money(1500.0, "USDC") == "1,500 USDC"
    assert atoms(18_000, "BTC") == "0.00018 BTC"
    assert percent(0.009) == "0.90 %"
    assert (percent(-0.00001), percent(-0.009)) == ("0.00 %", "-0.90 %")


@pytest.mark.parametrize(
    ("span", "written"),
    [
        (13 * HOUR, "13 h"),
        (2 * DAY + 3 * HOUR + MINUTE, "2 d 3 h"),
        (90 * SECOND, "1 min 30 s"),
        (SECOND // 2, "0.5 s"),
        (-5 * SECOND, "5 s"),
    ],
)
def test_duration_shows_two_units(span: int, written: str) -> None:
    """The two largest units are enough for a person."""
    assert duration(span) == written


def test_when_tells_the_wall_clock_on_a_fast_market() -> None:
    """At 300x six market hours are 72 seconds of the reader's."""
    assert when(6 * HOUR, 0) == "1970-01-01T06:00:00Z (in 6 h)"
    assert when(6 * HOUR, 0, 300.0) == (
        "1970-01-01T06:00:00Z (in 6 h of market time, 1 min 12 s of yours)"
    )
    assert when(0, 0) == "1970-01-01T00:00:00Z (now)"
    assert when(0, HOUR) == "1970-01-01T00:00:00Z (1 h ago)"


COLUMNS = (Column("a", "first"), Column("b", "second", "right"))


def test_table_aligns_and_names_what_is_missing() -> None:
    """Texts lean left, numbers right; an empty cell shows a dash."""
    assert table([{"a": "x", "b": "10"}, {"a": "longer"}], COLUMNS) == (
        "first   second\nx           10\nlonger       -"
    )


def test_an_empty_table_says_so() -> None:
    """No rows are shown as a word, not as nothing."""
    assert table([], COLUMNS) == "(none)"
    assert pairs([]) == ""


@given(st.lists(st.dictionaries(st.sampled_from("ab"), st.text("xyz", max_size=9)), max_size=5))
def test_every_row_of_a_table_is_one_line(rows: list[dict[str, str]]) -> None:
    """A table has a title line and one line per row, no trailing blanks."""
    lines = table(rows, COLUMNS).split("\n")
    assert len(lines) == len(rows) + 1 if rows else lines == ["(none)"]
    assert all(line == line.rstrip() for line in lines)
