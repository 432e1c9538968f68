"""What did the pricing models hold calls to be worth? Fits to the boards of a past as they came.

A call of that moment is valued by the last fit that was known; fitting and weighing are the
daemon's (`ModelDesk`), only without anything that trades.
"""

from __future__ import annotations

import bisect
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from trader.backtest.fitting import Calibrations
from trader.domain.events import (
    BoardSnapshot,
    HistoryLoaded,
    IndexPrice,
    InstrumentExpired,
    Stamped,
)
from trader.domain.facts import EpochOpened
from trader.domain.units import SECOND, YEAR
from trader.engine.engine import Engine, EngineSettings
from trader.engine.paper_broker import BrokerSettings
from trader.pricing import ensemble
from trader.risk.limits import RiskSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trader.backtest.history import History
    from trader.domain.events import Event
    from trader.engine.model_desk import Ensemble
    from trader.engine.outcome import Outcome
    from trader.pricing.ensemble import Believed
    from trader.strategies.call_features import Quote


class Fit(msgspec.Struct, frozen=True):
    """The models that were believed from `at` to `until`, by the weights of the regime at `at`."""

    at: int
    until: int
    believed: tuple[Believed, ...]


class Fits:
    """Models in the making: show it the events of a history in their order."""

    def __init__(self, models: Ensemble, history: History, start: int) -> None:
        settings = EngineSettings(quote_age_s_max=history.step / SECOND)
        self.engine = Engine([], RiskSettings(), BrokerSettings(), settings, ensemble=models)
        self._calibrations = Calibrations(self.engine, models, start)
        self._underlying = history.underlying
        epoch = EpochOpened(
            epoch=1, feed="backtest", speed=1.0, market=history.provenance.source,
            software="", configuration_hash="backtest",
        )  # fmt: skip
        self.engine.start(epoch, {}, start)
        self.made: list[Fit] = []

    def take(self, at: int, event: Event) -> None:
        """Hear what closed, and fit the models to the first board of each period."""
        match event:
            case HistoryLoaded() | IndexPrice() | InstrumentExpired():
                self._give(event, at)
            case BoardSnapshot() if self._calibrations.due(at):
                self._give(event, at)
                self._calibrations.run(at, self._give)
                believed = self.engine.models.believed(self._underlying)
                until = at + self.engine.models.believed_for
                self.made.append(Fit(at, until, tuple(believed)))
            case _:
                pass

    def _give(self, event: Event, at: int) -> Outcome:
        return self.engine.process(Stamped(self.engine.sequence + 1, at, event))


def beyond_worth(fits: Sequence[Fit], quote: Quote, forward: float) -> float | None:
    """Return what a sale brings beyond what the models hold the call to be worth, a share of spot.

    The fee and the models' doubt (their dispersion and fit errors) are taken off. None where no
    model was fitted by then, or lately, or none has a value for the call.
    """
    place = bisect.bisect_right(fits, quote.at, key=lambda one: one.at) - 1
    if place < 0 or quote.at > fits[place].until or quote.strike is None or not forward > 0:
        return None
    worth = ensemble.worth(
        fits[place].believed,
        np.array([1]),
        np.array([forward]),
        np.array([quote.strike]),
        np.array([(quote.expires_at - quote.at) / YEAR]),
        np.array([-1.0]),
        np.array([1.0 if quote.linear else forward]),
    )
    if worth is None:
        return None
    gain = quote.price - quote.fee + worth.value - worth.uncertainty
    return gain / (quote.spot if quote.linear else 1.0)
