"""Is what a person should act upon told, and nothing else?"""

from __future__ import annotations

import pytest

from tests.engine.floor import wish
from trader.domain.events import NightEvaluated, NightVerdict, StageChanged
from trader.domain.facts import AlertRaised, Fact, HaltChanged, Recorded, SettlementPending
from trader.domain.trading import Refused, Rule
from trader.domain.units import DAY, MINUTE
from trader.views.notices import TEXT_MAX, Lookout, Notice

AT = 20_000 * DAY


def lookout(refusals: int = 3) -> Lookout:
    """Look out for a strategy at PILOT."""
    return Lookout({"alpha": "PILOT"}, refusals=refusals, refusal_minutes=60)


def hear(fact: Fact, at: int = AT) -> Notice | None:
    """Let a fresh lookout hear one fact."""
    return lookout().hear(Recorded(1, at, fact))


def refused(rule: Rule, account: str = "main") -> Refused:
    """Refuse what a strategy wished."""
    return Refused(
        verdict_id="V1-0", account=account, intent=wish(), stage="PILOT", rule=rule, limit=1.0,
        used=0.0, requested=2.0, explanation="too much",
    )  # fmt: skip


def night(standing: str, reason: str = "killed") -> NightEvaluated:
    """Make a night of one strategy."""
    verdict = NightVerdict(
        strategy="alpha", configuration_hash="v1", stage="RESEARCH", reason=reason,
        standing=standing,  # type: ignore[arg-type]
    )  # fmt: skip
    return NightEvaluated(date="2026-11-20", profile="full", verdicts=(verdict,))


def test_a_fall_is_told_and_a_rise_is_not() -> None:
    """Who, from where to where, by whom and why; the next move counts from there."""
    watch = lookout()
    fall = StageChanged("alpha", "RESEARCH", "night", "lost too much", "v1")
    rise = StageChanged("alpha", "PRODUCTION", "ana", "good month", "v1")
    first = StageChanged("beta", "RESEARCH", "config", "first seen", "v1")
    told = watch.hear(Recorded(1, AT, fall))
    assert told is not None
    assert told.kind == "demotion"
    assert told.title == "alpha fell from PILOT to RESEARCH"
    assert "by night: lost too much" in told.text
    assert watch.hear(Recorded(2, AT, fall)) is None
    assert watch.hear(Recorded(3, AT, rise)) is None
    assert watch.hear(Recorded(4, AT, first)) is None
    assert watch.hear(Recorded(5, AT, fall)) is not None


@pytest.mark.parametrize(
    ("fact", "kind", "words"),
    [
        (
            AlertRaised(kind="feed_lost", severity="warning", text="*: heartbeat overdue"),
            "feed_loss",
            "heartbeat overdue",
        ),
        (
            SettlementPending("main", "BTC", AT, ("BTC-1JAN26-1-C",)),
            "settlement",
            "BTC-1JAN26-1-C expired and no delivery price is known",
        ),
        (
            HaltChanged(
                account="main", rule="daily_loss_halt", active=True, limit=0.02, used=0.03,
                detail="lost 3 % today",
            ),
            "halt",
            "lost 3 % today",
        ),
        (night("failed"), "failed_night", "alpha: killed"),
    ],
)  # fmt: skip
def test_each_kind_says_what_happened(fact: Fact, kind: str, words: str) -> None:
    """In the words of the fact."""
    told = hear(fact)
    assert told is not None
    assert told.kind == kind
    assert words in told.text


@pytest.mark.parametrize(
    "fact",
    [
        AlertRaised(kind="feed_restored", severity="info", text="back"),
        SettlementPending("shadow:alpha", "BTC", AT, ("X",)),
        HaltChanged(
            account="main", rule="drawdown_halt", active=False, limit=0.1, used=0.0, detail="over"
        ),
        night("judged"),
        night("insufficient"),
    ],
)
def test_what_nobody_must_act_upon_is_not_told(fact: Fact) -> None:
    """Good news, and what happens in a shadow account."""
    assert hear(fact) is None


def test_refusals_by_limits_are_told_in_bursts() -> None:
    """Three within the hour are one notice, then the count begins anew; slow ones are none."""
    watch, fact = lookout(), refused("daily_trades")
    told = [watch.hear(Recorded(n, AT + n * MINUTE, fact)) for n in range(6)]
    assert [one is not None for one in told] == [False, False, True, False, False, True]
    assert told[2] is not None
    assert "3 refusals by limits within 2 minutes, the last by daily_trades" in told[2].text
    slow = [watch.hear(Recorded(n, AT + (n + 1) * 61 * MINUTE, fact)) for n in range(1, 6)]
    assert slow == [None] * 5
    other = refused("regime")
    assert not any(watch.hear(Recorded(n, AT + DAY, other)) for n in range(10))
    shadow = refused("daily_trades", "shadow:alpha")
    assert not any(watch.hear(Recorded(n, AT + DAY, shadow)) for n in range(10))


def test_a_notice_is_bounded() -> None:
    """However long a reason is, what is told fits; it says that it was cut."""
    told = hear(night("failed", "x" * 10_000))
    assert told is not None
    assert len(told.text) == TEXT_MAX
    assert told.text.endswith(" …")
