"""What do trend and pullback ask for? Levels, sizes and limits of the two sleeves, as pure numbers.

Prices and distances are USD per coin, sizes coins, shares fractions of equity. A sleeve is long
only. The same rules, parameters and numbers as the portfolio backtest's.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Final, Literal

import msgspec
import pydantic
from pydantic import ConfigDict, Field

from trader.domain.instruments import INVERSE_COINS
from trader.domain.trading import Withheld
from trader.domain.units import normalize_underlying
from trader.strategies.strategy import Underlying

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trader.domain.trading import Rule

Sleeve = Literal["pullback_long", "trend_long"]
TREND: Final[Sleeve] = "trend_long"
PULLBACK: Final[Sleeve] = "pullback_long"
SLEEVES: Final[tuple[Sleeve, ...]] = (PULLBACK, TREND)
"""In the order in which they may enter."""

MAJORS: Final = INVERSE_COINS
"""The coins that move the rest: they take less risk."""
MAJORS_SCALAR: Final = 0.45
UNIT_RISK_MIN: Final = 0.0015
PARTIAL_R: Final = 2.2
PARTIAL_SHARE: Final = 0.5
PULLBACK_TARGET_ATR: Final = 1.8
RSI_EXIT: Final = 62.0

Share = Annotated[float, Field(ge=0, le=1_000, allow_inf_nan=False)]
Number = Annotated[float, Field(ge=-1e6, le=1e6, allow_inf_nan=False)]


class TrendPullbackSettings(pydantic.BaseModel):
    """Parameters of the two sleeves, by the names they have in the portfolio backtest."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    linear: bool = Field(
        default=False, description="Trade perpetuals in USDC also where there are some in coin."
    )
    others: tuple[Underlying, ...] = Field(
        default=(), description="Coins traded beside `underlying`, as one portfolio."
    )
    risk_per_trade: float = Field(
        default=0.0105, gt=0, le=1, description="Distance to the stop, as a fraction of equity."
    )
    max_position_notional_fraction: Share = Field(
        default=0.55, description="Largest notional of an entry over equity."
    )
    max_portfolio_risk: Share = Field(
        default=0.055, description="Largest distance to all stops, as a fraction of equity."
    )
    max_gross_exposure: Share = Field(
        default=1.40, description="Largest notional of all positions over equity."
    )
    max_positions: int = Field(default=8, ge=0, le=1_000, description="Positions of both sleeves.")
    strategy_notional_budget: dict[Sleeve, Share] = Field(
        default={TREND: 0.95, PULLBACK: 0.45},
        description="By sleeve: largest notional over equity.",
    )
    strategy_risk_budget: dict[Sleeve, Share] = Field(
        default={TREND: 0.72, PULLBACK: 0.28},
        description="By sleeve: share of max_portfolio_risk.",
    )
    strategy_max_positions: dict[Sleeve, int] = Field(
        default={TREND: 5, PULLBACK: 3},
        description="By sleeve; 0 leaves it out. Of one symbol each holds one at most.",
    )
    strategy_min_positions: dict[Sleeve, int] = Field(
        default={TREND: 0, PULLBACK: 1},
        description="By sleeve: below it a pullback may be correlated up to .97.",
    )
    allow_cross_sleeve_symbol_overlap: bool = Field(
        default=True,
        description="Hold one of each sleeve at once, where correlation does not forbid it.",
    )
    enable_symbol_ranking: bool = Field(
        default=True, description="Enter trends of the strongest coins only."
    )
    symbol_rank_top_n_long: int = Field(
        default=6, ge=0, le=1_000, description="Of how many, by symbol_score."
    )
    correlation_lookback: int = Field(
        default=90, ge=2, le=1_000, description="Bars that correlations are taken over."
    )
    trend_correlation_threshold: Number = Field(
        default=0.82, description="Largest mean correlation of a trend with what is held."
    )
    pullback_correlation_threshold: Number = Field(
        default=0.92, description="Largest mean correlation of a pullback with what is held."
    )
    candidate_corr_penalty_trend: Number = Field(
        default=0.20, description="What correlation costs a trend in its rank."
    )
    candidate_corr_penalty_pullback: Number = Field(
        default=0.05, description="What correlation costs a pullback in its rank."
    )
    cooldown_bars: int = Field(
        default=6, ge=-1, le=10_000, description="Bars after an exit without an entry of a sleeve."
    )
    trend_score_floor: Number = Field(default=0.12, description="Least entry_score of a trend.")
    pullback_score_floor: Number = Field(
        default=0.48, description="Least pullback_entry_score of a pullback."
    )
    trailing_atr_multiple: Share = Field(
        default=5.0, description="A trend's stop follows its highest price at so many ATR."
    )
    trend_time_stop_bars: int = Field(
        default=96, ge=0, le=1_000, description="Bars after which a trend is left."
    )
    pullback_time_stop_bars: int = Field(
        default=56, ge=0, le=1_000, description="Bars after which a pullback is left."
    )
    pyramid_enabled: bool = Field(default=True, description="Add to a trend that pays.")
    pyramid_trigger_r: Number = Field(
        default=2.0, description="Close above the entry, in first risks, from which to add."
    )
    pyramid_risk_fraction: Share = Field(
        default=0.25, description="Risk of an addition over risk_per_trade."
    )
    pyramid_size_fraction: Share = Field(
        default=0.18, description="Largest addition over the first size."
    )
    pyramid_max_adds: int = Field(default=1, ge=0, le=100, description="Additions to one trend.")
    enable_score_based_sizing: bool = Field(
        default=True, description="Size by how good the signal is."
    )
    score_sizing_floor: Share = Field(default=0.90, description="Factor of the worst signal.")
    score_sizing_ceiling: Share = Field(default=1.25, description="Factor of the best signal.")
    score_sizing_center: Number = Field(default=0.26, description="Score half-way between them.")
    score_sizing_width: Number = Field(default=0.16, description="How fast scores tell; 0: not.")
    entry_minutes: int = Field(
        default=30, ge=1, le=60, description="Minutes an entry may wait at the price it saw."
    )

    def time_stop_bars(self, sleeve: Sleeve) -> int:
        """Tell after how many bars a position is left."""
        return self.trend_time_stop_bars if sleeve == TREND else self.pullback_time_stop_bars


