"""What do models do in these tests? A floor whose requests real models answer, and planted ones."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING

import numpy as np

from tests.builders import hourly_bars
from tests.engine.floor import Floor, Scripted
from tests.pricing.test_ensemble import Broken
from trader.domain.events import HistoryLoaded
from trader.domain.models import ModelCalibrated, WeightsAdopted
from trader.domain.units import HOUR, SECOND
from trader.engine.engine import Engine, EngineSettings
from trader.engine.model_desk import Ensemble
from trader.engine.outcome import CalibrationNeeded
from trader.engine.paper_broker import BrokerSettings
from trader.engine.review import Slot
from trader.pricing.calibration import Calibrated
from trader.pricing.models import BlackScholes, Merton
from trader.pricing.recalibration import not_calibrated, recalibrate

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trader.domain.situation import Situation
    from trader.domain.trading import Intent
    from trader.engine.outcome import Outcome
    from trader.pricing.calibration import NotCalibrated, VolQuotes
    from trader.pricing.model import PricingModel

CALM_DAYS = 70
STALLED = "stalled: no answer within 20 s (calibration.seconds_max)"


class Five(BlackScholes):
    """Black-76 that always sees five volatility points too much."""

    name = "five_points_off"

    def calibrate(
        self, quotes: VolQuotes, start: Sequence[float] | None = None
    ) -> Calibrated | NotCalibrated:
        """Fit, then be off."""
        fitted = super().calibrate(quotes, start)
        assert isinstance(fitted, Calibrated)
        return Calibrated((fitted.parameters[0] + 0.05,), fitted.error, fitted.expiries, 1, 1, ())


class Nan(Broken):
    """A model whose prices are no numbers."""

    name = "not_a_number"

    def __init__(self) -> None:
        super().__init__(math.nan)


class Stalls(BlackScholes):
    """A model whose worker is killed before it answers."""

    name = "stalls"


def calm_bars(at: int, days: int = CALM_DAYS, last: float = 90_000.0) -> HistoryLoaded:
    """Load history in which nothing happened; it ends at `at`."""
    moves = np.random.default_rng(5).normal(0.0, 0.003, days * 24)
    moves[-(30 * 24) :] -= moves[-(30 * 24) :].mean()
    moves[: 24 * 7] *= 1.5  # the year knows wilder weeks than this one
    closes = last * np.exp(np.cumsum(moves) - moves.sum())
    return HistoryLoaded("BTC", hourly_bars(closes.tolist(), at - at % HOUR))


class ModelFloor(Floor):
    """A floor with an ensemble; `answer` fits what was asked for, by the worker's own function."""

    def __init__(
        self,
        *models: PricingModel,
        history: bool = True,
        wishes: Callable[[Situation], tuple[Intent, ...]] | None = None,
        ensemble: Ensemble | None = None,
    ) -> None:
        self.wishes = wishes
        self.with_history = history
        taking_part = models or (BlackScholes(), Merton())
        super().__init__(ensemble=ensemble or Ensemble(models=taking_part))

    def make_engine(self) -> Engine:
        """Make an engine whose strategy may look at its situation."""
        if self.wishes is None:
            return super().make_engine()
        slots = [
            Slot(Scripted(name, "BTC", functools.partial(self._asked)), "v1", stage)
            for name, stage in self.stages.items()
        ]
        return Engine(slots, self.risk, BrokerSettings(), EngineSettings(), ensemble=self.ensemble)

    def _asked(self, situation: Situation) -> tuple[Intent, ...]:
        assert self.wishes is not None
        return self.wishes(situation)

    def start(self) -> Outcome:
        """Open an epoch, with history."""
        started = super().start()
        if self.with_history:
            self.send(calm_bars(self.at))
        return started

    def answer(self) -> None:
        """Answer every calibration that was asked for, model by model, a second later."""
        waiting = [one for one in self.requests if isinstance(one, CalibrationNeeded)]
        self.requests.clear()
        assert self.ensemble is not None
        models = {model.name: model for model in self.ensemble.models}
        for request in waiting:
            for name in request.models:
                self.at += SECOND
                start = request.starts.get(name)
                if name == Stalls.name:
                    self.send(not_calibrated(request.surface, name, STALLED))
                else:
                    self.send(recalibrate(models[name], request.surface, start))

    def rounds(self, count: int) -> None:
        """Calibrate and let an hour pass, so that forecasts meet quotes, a few times."""
        for _ in range(count):
            self.pass_time(HOUR)
            self.answer()

    def said(self) -> list[ModelCalibrated]:
        """List what models said so far."""
        return [one.fact for one in self.records if isinstance(one.fact, ModelCalibrated)]

    def adopted(self) -> list[WeightsAdopted]:
        """List the rounds so far."""
        return [one.fact for one in self.records if isinstance(one.fact, WeightsAdopted)]
