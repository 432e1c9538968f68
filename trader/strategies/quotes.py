"""Where do we bid and offer? A value, half a width to either side, and a lean against inventory.

Avellaneda and Stoikov (2008), High-frequency trading in a limit order book: the middle of the
quotes moves away from what is held, in proportion to it, so that the next fill brings it back.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import msgspec
import pydantic
from pydantic import ConfigDict, Field

from trader.domain.trading import Leg
from trader.domain.valuation import trade_fee

if TYPE_CHECKING:
    from trader.domain.market import Board
    from trader.domain.models import Worth
    from trader.domain.situation import Situation


class QuoteSettings(pydantic.BaseModel):
    """Around which value to quote, how far from it, and how much to lean."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    without_ensemble: Literal["mark", "stand_aside"] = Field(
        default="mark",
        description="What to quote around where the models have no weights of their own yet: the "
        "venue's mark, or nothing.",
    )
    width_share: float = Field(
        default=0.8,
        ge=0,
        le=5,
        description="Distance of a quote from the value as a share of half the displayed spread; "
        "the fee of the quote comes on top.",
    )
    caution: float = Field(
        default=0.5,
        ge=0,
        le=5,
        description="Share of the value's uncertainty that is added to that distance.",
    )
    skew_share: float = Field(
        default=0.8,
        ge=0,
        le=3,
        description="How far a full inventory moves both quotes against it, as a share of their "
        "distance from the value.",
    )
    gap_max: float = Field(
        default=0.1,
        gt=0,
        le=1,
        description="Nothing is quoted while value and displayed middle differ by more than this "
        "share of the middle.",
    )


class Value(msgspec.Struct, frozen=True):
    """What one option is held to be worth, in settlement currency, how sure, and by whom."""

    price: float
    uncertainty: float
    source: str


def value_of(situation: Situation, row: int, settings: QuoteSettings) -> Value | str:
    """Value one row of the board: by the ensemble, where its weights are earned, else by the mark.

    Words that say why where there is no value to quote around.
    """
    board = situation.board
    worth = situation.models.worth((Leg(board.instruments[row].name, 1),))
    lack = _lack(worth)
    if worth is not None and not lack:
        found = Value(worth.value, worth.uncertainty, "the ensemble")
    elif settings.without_ensemble == "stand_aside":
        return f"no value to quote around: {lack}"
    else:
        found = Value(board.mark.item(row), 0.0, f"the mark ({lack})")
    mid = (board.bid.item(row) + board.ask.item(row)) / 2
    if not (0 < found.price < math.inf and 0 <= found.uncertainty < math.inf):
        return f"{found.source} shows no price of {board.instruments[row].name}"
    if abs(found.price - mid) > settings.gap_max * mid:
        return (
            f"{found.source} says {found.price:.4g}, the market {mid:.4g}: "
            f"more than {settings.gap_max:.0%} apart"
        )
    return found


def _lack(worth: Worth | None) -> str:
    """Say what an ensemble value lacks; nothing where it can be quoted around."""
    if worth is None:
        return "no model has one"
    weights = list(worth.weights.values())
    if len(weights) > 1 and max(weights) - min(weights) < 1e-9:
        return "all models weigh the same as yet"
    return ""


def prices(
    board: Board, row: int, value: Value, inventory_share: float, settings: QuoteSettings
) -> tuple[float, float] | None:
    """Choose bid and ask, on their ticks, outward; None where a number is missing.

    `inventory_share` in [-1, 1] is what is held of the most that may be. Neither price meets the
    other side: a quote rests.
    """
    shown_bid, shown_ask = board.bid.item(row), board.ask.item(row)
    instrument = board.instruments[row]
    fee = trade_fee(instrument, 1.0, value.price, board.index, maker=True)
    half = settings.width_share * (shown_ask - shown_bid) / 2 + max(fee, 0.0)
    half += settings.caution * value.uncertainty
    center = value.price - settings.skew_share * half * inventory_share
    tick = instrument.tick_at(value.price)
    if not (math.isfinite(half) and math.isfinite(center) and tick > 0):
        return None
    bid = min(center - half, shown_ask - tick)
    ask = max(center + half, shown_bid + tick)
    if not ask < math.inf:
        return None
    return _floor(bid, instrument.tick_at(bid)), -_floor(-ask, instrument.tick_at(ask))


def _floor(price: float, tick: float) -> float:
    return round(math.floor(price / tick + 1e-9) * tick, 10)
