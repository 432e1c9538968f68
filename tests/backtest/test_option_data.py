"""Are strangers' frames read for when their closes were known, and wrong ones refused?"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from tests.backtest.calls import T0, Table
from trader.backtest.option_data import (
    TIMEFRAMES,
    Ohlc,
    read_closes,
    timeframe_ns,
    told,
)
from trader.domain.units import DAY, HOUR, MINUTE, nanoseconds

AT = nanoseconds(T0)


def test_six_timeframes_are_known_and_no_other() -> None:
    """1m, 5m, 15m, 1h, 4h, 1d; the refusal names them."""
    assert [timeframe_ns(one) for one in ("1m", "5m", "15m", "1h", "4h", "1d")] == [
        MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 4 * HOUR, DAY,
    ]  # fmt: skip
    for wrong in ("2h", "1H", "", "1w"):
        with pytest.raises(ValueError, match=f"timeframe '{wrong}': choose one of 1m, 5m, 15m"):
            timeframe_ns(wrong)
    assert len(TIMEFRAMES) == 6


@pytest.mark.parametrize(("label", "known"), [("open", AT + HOUR), ("close", AT)])
def test_a_close_is_known_when_its_bar_ends(label: str, known: int) -> None:
    """Bars by their opening are known a bar later."""
    found = read_closes(Table({T0: 5.0}), HOUR, label)
    assert found.known_at.tolist() == [known]


def test_our_frames_and_strangers_read_alike() -> None:
    """Nanoseconds, datetime64, datetimes of any timezone; prices that are none are left out."""
    at = AT + np.arange(3, dtype=np.int64) * HOUR
    price = np.array([1.0, math.nan, 3.0])
    ours = read_closes(Ohlc(at, price, price, price, price), HOUR)
    east = timedelta(hours=9)
    from datetime import timezone

    rows = {(T0 + hour * timedelta(hours=1)).astimezone(timezone(east)): one
            for hour, one in enumerate(price.tolist())}  # fmt: skip
    theirs = read_closes(Table(rows), HOUR)
    assert ours.known_at.tolist() == theirs.known_at.tolist() == [AT + HOUR, AT + 3 * HOUR]
    assert ours.close.tolist() == theirs.close.tolist() == [1.0, 3.0]


class Naive:
    """An index as pandas has it, without a timezone."""

    tz = None

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.array(["2026-01-01"], dtype="datetime64[ns]")


def test_instants_without_timezone_are_refused() -> None:
    """A naive index, and naive datetimes."""
    table = Table({T0: 1.0})
    table.index = Naive()  # type: ignore[assignment]
    with pytest.raises(ValueError, match="no timezone: localize it to UTC"):
        read_closes(table, HOUR)
    with pytest.raises(ValueError, match="naive datetime"):
        read_closes(Table({datetime(2026, 1, 1): 1.0}), HOUR)  # noqa: DTZ001 - what is refused


def test_frames_out_of_order_ragged_or_mislabelled_are_refused() -> None:
    """Each by what is wrong."""
    later = T0 + timedelta(hours=1)
    with pytest.raises(ValueError, match="instants must rise"):
        read_closes(Table({later: 1.0, T0: 1.0}), HOUR)
    ragged = Table({T0: 1.0, later: 2.0})
    ragged._close.pop()
    with pytest.raises(ValueError, match="1 closes for 2 instants"):
        read_closes(ragged, HOUR)
    with pytest.raises(ValueError, match="candle_label 'middle'"):
        read_closes(Table({T0: 1.0}), HOUR, "middle")


def test_our_frame_names_its_columns() -> None:
    """Like a stranger's, an unknown column is a KeyError."""
    nothing = np.empty(0)
    frame = Ohlc(np.empty(0, dtype=np.int64), nothing, nothing, nothing, nothing)
    assert frame.empty
    assert len(frame) == 0
    with pytest.raises(KeyError, match="volume"):
        frame["volume"]
    assert math.isnan(told(None))
    assert T0.tzinfo is UTC
