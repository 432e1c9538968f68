"""Does a tape hold what its history showed, when it was known and no longer than believed?"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

from tests.backtest.calls import modelled
from tests.backtest.pasts import START, candles, chains, day, wandering
from trader.backtest.call_tape import TapeDataSource, record_tape
from trader.backtest.option_data import read_closes
from trader.backtest.recorded import ChainRows, RecordedChains
from trader.domain.events import BoardSnapshot
from trader.domain.units import DAY, HOUR, MINUTE, moment
from trader.pricing.black_scholes import greeks


def recorded() -> RecordedChains:
    """Record modelled boards every six hours, seven minutes past."""
    columns: dict[str, list[Any]] = {name: [] for name in ChainRows.__struct_fields__[:10]}
    for _, board in chains(12, days_max=4.0).events(day(2), day(10)):
        if not isinstance(board, BoardSnapshot) or board.exchange_at % (6 * HOUR):
            continue
        rows = len(board.instruments)
        columns["at"] += [board.exchange_at + 7 * MINUTE] * rows
        columns["strike"] += [one.strike for one in board.instruments]
        columns["expires_at"] += [one.expires_at for one in board.instruments]
        columns["is_call"] += [one.option_type == "call" for one in board.instruments]
        columns["index_price"] += [board.index_price] * rows
        for name in ("bid", "ask", "mark", "mark_iv", "underlying_price"):
            columns[name] += getattr(board, name).tolist()
    shown = ChainRows(**{name: np.array(values) for name, values in columns.items()})
    return RecordedChains("BTC", shown, candles(wandering(12)), source="test")


def test_chains_are_the_calls_of_the_board() -> None:
    """Names, quotes, marks; deltas are Black-76's."""
    source = modelled()
    at = day(9)
    (board,) = (
        one
        for when, one in chains(40, days_max=11.0).events(at, at + HOUR)
        if isinstance(one, BoardSnapshot) and when == at
    )
    shown = {one.instrument_name: one for one in source.list_option_chain("BTC", as_of=moment(at))}
    calls = [row for row, one in enumerate(board.instruments) if one.option_type == "call"]
    assert len(calls) > 50
    near = [one for one in calls if (board.instruments[one].expires_at or 0) > at + DAY]
    for row in near:
        contract = board.instruments[row]
        one = shown[contract.name]
        assert (one.mark_price, one.strike) == (board.mark[row], contract.strike)
        years = ((contract.expires_at or 0) - at) / (365 * DAY)
        forward, vol = float(board.underlying_price[row]), float(board.mark_iv[row])
        expected = greeks("call", forward, contract.strike or 0.0, years, vol).delta
        assert one.delta == pytest.approx(expected, abs=1e-12)


def test_recorded_boards_are_believed_for_an_hour() -> None:
    """Not before they are known, not an hour and a minute after."""
    source = TapeDataSource.of(recorded(), moment(day(3)), moment(day(9)))
    known = day(4) + 6 * HOUR + 7 * MINUTE
    for at, shown in (
        (known - MINUTE, False), (known, True), (known + HOUR, True),
        (known + HOUR + MINUTE, False),
    ):  # fmt: skip
        assert bool(source.list_option_chain("BTC", as_of=moment(at))) == shown
    assert source.tape.provenance.kind == "recorded"


def test_bars_of_the_coin_are_its_candles() -> None:
    """By their opening, with those from before the span; a day's bar ends with the day's close."""
    source = modelled()
    past = candles(wandering(40))
    hours = source.get_spot_ohlc("BTC", moment(day(5)), moment(day(6)), "1h")
    assert hours.opened_at.tolist() == [day(5) + hour * HOUR for hour in range(25)]
    assert hours.close[0] == past.price_at(day(5) + HOUR)
    days = read_closes(source.get_spot_ohlc("BTC", moment(START), moment(day(6)), "1d"), DAY)
    assert days.last(day(4), 0) == past.price_at(day(4))


def test_bars_of_an_option_hold_its_marks() -> None:
    """A board on the hour ends the bar before; hours without a board have no bar."""
    history = recorded()
    source = TapeDataSource.of(history, moment(day(3)), moment(day(9)))
    (name,) = (
        one.instrument_name
        for one in source.list_option_chain("BTC", moment(day(4) + 7 * MINUTE))[:1]
    )
    bars = source.get_option_ohlc(name, moment(day(3)), moment(day(9)), "1h")
    assert bars.opened_at[0] == day(3)
    assert set((np.diff(bars.opened_at) // HOUR).tolist()) == {6}
    with pytest.raises(ValueError, match="instrument_name 'BTC-X': no board shows it"):
        source.get_option_ohlc("BTC-X", moment(day(3)), moment(day(9)), "1h")
    with pytest.raises(ValueError, match="underlying 'ETH': this source is BTC's"):
        source.list_option_chain("ETH", moment(day(4)))


def test_deliveries_are_the_closes_of_eight() -> None:
    """As the history settles; unknown before."""
    source = modelled()
    past = candles(wandering(40))
    expiry = day(9) + 8 * HOUR
    assert source.get_delivery_price("BTC", moment(expiry)) == past.price_at(expiry)
    assert source.get_delivery_price("BTC", moment(day(60) + 8 * HOUR)) is None


def test_what_is_cut_or_poisoned_is_what_came_later() -> None:
    """Before the instant nothing changes; after it nothing is left, or nothing is as it was."""
    tape = modelled().tape
    cut = day(12) + 3 * HOUR
    part, wrong = tape.until(cut), tape.poisoned(cut)
    boards, rows = len(part.at), int(part.first[-1])
    assert int(part.at[-1]) <= cut < int(tape.at[boards])
    assert np.array_equal(wrong.mark[:rows], tape.mark[:rows], equal_nan=True)
    assert not np.isclose(wrong.mark[rows:], tape.mark[rows:]).any()
    assert part.known_at[-1] == cut
    assert all(at <= cut for at in part.deliveries)
    assert wrong.close[-1] == tape.close[-1] * 1_000.0


def test_impossible_tapes_are_refused() -> None:
    """Ragged, out of order, with a hole."""
    tape = modelled().tape
    with pytest.raises(ValueError, match=r"mark has 3 of"):
        msgspec.structs.replace(tape, mark=tape.mark[:3])
    with pytest.raises(ValueError, match="boards must rise in time"):
        msgspec.structs.replace(tape, at=tape.at[::-1])
    gone = np.arange(len(tape.close)) != 5
    with pytest.raises(ValueError, match="is not the next hour's: fill the gap"):
        msgspec.structs.replace(tape, known_at=tape.known_at[gone], close=tape.close[gone])
    with pytest.raises(ValueError, match="is not within"):
        record_tape(chains(10), day(2), day(60))
