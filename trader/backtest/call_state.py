"""What does a policy see when it decides? Only what was known then, computed when it is asked for.

A state reads like a dict: `state["spot"]`, `state.get("iv_rank")`. What cannot be known is None.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol

from trader.domain.units import DAY, moment
from trader.strategies.call_features import (
    MEANINGS,
    iv_at_delta,
    log_return,
    of_call,
    realized_vol,
    skew,
    term_slope,
    trend,
)

if TYPE_CHECKING:
    from trader.domain.market import Closes
    from trader.domain.models import Regime
    from trader.strategies.call_features import ChainView, Quote

RANK_DAYS: Final = 90
RANKED_MIN: Final = 20
"""Decision times with a volatility that a rank needs before it says anything."""

FEATURES: Final = tuple(MEANINGS)
"""What a state knows beyond time, underlying and spot: each a float or None (see `DecisionState`).
"""


CONTEXT: Final = ("regime", "ensemble_edge")
"""What a state knows besides: the market's regime, and what a sale brings beyond its worth."""


class Seen(Protocol):
    """What a study can look up for decision time number `k`; nothing in it was known later."""

    def at(self, k: int) -> int:
        """Return the instant."""

    def spot(self, k: int) -> float | None:
        """Return the last close of the coin."""

    def closes(self, k: int) -> Closes:
        """Return the coin's closes of the last `VOL_DAYS`, known by then."""

    def chain(self, k: int) -> ChainView | None:
        """Return the chain."""

    def regime(self, k: int) -> Regime | None:
        """Return the market regime of the coin, None where too little is known."""

    def quote(self, k: int) -> Quote | str:
        """Return the call that would be sold, or why there is none."""


class Looks:
    """The states of one study; volatilities are kept, because ranks ask for those before.

    `beyond_worth` tells what the sale of a call brings beyond its worth to the pricing models.
    """

    def __init__(
        self,
        seen: Seen,
        underlying: str,
        target_dte: float,
        beyond_worth: Callable[[Quote], float | None] = lambda _: None,
    ) -> None:
        self.seen = seen
        self.underlying = underlying
        self.beyond_worth = beyond_worth
        self._target = round(target_dte * DAY)
        self._iv: dict[int, float | None] = {}

    def state(self, k: int) -> DecisionState:
        """Return what is known at decision time number `k`."""
        return DecisionState(self, k)

    def expiry(self, k: int) -> int:
        """Return the instant that an expiry is wanted at."""
        return self.seen.at(k) + self._target

    def iv(self, k: int) -> float | None:
        """Return the volatility at the money at the expiry nearest to the target."""
        if k not in self._iv:
            self._iv[k] = iv_at_delta(self.seen.chain(k), self.expiry(k), 0.5)
        return self._iv[k]

    def iv_rank(self, k: int) -> float | None:
        """Rank the volatility among those of the decision times of the last 90 days: 0 to 1."""
        now = self.iv(k)
        earliest = self.seen.at(k) - RANK_DAYS * DAY
        before: list[float] = []
        for one in range(k - 1, -1, -1):
            if self.seen.at(one) < earliest:
                break
            if (value := self.iv(one)) is not None:
                before.append(value)
        if now is None or len(before) < RANKED_MIN:
            return None
        return sum(one < now for one in before) / len(before)


class DecisionState(Mapping[str, Any]):
    """What is known at one decision time.

    time, underlying, spot; `regime` of the market (a text); `return_1d`, `return_7d` (log),
    `realized_vol`, `trend`; `iv`, `iv_rank`, `skew`, `term_slope` of the chain; of the call that
    would be sold `delta`, `dte_days`, `moneyness` (ln K/S), `credit` (share of the coin's price
    received, fee off), `spread` (mark less price, over mark) and `ensemble_edge`: what its sale
    brings beyond what the pricing models hold it to be worth, fee and doubt off, as a share of
    spot. Each None where it is not known.
    """

    __slots__ = ("_k", "_known", "_looks")

    def __init__(self, looks: Looks, k: int) -> None:
        self._looks = looks
        self._k = k
        self._known: dict[str, Any] = {
            "time": moment(looks.seen.at(k)),
            "underlying": looks.underlying,
            "spot": looks.seen.spot(k),
        }

    def __getitem__(self, key: str) -> Any:  # noqa: ANN401 - as a dict has it
        if key not in self._known:
            if key not in FEATURES and key not in CONTEXT:
                raise KeyError(key)
            self._known[key] = self._feature(key)
        return self._known[key]

    def __iter__(self) -> Iterator[str]:
        yield from ("time", "underlying", "spot", *CONTEXT, *FEATURES)

    def __len__(self) -> int:
        return 3 + len(CONTEXT) + len(FEATURES)

    def _feature(self, key: str) -> float | str | None:
        looks, k = self._looks, self._k
        match key:
            case "regime":
                return looks.seen.regime(k)
            case "return_1d" | "return_7d":
                days = 1 if key == "return_1d" else 7
                return log_return(looks.seen.closes(k), looks.seen.at(k), days)
            case "realized_vol":
                return realized_vol(looks.seen.closes(k), looks.seen.at(k))
            case "trend":
                return trend(looks.seen.closes(k), looks.seen.at(k))
            case "iv":
                return looks.iv(k)
            case "iv_rank":
                return looks.iv_rank(k)
            case "skew":
                return skew(looks.seen.chain(k), looks.expiry(k))
            case "term_slope":
                return term_slope(looks.seen.chain(k))
            case _:
                quote = looks.seen.quote(k)
                if isinstance(quote, str):
                    return None
                return looks.beyond_worth(quote) if key == "ensemble_edge" else of_call(key, quote)
