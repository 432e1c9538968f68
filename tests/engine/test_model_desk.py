"""Are models asked, scored and believed as decided, whatever one of them does? Real ones, planted
ones, through the real engine."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest

from tests.builders import NOW, hourly_bars
from tests.engine.floor import CALL, COVERED, wish
from tests.engine.modelled import STALLED, Five, ModelFloor, Nan, Stalls, calm_bars
from trader.domain.events import HistoryLoaded
from trader.domain.facts import AlertRaised
from trader.domain.models import ModelCalibrated, RegimeChanged, WeightsAdopted
from trader.domain.units import HOUR, MINUTE
from trader.engine.model_desk import Ensemble
from trader.engine.outcome import CalibrationNeeded, OutcomeDigest
from trader.pricing.calibration import QUOTES_MIN
from trader.pricing.ensemble import EnsembleSettings
from trader.pricing.models import BlackScholes, Heston, Merton

if TYPE_CHECKING:
    from trader.pricing.model import PricingModel


def regimes(floor: ModelFloor) -> list[RegimeChanged]:
    """List the changes of regime that were told of the coin with a board."""
    told = [one.fact for one in floor.records if isinstance(one.fact, RegimeChanged)]
    return [one for one in told if one.underlying == "BTC"]


def test_a_regime_is_told_once_and_every_verdict_states_it() -> None:
    """Calm after history; told at the next sweep, not again; a verdict carries regime and why."""
    floor = ModelFloor()
    floor.pass_time(2 * MINUTE)
    (told,) = regimes(floor)
    assert (told.underlying, told.regime) == ("BTC", "Calm")
    floor.pass_time(3 * HOUR)
    assert len(regimes(floor)) == 1
    (verdict,) = floor.ask(wish(COVERED)).verdicts
    assert verdict.regime.startswith("Calm: volatility of 7 days")


def test_a_crash_is_a_crisis_within_the_hour() -> None:
    """A fall of 30 % within an hour: as soon as it closes the regime changes, with the numbers."""
    floor = ModelFloor()
    floor.pass_time(2 * MINUTE)
    floor.move(62_000.0)
    floor.pass_time(HOUR)
    floor.pass_time(2 * MINUTE)
    crisis = regimes(floor)[-1]
    assert crisis.regime == "Crisis"
    assert "below the highest close of 7 days" in crisis.reason


def test_little_history_is_an_unknown_regime_and_equal_weights() -> None:
    """Under 60 days: no regime, its reason says so, no belief moves, every weight is the same."""
    floor = ModelFloor(history=False)
    floor.send(calm_bars(NOW, days=20))
    floor.rounds(3)
    assert [one.regime for one in regimes(floor)] == [None]
    assert "60 are needed" in regimes(floor)[0].reason
    (verdict,) = floor.ask(wish(COVERED)).verdicts
    assert verdict.regime.startswith("unknown: ")
    assert floor.adopted()
    for one in floor.adopted():
        assert one.regime is None
        assert one.weights == {"black_scholes": 0.5, "merton": 0.5}
    assert floor.engine.models.book.beliefs == {}


def test_a_calibration_is_asked_for_on_time_with_the_last_parameters() -> None:
    """Seven minutes past the hour, from a board whose quotes are sound; the next starts warm."""
    floor = ModelFloor()
    floor.pass_time(7 * MINUTE)
    (asked,) = [one for one in floor.requests if isinstance(one, CalibrationNeeded)]
    assert asked.models == ("black_scholes", "merton")
    assert asked.starts == {}
    assert asked.surface.quoted_at == NOW + 7 * MINUTE
    assert len(asked.surface.vol) >= 15
    assert np.array(asked.surface.vol) == pytest.approx(0.8, abs=0.02)
    assert asked.surface.excluded["in_the_money"] > 0
    floor.answer()
    assert [one.reason for one in floor.said()] == ["", ""]
    fitted = floor.said()[0]
    assert fitted.parameters == pytest.approx((0.8,), abs=0.01)
    assert len(fitted.forecasts) == len(asked.surface.targets) > 0
    floor.pass_time(HOUR)
    again = [one for one in floor.requests if isinstance(one, CalibrationNeeded)][-1]
    assert again.starts["black_scholes"] == fitted.parameters


def test_one_that_is_five_points_off_loses_its_weight() -> None:
    """Loss one half each hour: after twenty it is down to the floor, with its bias in the table."""
    floor = ModelFloor(BlackScholes(), Merton(), Five())
    floor.rounds(21)
    first, last = floor.adopted()[0], floor.adopted()[-1]
    assert first.losses["five_points_off"] == pytest.approx(0.5, abs=0.05)
    assert max(first.losses["black_scholes"], first.losses["merton"]) < 0.1
    assert last.weights["five_points_off"] < 0.03
    assert sum(last.weights.values()) == pytest.approx(1.0)
    table = floor.engine.models.book.accuracy["BTC"]
    off = [one for bucket, one in table.items() if bucket[0] == "five_points_off"]
    assert sum(one.options for one in off) >= 100
    assert all(one.bias == pytest.approx(0.05, abs=0.02) for one in off)
    sound = [one for bucket, one in table.items() if bucket[0] == "black_scholes"]
    assert all(abs(one.bias) < 0.02 for one in sound)
    assert all(bucket[1] == "Calm" for bucket in table)
    assert floor.audit() == ()


@pytest.mark.parametrize("planted", [Nan(), Stalls()])
def test_one_that_fails_loses_all_and_has_no_say(planted: PricingModel) -> None:
    """NaN or a killed worker: a reason in the journal, loss 1, the floor, and no value of its."""
    floor = ModelFloor(BlackScholes(), Merton(), planted)
    floor.rounds(6)
    reasons = {one.reason for one in floor.said() if one.model == planted.name}
    expected = STALLED if isinstance(planted, Stalls) else "forecasts is a number"
    assert all(expected in one for one in reasons)
    assert reasons
    assert {one.losses[planted.name] for one in floor.adopted()} == {1.0}
    assert floor.adopted()[-1].weights[planted.name] < 0.03
    board = floor.engine.market.board("BTC")
    worth = floor.engine.models.view(board).worth(COVERED)
    assert worth is not None
    assert set(worth.alone) == {"black_scholes", "merton"}
    assert floor.audit() == ()


def test_a_model_comes_back_once_it_is_fitted_again() -> None:
    """No say while its last word is a failure; what was believed of it is kept, and grows again."""
    floor = ModelFloor()
    floor.rounds(2)
    said = floor.said()[-1]
    broken = msgspec.structs.replace(
        said, quoted_at=floor.at, parameters=(), forecasts={}, targets=(), reason="no"
    )
    floor.send(broken)
    view = floor.engine.models.view
    worth = view(floor.engine.market.board("BTC")).worth(COVERED)
    assert worth is not None
    assert set(worth.alone) == {"black_scholes"}
    floor.rounds(1)
    worth = view(floor.engine.market.board("BTC")).worth(COVERED)
    assert worth is not None
    assert set(worth.alone) == {"black_scholes", "merton"}


def test_old_parameters_value_nothing() -> None:
    """Three periods without a calibration: what a structure is worth is unknown, not guessed."""
    floor = ModelFloor()
    floor.rounds(1)
    board = floor.engine.market.board
    assert floor.engine.models.view(board("BTC")).worth(COVERED) is not None
    for _ in range(4):
        floor.pass_time(HOUR)
    assert floor.engine.models.view(board("BTC")).worth(COVERED) is None


@pytest.mark.parametrize("wrong", [math.nan, math.inf])
def test_an_answer_that_holds_no_number_is_no_calibration(wrong: float) -> None:
    """The journal holds finite numbers only: such an answer is kept as a reason."""
    floor = ModelFloor()
    floor.rounds(1)
    for changes in (
        {"parameters": (wrong,)},
        {"error": wrong},
        {"forecasts": {CALL: wrong}},
        {"took_s": wrong},
    ):
        floor.at += 1
        answer = msgspec.structs.replace(floor.said()[0], quoted_at=floor.at, **changes)
        floor.send(answer)
        kept = floor.said()[-1]
        assert "no number" in kept.reason
        assert (kept.parameters, kept.forecasts, kept.error) == ((), {}, 0.0)


def test_answers_of_strangers_and_of_the_past_change_nothing() -> None:
    """A model that takes no part, or an answer no newer than the last, is no fact."""
    floor = ModelFloor()
    floor.rounds(1)
    known = floor.said()
    assert floor.send(known[0]).facts == ()
    assert floor.send(msgspec.structs.replace(known[0], quoted_at=floor.at, model="x")).facts == ()


def test_a_board_without_quotes_is_skipped_and_said_so() -> None:
    """Stale quotes teach nothing: an alert counts why, no model loses for it."""
    floor = ModelFloor()
    floor.pass_time(7 * MINUTE, show=False)
    skipped = [one.fact for one in floor.records if isinstance(one.fact, AlertRaised)]
    assert [one.kind for one in skipped] == ["calibration_skipped"]
    assert f"BTC: 0 of {len(floor.engine.market.board('BTC'))} quotes" in skipped[0].text
    assert "stale" in skipped[0].text
    assert not [one for one in floor.requests if isinstance(one, CalibrationNeeded)]
    assert QUOTES_MIN > 0


def test_forecasts_wait_until_they_are_old_enough() -> None:
    """With calibrations every hour and scores after 45 minutes each is held against the next."""
    floor = ModelFloor()
    floor.rounds(5)
    quoted = [one.quoted_at for one in floor.said() if one.model == "merton"]
    assert [one.quoted_at for one in floor.adopted()] == quoted[:4]
    slow = ModelFloor(
        ensemble=Ensemble(
            models=(BlackScholes(), Merton()),
            calibration=Ensemble().calibration.model_copy(update={"score_after_minutes": 150}),
        )
    )
    slow.rounds(8)
    quoted = [one.quoted_at for one in slow.said() if one.model == "merton"]
    assert [one.quoted_at for one in slow.adopted()] == [quoted[0], quoted[3]]


def test_recovery_and_replay_bring_everything_back() -> None:
    """A killed engine folds the same book; the same inputs decide the same again, to the byte."""
    floor = ModelFloor(BlackScholes(), Heston(), Five())
    floor.rounds(4)
    floor.ask(wish(COVERED))
    before = floor.engine.models.book
    again = ModelFloor(BlackScholes(), Heston(), Five())
    digests = []
    for one in (floor, again):
        fresh = one.make_engine()
        digest = OutcomeDigest()
        digest.add(fresh.start(floor.records[0].fact, floor.balances, NOW))  # type: ignore[arg-type]
        for stamped in floor.inputs:
            digest.add(fresh.process(stamped))
        digests.append(digest.hexdigest())
    assert digests[0] == digests[1]
    seen = floor.engine.models.seen("BTC")
    floor.with_history = False
    floor.restart()
    after = floor.engine.models.book
    assert after is not before
    for name in ("regimes", "last", "fitted", "rounds", "beliefs", "adopted", "accuracy"):
        assert getattr(after, name) == getattr(before, name), name
    assert floor.engine.models.seen("BTC").regime == seen.regime == "Calm"


def test_looking_on_tells_who_is_believed_and_moves_nothing() -> None:
    """A page sees regime and models as they stand; an engine that is watched decides the same."""
    told = []
    for watched in (False, True):
        floor = ModelFloor(BlackScholes(), Five())
        seen = []
        for _ in range(6):
            floor.pass_time(HOUR)
            floor.answer()
            if watched:
                seen.append(floor.engine.models.now(floor.engine.market.board("BTC")))
        told.append(floor.records)
        if watched:
            observation, believed = seen[-1]
            assert observation.regime == "Calm"
            assert [one.model.name for one in believed] == ["black_scholes", "five_points_off"]
    assert told[0] == told[1]


def test_without_an_ensemble_nothing_is_asked_and_the_market_is_still_told() -> None:
    """The basic daemon: no calibration, no weight, no value; regimes in every verdict."""
    floor = ModelFloor(ensemble=Ensemble(weighing=EnsembleSettings(enabled=False)))
    floor.pass_time(3 * HOUR)
    assert not floor.requests
    assert not floor.said()
    assert [one.regime for one in regimes(floor)] == ["Calm"]
    view = floor.engine.models.view(floor.engine.market.board("BTC"))
    assert view.worth(COVERED) is None
    assert view.seen.regime == "Calm"
    (verdict,) = floor.ask(wish(COVERED)).verdicts
    assert verdict.regime.startswith("Calm: ")


def test_history_that_closes_later_is_not_known_yet() -> None:
    """Hours beyond now say nothing of now: a crash that is still to come is no crisis."""
    floor = ModelFloor(history=False)
    calm = calm_bars(NOW).bars
    crash = hourly_bars(
        [*calm.close, *(0.5 * np.array(calm.close[-24:])).tolist()], NOW + 24 * HOUR
    )
    floor.send(HistoryLoaded("BTC", crash))
    assert floor.engine.models.seen("BTC").regime == "Calm"


def test_what_a_model_says_reads_back_from_the_journal() -> None:
    """An answer keeps every field through its JSON, as fact and as event."""
    floor = ModelFloor()
    floor.rounds(1)
    for said in floor.said():
        assert msgspec.json.decode(msgspec.json.encode(said), type=ModelCalibrated) == said


def test_an_auditor_recomputes_every_weight() -> None:
    """Beliefs that do not follow from losses, or losses that are none, are violations."""
    floor = ModelFloor()
    floor.rounds(3)
    place = max(
        row for row, one in enumerate(floor.records) if isinstance(one.fact, WeightsAdopted)
    )
    sound = floor.records[place]
    adopted = floor.adopted()[-1]
    assert floor.audit() == ()
    for changes, says in (
        ({"weights": {"black_scholes": 0.9, "merton": 0.1}}, "were adopted, due was"),
        ({"losses": {"black_scholes": 1.5, "merton": 0.1}}, "losses"),
        ({"losses": {"merton": 0.1}}, "losses"),
        ({"belief": {"merton": 1.0}}, "losses"),
    ):
        wrong = msgspec.structs.replace(adopted, **changes)
        floor.records[place] = msgspec.structs.replace(sound, fact=wrong)
        (found,) = floor.audit()
        assert says in found
