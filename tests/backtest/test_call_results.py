"""Is a study refused by name where it cannot be done, and decided when it should be?"""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import pytest

from tests.backtest.calls import T0, WEEK, config
from trader.backtest.call_results import CallSimulationConfig
from trader.domain.units import moment


def test_the_seeds_fields_come_first_in_its_order() -> None:
    """Positional use stays possible."""
    assert CallSimulationConfig.__struct_fields__[:10] == (
        "underlying", "start", "end", "timeframe", "decision_interval_bars", "target_dte",
        "dte_tolerance", "target_delta", "delta_tolerance", "initial_spot_position",
    )  # fmt: skip


def test_decisions_stop_where_no_target_expiry_fits() -> None:
    """Each interval from the start, up to and with the end less the target."""
    asked = config(end=T0 + WEEK + timedelta(days=2), decision_interval_bars=24)
    times = [moment(one) for one in asked.decision_times()]
    assert times == [T0, T0 + timedelta(days=1), T0 + timedelta(days=2)]
    quarters = config(end=T0 + WEEK + timedelta(hours=1), timeframe="15m", decision_interval_bars=1)
    assert len(quarters.decision_times()) == 5
    assert config(end=T0 + timedelta(days=3)).decision_times() == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"underlying": ""}, "underlying '' is empty"),
        ({"timeframe": "2h"}, "timeframe '2h': choose one of"),
        ({"end": T0}, "must come before end"),
        ({"start": T0.replace(tzinfo=None)}, "naive datetime"),
        ({"decision_interval_bars": 0}, "decision_interval_bars 0 must be at least 1"),
        ({"target_dte": -1.0}, "target_dte -1.0 must lie"),
        ({"dte_tolerance": math.nan}, "dte_tolerance nan must lie"),
        ({"target_dte": math.inf}, "target_dte inf must lie"),
        ({"target_delta": 25.0}, "target_delta 25.0 must lie between 0 and 1"),
        ({"delta_tolerance": -0.1}, "delta_tolerance -0.1 must lie"),
        ({"slippage": 1.5}, "slippage 1.5 must lie"),
        ({"fee_rate": -0.1}, "fee_rate -0.1 must lie"),
        ({"delivery_fee_rate": 2.0}, "delivery_fee_rate 2.0 must lie"),
        ({"initial_spot_position": 0.0}, "initial_spot_position 0.0 must be a positive number"),
        ({"fill": "ask"}, "fill 'ask': choose one of bid, mark"),
        ({"premium_currency": "eur"}, "premium_currency 'eur': choose one of auto, coin, usd"),
    ],
)
def test_what_cannot_be_studied_is_refused_by_name(changes: dict[str, Any], said: str) -> None:
    """Field, value and remedy."""
    with pytest.raises(ValueError, match=said):
        config(**changes)
