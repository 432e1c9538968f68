"""The market clock: speed, ceilings, restarts, and refusals."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.deribit.simulator.clock import (
    DEMO_START_AT,
    RESERVED_WALL_S,
    SEEDED_LIFE,
    ClockState,
    Life,
    SimulatedClock,
    decode_state,
    encode_state,
    parse_start,
)
from trader.domain.errors import ConfigurationError
from trader.domain.units import HOUR, SECOND, iso


def clock(speed: float = 300.0, resumed_at: int = DEMO_START_AT) -> SimulatedClock:
    """Make a clock that starts at monotonic 1,000 s."""
    return SimulatedClock(
        epoch_at=DEMO_START_AT,
        resumed_at=resumed_at,
        speed=speed,
        started_monotonic_ns=1_000 * SECOND,
    )


def test_the_demo_starts_at_18_utc() -> None:
    """A fresh demo begins at 18:00 UTC of a fixed day."""
    assert iso(DEMO_START_AT) == "2026-06-01T18:00:00Z"


def test_time_runs_at_the_stated_speed() -> None:
    """At 300x one wall second is five market minutes."""
    market = clock()
    market.reserve(DEMO_START_AT + HOUR)
    assert market.now(1_001 * SECOND) == DEMO_START_AT + 300 * SECOND


def test_no_time_above_the_ceiling_is_shown() -> None:
    """Without a reservation the clock waits, and moves on once it has one."""
    market = clock(speed=1.0)
    assert market.now(1_010 * SECOND) == DEMO_START_AT
    market.reserve(DEMO_START_AT + 4 * SECOND)
    assert market.now(1_010 * SECOND) == DEMO_START_AT + 4 * SECOND


def test_an_older_reading_shows_no_older_time() -> None:
    """The clock never runs backward, whatever monotonic readings it is handed."""
    market = clock()
    market.reserve(DEMO_START_AT + HOUR)
    later = market.now(1_005 * SECOND)
    assert market.now(1_002 * SECOND) == later
    assert market.now(0) == later


def test_a_ceiling_is_due_once_half_is_used() -> None:
    """A reservation covers about two wall seconds and is renewed at half."""
    market = clock()
    first = market.due_ceiling(1_000 * SECOND)
    assert first == DEMO_START_AT + int(RESERVED_WALL_S * 300 * SECOND)
    market.reserve(first)
    assert market.due_ceiling(1_000 * SECOND + SECOND // 2) is None
    second = market.due_ceiling(1_001 * SECOND)
    assert second is not None
    assert second > first


def test_a_falling_ceiling_is_refused() -> None:
    """A reservation cannot be taken back."""
    market = clock()
    with pytest.raises(ValueError, match="below"):
        market.reserve(DEMO_START_AT - 1)


def test_a_jump_shows_once_its_ceiling_is_reserved() -> None:
    """Until then the clock stands at the old ceiling; it goes on from there at its speed."""
    market = clock(speed=1.0)
    market.reserve(DEMO_START_AT + 4 * SECOND)
    market.jump(DEMO_START_AT + HOUR, 1_001 * SECOND)
    assert market.now(1_001 * SECOND) == DEMO_START_AT + 4 * SECOND
    ceiling = market.due_ceiling(1_001 * SECOND)
    assert ceiling == DEMO_START_AT + HOUR + int(RESERVED_WALL_S * SECOND)
    market.reserve(ceiling)
    assert market.now(1_002 * SECOND) == DEMO_START_AT + HOUR + SECOND


@pytest.mark.parametrize("at", [DEMO_START_AT, SEEDED_LIFE.last_at + 1])
def test_no_jump_leads_backward_or_off_the_path(at: int) -> None:
    """The clock goes on as if nothing had been asked."""
    market = clock(speed=1.0)
    market.reserve(DEMO_START_AT + HOUR)
    market.jump(at, 1_001 * SECOND)
    assert market.now(1_002 * SECOND) == DEMO_START_AT + 2 * SECOND


def test_wall_seconds_until_a_market_time() -> None:
    """At 300x an hour away is twelve wall seconds away, and the past is 0 away."""
    market = clock()
    assert market.wall_s_until(DEMO_START_AT + HOUR, 1_000 * SECOND) == pytest.approx(12.0)
    assert market.wall_s_until(DEMO_START_AT - HOUR, 1_000 * SECOND) == 0.0


@given(
    st.lists(st.integers(0, 3 * SECOND), min_size=1, max_size=40),
    st.lists(st.integers(0, 39), max_size=4),
    st.sampled_from([0.5, 1.0, 300.0, 3_000.0]),
)
def test_kills_and_restarts_never_turn_time_back(
    steps: list[int], kills: list[int], speed: float
) -> None:
    """Whenever it is killed, the clock resumes at or after every time it ever showed."""
    monotonic, durable, shown = 0, DEMO_START_AT, DEMO_START_AT
    market = SimulatedClock(
        epoch_at=DEMO_START_AT, resumed_at=durable, speed=speed, started_monotonic_ns=0
    )
    for number, step in enumerate(steps):
        monotonic += step
        if number in kills:
            market = SimulatedClock(
                epoch_at=DEMO_START_AT,
                resumed_at=durable,
                speed=speed,
                started_monotonic_ns=monotonic,
            )
        ceiling = market.due_ceiling(monotonic)
        if ceiling is not None:
            durable = ceiling
            market.reserve(ceiling)
        now = market.now(monotonic)
        assert shown <= now <= durable
        shown = now


@pytest.mark.parametrize("speed", [0.0, -1.0, math.nan, math.inf, 1e9])
def test_an_impossible_speed_is_refused(speed: float) -> None:
    """A speed that is not a sensible positive number is named and refused."""
    with pytest.raises(ConfigurationError, match="speed"):
        clock(speed=speed)


def test_resuming_before_the_epoch_is_refused() -> None:
    """A clock cannot resume before it began."""
    with pytest.raises(ConfigurationError, match="resumed"):
        clock(resumed_at=DEMO_START_AT - 1)


STATE = ClockState(seed="7", market="v1", epoch_at=DEMO_START_AT, ceiling_at=DEMO_START_AT + HOUR)


def test_a_state_survives_the_disk() -> None:
    """What was written is what is read."""
    assert decode_state(encode_state(STATE), like=STATE, where="clock.json") == STATE


@pytest.mark.parametrize(
    ("content", "seed", "market"),
    [
        (encode_state(STATE), "8", "v1"),
        (encode_state(STATE), "7", "v2"),
        (b"", "7", "v1"),
        (encode_state(STATE)[:-9], "7", "v1"),
        (b'{"seed":"7","market":"v1","epoch_at":5,"ceiling_at":4}', "7", "v1"),
    ],
)
def test_a_foreign_or_torn_state_is_refused(content: bytes, seed: str, market: str) -> None:
    """The refusal names the file and the remedy."""
    like = ClockState(seed=seed, market=market, epoch_at=DEMO_START_AT, ceiling_at=DEMO_START_AT)
    with pytest.raises(ConfigurationError, match=r"clock\.json.*--fresh"):
        decode_state(content, like=like, where="clock.json")


def test_a_start_is_an_instant_with_a_timezone() -> None:
    """Any offset is understood; the result is UTC."""
    assert parse_start("2026-06-01T18:00Z") == DEMO_START_AT
    assert parse_start("2026-06-01T20:00+02:00") == DEMO_START_AT


@pytest.mark.parametrize(
    "text", ["", "tomorrow", "2026-06-01T18:00", "2026-06-01T18:00:01Z", "1999-06-01T18:00Z"]
)
def test_an_unusable_start_is_refused(text: str) -> None:
    """A naive, odd or ancient start is refused with an example."""
    with pytest.raises(ConfigurationError, match="2026-06-01T18:00Z"):
        parse_start(text)


def test_a_market_with_a_life_of_its_own_stops_at_its_end() -> None:
    """A recording's clock begins no earlier than the recording, and ends with it."""
    life = Life(DEMO_START_AT, DEMO_START_AT + HOUR)
    market = SimulatedClock(
        epoch_at=life.first_at, resumed_at=life.first_at, speed=3_600.0,
        started_monotonic_ns=0, life=life,
    )  # fmt: skip
    ceiling = market.due_ceiling(0)
    assert ceiling == life.last_at
    market.reserve(life.last_at)
    assert market.now(10 * SECOND) == life.last_at
    with pytest.raises(ConfigurationError, match="the market runs forward between"):
        SimulatedClock(
            epoch_at=life.first_at - 1, resumed_at=life.first_at, speed=1.0,
            started_monotonic_ns=0, life=life,
        )  # fmt: skip
    with pytest.raises(ConfigurationError, match="not a whole minute between"):
        parse_start("2026-06-01T19:01Z", life)
