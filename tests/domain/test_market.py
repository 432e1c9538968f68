"""Do bars, boards and touches say what they know, and only that?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import NOW, at_eight, board, hourly_bars, option, quote_of
from trader.domain.market import Bars, Board, Closes, Listing, Touch
from trader.domain.units import HOUR

if TYPE_CHECKING:
    from trader.domain.instruments import OptionType
    from trader.domain.market import Floats, Ints

OPTION = option()


def _touch(**changes: float) -> Touch:
    shown = Touch(OPTION, 0.01, 5.0, 0.011, 5.0, 0.0105, 0.5, 9e4, 9e4, fresh=True, age_s=0.0)
    return msgspec.structs.replace(shown, **changes)


def test_columns_of_bars_have_one_length() -> None:
    """A missing price is told with the lengths of all columns."""
    with pytest.raises(ValueError, match=r"bars: columns differ in length .*'low': 1"):
        Bars((0, HOUR), (1.0, 1.0), (1.0, 1.0), (1.0,), (1.0, 1.0))


@pytest.mark.parametrize("hours", [(2, 1), (1, 1), (0, 2, 1)])
def test_bars_are_sorted_and_hold_an_hour_once(hours: tuple[int, ...]) -> None:
    """Unsorted or repeated hours are refused with both values and the remedy."""
    column = (1.0,) * len(hours)
    with pytest.raises(ValueError, match=r"opened_at \d+ follows \d+.*sort, drop duplicates"):
        Bars(tuple(hour * HOUR for hour in hours), column, column, column, column)


def test_no_bars_are_bars() -> None:
    """A market without history is empty, not an error."""
    assert Bars((), (), (), (), ()).close == ()
    assert len(hourly_bars([1.0, 2.0]).close) == 2


def test_a_board_finds_its_rows_by_name() -> None:
    """Every instrument is found in its own row; a stranger in none."""
    shown = board(days=(1,))
    assert all(shown.row(one.name) == row for row, one in enumerate(shown.instruments))
    assert shown.row("BTC-1JAN30-1-C") is None
    assert len(shown) == len(shown.instruments) == len(shown.bid)


def test_changing_one_quote_leaves_the_original_board() -> None:
    """Boards are values: a changed copy does not write into the board it came from."""
    shown = board(days=(1,), at=NOW)
    name = shown.instruments[0].name
    assert math.isnan(quote_of(shown, name, ask=math.nan).ask[0])
    assert shown.ask[0] > 0


@pytest.mark.parametrize("side", ["bid", "ask", "bid_amount", "ask_amount"])
@pytest.mark.parametrize("value", [0.0, math.nan, -1.0])
def test_trap_zero_on_one_side_read_as_a_free_option(side: str, value: float) -> None:
    """A touch with a side of 0, NaN or less, or no size there, is not two-sided."""
    assert _touch().two_sided
    assert not _touch(**{side: value}).two_sided


def test_deltas_are_computed_once_and_only_if_somebody_looks() -> None:
    """A maker may hand in how to compute them; rows and settlement follow from the instruments."""
    asked: list[int] = []
    given = board(days=(1,))

    def deltas(rows: Ints | slice) -> Floats:
        asked.append(1)
        return given.delta[rows]

    columns = {name: getattr(given, name) for name in Board.FIELDS if name != "delta"}
    shown = Board(**columns, delta=deltas)
    assert shown.has_delta(0)
    assert not asked
    assert shown.delta_of(np.array([3, 5])).tolist() == given.delta[[3, 5]].tolist()
    assert shown.delta_at(5) == given.delta[5]
    assert asked == [1]
    assert shown.delta_at(6) == given.delta[6]
    assert asked == [1, 1]
    assert shown.delta is shown.delta
    assert asked == [1, 1, 1]
    assert shown.delta_at(6) == given.delta[6]
    assert shown.delta_of(np.array([3])).tolist() == given.delta[[3]].tolist()
    assert shown.has_delta(0)
    assert asked == [1, 1, 1]
    assert shown.inverse.tolist() == [one.inverse for one in shown.instruments]
    handed = Board(**columns, delta=deltas, listing=given.listing)
    assert handed.listing is given.listing
    assert handed.row(given.instruments[7].name) == 7


@given(st.permutations(range(12)), st.data())
def test_a_ladder_holds_each_coin_settled_option_of_its_type_once(
    order: list[int], data: st.DataObject
) -> None:
    """Row by row it says what the contracts say: expiry, type and settlement."""
    days, inverse = data.draw(st.lists(st.integers(1, 3), min_size=12, max_size=12)), order[:8]
    options = sorted(
        (
            option(
                "call" if row % 2 else "put", 90_000.0 + row, at_eight(day), inverse=row in inverse
            )
            for row, day in enumerate(days)
        ),
        key=lambda one: (one.expires_at or 0, one.strike or 0.0),
    )
    listing = Listing(
        tuple(options),
        np.array([one.strike for one in options]),
        np.array([one.expires_at for one in options], dtype=np.int64),
        np.array([one.option_type == "call" for one in options]),
    )
    kinds: tuple[OptionType, ...] = ("call", "put")
    for kind in kinds:
        ladder = listing.ladder(kind)
        assert list(ladder) == sorted(ladder)
        assert {one: rows.tolist() for one, rows in ladder.items()} == {
            expires_at: rows
            for expires_at in sorted({one.expires_at or 0 for one in options})
            if (
                rows := [
                    row
                    for row, one in enumerate(options)
                    if (one.option_type, one.inverse, one.expires_at) == (kind, True, expires_at)
                ]
            )
        }
        assert listing.ladder(kind) is ladder
        linear = {row for rows in listing.ladder(kind, inverse=False).values() for row in rows}
        assert linear == {
            row
            for row, one in enumerate(options)
            if (one.option_type, one.inverse) == (kind, False)
        }
    assert [options[row].name for row in listing.places.values()] == list(listing.places)


def test_hours_that_came_in_order_make_the_same_bars() -> None:
    """They are what stating all of them at once would have made, without the check."""
    bars = hourly_bars([1.0, 2.0, 3.0])
    again = Bars.of_hours(bars.opened_at, bars.open, bars.high, bars.low, bars.close)
    assert again == bars
    assert Bars.of_hours((), (), (), (), ()) == Bars((), (), (), (), ())
    assert hourly_bars([1.0, 2.0, 3.0]) == bars


def test_closes_are_cut_and_grow_old() -> None:
    """After a start, by an end; too old is none."""
    closes = Closes(np.array([1, 2, 3], dtype=np.int64), np.array([10.0, 20.0, 30.0]))
    assert closes.after(1, 3).close.tolist() == [20.0, 30.0]
    assert closes.last(2, 0) == 20.0
    assert closes.last(9, 6) == 30.0
    assert closes.last(9, 5) is None
    assert closes.last(0, 5) is None
