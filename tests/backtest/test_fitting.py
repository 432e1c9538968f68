"""Are models fitted to the first board of each period, and do their answers come at once?"""

from __future__ import annotations

from tests.backtest.pasts import chains, day
from trader.backtest.fitting import Calibrations
from trader.domain.events import BoardSnapshot, Event, Stamped
from trader.domain.facts import EpochOpened
from trader.domain.models import ModelCalibrated
from trader.domain.units import HOUR, SECOND
from trader.engine.engine import Engine, EngineSettings
from trader.engine.model_desk import Ensemble
from trader.engine.outcome import Outcome
from trader.engine.paper_broker import BrokerSettings
from trader.pricing.board_quotes import CalibrationSettings
from trader.pricing.models import BlackScholes
from trader.risk.limits import RiskSettings


def run(models: Ensemble, days: int = 2) -> tuple[list[int], list[ModelCalibrated]]:
    """Show boards, an hour apart; return when they were due, and all answers."""
    history = chains(10)
    settings = EngineSettings(quote_age_s_max=HOUR / SECOND)
    engine = Engine([], RiskSettings(), BrokerSettings(), settings, ensemble=models)
    epoch = EpochOpened(
        epoch=1, feed="backtest", speed=1.0, market="test", software="", configuration_hash="x"
    )
    engine.start(epoch, {}, day(2))
    found: list[ModelCalibrated] = []

    def give(event: Event, at: int) -> Outcome:
        outcome = engine.process(Stamped(engine.sequence + 1, at, event))
        found.extend(one for one in outcome.facts if isinstance(one, ModelCalibrated))
        return outcome

    calibrations, due = Calibrations(engine, models, day(2)), []
    for at, event in history.events(day(2), day(2 + days)):
        give(event, at)
        if isinstance(event, BoardSnapshot) and calibrations.due(at):
            due.append(at)
            calibrations.run(at, give)
            assert not calibrations.due(at)
    return due, found


def test_each_period_has_one_fit_to_its_first_board() -> None:
    """Six hours from midnight; the next fit starts from the last one's parameters."""
    models = Ensemble((BlackScholes(),), calibration=CalibrationSettings(every_minutes=360))
    due, answers = run(models)
    assert due == [day(2) + number * 6 * HOUR for number in range(8)]
    assert [one.quoted_at for one in answers] == due
    assert {(one.model, one.reason) for one in answers} == {("black_scholes", "")}
    assert all(0.3 < one.parameters[0] < 0.9 for one in answers)


def test_without_models_nothing_is_ever_due() -> None:
    """No timer, no answer."""
    assert run(Ensemble(), days=1) == ([], [])
