"""Are signals of several coins ranked, kept apart and budgeted as the portfolio's? By hand."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.strategies.perpetuals import bars_of, touch_of
from trader.domain.market import Bars
from trader.domain.trading import Withheld
from trader.strategies.sketch import fictitious_perpetual
from trader.strategies.trend_choice import Book, Look, choices, mean_correlation
from trader.strategies.trend_sleeves import (
    PULLBACK,
    TREND,
    Held,
    TrendPullbackSettings,
    Wish,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

ROWS = 260
SIGNAL = {
    "ATR": 1.0, "SMA20": 98.0, "SMA50": 97.0, "low": 97.5, "close": 100.0, "RSI": 35.0,
    "signal": 1.0, "entry_score": 0.5, "risk_scalar": 1.1, "symbol_score": 0.0,
    "pullback_signal": 0.0, "pullback_entry_score": 0.0, "pullback_risk_scalar": 0.88,
}  # fmt: skip
DIP = SIGNAL | {"signal": 0.0, "pullback_signal": 1.0, "pullback_entry_score": 0.6}


def bars(seed: int, alike: float = 0.0) -> Bars:
    """Let a coin wander; a share of what it does is common to all seeds."""
    common, own = (np.random.default_rng(one).normal(0, 0.004, ROWS) for one in (0, seed))
    return bars_of((100.0 * np.exp(np.cumsum(alike * common + (1 - alike) * own))).tolist())


def rows_of(whole: Bars, rows: Iterable[int]) -> Bars:
    """Keep some hours."""
    kept = list(rows)
    prices = (whole.open, whole.high, whole.low, whole.close)
    opened_at = tuple(whole.opened_at[row] for row in kept)
    return Bars(opened_at, *(tuple(column[row] for row in kept) for column in prices))


def look(coin: str, row: dict[str, float] | None = None, **changes: Any) -> Look:
    """Look at a coin that signals a trend, quoted at 100."""
    fields: dict[str, Any] = {
        "coin": coin,
        "touch": touch_of(fictitious_perpetual(coin, linear=True), 101.0),
        "bars": bars(sum(map(ord, coin))),
        "row": SIGNAL if row is None else row,
        "since": {},
        "entered": True,
    } | changes
    return Look(**fields)


def held(coin: str, sleeve: str = TREND, coins: float = 10.0) -> Held:
    """Hold a thousand dollars of a coin, a tenth of it at risk."""
    return Held(sleeve, coins, 100.0, 99.0, 100.0, coin)


def book(*positions: Held, looks: tuple[Look, ...] = ()) -> Book:
    """Hold positions; their bars are those that are looked at."""
    taken = tuple((one.name, one.sleeve) for one in positions)
    return Book(positions, taken, {one.coin: one.bars for one in looks})


def chosen(
    *looks: Look, given: Book | None = None, **parameters: Any
) -> list[tuple[str, str, str]]:
    """Decide with 100,000 of equity; name coin, sleeve, and the rule that said no."""
    settings = TrendPullbackSettings(**{"risk_per_trade": 0.002, **parameters})
    found = choices(
        looks, given or book(looks=looks), settings, equity=100_000.0, drawdown=0.0
    )  # fmt: skip
    return [
        (one.look.coin, one.sleeve, "" if isinstance(one.verdict, Wish) else one.verdict.rule)
        for one in found
    ]


def test_the_best_comes_first_and_pullbacks_before_trends() -> None:
    """By score and a quarter of the strength; of equals whoever is named first."""
    strong = SIGNAL | {"symbol_score": 0.5}
    better = SIGNAL | {"entry_score": 0.6}
    looks = (look("SOL"), look("ADA", strong), look("XRP", better), look("DOT", DIP), look("LTC"))
    assert [one[:2] for one in chosen(*looks)] == [
        ("DOT", PULLBACK), ("ADA", TREND), ("XRP", TREND), ("SOL", TREND), ("LTC", TREND),
    ]  # fmt: skip


def test_likeness_costs_rank() -> None:
    """Of two equal signals the one less like what is held goes first, whatever is named first."""
    like, other = look("SOL", bars=bars(1, alike=0.95)), look("XRP", bars=bars(2))
    mine = look("ADA", bars=bars(3, alike=0.95), entered=False)
    given = book(held("ADA"), looks=(like, other, mine))
    open_minded = {"trend_correlation_threshold": 1.0}
    assert [one[0] for one in chosen(like, other, given=given, **open_minded)] == ["XRP", "SOL"]
    assert [one[0] for one in chosen(like, other)] == ["SOL", "XRP"]
    indifferent = open_minded | {"candidate_corr_penalty_trend": 0.0}
    assert [one[0] for one in chosen(like, other, given=given, **indifferent)] == ["SOL", "XRP"]


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"symbol_rank_top_n_long": 1}, "ranking_or_filter"),
        ({"symbol_rank_top_n_long": 1, "enable_symbol_ranking": False}, ""),
        ({"trend_score_floor": 0.51}, "score_floor"),
        ({"max_positions": 1}, "max_positions"),
        ({"strategy_max_positions": {TREND: 1, PULLBACK: 3}}, "strategy_position_cap"),
        ({"strategy_max_positions": {PULLBACK: 3}}, "strategy_position_cap"),
        ({"trend_correlation_threshold": -0.5}, "correlation_gate"),
        ({"strategy_notional_budget": {TREND: 0.02, PULLBACK: 0.4}}, "strategy_notional_budget"),
        ({}, ""),
    ],
)
def test_each_rule_keeps_out_by_name(changes: dict[str, Any], rule: str) -> None:
    """The weaker of two coins, beside a position in a third."""
    strong = look("XRP", SIGNAL | {"symbol_score": 0.5, "signal": 0.0})
    weak, third = look("SOL"), look("ADA", entered=False)
    given = book(held("ADA"), looks=(strong, weak, third))
    assert chosen(strong, weak, given=given, **changes) == [("SOL", TREND, rule)]


def test_a_coin_is_entered_once_by_a_sleeve_and_rests_after_it() -> None:
    """The same sleeve never, the other where sharing is allowed; `cooldown_bars` after an exit."""
    one = look("SOL", bars=bars_of([100.0] * ROWS))  # what does not move is like nothing
    same, other = book(held("SOL"), looks=(one,)), book(held("SOL", PULLBACK), looks=(one,))
    assert chosen(one, given=same) == [("SOL", TREND, "existing_same_sleeve_symbol")]
    apart = {"allow_cross_sleeve_symbol_overlap": False}
    assert chosen(one, given=other, **apart) == [("SOL", TREND, "existing_symbol")]
    assert chosen(one, given=other) == [("SOL", TREND, "")]
    for since, rule in ((0, "cooldown"), (6, "cooldown"), (7, "")):
        assert chosen(look("SOL", since={TREND: since})) == [("SOL", TREND, rule)]
    assert chosen(look("SOL", since={PULLBACK: 0})) == [("SOL", TREND, "")]


def test_a_hungry_pullback_sleeve_is_less_particular() -> None:
    """With no pullback held, up to .97; with one, up to its threshold."""
    dip = look("SOL", DIP, bars=bars(1, alike=0.82))
    others = [look(coin, DIP, bars=bars(2, alike=0.82), entered=False) for coin in ("ADA", "DOT")]
    trend = book(held("ADA"), looks=(dip, *others))
    assert 0.92 < mean_correlation(dip.bars, trend, 90) < 0.97
    assert chosen(dip, given=trend) == [("SOL", PULLBACK, "")]
    fed = book(held("ADA"), held("DOT", PULLBACK), looks=(dip, *others))
    assert chosen(dip, given=fed) == [("SOL", PULLBACK, "correlation_gate")]
    assert chosen(dip, given=fed, pullback_correlation_threshold=1.0) == [("SOL", PULLBACK, "")]


def test_what_is_entered_uses_budgets_at_once() -> None:
    """The third finds no room; a sleeve's fees are gone when the next one is sized."""
    looks = (look("SOL"), look("XRP"), look("ADA"))
    budget: dict[str, Any] = {"strategy_notional_budget": {TREND: 0.14, PULLBACK: 0.4}}
    rules = [rule for _, _, rule in chosen(*looks, **budget)]
    assert rules == ["", "", "strategy_notional_budget"]
    settings = TrendPullbackSettings(enable_score_based_sizing=False, max_portfolio_risk=1.0)
    alone, dip = look("SOL"), look("XRP", DIP)
    both = list(choices((alone, dip), book(), settings, equity=1e5, drawdown=0.0))
    (only,) = choices((alone,), book(), settings, equity=1e5, drawdown=0.0)
    first, second = (one.verdict for one in both)
    assert isinstance(first, Wish)
    assert isinstance(second, Wish)
    assert isinstance(only.verdict, Wish)
    fee = first.coins * first.price * 0.0005
    assert second.coins == pytest.approx(only.verdict.coins * (1 - fee / 1e5), rel=1e-12)