class Held(msgspec.Struct, frozen=True):
    """What one sleeve holds: so many coins, their average entry, where they are left, their worth.

    `name` is that of the coin, `close` its newest price.
    """

    sleeve: str
    coins: float
    entry: float
    stop: float
    close: float
    name: str = ""

    @property
    def risk(self) -> float:
        """USD between entry and stop, on whichever side."""
        return abs(self.entry - self.stop) * self.coins

    @property
    def worth(self) -> float:
        """USD at the newest price."""
        return self.coins * self.close


class Wish(msgspec.Struct, frozen=True):
    """An entry a sleeve would make: coins at a price, with its stop and its first target."""

    sleeve: Sleeve
    coins: float
    price: float
    stop: float
    target: float
    score: float


def signals(sleeve: Sleeve, row: Mapping[str, float]) -> bool:
    """Whether the newest row holds a signal of a sleeve."""
    return row["signal" if sleeve == TREND else "pullback_signal"] == 1


def score_of(sleeve: Sleeve, row: Mapping[str, float]) -> float:
    """Tell how good the signal of a sleeve is."""
    return row["entry_score" if sleeve == TREND else "pullback_entry_score"]


def first_stop(sleeve: Sleeve, row: Mapping[str, float], price: float) -> float:
    """Place the stop of an entry at `price`, by the bar that signaled it."""
    atr = row["ATR"]
    if sleeve == TREND:
        return min(row["SMA20"] - 1.1 * atr, row["low"])
    return min(row["SMA50"] - 0.8 * atr, price - 1.0 * atr)


