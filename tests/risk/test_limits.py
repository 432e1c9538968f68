"""Do the limits count what they say, and are impossible settings refused by name?"""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.risk.scenes import chain
from trader.risk.limits import (
    RiskSettings,
    Standing,
    daily_use,
    exceeded,
    halts,
    open_positions_use,
    per_trade_use,
    stop_loss_due,
    underlying_use,
)

SOUND = Standing(
    equity_usd=1_000_000.0,
    trading_pnl_usd=0.0,
    day_open_pnl_usd=0.0,
    peak_pnl_usd=0.0,
    margin_balance={"BTC": 20.0},
    maintenance_margin={"BTC": 1.0},
)
FRACTIONS = (
    "max_risk_per_trade",
    "max_risk_per_underlying",
    "daily_loss_halt",
    "drawdown_halt",
    "stop_loss_share",
    "min_size_share",
)


def active(**changes: Any) -> list[str]:
    """Name the halts that hold after the changes."""
    standing = msgspec.structs.replace(SOUND, **changes)
    return [halt.rule for halt in halts(RiskSettings(), standing) if halt.active]


def test_defaults_are_the_documented_limits() -> None:
    """1 % a trade, 3 % an underlying, 2 trades a day, 6 chains, halts at 3 % and 10 %."""
    settings = RiskSettings()
    assert (settings.max_risk_per_trade, settings.max_risk_per_underlying) == (0.01, 0.03)
    assert (settings.max_new_trades_per_day, settings.max_open_positions_per_strategy) == (2, 6)
    assert (settings.daily_loss_halt, settings.drawdown_halt) == (0.03, 0.10)
    assert (settings.stress_spot_move, settings.stress_sigmas) == (1.25, 4.0)


@pytest.mark.parametrize("field", FRACTIONS)
@pytest.mark.parametrize("value", [-0.01, 0.0, 1.5, math.nan, math.inf, "1.5", "nan"])
def test_impossible_fractions_are_refused_by_name(field: str, value: float | str) -> None:
    """A limit that is negative, zero, above 100 % or no number names key, value and remedy."""
    with pytest.raises(ValidationError, match=rf"{field} {value}.*write a fraction"):
        RiskSettings.model_validate({field: value})


@pytest.mark.parametrize("field", ["max_new_trades_per_day", "max_open_positions_per_strategy"])
@pytest.mark.parametrize("value", [-1, 0, 2.5, 100_000, math.nan, math.inf])
def test_impossible_counts_are_refused_by_name(field: str, value: float) -> None:
    """A count below one or not whole names key, value and remedy."""
    with pytest.raises(ValidationError, match=rf"{field} {value}.*whole number"):
        RiskSettings.model_validate({field: value})


@pytest.mark.parametrize(
    ("field", "value"),
    [("stress_spot_move", 1.0), ("stress_spot_move", math.nan), ("stress_sigmas", 0.0)],
)
def test_a_stress_that_moves_nothing_is_refused(field: str, value: float) -> None:
    """A stress factor of 1 or zero deviations would state no loss at all."""
    with pytest.raises(ValidationError, match=rf"{field} {value} must be above"):
        RiskSettings.model_validate({field: value})


def test_a_disabled_gate_is_refused_with_the_remedy() -> None:
    """The daemon cannot run without its gate."""
    with pytest.raises(ValidationError, match=r"enabled false.*remove the key or set it to true"):
        RiskSettings(enabled=False)


def test_unknown_keys_and_wrong_types_are_refused() -> None:
    """A typing mistake in the configuration is no silent default."""
    with pytest.raises(ValidationError, match="max_risk_per_trde"):
        RiskSettings.model_validate({"max_risk_per_trde": 0.01})
    with pytest.raises(ValidationError, match="max_risk_per_trade"):
        RiskSettings.model_validate({"max_risk_per_trade": "much"})


def test_a_text_is_no_number() -> None:
    """Limits are taken strictly: `"0.02"` and `true` are mistakes, the whole number 1 is not."""
    for wrong in ("0.02", True):
        with pytest.raises(ValidationError, match="max_risk_per_trade"):
            RiskSettings.model_validate({"max_risk_per_trade": wrong})
    assert RiskSettings.model_validate({"max_risk_per_trade": 1}).max_risk_per_trade == 1.0