def test_a_quote_below_the_stop_is_nobodys_entry() -> None:
    """It would be left at once: the distance from the bid is told."""
    wide = look("SOL", touch=touch_of(fictitious_perpetual("SOL"), 98.0, bid=96.0, ask=97.6))
    (one,) = choices((wide,), book(), TrendPullbackSettings(), equity=1e5, drawdown=0.0)
    assert isinstance(one.verdict, Withheld)
    assert (one.verdict.rule, one.verdict.used < 0) == ("invalid_risk", True)


def test_correlation_is_that_of_closes_before_the_newest_bar() -> None:
    """Pearson's, over the changes of `lookback` bars that both coins have; averaged."""
    first, second = bars(1, alike=0.5), bars(2, alike=0.5)
    one, two = (np.diff(each.close) / np.array(each.close[:-1]) for each in (first, second))
    expected = np.corrcoef(one[-91:-1], two[-91:-1])[0, 1]
    given = Book((held("ADA"),), (), {"ADA": second})
    assert mean_correlation(first, given, 90) == pytest.approx(expected, rel=1e-12)
    both = Book((held("ADA"), held("SOL")), (), {"ADA": second, "SOL": first})
    assert mean_correlation(first, both, 90) == pytest.approx((expected + 1) / 2, rel=1e-12)


def test_what_cannot_be_correlated_counts_for_nothing() -> None:
    """Short histories, bars of another hour, a coin nobody saw, one that does not move."""
    first = bars(1)
    cut, late = rows_of(first, range(ROWS - 60, ROWS)), rows_of(first, range(ROWS - 1))
    still = bars_of([100.0] * ROWS)
    for other in (cut, late, still):
        assert mean_correlation(first, Book((held("ADA"),), (), {"ADA": other}), 90) == 0.0
    assert mean_correlation(first, Book((held("ADA"),), (), {}), 90) == 0.0
    assert mean_correlation(cut, Book((held("ADA"),), (), {"ADA": first}), 90) == 0.0
    holes = [row for row in range(ROWS) if row % 5 == 0 or row == ROWS - 1]
    few = rows_of(first, holes)
    assert mean_correlation(first, Book((held("ADA"),), (), {"ADA": few}), 50) == 0.0


@pytest.mark.parametrize("wrong", [math.nan, math.inf])
def test_a_rule_is_told_in_finite_numbers(wrong: float) -> None:
    """A journal holds nothing else; the field is named."""
    for field in ("limit", "used", "requested"):
        with pytest.raises(ValueError, match=field):
            Withheld("cooldown", **{field: wrong})
