"""Are levels, sizes and budgets the portfolio backtest's? By hand; the engine's parity is apart."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from trader.backtest.portfolio_terms import PortfolioTerms
from trader.domain.trading import Withheld
from trader.strategies.trend_sleeves import (
    PULLBACK,
    TREND,
    Held,
    Sleeve,
    TrendPullbackSettings,
    Wish,
    added,
    confidence,
    drawdown_scalar,
    first_stop,
    score_of,
    signals,
    wished,
)

ROW = {
    "ATR": 100.0, "SMA20": 9_800.0, "SMA50": 9_700.0, "low": 9_750.0, "close": 10_000.0,
    "signal": 1.0, "entry_score": 0.5, "risk_scalar": 1.1, "pullback_signal": 1.0,
    "pullback_entry_score": 0.6, "pullback_risk_scalar": 0.88, "RSI": 35.0,
}  # fmt: skip
PLAIN = TrendPullbackSettings(enable_score_based_sizing=False)
OTHER = Held(PULLBACK, 5.0, 10_000.0, 9_800.0, 10_000.0)


def asked(
    sleeve: Sleeve = TREND, settings: TrendPullbackSettings = PLAIN, **changes: Any
) -> Wish | Withheld:
    """Ask for an entry at 10,000 with 100,000 of equity."""
    given: dict[str, Any] = {
        "equity": 100_000.0,
        "drawdown": 0.0,
        "underlying": "SOL",
        "held": (),
    } | changes
    return wished(sleeve, ROW, 10_000.0, settings, **given)


def test_defaults_are_those_of_the_portfolio() -> None:
    """Every parameter that both have has the same default, by the same name."""
    theirs, mine = PortfolioTerms().model_dump(), TrendPullbackSettings().model_dump()
    shared = theirs.keys() & mine.keys()
    assert len(shared) >= 31
    for name in shared:
        assert theirs[name] in (mine[name], None), name


def test_stops_by_hand() -> None:
    """A trend below its mean and its bar's low; a pullback below the long mean and one range."""
    assert first_stop(TREND, ROW, 10_000.0) == 9_690.0
    assert first_stop(TREND, ROW | {"low": 9_600.0}, 10_000.0) == 9_600.0
    assert first_stop(PULLBACK, ROW, 10_000.0) == 9_620.0
    assert first_stop(PULLBACK, ROW, 9_700.0) == 9_600.0


def test_a_trend_by_hand() -> None:
    """1.05 % times 1.1 of 100,000 over 310 to the stop: 3.7258 coins, half sold 682 above."""
    wish = asked()
    assert isinstance(wish, Wish)
    assert wish.coins == pytest.approx(100_000 * 0.0105 * 1.1 / 310)
    assert wish.stop == 9_690.0
    assert wish.target == pytest.approx(10_682.0)


def test_a_pullback_by_hand() -> None:
    """1.05 % times .88 over 380 to the stop; its target is 1.8 ranges above."""
    wish = asked(PULLBACK)
    assert isinstance(wish, Wish)
    assert wish.coins == pytest.approx(100_000 * 0.0105 * 0.88 / 380)
    assert wish.target == 10_180.0


def test_the_large_coins_take_less() -> None:
    """.45 of the risk on BTC and ETH, by the coin and whatever its contract is called."""
    whole = asked()
    assert isinstance(whole, Wish)
    for coin in ("BTC", "ETH", "btc", "BTC_USDC", "ETH_USDC-PERPETUAL"):
        less = asked(underlying=coin)
        assert isinstance(less, Wish)
        assert less.coins == pytest.approx(0.45 * whole.coins)


def test_the_notional_is_capped() -> None:
    """A near stop does not make a position larger than a share of equity."""
    wish = asked(settings=TrendPullbackSettings(risk_per_trade=0.5, max_portfolio_risk=10.0))
    assert isinstance(wish, Wish)
    assert wish.coins * wish.price == pytest.approx(55_000.0)


def test_a_stop_too_near_is_no_entry() -> None:
    """Below .15 % of the price any noise would meet it, and above the price it is none."""
    near = ROW | {"SMA20": 10_100.0, "low": 9_990.0}
    given: dict[str, Any] = {"equity": 1e5, "drawdown": 0.0, "underlying": "SOL", "held": ()}
    for price, share in ((10_000.0, 0.001), (9_000.0, -0.11)):
        refused = wished(TREND, near, price, PLAIN, **given)
        assert isinstance(refused, Withheld)
        assert (refused.rule, refused.limit) == ("invalid_risk", 0.0015)
        assert refused.used == pytest.approx(share)


