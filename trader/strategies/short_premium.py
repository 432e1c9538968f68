"""What do sellers of premium share? Their parameters, when they may open, and how they leave."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import pydantic
from pydantic import ConfigDict, Field

from trader.domain.trading import Intent, Leg, Pricing
from trader.domain.units import HOUR, MINUTE, NEVER
from trader.strategies.structure import (
    choose_by_delta,
    choose_expiry,
    in_our_favor,
    leave_quote,
    patient,
    quoted,
    seller_confidence,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from trader.domain.instruments import OptionType
    from trader.domain.market import Board
    from trader.domain.portfolio import ChainView
    from trader.domain.situation import Situation
    from trader.strategies.strategy import Cadence
    from trader.strategies.structure import Leaving, NetQuote

CREDIT_OVER_FAIR_MAX: Final = 2.0


class TermSettings(pydantic.BaseModel):
    """Which expiry to trade, and how patiently."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    target_days: float = Field(
        default=7.0, gt=0, le=365, description="Days to the expiry to trade."
    )
    days_tolerance: float = Field(
        default=4.0,
        gt=0,
        le=90,
        description="Largest distance from target_days; beyond it no trade.",
    )
    min_hours_left: float = Field(
        default=24.0, ge=1, le=24 * 90, description="Expiries nearer than this are skipped."
    )
    patience_minutes: float = Field(
        default=20.0, ge=0, le=1440, description="Rest at the mid this long, then accept the touch."
    )
    lifetime_minutes: float = Field(
        default=60.0, gt=0, le=1440, description="An order that has not filled by then ends."
    )

    @pydantic.model_validator(mode="after")
    def _patience_fits(self) -> TermSettings:
        if self.lifetime_minutes < self.patience_minutes:
            raise ValueError(
                f"lifetime_minutes {self.lifetime_minutes:g} must not be below "
                f"patience_minutes {self.patience_minutes:g}"
            )
        return self

    @property
    def patience(self) -> int:
        """Nanoseconds an order rests at the mid."""
        return round(self.patience_minutes * MINUTE)

    @property
    def lifetime(self) -> int:
        """Nanoseconds after which an order ends."""
        return round(self.lifetime_minutes * MINUTE)


class SaleSettings(TermSettings):
    """Which option to sell, and for how much at least."""

    target_delta: float = Field(
        default=0.25,
        ge=0.02,
        le=0.5,
        description="|delta| of the option to sell; the nearest is taken.",
    )
    delta_tolerance: float = Field(
        default=0.08,
        gt=0,
        le=0.3,
        description="Largest distance from target_delta; beyond it no sale.",
    )
    min_credit_fee_multiple: float = Field(
        default=4.0, ge=1, le=100, description="Credit at the touch must be this many opening fees."
    )


class ShortPremiumSettings(SaleSettings):
    """Parameters of a seller that buys back: by a profit, a stop, or the time left."""

    take_profit: float = Field(
        default=0.5,
        ge=0,
        lt=1,
        description="Buy back once this share of the credit is won; 0 never.",
    )
    resting_take_profit: bool = Field(
        default=False,
        description="Keep a resting order at the take-profit price from the opening on.",
    )
    stop_multiple: float = Field(
        default=0.0,
        ge=0,
        le=100,
        description="Buy back once that costs this many credits; 0 never.",
    )
    exit_slippage_max: float = Field(
        default=0.5,
        ge=0,
        le=10,
        description="A market exit waits while the touch is this share worse than the mark.",
    )
    exit_hours_before_expiry: float = Field(
        default=0.0,
        ge=0,
        le=24 * 30,
        description="Buy back this long before expiry; 0 holds to expiry.",
    )

    @pydantic.model_validator(mode="after")
    def _consistent(self) -> ShortPremiumSettings:
        if 0 < self.stop_multiple <= 1:
            raise ValueError(
                f"stop_multiple {self.stop_multiple:g} would stop at once: "
                "give more than 1, or 0 for no stop"
            )
        if self.exit_hours_before_expiry >= self.min_hours_left:
            raise ValueError(
                f"exit_hours_before_expiry {self.exit_hours_before_expiry:g} must be below "
                f"min_hours_left {self.min_hours_left:g}: a sale would be bought back at once"
            )
        return self


