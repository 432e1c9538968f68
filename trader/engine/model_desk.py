"""Who is believed? Regimes told, models calibrated by request, forecasts held against quotes.

A calibration leaves as a request and comes back as one event per model. Each forecasts the same
options; when they are old enough, quotes decide what each lost and beliefs move. A model that
failed, stalled or said no number loses all of that round. Whatever is decided here becomes a fact.
"""

from __future__ import annotations

import bisect
import math
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from trader.domain.facts import AlertRaised
from trader.domain.models import Observation, RegimeChanged, WeightsAdopted
from trader.domain.units import HOUR, MINUTE
from trader.engine.model_book import ModelBook
from trader.engine.model_view import BoardModels
from trader.engine.outcome import CalibrationNeeded
from trader.pricing.accuracy import Observed, lost, scores
from trader.pricing.board_quotes import CalibrationSettings, clean, due_every, surface
from trader.pricing.calibration import QUOTES_MIN
from trader.pricing.ensemble import Believed, EnsembleSettings, beliefs, fixed_share, floored
from trader.pricing.recalibration import REASON_LENGTH_MAX
from trader.pricing.regime_watch import RegimeWatch

if TYPE_CHECKING:
    from trader.domain.events import HistoryLoaded
    from trader.domain.market import Board
    from trader.domain.models import ForecastScore, ModelCalibrated, Regime
    from trader.engine.market_state import MarketState
    from trader.engine.model_book import Round
    from trader.engine.step import Step
    from trader.pricing.model import PricingModel

CALIBRATE: Final = "calibrate"
BELIEVED_FOR: Final = 3
"""Periods after which a calibration is too old to value anything by."""
NO_HISTORY: Final = Observation(None, "no history was read")


class Ensemble(msgspec.Struct, frozen=True):
    """The models that take part, and how; without models (`enabled` false) regimes alone."""

    models: tuple[PricingModel, ...] = ()
    weighing: EnsembleSettings = EnsembleSettings()
    calibration: CalibrationSettings = CalibrationSettings()


