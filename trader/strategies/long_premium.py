"""What do buyers of premium share? What volatility they expect, and how they leave."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import pydantic
from pydantic import ConfigDict, Field

from trader.domain.trading import Intent
from trader.domain.units import HOUR, YEAR
from trader.strategies.short_premium import TermSettings, closing_legs
from trader.strategies.structure import leave_quote, patient

if TYPE_CHECKING:
    from trader.domain.market import Bars
    from trader.domain.portfolio import ChainView
    from trader.domain.situation import Situation

HOURS_PER_YEAR: Final = YEAR / HOUR
KNOWN_SHARE: Final = 0.75
"""The share of the hours looked back over that must have a bar."""


class OutlookSettings(pydantic.BaseModel):
    """What volatility to expect, and how far the market's must be from it."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    lookback_hours: int = Field(
        default=168,
        ge=24,
        le=24 * 90,
        description="Hours of closed bars whose realized volatility is the forecast.",
    )
    usual_ratio: float = Field(
        default=1.0,
        gt=0,
        le=5,
        description="Implied over realized volatility that is usual: the forecast is multiplied.",
    )
    vol_edge_min: float = Field(
        default=0.1,
        ge=-0.9,
        le=5,
        description="Implied volatility must differ from the forecast by this share of it.",
    )


class DebitExitSettings(TermSettings):
    """When what was bought is sold again: by a gain, a loss, or the time left."""

    gain_target: float = Field(
        default=0.5, ge=0, le=100, description="Sell once this share of the debit is won; 0 never."
    )
    loss_limit: float = Field(
        default=0.5, ge=0, lt=1, description="Sell once this share of the debit is lost; 0 never."
    )
    debit_exit_hours: float = Field(
        default=12.0,
        ge=0,
        le=24 * 90,
        description="Sell what was bought this long before its first expiry; 0 holds it.",
    )

    @pydantic.model_validator(mode="after")
    def _is_held_a_while(self) -> DebitExitSettings:
        if self.debit_exit_hours >= self.min_hours_left:
            raise ValueError(
                f"debit_exit_hours {self.debit_exit_hours:g} must be below min_hours_left "
                f"{self.min_hours_left:g}: what is bought would be sold at once"
            )
        return self


def forecast_vol(bars: Bars, at: int, settings: OutlookSettings) -> float | None:
    """Forecast the volatility per year: what was realized over the last hours, times what is usual.

    Root mean square of the hourly log returns. Bars that close after `at` are ignored. None where
    the bars do not tell: too old, too few, or a close that is no price.
    """
    first_close = at - (settings.lookback_hours + 1) * HOUR
    closes = [
        (opened_at + HOUR, close)
        for opened_at, close in zip(bars.opened_at, bars.close, strict=True)
        if first_close < opened_at + HOUR <= at
    ]
    if len(closes) - 1 < KNOWN_SHARE * settings.lookback_hours or closes[-1][0] <= at - 2 * HOUR:
        return None
    if not all(math.isfinite(close) and close > 0 for _, close in closes):
        return None
    moved = math.fsum(math.log(b / a) ** 2 for (_, a), (_, b) in pairwise(closes))
    hours = (closes[-1][0] - closes[0][0]) / HOUR
    vol = settings.usual_ratio * math.sqrt(moved / hours * HOURS_PER_YEAR)
    return vol if 0 < vol < math.inf else None


def bought(situation: Situation) -> tuple[ChainView, ...]:
    """List the chains that were opened for a debit."""
    return tuple(chain for chain in situation.chains if chain.entry_net > 0)


def sell_back(
    strategy: str,
    chain: ChainView,
    situation: Situation,
    settings: DebitExitSettings,
    orders: tuple[int, int],
) -> Intent | None:
    """Propose the exit of one bought chain, if one is due: time, gain, then loss.

    `orders` are patience and lifetime, nanoseconds. A gain counts at the displayed touch; a loss at
    the better of touch and mark, so that a lone absurd bid triggers none. Who bought can wait: what
    it can lose is paid already.
    """
    legs = closing_legs(chain)
    left = (chain.expires_at or situation.at) - situation.at
    working = any(one.order.chain_id == chain.chain_id for one in situation.orders)
    leaving = leave_quote(situation.board, legs) if legs and left > 0 and not working else None
    if leaving is None:
        return None
    quote = leaving.quote
    reason = exit_due(-quote.touch_net, -quote.fair_net, chain.entry_net, left, settings)
    if reason is None:
        return None
    patience, lifetime = orders
    return Intent(
        strategy=strategy,
        action="close",
        underlying=chain.underlying,
        legs=leaving.legs,
        confidence=chain.confidence if 0 <= chain.confidence <= 1 else 0.0,
        reason=reason,
        chain_id=chain.chain_id,
        pricing=patient(quote, patience, min(lifetime, left)),
    )


def exit_due(
    worth: float, fair: float, debit: float, left: int, settings: DebitExitSettings
) -> str | None:
    """Say why what was bought should be sold now; None where it is kept.

    `worth` at the touch, `fair` at the marks and `debit` paid per unit, `left` nanoseconds.
    """
    if left <= settings.debit_exit_hours * HOUR:
        return f"time: {left / HOUR:.1f} h before expiry, worth {worth:.4g} of {debit:.4g} paid"
    if settings.gain_target > 0 and worth >= debit * (1 + settings.gain_target):
        return f"gain: worth {worth:.4g}, {worth / debit - 1:.0%} above the {debit:.4g} paid"
    if settings.loss_limit > 0 and max(worth, fair) <= debit * (1 - settings.loss_limit):
        return f"loss: worth {worth:.4g}, {1 - worth / debit:.0%} of the {debit:.4g} paid is lost"
    return None
