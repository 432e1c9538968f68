"""Are the tapes of traders what the facts say, and no longer than they need to be?"""

from __future__ import annotations

import msgspec
import pytest

from tests.builders import NOW
from tests.engine.books import CALL, Story, approved
from trader.domain.events import ResumeTrading, StageChanged
from trader.domain.facts import BehaviorAlert, BehaviorJudged, CommandTaken
from trader.domain.trading import Leg, LimitUse
from trader.domain.units import DAY, HOUR, MINUTE
from trader.engine.conduct import DEALS_MAX, Deal, Tape, asked_share
from trader.engine.guard import held_back

REVENGE = BehaviorAlert(
    type="REVENGE_TRADING", severity="CRITICAL", multiplier=0.3, message="larger after a loss",
    recommendation="do not", reason="critical: twice the size",
)  # fmt: skip


def judgment(strategy: str | None = "alpha", *, paused_until: int | None = None) -> BehaviorJudged:
    """Find revenge; half of what it took comes back every twelve hours."""
    return BehaviorJudged(
        account="main", strategy=strategy, chain_id="C1", cause="opened", status="critical",
        alerts=(REVENGE,), before=1.0, multiplier=0.3, half_life=12 * HOUR,
        paused_until=paused_until,
    )  # fmt: skip


def judged_tape(at: int = NOW) -> Tape:
    """Make a tape of one judgment."""
    tape = Tape()
    tape.judged(judgment(), at)
    return tape


@pytest.mark.parametrize(
    ("hours", "multiplier"), [(0, 0.3), (12, 0.65), (24, 0.825), (72, 1 - 0.7 / 64), (74, 1.0)]
)
def test_what_is_missing_halves_until_nearly_all_is_back(hours: int, multiplier: float) -> None:
    """From 0.99 on the multiplier is 1: halves alone would never end."""
    assert judged_tape().scaled(NOW + hours * HOUR) == pytest.approx(multiplier)


def test_alerts_stand_as_long_as_they_hold_back() -> None:
    """Once the multiplier is 1 again they are history."""
    tape = judged_tape()
    assert tape.standing(NOW + HOUR) == (REVENGE,)
    assert tape.standing(NOW + 5 * DAY) == ()
    assert Tape().scaled(NOW) == 1.0


def test_what_holds_back_is_named_until_all_is_back() -> None:
    """A later alert, or one that only informs, does not hide the one whose cost still stands."""
    informed = msgspec.structs.replace(
        judgment(), before=0.65, multiplier=0.65,
        alerts=(msgspec.structs.replace(REVENGE, type="EMOTIONAL", multiplier=1.0),),
    )  # fmt: skip
    tape = judged_tape()
    tape.judged(informed, NOW + 12 * HOUR)
    assert [one.type for one in tape.standing(NOW + 13 * HOUR)] == ["REVENGE_TRADING", "EMOTIONAL"]
    assert "by REVENGE_TRADING at 2026-11-20T18" in held_back("alpha", tape, NOW + 13 * HOUR)
    tape.judged(informed, NOW + 10 * DAY)
    assert [one.type for one in tape.alerts] == ["EMOTIONAL"]


def test_a_chain_is_one_deal_from_its_first_fill_to_its_end() -> None:
    """Two fills and a close are one trade, with the largest risk it had; the account has it too."""
    story = Story()
    order = story.order([CALL], legs=approved().intent.legs, amount=2.0, risk=(1_800.0, 0.02))
    story.fill(order, 1.0, 0.01)
    opened_at = story.at
    conduct = story.ledger.conduct
    (half,) = conduct.of("alpha").living.values()
    assert (half.opened_at, half.closed_at) == (opened_at, None)
    story.fill(order, 1.0, 0.01)
    (whole,) = conduct.of("alpha").living.values()
    assert whole.risk == pytest.approx(2 * half.risk)
    assert whole.opened_in == half.opened_in
    back = story.order([CALL], action="close", legs=(Leg(CALL.name, 1.0),), amount=2.0)
    story.fill(back, 2.0, 0.02)
    story.end_chain("C1")
    assert conduct.of("alpha").living == conduct.account.living == {}
    (deal,) = conduct.of("alpha").deals
    assert (deal.closed_at, deal.risk, deal.chain_id) == (story.at, whole.risk, "C1")
    assert conduct.account.deals == [deal]
    trade = deal.trade(0.5)
    assert (trade.size, trade.opened_at, trade.closed_at) == (0.5, deal.decided_at, story.at)
    assert trade.holding_minutes == pytest.approx((story.at - opened_at) / MINUTE)


