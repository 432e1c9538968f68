"""Is new risk held back where trades were made badly, and only there, and only for a while?"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.engine.books import dump, recovered
from tests.engine.floor import CALL_LATER, TODAY, VERTICAL, Floor, wish
from trader.behavior.settings import BehaviorSettings
from trader.domain.events import (
    DeliveryPrice,
    Demote,
    NightEvaluated,
    PauseTrading,
    Promote,
    ResumeTrading,
    TraderProfile,
)
from trader.domain.facts import BehaviorJudged, CommandTaken, Recorded
from trader.domain.trading import Approved, Leg, Pricing, Refused, Verdict
from trader.domain.units import DAY, HOUR, MINUTE, SECOND
from trader.engine.chains import Chain
from trader.risk.limits import RiskSettings

RISK = RiskSettings(
    max_risk_per_trade=0.02, max_risk_per_underlying=0.5, max_new_trades_per_day=50,
    max_open_positions_per_strategy=50,
)  # fmt: skip
NEXT_DAY = TODAY // DAY * DAY
ANN: dict[str, Any] = {"by": "ann", "reason": "looked at it"}


def watched(**given: Any) -> Floor:
    """Make a floor whose behavior is watched; no limit of the gate is near."""
    return Floor(behavior=BehaviorSettings(), **({"risk": RISK} | given))


def lose(
    floor: Floor, amount: float | None = 0.2, *, wait: int = MINUTE, by: str = "alpha"
) -> None:
    """Open and close at once, which costs the spread and two fees; then let time pass."""
    close(floor, floor.trade(wish(amount=amount, strategy=by), by=by))
    floor.pass_time(wait)


def close(floor: Floor, chain: Chain) -> None:
    """Close a chain at what is displayed."""
    floor.ask(
        wish((), action="close", chain_id=chain.id, amount=None, strategy=chain.strategy),
        occasion="manage", by=chain.strategy,
    )  # fmt: skip
    floor.pass_time(SECOND)


def asked(floor: Floor, amount: float | None = 1.0, **changes: Any) -> Verdict:
    """Ask for a trade and return what the gate said."""
    (verdict,) = floor.ask(wish(amount=amount, **changes)).verdicts
    return verdict


def judged(floor: Floor) -> list[tuple[str | None, list[str], float]]:
    """List who was judged, for what, and what was left of new risk."""
    return [
        (
            one.fact.strategy,
            [alert.type for alert in one.fact.alerts if alert.fresh],
            round(one.fact.multiplier, 6),
        )
        for one in floor.records
        if isinstance(one.fact, BehaviorJudged)
    ]


def size_of(verdict: Verdict) -> float:
    """Tell how much was approved."""
    assert isinstance(verdict, Approved), verdict
    return verdict.amount


def test_doubling_soon_after_a_loss_shrinks_and_pauses_that_strategy() -> None:
    """The seed's x 0.3 at once; nothing more of that strategy until midnight, others go on."""
    floor = watched(stages={"alpha": "PRODUCTION", "beta": "PRODUCTION"})
    lose(floor)
    assert judged(floor) == []
    doubled = floor.trade(wish(amount=0.4))
    assert judged(floor) == [("alpha", ["REVENGE_TRADING"], 0.3)]
    refusal = asked(floor)
    assert isinstance(refusal, Refused)
    assert (refusal.rule, refusal.frees_at) == ("paused_by_behavior", NEXT_DAY)
    assert "alpha, REVENGE_TRADING: until 2026-11-21T00:00:00Z, or `trader resume alpha`" in (
        refusal.explanation
    )
    close(floor, doubled)
    assert floor.engine.ledger.chains == {}, "closes are never held back"
    (others,) = floor.ask(wish(strategy="beta"), by="beta").verdicts
    assert (size_of(others), others.restraint.multiplier if others.restraint else 0) == (1.0, 1.0)


