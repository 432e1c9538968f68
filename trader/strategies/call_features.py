"""What does a moment tell about selling a call? Features, the same in a study and in the daemon.

Each is computed from what was known then and handed in; what cannot be known is None.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from trader.domain.units import DAY, YEAR

if TYPE_CHECKING:
    from trader.domain.market import Closes, Floats, Ints

TREND_DAYS: Final = 7
VOL_DAYS: Final = 30
CALL_FEATURES: Final = ("delta", "dte_days", "moneyness", "credit", "spread")
"""Those of the call that would be sold."""

MEANINGS: Final = {
    "return_1d": ("log", "log return of the coin over one day"),
    "return_7d": ("log", "log return of the coin over seven days"),
    "realized_vol": ("fraction per year", "volatility of up to 30 days of closes"),
    "trend": ("standard deviations", "seven days' log return over its own volatility"),
    "iv": ("fraction per year", "implied volatility at the money, expiry nearest the target"),
    "iv_rank": ("fraction", "share of the last 90 days' decision times with a lower iv"),
    "skew": ("fraction per year", "implied volatility at delta .25 less that at .75"),
    "term_slope": ("fraction per year", "iv of the last expiry less that of the first"),
    "delta": ("1", "delta of the call that would be sold"),
    "dte_days": ("days", "its days to expiry"),
    "moneyness": ("log", "ln(strike / spot)"),
    "credit": ("fraction of spot", "its price received, fee off"),
    "spread": ("fraction of mark", "its mark less the price received"),
}
"""Unit and meaning of each feature that a study knows."""

UNKNOWN_LIVE: Final = {
    "iv_rank": "the daemon keeps no past of its boards",
    "term_slope": "it depends on how far a board reaches, and the daemon's reaches elsewhere",
}
"""Why some cannot be known to the daemon as a study knows them."""

LIVE: Final = tuple(name for name in MEANINGS if name not in UNKNOWN_LIVE)
"""Those that study and daemon know alike."""


class Quote(msgspec.Struct, frozen=True, gc=False):
    """The call that would be sold at a decision time: all of it known then.

    `price` is what is received, `mark` what it was worth by the venue's model, `fee` what the sale
    costs: in the premium's currency per coin.
    """

    at: int
    instrument_name: str
    expires_at: int
    strike: float | None
    delta: float
    mark: float
    price: float
    fee: float
    spot: float
    linear: bool


class ChainView(msgspec.Struct, frozen=True):
    """The living calls of a chain whose delta and volatility are known, columns of one length."""

    expires_at: Ints
    delta: Floats
    mark_iv: Floats


def iv_at_delta(chain: ChainView | None, expiry: int, delta: float) -> float | None:
    """Return the volatility of the call nearest to a delta, at the expiry nearest to one."""
    if chain is None or not len(chain.delta):
        return None
    nearest = np.abs(chain.expires_at - expiry)
    rows = np.flatnonzero(nearest == nearest.min())
    return float(chain.mark_iv[rows[np.argmin(np.abs(chain.delta[rows] - delta))]])


def skew(chain: ChainView | None, expiry: int) -> float | None:
    """Return the volatility at delta .25 less that at .75 (the put of -.25)."""
    high, low = iv_at_delta(chain, expiry, 0.25), iv_at_delta(chain, expiry, 0.75)
    return None if high is None or low is None else high - low


def term_slope(chain: ChainView | None) -> float | None:
    """Return the volatility at the money of the last expiry less that of the first."""
    if chain is None or not len(chain.delta):
        return None
    far = iv_at_delta(chain, int(np.max(chain.expires_at)), 0.5)
    near = iv_at_delta(chain, int(np.min(chain.expires_at)), 0.5)
    return None if far is None or near is None else far - near


def log_return(closes: Closes, at: int, days: int) -> float | None:
    """Return the coin's log return over some days."""
    before = closes.last(at - days * DAY, DAY)
    now = closes.last(at, DAY)
    return None if not before or not now else math.log(now / before)


def trend(closes: Closes, at: int) -> float | None:
    """Score the trend of seven days: log return over the root of summed squared returns.

    About standard normal without a trend; None where fewer than 4 closes tell of them.
    """
    moves = _moves(closes, at, TREND_DAYS)
    if len(moves) < 3:
        return None
    size = math.sqrt(float((moves * moves).sum()))
    return float(moves.sum()) / size if size > 0 else 0.0


def realized_vol(closes: Closes, at: int) -> float | None:
    """Return the volatility of up to 30 days of closes known by `at`, a fraction per year."""
    known = closes.after(at - VOL_DAYS * DAY - 1, at)
    moves = _moves(known, at, VOL_DAYS)
    if len(moves) < 3:
        return None
    spent = int(known.known_at[-1] - known.known_at[-1 - len(moves)]) / YEAR
    return math.sqrt(float((moves * moves).sum()) / spent)


def of_call(name: str, quote: Quote) -> float | None:
    """Return one of `CALL_FEATURES`.

    Raises:
        KeyError: it is none of them.
    """
    match name:
        case "delta":
            return quote.delta
        case "dte_days":
            return (quote.expires_at - quote.at) / DAY
        case "moneyness":
            return None if quote.strike is None else math.log(quote.strike / quote.spot)
        case "credit":
            received = quote.price - quote.fee
            return received / quote.spot if quote.linear else received
        case "spread":
            return (quote.mark - quote.price) / quote.mark
        case _:
            raise KeyError(name)


def _moves(closes: Closes, at: int, days: int) -> Floats:
    known = closes.after(at - days * DAY - 1, at)
    moves: Floats = np.diff(np.log(known.close[known.close > 0]))
    return moves