def test_a_shadow_is_no_part_of_the_account() -> None:
    """Its strategy has the deal alone."""
    story = Story(("main", "shadow:alpha"))
    placed = story.order([CALL], account="shadow:alpha", legs=approved().intent.legs, amount=1.0)
    story.fill(placed, 1.0, 0.01)
    assert list(story.ledger.conduct.of("alpha").living) == ["C1"]
    assert story.ledger.conduct.account.living == {}


def test_a_tape_is_bounded() -> None:
    """The oldest deal is forgotten."""
    story = Story()
    story.trade(CALL, -1.0, 0.01)
    (deal,) = story.ledger.conduct.of("alpha").living.values()
    tape = Tape()
    for number in range(DEALS_MAX + 5):
        tape.ends(msgspec.structs.replace(deal, chain_id=f"C{number}"))
    assert (len(tape.deals), tape.deals[0].chain_id) == (DEALS_MAX, "C5")


def test_a_person_resumes_one_strategy_or_everything() -> None:
    """The account's pause is ended by a resume of all; a multiplier by none."""
    story = Story()
    for strategy in ("alpha", None):
        story.tell(judgment(strategy, paused_until=NOW + DAY))
    conduct = story.ledger.conduct
    assert [tape.paused(NOW) for _, tape in conduct.tapes()] == [True, True]
    story.tell(CommandTaken(ResumeTrading("ann", "seen", "alpha")))
    assert [tape.paused(NOW) for _, tape in conduct.tapes()] == [True, False]
    story.tell(CommandTaken(ResumeTrading("ann", "seen")))
    assert [tape.paused(NOW) for _, tape in conduct.tapes()] == [False, False]
    assert conduct.of("alpha").multiplier == 0.3


def test_what_was_asked_is_told_whatever_was_allowed() -> None:
    """A quarter of what was wished is still that wish; who wishes all wishes the limit."""
    cut = approved(amount=0.5, risk=(900.0, 0.01))
    wished = msgspec.structs.replace(cut, intent=msgspec.structs.replace(cut.intent, amount=2.0))
    assert asked_share(wished) == pytest.approx(4 * cut.max_loss.share)
    limit = LimitUse(rule="per_trade_risk", limit=0.01, used=0.0, requested=0.001)
    assert asked_share(msgspec.structs.replace(cut, limits=(limit,))) == 0.01
    assert asked_share(cut) == cut.max_loss.share


def test_what_the_market_moves_is_no_larger_size() -> None:
    """Two digits: a tenth of a percent more max loss of the same wish is the same size."""
    one, other = (
        msgspec.structs.replace(
            approved(), max_loss=msgspec.structs.replace(approved().max_loss, share=share)
        )
        for share in (0.0010674, 0.0010684)
    )
    assert asked_share(one) == asked_share(other)


def test_results_are_multiples_of_what_was_at_risk() -> None:
    """Oldest first; a chain that risked nothing says nothing, another configuration's neither."""
    tape = Tape()
    for place, (pnl, risk) in enumerate(((0.002, 0.01), (-0.01, 0.01), (0.003, 0.0))):
        tape.ends(
            Deal(
                chain_id=f"C{place}", opened_in=place, decided_at=NOW + place * HOUR,
                opened_at=NOW, asked=risk, risk=risk, closed_in=place, closed_at=NOW, pnl=pnl,
            )
        )  # fmt: skip
    assert tape.results() == pytest.approx([0.2, -1.0])
    tape.began_at = NOW + HOUR
    assert tape.results() == pytest.approx([-1.0])


def test_a_strategy_that_changed_begins_its_record_anew() -> None:
    """By its configuration; a promotion of the same one keeps the record."""
    story = Story()
    story.tell(StageChanged("alpha", "PILOT", "config", "first", "v1"))
    story.tell(StageChanged("alpha", "PRODUCTION", "ann", "earned it", "v1"))
    conduct = story.ledger.conduct
    assert conduct.of("alpha").began_at == 0
    story.tell(StageChanged("alpha", "PILOT", "config", "changed", "v2"))
    assert conduct.of("alpha").began_at == story.at