def test_after_midnight_it_opens_smaller_and_grows_back_by_halves() -> None:
    """Six hours after x 0.3 a half-life of 12 h left 1 - .7 / sqrt 2; sizes follow on the step."""
    floor = watched()
    lose(floor)
    floor.trade(wish(amount=0.4))
    at = floor.at
    floor.go_to(NEXT_DAY)
    verdict = asked(floor, 2.0)
    restraint = verdict.restraint
    assert restraint is not None
    assert restraint.paused_until is None
    assert restraint.multiplier == pytest.approx(1 - 0.7 * 0.5 ** ((NEXT_DAY - at) / (12 * HOUR)))
    assert size_of(verdict) == 1.0  # 2 x 0.505, on a step of 0.1
    assert restraint.reason.startswith("alpha x 0.505 (was x 0.3 by REVENGE_TRADING at 2026-11-20T")
    floor.go_to(NEXT_DAY + 3 * DAY)
    later = asked(floor, 2.0).restraint
    assert later is not None
    assert (later.multiplier, later.reason) == (1.0, "no alert stands")


def test_a_streak_halves_and_the_next_loss_halves_again_from_where_it_was() -> None:
    """Slow doubling is no revenge; three losses in a row are a streak, and a fourth is news."""
    floor = watched()
    for amount in (0.1, 0.2, 0.4):
        lose(floor, amount, wait=40 * MINUTE)
    assert judged(floor) == [("alpha", ["LOSS_STREAK"], 0.5), (None, ["LOSS_STREAK"], 0.5)]
    assert size_of(asked(floor, 2.0)) == 0.5  # x 0.5 by its own streak, x 0.5 by the account's
    floor.pass_time(11 * HOUR + 20 * MINUTE)
    tape = floor.engine.ledger.conduct.of("alpha")
    assert tape.scaled(floor.at) == pytest.approx(0.75, abs=0.001)
    close(floor, floor.trade(wish((Leg(CALL_LATER, -1),), amount=0.4)))
    assert tape.scaled(floor.at) == pytest.approx(0.5, abs=0.002)


def test_a_person_ends_the_pause_and_not_the_smaller_size() -> None:
    """`trader resume alpha` is journaled; the multiplier comes back by its rule alone."""
    floor = watched()
    lose(floor)
    floor.trade(wish(amount=0.4))
    floor.send(ResumeTrading(**ANN, strategy="alpha"))
    assert isinstance(floor.records[-1].fact, CommandTaken)
    assert size_of(asked(floor, 2.0)) == pytest.approx(0.6, abs=0.11)


def test_a_pause_cancels_what_still_wants_to_open() -> None:
    """As a person's pause does: nothing may fill that would not be approved any more."""
    floor = watched()
    lose(floor)
    resting = Pricing(limit_net=-0.5, lifetime=5 * HOUR)
    floor.ask(wish(VERTICAL, amount=0.1, pricing=resting))
    assert len(floor.engine.ledger.orders) == 1
    floor.told()
    floor.trade(wish(amount=0.4))
    assert "ended canceled" in floor.told()
    assert floor.engine.ledger.orders == {}


def test_where_the_gate_chose_the_size_nobody_took_revenge() -> None:
    """As much as allowed is asked for each time: stages and budgets are not its own doing."""
    floor = watched(stages={"alpha": "PILOT"})
    lose(floor, None)
    floor.send(Promote(**ANN, strategy="alpha", stage="PRODUCTION", override=True))
    assert floor.engine.review.stage("alpha") == "PRODUCTION"
    first = floor.engine.ledger.conduct.of("alpha").deals[0]
    second = floor.trade(wish(amount=None))
    assert second.risk_share > 3 * first.risk
    assert judged(floor) == []


def test_the_account_judges_no_sizes_of_rules_that_do_not_know_each_other() -> None:
    """What one strategy opens right after the loss of another is its schedule, not revenge."""
    floor = watched(stages={"alpha": "PRODUCTION", "beta": "PRODUCTION"})
    lose(floor, 0.1)
    floor.trade(wish(amount=1.0, strategy="beta"), by="beta")
    assert judged(floor) == []


