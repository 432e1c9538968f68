"""What buyers expect of volatility, and when they sell what they bought."""

from __future__ import annotations

import math

import pytest

from tests.builders import (
    NOW,
    at_eight,
    board,
    chain,
    hourly_bars,
    option,
    quote_of,
    situation,
    working_order,
)
from trader.domain.market import Bars
from trader.domain.units import HOUR, MINUTE
from trader.strategies.long_premium import (
    HOURS_PER_YEAR,
    DebitExitSettings,
    OutlookSettings,
    bought,
    forecast_vol,
    sell_back,
)

EXPIRY = at_eight(7)
PUT, CALL = option("put", 90_000.0, EXPIRY), option("call", 90_000.0, EXPIRY)
HELD = chain((PUT, 2.0, 0.030), (CALL, 2.0, 0.030), units=2.0)
ORDERS = (20 * MINUTE, HOUR)
TO_AND_FRO = hourly_bars([90_000.0 * (1 + 0.01 * (k % 2)) for k in range(300)])


def sold(worth: float, mark: float | None = None, at: int = NOW, **changes: float) -> str | None:
    """Value both legs alike, to `worth` in all at the touch; tell the reason to sell, or None."""
    market = board(at=at)
    for one in (PUT, CALL):
        middle = worth / 2 + 0.0002 if mark is None else mark / 2
        quote = {"bid": worth / 2, "ask": worth / 2 + 0.0004, "mark": middle}
        market = quote_of(market, one.name, **quote)
    settings = DebitExitSettings(**changes)
    shown = situation(market, occasion="manage", chains=(HELD,))
    intent = sell_back("test", HELD, shown, settings, ORDERS)
    if intent is None:
        return None
    assert [leg.ratio for leg in intent.legs] == [-1, -1]
    assert intent.action == "close"
    assert intent.pricing.worst_net == pytest.approx(-worth)
    return intent.reason.partition(":")[0]


def test_leaves_by_gain_loss_and_time() -> None:
    """Paid .060: half more, half less, or half a day before expiry."""
    assert sold(0.0900) == "gain"
    assert sold(0.0896) is None
    assert sold(0.0294) == "loss"
    assert sold(0.0310) is None
    assert sold(0.0600, at=EXPIRY - 11 * HOUR) == "time"


def test_zero_turns_an_exit_off() -> None:
    """No gain, no loss, no time."""
    assert sold(0.5, gain_target=0) is None
    assert sold(0.0010, loss_limit=0) is None
    assert sold(0.06, at=EXPIRY - HOUR, debit_exit_hours=0) is None


def test_a_lone_low_bid_is_no_loss() -> None:
    """Half of it is lost only where the venue marks it so too."""
    assert sold(0.0200, mark=0.0590) is None
    assert sold(0.0200, mark=0.0300) == "loss"


def test_what_is_being_closed_or_not_quoted_waits() -> None:
    """A working order of the chain, a stale leg, an expired chain: nothing is proposed."""
    market = board()
    settings = DebitExitSettings(gain_target=0.0001, loss_limit=0.9999)
    cheap = chain((PUT, 1.0, 0.0001), (CALL, 1.0, 0.0001))

    def asked(**changes: object) -> bool:
        shown = situation(changes.pop("market", market), chains=(cheap,), **changes)  # type: ignore[arg-type]
        return sell_back("test", cheap, shown, settings, ORDERS) is not None

    assert asked()
    assert not asked(orders=(working_order("close"),))
    assert asked(orders=(working_order("close", chain_id="K2"),))
    assert not asked(market=quote_of(market, PUT.name, fresh=False))
    assert not asked(market=board(at=EXPIRY))


def test_only_debits_are_bought() -> None:
    """A credit is somebody else's business."""
    short = chain((CALL, -1.0, 0.03))
    assert bought(situation(board(), chains=(HELD, short))) == (HELD,)


def test_forecast_is_what_was_realized_times_what_is_usual() -> None:
    """Moves of 1 % an hour: .01 x sqrt of the hours of a year, whatever their sign."""
    each = math.log(1.01)
    realized = each * math.sqrt(HOURS_PER_YEAR)
    assert forecast_vol(TO_AND_FRO, NOW, OutlookSettings()) == pytest.approx(realized)
    usual = OutlookSettings(usual_ratio=1.2, lookback_hours=48)
    assert forecast_vol(TO_AND_FRO, NOW, usual) == pytest.approx(1.2 * realized)


def test_no_forecast_without_bars_that_tell() -> None:
    """None, few, old, dead or poisoned bars; bars after the instant are not read."""
    settings = OutlookSettings()
    assert forecast_vol(Bars((), (), (), (), ()), NOW, settings) is None
    assert forecast_vol(hourly_bars([90_000.0, 90_100.0]), NOW, settings) is None
    assert forecast_vol(TO_AND_FRO, NOW + 3 * HOUR, settings) is None
    assert forecast_vol(hourly_bars([90_000.0] * 300), NOW, settings) is None
    poisoned = hourly_bars([*TO_AND_FRO.close[:-1], math.nan])
    assert forecast_vol(poisoned, NOW, settings) is None
    assert forecast_vol(poisoned, NOW - HOUR, settings) is not None
