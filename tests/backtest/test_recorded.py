"""Do recorded boards come as they were, when they were known, and for no longer?"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

from tests.backtest.pasts import START, TERMS, candles, chains, day, seller, wandering
from trader.backtest.history import History
from trader.backtest.recorded import ChainRows, RecordedChains, term_of
from trader.backtest.runner import run_backtest
from trader.domain.events import (
    BoardSnapshot,
    DeliveryPrice,
    HistoryLoaded,
    IndexPrice,
    InstrumentExpired,
)
from trader.domain.units import DAY, HOUR, MINUTE
from trader.strategies.covered_call import CoveredCall

DAYS = 16


def _closes() -> Any:
    return candles(wandering(DAYS))


def _rows(**changes: Any) -> ChainRows:
    """Record modelled boards, every six hours, five past."""
    columns: dict[str, list[Any]] = {name: [] for name in ChainRows.__struct_fields__[:10]}
    for _, board in chains(DAYS, days_max=4.0).events(day(2), day(15)):
        if not isinstance(board, BoardSnapshot) or board.exchange_at % (6 * HOUR) != 3 * HOUR:
            continue
        rows = len(board.instruments)
        columns["at"] += [board.exchange_at + 5 * MINUTE] * rows
        columns["strike"] += [one.strike for one in board.instruments]
        columns["expires_at"] += [one.expires_at for one in board.instruments]
        columns["is_call"] += [one.option_type == "call" for one in board.instruments]
        columns["index_price"] += [board.index_price] * rows
        for name in ("bid", "ask", "mark", "mark_iv", "underlying_price"):
            columns[name] += getattr(board, name).tolist()
    arrays = {name: np.array(values) for name, values in columns.items()}
    return ChainRows(**{**arrays, **changes})


def _recorded(rows: ChainRows | None = None) -> RecordedChains:
    return RecordedChains("BTC", rows or _rows(), _closes(), source="test")


def _hourly() -> CoveredCall:
    """Decide ten past every hour: five minutes after a board, where there is one."""
    return seller(hours=1, offset=10 * MINUTE)


def test_recorded_chains_are_a_history() -> None:
    """Instants never fall, the past comes first, everything lies within the span."""
    history: History = _recorded()
    events = list(history.events(day(3), day(6)))
    instants = [at for at, _ in events]
    assert isinstance(events[0][1], HistoryLoaded)
    assert instants == sorted(instants)
    assert day(3) == instants[0] < instants[-1] < day(6)
    assert history.provenance.kind == "recorded"
    assert any("assumed" in caveat for caveat in history.provenance.caveats)


def test_boards_are_those_that_were_recorded() -> None:
    """Names, quotes and marks, sorted; nothing that has expired."""
    rows = _rows()
    for at, board in _recorded(rows).events(day(3), day(6)):
        if not isinstance(board, BoardSnapshot):
            continue
        mine = rows.at == at
        assert len(board.instruments) == mine.sum()
        assert board.exchange_at == at
        keys = [(one.expires_at, one.strike, one.option_type) for one in board.instruments]
        assert keys == sorted(keys, key=lambda key: (key[0], key[1], key[2]))
        assert np.array_equal(np.sort(board.mark), np.sort(rows.mark[mine]))
        assert all((one.expires_at or 0) > at for one in board.instruments)


def test_the_order_of_rows_within_a_board_is_no_input() -> None:
    """A shuffled recording gives the same boards."""
    rows = _rows()
    order = np.lexsort((np.random.default_rng(1).random(len(rows.at)), rows.at))
    shuffled = ChainRows(
        **{name: getattr(rows, name)[order] for name in ChainRows.__struct_fields__[:10]}
    )
    first, second = (
        run_backtest(
            seller(hours=1, offset=0), _recorded(one), TERMS, day(3), day(7), fingerprint=True
        )
        for one in (rows, shuffled)
    )
    assert first.digest == second.digest


def test_what_expires_is_settled_at_eight_and_leaves() -> None:
    """The price is the close of eight; every option of that expiry that was shown leaves."""
    shown: dict[str, int] = {}
    settled = 0
    closes = _closes()
    for at, event in _recorded().events(day(3), day(8)):
        match event:
            case BoardSnapshot():
                shown |= {one.name: one.expires_at or 0 for one in event.instruments}
            case DeliveryPrice():
                settled += 1
                assert at == event.expires_at
                assert event.price == closes.close[(at - START) // HOUR - 1]
            case InstrumentExpired():
                assert set(event.names) == {one for one, until in shown.items() if until <= at}
                shown = {one: until for one, until in shown.items() if until > at}
            case IndexPrice():
                assert event.price == closes.close[(at - START) // HOUR]
            case _:
                pass
    assert settled == 5


def test_later_boards_change_nothing_before_them() -> None:
    """Decisions up to an instant are the same on a recording cut there."""
    rows = _rows()
    cut = day(8)
    kept = rows.at < cut
    part = ChainRows(
        **{name: getattr(rows, name)[kept] for name in ChainRows.__struct_fields__[:10]}
    )
    strategy = _hourly()
    last = int(part.at[-1])
    first, second = (
        run_backtest(strategy, _recorded(one), TERMS, day(3), last, fingerprint=True)
        for one in (rows, part)
    )
    assert first.digest == second.digest
    assert first.chains


def test_a_board_is_believed_for_an_hour() -> None:
    """A strategy that decides two hours after each board finds none fresh and opens nothing."""
    late = seller(hours=6, offset=5 * HOUR + 10 * MINUTE)
    told = run_backtest(late, _recorded(), TERMS, day(3), day(8))
    assert not told.chains
    assert told.skipped == told.decisions > 0


def test_a_quote_far_from_its_boards_index_is_not_shown() -> None:
    """It was taken in another market than the rest."""
    rows = _rows()
    index = rows.index_price.copy()
    index[5] *= 1.02
    block = rows.at == rows.at[5]
    _, board = next(
        one
        for one in _recorded(msgspec.structs.replace(rows, index_price=index)).events(
            int(rows.at[0]), day(4)
        )
        if isinstance(one[1], BoardSnapshot)
    )
    assert isinstance(board, BoardSnapshot)
    _, plain = next(
        one
        for one in _recorded(rows).events(int(rows.at[0]), day(4))
        if isinstance(one[1], BoardSnapshot)
    )
    assert isinstance(plain, BoardSnapshot)
    assert np.isnan(board.ask).sum() == np.isnan(plain.ask).sum() + 1
    assert len(board.instruments) == block.sum()


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("strike", np.nan, "strike .* is no price"),
        ("index_price", 0.0, "index_price .* is no price"),
        ("mark_iv", 55.0, "give fractions"),
        ("at", 0, "not sorted"),
    ],
)
def test_impossible_rows_are_refused_by_name(field: str, value: float, said: str) -> None:
    """Field, value and remedy."""
    column = getattr(_rows(), field).copy()
    column[-1] = value
    with pytest.raises(ValueError, match=said):
        _rows(**{field: column})


def test_empty_ragged_and_doubled_rows_are_refused() -> None:
    """Nothing, columns of unequal length, an option twice on one board."""
    rows = _rows()
    with pytest.raises(ValueError, match="there are no rows"):
        _rows(at=rows.at[:0])
    with pytest.raises(ValueError, match="bid has 3 of"):
        _rows(bid=rows.bid[:3])
    with pytest.raises(ValueError, match="stands twice"):
        _rows(
            **{
                name: np.concatenate((getattr(rows, name)[:1], getattr(rows, name)[:-1]))
                for name in ("strike", "expires_at", "is_call")
            }
        )


def test_the_class_of_an_expiry_is_the_calendars() -> None:
    """It decides whether delivery costs a fee."""
    assert term_of(START + DAY + 8 * HOUR) == "day"
    assert term_of(START + 4 * DAY + 8 * HOUR) == "week"
    assert term_of(START + 25 * DAY + 8 * HOUR) == "month"
    assert term_of(START + 81 * DAY + 8 * HOUR) == "quarter"
