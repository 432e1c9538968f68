"""Does a state tell what was known, as a hand computes it, and None for the rest?"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from tests.backtest.calls import T0, HandSource, call, config, modelled, study
from tests.backtest.pasts import day
from trader.backtest.call_state import CONTEXT, FEATURES, DecisionState
from trader.backtest.covered_call import CoveredCallSimulator
from trader.domain.units import DAY, HOUR, moment


def states(source: Any, settings: Any) -> list[DecisionState]:
    """Collect what a policy was shown."""
    shown: list[Any] = []

    def look(state: Any) -> bool:
        shown.append(state)
        return False

    CoveredCallSimulator(source, settings).simulate_policy(look)
    return shown


def test_a_state_reads_like_a_dict() -> None:
    """The seed's three keys, every feature and what is known besides; an unknown is a KeyError."""
    state = next(one for one in states(modelled(), study()) if one["iv_rank"] is not None)
    assert {"time", "underlying", "spot", *CONTEXT, *FEATURES} == set(state)
    assert len(state) == len(dict(state))
    assert state["underlying"] == "BTC"
    assert state.get("nothing") is None
    with pytest.raises(KeyError):
        state["nothing"]
    assert all(isinstance(state[name], float) for name in FEATURES), dict(state)


def test_returns_and_volatility_are_those_of_known_closes() -> None:
    """Log returns of one and seven days, the volatility of what closed by then."""
    source = modelled()
    spots = source.tape.spots
    state = states(source, study(start=moment(day(20))))[0]
    now, before = spots.last(day(20), 0), spots.last(day(19), 0)
    assert state["spot"] == now
    assert state["return_1d"] == pytest.approx(math.log((now or 0) / (before or 1)))
    week = np.diff(np.log(spots.after(day(13) - 1, day(20)).close))
    assert len(week) == 7 * 24
    assert state["trend"] == pytest.approx(week.sum() / math.sqrt((week**2).sum()))
    assert state["return_7d"] == pytest.approx(week.sum())
    month = np.diff(np.log(spots.after(day(20) - 30 * DAY - 1, day(20)).close))
    assert state["realized_vol"] == pytest.approx(
        math.sqrt((month**2).sum() / (len(month) * HOUR / (365 * DAY)))
    )
    assert 0.5 < state["realized_vol"] < 0.7


def test_figures_of_the_call_are_those_of_the_sale() -> None:
    """Delta, days, moneyness, credit after its fee, spread to the mark."""
    source = HandSource(lambda at: 65_000.0, lambda at: [call(mark_iv=0.5)], lambda name, at: 0.02)
    (state,) = states(source, config(fee_rate=0.0003))
    assert state["delta"] == 0.25
    assert state["dte_days"] == 7.0
    assert state["moneyness"] == pytest.approx(math.log(70 / 65))
    assert state["credit"] == pytest.approx(0.0197)
    assert state["spread"] == pytest.approx(1 / 21)
    assert state["iv"] == 0.5
    assert state["trend"] == 0.0


def test_volatilities_are_read_by_delta_and_expiry() -> None:
    """At the money near the target; skew between deltas .25 and .75; slope last less first."""
    chain = [
        call(f"BTC-{days}-{delta}-C", expiry=moment(int(T0.timestamp()) * 10**9 + days * DAY),
             delta=delta, mark_iv=iv)
        for days, delta, iv in (
            (2, 0.5, 0.70), (7, 0.26, 0.55), (7, 0.52, 0.50), (7, 0.74, 0.58), (30, 0.5, 0.45),
        )
    ]  # fmt: skip
    source = HandSource(lambda at: 65_000.0, lambda at: chain, lambda name, at: 0.02)
    (state,) = states(source, config())
    assert state["iv"] == 0.50
    assert state["skew"] == pytest.approx(-0.03)
    assert state["term_slope"] == pytest.approx(-0.25)
    assert state["iv_rank"] is None


def test_a_rank_counts_earlier_decision_times() -> None:
    """Volatility that rises every day ranks first, once twenty days are known."""
    source = HandSource(
        lambda at: 65_000.0,
        lambda at: [call(mark_iv=0.3 + (at - T0).days / 100, expiry=at + (call().expiry - T0))],
        lambda name, at: 0.02,
    )
    end = T0 + (call().expiry - T0) * 6
    ranks = [one["iv_rank"] for one in states(source, config(end=end))]
    assert ranks[:20] == [None] * 20
    assert set(ranks[20:]) == {1.0}


def test_what_cannot_be_known_is_none() -> None:
    """Neither chain nor past."""
    source = HandSource(
        lambda at: 65_000.0 if at == T0 else None, lambda at: [], lambda name, at: None
    )
    (state,) = states(source, config())
    assert state["spot"] == 65_000.0
    assert {state[name] for name in (*CONTEXT, *FEATURES)} == {None}
