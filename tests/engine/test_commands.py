"""What people ask for: journaled as given, carried out, or answered by an alert."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.engine.floor import CALL_LATER, COVERED, TODAY, VERTICAL, Floor, wish
from trader.domain.events import (
    ClosePosition,
    Demote,
    FlattenAll,
    NightEvaluated,
    NightVerdict,
    PauseTrading,
    Promote,
    ResumeTrading,
    RunNightly,
    StageChanged,
)
from trader.domain.facts import CommandTaken
from trader.domain.trading import Leg, Pricing
from trader.domain.units import DAY, HOUR, MINUTE, SECOND
from trader.engine.outcome import NightNeeded
from trader.risk.limits import RiskSettings

if TYPE_CHECKING:
    from trader.domain.trading import Stage

ANN: dict[str, Any] = {"by": "ann", "reason": "news"}


def two_strategies() -> Floor:
    """Start a floor with two strategies, nothing held."""
    floor = Floor(stages={"alpha": "PRODUCTION", "beta": "PRODUCTION"})
    floor.told()
    return floor


def test_a_pause_of_all_stops_opens_over_a_restart_and_a_resume_ends_it() -> None:
    """Opens are refused with who paused and why; closes pass; a restart forgets nothing."""
    floor = two_strategies()
    chain = floor.trade(wish())
    floor.told()
    floor.send(PauseTrading(**ANN))
    floor.restart()
    floor.told()
    outcome = floor.ask(wish(VERTICAL), wish(action="close", chain_id=chain.id))
    assert floor.told() == [
        "refused open of alpha: paused", "approved close 1 of alpha", "placed close 1 on main",
    ]  # fmt: skip
    assert "ann: news" in outcome.verdicts[0].explanation  # type: ignore[union-attr]
    floor.send(ResumeTrading(by="bob", reason="over"))
    floor.ask(wish(VERTICAL))
    assert floor.told() == [
        "command ResumeTrading", "approved open 1 of alpha", "placed open 1 on main",
    ]  # fmt: skip


def test_a_pause_of_one_strategy_leaves_the_others_alone() -> None:
    """Only the named one is refused; resuming it leaves a pause of all in force."""
    floor = two_strategies()
    floor.send(PauseTrading(**ANN, strategy="alpha"))
    floor.ask(wish())
    floor.ask(wish(strategy="beta"), by="beta")
    assert floor.told() == [
        "command PauseTrading",
        "refused open of alpha: paused",
        "approved open 1 of beta",
        "placed open 1 on main",
    ]
    floor.send(PauseTrading(**ANN))
    floor.send(ResumeTrading(**ANN, strategy="alpha"))
    floor.told()
    floor.ask(wish())
    assert floor.told() == ["refused open of alpha: paused"]


def test_closing_one_chain_closes_that_one_at_what_is_displayed() -> None:
    """A person's close is an urgent one and replaces a resting take profit."""
    floor = two_strategies()
    first = floor.trade(wish(amount=0.5))
    second = floor.trade(wish(VERTICAL, amount=0.5))
    resting = Pricing(limit_net=0.0005, lifetime=6 * HOUR)
    floor.ask(wish(action="close", chain_id=first.id, pricing=resting, amount=None))
    floor.told()
    floor.send(ClosePosition(**ANN, chain_id=first.id))
    floor.pass_time(SECOND)
    assert floor.told() == [
        "command ClosePosition",
        "ended canceled",
        "approved close 0.5 of alpha",
        "placed close 0.5 on main",
        "filled 0.5",
        "ended filled",
        "chain closed",
    ]
    assert floor.chains() == [second]


