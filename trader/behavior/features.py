"""What does a trader do, in numbers? Fifteen features that tell types apart, and patterns beyond.

The features are those of the seed, in its order, with its numbers except where they mislead: the
drawdown starts from nothing lost or won, frequency is per day, legs of a chain count once, and a
scratch neither makes nor ends a streak.
"""

from __future__ import annotations

import bisect
import itertools
import math
from statistics import median
from typing import TYPE_CHECKING, Final

import numpy as np

from trader.behavior.rank_tests import clustered_p, larger_p
from trader.behavior.trades import behavior_trades
from trader.domain.units import DAY, HOUR, MINUTE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from trader.behavior.trades import Trade, TradeLike
    from trader.domain.market import Floats

FEATURES: Final = (
    "win_rate", "avg_win", "avg_loss", "profit_factor", "avg_position_size", "max_position_size",
    "position_size_std", "avg_holding_time", "trade_frequency", "consecutive_losses",
    "revenge_ratio", "max_drawdown", "size_after_loss", "size_after_win", "trade_count",
)  # fmt: skip
"""Names, in order. Holding times are minutes, the frequency is trades per day."""
(
    WIN_RATE, AVG_WIN, AVG_LOSS, PROFIT_FACTOR, AVG_POSITION_SIZE, MAX_POSITION_SIZE,
    POSITION_SIZE_STD, AVG_HOLDING_TIME, TRADE_FREQUENCY, CONSECUTIVE_LOSSES,
    REVENGE_RATIO, MAX_DRAWDOWN, SIZE_AFTER_LOSS, SIZE_AFTER_WIN, TRADE_COUNT,
) = range(len(FEATURES))  # fmt: skip

PATTERNS: Final = (
    "gains_realized", "losses_realized", "disposition", "losers_held_longer",
    "gap_after_loss", "gap_after_win", "revenge_gap_p", "revenge_size_p",
    "hour_mean", "hour_concentration", "loss_after_loss", "loss_clustering_p",
)  # fmt: skip
"""Names of the second vector, in order; NaN is "cannot be told from these trades".

`gains_realized` and `losses_realized` are Odean's (1998) PGR and PLR: of the positions that stood
in gain (loss) whenever one was closed, the share that was closed; `disposition` is their
difference. `losers_held_longer` is the median holding time of losers over that of winners. Gaps
are median minutes from a close to the next opening; the p are one-sided, that gaps after losses
are no shorter, sizes no larger, losses no more in a row than chance has it. Hours are of UTC, on
the circle: their mean direction and how closely they lie around it (0 to 1).
"""

_DUST: Final = 1e-8
"""What the seed adds to denominators."""


def extract_behavior_features(trades: Iterable[TradeLike]) -> Floats:
    """Return the fifteen features of closed trades, zeros where there is none.

    Raises:
        ValueError: a time is naive, or a number not finite or negative; names trade and field.
    """
    known = behavior_trades(trades)
    if not known:
        return np.zeros(len(FEATURES))
    pnls = np.array([one.pnl for one in known])
    sizes = np.array([one.size for one in known])
    won, lost = pnls[pnls > 0], pnls[pnls <= 0]
    after_loss, after_win = sizes[1:][pnls[:-1] <= 0], sizes[1:][pnls[:-1] > 0]
    size_after_loss, size_after_win = _mean(after_loss), _mean(after_win)
    return np.array([
        len(won) / len(pnls),
        _mean(won),
        _mean(lost),
        abs(float(won.sum())) / (abs(float(lost.sum())) + _DUST),
        _mean(sizes),
        float(sizes.max()),
        float(sizes.std()),
        _mean(np.array([one.holding_minutes for one in known])),
        trades_per_day(known),
        longest_losing_run(pnls.tolist()),
        size_after_loss / (size_after_win + _DUST),
        deepest_fall(pnls),
        size_after_loss,
        size_after_win,
        len(known),
    ])  # fmt: skip


def extract_patterns(trades: Iterable[TradeLike]) -> Floats:
    """Return the second vector, named by `PATTERNS`.

    Raises:
        ValueError: as `extract_behavior_features`.
    """
    known = behavior_trades(trades)
    lost = [one.pnl < 0 for one in known if one.pnl]
    gains, losses = realized_shares(known)
    after_loss, after_win = gaps(known, after_loss=True), gaps(known, after_loss=False)
    sizes_after_loss = [b.size for a, b in _pairs(known) if a.pnl < 0 and b.size]
    sizes_after_win = [b.size for a, b in _pairs(known) if a.pnl > 0 and b.size]
    hour, concentration = _hours(known)
    repeated = [later for earlier, later in itertools.pairwise(lost) if earlier]
    held_losing = [one.holding_minutes for one in known if one.pnl < 0]
    held_winning = [one.holding_minutes for one in known if one.pnl > 0]
    return np.array([
        gains,
        losses,
        gains - losses,
        _ratio(_median(held_losing), _median(held_winning)),
        _median(after_loss),
        _median(after_win),
        larger_p(after_win, after_loss),
        larger_p(sizes_after_loss, sizes_after_win),
        hour,
        concentration,
        sum(repeated) / len(repeated) if repeated else math.nan,
        clustered_p(lost),
    ])  # fmt: skip


