"""Has every number its unit, and is what is no number never written as one?"""

from __future__ import annotations

import math

import pytest

from trader.evaluation.order_statistics import Estimate
from trader.views import report_numbers as say


@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf, 1e300])
def test_what_is_no_number_is_not_available(value: float | None) -> None:
    """None, NaN and what is as good as infinite."""
    written = (say.share(value), say.plain(value), say.count(value), say.usd(value))
    assert {*written, say.signed_usd(value)} == {"n/a"}
    assert not say.is_known(value)


def test_intervals_carry_one_unit() -> None:
    """A share says percent once for the interval; a length is a plain number."""
    assert say.interval(Estimate(0.05, 0.04, 0.0625), percent=True) == "5.00 % (4.00 to 6.25 %)"
    assert say.interval(Estimate(5.0, 4.0, 6.0), percent=False) == "5 (4 to 6)"
    assert say.interval(None, percent=True) == "n/a"


def test_instants_are_utc() -> None:
    """A day is a date, a minute says its zone."""
    assert say.day(1_780_358_400_000_000_000) == "2026-06-02"
    assert say.minute(1_780_358_400_000_000_000) == "2026-06-02 00:00 UTC"


def test_results_have_a_sign_and_sizes_have_none() -> None:
    """A gain is told from a size."""
    assert say.signed_usd(120.0) == "+120 USD"
    assert say.usd(120.0) == "120 USD"
    assert say.count(2, "gate") == "2 gates"
