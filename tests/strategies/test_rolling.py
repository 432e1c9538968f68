"""Is a leg rolled for the right reason, into the right contract, at a price that pays?"""

from __future__ import annotations

import math

import msgspec
import pytest
from pydantic import ValidationError

from tests.builders import NOW, alter, at_eight, board, chain, option, quote_of
from trader.domain.market import Board
from trader.domain.trading import Leg
from trader.domain.units import DAY, HOUR
from trader.strategies.rolling import (
    HeldLeg,
    RollChainSettings,
    Target,
    find_target,
    read_leg,
    roll_due,
    total_risk,
)

WEEK = option("call", 94_500.0, at_eight(7))
SETTINGS = RollChainSettings(delta_tolerance=0.1)


def held_on(market: Board, sold_at: float = 0.02, strike: float = 94_500.0) -> HeldLeg:
    """Hold one call of next week, sold at a price, as the board shows it."""
    one = option("call", strike, at_eight(7))
    found = read_leg(market, chain((one, -1.0, sold_at)), Leg(one.name, 1.0))
    assert isinstance(found, HeldLeg), found
    return found


def test_a_leg_is_read_at_what_leaving_it_costs() -> None:
    """Captured at the ask, time value at the mark, a round trip of two fees and the spread."""
    market = quote_of(board(), WEEK.name, bid=0.0100, ask=0.0110, mark=0.0104)
    held = held_on(market)
    assert held.captured == pytest.approx(1 - 0.011 / 0.02)
    assert held.time_value == pytest.approx(0.0104)
    assert held.round_trip == pytest.approx(2 * 0.0003 + 0.001)
    inside = quote_of(market, WEEK.name, underlying_price=100_000.0, mark=0.06)
    assert held_on(inside).time_value == pytest.approx(0.06 - (1 - 94_500 / 100_000))


@pytest.mark.parametrize(
    ("columns", "fault"),
    [
        ({"fresh": False}, "leg_stale"),
        ({"bid": math.nan}, "leg_one_sided"),
        ({"ask_amount": 0.0}, "leg_one_sided"),
        ({"delta": math.nan}, "leg_no_delta"),
        ({"underlying_price": 0.0}, "leg_no_delta"),
    ],
)
def test_what_a_quote_lacks_has_a_name(columns: dict[str, float], fault: str) -> None:
    """Stale, one-sided, without size or delta; a contract that left the board is told apart."""
    view = chain((WEEK, -1.0, 0.02))
    market = quote_of(board(), WEEK.name, **columns)
    assert read_leg(market, view, Leg(WEEK.name, 1.0)) == fault
    assert read_leg(board(days=(1,)), view, Leg(WEEK.name, 1.0)) == "leg_unlisted"


@pytest.mark.parametrize(
    ("changes", "trigger"),
    [
        ({}, None),
        ({"delta": 0.45}, "delta"),
        ({"delta": -0.45}, "delta"),
        ({"delta": 0.4499}, None),
        ({"left": DAY}, "time"),
        ({"left": DAY + 1}, None),
        ({"credit": 0.0551}, "captured"),
        ({"credit": 0.0549}, None),
        ({"time_value": 0.0031, "round_trip": 0.0016}, "extrinsic"),
        ({"time_value": 0.0032, "round_trip": 0.0016}, None),
        ({"delta": 0.5, "left": HOUR, "credit": 1.0}, "delta"),
        ({"left": HOUR, "credit": 1.0}, "time"),
    ],
)
def test_a_roll_is_due_on_delta_then_time_then_credit_then_time_value(
    changes: dict[str, float], trigger: str | None
) -> None:
    """80 % captured, one day, |delta| .45, two round trips: at the limit and just inside it."""
    market = quote_of(board(), WEEK.name, bid=0.0105, ask=0.0110, mark=0.0107)
    held = msgspec.structs.replace(held_on(market), **{"delta": 0.3, **changes})
    due = roll_due(held, SETTINGS)
    assert (due and due[0]) == trigger


def test_triggers_can_be_switched_off() -> None:
    """0 days, |delta| 1 and 0 round trips never ask; a chain without credit captures nothing."""
    off = RollChainSettings(roll_days=0, roll_delta=1, roll_extrinsic_multiple=0)
    market = quote_of(board(), WEEK.name, bid=0.0105, ask=0.0110, mark=0.0107)
    held = held_on(market, sold_at=0.011)
    assert roll_due(msgspec.structs.replace(held, delta=1.0, left=1, time_value=0.0), off) is None
    assert roll_due(msgspec.structs.replace(held, credit=0.0), off) is None


def target_of(market: Board, held: HeldLeg, trigger: str, **changes: float) -> Target | str:
    """Look for a target with some parameters changed."""
    settings = SETTINGS.model_copy(update=changes)
    return find_target(market, held, trigger, NOW - DAY, settings)  # type: ignore[arg-type]