def wished(
    sleeve: Sleeve,
    row: Mapping[str, float],
    price: float,
    settings: TrendPullbackSettings,
    *,
    equity: float,
    drawdown: float,
    underlying: str,
    held: tuple[Held, ...],
) -> Wish | Withheld:
    """Size an entry at `price`, or say why not: its stop is too near, a budget does not hold it.

    An entry that exceeds a budget is left out, not shrunk.
    """
    stop = first_stop(sleeve, row, price)
    unit_risk = price - stop
    if not unit_risk > 0 or unit_risk / price < UNIT_RISK_MIN:
        share_risked = unit_risk / price if math.isfinite(unit_risk) else 0.0
        return Withheld("invalid_risk", UNIT_RISK_MIN, share_risked)
    trend = sleeve == TREND
    score = score_of(sleeve, row)
    scalar = row["risk_scalar" if trend else "pullback_risk_scalar"]
    share = settings.risk_per_trade * scalar * drawdown_scalar(drawdown)
    calm = MAJORS_SCALAR if normalize_underlying(underlying) in MAJORS else 1.0
    share = share * calm * confidence(score, settings)
    most = (equity * settings.max_position_notional_fraction) / price
    coins = min((equity * share) / unit_risk, most)
    if not coins > 0:
        return Withheld("invalid_risk", UNIT_RISK_MIN, unit_risk / price)
    over = _exceeded(sleeve, coins * price, coins * unit_risk, equity, settings, held)
    if over is not None:
        return over
    target = price + (PARTIAL_R * unit_risk if trend else PULLBACK_TARGET_ATR * row["ATR"])
    return Wish(sleeve, coins, price, stop, target, score)


def _exceeded(
    sleeve: Sleeve,
    notional: float,
    risk: float,
    equity: float,
    settings: TrendPullbackSettings,
    held: tuple[Held, ...],
) -> Withheld | None:
    """Ask the budgets of the sleeve and of both together; the first that does not hold it."""
    mine = tuple(one for one in held if one.sleeve == sleeve)
    risk_max = equity * settings.max_portfolio_risk
    notional_max = equity * settings.strategy_notional_budget.get(sleeve, 0.0)
    my_risk_max = risk_max * settings.strategy_risk_budget.get(sleeve, 0.0)
    gross_max = equity * settings.max_gross_exposure
    budgets: tuple[tuple[Rule, float, float, float], ...] = (
        ("strategy_notional_budget", notional_max, _worth(mine), notional),
        ("strategy_risk_budget", my_risk_max, _risk(mine), risk),
        ("portfolio_risk_budget", risk_max, _risk(held), risk),
        ("gross_exposure", gross_max, _worth(held), notional),
    )
    for rule, most, used, more in budgets:
        if used + more > most:
            return Withheld(rule, most / equity, used / equity, more / equity)
    return None


def _worth(held: tuple[Held, ...]) -> float:
    return sum(one.worth for one in held)


def _risk(held: tuple[Held, ...]) -> float:
    return sum(one.risk for one in held)


def added(
    first_coins: float,
    price: float,
    stop: float,
    settings: TrendPullbackSettings,
    *,
    equity: float,
    held: tuple[Held, ...],
) -> float:
    """Size a pyramid at `price` above a stop; 0 where risk or exposure do not hold it."""
    unit_risk = price - stop
    if not unit_risk > 0:
        return 0.0
    by_risk = (equity * settings.risk_per_trade * settings.pyramid_risk_fraction) / unit_risk
    coins = min(by_risk, first_coins * settings.pyramid_size_fraction)
    fits = _risk(held) + coins * unit_risk <= equity * settings.max_portfolio_risk
    fits = fits and _worth(held) + coins * price <= equity * settings.max_gross_exposure
    return coins if fits else 0.0


def confidence(score: float, settings: TrendPullbackSettings) -> float:
    """Scale a size by how good its signal is: a logistic curve from floor to ceiling."""
    if not settings.enable_score_based_sizing or settings.score_sizing_width <= 0:
        return 1.0
    distance = (score - settings.score_sizing_center) / settings.score_sizing_width
    share = 1.0 / (1.0 + math.exp(min(-distance, 700.0)))
    span = settings.score_sizing_ceiling - settings.score_sizing_floor
    return settings.score_sizing_floor + span * share


def drawdown_scalar(drawdown: float) -> float:
    """Halve the risk taken 18 % below the peak, take three quarters 12 % below it."""
    return 0.50 if drawdown >= 0.18 else 0.75 if drawdown >= 0.12 else 1.0
