"""Models are asked before an opening only where that is wanted, and what they say counts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest
from pydantic import ValidationError

from tests.builders import board, situation, trending_bars
from trader.domain.models import Edge, Observation, Worth
from trader.domain.trading import Leg
from trader.domain.units import HOUR, MINUTE
from trader.strategies.directional import Directional, DirectionalSettings
from trader.strategies.edge import EdgeSettings, edge_seen
from trader.strategies.neutral import Neutral, NeutralSettings
from trader.strategies.strategy import Cadence, asks_models
from trader.strategies.structure import net_quote
from trader.strategies.volatility import Volatility, VolatilitySettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trader.domain.market import Floats, Ints
    from trader.strategies.strategy import Strategy

MARKET = board()
LEGS = (Leg("BTC-27NOV26-90000-P", -1), Leg("BTC-27NOV26-90000-C", -1))
TERMS = {"name": "x", "underlying": "BTC", "timetable": Cadence(2 * HOUR, 0, 5 * MINUTE)}


class Sure(msgspec.Struct, frozen=True):
    """Models that hold every structure to be worth so much more than it costs."""

    more: float
    uncertainty: float = 0.0
    seen: Observation = Observation("Calm", "it is quiet")

    def vols(self, rows: Ints) -> Floats:
        """Say the same of each."""
        return np.full(len(rows), 0.55)

    def worth(self, legs: Sequence[Leg]) -> Worth:
        """Add to what the touch asks."""
        quote = net_quote(MARKET, tuple(legs))
        assert quote is not None
        return Worth(quote.touch_net + self.more, self.uncertainty, {"a": 0.0}, {"a": 1.0})

    def edge(
        self, legs: Sequence[Leg], net: float, *, costs: float = 0.0, needed: float = 0.0
    ) -> Edge:
        """Hold that against what is asked."""
        worth = self.worth(legs)
        return Edge(legs=tuple(legs), net=net, costs=costs, needed=needed, worth=worth)


def seen(more: float, uncertainty: float = 0.0, **settings: Any) -> str | None:
    """Ask of a sold straddle."""
    shown = msgspec.structs.replace(situation(MARKET), models=Sure(more, uncertainty))
    quote = net_quote(MARKET, LEGS)
    assert quote is not None
    return edge_seen(shown, LEGS, quote, EdgeSettings(**settings))


def test_models_are_not_asked_by_default() -> None:
    """Whatever they would say."""
    assert seen(-1.0) == ""


def test_the_gain_must_pass_costs_uncertainty_and_what_is_wanted() -> None:
    """Fees of both ways (4 x .0003) and half of two spreads, then doubt, then the wish."""
    quote = net_quote(MARKET, LEGS)
    assert quote is not None
    costs = 2 * quote.fee + quote.touch_net - quote.mid_net
    assert quote.fee == pytest.approx(0.0006)
    assert seen(costs + 1e-9, min_edge=0) is not None
    assert seen(costs - 1e-9, min_edge=0) is None
    assert seen(costs + 0.003, 0.0031, min_edge=0) is None
    assert seen(costs + 0.003, 0.0029, min_edge=0) == ", edge 0.003 +- 0.0029"
    assert seen(costs + 0.003, min_edge=0.0031) is None
    assert seen(costs + 0.003, min_edge=0.0029) is not None


def test_who_trades_on_edge_does_nothing_where_no_model_knows() -> None:
    """Before the first calibration there is no value, hence no edge."""
    quote = net_quote(MARKET, LEGS)
    assert quote is not None
    assert edge_seen(situation(MARKET), LEGS, quote, EdgeSettings(min_edge=0)) is None


def test_impossible_edges_are_refused_by_name() -> None:
    """Negative, NaN or above the whole price."""
    for wrong in (-0.1, math.nan, math.inf, 2.0):
        with pytest.raises(ValidationError, match="min_edge"):
            EdgeSettings(min_edge=wrong)


@pytest.mark.parametrize(
    ("kind", "settings", "bars"),
    [
        (Directional, DirectionalSettings, "up"),
        (Neutral, NeutralSettings, "flat"),
        (Volatility, VolatilitySettings, "up"),
    ],
)
def test_every_family_can_trade_on_edge(
    kind: type[Strategy], settings: type[EdgeSettings], bars: Any
) -> None:
    """With models that see much it opens and says so, with others it does not."""
    shown = situation(MARKET, bars=trending_bars(bars))

    def opened(more: float, min_edge: float | None) -> str | None:
        rule = kind(**TERMS, settings=settings(min_edge=min_edge))  # type: ignore[arg-type]
        intents = rule.propose(msgspec.structs.replace(shown, models=Sure(more)))
        return intents[0].reason if intents else None

    for min_edge in (None, 0.0):
        rule = kind(**TERMS, settings=settings(min_edge=min_edge))  # type: ignore[arg-type]
        assert asks_models(rule) is (min_edge is not None)
    assert "edge" not in (opened(0.0, None) or "edge")
    assert opened(0.0, 0.001) is None
    assert ", edge " in (opened(0.05, 0.001) or "")
