"""Which signals of a bar are entered, in which order, and which rule keeps the others out?

Pullbacks go first. Of each sleeve the coins are ranked by score and strength, less what they have
in common with what is held, and budgets are given away in that order: the portfolio backtest's
rules for what is seen at the close of one bar.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from trader.domain.trading import Withheld
from trader.strategies.trend_sleeves import (
    PULLBACK,
    SLEEVES,
    TREND,
    UNIT_RISK_MIN,
    Held,
    Wish,
    score_of,
    signals,
    wished,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from trader.domain.market import Bars, Touch
    from trader.strategies.trend_sleeves import Sleeve, TrendPullbackSettings

SHARED_MIN: Final = 20
"""Changes two coins must share before their correlation counts."""
HUNGRY_CORRELATION: Final = 0.97
"""Up to which a pullback sleeve below its least number of positions enters."""
STRENGTH_SHARE: Final = {TREND: 0.25, PULLBACK: 0.20}
"""Of symbol_score in the rank, by sleeve."""


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """One coin when a bar has closed: its quote, closed bars, and the newest row of its columns.

    `since` counts, by sleeve, the bars since it was left. What may not be `entered` is ranked all
    the same.
    """

    coin: str
    touch: Touch
    bars: Bars
    row: Mapping[str, float]
    since: Mapping[str, int]
    entered: bool


class Book(msgspec.Struct, frozen=True):
    """What is held: sizes, and by coin and sleeve what is held or ordered; bars by coin."""

    held: tuple[Held, ...]
    taken: tuple[tuple[str, str], ...]
    bars: Mapping[str, Bars]

    def with_wish(self, coin: str, wish: Wish) -> Book:
        """Take one more entry as held."""
        one = Held(wish.sleeve, wish.coins, wish.price, wish.stop, wish.price, coin)
        return Book((*self.held, one), (*self.taken, (coin, wish.sleeve)), self.bars)


class Choice(msgspec.Struct, frozen=True):
    """A signal, and what becomes of it."""

    look: Look
    sleeve: Sleeve
    verdict: Wish | Withheld


def choices(
    looks: Sequence[Look],
    book: Book,
    settings: TrendPullbackSettings,
    *,
    equity: float,
    drawdown: float,
) -> Iterator[Choice]:
    """Decide on every signal of a bar, best first; what is entered uses budgets at once.

    Correlations are with what was held before. Fees of one sleeve's entries are gone when the next
    one is sized.
    """
    places, before = _places(looks), book
    for sleeve in SLEEVES:
        wanted: list[tuple[float, float, Look]] = []
        for look in looks:
            if not (look.entered and signals(sleeve, look.row)):
                continue
            early = _too_weak(sleeve, look, places[look.coin], settings)
            if early is not None:
                yield Choice(look, sleeve, early)
                continue
            likeness = mean_correlation(look.bars, before, settings.correlation_lookback)
            wanted.append((_rank(sleeve, look, likeness, settings), likeness, look))
        spent = 0.0
        for _, likeness, look in sorted(wanted, key=lambda one: -one[0]):
            verdict: Wish | Withheld | None = _kept_out(sleeve, look, likeness, book, settings)
            if verdict is None:
                verdict = wished(
                    sleeve, look.row, look.touch.ask, settings, equity=equity, drawdown=drawdown,
                    underlying=look.coin, held=book.held,
                )  # fmt: skip
            if isinstance(verdict, Wish) and look.touch.bid <= verdict.stop:
                distance = (look.touch.bid - verdict.stop) / look.touch.bid
                verdict = Withheld("invalid_risk", UNIT_RISK_MIN, distance)  # left at once
            if isinstance(verdict, Wish):
                book = book.with_wish(look.coin, verdict)
                spent += verdict.coins * verdict.price * look.touch.instrument.taker_fee_rate
            yield Choice(look, sleeve, verdict)
        equity -= spent


def mean_correlation(bars: Bars, book: Book, lookback: int) -> float:
    """Average the correlations of a coin with every position, over changes of closes before the
    newest bar; 0 without any.
    """
    mine = _changes(bars, lookback)
    if mine is None:
        return 0.0
    found = []
    for held in book.held:
        other = book.bars.get(held.name)
        if other is None or other.opened_at[-1:] != bars.opened_at[-1:]:
            continue
        theirs = _changes(other, lookback)
        one = _correlation(mine, theirs, lookback) if theirs is not None else None
        if one is not None:
            found.append(one)
    return sum(found) / len(found) if found else 0.0


def _changes(bars: Bars, lookback: int) -> dict[int, float] | None:
    """List the last changes before the newest bar by instant; None where there are too few."""
    newest = len(bars.close) - 1
    if newest < lookback:
        return None
    close = bars.close
    return {
        bars.opened_at[row]: close[row] / close[row - 1] - 1.0
        for row in range(max(newest - lookback, 1), newest)
    }


def _correlation(
    mine: Mapping[int, float], theirs: Mapping[int, float], lookback: int
) -> float | None:
    """Correlate what two coins did in the same hours (Pearson); None where that says nothing."""
    shared = [at for at in mine if at in theirs]
    if len(shared) < max(lookback // 3, SHARED_MIN):
        return None
    x, y = (np.array([one[at] for at in shared]) for one in (mine, theirs))
    x, y = x - x.mean(), y - y.mean()
    size = float(np.sqrt(x @ x) * np.sqrt(y @ y))
    return max(min(float(x @ y) / size, 1.0), -1.0) if size > 0 else None


def _places(looks: Sequence[Look]) -> dict[str, int]:
    """Rank the coins by strength, 1 the strongest; of equals the first stays first."""
    order = sorted(looks, key=lambda look: -look.row["symbol_score"])
    return {look.coin: place for place, look in enumerate(order, 1)}


def _too_weak(
    sleeve: Sleeve, look: Look, place: int, settings: TrendPullbackSettings
) -> Withheld | None:
    """Refuse a trend of a coin that is not among the strongest, and what scores too low."""
    top = settings.symbol_rank_top_n_long
    if sleeve == TREND and settings.enable_symbol_ranking and place > top:
        return Withheld("ranking_or_filter", top, place)
    score = score_of(sleeve, look.row)
    floor = settings.trend_score_floor if sleeve == TREND else settings.pullback_score_floor
    return Withheld("score_floor", floor, score) if score < floor else None


def _rank(sleeve: Sleeve, look: Look, likeness: float, settings: TrendPullbackSettings) -> float:
    trend = sleeve == TREND
    penalty = (
        settings.candidate_corr_penalty_trend if trend else settings.candidate_corr_penalty_pullback
    )
    strength = STRENGTH_SHARE[sleeve] * look.row["symbol_score"]
    return score_of(sleeve, look.row) + strength - penalty * max(likeness, 0.0)


def _kept_out(
    sleeve: Sleeve, look: Look, likeness: float, book: Book, settings: TrendPullbackSettings
) -> Withheld | None:
    """Name the first rule that keeps a coin out whatever its price."""
    sleeves = [tag for coin, tag in book.taken if coin == look.coin]
    mine = sum(tag == sleeve for _, tag in book.taken)
    most = settings.strategy_max_positions.get(sleeve, 0)
    since = look.since.get(sleeve, settings.cooldown_bars + 1)
    threshold = settings.trend_correlation_threshold
    if sleeve == PULLBACK:
        hungry = mine < settings.strategy_min_positions.get(sleeve, 0)
        threshold = HUNGRY_CORRELATION if hungry else settings.pullback_correlation_threshold
    if len(book.taken) >= settings.max_positions:
        return Withheld("max_positions", settings.max_positions, len(book.taken), 1.0)
    if sleeve in sleeves:
        return Withheld("existing_same_sleeve_symbol", 1.0, 1.0, 1.0)
    if sleeves and not settings.allow_cross_sleeve_symbol_overlap:
        return Withheld("existing_symbol", 1.0, len(sleeves), 1.0)
    if mine >= most:
        return Withheld("strategy_position_cap", most, mine, 1.0)
    if since <= settings.cooldown_bars:
        return Withheld("cooldown", settings.cooldown_bars, since)
    if likeness > threshold:
        return Withheld("correlation_gate", threshold, likeness)
    return None
