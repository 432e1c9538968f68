"""Are holdings counted in coins, contracts and bars as they are?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from tests.builders import NOW, chain, hourly_bars
from tests.strategies.perpetuals import holding, touch_of
from trader.domain.trading import Intent, Leg, Pricing, Stop
from trader.domain.units import HOUR
from trader.strategies.sketch import fictitious_perpetual
from trader.strategies.trend_held import (
    Tally,
    age_of,
    all_held,
    coins_of,
    fee_usd,
    held_of,
    known,
    units_of,
)
from trader.strategies.trend_sleeves import Held

if TYPE_CHECKING:
    from trader.domain.trading import Action

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
    told = all_held((one,), {"BTC": 91_000.0})[one.chain_id]
    assert told == Held("trend_long", 0.1, 90_000.0, 88_200.0, 91_000.0, "BTC")
    assert told.worth == 9_100.0
    assert all_held((one,), {"ETH": 3_000.0})[one.chain_id].worth == 9_000.0
    assert told.risk == pytest.approx(180.0)
    assert all_held((chain((fictitious_perpetual("BTC"), 10.0, 1.0)),), {}) == {}


def decided(action: Action, **changes: Any) -> Intent:
    """Decide something on a chain."""
    fields: dict[str, Any] = {"strategy": "trend", "underlying": "BTC", "confidence": 0.5} | changes
    legs = (Leg("BTC-PERPETUAL", 1),)
    return Intent(action=action, legs=legs, reason="test", chain_id="K1", **fields)


def test_a_decision_counts_before_the_next() -> None:
    """A stop where it is moved to, an addition at the ask with its fee, what leaves not at all."""
    one, quoted = holding(units=9_000.0), touch_of(fictitious_perpetual("BTC"), 90_001.0)
    tally = Tally((one,), {"BTC": 90_000.0}, 100_000.0)
    tally.take(decided("protect", stop=Stop(89_000.0, 300.0)), one, quoted)
    assert (tally.held[one.chain_id].stop, tally.equity) == (89_000.0, 100_000.0)
    tally.take(decided("add", amount=9_000.2), one, quoted)
    held = tally.held[one.chain_id]
    assert held.coins == pytest.approx(0.2)
    assert held.entry == pytest.approx((90_000.0 + 90_002.0) / 2)
    assert tally.equity == pytest.approx(100_000.0 - 9_000.2 * 0.0005)
    tally.take(decided("close", pricing=Pricing(limit_net=-95_000.0)), one, quoted)
    assert (list(tally.held), tally.left) == ([one.chain_id], {})
    before = tally.equity
    tally.take(decided("close"), one, quoted)
    tally.leave(one, quoted)
    assert (tally.held, list(tally.left)) == ({}, [one.chain_id])
    assert tally.equity == pytest.approx(before - 9_000.0 * 0.0005)


def test_what_shows_no_price_costs_no_fee() -> None:
    """Nothing can be said of it; in USDC an amount is coins."""
    quoted = touch_of(fictitious_perpetual("SOL"), 151.0)
    assert fee_usd(quoted, 10.0) == pytest.approx(10.0 * 150.0 * 0.0005)
    assert fee_usd(msgspec.structs.replace(quoted, bid=math.nan), 10.0) == 0.0


def test_amounts_convert() -> None:
    """Dollars where the coin settles, coins where dollars do."""
    (inverse,), (linear,) = holding().positions, holding(linear=True).positions
    assert coins_of(inverse, 9_000.0, 90_000.0) == 0.1
    assert coins_of(linear, 0.1, 90_000.0) == 0.1
    assert units_of(True, 0.1, 90_000.0) == 9_000.0
    assert units_of(False, 0.1, 90_000.0) == 0.1
