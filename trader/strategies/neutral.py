"""When do we sell both sides of a market that goes nowhere, with both wings bought?

A condor sells a put and a call out of the money, a butterfly both at the money; each buys its wings
in the same order, so its loss is defined (McMillan, Options as a Strategic Investment, ch. 23).
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, ClassVar, Literal

import pydantic
from pydantic import Field

from trader.domain.trading import Intent
from trader.strategies.edge import EdgeSettings, edge_seen
from trader.strategies.shapes import Shape, around, at_the_money, profit_chance, wings
from trader.strategies.short_premium import ShortPremiumSettings, exits_and_sale, worth_selling
from trader.strategies.sketch import sketch_sides
from trader.strategies.strategy import grid_around
from trader.strategies.structure import choose_expiry, net_quote, patient
from trader.strategies.trend import trend_score

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trader.domain.market import Board
    from trader.domain.situation import Situation
    from trader.strategies.strategy import Cadence, SketchLeg
    from trader.strategies.structure import NetQuote


class NeutralSettings(EdgeSettings, ShortPremiumSettings):
    """Parameters of condors and butterflies: which strikes, for how much, in how calm a market."""

    shape: Literal["condor", "butterfly"] = Field(
        default="condor",
        description="condor sells both sides at target_delta, butterfly both at the money.",
    )
    target_delta: float = Field(
        default=0.2, ge=0.02, le=0.5, description="|delta| of both options a condor sells."
    )
    width_strikes: int = Field(
        default=4, ge=1, le=40, description="Listed strikes from each sold option to its wing."
    )
    wing_delta: float = Field(
        default=0.0,
        ge=0,
        le=0.45,
        description="|delta| of the wings instead of a width; 0: by width_strikes.",
    )
    min_credit_share: float = Field(
        default=0.15,
        ge=0,
        lt=1,
        description="Credit at the touch must be this share of the wider wing's width.",
    )
    trend_score_max: float = Field(
        default=2.0,
        ge=0,
        le=10,
        description="No sale in a trend of more standard deviations than this; 0: no such filter.",
    )
    lookback_hours: int = Field(
        default=72, ge=6, le=24 * 90, description="Hours of closed bars the trend is measured over."
    )
    stop_multiple: float = Field(
        default=2.0,
        ge=0,
        le=100,
        description="Buy back once that costs this many credits; 0 never.",
    )
    exit_hours_before_expiry: float = Field(
        default=12.0,
        ge=0,
        le=24 * 30,
        description="Buy back this long before expiry; 0 holds to expiry.",
    )

    @pydantic.model_validator(mode="after")
    def _wings_are_further_out(self) -> NeutralSettings:
        if self.shape == "condor" and self.wing_delta >= self.target_delta:
            raise ValueError(
                f"wing_delta {self.wing_delta:g} must be below target_delta "
                f"{self.target_delta:g}: a wing lies further out, or give 0"
            )
        return self


@dataclasses.dataclass(frozen=True, kw_only=True)
class Neutral:
    """Sells condors or butterflies, four legs or none; at most one per cadence slot."""

    kind: ClassVar[str] = "neutral"
    Settings: ClassVar[type[pydantic.BaseModel]] = NeutralSettings

    name: str
    underlying: str
    settings: NeutralSettings
    timetable: Cadence

    def cadence(self) -> Cadence:
        """Say when to be asked."""
        return self.timetable

    def propose(self, situation: Situation) -> tuple[Intent, ...]:
        """Review the exits; on the own cadence, sell one more where the market is calm enough."""
        return exits_and_sale(self.name, situation, self.settings, self.timetable, self._sell)

    def _sell(self, situation: Situation) -> Intent | None:
        """Sell the structure if its credit is worth its fees and its width."""
        settings, board = self.settings, situation.board
        calm = self._calm(situation)
        shape = condor(board, settings) if calm is not None else None
        quote = net_quote(board, shape.legs(board)) if shape is not None else None
        if calm is None or shape is None or quote is None:
            return None
        if not (worth_selling(quote, settings) and self._worth_its_width(quote, board, shape)):
            return None
        legs = shape.legs(board)
        edge = edge_seen(situation, legs, quote, settings)
        if edge is None:
            return None
        strikes = "/".join(f"{board.strike[row]:g}" for row in sorted(shape.rows))
        return Intent(
            strategy=self.name,
            action="open",
            underlying=self.underlying,
            legs=legs,
            confidence=profit_chance(board, shape, quote.touch_net + quote.fee),
            reason=(
                f"{calm}: sell {settings.shape} {strikes}, credit {-quote.touch_net:.4g} "
                f"({-quote.touch_net / quote.fee:.3g}x its fees){edge}"
            ),
            pricing=patient(quote, settings.patience, settings.lifetime),
        )

    def _calm(self, situation: Situation) -> str | None:
        """Say why the market is calm enough; None where it is not, or nobody knows."""
        settings = self.settings
        if settings.trend_score_max == 0:
            return "no trend asked"
        score = trend_score(situation.bars, situation.at, settings.lookback_hours)
        if score is None or abs(score) > settings.trend_score_max:
            return None
        return f"trend {score:+.1f} sd over {settings.lookback_hours} h"

    def _worth_its_width(self, quote: NetQuote, board: Board, shape: Shape) -> bool:
        """Compare the credit, in USD at the forward, with the wider of both wings."""
        put, call, low, high = (float(board.strike[row]) for row in shape.rows)
        credit_usd = -quote.touch_net * float(board.underlying_price[shape.rows[0]])
        return credit_usd >= self.settings.min_credit_share * max(put - low, high - call)

    def parameter_space(self) -> Mapping[str, tuple[float, ...]]:
        """List the values a study may try, around the present ones."""
        one = self.settings
        space: dict[str, tuple[float, ...]] = {}
        if one.shape == "condor":
            least = max(one.wing_delta + 0.01, 0.02)
            space["target_delta"] = grid_around(one.target_delta, 0.05, least, 0.45)
        if one.wing_delta == 0:
            space["width_strikes"] = grid_around(one.width_strikes, 1, 1, 40)
        if one.take_profit > 0:
            space["take_profit"] = grid_around(one.take_profit, 0.1, 0.1, 0.9)
        space["min_credit_share"] = grid_around(one.min_credit_share, 0.05, 0, 0.9)
        space["target_days"] = grid_around(one.target_days, 1, 1, 60)
        return space

    def sketch(self, index: float, iv: float, at: int) -> tuple[SketchLeg, ...]:
        """Draw the four legs it would typically trade."""
        one = self.settings
        return sketch_sides(
            self.underlying,
            -1,
            index=index,
            iv=iv,
            at=at,
            days=one.target_days,
            delta=one.target_delta if one.shape == "condor" else None,
            width_strikes=one.width_strikes,
            wing_delta=one.wing_delta,
        )


def condor(board: Board, settings: NeutralSettings) -> Shape | None:
    """Choose what is sold and bought: put, call, lower wing, upper wing; None where one lacks."""
    expiry = choose_expiry(
        board.at,
        board.listing.ladder("call"),
        settings.target_days,
        settings.days_tolerance,
        settings.min_hours_left,
    )
    if expiry is None:
        return None
    if settings.shape == "butterfly":
        sold = at_the_money(board, expiry)
    else:
        sold = around(board, expiry, settings.target_delta, settings.delta_tolerance)
    bought = sold and wings(
        board, *sold, width_strikes=settings.width_strikes, wing_delta=settings.wing_delta
    )
    return Shape((*sold, *bought), (-1, -1, 1, 1)) if sold and bought else None
