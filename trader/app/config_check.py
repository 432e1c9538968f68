"""Can it ever trade? The equity one lot of each strategy needs, at stated assumptions."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from trader.app.mistakes import mistake
from trader.domain.errors import ConfigurationError
from trader.domain.units import DOLLARS, iso, nanoseconds, tidy
from trader.risk.max_loss import PricedLeg, Stress, UndefinedRisk, UnitLoss, structure_loss
from trader.risk.perpetual import stopped_loss
from trader.risk.scalars import stage_factor
from trader.risk.sizing import Cap, Sized, equity_needed_usd, size, trade_step
from trader.risk.structure import coin_cost
from trader.strategies.fitted_policy import asked_policy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import BaseModel

    from trader.app.configuration import Configuration
    from trader.app.settings import Settings
    from trader.app.strategy_files import ConfiguredStrategy
    from trader.domain.trading import Stage
    from trader.risk.limits import RiskSettings
    from trader.strategies.strategy import SketchLeg, Strategy

STAGES: Final[tuple[Stage, ...]] = ("RESEARCH", "PILOT", "PRODUCTION")
ASSUMED_AFTER: Final = nanoseconds(datetime(2026, 6, 1, 12, tzinfo=UTC))
"""The first decision after this instant is the one that is sketched: any ordinary day will do."""

ASSUMED_SPREAD_SHARE: Final = 0.05
ASSUMED_SPREAD_TICKS: Final = 2


class StageNeed(NamedTuple):
    """One stage: the equity its smallest order needs, and the order the account's equity allows."""

    stage: Stage
    equity_needed_usd: float
    amount: float


class StrategyNeed(NamedTuple):
    """One strategy's typical structure: what a lot of it risks, and what that takes.

    `unit` is what its lot is counted in: coins, or dollars of a perpetual settled in coin.
    `coins_needed` is the underlying one lot must be covered by (0 where nothing is uncovered);
    `coins` what the account holds of it. `policy` says what is known of the fitted policy it asks.
    `dollars_needed` is what its put may have to pay for coin (0 where it settles in cash),
    `dollars` what the account holds to pay it.
    """

    strategy: str
    kind: str
    underlying: str
    unit: str
    structure: str
    sketched_at: int
    lot: float
    lot_loss_usd: float
    lot_loss_coin: float
    coins_needed: float
    coins: float
    equity_usd: float
    stages: tuple[StageNeed, ...]
    policy: str | None = None
    dollars_needed: float = 0.0
    dollars: float = 0.0

    @property
    def tradable(self) -> bool:
        """Whether the configured account can trade one lot."""
        return any(need.amount > 0 for need in self.stages)

    def as_dict(self) -> dict[str, object]:
        """Write it for a program."""
        stages = [need._asdict() for need in self.stages]
        return {**self._asdict(), "stages": stages, "tradable": self.tradable}


def strategy_needs(configuration: Configuration) -> list[StrategyNeed]:
    """Answer for every enabled strategy, at `[assumptions]`.

    Raises:
        ConfigurationError: an assumption is missing, or a structure has no stated max loss.
    """
    settings = configuration.settings
    equity = account_equity_usd(settings)
    return [_need(settings, one, equity) for one in configuration.strategies]


def account_equity_usd(settings: Settings) -> float:
    """Value the starting balances at the assumed indices; a dollar coin is a dollar."""
    balances = settings.account.balances
    return math.fsum(
        amount * (1.0 if currency == "USDC" else _assumed(settings, "index", currency))
        for currency, amount in balances.items()
    )


