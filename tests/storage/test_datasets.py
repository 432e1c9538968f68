"""Are the rows we hold unique, sorted, and honest about what is missing?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.domain.errors import StorageError
from trader.domain.units import HOUR
from trader.storage.arrow import Batch
from trader.storage.datasets import Columns, DatasetStore, batch_of, describe_gap
from trader.storage.history_kinds import DATASETS

SPANS = st.lists(st.tuples(st.integers(0, 50), st.integers(1, 20)), max_size=8)


def candles(*hours: int, close: float = 100.0) -> Columns:
    """Make flat bars."""
    column = [close] * len(hours)
    names = ("open", "high", "low", "close", "volume", "cost")
    rows: Columns = {"at": [hour * HOUR for hour in hours]}
    return rows | dict.fromkeys(names, column)


def test_later_rows_take_the_place_of_earlier_ones(tmp_path: Path) -> None:
    """Sorted by time, each hour once, whatever the order of arrival."""
    store = DatasetStore(tmp_path)
    assert store.merge("candles", "BTC-PERPETUAL", "a", candles(3, 1, 2)) == 3
    assert store.merge("candles", "BTC-PERPETUAL", "a", candles(2, 5, close=7.0)) == 4
    table = store.read("candles", "BTC-PERPETUAL")
    assert table.column("at").to_pylist() == [HOUR, 2 * HOUR, 3 * HOUR, 5 * HOUR]
    assert table.column("close").to_pylist() == [100.0, 7.0, 100.0, 7.0]


@given(known=SPANS, wanted=st.tuples(st.integers(0, 50), st.integers(1, 30)))
def test_missing_is_what_nobody_asked_for(
    tmp_path_factory: pytest.TempPathFactory,
    known: list[tuple[int, int]],
    wanted: tuple[int, int],
) -> None:
    """Point by point: missing spans and known spans part the wanted one between them."""
    store = DatasetStore(tmp_path_factory.mktemp("spans"))
    held: set[int] = set()
    for start, length in known:
        store.mark("candles", "X", (start, start + length))
        held |= set(range(start, start + length))
    span = (wanted[0], wanted[0] + wanted[1])
    missing = [n for start, end in store.missing("candles", "X", span) for n in range(start, end)]
    assert missing == [n for n in range(*span) if n not in held]


def test_gaps_and_faults_are_found_and_counted(tmp_path: Path) -> None:
    """A missing hour, a price of 0, a low above its high; without `check` only the span."""
    store = DatasetStore(tmp_path)
    rows = candles(1, 2, 5, 6)
    rows["close"] = [100.0, 0.0, 100.0, 100.0]
    rows["low"] = [100.0, 0.0, 101.0, 100.0]
    store.merge("candles", "BTC-PERPETUAL", "a", rows)
    [found] = store.holdings(check=True)
    assert found.gaps == ((2 * HOUR, 5 * HOUR),)
    assert found.faults == {
        "close not positive": 1, "low not positive": 1, "low above high": 1, "low above open": 1,
        "low above close": 1,
    }  # fmt: skip
    [listed] = store.holdings(check=False)
    assert (listed.rows, listed.first_at, listed.last_at) == (4, HOUR, 6 * HOUR)
    assert (listed.gaps, listed.faults) == ((), {})
    assert describe_gap(found.gaps[0]) == "1970-01-01T02:00:00Z .. 1970-01-01T05:00:00Z"


def test_a_part_that_fails_leaves_the_old_one(tmp_path: Path) -> None:
    """Whole or not at all, and nothing unfinished stays."""
    store = DatasetStore(tmp_path)
    store.merge("candles", "X", "a", candles(1))

    def failing() -> Iterator[Batch]:
        yield batch_of(DATASETS["candles"], candles(2))
        raise ValueError("the source broke")

    with pytest.raises(StorageError, match="nothing of this part was kept"):
        store.replace("candles", "X", "a", failing())
    assert store.read("candles", "X").num_rows == 1
    assert not list(tmp_path.rglob("*.part"))


@pytest.mark.parametrize(
    "rows",
    [{"at": [1], "rumor": [1.0]}, {"at": [1, 2], "open": [1.0]}, {"open": [1.0]},
     {"at": ["now"]}],
)  # fmt: skip
def test_rows_of_another_shape_are_refused(tmp_path: Path, rows: dict[str, list[object]]) -> None:
    """Unknown columns, unequal lengths, no time, a text for a number."""
    with pytest.raises(StorageError, match="candles"):
        DatasetStore(tmp_path).merge("candles", "X", "a", rows)


def test_damaged_files_are_named_with_their_remedy(tmp_path: Path) -> None:
    """Spans and parts alike."""
    store = DatasetStore(tmp_path)
    store.merge("candles", "X", "a", candles(1))
    (tmp_path / "candles" / "X" / "spans.json").write_text("?")
    with pytest.raises(StorageError, match="delete it"):
        store.missing("candles", "X", (0, 1))
    (tmp_path / "candles" / "X" / "a.parquet").write_text("?")
    with pytest.raises(StorageError, match="delete it"):
        store.read("candles", "X")


def test_nothing_held_is_an_empty_table(tmp_path: Path) -> None:
    """With its columns."""
    store = DatasetStore(tmp_path)
    assert store.read("funding", "X").num_rows == 0
    assert store.holdings(check=True) == []
