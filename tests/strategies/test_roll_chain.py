"""Roll chains: what is sold first, what a chain that is due proposes, and when nothing is."""

from __future__ import annotations

import math

import msgspec
import pytest

from tests.builders import NOW, alter, at_eight, board, chain, option, situation, working_order
from trader.domain.portfolio import ChainView
from trader.domain.trading import Leg
from trader.domain.units import HOUR, MINUTE
from trader.strategies.roll_chain import RollChain
from trader.strategies.rolling import RollChainSettings
from trader.strategies.strategy import Cadence


def roller(**parameters: object) -> RollChain:
    """Roll weekly options, asked each hour."""
    return RollChain(
        name="rolls",
        underlying="BTC",
        settings=RollChainSettings.model_validate(parameters),
        timetable=Cadence(HOUR, 0, 5 * MINUTE),
    )


def due(rolls: int = 0, **changes: object) -> ChainView:
    """Hold a call that expires tomorrow: a roll is due on time."""
    view = chain((option("call", 92_250.0, at_eight(1)), -0.6, 0.02), units=0.6)
    return msgspec.structs.replace(view, rolls=rolls, **changes)


@pytest.mark.parametrize(("kind", "letter"), [("call", "C"), ("put", "P")])
def test_the_first_leg_is_a_quarter_delta_of_next_week(kind: str, letter: str) -> None:
    """Sized as a share of the equity in coin, so that the gate has room for its rolls."""
    market = board()
    (intent,) = roller(option_type=kind).propose(situation(market))
    row = market.row(intent.legs[0].instrument)
    assert row is not None
    assert market.instruments[row].name.endswith(letter)
    assert market.expires_at[row] == at_eight(7)
    assert abs(market.delta[row]) == pytest.approx(0.25, abs=0.03)
    assert intent.amount == pytest.approx(0.02 * 1_800_000 / 90_000)
    assert roller(equity_share=0).propose(situation(market))[0].amount is None


def test_a_roll_comes_with_the_close_that_replaces_it() -> None:
    """First the roll with its new leg, then the close of the old one, both of the same chain."""
    (look,) = roller().consider(situation(board(), occasion="manage", chains=(due(),)))
    roll, close = look.intents
    assert (look.finding, look.chain_id) == ("roll", "K1")
    assert (roll.action, close.action) == ("roll", "close")
    assert roll.chain_id == close.chain_id == "K1"
    assert roll.legs[0].ratio == -1
    assert close.legs == (Leg(option("call", 92_250.0, at_eight(1)).name, 1.0),)
    assert roll.reason.startswith("time: 0.6 days left of at least 1; roll 1 of 6 into BTC-")
    assert close.reason.endswith("its roll was refused")
    assert roll.pricing.worst_net is not None
    assert roll.pricing.worst_net < 0


def test_the_last_roll_allowed_is_followed_by_a_close() -> None:
    """Six rolls by default: the seventh is a close that says so."""
    (roll, _) = roller().propose(situation(board(), occasion="manage", chains=(due(5),)))
    assert "roll 6 of 6" in roll.reason
    (close,) = roller().propose(situation(board(), occasion="manage", chains=(due(6),)))
    assert close.action == "close"
    assert close.reason.endswith("rolled as often as allowed")


def test_a_chain_over_its_risk_is_closed_and_none_is_opened() -> None:
    """3 % of 1.8 million: a chain that can lose 60,000 USD is not rolled on."""
    heavy = due(max_loss_usd=60_000.0)
    shown = situation(board(), chains=(heavy,))
    managed, opening = roller(chains_max=2).consider(shown)
    assert managed.intents[0].reason.endswith("its risk would pass total_risk_max")
    assert (opening.finding, opening.intents) == ("total_risk_max", ())


@pytest.mark.parametrize(
    ("view", "finding"),
    [
        (chain((option("call", 94_500.0, at_eight(7)), -1.0, 0.012)), "held"),
        (chain((option("put", 95_000.0, at_eight(0)), -1.0, 0.01)), "pending_settlement"),
        (chain((option(), -1.0, 0.01), state="pending_settlement"), "pending_settlement"),
        (chain((option(), 1.0, 0.01)), "not_ours"),
        (chain((option(), -1.0, 0.01), (option("put"), -1.0, 0.01)), "not_ours"),
        (chain((option("call", 95_123.0), -1.0, 0.01)), "leg_unlisted"),
    ],
)
def test_every_chain_left_alone_has_a_reason(view: ChainView, finding: str) -> None:
    """Held, waiting for its price, of another shape, or off the board: named, nothing proposed."""
    (look,) = roller().consider(situation(board(), occasion="manage", chains=(view,)))
    assert (look.finding, look.intents) == (finding, ())


def test_a_working_order_is_left_to_work() -> None:
    """Neither another roll nor a close while one is at work; no opening beside another."""
    shown = situation(board(), chains=(due(),), orders=(working_order("roll"),))
    assert [one.finding for one in roller().consider(shown)] == ["order_working", "chains_max"]
    opening = situation(board(), orders=(working_order("open", chain_id="K2"),))
    assert [one.finding for one in roller().consider(opening)] == ["order_working"]


def test_a_market_that_may_come_back_is_waited_for_until_time_runs_out() -> None:
    """No later quotes: a captured leg waits, one at its end is closed."""
    market = board()
    later = market.expires_at > at_eight(7)
    silent = alter(market, {"bid": math.nan}, later)
    won = chain((option("call", 94_500.0, at_eight(7)), -1.0, 0.2))
    (look,) = roller().consider(situation(silent, occasion="manage", chains=(won,)))
    assert (look.finding, look.intents) == ("target_unquoted", ())
    silent = alter(market, {"bid": math.nan}, market.expires_at > at_eight(1))
    (look,) = roller().consider(situation(silent, occasion="manage", chains=(due(),)))
    assert look.finding == "close"
    assert look.intents[0].reason.endswith("no later option shows both sides")


def test_every_opening_left_out_has_a_reason() -> None:
    """An account without worth, a slot that is used, a board without what is asked for."""
    market = board()
    for shown, finding in (
        (situation(market, equity_usd=math.nan), "equity_unknown"),
        (situation(board(days=())), "board_empty"),
        (situation(board(days=(1,))), "no_expiry"),
        (situation(alter(market, {"fresh": False})), "quotes_stale"),
        (situation(alter(market, {"ask": math.nan})), "quotes_one_sided"),
        (situation(alter(market, {"delta": math.nan})), "no_delta"),
        (situation(alter(market, {"mark": 0.0001})), "credit_too_small"),
    ):
        (look,) = roller().consider(shown)
        assert (look.finding, look.intents) == (finding, ())
    now = chain((option("call", 94_500.0, at_eight(7)), -1.0, 0.012), approved_at=NOW)
    looks = roller(chains_max=2).consider(situation(market, chains=(now,)))
    assert looks[-1].finding == "opened_this_slot"


def test_sketch_is_one_short_option_of_its_kind() -> None:
    """One lot, a week away."""
    (leg,) = roller(option_type="put").sketch(90_000.0, 0.55, NOW)
    assert leg.instrument.name.endswith("-P")
    assert leg.ratio == -1