@pytest.mark.parametrize(
    ("changes", "held", "rule"),
    [
        ({"strategy_notional_budget": {TREND: 0.3, PULLBACK: 0.4}}, (), "strategy_notional_budget"),
        ({"strategy_notional_budget": {PULLBACK: 0.4}}, (), "strategy_notional_budget"),
        ({"strategy_risk_budget": {TREND: 0.2, PULLBACK: 0.4}}, (), "strategy_risk_budget"),
        ({"max_portfolio_risk": 0.0155}, (), "strategy_risk_budget"),
        ({"max_portfolio_risk": 0.02}, (OTHER,), "portfolio_risk_budget"),
        ({"max_gross_exposure": 0.8}, (OTHER,), "gross_exposure"),
    ],
)
def test_what_a_budget_does_not_hold_is_left_out(
    changes: dict[str, Any], held: tuple[Held, ...], rule: str
) -> None:
    """Not shrunk, and told by name and share of equity; with the default budgets it is taken."""
    assert isinstance(asked(held=held), Wish)
    settings = TrendPullbackSettings(enable_score_based_sizing=False, **changes)
    refused = asked(settings=settings, held=held)
    assert isinstance(refused, Withheld)
    assert refused.rule == rule
    assert refused.used + refused.requested > refused.limit


def test_scores_and_drawdowns_scale_the_size() -> None:
    """A logistic curve between floor and ceiling; three quarters from 12 %, half from 18 %."""
    settings = TrendPullbackSettings()
    assert confidence(0.26, settings) == pytest.approx((0.90 + 1.25) / 2)
    assert confidence(-1e6, settings) == 0.90
    assert confidence(1e6, settings) == pytest.approx(1.25)
    assert confidence(0.9, TrendPullbackSettings(score_sizing_width=0.0)) == 1.0
    scalars = [drawdown_scalar(one) for one in (0.0, 0.1199, 0.12, 0.1799, 0.18, 0.9)]
    assert scalars == [1.0, 1.0, 0.75, 0.75, 0.5, 0.5]
    whole, less = asked(), asked(drawdown=0.2)
    assert isinstance(whole, Wish)
    assert isinstance(less, Wish)
    assert less.coins == whole.coins / 2


def test_signals_and_scores_are_of_a_sleeve() -> None:
    """A score without a signal is none."""
    assert signals(TREND, ROW)
    assert signals(PULLBACK, ROW)
    assert not signals(TREND, ROW | {"signal": 0.0})
    assert not signals(PULLBACK, ROW | {"pullback_signal": 0.0})
    assert score_of(TREND, ROW) == ROW["entry_score"]
    assert score_of(PULLBACK, ROW) == ROW["pullback_entry_score"]


def test_a_pyramid_by_hand() -> None:
    """The smaller of a quarter of the risk and 18 % of the first size, if the whole may be held."""
    held = (Held(TREND, 2.0, 10_000.0, 10_000.0, 10_690.0),)
    given: dict[str, Any] = {"equity": 100_000.0, "held": held}
    assert added(4.0, 10_700.0, 10_200.0, PLAIN, **given) == pytest.approx(0.525)
    assert added(1.0, 10_700.0, 10_200.0, PLAIN, **given) == pytest.approx(0.18)
    assert added(4.0, 10_200.0, 10_200.0, PLAIN, **given) == 0.0
    tight = TrendPullbackSettings(max_portfolio_risk=0.002)
    assert added(4.0, 10_700.0, 10_200.0, tight, **given) == 0.0
    thin = TrendPullbackSettings(max_gross_exposure=0.2)
    assert added(4.0, 10_700.0, 10_200.0, thin, **given) == 0.0


@pytest.mark.parametrize(
    "wrong",
    [
        {"risk_per_trade": float("nan")},
        {"risk_per_trade": 0.0},
        {"trailing_atr_multiple": float("inf")},
        {"cooldown_bars": -2},
        {"strategy_risk_budget": {"short": 0.5}},
        {"trailing_atr": 5.0},
    ],
)
def test_impossible_parameters_are_refused(wrong: dict[str, Any]) -> None:
    """By their name."""
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        TrendPullbackSettings(**wrong)
