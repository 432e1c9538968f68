"""Does every movement of money have two sides, in the currency it belongs to?"""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import option
from tests.engine.books import (
    CALL,
    CALL_UP,
    FUTURE,
    INDEX,
    LINEAR,
    LINEAR_PERPETUAL,
    PERPETUAL,
    PUT,
    leg_fill,
    price_of,
)
from trader.domain.errors import InvariantBroken
from trader.domain.facts import Posting
from trader.domain.instruments import Instrument, spot_pair
from trader.domain.portfolio import Position
from trader.domain.units import from_atoms, to_atoms
from trader.domain.valuation import delivery_fee
from trader.engine.chains import LegBook
from trader.engine.posting import (
    assert_balanced,
    deliver_spot,
    fill_postings,
    move,
    settle_leg,
)

CONTRACTS = (CALL, PUT, LINEAR, PERPETUAL, LINEAR_PERPETUAL, FUTURE)
WEEKLY = msgspec.structs.replace(CALL, settlement_period="week")
TRADES = st.lists(st.tuples(st.integers(-50, 50).filter(bool), st.floats(-0.3, 0.3)), max_size=12)


def _cash(postings: tuple[Posting, ...], currency: str) -> int:
    return sum(one.atoms for one in postings if (one.book, one.currency) == ("cash", currency))


def _traded(instrument: Instrument, trades: list[tuple[int, float]]) -> tuple[LegBook, int, int]:
    """Trade whole steps at moved prices; return what is held, cash before fees, and fees."""
    book, cash, fees = LegBook(instrument), 0, 0
    for steps, moved in trades:
        fill = leg_fill(
            instrument, steps * instrument.min_trade_amount, price_of(instrument, moved)
        )
        postings = fill_postings(instrument, fill, book.amount, book.entry_price)
        assert_balanced(postings)
        assert {one.currency for one in postings} <= {instrument.settlement_currency}
        cash += _cash(postings, instrument.settlement_currency) + fill.fee_atoms
        fees += fill.fee_atoms
        book.add(fill.amount, fill.price)
    return book, cash, fees


@pytest.mark.parametrize("instrument", CONTRACTS, ids=lambda one: one.name)
@settings(max_examples=40)
@given(TRADES)
def test_a_round_trip_earns_what_the_prices_say(
    instrument: Instrument, trades: list[tuple[int, float]]
) -> None:
    """However it was averaged, reduced and turned: flat again, cash is the sum of the trades.

    Options and linear contracts: -sum(amount * price). Inverse perpetuals and futures: each trade
    buys amount / price coin of a dollar's short, so the sum is sum(amount / price).
    """
    held = -sum(steps for steps, _ in trades)
    whole = [*trades, (held, 0.05)] if held else trades
    book, cash, fees = _traded(instrument, whole)
    assert book.amount == 0
    assert fees >= 0
    step = instrument.min_trade_amount
    sold = [(steps * step, price_of(instrument, moved)) for steps, moved in whole]
    if instrument.kind != "option" and instrument.inverse:
        due = math.fsum(amount / price for amount, price in sold)
    else:
        due = -math.fsum(amount * price for amount, price in sold)
    turnover = math.fsum(abs(amount) * price for amount, price in sold)
    assert from_atoms(cash) == pytest.approx(due, abs=1e-8 * len(whole) + 1e-13 * turnover)


def test_trap_coin_premium_subtracted_from_a_usd_pile() -> None:
    """A premium in coin moves coin and nothing else; a linear premium moves USDC."""
    bought = fill_postings(CALL, leg_fill(CALL, 2.0, 0.02), 0.0, 0.0)
    assert bought == (
        Posting("cash", "BTC", -4_000_000),
        Posting("premium", "BTC", 4_000_000),
        Posting("cash", "BTC", -60_000),
        Posting("fees", "BTC", 60_000),
    )
    linear = fill_postings(LINEAR, leg_fill(LINEAR, -1.0, 900.0), 0.0, 0.0)
    assert [one for one in linear if one.book == "premium"] == [
        Posting("premium", "USDC", to_atoms(-900.0))
    ]