def may_open(situation: Situation, cadence: Cadence) -> bool:
    """Allow one opening per cadence slot, and none while an earlier one still works.

    Derived from chains and orders, so a timer that fires again after a restart opens nothing twice.
    """
    if situation.occasion != "open":
        return False
    if any(one.order.action == "open" for one in situation.orders):
        return False
    slot = cadence.latest_due(situation.at)
    return all(chain.approved_at < slot for chain in situation.chains)


def choose_short(board: Board, option_type: OptionType, settings: SaleSettings) -> int | None:
    """Choose the row to sell: the expiry nearest to the target days, then the nearest delta.

    None where the board offers none within the tolerances with a quote that may be used.
    """
    ladder = board.listing.ladder(option_type)
    expiry = choose_expiry(
        board.at, ladder, settings.target_days, settings.days_tolerance, settings.min_hours_left
    )
    if expiry is None:
        return None
    rows = ladder[expiry]
    candidates = rows[quoted(board, rows)]
    return choose_by_delta(board, candidates, settings.target_delta, settings.delta_tolerance)


def worth_selling(quote: NetQuote, settings: SaleSettings) -> bool:
    """Check that the credit at the touch beats the opening fees, and is no error of the market.

    A bid of more than twice what the venue marks is no gift: it would be a phantom profit.
    """
    credit = -quote.touch_net
    enough = credit >= settings.min_credit_fee_multiple * quote.fee
    return enough and credit <= CREDIT_OVER_FAIR_MAX * -quote.fair_net


def exits_and_sale(
    strategy: str,
    situation: Situation,
    settings: ShortPremiumSettings,
    cadence: Cadence,
    sell: Callable[[Situation], Intent | None],
) -> tuple[Intent, ...]:
    """Review the exits; on the own cadence, sell one more where `sell` finds it."""
    exits = review(strategy, situation, settings)
    sale = sell(situation) if may_open(situation, cadence) else None
    return exits if sale is None else (*exits, sale)


def review(
    strategy: str, situation: Situation, settings: ShortPremiumSettings
) -> tuple[Intent, ...]:
    """Review every chain for its exit: stop, then time, then take profit; else it is held.

    A working close that already pays what closing costs now is left alone; one that does not
    (a resting take-profit when the stop triggers) is replaced by a market order: the engine
    withdraws it for a close without a limit, and only for that.
    """
    intents = (_review(strategy, chain, situation, settings) for chain in situation.chains)
    return tuple(intent for intent in intents if intent is not None)


def _review(
    strategy: str, chain: ChainView, situation: Situation, settings: ShortPremiumSettings
) -> Intent | None:
    """Propose the exit of one chain, if one is due."""
    legs = closing_legs(chain)
    left = (NEVER if chain.expires_at is None else chain.expires_at) - situation.at
    if not legs or left <= 0:
        return None
    leaving = leave_quote(situation.board, legs)
    most_paid = _most_paid(chain, situation)
    credit = -chain.entry_net
    wish = None
    if leaving is not None:
        legs = leaving.legs
        wish = _forced_exit(leaving, credit, left, most_paid, settings)
    if wish is None and credit > 0 and not _working(chain, situation):
        quote = None if leaving is None else leaving.quote
        wish = _take_profit(quote, chain, credit, left, settings)
    if wish is None:
        return None
    reason, pricing = wish
    if most_paid > -math.inf:
        reason = f"{reason}; replaces the close at {most_paid:.4g}"
    return Intent(
        strategy=strategy,
        action="close",
        underlying=chain.underlying,
        legs=legs,
        confidence=_confidence(chain, situation),
        reason=reason,
        chain_id=chain.chain_id,
        pricing=pricing,
    )


def closing_legs(chain: ChainView) -> tuple[Leg, ...]:
    """Reverse what the chain holds, per unit; empty where there is nothing that can be traded."""
    if chain.state not in ("open", "working") or not chain.units > 0:
        return ()
    legs = []
    for one in chain.positions:
        if one.amount != 0:
            ratio = -round(one.amount / chain.units)
            if one.pending or not ratio:
                return ()
            legs.append(Leg(one.instrument.name, ratio))
    return tuple(legs)