def test_trap_nan_passes_the_limit() -> None:
    """A number that is not finite exceeds every limit, on either side of the sum."""
    for bad in (math.nan, math.inf, -math.inf):
        assert exceeded(per_trade_use(0.01, bad))
        assert exceeded(underlying_use(0.03, [0.01, bad], 0.01))
    assert exceeded(per_trade_use(math.nan, 0.001))


def test_three_times_one_percent_is_three_percent() -> None:
    """Binary dust is no breach: .01 + .01 + .01 fits .03, a visible excess does not."""
    assert not exceeded(underlying_use(0.03, [0.01, 0.01], 0.01))
    assert not exceeded(per_trade_use(0.3, 0.1 + 0.2))
    assert exceeded(underlying_use(0.03, [0.01, 0.01], 0.01 + 1e-11))


@given(st.integers(0, 10), st.integers(1, 5))
def test_counts_stop_at_the_limit(count: int, limit: int) -> None:
    """One more is allowed exactly while fewer than the limit are there."""
    assert exceeded(daily_use(limit, count)) == (count >= limit)
    assert exceeded(open_positions_use(limit, count)) == (count >= limit)


def test_halts_begin_at_their_limit() -> None:
    """Exactly 3 % lost since the day began, or 10 % below the peak, halts; a bit less does not."""
    assert active(trading_pnl_usd=-29_999.0) == []
    assert active(trading_pnl_usd=-30_000.0) == ["daily_loss_halt"]
    assert active(trading_pnl_usd=5_000.0, day_open_pnl_usd=5_000.0, peak_pnl_usd=105_000.0) == [
        "drawdown_halt"
    ]
    assert active(trading_pnl_usd=50_000.0) == []


def test_a_breached_maintenance_margin_halts() -> None:
    """Any currency whose maintenance margin exceeds its balance halts; equality does not."""
    assert active(maintenance_margin={"BTC": 20.0}) == []
    assert active(maintenance_margin={"BTC": 1.0, "ETH": 0.1}) == ["maintenance_margin"]
    halt = halts(RiskSettings(), msgspec.structs.replace(SOUND, maintenance_margin={"BTC": 21.0}))
    assert (halt[2].limit, halt[2].used) == (20.0, 21.0)
    assert halt[2].detail == "BTC: maintenance margin 21.0000 on a margin balance of 20.0000"
    assert halt[0].detail == "0.00% of equity lost today, halt at 3.00%"
    assert halt[1].detail == "0.00% of equity below the peak, halt at 10.00%"
    idle = msgspec.structs.replace(SOUND, maintenance_margin={})
    assert halts(RiskSettings(), idle)[2].detail == "no margin is in use"


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(
    "field", ["equity_usd", "trading_pnl_usd", "day_open_pnl_usd", "peak_pnl_usd"]
)
def test_unknown_numbers_halt(field: str, bad: float) -> None:
    """What cannot be computed is no permission, and the halt's own numbers stay finite."""
    seen = halts(RiskSettings(), msgspec.structs.replace(SOUND, **{field: bad}))
    assert any(halt.active for halt in seen)
    assert all(math.isfinite(halt.used) and math.isfinite(halt.limit) for halt in seen)
    assert "maintenance_margin" in active(margin_balance={"BTC": bad})


def test_no_equity_halts() -> None:
    """An account without equity may open nothing."""
    assert active(equity_usd=0.0) == ["daily_loss_halt", "drawdown_halt"]
    assert active(equity_usd=-5.0) == ["daily_loss_halt", "drawdown_halt"]


def test_the_stop_is_a_share_of_the_stated_max_loss() -> None:
    """75 % of 8,400 USD is 6,300; a gain or an unknown loss asks for nothing."""
    held, settings = chain(2.0), RiskSettings()
    assert stop_loss_due(held, 6_300.0, settings)
    assert not stop_loss_due(held, 6_299.0, settings)
    assert not stop_loss_due(held, -7_000.0, settings)
    assert not stop_loss_due(held, math.nan, settings)
    assert not stop_loss_due(chain(2.0, max_loss_usd=0.0), 50.0, settings)
    assert stop_loss_due(held, 4_200.0, RiskSettings(stop_loss_share=0.5))