class ModelDesk:
    """Watches regimes, asks for calibrations, moves beliefs; its book folds from facts alone.

    Without an ensemble (a backtest) it says nothing of itself, and answers what is asked.
    """

    def __init__(self, market: MarketState, ensemble: Ensemble | None = None) -> None:
        self._market = market
        self._told = ensemble is not None
        self._ensemble = ensemble or Ensemble()
        self._names = tuple(model.name for model in self._ensemble.models)
        self._watches: dict[str, RegimeWatch] = {}
        self._loaded: dict[str, list[tuple[HistoryLoaded, int]]] = {}
        self._seen: dict[str, tuple[int, Observation]] = {}
        self.book = ModelBook()

    @property
    def cadence(self) -> tuple[int, int] | None:
        """Period and offset of the calibrations; None where no model takes part."""
        return due_every(self._ensemble.calibration) if self._names else None

    @property
    def believed_for(self) -> int:
        """How long a calibration values anything, in nanoseconds."""
        return BELIEVED_FOR * due_every(self._ensemble.calibration)[0]

    def load(self, event: HistoryLoaded, at: int) -> None:
        """Take closed hours from before we listened; they are read when a regime is asked for."""
        self._loaded.setdefault(event.underlying, []).append((event, at))

    def listen(self) -> None:
        """Hear the hours that have closed, before they are forgotten, though nobody asks yet."""
        for underlying in self._market.rates():
            self._heard(underlying)

    def look(self, step: Step) -> None:
        """Tell every regime that has changed since it was last told."""
        if not self._told:
            return
        for underlying in sorted(self._market.rates()):
            seen = self._observed(underlying)
            known = self.book.regimes.get(underlying)
            if seen is not None and (known is None or known.regime != seen.regime):
                step.record(RegimeChanged(underlying, seen.regime, seen.reason))

    def seen(self, underlying: str) -> Observation:
        """Tell the regime now; before history came, the one that was journaled last."""
        seen = self._observed(underlying)
        if seen is not None:
            return seen
        known = self.book.regimes.get(underlying)
        return Observation(known.regime, known.reason) if known is not None else NO_HISTORY

    def stated(self, underlying: str) -> str:
        """Say in what regime a verdict is given; nothing where regimes are not told."""
        return self.seen(underlying).text if self._told else ""

    def view(self, board: Board) -> BoardModels:
        """Let a strategy ask what the models make of a board."""
        underlying = board.underlying
        return BoardModels(
            board,
            lambda: self.seen(underlying),
            lambda seen: self._believed(underlying, seen.regime, board.at),
        )

    def now(self, board: Board) -> tuple[Observation, tuple[Believed, ...]]:
        """Tell the regime last told and the models believed; looking on, it hears no new hour."""
        underlying = board.underlying
        known, told = self._seen.get(underlying), self.book.regimes.get(underlying)
        if known is not None:
            seen = known[1]
        else:
            seen = Observation(told.regime, told.reason) if told is not None else NO_HISTORY
        return seen, tuple(self._believed(underlying, seen.regime, board.at))

    def believed(self, underlying: str) -> list[Believed]:
        """List the models that count now, by the weights of the regime that is seen."""
        return self._believed(underlying, self.seen(underlying).regime, self._market.at)

    def weights(self, underlying: str, regime: Regime | None) -> dict[str, float]:
        """Tell how much each model counts in a regime."""
        if not self._names:
            return {}
        believed = beliefs(self.book.belief(underlying, regime), self._names)
        weights = floored(believed, self._ensemble.weighing.floor)
        return dict(zip(self._names, weights.tolist(), strict=True))

    def due(self, step: Step) -> None:
        """Score what waits, and ask for a calibration of each board that has quotes to fit.

        The regime is told first: forecasts belong to the one they are made in.
        """
        self.look(step)
        settings = self._ensemble.calibration
        for underlying in sorted(self._market.rates()):
            board = self._market.board(underlying)
            if not len(board):
                continue
            waits = self._score(board, step)
            cleaned = surface(board, settings)
            if waits:
                cleaned = msgspec.structs.replace(cleaned, targets=())
            if len(cleaned.vol) < QUOTES_MIN:
                step.record(_skipped(board, len(cleaned.vol), cleaned.excluded))
                continue
            fitted = self.book.fitted
            starts = {
                name: fitted[(underlying, name)].parameters
                for name in self._names
                if (underlying, name) in fitted
            }
            step.requests.append(CalibrationNeeded(cleaned, self._names, starts))

    def take(self, event: ModelCalibrated, step: Step) -> None:
        """Adopt what a model was fitted to; what is older than what is known changes nothing."""
        last = self.book.last.get((event.underlying, event.model))
        if event.model not in self._names or (last and event.quoted_at <= last.quoted_at):
            return
        step.record(_sound(event))

    def _score(self, board: Board, step: Step) -> bool:
        """Hold forecasts that are old enough against what quotes say now; tell if they are not.

        Those that meet no quote any more are given up: the next calibration makes new ones.
        """
        waiting = self.book.rounds.get(board.underlying)
        settings = self._ensemble.calibration
        age = settings.score_after_minutes * MINUTE
        if waiting is None:
            return False
        if board.at - waiting.quoted_at < age:
            return True
        observed = _met(board, waiting, settings)
        if observed:
            step.record(self._judged(board.underlying, waiting, observed))
        return False

    def _judged(
        self, underlying: str, waiting: Round, observed: tuple[Observed, ...]
    ) -> WeightsAdopted:
        """Count what each model lost on options that were seen again, and move beliefs."""
        weighing = self._ensemble.weighing
        losses: dict[str, float] = {}
        scored: list[ForecastScore] = []
        for name in self._names:
            said = waiting.said.get(name)
            forecasts = said.forecasts if said is not None and not said.reason else {}
            losses[name] = lost(forecasts, observed, weighing.full_error)
            scored += scores(name, forecasts, observed)
        belief = self._moved(underlying, waiting.regime, losses)
        weights = floored(beliefs(belief, self._names), weighing.floor)
        return WeightsAdopted(
            underlying=underlying,
            regime=waiting.regime,
            quoted_at=waiting.quoted_at,
            losses=losses,
            belief=belief,
            weights=dict(zip(self._names, weights.tolist(), strict=True)),
            scores=tuple(scored),
            options=len(observed),
            rate=weighing.learning_rate,
            share=weighing.share,
            floor=weighing.floor,
        )

    def _moved(
        self, underlying: str, regime: Regime | None, losses: dict[str, float]
    ) -> dict[str, float]:
        """Move the beliefs of a regime; unknown regimes teach nothing: all stay equal."""
        before = beliefs(self.book.belief(underlying, regime), self._names)
        if regime is None:
            return dict(zip(self._names, before.tolist(), strict=True))
        weighing = self._ensemble.weighing
        row = np.array([losses[name] for name in self._names])
        after = fixed_share(before, row, rate=weighing.learning_rate, share=weighing.share)
        return dict(zip(self._names, after.tolist(), strict=True))

    def _believed(self, underlying: str, regime: Regime | None, at: int) -> list[Believed]:
        """List the models whose last calibration succeeded and is young enough."""
        weights = self.weights(underlying, regime)
        oldest = at - self.believed_for
        found = []
        for model in self._ensemble.models:
            last = self.book.last.get((underlying, model.name))
            if last is not None and not last.reason and last.quoted_at >= oldest:
                found.append(Believed(model, last.parameters, last.error, weights[model.name]))
        return found

    def _observed(self, underlying: str) -> Observation | None:
        """Tell what the hours that have closed say; None where none ever did."""
        watch = self._heard(underlying)
        if not watch.heard_until:
            return None
        known = self._seen.get(underlying)
        if known is None or known[0] != watch.heard_until:
            known = self._seen[underlying] = (watch.heard_until, watch.seen())
        return known[1]

    def _heard(self, underlying: str) -> RegimeWatch:
        """Hear the hours that have closed since."""
        watch = self._watches.setdefault(underlying, RegimeWatch())
        for event, at in self._loaded.pop(underlying, ()):
            _load(watch, event, at)
            self._seen.pop(underlying, None)
        for opened_at, close in self._market.bars.since(underlying, watch.heard_until):
            watch.close(opened_at, close)
        return watch


