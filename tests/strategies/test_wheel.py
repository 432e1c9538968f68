"""Wheels: what is sold first, what is done with coin that was assigned, and when a wheel ends."""

from __future__ import annotations

import math
from typing import Literal

import msgspec
import pytest

from tests.builders import NOW, alter, at_eight, board, chain, option, situation, working_order
from trader.domain.instruments import spot_pair
from trader.domain.portfolio import ChainView
from trader.domain.trading import Leg
from trader.domain.units import DAY, HOUR, MINUTE
from trader.strategies.strategy import Cadence, trades_linear
from trader.strategies.wheel import Wheel, WheelSettings

BOARD = board(inverse=False)
COIN = (spot_pair("BTC"), 1.0, 88_000.0)
CALL = option("call", 94_500.0, at_eight(7), inverse=False)
PUT = option("put", 85_500.0, at_eight(7), inverse=False)


def wheel(**parameters: object) -> Wheel:
    """Turn wheels of weekly options, asked each hour."""
    return Wheel(
        name="wheel",
        underlying="BTC",
        settings=WheelSettings.model_validate(parameters),
        timetable=Cadence(HOUR, 0, 5 * MINUTE),
    )


def managed(
    *chains: ChainView, occasion: Literal["open", "manage"] = "manage", **parameters: object
) -> tuple[str, tuple[str, ...]]:
    """Show a chain, at a review of the exits if not told: what is found, and what is proposed."""
    shown = situation(BOARD, occasion=occasion, chains=chains)
    (look, *_) = wheel(**parameters).consider(shown)
    assert look.chain_id == "K1"
    return look.finding, tuple(one.action for one in look.intents)


def test_a_wheel_begins_with_a_put_that_delivers_coin() -> None:
    """A quarter delta of next week, settled in USDC, sized as a share of the equity in coin."""
    assert trades_linear(wheel())
    (intent,) = wheel().propose(situation(BOARD))
    row = BOARD.row(intent.legs[0].instrument)
    assert row is not None
    assert BOARD.instruments[row].name.startswith("BTC_USDC-")
    assert BOARD.instruments[row].option_type == "put"
    assert BOARD.delta[row] == pytest.approx(-0.25, abs=0.03)
    assert (intent.action, intent.delivery) == ("open", "spot")
    assert intent.amount == pytest.approx(0.008 * 1_800_000 / 90_000)


def test_coin_alone_gets_a_call_above_its_price() -> None:
    """A hedge of the whole chain at the calls' own delta, at any occasion, and it says why."""
    shown = situation(BOARD, occasion="manage", chains=(chain(COIN),))
    (look,) = wheel().consider(shown)
    (cover,) = look.intents
    row = BOARD.row(cover.legs[0].instrument)
    assert row is not None
    assert (look.finding, cover.action, cover.chain_id) == ("covered", "hedge", "K1")
    assert (cover.amount, cover.delivery, cover.legs[0].ratio) == (1.0, "cash", -1)
    assert BOARD.delta[row] == pytest.approx(0.3, abs=0.03)
    assert BOARD.strike[row] >= 88_000
    assert cover.reason.startswith("assigned 1 BTC at 88,000.00: sell call at delta 0.")


def test_a_call_below_the_floor_is_not_sold() -> None:
    """Bought at 100,000 the calls near the target lie lower; without a floor they are sold."""
    dear = chain((spot_pair("BTC"), 1.0, 100_000.0))
    assert managed(dear) == ("no_delta", ())
    assert managed(dear, call_floor=0.0) == ("covered", ("hedge",))
    assert managed(chain((spot_pair("BTC"), 1.0, 200_000.0))) == ("below_floor", ())


def test_a_wheel_that_lasted_too_long_sells_its_coin() -> None:
    """No call of next week expires within the days allowed: the chain is closed at the market."""
    old = chain(COIN, approved_at=NOW - 178 * DAY)
    shown = situation(BOARD, occasion="manage", chains=(old,))
    (look,) = wheel().consider(shown)
    (close,) = look.intents
    assert (look.finding, close.action, close.legs) == ("close", "close", (Leg("BTC_USDC", -1.0),))
    assert close.pricing.limit_net is None
    assert close.reason == (
        "time: 178 days of at most 180 and no call expires before; sell the coin bought at "
        "88,000.00"
    )
    assert managed(chain(COIN, approved_at=NOW - 160 * DAY)) == ("covered", ("hedge",))