def test_flatten_cancels_and_closes_everything_and_pauses() -> None:
    """Opens, take profits, shadow chains too: afterwards nothing is held and nothing may open."""
    floor = Floor(stages={"alpha": "PRODUCTION", "shade": "RESEARCH"})
    first = floor.trade(wish(amount=0.5))
    floor.trade(wish(strategy="shade"), by="shade")
    floor.ask(
        wish(VERTICAL, pricing=Pricing(limit_net=-0.5, lifetime=6 * HOUR)),
        wish(
            action="close",
            chain_id=first.id,
            amount=None,
            pricing=Pricing(limit_net=0.0005, lifetime=6 * HOUR),
        ),
    )
    floor.told()
    floor.send(FlattenAll(**ANN))
    assert floor.told() == [
        "command FlattenAll",
        "ended flattened",
        "ended canceled",
        "approved close 0.5 of alpha",
        "placed close 0.5 on main",
        "approved close 1 of shade",
        "placed close 1 on shadow:shade",
    ]
    floor.pass_time(SECOND)
    assert not floor.chains()
    assert not floor.engine.ledger.orders
    floor.told()
    floor.ask(wish())
    assert floor.told() == ["refused open of alpha: paused"]
    assert floor.audit() == ()


def test_flatten_waits_for_quotes_instead_of_giving_up() -> None:
    """Without a market the closes rest for days; the first believable quote fills them."""
    floor = two_strategies()
    floor.trade(wish((Leg(CALL_LATER, -1),)))
    floor.pass_time(MINUTE, show=False)
    floor.send(FlattenAll(**ANN))
    floor.told()
    floor.pass_time(10 * HOUR, show=False)
    assert not [one for one in floor.told() if not one.startswith("alert decision_skipped")]
    floor.pass_time(SECOND)
    assert floor.told()[-1] == "chain closed"


def test_flatten_leaves_what_only_waits_for_its_delivery_price() -> None:
    """An expired leg cannot be traded: it is left to its settlement, without a refusal."""
    floor = two_strategies()
    floor.trade(wish())
    floor.go_to(TODAY)
    floor.told()
    floor.send(FlattenAll(**ANN))
    assert floor.told() == ["command FlattenAll"]


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (PauseTrading(**ANN, strategy="gamma"), "strategy 'gamma' is not configured"),
        (ResumeTrading(**ANN, strategy="gamma"), "strategy 'gamma' is not configured"),
        (ClosePosition(**ANN, chain_id="C1-0"), "'C1-0' holds nothing"),
        (Promote(**ANN, strategy="gamma", stage="PILOT"), "'gamma' is not configured"),
        (Promote(**ANN, strategy="alpha", stage="PILOT"), "is at PRODUCTION: PILOT is not the way"),
        (Demote(**ANN, strategy="alpha", stage="PRODUCTION"), "is at PRODUCTION"),
    ],
)
def test_what_names_nothing_known_is_answered_by_an_alert(
    command: PauseTrading | ResumeTrading | ClosePosition | Promote | Demote, why: str
) -> None:
    """The command is journaled, refused in words, and changes nothing else."""
    floor = two_strategies()
    outcome = floor.send(command)
    assert outcome.facts[0] == CommandTaken(command)
    assert [one.kind for one in outcome.alerts] == ["command_refused"]
    assert why in outcome.alerts[0].text
    floor.told()
    floor.ask(wish())
    assert floor.told() == ["approved open 1 of alpha", "placed open 1 on main"]


def test_stages_move_by_command_with_name_and_reason() -> None:
    """Down and up again, each journaled with who and why; the size follows the stage."""
    floor = two_strategies()
    floor.send(Demote(**ANN, strategy="alpha", stage="PILOT"))
    quarter = floor.ask(wish(VERTICAL, amount=None)).verdicts[0]
    floor.send(Promote(**ANN, strategy="alpha", stage="PRODUCTION", override=True))
    full = floor.ask(wish(VERTICAL, amount=None)).verdicts[0]
    assert floor.told() == [
        "command Demote",
        "alpha at PILOT by ann",
        f"approved open {quarter.amount:g} of alpha",  # type: ignore[union-attr]
        f"placed open {quarter.amount:g} on main",  # type: ignore[union-attr]
        "command Promote",
        "alpha at PRODUCTION by ann",
        f"approved open {full.amount:g} of alpha",  # type: ignore[union-attr]
        f"placed open {full.amount:g} on main",  # type: ignore[union-attr]
    ]
    assert quarter.amount == pytest.approx(full.amount / 4, abs=0.1)  # type: ignore[union-attr]


