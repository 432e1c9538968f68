"""Which rows of a Tardis file can be used, and what do they say in our names and units?

A row that says nothing usable is left out and counted by its reason; times become ns, implied
volatilities fractions; an empty cell is null.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from trader.storage.arrow import Batch, load_arrow
from trader.storage.datasets import batch_of
from trader.storage.history_kinds import Dataset

RENAMED: Final = {
    "at": "local_timestamp", "exchange_at": "timestamp", "instrument": "symbol",
    "bid": "bid_price", "ask": "ask_price", "mark": "mark_price", "trade_id": "id",
    "direction": "side",
}  # fmt: skip
"""What Tardis calls our columns, where that is another name."""

OUT_OF_ORDER: Final = "earlier than a row before them (kept: reading sorts)"
_TIMES: Final = ("at", "exchange_at")
_PERCENT: Final = ("bid_iv", "ask_iv", "mark_iv")
_YEAR_US: Final = 31_557_600_000_000
_EARLIEST_US, _LATEST_US = 40 * _YEAR_US, 230 * _YEAR_US  # 2010 to 2200, in microseconds
_NEVER_NEGATIVE: Final = ("bid", "ask", "bid_amount", "ask_amount", "mark", "price", "amount")


class TardisRows:
    """Converts the blocks of one file, in their order; `found` counts what is odd, by reason.

    Invariant: a row that is given back has an instrument and both times, no infinite number and no
    negative price or amount; a trade has a price, an amount and a side.
    """

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._latest = 0
        self._last: dict[str, Any] | None = None
        self.read = 0
        self.kept = 0
        self.found: dict[str, int] = {}

    def converted(self, block: Batch) -> Batch:
        """Give the usable rows of a block."""
        pa = load_arrow().core
        theirs = {RENAMED.get(name, name) for name in (*self._dataset.types, *_TIMES)}
        block = block.select([name for name in block.schema.names if name in theirs])
        keep = np.ones(block.num_rows, dtype=np.bool_)
        for reason, bad in self._reasons(block):
            self._count(reason, int((bad & keep).sum()))
            keep &= ~bad
        self.read += block.num_rows
        self.kept += int(keep.sum())
        kept = block.filter(pa.array(keep))
        self._note_order(kept)
        return self._in_our_units(kept)

    def _reasons(self, block: Batch) -> list[tuple[str, Any]]:
        """Name what makes rows useless, each with a mask."""
        times = {name: _floats(block, RENAMED[name]) for name in _TIMES}
        outside = np.zeros(block.num_rows, dtype=np.bool_)
        for instants in times.values():
            outside |= ~((instants > _EARLIEST_US) & (instants < _LATEST_US))
        reasons = [
            ("without an instrument", _nulls(block, "symbol")),
            ("without a time in microseconds between 2010 and 2200", outside),
        ]
        for name, kind in self._dataset.types.items():
            column = RENAMED.get(name, name)
            if kind != "float64" or column not in block.schema.names:
                continue
            numbers = _floats(block, column)
            reasons.append((f"with an infinite {column}", np.isinf(numbers)))
            if name in _NEVER_NEGATIVE:
                reasons.append((f"with a negative {column}", numbers < 0))
            if self._dataset.name == "trades":
                reasons.append((f"whose {column} is not above 0", ~(numbers > 0)))
        if self._dataset.name == "trades":
            sides = np.array(block.column("side").to_pylist(), dtype=object)
            reasons.append(("whose side is neither buy nor sell", ~np.isin(sides, ["buy", "sell"])))
        return [*reasons, ("that repeat the row before them", self._repeated(block))]

    def _repeated(self, block: Batch) -> Any:  # noqa: ANN401 - an array of booleans
        """Mark rows that equal the row before them in every column, across blocks as well."""
        if not block.num_rows:
            return np.zeros(0, dtype=np.bool_)
        same = np.ones(block.num_rows, dtype=np.bool_)
        for column in block.columns:
            values = column.dictionary_encode(null_encoding="encode").indices.to_numpy()
            same[1:] &= values[1:] == values[:-1]
        same[0] = block.slice(0, 1).to_pylist()[0] == self._last
        self._last = block.slice(block.num_rows - 1, 1).to_pylist()[0]
        return same

    def _note_order(self, kept: Batch) -> None:
        at = _floats(kept, RENAMED["at"])
        if not len(at):
            return
        before = np.maximum.accumulate(np.concatenate(([self._latest], at)))[:-1]
        self._count(OUT_OF_ORDER, int((at < before).sum()))
        self._latest = max(self._latest, int(at.max()))

    def _count(self, reason: str, rows: int) -> None:
        if rows:
            self.found[reason] = self.found.get(reason, 0) + rows

    def _in_our_units(self, block: Batch) -> Batch:
        from pyarrow import compute

        columns: dict[str, Any] = {}
        for name in self._dataset.types:
            theirs = RENAMED.get(name, name)
            if theirs not in block.schema.names:
                continue
            column = block.column(theirs)
            if name in _TIMES:
                column = compute.multiply(column, 1_000)
            elif name in _PERCENT:
                column = compute.divide(column, 100.0)
            columns[name] = column
        return batch_of(self._dataset, columns)


def _floats(block: Batch, column: str) -> Any:  # noqa: ANN401 - an array; null is NaN
    pa = load_arrow().core
    return block.column(column).cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)


def _nulls(block: Batch, column: str) -> Any:  # noqa: ANN401 - an array of booleans
    return block.column(column).is_null().to_numpy(zero_copy_only=False)
