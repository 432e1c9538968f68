"""Is what is shown what was quoted, and is it believed only while it deserves it?"""

from __future__ import annotations

import math
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import NOW, at_eight, hourly_bars, option
from tests.engine.books import CALL, CALL_UP, INDEX, LINEAR, PERPETUAL, PUT
from tests.engine.quotes import AGE_S_MAX, market_of, quote_of
from trader.domain.events import (
    BoardSnapshot,
    FeedLost,
    FeedRestored,
    FundingRate,
    IndexPrice,
)
from trader.domain.instruments import Instrument
from trader.domain.market import Board, Touch
from trader.domain.units import DAY, HOUR, SECOND
from trader.engine.market_state import MarketState
from trader.engine.trust import ALL

LATER = option("call", 92_500.0, at_eight(2))
BTC = (CALL, CALL_UP, PUT, LATER)
NO_PRICES = [0.0, -0.01, math.nan, math.inf, -math.inf]


def touch_of(market: MarketState, instrument: Instrument) -> Touch:
    """Show a contract that is listed."""
    touch = market.touch(instrument.name)
    assert touch is not None
    return touch


def snapshot_of(
    instruments: tuple[Instrument, ...], at: int = NOW, /, **columns: Any
) -> BoardSnapshot:
    """Put the same two-sided quote of every contract into one snapshot."""
    quotes = [quote_of(one) for one in instruments]
    names = ("bid", "bid_amount", "ask", "ask_amount", "mark", "mark_iv", "underlying_price")
    arrays = {name: np.array([getattr(one, name) for one in quotes]) for name in names}
    given = {name: np.array(values, dtype=np.float64) for name, values in columns.items()}
    return BoardSnapshot("BTC", at, INDEX, instruments, **{**arrays, **given})


def seen(market: MarketState, *instruments: Instrument) -> list[list[object]]:
    """Write down what is displayed; NaN equals NaN."""
    return [
        [str(getattr(touch_of(market, one), field)) for field in Touch.__struct_fields__]
        for one in instruments
    ]


@pytest.mark.parametrize("value", NO_PRICES)
@pytest.mark.parametrize("side", ["bid", "ask"])
def test_trap_zero_on_one_side_read_as_a_free_option(side: str, value: float) -> None:
    """A side of 0, less, NaN or infinity is NaN wherever it is read: touch, board, snapshot."""
    one_by_one, at_once = market_of(CALL), market_of(CALL)
    one_by_one.quote(quote_of(CALL, **{side: value}), NOW)
    at_once.snapshot(snapshot_of((CALL,), **{side: [value]}), NOW)
    for market in (one_by_one, at_once):
        touch = touch_of(market, CALL)
        assert math.isnan(getattr(touch, side))
        assert not touch.two_sided
        assert math.isnan(getattr(market.board("BTC"), side)[0])
        assert touch.fresh


@pytest.mark.parametrize("value", NO_PRICES)
@pytest.mark.parametrize("side", ["bid_amount", "ask_amount"])
def test_a_size_that_is_none_is_nothing(side: str, value: float) -> None:
    """A displayed size of NaN is no size, not an infinite one."""
    one_by_one, at_once = market_of(CALL), market_of(CALL)
    one_by_one.quote(quote_of(CALL, **{side: value}), NOW)
    at_once.snapshot(snapshot_of((CALL,), **{side: [value]}), NOW)
    for market in (one_by_one, at_once):
        assert getattr(touch_of(market, CALL), side) == 0.0
        assert not touch_of(market, CALL).two_sided


@pytest.mark.parametrize("price", NO_PRICES)
def test_an_index_that_is_no_price_is_ignored(price: float) -> None:
    """The last good index stands, ages on, and no bar hears of the bad one."""
    market = market_of(CALL)
    market.quote(quote_of(CALL), NOW)
    market.index_price(IndexPrice("BTC", price, NOW + 1), NOW + 1)
    market.index_price(IndexPrice("ETH", price, NOW + 1), NOW + 1)
    assert market.index("BTC") == INDEX
    assert math.isnan(market.index("ETH"))
    assert market.rates() == {"BTC": INDEX, "USDC": 1.0}
    assert touch_of(market, CALL).fresh
    market.index_price(IndexPrice("BTC", INDEX, NOW + HOUR), NOW + HOUR)
    assert market.history("BTC").low == (INDEX,)


