"""When is volatility cheap enough to buy, or dear enough to sell with wings?

Implied volatility at the money against a forecast. Cheap: buy a straddle or a strangle. Dear: sell
it with both wings bought, never naked. A calendar sells the near expiry where that is dear and buys
the same strike later (Natenberg, Option Volatility and Pricing, ch. 11 and 20).
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, ClassVar, Final, Literal

import msgspec
import pydantic
from pydantic import Field

from trader.domain.trading import Intent
from trader.strategies.edge import EdgeSettings, edge_seen
from trader.strategies.long_premium import (
    DebitExitSettings,
    OutlookSettings,
    bought,
    forecast_vol,
    sell_back,
)
from trader.strategies.shapes import (
    Shape,
    around,
    at_the_money,
    mean_vol,
    profit_chance,
    wings,
)
from trader.strategies.short_premium import (
    ShortPremiumSettings,
    may_open,
    review,
    worth_selling,
)
from trader.strategies.sketch import sketch_calendar, sketch_sides
from trader.strategies.strategy import grid_around
from trader.strategies.structure import choose_expiry, net_quote, patient, seller_confidence

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trader.domain.market import Board
    from trader.domain.situation import Situation
    from trader.strategies.strategy import Cadence, SketchLeg

IMPLIED_MIN: Final = 0.01
IMPLIED_MAX: Final = 10.0
"""Implied volatilities outside are no market's but an error of its feed."""


class VolatilitySettings(EdgeSettings, OutlookSettings, DebitExitSettings, ShortPremiumSettings):
    """Parameters of trades on volatility: which shape, which side, which edge, which exits."""

    shape: Literal["straddle", "strangle", "calendar"] = Field(
        default="straddle", description="straddle and calendar at the money, strangle at a delta."
    )
    side: Literal["both", "long", "short"] = Field(
        default="both", description="Whether volatility may be bought, sold (with wings), or both."
    )
    width_strikes: int = Field(
        default=6, ge=1, le=40, description="Listed strikes from what is sold to its wings."
    )
    far_days: float = Field(
        default=14.0, gt=0, le=365, description="Days to the expiry a calendar buys."
    )
    term_edge_min: float = Field(
        default=0.0,
        ge=-0.5,
        le=5,
        description="What a calendar sells must be dearer than what it buys by this share.",
    )
    stop_multiple: float = Field(
        default=1.5,
        ge=0,
        le=100,
        description="Buy back once that costs this many credits; 0 never.",
    )
    take_profit: float = Field(
        default=0.3,
        ge=0,
        lt=1,
        description="Buy back once this share of the credit is won; 0 never.",
    )
    exit_hours_before_expiry: float = Field(
        default=12.0,
        ge=0,
        le=24 * 30,
        description="Buy back this long before expiry; 0 holds to expiry.",
    )

    @pydantic.model_validator(mode="after")
    def _fits(self) -> VolatilitySettings:
        if self.shape == "calendar" and self.far_days <= self.target_days:
            raise ValueError(
                f"far_days {self.far_days:g} must be above target_days {self.target_days:g}: a "
                "calendar buys the later expiry"
            )
        if self.shape == "calendar" and self.side == "short":
            raise ValueError(
                'side "short" with shape "calendar": a calendar is bought; give "long"'
            )
        return self