def trades_per_day(trades: Sequence[Trade]) -> float:
    """Count trades a day from first opening to last close, at least one day.

    What states no time counts as one day: then it is the seed's number, the count.
    """
    began = [one.began_at for one in trades if one.began_at is not None]
    ended = [one.closed_at for one in trades if one.closed_at is not None]
    days = (max(ended) - min(began)) / DAY if began and len(ended) == len(trades) else 1.0
    return len(trades) / max(days, 1.0)


def longest_losing_run(pnls: Iterable[float]) -> int:
    """Count the longest run of losses; scratches are stepped over."""
    longest = current = 0
    for pnl in pnls:
        current = current + 1 if pnl < 0 else current if pnl == 0 else 0
        longest = max(longest, current)
    return longest


def deepest_fall(pnls: Floats) -> float:
    """Return how far results added up fell below their peak, which starts at nothing; >= 0."""
    total = np.concatenate([[0.0], np.cumsum(pnls)])
    return float((np.maximum.accumulate(total) - total).max())


def gaps(trades: Sequence[Trade], *, after_loss: bool | None = None) -> list[float]:
    """Return the minutes from each close to the next opening, where times are known.

    What was opened before the last one closed waited for nothing and is left out.
    """
    found = [
        (earlier, (later.began_at - earlier.closed_at) / MINUTE)
        for earlier, later in _pairs(trades)
        if later.began_at is not None and earlier.closed_at is not None
    ]
    return [
        gap
        for earlier, gap in found
        if gap >= 0 and (after_loss is None or (earlier.pnl < 0 if after_loss else earlier.pnl > 0))
    ]


def realized_shares(trades: Sequence[Trade]) -> tuple[float, float]:
    """Return Odean's PGR and PLR: realized gains of all gains, realized losses of all losses.

    Gains and losses on paper are counted at each close, for positions that were then open, at the
    last price at which the trader himself dealt in the symbol since he opened; those without one
    are not counted. NaN where there was none of a kind, or none on paper at all.
    """
    dated = [one for one in trades if one.began_at is not None and one.closed_at is not None]
    realized, paper = [0, 0], [0, 0]
    prices = _dealt_prices(dated)
    priced = [one for one in dated if one.entry_price is not None and one.symbol]
    coming = sorted(priced, key=_began, reverse=True)
    held: list[Trade] = []
    for closing in sorted(dated, key=_closed):
        now = _closed(closing)
        realized[closing.pnl < 0] += closing.pnl != 0
        while coming and _began(coming[-1]) < now:
            held.append(coming.pop())
        held = [one for one in held if _closed(one) > now]
        for one in held:
            mark = _last_price(prices[one.symbol], _began(one), now)
            gain = 0.0 if mark is None else (mark - (one.entry_price or 0.0)) * one.direction
            paper[gain < 0] += gain != 0
    if not sum(paper):
        return math.nan, math.nan
    gains, losses = (
        _ratio(float(done), float(done + left)) for done, left in zip(realized, paper, strict=True)
    )
    return gains, losses


def _began(trade: Trade) -> int:
    return trade.began_at or 0


def _closed(trade: Trade) -> int:
    return trade.closed_at or 0


def _dealt_prices(trades: Sequence[Trade]) -> dict[str, list[tuple[int, float]]]:
    """List by symbol when the trader dealt at which price, in time order."""
    found: dict[str, list[tuple[int, float]]] = {}
    for one in trades:
        for at, price in ((one.began_at, one.entry_price), (one.closed_at, one.exit_price)):
            if at is not None and price is not None and one.symbol:
                found.setdefault(one.symbol, []).append((at, price))
    return {symbol: sorted(ones) for symbol, ones in found.items()}


def _last_price(prices: Sequence[tuple[int, float]], after: int, upto: int) -> float | None:
    """Return the last price dealt at within (after, upto]."""
    place = bisect.bisect_right(prices, (upto, math.inf)) - 1
    return prices[place][1] if place >= 0 and prices[place][0] > after else None


def _hours(trades: Sequence[Trade]) -> tuple[float, float]:
    """Return the mean hour of openings on the circle, and how close they lie: 0 to 1."""
    began = [one.began_at for one in trades if one.began_at is not None]
    if not began:
        return math.nan, math.nan
    angles = np.array([at % DAY / DAY for at in began]) * 2 * math.pi
    east, north = float(np.cos(angles).mean()), float(np.sin(angles).mean())
    return math.atan2(north, east) / (2 * math.pi) * (DAY / HOUR) % 24, math.hypot(east, north)


def _pairs(trades: Sequence[Trade]) -> list[tuple[Trade, Trade]]:
    return list(itertools.pairwise(trades))


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else 0.0


def _median(values: Sequence[float]) -> float:
    return median(values) if values else math.nan


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else math.nan