def test_a_shadow_trades_for_itself_alone() -> None:
    """At RESEARCH its losses hold it back, and the account not at all."""
    floor = watched(stages={"alpha": "RESEARCH"})
    for _ in range(3):
        lose(floor, wait=40 * MINUTE)
    assert judged(floor) == [("alpha", ["LOSS_STREAK"], 0.5)]
    assert floor.engine.ledger.conduct.account.deals == []


def test_openings_make_a_burst_and_an_expiry_of_many_does_not() -> None:
    """Eleven openings in an hour halve new risk; eleven that settle together are no trading."""
    floor = watched()
    for _ in range(11):
        floor.trade(wish(amount=0.1))
    assert ("alpha", ["OVERTRADING"], 0.5) in judged(floor)
    floor.go_to(TODAY)
    count = len(judged(floor))
    floor.send(DeliveryPrice("BTC", TODAY, 80_000.0))
    floor.trade(wish((Leg(CALL_LATER, -1),), amount=0.4))
    assert len(judged(floor)) == count


def test_a_great_loss_of_the_account_pauses_every_strategy_on_it() -> None:
    """A session that lost over 15 % is critical for the trader and for the account."""
    floor = Floor(
        behavior=BehaviorSettings(),
        stages={"alpha": "PRODUCTION", "beta": "PRODUCTION"},
        risk=RiskSettings(
            max_risk_per_trade=0.6, max_risk_per_underlying=1.0, daily_loss_halt=1.0,
            drawdown_halt=1.0, stop_loss_share=1.0, max_new_trades_per_day=50,
        ),
    )  # fmt: skip
    chain = floor.trade(wish(amount=18.0))
    floor.move(160_000.0)
    close(floor, chain)
    assert [one[:2] for one in judged(floor)] == [
        ("alpha", ["EXCESSIVE_DRAWDOWN"]),
        (None, ["EXCESSIVE_DRAWDOWN"]),
    ]
    (refusal,) = floor.ask(wish(strategy="beta"), by="beta").verdicts
    assert isinstance(refusal, Refused)
    assert refusal.rule == "paused_by_behavior"
    assert "the account, EXCESSIVE_DRAWDOWN" in refusal.explanation


@pytest.mark.parametrize("seed", [1, 2])
def test_recovery_knows_every_multiplier(seed: int) -> None:
    """Folded from their JSON the facts give the same tapes, and a start the same restraint."""
    floor = watched()
    lose(floor, 0.1 * seed)
    floor.trade(wish(amount=0.4 * seed))
    floor.pass_time(7 * HOUR)
    assert dump(recovered(floor.records).conduct) == dump(floor.engine.ledger.conduct)
    restraint = floor.engine.review.restraint("alpha", "main")
    floor.restart()
    assert floor.engine.review.restraint("alpha", "main") == restraint
    assert restraint is not None
    assert 0.3 < restraint.multiplier < 0.6
    assert floor.audit() == ()


def test_where_the_layer_is_off_nothing_is_judged_and_verdicts_say_nothing() -> None:
    """A backtest's epoch, and any of a journal from before there was such a layer."""
    floor = Floor(risk=RISK)
    lose(floor)
    floor.trade(wish(amount=0.4))
    assert judged(floor) == []
    assert asked(floor).restraint is None


def test_journals_from_before_are_read() -> None:
    """Without the fields of this layer facts fold as ever, and tapes are there."""
    floor = Floor(risk=RISK)
    lose(floor)
    older = []
    for recorded in floor.records:
        plain = msgspec.to_builtins(recorded)
        for name in ("restraint", "behavior", "traders"):
            plain["fact"].pop(name, None)
        older.append(msgspec.convert(plain, Recorded))
    assert dump(recovered(older).conduct) == dump(floor.engine.ledger.conduct)
    assert len(recovered(older).conduct.of("alpha").deals) == 1