@pytest.mark.parametrize("speed", [1.0, 300.0])
def test_a_quote_is_stale_by_market_age_over_speed(speed: float) -> None:
    """30 wall seconds at 300x are 9,000 market seconds; one nanosecond more is stale."""
    market = market_of(CALL, speed=speed)
    market.quote(quote_of(CALL), NOW)
    limit = int(AGE_S_MAX * speed) * SECOND
    for at, fresh in ((NOW + limit, True), (NOW + limit + 1, False)):
        market.at = at
        market.index_price(IndexPrice("BTC", INDEX, at), at)
        assert touch_of(market, CALL).fresh is fresh
        assert market.board("BTC").fresh.tolist() == [fresh]
    assert touch_of(market, CALL).age_s == pytest.approx(AGE_S_MAX)


def test_an_old_index_makes_every_quote_stale() -> None:
    """Without a current index nothing can be checked against it."""
    market = market_of(CALL)
    market.at = NOW + 31 * SECOND
    market.quote(quote_of(CALL, market.at), market.at)
    assert not market.index_fresh("BTC")
    assert not touch_of(market, CALL).fresh
    assert not market.board("BTC").fresh.any()
    assert market.index("BTC") == INDEX


def test_what_was_never_quoted_shows_nothing() -> None:
    """A new listing has no price, no age and no freshness; a stranger no touch at all."""
    market = market_of(CALL)
    touch = touch_of(market, CALL)
    assert math.isnan(touch.bid)
    assert (touch.fresh, touch.age_s) == (False, math.inf)
    assert not market.board("BTC").fresh.any()
    assert market.touch("BTC-1JAN30-1-C") is None
    assert market.instrument("BTC-1JAN30-1-C") is None


@pytest.mark.parametrize(
    ("index_price", "fresh"),
    [(INDEX * 1.0099, True), (INDEX * 1.0101, False), (INDEX * 0.9899, False), (0.0, False),
     (math.inf, False), (math.nan, True)],
)  # fmt: skip
def test_a_ticker_whose_index_disagrees_is_not_believed(index_price: float, fresh: bool) -> None:
    """More than 1 % off the index channel is stale; a ticker that states none cannot disagree."""
    market = market_of(CALL)
    market.quote(quote_of(CALL, index_price=index_price), NOW)
    assert touch_of(market, CALL).fresh is fresh
    assert market.board("BTC").fresh.tolist() == [fresh]


def test_a_quote_of_nobody_leaves_nothing() -> None:
    """What is not listed is not kept: no row, no funding rate, no suspension lifted."""
    market = market_of(CALL)
    assert not market.quote(quote_of(PUT), NOW)
    assert PUT.name not in market
    market.funding_rate(FundingRate(PERPETUAL.name, 0.0001, NOW))
    assert market.funding == {}


@pytest.mark.parametrize("rate_8h", [math.nan, math.inf])
def test_a_funding_rate_that_is_none_changes_nothing(rate_8h: float) -> None:
    """The last rate that was a number stands, until its perpetual leaves."""
    market = market_of(PERPETUAL)
    market.funding_rate(FundingRate(PERPETUAL.name, 0.0001, NOW))
    market.funding_rate(FundingRate(PERPETUAL.name, rate_8h, NOW))
    assert market.funding == {PERPETUAL.name: 0.0001}
    market.expire((PERPETUAL.name,))
    assert market.funding == {}


