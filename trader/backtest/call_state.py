"""What does a policy see when it decides? Only what was known then, computed when it is asked for.

A state reads like a dict: `state["spot"]`, `state.get("iv_rank")`. What cannot be known is None.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec
import numpy as np

from trader.backtest.call_value import Quote
from trader.domain.units import DAY, YEAR, moment

if TYPE_CHECKING:
    from trader.backtest.option_data import Closes
    from trader.domain.market import Floats, Ints

TREND_DAYS: Final = 7
VOL_DAYS: Final = 30
RANK_DAYS: Final = 90
RANKED_MIN: Final = 20
"""Decision times with a volatility that a rank needs before it says anything."""

FEATURES: Final = (
    "return_1d", "return_7d", "realized_vol", "trend", "iv", "iv_rank", "skew", "term_slope",
    "delta", "dte_days", "moneyness", "credit", "spread",
)  # fmt: skip
"""What a state knows beyond time, underlying and spot: each a float or None (see `DecisionState`).
"""


class ChainView(msgspec.Struct, frozen=True):
    """The living calls of a chain whose delta and volatility are known, columns of one length."""

    expires_at: Ints
    delta: Floats
    mark_iv: Floats


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

    def quote(self, k: int) -> Quote | str:
        """Return the call that would be sold, or why there is none."""


class Looks:
    """The states of one study; volatilities are kept, because ranks ask for those before."""

    def __init__(self, seen: Seen, underlying: str, target_dte: float) -> None:
        self.seen = seen
        self.underlying = underlying
        self._target = round(target_dte * DAY)
        self._iv: dict[int, float | None] = {}

    def state(self, k: int) -> DecisionState:
        """Return what is known at decision time number `k`."""
        return DecisionState(self, k)

    def iv(self, k: int) -> float | None:
        """Return the volatility at the money at the expiry nearest to the target."""
        if k not in self._iv:
            self._iv[k] = self.iv_at_delta(k, 0.5)
        return self._iv[k]

    def iv_at_delta(self, k: int, delta: float, expiry: int | None = None) -> float | None:
        """Return the volatility of the call nearest to a delta, at an expiry (None: the target)."""
        chain = self.seen.chain(k)
        if chain is None or not len(chain.delta):
            return None
        wanted = self.seen.at(k) + self._target if expiry is None else expiry
        nearest = np.abs(chain.expires_at - wanted)
        rows = np.flatnonzero(nearest == nearest.min())
        return float(chain.mark_iv[rows[np.argmin(np.abs(chain.delta[rows] - delta))]])

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

    def term_slope(self, k: int) -> float | None:
        """Return the volatility at the money of the last expiry less that of the first."""
        chain = self.seen.chain(k)
        if chain is None or not len(chain.delta):
            return None
        ends = (self.iv_at_delta(k, 0.5, int(one(chain.expires_at))) for one in (np.max, np.min))
        far, near = ends
        return None if far is None or near is None else far - near

    def skew(self, k: int) -> float | None:
        """Return the volatility at delta .25 less that at .75 (the put of -.25)."""
        high, low = self.iv_at_delta(k, 0.25), self.iv_at_delta(k, 0.75)
        return None if high is None or low is None else high - low

    def change(self, k: int, days: int) -> float | None:
        """Return the coin's log return over some days."""
        at, closes = self.seen.at(k), self.seen.closes(k)
        before = closes.last(at - days * DAY, DAY)
        now = closes.last(at, DAY)
        return None if not before or not now else math.log(now / before)

    def trend(self, k: int) -> float | None:
        """Score the trend of seven days: log return over the root of summed squared returns.

        About standard normal without a trend; None where fewer than 4 closes tell of them.
        """
        moves = self._moves(k, TREND_DAYS)
        if len(moves) < 3:
            return None
        size = math.sqrt(float((moves * moves).sum()))
        return float(moves.sum()) / size if size > 0 else 0.0

    def realized_vol(self, k: int) -> float | None:
        """Return the volatility of up to 30 days of closes, a fraction per year."""
        closes = self.seen.closes(k)
        moves = self._moves(k, VOL_DAYS)
        if len(moves) < 3:
            return None
        spent = int(closes.known_at[-1] - closes.known_at[-1 - len(moves)]) / YEAR
        return math.sqrt(float((moves * moves).sum()) / spent)

    def _moves(self, k: int, days: int) -> Floats:
        at = self.seen.at(k)
        closes = self.seen.closes(k).after(at - days * DAY - 1, at)
        moves: Floats = np.diff(np.log(closes.close[closes.close > 0]))
        return moves


class DecisionState(Mapping[str, Any]):
    """What is known at one decision time.

    time, underlying, spot; `return_1d`, `return_7d` (log), `realized_vol`, `trend` (see `Looks`);
    `iv`, `iv_rank`, `skew`, `term_slope` of the chain; of the call that would be sold `delta`,
    `dte_days`, `moneyness` (ln K/S), `credit` (share of the coin's price received, fee off) and
    `spread` (mark less price, over mark); each None where it is not known.
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
            if key not in FEATURES:
                raise KeyError(key)
            self._known[key] = self._feature(key)
        return self._known[key]

    def __iter__(self) -> Iterator[str]:
        yield from ("time", "underlying", "spot", *FEATURES)

    def __len__(self) -> int:
        return 3 + len(FEATURES)

    def _feature(self, key: str) -> float | None:
        looks, k = self._looks, self._k
        match key:
            case "return_1d":
                return looks.change(k, 1)
            case "return_7d":
                return looks.change(k, 7)
            case "realized_vol" | "trend" | "iv" | "iv_rank" | "skew" | "term_slope":
                found: float | None = getattr(looks, key)(k)
                return found
            case _:
                quote = looks.seen.quote(k)
                return None if isinstance(quote, str) else _of_quote(key, quote)


def _of_quote(key: str, quote: Quote) -> float | None:
    match key:
        case "delta":
            return quote.delta
        case "dte_days":
            return (quote.expires_at - quote.at) / DAY
        case "moneyness":
            return None if quote.strike is None else math.log(quote.strike / quote.spot)
        case "credit":
            received = quote.price - quote.fee
            return received / quote.spot if quote.linear else received
        case _:
            return (quote.mark - quote.price) / quote.mark
