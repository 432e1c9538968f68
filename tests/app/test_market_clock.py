"""Does market time run forward, at its speed, through everything that happens to clocks?"""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.app import market_clock
from trader.app.market_clock import MarketClock
from trader.domain.units import HOUR, SECOND

TOLD = 1_780_000_000 * SECOND


class Machine:
    """The machine's two clocks, which no test can turn for real."""

    def __init__(self) -> None:
        self.monotonic = 5 * SECOND
        self.wall = TOLD

    def monotonic_ns(self) -> int:
        """Tell the time since some start."""
        return self.monotonic

    def time_ns(self) -> int:
        """Tell the time of day."""
        return self.wall

    def pass_s(self, seconds: float) -> None:
        """Let both run on."""
        self.monotonic += int(seconds * SECOND)
        self.wall += int(seconds * SECOND)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Put clocks that can be turned in the place of the machine's."""
    turned = Machine()
    monkeypatch.setattr(market_clock, "time", turned)
    return turned


def anchored(speed: float = 300.0, told: int = TOLD, floor_at: int = 0) -> MarketClock:
    """Follow an exchange from now on."""
    clock = MarketClock(wall=False, floor_at=floor_at)
    clock.anchor(told, speed)
    return clock


def test_before_the_exchange_told_it_there_is_no_time() -> None:
    """An unanchored clock knows nothing, stands still, and says so instead of guessing."""
    clock = MarketClock(wall=False)
    assert (clock.known, clock.standing) == (False, True)
    with pytest.raises(RuntimeError, match="before the exchange told"):
        clock.now()


def test_it_runs_at_the_markets_speed(machine: Machine) -> None:
    """Two wall seconds at 300x are ten market minutes."""
    clock = anchored()
    machine.pass_s(2.0)
    assert clock.now() == TOLD + 600 * SECOND


def test_a_real_clock_runs() -> None:
    """On the machine's own clocks both kinds move forward by themselves."""
    for clock in (anchored(), MarketClock(wall=True)):
        first = clock.now()
        while clock.now() == first:
            pass
        assert clock.now() > first


@pytest.mark.parametrize("speed", [0.0, -1.0, math.nan, math.inf])
def test_an_impossible_speed_is_refused(speed: float) -> None:
    """A speed that is no positive number is named."""
    with pytest.raises(ValueError, match=f"market speed {speed!r} must be a positive number"):
        MarketClock(wall=False).anchor(TOLD, speed)


def test_it_stands_still_while_the_exchange_is_away(machine: Machine) -> None:
    """Frozen time neither moves nor jumps when the exchange comes back where it stood."""
    clock = anchored()
    machine.pass_s(1.0)
    clock.freeze()
    stood = clock.now()
    machine.pass_s(3_600.0)
    clock.freeze()
    assert (clock.now(), clock.standing) == (stood, True)
    assert clock.anchor(stood + SECOND, 300.0) == 0.0
    assert (clock.now(), clock.standing) == (stood + SECOND, False)


def test_an_exchange_that_is_behind_is_waited_for(machine: Machine) -> None:
    """Where the exchange resumes earlier than we stood, time waits and then goes on."""
    clock = anchored()
    machine.pass_s(1.0)
    stood = clock.now()
    clock.freeze()
    clock.anchor(stood - 150 * SECOND, 300.0)
    assert clock.now() == stood
    assert clock.wall_s_until(stood + 300 * SECOND) == pytest.approx(1.5)
    machine.pass_s(1.0)
    assert clock.now() == stood + 150 * SECOND


def test_a_restart_never_goes_back_behind_the_journal(machine: Machine) -> None:
    """The last journaled instant is the floor of both kinds of clocks."""
    later = TOLD + HOUR
    assert anchored(floor_at=later).now() == later
    assert MarketClock(wall=True, floor_at=later).now() == later
    assert machine.wall == TOLD


@pytest.mark.parametrize("jump_s", [-4.0, 4.0])
def test_a_jump_of_the_exchange_is_told_in_wall_seconds(machine: Machine, jump_s: float) -> None:
    """What the exchange's clock did beyond its speed is the jump."""
    clock = anchored()
    machine.pass_s(10.0)
    told = TOLD + int((10.0 + jump_s) * 300) * SECOND
    assert clock.anchor(told, 300.0) == pytest.approx(jump_s)