def test_the_past_does_not_overwrite_the_present() -> None:
    """Quotes and indices that come out of order are dropped; the same instant may be corrected."""
    market = market_of(CALL, at=NOW + SECOND)
    market.quote(quote_of(CALL, NOW + SECOND, bid=0.009), NOW + SECOND)
    assert not market.quote(quote_of(CALL, NOW, bid=0.001), NOW + SECOND)
    market.index_price(IndexPrice("BTC", 1.0, NOW), NOW + SECOND)
    assert touch_of(market, CALL).bid == 0.009
    assert market.index("BTC") == INDEX
    assert market.quote(quote_of(CALL, NOW + SECOND, bid=0.008), NOW + SECOND)
    assert touch_of(market, CALL).bid == 0.008


def test_a_quote_from_the_future_is_doubted() -> None:
    """A little ahead is a clock that differs; hours ahead would stay young for hours."""
    market = market_of(CALL)
    market.quote(quote_of(CALL, NOW + SECOND), NOW)
    assert (touch_of(market, CALL).fresh, touch_of(market, CALL).age_s) == (True, 0.0)
    market.quote(quote_of(CALL, NOW + HOUR), NOW)
    assert not touch_of(market, CALL).fresh
    market.quote(quote_of(CALL, NOW), NOW)
    assert touch_of(market, CALL).fresh


def test_trap_after_a_reconnect_old_quotes_are_still_believed() -> None:
    """A restored feed makes nothing fresh: each contract and index counts from its next quote."""
    market = market_of(CALL, PUT)
    for one in (CALL, PUT):
        market.quote(quote_of(one), NOW)
    market.lost(FeedLost("server_gone", (ALL,), "test"))
    market.trust.restored(FeedRestored((ALL,), "test"))
    market.quote(quote_of(CALL, NOW + 1), NOW + 1)
    assert not touch_of(market, CALL).fresh, "its index has not spoken again"
    market.index_price(IndexPrice("BTC", INDEX, NOW + 1), NOW + 1)
    assert touch_of(market, CALL).fresh
    assert not touch_of(market, PUT).fresh
    assert market.board("BTC").fresh.tolist() == [False, True]
    assert touch_of(market, PUT).bid == 0.010, "still shown, as what it is: old"


def test_one_lost_channel_doubts_its_own_contract() -> None:
    """A gap in one book says nothing of another, and the next quote heals it."""
    market = market_of(CALL, PUT)
    for one in (CALL, PUT):
        market.quote(quote_of(one), NOW)
    market.lost(FeedLost("gap", (CALL.name, "unknown"), "test"))
    assert [touch_of(market, one).fresh for one in (CALL, PUT)] == [False, True]
    market.trust.restored(FeedRestored((CALL.name,), "test"))
    assert not touch_of(market, CALL).fresh
    market.quote(quote_of(CALL), NOW)
    assert touch_of(market, CALL).fresh


def test_a_lost_index_doubts_its_underlying() -> None:
    """Without its index no contract of BTC is believed, until the index speaks."""
    market = market_of(CALL)
    market.quote(quote_of(CALL), NOW)
    market.lost(FeedLost("mute_channel", ("index:BTC",), "test"))
    assert not touch_of(market, CALL).fresh
    market.trust.restored(FeedRestored(("index:BTC",), "test"))
    assert not market.index_fresh("BTC")
    market.index_price(IndexPrice("BTC", INDEX, NOW), NOW)
    assert touch_of(market, CALL).fresh


def test_an_expired_contract_is_not_fresh() -> None:
    """From its expiry on, though still listed and just quoted, nothing can be traded on it."""
    at = (CALL.expires_at or 0) - 1
    market = market_of(CALL, LATER, at=at)
    for fresh in (True, False):
        for one in (CALL, LATER):
            market.quote(quote_of(one, market.at), market.at)
        market.index_price(IndexPrice("BTC", INDEX, market.at), market.at)
        assert [touch_of(market, one).fresh for one in (CALL, LATER)] == [fresh, True]
        assert market.board("BTC").fresh.tolist() == [fresh, True]
        market.at += 1


