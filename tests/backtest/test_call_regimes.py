"""Is the regime at a decision that of the hours that had closed, whatever is asked and missing?"""

from __future__ import annotations

import functools

import numpy as np
import pytest

from tests.backtest.calls import T0, HandSource, call, config, study
from tests.backtest.pasts import chains, day, wandering
from trader.backtest.call_regimes import hours_looked_at, regimes_at
from trader.backtest.call_tape import TapeDataSource
from trader.backtest.covered_call import CoveredCallSimulator, RegimePolicy
from trader.domain.market import Closes
from trader.domain.models import REGIMES, Regime
from trader.domain.units import HOUR, MINUTE, moment
from trader.pricing.regime import CLOSES_KEPT, regime_now
from trader.pricing.regime_watch import RegimeWatch

SPAN = {"start": moment(day(58)), "end": moment(day(78))}


@functools.cache
def source() -> TapeDataSource:
    """Keep the boards of three weeks, with two months of closes before them."""
    return TapeDataSource.of(chains(84, days_max=11.0), moment(day(58)), moment(day(80)))


def closes(days: int = 80) -> Closes:
    """Lay a wandering price on hours."""
    price = wandering(days, seed=4, vol=0.8)
    return Closes(day(0) + (1 + np.arange(len(price), dtype=np.int64)) * HOUR, price)


def test_it_is_what_the_daemon_tells_of_the_same_hours() -> None:
    """At each decision as a watch that heard every close by then, one after the other."""
    known = closes()
    times = [day(50) + number * 17 * HOUR + 5 * MINUTE for number in range(40)]
    watch, heard, told = RegimeWatch(), 0, []
    for at in times:
        while heard < len(known.known_at) and known.known_at[heard] <= at:
            watch.close(int(known.known_at[heard]) - HOUR, float(known.close[heard]))
            heard += 1
        told.append(watch.seen().regime)
    assert regimes_at(known, times) == told
    assert len(set(told)) > 2
    assert told[0] is None


def test_what_comes_later_changes_nothing() -> None:
    """Closes after a decision may be anything."""
    known = closes()
    times = [day(number) for number in range(60, 78, 3)]
    wrong = Closes(known.known_at, np.where(known.known_at > day(66), 1.0, known.close))
    assert regimes_at(wrong, times)[:3] == regimes_at(known, times)[:3]
    assert regimes_at(wrong, times) != regimes_at(known, times)


def test_hours_without_a_close_have_the_one_before() -> None:
    """Holes, prices that are none, and closes that came in between."""
    known = closes()
    kept = np.arange(len(known.close)) % 7 != 3
    carried = np.where(kept, known.close, np.roll(known.close, 1))
    times = [day(70), day(79)]
    assert regimes_at(Closes(known.known_at[kept], known.close[kept]), times) == regimes_at(
        Closes(known.known_at, carried), times
    )
    assert regimes_at(Closes(known.known_at, np.where(kept, known.close, 0.0)), times) == (
        regimes_at(Closes(known.known_at, carried), times)
    )


def test_nothing_known_is_no_regime() -> None:
    """Without closes, before the first of them, and with less than 60 days."""
    none = Closes(np.empty(0, dtype=np.int64), np.empty(0))
    assert regimes_at(none, [day(70)]) == [None]
    assert regimes_at(closes(), [day(-1), day(59)]) == [None, None]
    assert regimes_at(closes(), []) == []


def test_it_looks_back_as_far_as_the_daemon() -> None:
    """A year and a week of hours, and no further."""
    assert hours_looked_at([day(400), day(500)]) == (
        day(400) - CLOSES_KEPT * HOUR - 1, day(500),
    )  # fmt: skip


def test_a_policy_sells_in_its_regimes_only() -> None:
    """Of all decisions it declines those of another regime, one by one as all at once."""
    told: list[Regime | None] = []
    settings = study(**SPAN, dte_tolerance=5.0, delta_tolerance=0.3)

    def look(state: object) -> bool:
        told.append(state["regime"])  # type: ignore[index]
        return True

    for arrays in (True, False):
        told.clear()
        CoveredCallSimulator(source(), settings, arrays=arrays).simulate_policy(look)
        quick = CoveredCallSimulator(source(), settings, arrays=arrays)
        seen = {one for one in told if one is not None}
        assert None in told
        assert len(seen) > 1
        for one in seen:
            result = quick.simulate_policy(RegimePolicy((one,)), 0.05)
            declined = [row.reason == "policy_declined" for row in result.decisions]
            assert declined == [regime != one for regime in told]
        assert (
            told[-1]
            == regime_now(source().tape.spots.after(0, settings.decision_times()[-1]).close).regime
        )


def test_a_source_by_hand_is_asked_for_hours() -> None:
    """Three methods suffice: a coin that fell by half within a day is in a crisis."""
    fell = HandSource(
        lambda at: 65_000.0 + at.hour if at < T0 else 30_000.0,
        lambda at: [call(mark_iv=0.5)],
        lambda name, at: 0.02,
    )
    told: list[str] = []

    def look(state: object) -> bool:
        told.append(state["regime"])  # type: ignore[index]
        return False

    CoveredCallSimulator(fell, config()).simulate_policy(look)
    assert told == ["Crisis"]
    with pytest.raises(ValueError, match=f"name one or more of {', '.join(REGIMES)}"):
        RegimePolicy(("Calm", "Calm"))
