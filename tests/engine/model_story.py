"""What do reports on models tell in these tests? An afternoon of a floor with a seller on edge."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from tests.engine.floor import VERTICAL, wish
from tests.engine.modelled import Five, ModelFloor, Stalls
from trader.pricing.models import BlackScholes, Merton

if TYPE_CHECKING:
    from trader.domain.facts import Recorded
    from trader.domain.situation import Situation
    from trader.domain.trading import Intent

CREDIT = -0.0024
"""What the spread is sold for: too little at first, enough as it decays, and sooner for some."""


def _sells_on_edge(situation: Situation) -> tuple[Intent, ...]:
    edge = situation.models.edge(VERTICAL, CREDIT, costs=0.0002)
    return (wish(VERTICAL),) if edge is not None and edge.enough else ()


@functools.cache
def afternoon() -> tuple[Recorded, ...]:
    """Calibrate five times, with one model off and one that stalls; sell where it pays."""
    floor = ModelFloor(BlackScholes(), Merton(), Five(), Stalls(), wishes=_sells_on_edge)
    floor.rounds(5)
    return tuple(floor.records)
