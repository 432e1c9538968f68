"""The wheel: puts until one is assigned, then calls against that coin until it is called away.

Options settle in cash, so an assignment is the cash settlement and the coin bought or sold beside
it at the delivery price: together the strike (McMillan, Options as a Strategic Investment, ch. 2 on
covered writes and ch. 19 on selling puts to own the stock). A wheel is one chain: it ends when it
holds nothing, after a put that expired worthless or a call that took the coin.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, ClassVar, Literal

import msgspec
import pydantic
from pydantic import Field

from trader.domain.trading import Delivery, Intent, Leg, Pricing
from trader.domain.units import DAY, HOUR
from trader.strategies.roll_chain import Considered, RollChain
from trader.strategies.rolling import (
    RollChainSettings,
    Target,
    find_target,
    read_leg,
    roll_due,
)
from trader.strategies.short_premium import closing_legs
from trader.strategies.strategy import grid_around
from trader.strategies.structure import patient, seller_confidence

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trader.domain.portfolio import ChainView, Position
    from trader.domain.situation import Situation


class WheelSettings(RollChainSettings):
    """Parameters of wheels: as roll chains, but by default legs settle and calls have a floor.

    `target_delta` is that of the puts.
    """

    option_type: Literal["put"] = Field(default="put", description="A wheel begins with a put.")
    call_delta: float = Field(
        default=0.3, ge=0.02, le=0.6, description="Delta of the calls sold against the coin."
    )
    call_floor: float = Field(
        default=1.0,
        ge=0,
        le=2,
        description="Lowest strike of a call, over the price the coin was bought at; 0: any.",
    )
    roll_captured: float = Field(
        default=0.95, gt=0, lt=1, description="Roll once this share of the leg's credit is won."
    )
    roll_days: float = Field(
        default=0.0, ge=0, le=90, description="Roll with this many days or fewer left; 0 never."
    )
    roll_delta: float = Field(
        default=1.0, gt=0.02, le=1, description="Roll away from the money at this |delta|; 1 never."
    )
    roll_extrinsic_multiple: float = Field(
        default=0.0,
        ge=0,
        le=100,
        description="Roll once the time value is below this many round trips of cost; 0 never.",
    )
    total_days_max: float = Field(
        default=180.0,
        gt=0,
        le=3650,
        description="Days from the first put to the last expiry; then the coin is sold.",
    )
    equity_share: float = Field(
        default=0.008,
        ge=0,
        le=1,
        description="Size in units over equity in coin, about what is at risk; 0: the gate's.",
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Wheel(RollChain):
    """Turns few wheels at once, on options settled in USDC; where each stands is in the ledger.

    A leg that is due for a roll and finds none is not closed: it settles, as it is meant to. So
    nothing ends what the gate refuses to roll, and it is asked at the own cadence, not at each
    review.
    """

    kind: ClassVar[str] = "wheel"
    Settings: ClassVar[type[pydantic.BaseModel]] = WheelSettings
    linear: ClassVar[bool] = True
    delivery: ClassVar[Delivery] = "spot"

    settings: WheelSettings

    def _manage(self, chain: ChainView, situation: Situation) -> Considered:
        """Look at one wheel: leave its option alone, roll it, or sell a call against its coin."""
        name = chain.chain_id
        if any(one.order.chain_id == name for one in situation.orders):
            return Considered("order_working", name)
        expires_at = math.inf if chain.expires_at is None else chain.expires_at
        if not closing_legs(chain) or expires_at <= situation.at:
            return Considered("pending_settlement", name)
        coins = [one for one in chain.positions if one.instrument.kind == "spot"]
        options = [one for one in chain.positions if one.instrument.kind == "option"]
        if len(coins) > 1 or len(options) > 1 or len(coins) + len(options) < len(chain.positions):
            return Considered("not_ours", name)
        if not options:
            return self._cover(chain, coins[0], situation)
        return self._keep(chain, options[0], coins, situation)

    def _keep(
        self, chain: ChainView, option: Position, coins: list[Position], situation: Situation
    ) -> Considered:
        """Roll the option where that is due and pays; else let it settle."""
        name, settings = chain.chain_id, self.settings
        if option.amount != -chain.units:
            return Considered("not_ours", name)
        buy_back = Leg(option.instrument.name, 1.0)
        held = read_leg(situation.board, chain, buy_back, option.entry_price)
        if isinstance(held, str):
            return Considered(held, name)
        due = roll_due(held, settings)
        if due is None:
            return Considered("held", name)
        trigger, text = due
        if self._cap(chain, situation) is not None:
            return Considered("held_to_expiry", name)
        wanted = settings.model_copy(update={"target_delta": settings.call_delta})
        found = find_target(
            situation.board, held, trigger, _opened_at(chain), wanted if coins else settings
        )
        if not isinstance(found, Target) or self._strike(found, situation) < self._floor(coins):
            return Considered("held_to_expiry", name)
        if situation.occasion != "open":
            return Considered("roll_due", name)
        roll = self._change("roll", chain, (found.leg,), found.quote, found.delta, situation)
        reason = (
            f"{trigger}: {text}; roll {chain.rolls + 1} of {settings.rolls_max} into "
            f"{found.leg.instrument}, net credit {found.credit:.4g}"
        )
        return Considered("roll", name, (msgspec.structs.replace(roll, reason=reason),))

    @staticmethod
    def _strike(target: Target, situation: Situation) -> float:
        row = situation.board.row(target.leg.instrument)
        return -math.inf if row is None else float(situation.board.strike[row])

    def _floor(self, coins: list[Position]) -> float:
        """Tell the lowest strike of a call; puts have none."""
        return self.settings.call_floor * coins[0].entry_price if coins else 0.0

    def _cover(self, chain: ChainView, coin: Position, situation: Situation) -> Considered:
        """Sell a call against the coin, or the coin itself once the wheel has lasted too long."""
        name, settings, board = chain.chain_id, self.settings, situation.board
        until = _opened_at(chain) + settings.total_days_max * DAY
        days, hours = settings.target_days - settings.days_tolerance, settings.min_hours_left
        if situation.at + max(days * DAY, hours * HOUR) > until:
            return Considered("close", name, (self._sell_coin(chain, coin, situation),))
        ladder = board.listing.ladder("call", inverse=False)
        allowed = {one: rows for one, rows in ladder.items() if one <= until}
        sale = self._offer(situation, allowed, settings.call_delta, self._floor([coin]))
        if isinstance(sale, str):
            return Considered(sale, name)
        leg, quote, delta = sale
        cover = Intent(
            strategy=self.name,
            action="hedge",
            underlying=self.underlying,
            legs=(leg,),
            confidence=seller_confidence(delta),
            reason=(
                f"assigned {coin.amount:g} {self.underlying} at {coin.entry_price:,.2f}: sell call "
                f"at delta {delta:.2f}, credit {-quote.touch_net:.4g} "
                f"({-quote.touch_net / quote.fee:.3g}x its fee)"
            ),
            chain_id=name,
            amount=chain.units,
            pricing=patient(quote, settings.patience, settings.lifetime),
        )
        return Considered("covered", name, (cover,))

    def _sell_coin(self, chain: ChainView, coin: Position, situation: Situation) -> Intent:
        """End a wheel at what is bid for its coin."""
        days = (situation.at - _opened_at(chain)) / DAY
        return Intent(
            strategy=self.name,
            action="close",
            underlying=self.underlying,
            legs=closing_legs(chain),
            confidence=chain.confidence,
            reason=(
                f"time: {days:.0f} days of at most {self.settings.total_days_max:g} and no call "
                f"expires before; sell the coin bought at {coin.entry_price:,.2f}"
            ),
            chain_id=chain.chain_id,
            pricing=Pricing(lifetime=self.settings.lifetime),
        )

    def parameter_space(self) -> Mapping[str, tuple[float, ...]]:
        """List the values a study may try, around the present ones."""
        one = self.settings
        far = min(one.roll_days_max, one.total_days_max)
        most = min(one.roll_delta - 0.01, 0.5)
        return {
            "target_delta": grid_around(one.target_delta, 0.05, 0.05, most),
            "call_delta": grid_around(one.call_delta, 0.05, 0.05, 0.6),
            "target_days": grid_around(one.target_days, 1, 1, far),
            "call_floor": grid_around(one.call_floor, 0.05, 0, 2),
        }


def _opened_at(chain: ChainView) -> int:
    return chain.approved_at if chain.opened_at is None else chain.opened_at