def test_a_night_may_demote_what_runs_but_never_promote() -> None:
    """Another configuration's verdict is ignored; a way up without a person is refused."""
    floor = two_strategies()
    floor.ask(wish(VERTICAL, pricing=Pricing(limit_net=-0.5, lifetime=HOUR)))
    floor.told()
    floor.send(StageChanged("alpha", "PILOT", "night", "worst streak", "another hash"))
    floor.send(StageChanged("alpha", "PILOT", "night", "worst streak", "v1"))
    floor.send(StageChanged("alpha", "PRODUCTION", "night", "good again", "v1"))
    assert floor.told() == [
        "alert command_refused",
        "alpha at PILOT by night",
        "ended demoted",
        "alert command_refused",
    ]


def test_a_resume_forgives_the_loss_that_halted_at_once_and_a_new_loss_halts_again() -> None:
    """The halt counts from the moment of the resume, not from the last full hour before it."""
    risk = RiskSettings(
        max_risk_per_trade=0.2, max_risk_per_underlying=0.2, stop_loss_share=1.0,
        stress_spot_move=2.0,
    )  # fmt: skip
    floor = Floor(risk=risk)
    floor.trade(wish((Leg(CALL_LATER, -1),), amount=15.0))
    floor.told()
    floor.move(115_000.0)
    floor.pass_time(MINUTE)
    floor.pass_time(20 * MINUTE)
    assert floor.told() == ["daily_loss_halt begins on main"]
    floor.send(ResumeTrading(**ANN))
    floor.restart()
    floor.ask(wish(COVERED, amount=0.1))
    assert floor.told() == [
        "command ResumeTrading",
        "daily_loss_halt ends on main",
        "epoch 2",
        "approved open 0.1 of alpha",
        "placed open 0.1 on main",
    ]
    floor.move(140_000.0)
    floor.pass_time(MINUTE)
    assert "daily_loss_halt begins on main" in floor.told()
    assert floor.audit() == ()


def night(stage: Stage = "RESEARCH", date: str = "2026-11-20", **more: object) -> NightEvaluated:
    """Judge alpha."""
    verdict = {"strategy": "alpha", "configuration_hash": "v1", "stage": stage,
               "standing": "judged", "reason": "worst streak 9"} | more  # fmt: skip
    return NightEvaluated(date=date, profile="full", verdicts=(NightVerdict(**verdict),))  # type: ignore[arg-type]


def test_a_promotion_says_what_speaks_against_it() -> None:
    """Too few days, no judgment, a lower judgment: each is refused in words until overridden."""
    floor = Floor(stages={"alpha": "RESEARCH"})
    wanted = Promote(**ANN, strategy="alpha", stage="PILOT")
    assert "0 of 60 days" in floor.send(wanted).alerts[0].text
    floor.pass_time(61 * DAY)
    assert "no night has judged it" in floor.send(wanted).alerts[0].text
    floor.send(night("RESEARCH"))
    assert "says RESEARCH: worst streak 9" in floor.send(wanted).alerts[0].text
    floor.send(night("PILOT", "2026-11-21"))
    floor.told()
    floor.send(wanted)
    assert floor.told() == ["command Promote", "alpha at PILOT by ann"]


