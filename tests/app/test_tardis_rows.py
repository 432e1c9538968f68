"""Is every odd row of a file left out or counted, and every good one kept?"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.app.tardis_rows import OUT_OF_ORDER, TardisRows
from trader.storage.arrow import load_arrow
from trader.storage.history_kinds import DATASETS

NOON_US = 1_591_574_400_000_000
GOOD: dict[str, Any] = {
    "symbol": "BTC-PERPETUAL", "timestamp": NOON_US - 5, "local_timestamp": NOON_US, "id": "1",
    "side": "buy", "price": 9_700.5, "amount": 10.0,
}  # fmt: skip


def block(*rows: dict[str, Any]) -> Any:
    """Lay out trades as the CSV reader does."""
    pa = load_arrow().core
    kinds = {"symbol": pa.string(), "id": pa.string(), "side": pa.string(),
             "timestamp": pa.int64(), "local_timestamp": pa.int64()}  # fmt: skip
    full = [GOOD | row for row in rows]
    columns = {
        name: pa.array([row[name] for row in full], kinds.get(name, pa.float64())) for name in GOOD
    }
    return pa.RecordBatch.from_pydict(columns)


@pytest.mark.parametrize(
    ("odd", "reason"),
    [({"symbol": None}, "without an instrument"),
     ({"local_timestamp": NOON_US // 1_000}, "without a time in microseconds"),
     ({"timestamp": None}, "without a time in microseconds"),
     ({"timestamp": NOON_US * 1_000}, "without a time in microseconds"),
     ({"price": math.inf}, "with an infinite price"),
     ({"price": -1.0}, "with a negative price"),
     ({"price": None}, "whose price is not above 0"),
     ({"price": math.nan}, "whose price is not above 0"),
     ({"amount": 0.0}, "whose amount is not above 0"),
     ({"side": "bid"}, "neither buy nor sell"),
     ({"side": None}, "neither buy nor sell")],
)  # fmt: skip
def test_a_row_that_says_nothing_is_left_out_once(odd: dict[str, Any], reason: str) -> None:
    """By its first reason; the rows around it are kept."""
    rows = TardisRows(DATASETS["trades"])
    kept = rows.converted(block({"id": "a"}, {"id": "b"} | odd, {"id": "c"}))
    assert kept.column("trade_id").to_pylist() == ["a", "c"]
    [(said, count)] = rows.found.items()
    assert reason in said
    assert (count, rows.read, rows.kept) == (1, 3, 2)


def test_a_repeated_row_is_left_out_across_blocks_too() -> None:
    """Equal in every column to the one before it; another price at the same instant is a trade."""
    rows = TardisRows(DATASETS["trades"])
    assert rows.converted(block({}, {}, {"price": 1.0})).num_rows == 2
    assert rows.converted(block({"price": 1.0}, {})).num_rows == 1
    assert rows.converted(block()).num_rows == 0
    assert rows.found == {"that repeat the row before them": 2}


def test_rows_out_of_order_are_kept_and_counted() -> None:
    """Within a block and between two."""
    rows = TardisRows(DATASETS["trades"])
    rows.converted(block({"local_timestamp": NOON_US + 10}, {"local_timestamp": NOON_US + 5}))
    kept = rows.converted(block({"local_timestamp": NOON_US + 7}))
    assert kept.num_rows == 1
    assert rows.found == {OUT_OF_ORDER: 2}


@given(st.lists(st.sampled_from([*GOOD]), max_size=12), st.randoms())
def test_what_is_kept_and_what_is_left_out_add_up(emptied: list[str], chance: Any) -> None:
    """Whatever cells are empty: each row is kept or counted, and what is kept is whole."""
    rows = TardisRows(DATASETS["trades"])
    made = [{name: None, "id": str(n)} if name != "id" else {} for n, name in enumerate(emptied)]
    chance.shuffle(made)
    kept = rows.converted(block(*made))
    left = sum(count for reason, count in rows.found.items() if reason != OUT_OF_ORDER)
    assert kept.num_rows + left == len(made)
    for name in ("at", "instrument", "direction", "price", "amount"):
        assert kept.column(name).null_count == 0
    prices = kept.column("price").to_numpy(zero_copy_only=False)
    assert np.isfinite(prices).all()