def needs_as_text(configuration: Configuration, needs: Sequence[StrategyNeed]) -> str:
    """Write the answer for people."""
    settings = configuration.settings
    watched = settings.feed.underlyings
    market = "; ".join(
        f"{name} index {_assumed(settings, 'index', name):,.10g} USD,"
        f" iv {_assumed(settings, 'iv', name):.0%}"
        for name in watched
    )
    lines = [
        (
            f"configuration is valid: {len(configuration.strategies)} strategies run,"
            f" {len(configuration.disabled)} disabled, state in {configuration.state_dir}"
        ),
        (
            f"assumed: {market}; spread {ASSUMED_SPREAD_SHARE:.0%} of the price, at least"
            f" {ASSUMED_SPREAD_TICKS} ticks; no other position; account"
            f" {account_equity_usd(settings):,.0f} USD"
        ),
        (
            f"limits: {settings.risk.max_risk_per_trade:.2%} of equity per trade,"
            f" {settings.risk.max_risk_per_underlying:.2%} per underlying"
        ),
    ]
    for need in needs:
        lines.extend(("", *_lines(need)))
    return "\n".join(lines)


def _lines(need: StrategyNeed) -> list[str]:
    """Write one strategy."""
    verdict = "can trade" if need.tradable else "CAN NEVER TRADE with this account"
    coin = need.underlying
    lines = [
        f"{need.strategy} ({need.kind}): {verdict}",
        f"  {need.structure}, decided at {iso(need.sketched_at)}",
        (
            f"  one lot of {need.lot:g} {need.unit} may lose {need.lot_loss_usd:,.2f} USD"
            f" or {need.lot_loss_coin:.6f} {coin}"
        ),
    ]
    if need.coins_needed > 0:
        lines.append(
            f"  one lot is covered by {need.coins_needed:g} {coin};"
            f" the account holds {need.coins:g}"
        )
    if need.dollars_needed > 0:
        lines.append(
            f"  one lot may have to pay {need.dollars_needed:,.2f} {DOLLARS} for its coin;"
            f" the account holds {need.dollars:,.0f}"
        )
    if need.policy is not None:
        lines.append(f"  asks a policy: {need.policy}")
    lines.append(f"  {'stage':<11}{'equity for one lot':>22}{'order with this account':>27}")
    for stage in need.stages:
        order = f"{stage.amount:,.10g} {need.unit}" if stage.amount > 0 else "none"
        needed = f"{stage.equity_needed_usd:,.0f} USD"
        lines.append(f"  {stage.stage:<11}{needed:>22}{order:>27}")
    return lines


def _need(settings: Settings, configured: ConfiguredStrategy, equity: float) -> StrategyNeed:
    """Sketch one strategy's structure and hold it against limits and account."""
    strategy, coin = configured.strategy, configured.strategy.underlying
    index, iv = _assumed(settings, "index", coin), _assumed(settings, "iv", coin)
    at = strategy.cadence().next_due(ASSUMED_AFTER)
    legs = strategy.sketch(index, iv, at)
    stress = Stress(
        sigma=iv, spot_move=settings.risk.stress_spot_move, sigmas=settings.risk.stress_sigmas
    )
    stop = legs[0].stop
    try:
        loss = (
            stopped_loss(_priced(legs[0]), stop)
            if stop is not None
            else structure_loss([_priced(leg) for leg in legs], index=index, at=at, stress=stress)
        )
    except UndefinedRisk as error:
        raise ConfigurationError(
            f"{configured.path}: {strategy.name}: its typical structure has no max loss: {error};"
            " correct its parameters"
        ) from error
    lot = trade_step([(leg.instrument, leg.ratio) for leg in legs])
    covered = max(-sum(leg.ratio for leg in legs if leg.instrument.option_type == "call"), 0)
    coins = settings.account.balances.get(coin, 0.0)
    dollars, cost = settings.account.balances.get(DOLLARS, 0.0), _cost_of_coin(strategy, legs)
    coverage = [Cap("coverage", coins, 0.0, float(covered)), Cap("coverage", dollars, 0.0, cost)]
    return StrategyNeed(
        strategy=strategy.name,
        kind=strategy.kind,
        underlying=coin,
        unit="USD" if stop is not None and legs[0].instrument.inverse else coin,
        structure=", ".join(
            f"{'buy' if leg.ratio > 0 else 'sell'} {leg.instrument.name} at {leg.price:.4f}"
            + (f", stopped at {leg.stop.price:,.2f}" if leg.stop is not None else "")
            for leg in legs
        ),
        sketched_at=at,
        lot=lot,
        lot_loss_usd=tidy(max(loss.usd, 0.0) * lot),
        lot_loss_coin=tidy(max(loss.coin, 0.0) * lot),
        coins_needed=tidy(covered * lot),
        coins=coins,
        equity_usd=equity,
        stages=_stages(settings.risk, loss, index, lot, equity, coverage),
        policy=_policy(strategy.settings),
        dollars_needed=tidy(cost * lot),
        dollars=dollars,
    )


