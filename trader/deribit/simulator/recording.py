"""In which form does the bundled exchange take a recorded market? Columns of quotes, and steps.

Whoever reads the files hands these in; nothing here knows where they came from.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from trader.deribit.simulator.clock import Life
from trader.pricing.normal import Array

Instants = NDArray[np.int64]


class Steps(NamedTuple):
    """A value that holds from each instant until the next; `at` rises strictly."""

    at: Instants
    value: Array

    def last(self, at: int) -> int:
        """Return the place of what holds at an instant, -1 before the first."""
        return int(np.searchsorted(self.at, at, "right")) - 1

    def read(self, at: Instants) -> Array:
        """Return what holds at each instant; before the first, the first."""
        places = np.maximum(np.searchsorted(self.at, at, "right") - 1, 0)
        return self.value[places]


NO_STEPS: Final = Steps(np.empty(0, dtype=np.int64), np.empty(0))


def merged(parts: Iterable[Steps]) -> Steps:
    """Join what several sources tell; of one instant the last source wins."""
    found = [one for one in parts if one.at.size]
    if not found:
        return NO_STEPS
    at = np.concatenate([one.at for one in found])
    value = np.concatenate([one.value for one in found])
    order = np.argsort(at, kind="stable")
    at, value = at[order], value[order]
    last = np.append(at[1:] != at[:-1], True)
    return Steps(at[last], value[last])


class Rows(NamedTuple):
    """Quotes in columns of one length, `at` rising; `instrument` points into `names`.

    A side that shows nothing is price 0 and amount 0. What is not known is NaN. Volatilities are
    fractions; prices and amounts the instrument's. `underlying_index` points into
    `underlying_indexes`, -1 where it was not told.
    """

    names: tuple[str, ...]
    underlying_indexes: tuple[str, ...]
    at: Instants
    instrument: NDArray[np.int32]
    bid: Array
    ask: Array
    bid_amount: Array
    ask_amount: Array
    mark: Array
    mark_iv: Array
    underlying_price: Array
    index_price: Array
    open_interest: Array
    underlying_index: NDArray[np.int32]


class Recording(msgspec.Struct, frozen=True, kw_only=True):
    """A recorded market.

    `name` tells it from every other; its clock may run from `opens_at` on. `indexes` and
    `deliveries` are by coin, `closes` (of hours, at the end of each) by product. Quotes older than
    `staleness_s` market seconds are stale; with `assumed_sizes` the amounts of `rows` are none that
    anybody showed.
    """

    name: str
    opens_at: int
    rows: Rows
    indexes: Mapping[str, Steps]
    closes: Mapping[str, Steps]
    deliveries: Mapping[str, Steps]
    staleness_s: float
    assumed_sizes: bool

    @property
    def life(self) -> Life:
        """Until the last quote, or what is known of an index after it."""
        known = [int(one.at[-1]) for one in self.indexes.values()]
        return Life(self.opens_at, max(int(self.rows.at[-1]), *known))