def test_trap_inverse_option_pnl_with_the_futures_formula() -> None:
    """Bought at 0.02 and sold at 0.03 coin, one unit earns 0.01 coin less both fees."""
    fills = [leg_fill(CALL, 1.0, 0.02), leg_fill(CALL, -1.0, 0.03)]
    postings = (*fill_postings(CALL, fills[0], 0, 0), *fill_postings(CALL, fills[1], 1.0, 0.02))
    assert _cash(postings, "BTC") == to_atoms(0.01) - 60_000


def test_a_perpetual_moves_cash_only_where_it_reduces() -> None:
    """Opening and enlarging pay fees alone; reducing pays the result of what was reduced."""
    opened = fill_postings(PERPETUAL, leg_fill(PERPETUAL, 9_000.0, INDEX), 0.0, 0.0)
    assert [one.book for one in opened] == ["cash", "fees"]
    enlarged = fill_postings(PERPETUAL, leg_fill(PERPETUAL, 10.0, INDEX), 9_000.0, INDEX)
    assert [one.book for one in enlarged] == ["cash", "fees"]
    sold = leg_fill(PERPETUAL, -4_500.0, 100_000.0)
    reduced = fill_postings(PERPETUAL, sold, 9_000.0, INDEX)
    realized = [one.atoms for one in reduced if one.book == "realized"]
    assert realized == [-to_atoms(4_500 / 90_000 - 4_500 / 100_000)]


def test_turning_a_perpetual_realizes_the_old_side_only() -> None:
    """Sold 3 while 1 is held: the result of 1, the other 2 are a new short."""
    sold = leg_fill(LINEAR_PERPETUAL, -3.0, 100_000.0)
    postings = fill_postings(LINEAR_PERPETUAL, sold, 1.0, 90_000.0)
    assert _cash(postings, "USDC") + sold.fee_atoms == to_atoms(10_000.0)


def test_what_is_nothing_is_not_booked() -> None:
    """No zero postings: a worthless leg without a fee books nothing."""
    assert move("fees", "BTC", 0) == ()
    leg, postings = settle_leg(Position("C1", CALL_UP, 1.0, 0.01), 80_000.0)
    assert (leg.payoff, leg.paid_atoms, leg.fee_atoms, postings) == (0.0, 0, 0, ())


def test_postings_off_by_an_atom_are_refused() -> None:
    """One atom too much, or the other side in another currency, is a bug of ours."""
    with pytest.raises(InvariantBroken, match=r"'BTC': 1"):
        assert_balanced((Posting("cash", "BTC", 2), Posting("fees", "BTC", -1)))
    with pytest.raises(InvariantBroken, match="do not sum to zero"):
        assert_balanced((Posting("cash", "BTC", 1), Posting("fees", "USDC", -1)))
    assert_balanced(())


@given(
    st.sampled_from(CONTRACTS),
    st.integers(-100, 100).filter(bool),
    st.floats(-0.2, 0.2),
    st.floats(50_000.0, 150_000.0),
)
def test_settlement_pays_the_payoff_less_the_delivery_fee(
    instrument: Instrument, steps: int, moved: float, delivery: float
) -> None:
    """Whatever is settled: two sides, one currency, cash = paid - fee, the fee ours to bear."""
    amount = steps * instrument.min_trade_amount
    held = Position("C1", instrument, amount, price_of(instrument, moved))
    leg, postings = settle_leg(held, delivery)
    assert_balanced(postings)
    assert _cash(postings, instrument.settlement_currency) == leg.paid_atoms - leg.fee_atoms
    over = from_atoms(leg.fee_atoms) - delivery_fee(instrument, amount, delivery)
    assert -1e-12 < over < 1e-8
    if instrument.kind == "option":
        assert leg.paid_atoms * amount >= 0
        assert leg.payoff >= 0
    else:
        assert leg.payoff == delivery


