"""When are models fitted in a backtest? To the first board of each period, answered at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trader.domain.events import TimerFired
from trader.engine.model_desk import CALIBRATE
from trader.engine.outcome import CalibrationNeeded
from trader.pricing.recalibration import recalibrate

if TYPE_CHECKING:
    from collections.abc import Callable

    from trader.domain.events import Event
    from trader.engine.engine import Engine
    from trader.engine.model_desk import Ensemble
    from trader.engine.outcome import Outcome


class Calibrations:
    """The calibrations of one run; what an engine without models never needs."""

    def __init__(self, engine: Engine, ensemble: Ensemble, start: int) -> None:
        self._engine = engine
        self._models = {model.name: model for model in ensemble.models}
        self._due_at = start

    def due(self, at: int) -> bool:
        """Tell whether the board of an instant is to be fitted."""
        return self._engine.models.cadence is not None and at >= self._due_at

    def run(self, at: int, give: Callable[[Event, int], Outcome]) -> None:
        """Fit every model to the board that the engine was given last, and give it the answers."""
        cadence = self._engine.models.cadence
        if cadence is None:
            return
        self._due_at = at - at % cadence[0] + cadence[0]
        for request in give(TimerFired(CALIBRATE, at), at).requests:
            if isinstance(request, CalibrationNeeded):
                for name in request.models:
                    start = request.starts.get(name)
                    give(recalibrate(self._models[name], request.surface, start), at)