def test_a_slow_answer_is_no_jump(machine: Machine) -> None:
    """The time told may be as old as the answer was on its way: within that nothing moves."""
    clock = anchored()
    machine.pass_s(10.0)
    before = clock.now()
    assert clock.anchor(before - 900 * SECOND, 300.0, waited_s=4.0) == 0.0
    assert clock.now() == before
    assert clock.anchor(before - 1_500 * SECOND, 300.0, waited_s=4.0) == pytest.approx(-1.0)


def test_a_new_speed_holds_from_the_anchor_on(machine: Machine) -> None:
    """Time gone by counts at the old speed, time to come at the new."""
    clock = anchored(speed=300.0)
    machine.pass_s(1.0)
    clock.anchor(TOLD + 300 * SECOND, 10.0)
    machine.pass_s(1.0)
    assert clock.now() == TOLD + 310 * SECOND
    assert clock.wall_s_until(TOLD + 320 * SECOND) == pytest.approx(1.0)


def test_wall_time_that_is_set_is_noticed_once(machine: Machine) -> None:
    """A clock put forward or back shows as drift, then is the time."""
    clock = MarketClock(wall=True)
    machine.pass_s(60.0)
    assert clock.drift() == 0.0
    machine.wall += 3_600 * SECOND
    assert clock.drift() == pytest.approx(3_600.0)
    machine.wall -= 7_200 * SECOND
    assert clock.drift() == pytest.approx(-7_200.0)
    assert clock.drift() == 0.0
    assert clock.told_at == machine.wall


def test_wall_time_put_back_is_waited_for(machine: Machine) -> None:
    """Time that was shown is never taken back; waits count what has to be caught up with."""
    clock = MarketClock(wall=True)
    shown = clock.now()
    machine.wall -= 10 * SECOND
    assert clock.now() == shown
    assert clock.wall_s_until(shown + 5 * SECOND) == pytest.approx(15.0)


def test_wall_time_does_not_freeze(machine: Machine) -> None:
    """A real venue's time goes on without us; only the bundled exchange takes its time away."""
    clock = MarketClock(wall=True)
    clock.freeze()
    machine.pass_s(1.0)
    assert (clock.now(), clock.standing) == (TOLD + SECOND, False)


def test_only_wall_clocks_drift(machine: Machine) -> None:
    """An anchored clock is judged by its anchors, not by the time of day."""
    clock = anchored()
    machine.wall += 3_600 * SECOND
    assert clock.drift() == 0.0


def test_while_time_stands_nothing_comes_due(machine: Machine) -> None:
    """What was due already is due; for everything else one waits without end."""
    clock = anchored()
    clock.freeze()
    assert clock.wall_s_until(TOLD) == 0.0
    assert clock.wall_s_until(TOLD + 1) == math.inf


STEPS = st.one_of(
    st.tuples(st.just("pass"), st.floats(0, 100)),
    st.tuples(st.just("set"), st.floats(-5_000, 5_000)),
    st.tuples(st.just("anchor"), st.floats(-5_000, 5_000)),
    st.tuples(st.just("freeze"), st.just(0.0)),
)


@given(st.booleans(), st.lists(STEPS, max_size=30))
def test_no_order_of_events_turns_time_back(wall: bool, steps: list[tuple[str, float]]) -> None:
    """Passing, set, anchored anywhere, frozen: what is shown never falls."""
    machine = Machine()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(market_clock, "time", machine)
        clock = MarketClock(wall=wall)
        if not wall:
            clock.anchor(TOLD, 300.0)
        shown = clock.now()
        for step, value in steps:
            match step:
                case "pass":
                    machine.pass_s(value)
                case "set":
                    machine.wall += int(value * SECOND)
                    clock.drift()
                case "anchor" if not wall:
                    clock.anchor(shown + int(value * SECOND), 1.0 + abs(value), abs(value) / 1_000)
                case _:
                    clock.freeze()
            assert clock.now() >= shown
            shown = clock.now()
            assert clock.wall_s_until(shown) == 0.0


def test_a_stepped_clock_stands_where_the_exchange_says() -> None:
    """It moves with what it hears, never backward, and nothing is waited for by the wall."""
    clock = MarketClock(wall=False)
    clock.hear(TOLD)
    assert not clock.known
    clock.stepped = True
    clock.hear(TOLD)
    assert (clock.now(), clock.standing) == (TOLD, True)
    clock.step_to(TOLD - HOUR)
    assert clock.now() == TOLD
    clock.step_to(TOLD + HOUR)
    assert (clock.now(), clock.wall_s_until(TOLD + 2 * HOUR)) == (TOLD + HOUR, math.inf)
