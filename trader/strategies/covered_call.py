"""When do we sell a call against coins we hold, and when do we buy it back?"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, ClassVar

import pydantic
from pydantic import Field

from trader.domain.trading import Intent, Leg
from trader.strategies.fitted_policy import FittedPolicy, PolicyParameter, known
from trader.strategies.live_state import live_state
from trader.strategies.short_premium import (
    ShortPremiumSettings,
    choose_short,
    exits_and_sale,
    worth_selling,
)
from trader.strategies.sketch import sketch_legs
from trader.strategies.strategy import grid_around
from trader.strategies.structure import net_quote, patient, seller_confidence

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trader.domain.situation import Situation
    from trader.strategies.strategy import Cadence, SketchLeg
    from trader.strategies.structure import NetQuote


class CoveredCallSettings(ShortPremiumSettings):
    """Parameters of covered calls: 7 days at delta .25, no stop, since the coins cover."""

    take_profit: float = Field(
        default=0.8,
        ge=0,
        lt=1,
        description="Buy back once this share of the credit is won; 0 never.",
    )
    policy: PolicyParameter = Field(
        default=None,
        description="File of trader train policy, beside this one: asked before each sale.",
    )

    @pydantic.field_serializer("policy", when_used="json")
    def _by_content(self, policy: FittedPolicy | None) -> str:
        """Name what a policy holds, not where it lies: hashes and records are made of that."""
        return "none" if policy is None else str(policy)


@dataclasses.dataclass(frozen=True, kw_only=True)
class CoveredCall:
    """Sells one call per cadence slot on coins it holds; never more than one order at work.

    How many coins are still free is the gate's business; so is the size. With a policy it sells
    where that expects enough, and leaves alone what the policy cannot know.
    """

    kind: ClassVar[str] = "covered_call"
    Settings: ClassVar[type[pydantic.BaseModel]] = CoveredCallSettings

    name: str
    underlying: str
    settings: CoveredCallSettings
    timetable: Cadence

    def cadence(self) -> Cadence:
        """Say when to be asked."""
        return self.timetable

    def propose(self, situation: Situation) -> tuple[Intent, ...]:
        """Review the exits; on the own cadence, sell one more call if the board offers one."""
        return exits_and_sale(self.name, situation, self.settings, self.timetable, self._sell)

    def _sell(self, situation: Situation) -> Intent | None:
        """Sell the call nearest to the target delta at the expiry nearest to the target days."""
        settings, board = self.settings, situation.board
        row = choose_short(board, "call", settings)
        if row is None:
            return None
        legs = (Leg(board.instruments[row].name, -1),)
        quote = net_quote(board, legs)
        if quote is None or not worth_selling(quote, settings):
            return None
        expected = self._expected(situation, row, quote)
        if expected is None:
            return None
        delta = board.delta_at(row)
        return Intent(
            strategy=self.name,
            action="open",
            underlying=self.underlying,
            legs=legs,
            confidence=seller_confidence(delta),
            reason=(
                f"sell call at delta {delta:.2f}, credit {-quote.touch_net:.4g} "
                f"({-quote.touch_net / quote.fee:.3g}x its fee){expected}"
            ),
            pricing=patient(quote, settings.patience, settings.lifetime),
        )

    def _expected(self, situation: Situation, row: int, quote: NetQuote) -> str | None:
        """Ask the policy, if there is one: what it expects, or None where it would not sell."""
        policy = self.settings.policy
        if policy is None:
            return ""
        values = known(policy, live_state(policy, situation, row, quote))
        if values is None or (reward := policy.expected(values)) <= policy.threshold:
            return None
        return f"; its policy expects {reward:+.2%} of spot"

    def parameter_space(self) -> Mapping[str, tuple[float, ...]]:
        """List the values a study may try, around the present ones."""
        settings = self.settings
        space = {
            "target_delta": grid_around(settings.target_delta, 0.05, 0.05, 0.45),
            "target_days": grid_around(settings.target_days, 1, 1, 60),
        }
        if settings.take_profit > 0:
            space["take_profit"] = grid_around(settings.take_profit, 0.1, 0.1, 0.9)
        return space

    def sketch(self, index: float, iv: float, at: int) -> tuple[SketchLeg, ...]:
        """Draw the call it would typically sell."""
        return sketch_legs(
            self.underlying,
            "call",
            index=index,
            iv=iv,
            at=at,
            days=self.settings.target_days,
            delta=self.settings.target_delta,
        )
