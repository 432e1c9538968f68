"""Are time and money counted exactly, and refused where they cannot be?"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.domain.units import (
    ATOMS_PER_UNIT,
    DAY,
    EPOCH,
    HOUR,
    MICROSECOND,
    MILLISECOND,
    SECOND,
    YEAR,
    day_date,
    fee_atoms,
    from_atoms,
    iso,
    moment,
    nanoseconds,
    normalize_underlying,
    on_step,
    reads_as_number,
    tidy,
    to_atoms,
    utc_day,
)

NOT_NUMBERS = [math.nan, math.inf, -math.inf]
MOMENTS = st.integers(-(10**15), 10**16).map(lambda us: EPOCH + timedelta(microseconds=us))


@given(MOMENTS)
def test_a_moment_survives_the_way_to_nanoseconds_and_back(when: datetime) -> None:
    """Conversion is exact to the microsecond, before 1970 too."""
    assert moment(nanoseconds(when)) == when
    assert nanoseconds(when) % MICROSECOND == 0


def test_zones_name_the_same_instant() -> None:
    """08:00 UTC is 10:00 in a zone two hours east: the same nanoseconds."""
    east = datetime(2026, 11, 21, 10, tzinfo=timezone(timedelta(hours=2)))
    assert nanoseconds(east) == nanoseconds(datetime(2026, 11, 21, 8, tzinfo=UTC))


def test_a_naive_datetime_is_refused() -> None:
    """Without a zone nobody knows the instant: the error shows the value and the remedy."""
    with pytest.raises(ValueError, match=r"naive datetime 2026-11-21T08:00:00: give it a timezone"):
        nanoseconds(datetime(2026, 11, 21, 8))  # noqa: DTZ001


def test_iso_is_short_and_keeps_milliseconds() -> None:
    """Whole seconds are written short, milliseconds only where there are any."""
    at = nanoseconds(datetime(2026, 11, 21, 8, tzinfo=UTC))
    assert iso(at) == "2026-11-21T08:00:00Z"
    assert iso(at + 7 * MILLISECOND) == "2026-11-21T08:00:00.007Z"
    assert iso(at + SECOND - 1) == "2026-11-21T08:00:00.999Z"


@given(MOMENTS)
def test_trap_daily_limits_reset_by_local_midnight(when: datetime) -> None:
    """The day of a limit is the UTC date, whatever zone a machine lives in."""
    assert day_date(utc_day(nanoseconds(when))) == when.date()


def test_the_day_turns_exactly_at_midnight_utc() -> None:
    """A nanosecond before midnight still belongs to the day that ends."""
    midnight = nanoseconds(datetime(2026, 11, 21, tzinfo=UTC))
    assert utc_day(midnight) == utc_day(midnight - 1) + 1
    assert (YEAR, DAY) == (365 * 24 * HOUR, 86_400 * SECOND)


@pytest.mark.parametrize("amount", NOT_NUMBERS)
def test_no_money_is_booked_for_what_is_no_number(amount: float) -> None:
    """NaN and infinity are refused with their value, as amounts and as fees."""
    for convert in (to_atoms, fee_atoms):
        with pytest.raises(ValueError, match=rf"{amount!r} is not a finite number: no money"):
            convert(amount)


@given(st.integers(-(10**15), 10**15))
def test_atoms_survive_the_way_to_units_and_back(atoms: int) -> None:
    """Ten million coins are exact to the atom."""
    assert to_atoms(from_atoms(atoms)) == atoms


def test_half_an_atom_goes_to_the_even_side() -> None:
    """Rounding favors nobody: halves go to even."""
    halves = [to_atoms(n / 512) for n in (1, 3, 5, -1, -3)]  # 195312.5 atoms and its multiples
    assert halves == [195_312, 585_938, 976_562, -195_312, -585_938]


@given(st.floats(-1e3, 1e3))
def test_a_fee_is_never_rounded_in_our_favor(fee: float) -> None:
    """What is charged rounds up, a rebate down, by less than one atom."""
    charged = fee_atoms(fee)
    assert -1e-6 < charged - fee * ATOMS_PER_UNIT < 1 + 1e-6


def test_binary_dust_is_no_atom() -> None:
    """0.1 * 0.0003 is 3000 atoms, not 3001; 0.1 + 0.2 is 0.3."""
    assert fee_atoms(0.1 * 0.0003) == 3000
    assert fee_atoms(0.7 * 0.0003) == 21_000
    assert tidy(0.1 + 0.2) == 0.3
    assert fee_atoms(1e-9) == 1
    assert fee_atoms(-1.5e-8) == -1


@pytest.mark.parametrize(
    "name", ["btc", "BTC", " btc_usd ", "BTC_USDC", "BTC-PERPETUAL", "BTC_USDC-1"]
)
def test_every_spelling_names_one_underlying(name: str) -> None:
    """Case, quote currency and contract make no other coin."""
    assert normalize_underlying(name) == "BTC"


@pytest.mark.parametrize("name", ["", "  ", "_USDC", "-PERPETUAL"])
def test_an_empty_underlying_is_refused(name: str) -> None:
    """A name that names no coin is an error that shows it and what to write."""
    with pytest.raises(ValueError, match=r"underlying .* is empty: name the coin, e.g. BTC"):
        normalize_underlying(name)


def test_amounts_go_down_to_whole_steps() -> None:
    """Binary dust neither takes nor gives a step; less than nothing is nothing."""
    assert on_step(0.3, 0.1) == on_step(0.30000000000000004, 0.1) == on_step(0.1 + 0.2, 0.1) == 0.3
    assert on_step(0.29999, 0.1) == 0.2
    assert on_step(19.99, 10.0) == 10.0
    assert on_step(9.0, 10.0) == on_step(-1.0, 10.0) == 0.0


def test_a_cell_reads_as_a_number_or_not() -> None:
    """Texts of numbers do, NaN and infinity among them; words, dates and nothing do not."""
    assert all(map(reads_as_number, (1, 0.5, "7e3", " 1 ", "nan", math.inf, True)))
    assert not any(map(reads_as_number, (None, "", "1,5", "n/a", datetime(2026, 1, 1, tzinfo=UTC))))