def typed(floor: Floor, cluster: int, name: str, trades: int = 20) -> None:
    """Let a night tell the type of alpha."""
    profile = TraderProfile(
        strategy="alpha", cluster=cluster, type_name=name, confidence=0.4, trades=trades,
        reason="by rule",
    )  # fmt: skip
    night = NightEvaluated(
        date=f"2026-11-{18 + len(floor.engine.ledger.night_of) // 10}", profile="quick",
        verdicts=(), traders=(profile,),
    )  # fmt: skip
    floor.send(night)


def test_a_type_asks_its_limits_on_top_of_the_strategys_own() -> None:
    """A Conservative needs 70 % and may open three a day, whatever the gate would allow."""
    floor = watched()
    typed(floor, 0, "Conservative")
    unsure = msgspec.structs.replace(wish(amount=0.1), confidence=0.65)
    (refusal,) = floor.ask(unsure).verdicts
    assert isinstance(refusal, Refused)
    assert (refusal.rule, refusal.limit, refusal.requested) == ("min_confidence", 0.7, 0.65)
    assert "Conservative, 20 trades, 40% sure" in refusal.explanation
    for _ in range(3):
        floor.trade(wish(amount=0.1))
    fourth = asked(floor, 0.1)
    assert isinstance(fourth, Refused)
    assert (fourth.rule, fourth.limit) == ("daily_trades", 3)
    assert "(Conservative, 20 trades, 40% sure)" in fourth.explanation


def test_a_type_told_from_few_trades_asks_nothing_yet() -> None:
    """It is shown with how many are missing."""
    floor = watched()
    typed(floor, 0, "Conservative", trades=7)
    (verdict,) = floor.ask(msgspec.structs.replace(wish(amount=0.1), confidence=0.6)).verdicts
    assert isinstance(verdict, Approved)
    assert verdict.restraint is not None
    assert verdict.restraint.profile == (
        "Conservative: its limits are not asked yet, 7 of 20 trades"
    )


def test_revenge_asks_more_confidence_of_its_type() -> None:
    """Plus 0.15 while the alert stands, as the seed's table has it."""
    floor = watched()
    typed(floor, 1, "Moderate")
    lose(floor)
    floor.trade(wish(amount=0.4))
    restraint = floor.engine.review.restraint("alpha", "main")
    assert restraint is not None
    assert restraint.limits is not None
    assert restraint.limits.confidence_min == pytest.approx(0.75)
    assert restraint.limits.position_max == 0.05, "the multiplier scales what it leaves, once"


def test_every_verdict_says_what_behavior_asked() -> None:
    """Whatever it is about, and whoever wrote it."""
    floor = watched(stages={"alpha": "PRODUCTION", "beta": "PRODUCTION"})
    chain = floor.trade(wish(amount=0.4))
    floor.ask(wish(strategy="beta"), by="alpha")  # a stranger's
    floor.send(Demote(**ANN, strategy="alpha", stage="RESEARCH"))
    floor.ask(wish(action="add", chain_id=chain.id))  # never enlarged
    close(floor, chain)
    verdicts = [one.fact for one in floor.records if isinstance(one.fact, Approved | Refused)]
    assert [getattr(one, "rule", one.intent.action) for one in verdicts] == [
        "open", "invalid_intent", "demoted", "close",
    ]  # fmt: skip
    assert all(one.restraint is not None for one in verdicts)


def test_a_pause_by_hand_comes_first() -> None:
    """Who paused is named before what paused."""
    floor = watched()
    lose(floor)
    floor.trade(wish(amount=0.4))
    floor.send(PauseTrading(**ANN, strategy="alpha"))
    refusal = asked(floor)
    assert isinstance(refusal, Refused)
    assert refusal.rule == "paused"
    assert refusal.restraint is not None
    assert refusal.restraint.paused
