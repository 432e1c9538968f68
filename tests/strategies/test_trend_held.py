"""Are holdings counted in coins, contracts and bars as they are?"""

from __future__ import annotations

import msgspec
import pytest

from tests.builders import NOW, chain, hourly_bars
from tests.strategies.perpetuals import holding
from trader.domain.units import HOUR
from trader.strategies.sketch import fictitious_perpetual
from trader.strategies.trend_held import (
    age_of,
    all_held,
    coins_of,
    held_of,
    known,
    units_of,
    whole_steps,
)
from trader.strategies.trend_sleeves import Held

BARS = hourly_bars([1.0, 2.0, 3.0, 4.0])


def test_what_had_not_closed_is_left_out() -> None:
    """A bar is known an hour after it opened, to the nanosecond."""
    assert known(BARS, NOW) is BARS
    assert known(BARS, NOW - 1).close == (1.0, 2.0, 3.0)
    assert known(BARS, NOW - HOUR).close == (1.0, 2.0, 3.0)
    assert known(BARS, NOW - 9 * HOUR).close == ()


def test_bars_count_from_the_hour_of_the_decision() -> None:
    """Decided on the hour, the bar that opened then is the first; later in it, it counts too."""
    assert age_of(holding(hours=3), BARS) == 3
    assert age_of(holding(hours=0), BARS) == 0
    late = msgspec.structs.replace(holding(), approved_at=NOW - 2 * HOUR + 7)
    assert age_of(late, BARS) == 2


def test_only_what_is_open_is_held() -> None:
    """Not what waits for its fill, nor what holds two legs."""
    perpetual = fictitious_perpetual("BTC")
    assert held_of(holding()) is not None
    assert held_of(chain(units=0.0, state="working")) is None
    assert held_of(chain((perpetual, 10.0, 1.0), (perpetual, 20.0, 1.0))) is None


def test_holdings_are_told_in_coins_with_the_stop_that_stands() -> None:
    """9,000 dollars bought at 90,000 are a tenth of a coin; a stop moved in thought counts."""
    one = holding(units=9_000.0)
    (told,) = all_held((one,))
    assert told == Held("trend_long", 0.1, 90_000.0, 88_200.0)
    assert told.risk == pytest.approx(180.0)
    assert one.course is not None
    moved = msgspec.structs.replace(one.course.stop, price=89_000.0)
    course = msgspec.structs.replace(one.course, stop=moved)
    assert all_held((one,), course, one)[0].stop == 89_000.0
    assert all_held((chain((fictitious_perpetual("BTC"), 10.0, 1.0)),)) == ()


def test_amounts_convert_and_round_down() -> None:
    """Dollars where the coin settles, coins where dollars do; dust below a step is that step."""
    (inverse,), (linear,) = holding().positions, holding(linear=True).positions
    assert coins_of(inverse, 9_000.0, 90_000.0) == 0.1
    assert coins_of(linear, 0.1, 90_000.0) == 0.1
    assert units_of(True, 0.1, 90_000.0) == 9_000.0
    assert units_of(False, 0.1, 90_000.0) == 0.1
    assert whole_steps(19.99, inverse) == 10.0
    assert whole_steps(9.0, inverse) == 0.0
    assert whole_steps(0.30000000000000004, linear) == 0.3