def _load(watch: RegimeWatch, event: HistoryLoaded, at: int) -> None:
    """Let a watch read the hours of a history that had closed when it came."""
    bars = event.bars
    closed = bisect.bisect_right(bars.opened_at, at - HOUR)
    watch.load(bars.opened_at[:closed], bars.close[:closed])


def _met(board: Board, waiting: Round, settings: CalibrationSettings) -> tuple[Observed, ...]:
    """Find what quotes say now of the options that were forecast."""
    targets = dict.fromkeys(name for said in waiting.said.values() for name in said.targets)
    quotes = clean(board, settings)
    columns = zip(
        quotes.row.tolist(), quotes.vol.tolist(), quotes.deviation.tolist(), quotes.years.tolist(),
        strict=True,
    )  # fmt: skip
    named = ((board.instruments[row].name, *numbers) for row, *numbers in columns)
    return tuple(Observed(*one) for one in named if one[0] in targets)


def _sound(event: ModelCalibrated) -> ModelCalibrated:
    """Keep facts writable: what holds a number that is none was not calibrated."""
    numbers = (*event.parameters, event.error, event.took_s, *event.forecasts.values())
    fits = [number for one in event.expiries for number in (one.years, one.error)]
    if all(math.isfinite(one) for one in (*numbers, *fits)):
        return event
    reason = f"parameters {event.parameters} with error {event.error}, or a forecast, is no number"
    return msgspec.structs.replace(
        event, parameters=(), error=0.0, expiries=(), forecasts={}, took_s=0.0,
        reason=(event.reason or reason)[:REASON_LENGTH_MAX],
    )  # fmt: skip


def _skipped(board: Board, usable: int, excluded: dict[str, int]) -> AlertRaised:
    why = ", ".join(f"{name} {count}" for name, count in sorted(excluded.items()))
    text = f"{board.underlying}: {usable} of {len(board)} quotes can be fitted ({why})"
    return AlertRaised(kind="calibration_skipped", severity="warning", text=text[:500])
