"""Are modelled boards free of arbitrage and of knowledge of the future?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.backtest.pasts import START, candles, chains, day, market, wandering
from trader.backtest.modelled import Candles, Costs, Level, ModelledChains, realized_level
from trader.domain.events import BoardSnapshot, DeliveryPrice, HistoryLoaded, IndexPrice
from trader.domain.units import DAY, HOUR, MILLISECOND, MINUTE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trader.domain.events import Event


def _boards(events: Iterable[tuple[int, Event]]) -> list[BoardSnapshot]:
    return [event for _, event in events if isinstance(event, BoardSnapshot)]


def _seen(history: ModelledChains, start: int, end: int) -> list[object]:
    """Spell out events so that they compare, arrays bit for bit."""
    seen: list[object] = []
    for at, event in history.events(start, end):
        if isinstance(event, BoardSnapshot):
            columns = [event.bid, event.ask, event.mark, event.mark_iv, event.underlying_price]
            names = [one.name for one in event.instruments]
            seen.append((at, event.index_price, names, [one.tobytes() for one in columns]))
        else:
            seen.append((at, event))
    return seen


@given(st.integers(1, 200), st.integers(0, 1))
def test_truncation_and_poison_change_nothing_before_the_cut(hours: int, minute: int) -> None:
    """Events up to an instant are the same, bit for bit, whatever comes later."""
    plain = msgspec.structs.replace(market(days=16), at_minute=5 * minute)
    cut = day(3) + hours * HOUR
    whole = _seen(plain.chains(days_max=4.0), day(3), cut)
    assert whole == _seen(plain.until(cut).chains(days_max=4.0), day(3), cut)
    assert whole == _seen(plain.poisoned(cut).chains(days_max=4.0), day(3), cut)


def test_a_longer_span_begins_like_a_shorter_one() -> None:
    """Boards are priced a day at a time; where the span ends is no part of them."""
    history = chains(10, days_max=4.0)
    shorter = _seen(history, day(2), day(3) + 5 * HOUR)
    assert _seen(history, day(2), day(6))[: len(shorter)] == shorter


@pytest.mark.parametrize("minute", [0, 5])
def test_a_board_knows_the_last_close_and_no_later_one(minute: int) -> None:
    """At nine it shows the close of the bar that opened at eight, and still does five past."""
    plain = msgspec.structs.replace(market(days=6), at_minute=minute)
    close = plain.candles.close
    for board in _boards(plain.chains(days_max=3.0).events(day(2), day(4))):
        hour = (board.exchange_at - START) // HOUR
        assert board.exchange_at % HOUR == minute * MINUTE
        assert board.index_price == close[hour - 1]


def test_an_expiry_settles_at_the_close_of_eight() -> None:
    """That is the bar that opened at seven."""
    plain = market(days=6)
    events = plain.chains(days_max=3.0).events(day(2), day(5))
    deliveries = [(at, one) for at, one in events if isinstance(one, DeliveryPrice)]
    assert [at for at, _ in deliveries] == [day(number) + 8 * HOUR for number in (2, 3, 4)]
    for at, one in deliveries:
        assert one.price == plain.candles.close[(at - START) // HOUR - 1]
        assert one.expires_at == at


def test_each_hour_ends_with_its_close() -> None:
    """The last millisecond of an hour tells its last price, so that bars grow as they were."""
    plain = market(days=6)
    events = plain.chains(days_max=3.0).events(day(2), day(3))
    told = [(at, one.price) for at, one in events if isinstance(one, IndexPrice)]
    rows = range(2 * 24, 3 * 24)
    expected = [(START + (row + 1) * HOUR - MILLISECOND, plain.candles.close[row]) for row in rows]
    assert told == expected


def test_the_bars_before_are_those_that_had_closed() -> None:
    """The running bar is not among them, even half past."""
    for start, last in ((day(2), 2 * 24 - 1), (day(2) + HOUR // 2, 2 * 24 - 1)):
        _, event = next(chains(6).events(start, day(4)))
        assert isinstance(event, HistoryLoaded)
        assert event.bars.opened_at[-1] == START + last * HOUR


def test_marks_keep_parity_and_bounds_and_admit_no_butterfly() -> None:
    """c - p = 1 - K/F; values lie between intrinsic and one; in USD they are convex in K."""
    board = _boards(chains(6, days_max=40.0).events(day(2), day(2) + HOUR))[0]
    strike = np.array([one.strike for one in board.instruments])
    expires_at = np.array([one.expires_at for one in board.instruments])
    call = np.array([one.option_type == "call" for one in board.instruments])
    moneyness = strike / board.index_price
    assert np.allclose(board.mark[call] - board.mark[~call], 1 - moneyness[call], atol=1e-12)
    intrinsic = np.maximum(np.where(call, 1 - moneyness, moneyness - 1), 0)
    assert (board.mark >= intrinsic - 1e-12).all()
    for one in np.unique(expires_at):
        rows = call & (expires_at == one)
        slope = np.diff(board.mark[rows]) / np.diff(moneyness[rows])
        assert ((slope <= 1e-9) & (slope >= -1 - 1e-9)).all()
        assert (np.diff(slope) >= -2e-3).all()  # implied volatilities are rounded to 0.01 %


def test_quotes_lie_on_the_tick_around_the_mark() -> None:
    """Bids below, asks above, none below one tick, and spreads of at least a tick."""
    for board in _boards(chains(6).events(day(2), day(3))):
        shown = np.isfinite(board.bid)
        assert (board.bid[shown] <= board.mark[shown] + 1e-9).all()
        assert (board.ask >= board.mark - 1e-9).all()
        assert (board.bid[shown] >= 0.0001 - 1e-12).all()
        for side in (board.bid[shown], board.ask):
            tick = np.where(side > 0.005, 0.0005, 0.0001)
            assert np.allclose(np.round(side / tick) * tick, side, atol=1e-9)


def test_stresses_reach_the_quotes() -> None:
    """Spreads widen, the widest quotes vanish, volatility scales, fees scale."""
    span = day(2), day(2) + HOUR
    plain = _boards(chains(6).events(*span))[0]
    wide = _boards(chains(6, costs=Costs(spread_factor=3.0)).events(*span))[0]
    assert np.nanmean(wide.ask - wide.bid) > 1.8 * np.nanmean(plain.ask - plain.bid)
    missing = _boards(chains(6, costs=Costs(missing_share=0.2)).events(*span))[0]
    assert np.isnan(missing.ask).mean() == pytest.approx(0.2, abs=0.05)
    up = _boards(chains(6, iv_factor=1.2).events(*span))[0]
    names = {one.name: row for row, one in enumerate(plain.instruments)}
    rows = [(names[one.name], row) for row, one in enumerate(up.instruments) if one.name in names]
    ratio = [up.mark_iv[new] / plain.mark_iv[old] for old, new in rows]
    assert np.median(ratio) == pytest.approx(1.2, abs=0.03)


@pytest.mark.parametrize(
    ("start", "end", "said"),
    [
        (0, 1, "not within"),
        (3, 2, "must come later"),
        (2, 2, "must come later"),
        (2, 900, "within"),
    ],
)
def test_an_unknown_span_is_refused_by_name(start: int, end: int, said: str) -> None:
    """The message tells what there is."""
    with pytest.raises(ValueError, match=said):
        next(chains(6).events(START + start * DAY, START + end * DAY))


def _spoiled(field: str, row: int, value: float) -> Candles:
    good = candles(wandering(2))
    columns = {name: getattr(good, name).copy() for name in good.__struct_fields__}
    columns[field][row] = value
    return Candles(**columns)


@pytest.mark.parametrize("field", ["open", "high", "low", "close"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), 0.0, -1.0])
def test_what_is_no_price_is_refused_with_its_hour(field: str, value: float) -> None:
    """Column, value and instant are named."""
    with pytest.raises(ValueError, match=rf"{field} .* at 2022-01-03T05:00:00Z is no price"):
        _spoiled(field, 5, value)


def test_candles_out_of_order_or_with_holes_are_refused() -> None:
    """The hour after which something is wrong is named."""
    with pytest.raises(ValueError, match="the bar after 2022-01-03T04:00:00Z is not the next"):
        _spoiled("opened_at", 5, START + 3 * HOUR)
    with pytest.raises(ValueError, match="there are none"):
        candles(np.zeros(0))


def test_columns_of_unequal_length_are_refused() -> None:
    """By name."""
    good = candles(wandering(1))
    with pytest.raises(ValueError, match="high has 23 of 24"):
        Candles(good.opened_at, good.open, good.high[1:], good.low, good.close)


@pytest.mark.parametrize("value", [0.0, -0.1, float("inf"), float("nan")])
def test_a_level_with_a_hole_is_refused(value: float) -> None:
    """After the first known hour every one needs a volatility."""
    vol = np.full(48, 0.6)
    vol[7] = value
    with pytest.raises(ValueError, match="volatility at 2022-01-03T07:00:00Z must be"):
        ModelledChains("BTC", candles(wandering(2)), Level(vol, "index"))


def test_other_arguments_are_refused_by_name() -> None:
    """An unknown coin, a level of another length, a step that does not divide a day."""
    past, level = candles(wandering(2)), Level(np.full(48, 0.6), "index")
    with pytest.raises(ValueError, match="underlying 'DOGE': modelled boards know BTC, ETH"):
        ModelledChains("DOGE", past, level)
    with pytest.raises(ValueError, match="3 values for 48"):
        ModelledChains("BTC", past, Level(np.full(3, 0.6), "index"))
    with pytest.raises(ValueError, match="whole hours"):
        ModelledChains("BTC", past, level, step=HOUR // 2)


@pytest.mark.parametrize("field", ["half_spread_vol", "spread_factor", "fee_factor"])
@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf")])
def test_impossible_costs_are_refused(field: str, value: float) -> None:
    """A spread cannot be negative."""
    with pytest.raises(ValueError, match=f"costs: {field}"):
        Costs(**{field: value})
    with pytest.raises(ValueError, match="missing_share"):
        Costs(missing_share=1.0)


def test_realized_volatility_knows_only_the_past() -> None:
    """The level of an hour is the same whether or not later hours exist; the first day has none."""
    close = wandering(40)
    whole = realized_level(candles(close)).vol
    for rows in (24, 25, 100, 700, 900):
        part = realized_level(candles(close[:rows])).vol
        assert np.array_equal(part, whole[:rows], equal_nan=True)
    assert np.isnan(whole[:24]).all()
    assert whole[-1] == pytest.approx(1.1 * 0.6, rel=0.1)


def test_a_realized_level_is_flagged() -> None:
    """Whoever reads a result is told that no volatility index stands behind it."""
    past = candles(wandering(10))
    history = ModelledChains("BTC", past, realized_level(past))
    assert any("NO volatility index" in caveat for caveat in history.provenance.caveats)
    assert history.span[0] == START + 25 * HOUR
    next(iter(history.events(history.span[0], history.span[1])))


def test_linear_boards_are_the_same_values_in_usdc_with_the_coin_beside_them() -> None:
    """Marks are the coin's times the index, on ticks of their own; one basis point to the coin."""
    plain = market(days=6)
    both = (
        _boards(plain.chains(days_max=3.0, linear=linear).events(day(2), day(3)))
        for linear in (False, True)
    )
    for inverse, linear in zip(*both, strict=True):
        assert linear.instruments[-1].name == "BTC_USDC"
        np.testing.assert_allclose(linear.mark[:-1], inverse.mark * inverse.index_price)
        assert linear.mark[-1] == linear.index_price
        spread = linear.ask[-1] - linear.bid[-1]
        assert spread == pytest.approx(0.0002 * linear.index_price)
        quoted = np.isfinite(linear.bid[:-1])
        assert quoted.any()
        assert (linear.bid[:-1][quoted] % 1.0 == 0).all()
        assert (linear.bid[:-1][quoted] <= linear.mark[:-1][quoted]).all()
    caveats = plain.chains(linear=True).provenance.caveats
    assert any("assigned coin is bought and sold at the delivery price" in one for one in caveats)
    assert len(caveats) == len(plain.chains().provenance.caveats) + 2