ROWS = st.lists(
    st.tuples(
        *[st.sampled_from([0.0, 0.01, 0.02, math.nan, -1.0, math.inf])] * 5,
        st.sampled_from([0.0, 0.5, math.nan]),
        st.sampled_from([INDEX, math.nan]),
    ),
    min_size=4,
    max_size=4,
)


@settings(max_examples=50)
@given(st.lists(st.tuples(ROWS, st.integers(-5, 40), st.integers(0, 9)), min_size=1, max_size=4))
def test_a_snapshot_equals_the_same_quotes_one_by_one(
    boards: list[tuple[list[tuple[float, ...]], int, int]],
) -> None:
    """Prices, sizes, ages, order of time and trust: a board at once is its quotes, one by one."""
    at_once, one_by_one = market_of(*BTC), market_of(*BTC)
    for rows, ahead_s, lost in boards:
        for market in (at_once, one_by_one):
            market.at += 10 * SECOND
            if lost == 0:
                market.lost(FeedLost("gap", (CALL.name, PUT.name), "test"))
            if lost == 1:
                market.lost(FeedLost("server_gone", (ALL,), "test"))
        at = at_once.at
        exchange_at = at + ahead_s * SECOND
        names = ("bid", "bid_amount", "ask", "ask_amount", "mark", "mark_iv", "underlying_price")
        columns = dict(zip(names, zip(*rows, strict=True), strict=True))
        at_once.snapshot(snapshot_of(BTC, exchange_at, **columns), at)
        for instrument, row in zip(BTC, rows, strict=True):
            changes = dict(zip(names, row, strict=True))
            one_by_one.quote(quote_of(instrument, exchange_at, **changes), at)
        one_by_one.index_price(IndexPrice("BTC", INDEX, exchange_at), at)
        assert seen(at_once, *BTC) == seen(one_by_one, *BTC)
        assert at_once.board("BTC").fresh.tolist() == one_by_one.board("BTC").fresh.tolist()
        assert at_once.trust.marks(at, HOUR) == one_by_one.trust.marks(at, HOUR)


@settings(max_examples=50)
@given(
    st.lists(st.tuples(st.sampled_from(BTC), st.integers(0, 60), st.sampled_from([0.98, 1.0]))),
    st.sets(st.sampled_from([ALL, "index:BTC", *(one.name for one in BTC)])),
)
def test_board_and_touch_agree_on_what_is_fresh(
    quotes: list[tuple[Instrument, int, float]], lost: set[str]
) -> None:
    """Strategies read the board, the gate and the broker the touch: one answer for each row."""
    market = market_of(*BTC)
    market.at = NOW + 60 * SECOND
    market.index_price(IndexPrice("BTC", INDEX, market.at), market.at)
    for instrument, age_s, index in quotes:
        quote = quote_of(instrument, market.at - age_s * SECOND, index_price=INDEX * index)
        market.quote(quote, market.at)
    if lost:
        market.lost(FeedLost("gap", tuple(sorted(lost)), "test"))
    board = market.board("BTC")
    shown = [touch_of(market, one) for one in board.instruments]
    assert board.fresh.tolist() == [touch.fresh for touch in shown]
    np.testing.assert_array_equal(board.bid, [touch.bid for touch in shown])


def test_a_board_is_sorted_by_expiry_strike_and_call_before_put() -> None:
    """However they were listed, and the inverse and linear boards apart."""
    put = option("put", 92_500.0)
    market = market_of(LATER, PERPETUAL, CALL_UP, put, LINEAR, CALL, PUT)
    names = [one.name for one in market.board("BTC").instruments]
    assert names == [one.name for one in (PUT, CALL, put, CALL_UP, LATER)]
    assert [one.name for one in market.board("BTC", inverse=False).instruments] == [LINEAR.name]
    assert len(market.board("ETH")) == 0


