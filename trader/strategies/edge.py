"""Do the pricing models see more in a structure than it costs? Asked only where that is wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pydantic
from pydantic import ConfigDict, Field

if TYPE_CHECKING:
    from trader.domain.situation import Situation
    from trader.domain.trading import Leg
    from trader.strategies.structure import NetQuote


class EdgeSettings(pydantic.BaseModel):
    """Whether models are asked before an opening, and what they must see."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    min_edge: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="Gain beyond costs and uncertainty that the models must see, as a share of the "
        "coin's price; unset: they are not asked.",
    )


def edge_seen(
    situation: Situation, legs: tuple[Leg, ...], quote: NetQuote, settings: EdgeSettings
) -> str | None:
    """Hold what the models say against what is displayed: words for the reason, "" where they are
    not asked, None where they see too little or know nothing.

    Costs are the fees of both ways and half of the spread: the touch pays the other half. Of
    options settled in USDC a share of the coin's price is that of the index.
    """
    if settings.min_edge is None:
        return ""
    row = situation.board.row(legs[0].instrument)
    inverse = row is not None and situation.board.instruments[row].inverse
    needed = settings.min_edge * (1.0 if inverse else situation.index)
    costs = 2 * quote.fee + quote.touch_net - quote.mid_net
    edge = situation.models.edge(legs, quote.touch_net, costs=costs, needed=needed)
    if edge is None or not edge.enough:
        return None
    return f", edge {edge.gain:.3g} +- {edge.worth.uncertainty:.2g}"