class Candidate(msgspec.Struct, frozen=True):
    """What could be opened, and why: `debit` says whether it is bought."""

    shape: Shape
    debit: bool
    reason: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Volatility:
    """Buys or sells volatility at the money; every loss is defined when it opens."""

    kind: ClassVar[str] = "volatility"
    Settings: ClassVar[type[pydantic.BaseModel]] = VolatilitySettings

    name: str
    underlying: str
    settings: VolatilitySettings
    timetable: Cadence

    def cadence(self) -> Cadence:
        """Say when to be asked."""
        return self.timetable

    def propose(self, situation: Situation) -> tuple[Intent, ...]:
        """Review the exits; on the own cadence, open one more where the edge is large enough."""
        settings = self.settings
        debits = bought(situation)
        sold = tuple(one for one in situation.chains if one not in debits)
        exits = review(self.name, msgspec.structs.replace(situation, chains=sold), settings)
        orders = (settings.patience, settings.lifetime)
        backs = (sell_back(self.name, one, situation, settings, orders) for one in debits)
        exits = (*exits, *(one for one in backs if one is not None))
        opening = self._open(situation) if may_open(situation, self.timetable) else None
        return exits if opening is None else (*exits, opening)

    def _open(self, situation: Situation) -> Intent | None:
        """Trade the shape on the side the edge is on, if its price is worth its fees."""
        settings, board = self.settings, situation.board
        forecast = forecast_vol(situation.bars, situation.at, settings)
        found = None if forecast is None else self._candidate(board, forecast)
        quote = None if found is None else net_quote(board, found.shape.legs(board))
        if found is None or quote is None:
            return None
        if found.debit:
            worth = quote.touch_net >= settings.min_credit_fee_multiple * quote.fee
        else:
            worth = worth_selling(quote, settings)
        legs = found.shape.legs(board)
        edge = edge_seen(situation, legs, quote, settings) if worth else None
        if edge is None:
            return None
        price = f"{'pay' if found.debit else 'credit'} {abs(quote.touch_net):.4g}"
        return Intent(
            strategy=self.name,
            action="open",
            underlying=self.underlying,
            legs=legs,
            confidence=_confidence(board, found.shape, quote.touch_net + quote.fee),
            reason=(
                f"{found.reason}, {price} ({abs(quote.touch_net) / quote.fee:.3g}x its fees){edge}"
            ),
            pricing=patient(quote, settings.patience, settings.lifetime),
        )

    def _candidate(self, board: Board, forecast: float) -> Candidate | None:
        """Choose the shape by comparing implied volatility at the money with the forecast."""
        settings = self.settings
        expiry = _expiry(board, settings, settings.target_days, after=0)
        middle = None if expiry is None else at_the_money(board, expiry)
        if expiry is None or middle is None:
            return None
        implied = mean_vol(board, middle)
        if not IMPLIED_MIN <= implied <= IMPLIED_MAX:
            return None
        edge = implied / forecast - 1
        told = f"implied {implied:.1%} against {forecast:.1%} forecast"
        if settings.shape == "calendar":
            return self._calendar(board, middle, implied, told) if self._dear(edge) else None
        if settings.side != "short" and edge <= -settings.vol_edge_min:
            shape = self._inner(board, expiry, middle)
            return (
                None if shape is None else Candidate(shape, True, f"{told}: buy {settings.shape}")
            )
        if settings.side != "long" and self._dear(edge):
            shape = self._winged(board, expiry, middle)
            told = f"{told}: sell {settings.shape} with wings"
            return None if shape is None else Candidate(shape, False, told)
        return None

    def _dear(self, edge: float) -> bool:
        return edge >= self.settings.vol_edge_min

    def _inner(self, board: Board, expiry: int, middle: tuple[int, int]) -> Shape | None:
        """Buy the two options of a straddle or a strangle."""
        settings = self.settings
        if settings.shape == "strangle":
            found = around(board, expiry, settings.target_delta, settings.delta_tolerance)
        else:
            found = middle
        return None if found is None else Shape(found, (1, 1))

    def _winged(self, board: Board, expiry: int, middle: tuple[int, int]) -> Shape | None:
        """Sell them with what bounds the loss."""
        inner = self._inner(board, expiry, middle)
        if inner is None:
            return None
        put, call = inner.rows
        outer = wings(board, put, call, width_strikes=self.settings.width_strikes)
        return None if outer is None else Shape((put, call, *outer), (-1, -1, 1, 1))

    def _calendar(
        self, board: Board, middle: tuple[int, int], implied: float, told: str
    ) -> Candidate | None:
        """Sell the near call and buy the same strike later, where that is cheap enough."""
        call = middle[1]
        near = int(board.expires_at[call])
        later = _expiry(board, self.settings, self.settings.far_days, after=near)
        if later is None:
            return None
        rows = board.listing.ladder("call")[later]
        same = rows[board.strike[rows] == board.strike[call]]
        if not len(same):
            return None
        far = int(same[0])
        least = implied / (1 + self.settings.term_edge_min)
        if not IMPLIED_MIN <= board.mark_iv.item(far) <= least:
            return None
        return Candidate(
            Shape((call, far), (-1, 1)),
            True,
            f"{told}, {board.mark_iv.item(far):.1%} later: buy calendar {board.strike[call]:g}",
        )

    def parameter_space(self) -> Mapping[str, tuple[float, ...]]:
        """List the values a study may try, around the present ones."""
        one = self.settings
        far = one.far_days - 1 if one.shape == "calendar" else 60
        space = {
            "vol_edge_min": grid_around(one.vol_edge_min, 0.05, -0.5, 1.0),
            "usual_ratio": grid_around(one.usual_ratio, 0.05, 0.5, 2.0),
            "target_days": grid_around(one.target_days, 1, one.min_hours_left / 24, far),
        }
        if one.shape != "calendar" and one.side != "long":
            space["width_strikes"] = grid_around(one.width_strikes, 1, 1, 40)
        return space

    def sketch(self, index: float, iv: float, at: int) -> tuple[SketchLeg, ...]:
        """Draw what it would typically trade: sold where that is allowed, which risks more."""
        one = self.settings
        if one.shape == "calendar":
            days = (one.target_days, one.far_days)
            return sketch_calendar(self.underlying, index=index, iv=iv, at=at, days=days)
        sells = one.side != "long"
        return sketch_sides(
            self.underlying,
            -1 if sells else 1,
            index=index,
            iv=iv,
            at=at,
            days=one.target_days,
            delta=one.target_delta if one.shape == "strangle" else None,
            width_strikes=one.width_strikes if sells else 0,
        )


def _expiry(
    board: Board, settings: VolatilitySettings, target_days: float, after: int
) -> int | None:
    """Choose the expiry nearest to some days, later than another."""
    return choose_expiry(
        board.at,
        [one for one in board.listing.ladder("call") if one > after],
        target_days,
        settings.days_tolerance,
        settings.min_hours_left,
    )


def _confidence(board: Board, shape: Shape, net: float) -> float:
    """Estimate the chance of profit: of a calendar by what is sold, else at the one expiry."""
    sold, last = shape.rows[0], shape.rows[-1]
    if board.expires_at[sold] != board.expires_at[last]:
        return seller_confidence(board.delta_at(sold))
    return profit_chance(board, shape, net)