def test_a_board_stays_as_it_was() -> None:
    """A board is a copy: later quotes do not reach it, and writing into it reaches no market."""
    market = market_of(CALL, PUT)
    market.quote(quote_of(CALL), NOW)
    board = market.board("BTC")
    market.quote(quote_of(CALL, bid=0.009), NOW)
    row = board.row(CALL.name)
    assert row is not None
    assert board.bid[row] == 0.010
    board.bid[row] = 9.0
    assert touch_of(market, CALL).bid == 0.009
    for column in (board.strike, board.expires_at, board.is_call):
        with pytest.raises(ValueError, match="read-only"):
            column[0] = 0


def _delta(board: Board, instrument: Instrument) -> float:
    row = board.row(instrument.name)
    assert row is not None
    return float(board.delta[row])


def test_deltas_are_known_where_forward_and_volatility_are() -> None:
    """An at-the-money call is near a half; without volatility or forward there is no delta."""
    market = market_of(*BTC)
    market.quote(quote_of(CALL, underlying_price=92_500.0), NOW)
    market.quote(quote_of(PUT, mark_iv=math.nan), NOW)
    market.quote(quote_of(CALL_UP, underlying_price=0.0), NOW)
    market.quote(quote_of(LATER, mark_iv=0.0), NOW)
    board = market.board("BTC")
    assert _delta(board, CALL) == pytest.approx(0.5, abs=0.02)
    assert all(math.isnan(_delta(board, one)) for one in (PUT, CALL_UP, LATER))


def test_trap_greeks_divide_by_zero_on_expiry_day() -> None:
    """At and after expiry a delta is 0 or 1, without a warning."""
    market = market_of(*BTC)
    for one in BTC:
        market.quote(quote_of(one, underlying_price=94_000.0), NOW)
    for late in (0, DAY):
        market.at = (CALL.expires_at or 0) + late
        board = market.board("BTC")
        assert [_delta(board, one) for one in (CALL, CALL_UP, PUT)] == [1.0, 0.0, 0.0]


@pytest.mark.parametrize("column", ["bid", "ask_amount", "mark_iv"])
def test_a_snapshot_of_unequal_columns_is_refused(column: str) -> None:
    """A column that is not aligned would put prices onto other contracts."""
    market = market_of(*BTC)
    with pytest.raises(ValueError, match=rf"snapshot: {column} has 3 rows for 4 instruments"):
        market.snapshot(snapshot_of(BTC, **{column: [0.01] * 3}), NOW)
    assert all(math.isnan(touch_of(market, one).bid) for one in BTC)


def test_a_snapshot_that_names_a_contract_twice_is_refused() -> None:
    """Which of the two rows would be the quote?"""
    market = market_of(*BTC)
    with pytest.raises(ValueError, match=rf"snapshot: {CALL.name} listed twice"):
        market.snapshot(snapshot_of((CALL, PUT, CALL)), NOW)


def test_a_snapshot_lists_what_it_shows() -> None:
    """History needs no listings of its own; a reused tuple of contracts finds its rows again."""
    market = market_of()
    instruments = (PUT, CALL)
    market.snapshot(snapshot_of(instruments, bid=[0.001, 0.002]), NOW)
    assert market.sizes()["instruments"] == 2
    market.snapshot(snapshot_of(instruments, NOW + 1, bid=[0.003, 0.004]), NOW + 1)
    assert (touch_of(market, PUT).bid, touch_of(market, CALL).bid) == (0.003, 0.004)
    market.expire((PUT.name,))
    market.list((LATER,))
    market.snapshot(snapshot_of(instruments, NOW + 2, bid=[0.005, 0.006]), NOW + 2)
    assert math.isnan(touch_of(market, LATER).bid)
    assert (touch_of(market, PUT).bid, touch_of(market, CALL).bid) == (0.005, 0.006)