def test_a_won_leg_moves_out_in_time_to_the_target_delta() -> None:
    """Captured: a later expiry, the delta of a first sale, a credit after both fees."""
    market = quote_of(board(), WEEK.name, bid=0.0010, ask=0.0015, mark=0.0012)
    found = target_of(market, held_on(market), "captured")
    assert isinstance(found, Target)
    row = market.row(found.leg.instrument)
    assert row is not None
    assert market.expires_at[row] == at_eight(14)
    assert market.delta[row] == pytest.approx(0.25, abs=0.02)
    fees = 0.0003 + 0.125 * 0.0015
    assert found.credit == pytest.approx(market.bid[row] - 0.0015 - fees)


def test_a_leg_in_danger_moves_up_and_out_as_far_as_a_credit_allows() -> None:
    """The next expiry; a higher strike; one strike further would cost."""
    market = board(index=94_000.0)
    found = target_of(market, held_on(market), "delta")
    assert isinstance(found, Target)
    row = market.row(found.leg.instrument)
    assert row is not None
    assert market.expires_at[row] == at_eight(14)
    assert market.strike[row] > 94_500.0
    assert found.credit >= 0
    assert market.bid[row + 2] - held_on(market).quote.touch_net - 2 * 0.0003 < 0


def test_puts_move_down_and_out() -> None:
    """The mirror: a lower strike of a later expiry, at a credit."""
    market = board(index=86_000.0)
    one = option("put", 85_500.0, at_eight(7))
    held = read_leg(market, chain((one, -1.0, 0.02)), Leg(one.name, 1.0))
    assert isinstance(held, HeldLeg)
    settings = RollChainSettings(option_type="put")
    found = find_target(market, held, "delta", NOW - DAY, settings)
    assert isinstance(found, Target)
    assert found.leg.instrument.endswith("-P")
    row = market.row(found.leg.instrument)
    assert row is not None
    assert market.strike[row] < 85_500.0
    assert found.credit >= 0


def test_what_stands_in_the_way_has_a_name() -> None:
    """No later expiry, beyond the cap of days, no quotes, no delta, no credit."""
    market = board(index=94_000.0)
    held = held_on(market)
    assert target_of(board(days=(1, 7), index=94_000.0), held, "delta") == "no_later_expiry"
    assert target_of(market, held, "delta", roll_days_max=10.0) == "no_later_expiry"
    assert target_of(market, held, "delta", total_days_max=10.0) == "days_cap"
    later = market.expires_at > at_eight(7)
    assert target_of(alter(market, {"bid": math.nan}, later), held, "delta") == "target_unquoted"
    assert (
        target_of(market, held, "captured", target_delta=0.999, delta_tolerance=0.01)
        == "target_no_delta"
    )
    nothing = alter(market, {"bid": 0.0001, "ask": 0.0005, "mark": 0.0003}, later)
    for trigger in ("delta", "time", "captured", "extrinsic"):
        assert target_of(nothing, held, trigger) == "no_credit"


def test_a_debit_is_paid_only_up_to_its_cap() -> None:
    """A cent less than nothing is refused by default, allowed as a share of the leg's credit."""
    market = board(index=94_000.0)
    later = market.expires_at > at_eight(7)
    held = held_on(market)
    price = held.quote.touch_net - 0.001
    poor = alter(market, {"bid": price, "ask": price + 0.0002, "mark": price}, later)
    assert target_of(poor, held, "delta") == "no_credit"
    found = target_of(poor, held, "delta", debit_max=0.1)
    assert isinstance(found, Target)
    assert found.credit == pytest.approx(-0.001 - 0.0006)
    assert -0.1 * held.credit <= found.credit < 0


def test_what_a_chain_lost_counts_beside_what_it_can_lose() -> None:
    """Sold at .02, rolled at a loss of .01 into .03: 1,000 USD at risk and .01 coin gone."""
    view = chain((WEEK, -1.0, 0.03))
    flows = {"BTC": round((0.02 - 0.03 + 0.03 - 3 * 0.0003) * 1e8)}
    lost = msgspec.structs.replace(view, flows=flows)
    assert total_risk(lost, 90_000.0) == pytest.approx(1_000 + (0.01 + 0.0009) * 90_000)
    won = msgspec.structs.replace(view, flows={"BTC": round(0.05 * 1e8)})
    assert total_risk(won, 90_000.0) == 0.0
    assert math.isnan(total_risk(lost, math.nan))


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"roll_delta": 0.25}, "roll_delta 0.25 must be above target_delta 0.25"),
        ({"roll_days": 2}, r"roll_days 2 must be below min_hours_left 48 \(hours\)"),
        ({"roll_days_max": 5}, "roll_days_max 5 must not be below target_days 7"),
        ({"total_days_max": 5}, "total_days_max 5 must not be below target_days 7"),
        ({"lifetime_minutes": 5}, "lifetime_minutes 5 must not be below patience_minutes 20"),
        ({"option_type": "straddle"}, "'call' or 'put'"),
        ({"debit_max": math.nan}, "finite"),
        ({"rolls_max": -1}, "greater than or equal to 0"),
        ({"take_profit": 0.5}, "Extra inputs"),
    ],
)
def test_parameters_that_contradict_each_other_are_refused(
    parameters: dict[str, object], said: str
) -> None:
    """Field, value, and what it collides with."""
    with pytest.raises(ValidationError, match=said):
        RollChainSettings.model_validate(parameters)