def _cost_of_coin(strategy: Strategy, legs: Sequence[SketchLeg]) -> float:
    """Tell what one unit may have to pay for coin, of a strategy that has it delivered."""
    if getattr(strategy, "delivery", "cash") == "cash":
        return 0.0
    return coin_cost((leg.instrument, leg.ratio) for leg in legs)


def _policy(settings: BaseModel) -> str | None:
    """Tell of the fitted policy a strategy asks: until when it learned, and what that proves."""
    policy = asked_policy(settings)
    if policy is None:
        return None
    return f"learned until {policy.trained.last:%Y-%m-%d}, {policy.tested.evidence}"


def _stages(
    risk: RiskSettings,
    loss: UnitLoss,
    index: float,
    lot: float,
    equity: float,
    coverage: Sequence[Cap],
) -> tuple[StageNeed, ...]:
    """Size one order at each stage with the gate's own arithmetic, nothing else being open."""
    share = max(loss.share(equity, index), 0.0)
    full = [Cap("per_trade_risk", risk.max_risk_per_trade, 0.0, share)]
    shared = [
        Cap("underlying_risk", risk.max_risk_per_underlying, 0.0, share),
        *coverage,
    ]
    lot_loss_usd = max(loss.share(1.0, index), 0.0) * lot
    limit = min(risk.max_risk_per_trade, risk.max_risk_per_underlying)
    needed = round(equity_needed_usd(lot_loss_usd, limit), 2)
    return tuple(
        StageNeed(stage, needed, _order(stage, lot, full, shared, risk)) for stage in STAGES
    )


def _order(
    stage: Stage, lot: float, full: Sequence[Cap], shared: Sequence[Cap], risk: RiskSettings
) -> float:
    """Find the amount one stage would trade; 0 where none fits."""
    sized = size(
        step=lot,
        wish=None,
        factors=(stage_factor(stage),),
        full=full,
        shared=shared,
        min_size_share=risk.min_size_share,
    )
    return sized.amount if isinstance(sized, Sized) else 0.0


def _priced(leg: SketchLeg) -> PricedLeg:
    """Give a sketched leg the assumed spread: two ticks of a perpetual, an option's is wider."""
    if leg.stop is not None:
        ticks = ASSUMED_SPREAD_TICKS * leg.instrument.tick_size
        return PricedLeg(leg.instrument, float(leg.ratio), leg.price, ticks)
    ticks = ASSUMED_SPREAD_TICKS * leg.instrument.tick_at(leg.price)
    spread = max(ASSUMED_SPREAD_SHARE * leg.price, ticks)
    return PricedLeg(leg.instrument, float(leg.ratio), leg.price, spread)


def _assumed(settings: Settings, table: str, underlying: str) -> float:
    """Look up one assumption."""
    values = settings.assumptions.index if table == "index" else settings.assumptions.iv
    if underlying not in values:
        key = f"assumptions.{table}.{underlying}"
        problem, remedy = "is missing", "add it, e.g. --set assumptions.index.BTC=100000"
        raise ConfigurationError(mistake("configuration", key, None, problem, remedy))
    return values[underlying]