def test_a_listing_that_is_repeated_keeps_its_quote() -> None:
    """Refreshed terms are taken, the quote stays, nothing is listed twice."""
    market = market_of(CALL)
    market.quote(quote_of(CALL), NOW)
    changed = msgspec.structs.replace(CALL, taker_fee_rate=0.0005)
    market.list((changed,))
    assert market.sizes()["instruments"] == 1
    assert market.instrument(CALL.name) == changed
    assert touch_of(market, CALL).bid == 0.010
    assert market.board("BTC").instruments == (changed,)


def test_a_reused_row_does_not_show_its_last_tenant() -> None:
    """A new contract starts without quote, age or trust of the one whose row it got."""
    market = market_of(CALL)
    market.quote(quote_of(CALL), NOW)
    market.expire((CALL.name,))
    assert CALL.name not in market
    assert market.touch(CALL.name) is None
    market.list((PUT,))
    touch = touch_of(market, PUT)
    assert [math.isnan(one) for one in (touch.bid, touch.ask, touch.mark)] == [True] * 3
    assert (touch.fresh, touch.age_s) == (False, math.inf)
    assert market.quote(quote_of(PUT, NOW - DAY), NOW)


def test_more_listings_than_rows_keep_every_quote() -> None:
    """The arrays grow; what was quoted before stays with its contract."""
    many = tuple(option("call", 50_000.0 + strike) for strike in range(700))
    market = market_of(*many[:10])
    for number, one in enumerate(many[:10]):
        market.quote(quote_of(one, bid=0.001 * (number + 1)), NOW)
    market.list(many)
    assert market.sizes()["instruments"] == 700
    assert [touch_of(market, one).bid for one in many[:10]] == pytest.approx(
        [0.001 * (number + 1) for number in range(10)]
    )
    assert len(market.board("BTC")) == 700


def test_trap_memory_grows_until_the_kernel_kills_the_daemon() -> None:
    """Three months of daily expiries: every map and array holds what is listed today, no more."""
    market = market_of(PERPETUAL)
    for day in range(1, 91):
        today = tuple(option("call", 50_000.0 + k, at_eight(day)) for k in range(40))
        market.list(today)
        market.board("BTC")
        market.snapshot(snapshot_of(today), NOW)
        market.lost(FeedLost("gap", tuple(one.name for one in today), "test"))
        market.expire((*(one.name for one in today), "never-listed"))
        market.lost(FeedLost("gap", ("unlisted",), "test"))
        market.expire(("unlisted",))
    assert market.sizes()["instruments"] == 1
    sizes = market.sizes()
    assert (sizes.pop("instruments"), sizes.pop("quote_rows")) == (1, 1)
    assert set(sizes.values()) == {0}
    assert not market.trust.suspended
    assert len(market._listed) == len(market._values) == len(market._quoted_at) == 256
    assert len(market._layouts) + len(market._snapshots._known) == 0


def test_history_and_ticks_make_one_series_of_bars() -> None:
    """Loaded hours and heard ones are one series; the running hour is hidden."""
    market = market_of(CALL)
    market.bars.load("BTC", hourly_bars([1.0, 2.0], NOW), NOW)
    market.index_price(IndexPrice("BTC", 95_000.0, NOW + HOUR), NOW + HOUR)
    assert market.history("BTC").close == (1.0, 2.0, INDEX)


def test_a_touch_is_what_is_shown_now_and_not_what_was_asked_before() -> None:
    """Within one step a quote, an index, a listing or an expiry is seen by whoever asks again."""
    market = market_of(CALL)
    assert touch_of(market, CALL) is touch_of(market, CALL)
    market.quote(quote_of(CALL, bid=0.009), NOW)
    assert touch_of(market, CALL).bid == 0.009
    market.index_price(IndexPrice("BTC", INDEX * 1.001, NOW), NOW)
    assert touch_of(market, CALL).index == INDEX * 1.001
    market.snapshot(snapshot_of((CALL,), bid=[0.008]), NOW)
    assert touch_of(market, CALL).bid == 0.008
    market.at = NOW + DAY
    assert not touch_of(market, CALL).fresh
    market.expire([CALL.name])
    assert market.touch(CALL.name) is None