def test_a_strategy_falls_after_as_many_failing_nights_as_configured() -> None:
    """The first warns, the second demotes as far as the judgment goes; its opens end."""
    floor = two_strategies()
    floor.ask(wish(VERTICAL, pricing=Pricing(limit_net=-0.5, lifetime=HOUR)))
    floor.told()
    warned = floor.send(night())
    assert "night 1 of 2 below PRODUCTION: worst streak 9" in warned.alerts[0].text
    assert floor.told() == ["night of 2026-11-20", "alert night_warning"]
    fallen = floor.send(night(date="2026-11-21"))
    change = fallen.facts[1]
    assert isinstance(change, StageChanged)
    assert (change.stage, change.by) == ("RESEARCH", "night")
    assert change.reason == "night of 2026-11-21: worst streak 9 (2 nights in a row)"
    assert floor.told() == ["night of 2026-11-21", "alpha at RESEARCH by night", "ended demoted"]


def test_a_night_is_taken_once() -> None:
    """The same night again, or one from before, changes nothing: no double demotion."""
    floor = two_strategies()
    floor.send(night(live_divergence="paper left the band"))
    floor.told()
    for date in ("2026-11-20", "2026-11-19"):
        assert "is taken already" in floor.send(night(date=date)).alerts[0].text
    assert floor.told() == ["alert command_refused"] * 2
    assert floor.engine.ledger.stages["alpha"].stage == "PILOT"


def test_nights_survive_a_restart() -> None:
    """Failing nights are counted from facts: the second one after a restart demotes."""
    floor = two_strategies()
    floor.send(night("PILOT"))
    floor.restart()
    floor.told()
    floor.send(night("PILOT", "2026-11-21"))
    assert floor.told() == ["night of 2026-11-21", "alpha at PILOT by night"]


def test_a_judgment_of_another_configuration_counts_not() -> None:
    """What the night judged is not what runs: said, and nothing else."""
    floor = two_strategies()
    told = floor.send(night(configuration_hash="v0", live_divergence="out"))
    assert "alpha is configured otherwise now" in told.alerts[0].text
    assert floor.engine.ledger.stages["alpha"].stage == "PRODUCTION"


def test_strategies_that_share_a_reason_share_an_alert() -> None:
    """A night that failed whole is one alert that names them all, not one each."""
    floor = two_strategies()
    verdicts = tuple(
        NightVerdict(
            strategy=name, configuration_hash="v1", stage="RESEARCH", standing="failed",
            reason="the night ended with code 1",
        )
        for name in ("alpha", "beta")
    )  # fmt: skip
    told = floor.send(NightEvaluated(date="2026-11-20", profile="full", verdicts=verdicts))
    (alert,) = told.alerts
    assert (alert.kind, alert.strategy) == ("night_warning", None)
    assert alert.text == "alpha, beta: the night ended with code 1"


def test_a_person_may_ask_for_a_night() -> None:
    """The request leaves with the date asked for."""
    outcome = two_strategies().send(RunNightly(**ANN, date="2026-11-19"))
    assert outcome.requests == (NightNeeded("2026-11-19", by_hand=True),)


@pytest.mark.parametrize(
    ("day", "why"),
    [
        ("soon", "'soon' is no day: write YYYY-MM-DD"),
        ("2099-01-01", "the day 2099-01-01 is not over yet"),
        ("", "'' is no day"),
    ],
)
def test_a_night_that_cannot_be_judged_is_not_asked_for(day: str, why: str) -> None:
    """Nothing leaves for a day that is none, or not over: its failure would cost stages."""
    outcome = two_strategies().send(RunNightly(**ANN, date=day))
    assert not outcome.requests
    assert [alert.kind for alert in outcome.alerts] == ["command_refused"]
    assert why in outcome.alerts[0].text


def test_a_night_that_is_taken_is_not_judged_again() -> None:
    """The night that counts stays; a later day may be asked for."""
    floor = two_strategies()
    floor.send(NightEvaluated(date="2026-11-19", profile="full", verdicts=()))
    outcome = floor.send(RunNightly(**ANN, date="2026-11-19"))
    assert not outcome.requests
    assert "the night of 2026-11-19 is taken already" in outcome.alerts[0].text