def _working(chain: ChainView, situation: Situation) -> bool:
    """Whether any order of the chain still works: the rest of its opening, or a close."""
    return any(one.order.chain_id == chain.chain_id for one in situation.orders)


def _most_paid(chain: ChainView, situation: Situation) -> float:
    """Find the most that a working close of the chain will pay; -inf where none works."""
    if not situation.orders:
        return -math.inf
    orders = (one.order for one in situation.orders)
    closes = (one for one in orders if one.chain_id == chain.chain_id and one.action == "close")
    return max((_pays(one.limit_net, one.worst_net) for one in closes), default=-math.inf)


def _pays(limit_net: float | None, worst_net: float | None) -> float:
    """Find the most an order will pay in its life; one without a limit takes any price."""
    if limit_net is None:
        return math.inf
    return limit_net if worst_net is None else max(limit_net, worst_net)


def _forced_exit(
    leaving: Leaving,
    credit: float,
    left: int,
    most_paid: float,
    settings: ShortPremiumSettings,
) -> tuple[str, Pricing] | None:
    """Leave by stop or by time: a market order, or patiently where no close works yet.

    A stop counts the cheaper of what is displayed and what the venue marks, so that neither a lone
    absurd ask nor a wild mark triggers it; a market order waits while the touch is absurd. Nothing
    is proposed where `most_paid`, the most a working close will pay, is enough already.
    """
    quote = leaving.quote
    cost = min(quote.touch_net, quote.fair_net)
    stops = settings.stop_multiple > 0 and 0 < settings.stop_multiple * credit <= cost
    ends = left <= settings.exit_hours_before_expiry * HOUR
    if most_paid >= quote.touch_net or not (stops or ends):
        return None
    lifetime = min(settings.lifetime, left)
    fair = quote.touch_net <= cost + settings.exit_slippage_max * abs(cost)
    market = leaving.at_once(lifetime) if fair else None
    if stops:
        reason = (
            f"stop: buying back costs {cost:.4g}, {cost / credit:.3g}x the credit of {credit:.4g} "
            f"(limit {settings.stop_multiple:g}x)"
        )
        return (reason, market) if market is not None else None
    reason = f"time: {left / HOUR:.1f} h before expiry, buying back costs {quote.touch_net:.4g}"
    if most_paid == -math.inf:
        return reason, patient(quote, settings.patience, lifetime)
    return (reason, market) if market is not None else None


def _take_profit(
    quote: NetQuote | None,
    chain: ChainView,
    credit: float,
    left: int,
    settings: ShortPremiumSettings,
) -> tuple[str, Pricing] | None:
    """Buy back at the take-profit price: by a resting order, or once the market offers it.

    The resting price follows from the credit alone, so it needs no quote. It is at least one tick.
    """
    if settings.take_profit == 0 or not math.isfinite(credit):
        return None
    price = credit * (1 - settings.take_profit)
    if settings.resting_take_profit:
        tick = min(one.instrument.tick_at(price) for one in chain.positions)
        limit_net = max(in_our_favor(price, tick), tick)
        share = f"{settings.take_profit:.0%} of {credit:.4g}"
        reason = f"take profit: rest at {limit_net:.4g} to keep {share}"
        return reason, Pricing(limit_net=limit_net, lifetime=left)
    if quote is None or quote.touch_net > price:
        return None
    won = 1 - quote.touch_net / credit
    lifetime = min(settings.lifetime, left)
    return (
        f"take profit: {won:.0%} of the credit of {credit:.4g} is won",
        patient(quote, settings.patience, lifetime),
    )


def _confidence(chain: ChainView, situation: Situation) -> float:
    """Estimate the chance of profit from the short leg's delta now, or as at the opening."""
    for position in chain.positions:
        row = situation.board.row(position.instrument.name) if position.amount < 0 else None
        if row is not None and math.isfinite(delta := situation.board.delta_at(row)):
            return seller_confidence(delta)
    return min(max(chain.confidence, 0.0), 1.0) if math.isfinite(chain.confidence) else 0.0
