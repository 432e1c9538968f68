"""What does a set of training rows say about selling? Features, and the reward of a sale, per row.

Both actions teach the same: a sale its own reward, a call not sold the one forgone. Rewards become
fractions of the coin's value at the decision, so that rows of other years and sizes compare.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from trader.backtest.training import Quality
from trader.backtest.training_table import SPLITS
from trader.domain.units import iso, nanoseconds

if TYPE_CHECKING:
    from trader.domain.market import Bools, Floats, Ints

LACKS: Final = {
    Quality.NO_SPOT: "no_spot", Quality.NO_CALL: "no_call", Quality.NO_OUTCOME: "no_outcome",
}  # fmt: skip
"""Why a row tells of no sale, as bits of its `quality`."""
NEEDED: Final = (
    "decision_time", "underlying", "split", "action", "size", "spot", "reward",
    "counterfactual_reward", "close_time", "quality", "schema_version", "config_hash",
)  # fmt: skip
"""Columns that are read beside the features."""


class PolicyRows(msgspec.Struct, frozen=True, kw_only=True):
    """Decisions whose sale has a known reward, in time order; columns of one length.

    `features` (rows, features) holds NaN where one is missing; `reward` is a fraction of spot.
    `left_out` counts rows of each split that tell of no sale, by why.
    """

    names: tuple[str, ...]
    features: Floats
    reward: Floats
    decided_at: Ints
    ended_at: Ints
    split: tuple[str, ...]
    left_out: dict[str, dict[str, int]]

    def __len__(self) -> int:
        return len(self.reward)

    @property
    def complete(self) -> Bools:
        """Which rows lack no feature."""
        full: Bools = np.all(np.isfinite(self.features), axis=1)
        return full

    def of(self, split: str) -> PolicyRows:
        """Keep the rows of one split."""
        kept = np.array([one == split for one in self.split], dtype=np.bool_)
        return self.kept(kept)

    def kept(self, which: Bools) -> PolicyRows:
        """Keep some rows."""
        return msgspec.structs.replace(
            self,
            features=self.features[which],
            reward=self.reward[which],
            decided_at=self.decided_at[which],
            ended_at=self.ended_at[which],
            split=tuple(one for one, keep in zip(self.split, which, strict=True) if keep),
        )


def policy_rows(values: Mapping[str, Sequence[Any]], names: Sequence[str]) -> PolicyRows:
    """Read rows off the columns of an exported set, None for what is not known.

    Raises:
        ValueError: a column is missing, a cell is none of its kind, decision times do not rise, the
            set is not split, or an outcome to learn from was known only after testing began.
    """
    for column in (*NEEDED, *names):
        if column not in values:
            raise ValueError(f"column {column!r} is missing; export the set anew with it")
    times = [_instant(one, "decision_time", row) for row, one in enumerate(values["decision_time"])]
    for row, (before, after) in enumerate(pairwise(times)):
        if after <= before:
            raise ValueError(
                f"decision_time {iso(after)} of row {row + 1} follows {iso(before)}: times must"
                " rise (sort, drop duplicates)"
            )
    rewards, ends, splits, places = [], [], [], []
    left_out: dict[str, dict[str, int]] = {name: {} for name in SPLITS}
    for row, at in enumerate(times):
        split = _split(values["split"][row], row)
        reward = _reward(values, row)
        if reward is None:
            lack = _lack(int(values["quality"][row]))
            left_out[split][lack] = left_out[split].get(lack, 0) + 1
            continue
        end = values["close_time"][row]
        rewards.append(reward)
        ends.append(at if end is None else _instant(end, "close_time", row))
        splits.append(split)
        places.append(row)
    features = [[_feature(values[name][row], name, row) for name in names] for row in places]
    rows = PolicyRows(
        names=tuple(names),
        features=np.array(features, dtype=np.float64).reshape(len(places), len(names)),
        reward=np.array(rewards, dtype=np.float64),
        decided_at=np.array([times[row] for row in places], dtype=np.int64),
        ended_at=np.array(ends, dtype=np.int64),
        split=tuple(splits),
        left_out=left_out,
    )
    _check_split(rows)
    return rows


def _check_split(rows: PolicyRows) -> None:
    learned, tested = rows.of("train"), rows.of("test")
    for name, part in (("train", learned), ("test", tested)):
        if not len(part):
            raise ValueError(
                f"split: no row of {name} tells what a sale came to; export a longer span"
            )
    last, first = int(learned.ended_at.max()), int(tested.decided_at.min())
    if last > first:
        raise ValueError(
            f"split: an outcome to learn from was known at {iso(last)}, testing begins at"
            f" {iso(first)}: that looks ahead; export the set anew"
        )


def _split(value: object, row: int) -> str:
    if value in SPLITS:
        return str(value)
    if value is None:
        raise ValueError(
            f"split is empty in row {row}: a policy is tested on what it has not seen; export with"
            " --split, or a longer span"
        )
    raise ValueError(f"split {value!r} of row {row} is none of {', '.join(SPLITS)}")


def _reward(values: Mapping[str, Sequence[Any]], row: int) -> float | None:
    """Return what selling brought, or would have, as a fraction of the coin's value."""
    action = values["action"][row]
    if action not in ("SELL_CALL", "DO_NOTHING"):
        raise ValueError(f"action {action!r} of row {row}: must be SELL_CALL or DO_NOTHING")
    column = "reward" if action == "SELL_CALL" else "counterfactual_reward"
    reward = _number(values[column][row], column, row)
    if reward is None:
        return None
    worth = 1.0
    for name in ("size", "spot"):
        value = _number(values[name][row], name, row)
        if value is None or value <= 0:
            raise ValueError(f"{name} {value!r} of row {row} must be a positive number")
        worth *= value
    return reward / worth


def _lack(quality: int) -> str:
    return next((name for bit, name in LACKS.items() if quality & bit), "no_reward")


def _feature(value: object, column: str, row: int) -> float:
    found = _number(value, column, row)
    return math.nan if found is None else found


def _number(value: object, column: str, row: int) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError(f"{column} {value!r} of row {row} is no finite number; leave it empty")
    return float(value)


def _instant(value: object, column: str, row: int) -> int:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ValueError(f"{column} {value!r} of row {row} is no instant with a timezone (UTC)")
    return nanoseconds(value)
