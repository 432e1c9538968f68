"""When is a call sold? Policies: a state in, yes or no out. What a policy cannot know it declines.

Any callable that takes a state will do; these are those with a name.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from trader.domain.models import REGIMES, Regime, regimes_named

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


class RegimePolicy(msgspec.Struct, frozen=True):
    """Sells in the named market regimes only; while none is known it does not.

    The regime is that of the coin's closed hours (`trader.pricing.regime`), as the daemon tells it.
    """

    regimes: tuple[Regime, ...] = ("Calm", "Trending")

    def __post_init__(self) -> None:
        wrong = [one for one in self.regimes if one not in REGIMES]
        if wrong or not self.regimes or len(set(self.regimes)) < len(self.regimes):
            raise ValueError(f"regimes {self.regimes}: name one or more of {', '.join(REGIMES)}")

    def __call__(self, state: State) -> bool:
        """Decide."""
        return state.get("regime") in self.regimes


class EnsemblePolicy(msgspec.Struct, frozen=True):
    """Sells while the bid, its fee off, is above what the pricing models hold the call to be worth
    and their doubt, by at least `minimum`, a share of the coin's price.

    The models are those fitted to the boards known by then. Without them it never sells.
    """

    minimum: float = 0.0

    def __post_init__(self) -> None:
        _finite("ensemble", self.minimum)

    def __call__(self, state: State) -> bool:
        """Decide."""
        gain = state.get("ensemble_edge")
        return gain is not None and gain >= self.minimum


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


Usual = Callable[[], PolicyFn]
Made = Callable[[str], PolicyFn]
NAMED: Final[dict[str, tuple[Usual, Made | None, str]]] = {
    "always": (lambda: always_trade_policy, None, ""),
    "never": (lambda: never_trade_policy, None, ""),
    "iv_rank": (IvRankPolicy, lambda text: IvRankPolicy(float(text)), "MINIMUM"),
    "trend": (TrendPolicy, lambda text: TrendPolicy(float(text)), "MAXIMUM"),
    "edge": (EdgePolicy, lambda text: EdgePolicy(float(text)), "MINIMUM"),
    "regime": (RegimePolicy, lambda text: RegimePolicy(regimes_named(text)), "REGIME,..."),
    "ensemble": (EnsemblePolicy, lambda text: EnsemblePolicy(float(text)), "MINIMUM"),
}
"""The policies a person can name: the usual one, one of what is written after the colon, and what
that is.
"""
CHOICE: Final = ", ".join(
    f"{name}[:{what}]" if what else name for name, (*_, what) in NAMED.items()
)


def policy_named(text: str) -> PolicyFn:
    """Find a policy by what a person wrote: `always`, `never`, `iv_rank:0.6`, `trend:0.5`,
    `edge:0.2`, `regime:calm,trending`, `ensemble:0.001`.

    One in a file (`model:FILE`) is found by who may read files.

    Raises:
        ValueError: there is none of that name, or what follows it is not what it takes.
    """
    name, colon, told = text.partition(":")
    usual, make, what = NAMED.get(name, (None, None, ""))
    if usual is None or (colon and make is None):
        raise ValueError(f"policy {text!r}: choose {CHOICE} or model:FILE")
    try:
        return make(told) if colon and make is not None else usual()
    except ValueError as error:
        raise ValueError(f"policy {text!r}: {told!r} is no {what} ({error})") from error


def _finite(name: str, limit: float) -> None:
    if not math.isfinite(limit):
        raise ValueError(f"{name}: threshold {limit!r} must be a finite number")
