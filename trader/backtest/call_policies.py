"""When is a call sold? Policies: a state in, yes or no out. What a policy cannot know it declines.

Any callable that takes a state will do; these are those with a name.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

State = Mapping[str, Any]
PolicyFn = Callable[[State], bool]
Score = Callable[[Sequence[float]], float]


def always_trade_policy(state: State) -> bool:
    """Sell whenever there is a price of the coin."""
    return state.get("spot") is not None


def never_trade_policy(_: State) -> bool:
    """Hold the coins."""
    return False


class IvRankPolicy(msgspec.Struct, frozen=True):
    """Sells while implied volatility ranks at least `minimum` among the last 90 days."""

    minimum: float = 0.5

    def __post_init__(self) -> None:
        _finite("iv_rank", self.minimum)

    def __call__(self, state: State) -> bool:
        """Decide."""
        rank = state.get("iv_rank")
        return rank is not None and rank >= self.minimum


class TrendPolicy(msgspec.Struct, frozen=True):
    """Sells unless the coin rises: while the trend of seven days scores at most `maximum`."""

    maximum: float = 1.0

    def __post_init__(self) -> None:
        _finite("trend", self.maximum)

    def __call__(self, state: State) -> bool:
        """Decide."""
        score = state.get("trend")
        return score is not None and score <= self.maximum


class EdgePolicy(msgspec.Struct, frozen=True):
    """Sells while implied volatility is above what was realized by at least `minimum`, a share."""

    minimum: float = 0.1

    def __post_init__(self) -> None:
        _finite("edge", self.minimum)

    def __call__(self, state: State) -> bool:
        """Decide."""
        implied, realized = state.get("iv"), state.get("realized_vol")
        if implied is None or realized is None or not realized > 0:
            return False
        return bool(implied / realized - 1 >= self.minimum)


class ModelPolicy(msgspec.Struct, frozen=True):
    """Sells when a fitted model's score of the named features is above a threshold.

    `score` takes one number per feature, in their order. A state that lacks one is declined.
    """

    score: Score
    features: tuple[str, ...]
    threshold: float = 0.0

    def __call__(self, state: State) -> bool:
        """Decide."""
        values = [state.get(name) for name in self.features]
        known = [float(one) for one in values if one is not None and math.isfinite(one)]
        return len(known) == len(values) and self.score(known) > self.threshold


NAMED: Final[dict[str, Callable[[float | None], PolicyFn]]] = {
    "always": lambda _: always_trade_policy,
    "never": lambda _: never_trade_policy,
    "iv_rank": lambda limit: IvRankPolicy() if limit is None else IvRankPolicy(limit),
    "trend": lambda limit: TrendPolicy() if limit is None else TrendPolicy(limit),
    "edge": lambda limit: EdgePolicy() if limit is None else EdgePolicy(limit),
}
"""The policies a person can name; those with a threshold take it."""


def policy_named(text: str) -> PolicyFn:
    """Find a policy by what a person wrote: `always`, `never`, `iv_rank:0.6`, `trend:0.5`,
    `edge:0.2`.

    One in a file (`model:FILE`) is found by who may read files.

    Raises:
        ValueError: there is none of that name, or its threshold is no number.
    """
    name, colon, limit = text.partition(":")
    if name not in NAMED or (colon and name in ("always", "never")):
        raise ValueError(
            f"policy {text!r}: choose always, never, iv_rank[:MINIMUM], trend[:MAXIMUM],"
            " edge[:MINIMUM] or model:FILE"
        )
    try:
        return NAMED[name](float(limit) if colon else None)
    except ValueError as error:
        raise ValueError(f"policy {text!r}: {limit!r} is no threshold") from error


def _finite(name: str, limit: float) -> None:
    if not math.isfinite(limit):
        raise ValueError(f"{name}: threshold {limit!r} must be a finite number")
