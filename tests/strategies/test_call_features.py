"""Do features say what a hand computes from what was known, and None for the rest?"""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.domain.market import Closes
from trader.domain.units import DAY, HOUR
from trader.strategies.call_features import (
    CALL_FEATURES,
    LIVE,
    MEANINGS,
    UNKNOWN_LIVE,
    ChainView,
    Quote,
    iv_at_delta,
    log_return,
    of_call,
    realized_vol,
    skew,
    term_slope,
    trend,
)

AT = 20_000 * DAY
SOLD = Quote(AT, "BTC-X-C", AT + 7 * DAY, 110.0, 0.25, 0.021, 0.020, 0.0003, 100.0, linear=False)


def closes(*prices: float, until: int = AT) -> Closes:
    """Lay hourly closes that end at an instant."""
    known = until - np.arange(len(prices) - 1, -1, -1, dtype=np.int64) * HOUR
    return Closes(known, np.array(prices))


def test_what_the_daemon_cannot_know_is_told_with_its_reason() -> None:
    """Every feature is known live or has a reason why not."""
    assert set(LIVE) | set(UNKNOWN_LIVE) == set(MEANINGS)
    assert not set(LIVE) & set(UNKNOWN_LIVE)
    assert all(UNKNOWN_LIVE.values())
    assert set(CALL_FEATURES) <= set(LIVE)


def test_returns_trend_and_volatility_by_hand() -> None:
    """Of a day's doubling in even hours: ln 2, the root of 24, and that size per year."""
    past = closes(*(100.0 * 2.0 ** (n / 24) for n in range(25)))
    assert log_return(past, AT, 1) == pytest.approx(math.log(2))
    assert trend(past, AT) == pytest.approx(math.sqrt(24))
    step = math.log(2) / 24
    assert realized_vol(past, AT) == pytest.approx(step * math.sqrt(365 * 24))
    assert log_return(past, AT, 7) is None


@given(st.lists(st.floats(1.0, 1e6), min_size=1, max_size=80), st.floats(1.0, 1e6))
def test_what_closes_later_changes_nothing(prices: list[float], later: float) -> None:
    """A close that becomes known after the decision is not seen by any feature."""
    seen, more = closes(*prices), closes(*prices, later, until=AT + HOUR)
    assert log_return(seen, AT, 1) == log_return(more, AT, 1)
    assert trend(seen, AT) == trend(more, AT)
    assert realized_vol(seen, AT) == realized_vol(more, AT)


def test_volatilities_are_read_by_expiry_then_delta() -> None:
    """The nearest expiry first, the nearest delta in it; a chain without calls tells nothing."""
    days = np.array([2, 7, 7, 7, 30], dtype=np.int64)
    chain = ChainView(
        AT + days * DAY, np.array([0.5, 0.26, 0.52, 0.74, 0.5]),
        np.array([0.7, 0.55, 0.5, 0.58, 0.45]),
    )  # fmt: skip
    assert iv_at_delta(chain, AT + 8 * DAY, 0.5) == 0.5
    assert skew(chain, AT + 7 * DAY) == pytest.approx(-0.03)
    assert term_slope(chain) == pytest.approx(-0.25)
    nothing = ChainView(np.empty(0, dtype=np.int64), np.empty(0), np.empty(0))
    for empty in (nothing, None):
        assert iv_at_delta(empty, AT, 0.5) is None
        assert skew(empty, AT) is None
        assert term_slope(empty) is None


def test_figures_of_a_call_by_hand() -> None:
    """Coin premiums stay coin, dollar ones are divided by the spot; no strike, no moneyness."""
    told = {name: of_call(name, SOLD) for name in CALL_FEATURES}
    assert told == pytest.approx(
        {"delta": 0.25, "dte_days": 7.0, "moneyness": math.log(1.1), "credit": 0.0197,
         "spread": 1 / 21}
    )  # fmt: skip
    in_usd = msgspec.structs.replace(SOLD, price=2.0, fee=0.03, mark=2.1, linear=True, strike=None)
    assert of_call("credit", in_usd) == pytest.approx(0.0197)
    assert of_call("moneyness", in_usd) is None
    with pytest.raises(KeyError, match="iv"):
        of_call("iv", SOLD)
