"""Who moves a clock that goes by steps, to where, and who is told when."""

from __future__ import annotations

import math

import pytest

from trader.deribit.refusal import ServerError
from trader.deribit.server_session import Call
from trader.deribit.simulator.clock import STEPPED_SPEED, ClockState, Life, SimulatedClock
from trader.deribit.simulator.stepping import STEP_METHOD, SteppedClock, Stepper, start_clock
from trader.domain.errors import ConfigurationError
from trader.domain.units import HOUR, MILLISECOND, MINUTE, SECOND

BEGIN = 1_768_000_000 * SECOND
LIFE = Life(BEGIN, BEGIN + 10 * HOUR)
CHANGES = [BEGIN + at for at in (HOUR, HOUR + MILLISECOND, 2 * HOUR)]


def clock() -> SteppedClock:
    """Start at the beginning."""
    return SteppedClock(ClockState("0", "m", BEGIN, BEGIN), LIFE)


def asking(until: int) -> Call:
    """Ask for the next step."""
    return Call(1, STEP_METHOD, {"until": until // MILLISECOND}, 0)


def next_change(at: int) -> int | None:
    """Tell the next of three changes."""
    return min((one for one in CHANGES if one > at), default=None)


def test_the_market_goes_to_what_comes_first() -> None:
    """The next change, or what a client waits for; at the end of what is recorded to its end."""
    time = clock()
    stepper: Stepper[str] = Stepper(time, next_change)
    reached = []
    for until in (MINUTE, 5 * HOUR, 5 * HOUR, 5 * HOUR, 5 * HOUR, 20 * HOUR):
        stepper.wait("daemon", asking(BEGIN + until))
        assert stepper.move(0)
        ((client, _, step),) = stepper.answers(0)
        assert (client, step.now_at) == ("daemon", time.now(0))
        reached.append(step.now_at - BEGIN)
        assert step.ended is time.ended
    assert reached == [MINUTE, HOUR, HOUR + SECOND, 2 * HOUR, 5 * HOUR, 10 * HOUR]
    assert time.ended


def test_what_is_recorded_within_a_second_is_one_step() -> None:
    """A dense recording is not told tick by tick."""
    time = clock()
    stepper: Stepper[str] = Stepper(time, lambda at: at + MILLISECOND)
    stepper.wait("daemon", asking(BEGIN + HOUR))
    assert stepper.move(0)
    assert time.now(0) == BEGIN + SECOND


def test_the_clock_stands_until_all_that_pace_it_wait() -> None:
    """One that has not asked again holds it; one that leaves holds it no longer."""
    time = clock()
    stepper: Stepper[str] = Stepper(time, next_change)
    assert not stepper.move(0)
    for client in ("one", "two"):
        stepper.wait(client, asking(BEGIN + MINUTE))
    assert stepper.move(0)
    assert [client for client, _, _ in stepper.answers(0)] == ["one", "two"]
    stepper.wait("one", asking(BEGIN + HOUR))
    assert not stepper.move(0)
    stepper.leave("two")
    assert stepper.move(0)
    assert time.now(0) == BEGIN + HOUR


def test_a_step_says_until_when() -> None:
    """Without, the call is refused and nobody paces."""
    stepper: Stepper[str] = Stepper(clock(), next_change)
    with pytest.raises(ServerError):
        stepper.wait("daemon", Call(1, STEP_METHOD, {}, 0))
    assert not stepper.move(0)


def test_the_clock_never_falls_nor_leaves_its_life() -> None:
    """It needs no reservation on disk: nothing of it is kept."""
    time = clock()
    time.jump(BEGIN + HOUR, 0)
    time.jump(BEGIN, 0)
    assert time.now(0) == BEGIN + HOUR
    time.jump(BEGIN + 90 * HOUR, 0)
    assert time.now(10**18) == LIFE.last_at
    time.reserve(0)
    assert (time.due_ceiling(0), time.speed) == (None, STEPPED_SPEED)


def test_only_infinite_speed_goes_by_steps() -> None:
    """Any other runs by itself."""
    state = ClockState("0", "m", BEGIN, BEGIN + HOUR)
    assert isinstance(start_clock(state, LIFE, 10.0, 0), SimulatedClock)
    stepped = start_clock(state, LIFE, math.inf, 0)
    assert isinstance(stepped, SteppedClock)
    assert (stepped.epoch_at, stepped.now(0)) == (BEGIN, BEGIN + HOUR)
    with pytest.raises(ConfigurationError):
        start_clock(state, LIFE, -math.inf, 0)