@pytest.mark.parametrize(
    ("view", "finding"),
    [
        (chain((PUT, -1.0, 700.0)), "held"),
        (chain(COIN, (CALL, -1.0, 700.0)), "held"),
        (chain((option("put", 95_000.0, at_eight(0), inverse=False), -1.0, 9.0)),
         "pending_settlement"),
        (chain((CALL, -1.0, 700.0), state="pending_settlement"), "pending_settlement"),
        (chain((PUT, 1.0, 700.0)), "not_ours"),
        (chain(COIN, (CALL, -2.0, 700.0)), "not_ours"),
        (chain((PUT, -1.0, 700.0), (CALL, -1.0, 700.0)), "not_ours"),
        (chain(COIN, (option("call", 95_123.0, inverse=False), -1.0, 9.0)), "leg_unlisted"),
    ],
)  # fmt: skip
def test_every_wheel_left_alone_has_a_reason(view: ChainView, finding: str) -> None:
    """Held to its settlement, waiting for a price, of another shape, off the board."""
    assert managed(view) == (finding, ())


def test_a_working_order_is_left_to_work() -> None:
    """No second call while one is at work."""
    shown = situation(
        BOARD, occasion="manage", chains=(chain(COIN),), orders=(working_order("hedge"),)
    )
    assert [one.finding for one in wheel().consider(shown)] == ["order_working"]


def test_nothing_is_sold_on_quotes_that_cannot_be_used() -> None:
    """Stale and one-sided boards leave the coin as it is."""
    for columns, finding in (({"fresh": False}, "quotes_stale"),
                             ({"bid": math.nan}, "quotes_one_sided")):  # fmt: skip
        shown = situation(alter(BOARD, columns), occasion="manage", chains=(chain(COIN),))
        (look,) = wheel().consider(shown)
        assert (look.finding, look.intents) == (finding, ())


def test_a_defended_leg_is_rolled_where_that_pays_and_settles_where_not() -> None:
    """Down and out for puts, up and out for calls; no close takes the place of a roll."""
    threatened = chain((option("put", 91_800.0, at_eight(3), inverse=False), -1.0, 900.0))
    assert managed(threatened, occasion="open", roll_delta=0.5) == ("roll", ("roll",))
    assert managed(threatened, roll_delta=0.5, rolls_max=0) == ("held_to_expiry", ())
    assert managed(threatened, roll_delta=0.5, total_days_max=8) == ("held_to_expiry", ())
    called = chain(COIN, (option("call", 88_200.0, at_eight(3), inverse=False), -1.0, 900.0))
    assert managed(called, occasion="open", roll_delta=0.5) == ("roll", ("roll",))
    assert managed(called) == ("held", ())


def test_a_roll_is_asked_for_on_the_own_cadence_alone() -> None:
    """What the gate refuses stays due: asked at each review it would fill the journal."""
    threatened = chain((option("put", 91_800.0, at_eight(3), inverse=False), -1.0, 900.0))
    assert managed(threatened, roll_delta=0.5) == ("roll_due", ())


def test_a_roll_names_its_new_leg_alone() -> None:
    """The engine adds what is bought back; the coin stays."""
    called = chain(COIN, (option("call", 88_200.0, at_eight(3), inverse=False), -1.0, 900.0))
    shown = situation(BOARD, chains=(called,))
    (roll,) = wheel(roll_delta=0.5).propose(shown)
    (leg,) = roll.legs
    row = BOARD.row(leg.instrument)
    assert row is not None
    assert BOARD.strike[row] > 88_200
    assert BOARD.expires_at[row] > at_eight(3)
    assert roll.reason.startswith("delta: |delta| 0.")
    assert "roll 1 of 6 into BTC_USDC-" in roll.reason


def test_a_roll_below_the_floor_is_left_out() -> None:
    """The call settles rather than promise the coin for less than it cost."""
    cheap = chain((spot_pair("BTC"), 1.0, 99_000.0),
                  (option("call", 99_000.0, at_eight(3), inverse=False), -1.0, 900.0))  # fmt: skip
    finding, _ = managed(cheap, roll_captured=0.2)
    assert finding == "held_to_expiry"
    assert managed(cheap, roll_captured=0.2, call_floor=0.0)[0] == "roll_due"


def test_what_a_wheel_lost_counts_against_its_risk() -> None:
    """Settled at a loss of 5,000 with 55,000 of coin at risk: beyond a limit nothing is opened."""
    lost = msgspec.structs.replace(
        chain((spot_pair("BTC"), 1.0, 55_000.0)),
        max_loss_usd=55_000.0,
        flows={"USDC": -59_000 * 10**8},
    )
    looks = wheel(chains_max=2, total_risk_max=0.032).consider(situation(BOARD, chains=(lost,)))
    assert looks[-1].finding == "total_risk_max"
    looks = wheel(chains_max=2, total_risk_max=0.033).consider(situation(BOARD, chains=(lost,)))
    assert looks[-1].finding == "open"


def test_sketch_is_one_short_put_in_usdc() -> None:
    """A week away, priced in USDC."""
    (leg,) = wheel().sketch(90_000.0, 0.55, NOW)
    assert leg.instrument.name.startswith("BTC_USDC-")
    assert leg.instrument.settlement_currency == "USDC"
    assert 100 < leg.price < 2_000