def test_a_weekly_pays_for_its_delivery_a_daily_does_not() -> None:
    """100,000 against a strike of 92,500: 0.075 coin, of it 0.00015 goes to the venue."""
    daily, _ = settle_leg(Position("C1", CALL, -2.0, 0.01), 100_000.0)
    weekly, _ = settle_leg(Position("C1", WEEKLY, -2.0, 0.01), 100_000.0)
    assert (daily.paid_atoms, daily.fee_atoms) == (-15_000_000, 0)
    assert (weekly.paid_atoms, weekly.fee_atoms) == (-15_000_000, 30_000)


@pytest.mark.parametrize("price", [math.nan, 0.0, -1.0, math.inf])
def test_no_leg_is_settled_at_what_is_no_price(price: float) -> None:
    """A missing delivery price is never a payoff of nothing."""
    with pytest.raises(ValueError, match="delivery_price"):
        settle_leg(Position("C1", CALL, 1.0, 0.01), price)


LINEAR_PUT = option("put", 92_500.0, inverse=False)


@pytest.mark.parametrize(
    ("held", "coins", "price", "moved"),
    [
        (Position("C1", LINEAR_PUT, -2.0, 900.0), 0.0, 90_000.0, 2.0),
        (Position("C1", LINEAR_PUT, -2.0, 900.0), 0.0, 92_500.0, None),
        (Position("C1", LINEAR_PUT, 2.0, 900.0), 0.0, 90_000.0, None),
        (Position("C1", PUT, -2.0, 0.01), 0.0, 80_000.0, None),
        (Position("C1", LINEAR, -2.0, 900.0), 2.0, 95_000.0, -2.0),
        (Position("C1", LINEAR, -2.0, 900.0), 0.5, 95_000.0, -0.5),
        (Position("C1", LINEAR, -2.0, 900.0), 0.0, 95_000.0, None),
        (Position("C1", LINEAR, -2.0, 900.0), 2.0, 90_000.0, None),
    ],
)
def test_an_assignment_moves_coin_at_the_delivery_price(
    held: Position, coins: float, price: float, moved: float | None
) -> None:
    """Short puts in the money buy, short calls sell what is held; others nothing."""
    assigned = deliver_spot(held, coins, price, spot_pair("BTC"))
    if assigned is None:
        assert moved is None
        return
    spot, postings = assigned
    assert (spot.amount, spot.price, spot.fee_atoms) == (moved, price, 0)
    assert spot.paid_atoms == to_atoms(-spot.amount * price)
    assert_balanced(postings)
    assert _cash(postings, "USDC") == spot.paid_atoms


@given(st.floats(40_000.0, 160_000.0), st.integers(1, 300))
def test_settlement_and_coin_together_are_the_strike(price: float, steps: int) -> None:
    """What a put costs and a call brings is its strike, wherever it was delivered."""
    amount = steps / 100
    for option_, sign in ((LINEAR_PUT, -1), (LINEAR, 1)):
        held = Position("C1", option_, -amount, 900.0)
        assigned = deliver_spot(held, amount, price, spot_pair("BTC"))
        if assigned is not None:
            _, paid = settle_leg(held, price)
            cash = _cash(paid, "USDC") + _cash(assigned[1], "USDC")
            assert abs(cash - sign * to_atoms(amount * 92_500.0)) <= 2


def test_coin_pays_the_fee_of_its_pair_and_is_no_premium() -> None:
    """.1 % of 90,000 for one coin; what it cost stands in a book of its own."""
    dear = msgspec.structs.replace(spot_pair("BTC"), taker_fee_rate=0.001)
    assigned = deliver_spot(Position("C1", LINEAR_PUT, -1.0, 900.0), 0.0, 90_000.0, dear)
    assert assigned is not None
    assert assigned[0].fee_atoms == to_atoms(90.0)
    assert _cash(assigned[1], "USDC") == -to_atoms(90_090.0)
    bought = fill_postings(spot_pair("BTC"), leg_fill(spot_pair("BTC"), 1.0, 90_000.0), 0.0, 0.0)
    assert {one.book for one in bought} == {"cash", "spot"}
