"""Which options make a strangle, a straddle, their wings? And how likely does a structure win?"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from trader.domain.trading import Leg
from trader.domain.units import YEAR
from trader.strategies.structure import choose_by_delta, further_out, quoted

if TYPE_CHECKING:
    from trader.domain.instruments import OptionType
    from trader.domain.market import Board, Ints

QUANTILES: Final = 400
DEVIATIONS: Final = np.array(
    [NormalDist().inv_cdf((rank + 0.5) / QUANTILES) for rank in range(QUANTILES)]
)
"""Standard normal values that split its mass into equal parts."""
SPREAD_MAX: Final = 20.0
"""Deviations to expiry beyond which a volatility is no market's but an error."""


class Shape(msgspec.Struct, frozen=True):
    """Options of one structure by their rows of a board: signed ratios, what is sold first."""

    rows: tuple[int, ...]
    ratios: tuple[int, ...]

    def legs(self, board: Board) -> tuple[Leg, ...]:
        """Name the contracts."""
        pairs = zip(self.rows, self.ratios, strict=True)
        return tuple(Leg(board.instruments[row].name, ratio) for row, ratio in pairs)


def at_the_money(board: Board, expiry: int) -> tuple[int, int] | None:
    """Find the put and the call of the strike nearest to the forward, the lower of two.

    None where no strike shows a usable quote of both, or none shows its forward.
    """
    puts, calls = (_quoted_rows(board, side, expiry) for side in ("put", "call"))
    _, at_put, at_call = np.intersect1d(
        board.strike[puts], board.strike[calls], assume_unique=True, return_indices=True
    )
    puts, calls = puts[at_put], calls[at_call]
    forward = board.underlying_price[calls]
    known = np.isfinite(forward) & (forward > 0)
    if not known.any():
        return None
    puts, calls = puts[known], calls[known]
    place = int(np.argmin(np.abs(board.strike[calls] / forward[known] - 1.0)))
    return int(puts[place]), int(calls[place])


def around(
    board: Board, expiry: int, target_delta: float, delta_tolerance: float
) -> tuple[int, int] | None:
    """Find the put below and the call above whose |delta| is nearest to the target, both or none.

    The call's strike is above the put's: what overlaps is no strangle.
    """
    found = [
        choose_by_delta(board, _quoted_rows(board, side, expiry), target_delta, delta_tolerance)
        for side in ("put", "call")
    ]
    put, call = found
    if put is None or call is None or not board.strike[put] < board.strike[call]:
        return None
    return put, call


def wings(
    board: Board, put: int, call: int, *, width_strikes: int, wing_delta: float = 0.0
) -> tuple[int, int] | None:
    """Find what is bought beyond a put and a call: some strikes out, or at a smaller |delta|.

    None where the ladder ends before, or nothing is quoted further out.
    """
    if wing_delta == 0:
        low = further_out(board, "put", put, width_strikes)
        high = further_out(board, "call", call, width_strikes)
    else:
        low = _wing(board, "put", put, wing_delta)
        high = _wing(board, "call", call, wing_delta)
    return None if low is None or high is None else (low, high)


def profit_chance(board: Board, shape: Shape, net: float) -> float:
    """Estimate how likely a structure of one expiry pays more there than `net`, its price.

    Lognormal around the forward, at the mean of the legs' volatilities; 0 where a number is
    missing. As every such estimate it takes the market's volatility for the true one.
    """
    rows = np.array(shape.rows)
    forward, vol = board.underlying_price.item(shape.rows[0]), mean_vol(board, shape.rows)
    years = (int(board.expires_at[rows].min()) - board.at) / YEAR
    if not (0 < forward < math.inf and 0 < vol < math.inf and years > 0 and math.isfinite(net)):
        return 0.0
    deviation = vol * math.sqrt(years)
    if deviation > SPREAD_MAX:
        return 0.0
    moneyness = np.exp(deviation * DEVIATIONS - deviation * deviation / 2)[:, None]
    with np.errstate(over="ignore"):
        strikes = board.strike[rows] / forward
    signs = np.where(board.is_call[rows], 1.0, -1.0)
    paid = np.maximum(signs * (moneyness - strikes), 0.0) @ np.array(shape.ratios, dtype=float)
    unit = moneyness[:, 0] if board.instruments[shape.rows[0]].inverse else 1.0 / forward
    return float(np.mean(paid > net * unit))


def mean_vol(board: Board, rows: tuple[int, ...]) -> float:
    """Average the marks' implied volatilities; infinities of both signs are none, unwarned."""
    vols: list[float] = board.mark_iv[list(rows)].tolist()
    return sum(vols) / len(vols)


def _wing(board: Board, side: OptionType, short: int, wing_delta: float) -> int | None:
    """Choose among what is quoted further out than the sold option."""
    rows = _quoted_rows(board, side, int(board.expires_at[short]))
    beyond = board.strike[rows] > board.strike[short]
    further = rows[beyond] if side == "call" else rows[board.strike[rows] < board.strike[short]]
    return choose_by_delta(board, further, wing_delta, wing_delta)


def _quoted_rows(board: Board, side: OptionType, expiry: int) -> Ints:
    rows = board.listing.ladder(side).get(expiry)
    if rows is None:
        return np.empty(0, dtype=np.int64)
    return rows[quoted(board, rows)]
