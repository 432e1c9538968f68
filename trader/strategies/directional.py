"""When do we sell a vertical spread with the trend, and when do we leave it?"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, ClassVar

import pydantic
from pydantic import Field

from trader.domain.trading import Intent, Leg
from trader.strategies.edge import EdgeSettings, edge_seen
from trader.strategies.short_premium import (
    ShortPremiumSettings,
    choose_short,
    exits_and_sale,
    worth_selling,
)
from trader.strategies.sketch import sketch_legs
from trader.strategies.strategy import grid_around
from trader.strategies.structure import (
    further_out,
    net_quote,
    patient,
    seller_confidence,
)
from trader.strategies.trend import trend_score

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trader.domain.instruments import OptionType
    from trader.domain.market import Board
    from trader.domain.situation import Situation
    from trader.strategies.strategy import Cadence, SketchLeg
    from trader.strategies.structure import NetQuote


class DirectionalSettings(EdgeSettings, ShortPremiumSettings):
    """Parameters of verticals: how strong a trend, how wide a spread, how much credit for it."""

    stop_multiple: float = Field(
        default=2.5,
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
    width_strikes: int = Field(
        default=4, ge=1, le=20, description="Listed strikes between the sold and the bought option."
    )
    min_credit_share: float = Field(
        default=0.1,
        ge=0,
        lt=1,
        description="Credit at the touch must be this share of the spread's width.",
    )
    lookback_hours: int = Field(
        default=72, ge=6, le=24 * 90, description="Hours of closed bars the trend is measured over."
    )
    trend_score_min: float = Field(
        default=1.0,
        ge=0,
        le=10,
        description="Trend in standard deviations from which we follow it.",
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Directional:
    """Sells a put spread in an up trend, a call spread in a down trend; both legs or none.

    Its loss is defined by the bought option; it never holds a leg alone.
    """

    kind: ClassVar[str] = "directional"
    Settings: ClassVar[type[pydantic.BaseModel]] = DirectionalSettings

    name: str
    underlying: str
    settings: DirectionalSettings
    timetable: Cadence

    def cadence(self) -> Cadence:
        """Say when to be asked."""
        return self.timetable

    def propose(self, situation: Situation) -> tuple[Intent, ...]:
        """Review the exits; on the own cadence, sell one more spread if trend and board agree."""
        return exits_and_sale(self.name, situation, self.settings, self.timetable, self._sell)

    def _sell(self, situation: Situation) -> Intent | None:
        """Sell the spread on the side the trend moves away from."""
        settings = self.settings
        score = trend_score(situation.bars, situation.at, settings.lookback_hours)
        if score is None or abs(score) < settings.trend_score_min or score == 0:
            return None
        side: OptionType = "put" if score > 0 else "call"
        rows = self._spread(situation.board, side)
        if rows is None:
            return None
        short, long = rows
        board = situation.board
        legs = (Leg(board.instruments[short].name, -1), Leg(board.instruments[long].name, 1))
        quote = net_quote(board, legs)
        if quote is None or not self._worth_its_width(quote, board, short, long):
            return None
        edge = edge_seen(situation, legs, quote, settings)
        if edge is None:
            return None
        delta = board.delta_at(short)
        return Intent(
            strategy=self.name,
            action="open",
            underlying=self.underlying,
            legs=legs,
            confidence=seller_confidence(delta),
            reason=(
                f"trend {score:+.1f} sd over {settings.lookback_hours} h: sell {side} spread "
                f"{board.strike[short]:g}/{board.strike[long]:g} at delta {delta:.2f}, "
                f"credit {-quote.touch_net:.4g} ({-quote.touch_net / quote.fee:.3g}x its fees)"
                f"{edge}"
            ),
            pricing=patient(quote, settings.patience, settings.lifetime),
        )

    def _spread(self, board: Board, side: OptionType) -> tuple[int, int] | None:
        """Choose the rows to sell and to buy."""
        short = choose_short(board, side, self.settings)
        if short is None:
            return None
        long = further_out(board, side, short, self.settings.width_strikes)
        return None if long is None else (short, long)

    def _worth_its_width(self, quote: NetQuote, board: Board, short: int, long: int) -> bool:
        """Check the credit against the fees and, in USD at the forward, against the width."""
        width_usd = abs(float(board.strike[long] - board.strike[short]))
        credit_usd = -quote.touch_net * float(board.underlying_price[short])
        enough = credit_usd >= self.settings.min_credit_share * width_usd
        return enough and worth_selling(quote, self.settings)

    def parameter_space(self) -> Mapping[str, tuple[float, ...]]:
        """List the values a study may try, around the present ones."""
        settings = self.settings
        space = {
            "target_delta": grid_around(settings.target_delta, 0.05, 0.05, 0.45),
            "trend_score_min": grid_around(settings.trend_score_min, 0.25, 0.0, 3.0),
            "width_strikes": grid_around(settings.width_strikes, 1, 1, 20),
        }
        if settings.take_profit > 0:
            space["take_profit"] = grid_around(settings.take_profit, 0.1, 0.1, 0.9)
        return space

    def sketch(self, index: float, iv: float, at: int) -> tuple[SketchLeg, ...]:
        """Draw the put spread it would typically sell, the side that loses more coin."""
        return sketch_legs(
            self.underlying,
            "put",
            index=index,
            iv=iv,
            at=at,
            days=self.settings.target_days,
            delta=self.settings.target_delta,
            width_strikes=self.settings.width_strikes,
        )
