"""Does the log tell everything once, at the level it deserves, and repeat no refusal all day?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from tests.app.running import ROOT
from tests.builders import NOW, option
from tests.engine.test_conduct import judgment
from tests.storage.story import PLACED
from trader.app.assemble import build_engine
from trader.app.configuration import load_configuration
from trader.app.narrator import Narrator
from trader.domain.events import PauseTrading
from trader.domain.facts import (
    MAIN_ACCOUNT,
    AccountMarked,
    AlertRaised,
    CommandTaken,
    Fact,
    HaltChanged,
    OrderEnded,
)
from trader.domain.trading import Intent, Leg, Refused
from trader.domain.units import DAY, HOUR
from trader.engine.engine import Engine
from trader.engine.outcome import Outcome

MIDNIGHT = NOW - NOW % DAY + DAY


@pytest.fixture
def engine() -> Engine:
    """The demo's engine, at 300x."""
    made = build_engine(load_configuration([ROOT / Path("config/demo.toml")], environment={}))
    made.market.speed = 300.0
    return made


def refused(rule: Any = "daily_trades", strategy: str = "covered_call_btc") -> Refused:
    """Refuse an opening until midnight."""
    return Refused(
        verdict_id="V1-0",
        account=MAIN_ACCOUNT,
        intent=Intent(
            strategy=strategy, action="open", underlying="BTC", legs=(Leg(option().name, -1),),
            confidence=0.7, reason="test",
        ),
        stage="PRODUCTION",
        rule=rule,
        limit=2.0,
        used=2.0,
        requested=1.0,
        explanation="2 of 2 new trades of today are used",
        frees_at=MIDNIGHT,
    )  # fmt: skip


def levels(narrator: Narrator, *told: tuple[int, Fact]) -> list[str]:
    """Tell facts at instants; list the levels of their lines."""
    with capture_logs() as lines:
        for at, fact in told:
            narrator.tell(Outcome(7, at, (fact,)))
    return [line["log_level"] for line in lines]


def test_a_refusal_is_told_once_a_market_day_and_reason(engine: Engine) -> None:
    """The same strategy and rule again is for debugging; another rule, strategy or day is not."""
    narrator = Narrator(engine)
    told = levels(
        narrator,
        (NOW, refused()),
        (NOW + 1, refused()),
        (NOW + 2, refused("per_trade_risk")),
        (NOW + 3, refused(strategy="directional_btc")),
        (MIDNIGHT - 1, refused()),
        (MIDNIGHT, refused()),
        (MIDNIGHT + HOUR, refused()),
    )
    assert told == ["info", "debug", "info", "info", "debug", "info", "debug"]


@pytest.mark.parametrize(("speed", "wait"), [(300.0, "72 s of yours"), (1.0, "(in 6 h)")])
def test_a_refusal_says_how_long_a_person_waits(engine: Engine, speed: float, wait: str) -> None:
    """Six market hours are 72 seconds at 300x and six hours at 1x."""
    engine.market.speed = speed
    with capture_logs() as lines:
        Narrator(engine).tell(Outcome(7, MIDNIGHT - 6 * HOUR, (refused(),)))
    message = lines[0]["message"]
    assert "covered_call_btc may not open (daily_trades)" in message
    assert wait.replace("72 s", "1 min 12 s") in message


@pytest.mark.parametrize(
    ("fact", "level"),
    [
        (AlertRaised(kind="feed_lost", severity="warning", text="gap"), "warning"),
        (AlertRaised(kind="x", severity="critical", text="bad"), "error"),
        (AlertRaised(kind="feed_restored", severity="info", text="good"), "info"),
        (HaltChanged(account="main", rule="daily_loss_halt", active=True, limit=0.03, used=0.04,
                     detail="d"), "error"),
        (HaltChanged(account="main", rule="daily_loss_halt", active=False, limit=0.03, used=0.0,
                     detail="d"), "info"),
        (AccountMarked(account="main", equity_usd=1.0, trading_pnl_usd=0.0, indices={}), "debug"),
        (OrderEnded("O1", "main", "filled"), "debug"),
        (OrderEnded("O1", "main", "expired"), "info"),
        (CommandTaken(PauseTrading(by="ana", reason="news")), "info"),
        (judgment(), "error"),
        (msgspec.structs.replace(judgment(), status="warning"), "warning"),
        (msgspec.structs.replace(judgment(), status="normal"), "info"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)  # fmt: skip
def test_lines_have_the_level_they_deserve(engine: Engine, fact: Fact, level: str) -> None:
    """What needs a person is loud, what is told elsewhere is for debugging."""
    assert levels(Narrator(engine), (NOW, fact)) == [level]


def test_an_order_that_ends_is_named_by_what_it_wanted(engine: Engine) -> None:
    """The books forget an order with its end; the line still says whose and what it was."""
    narrator = Narrator(engine)
    with capture_logs() as lines:
        narrator.tell(Outcome(7, NOW, (PLACED,)))
        narrator.tell(Outcome(8, NOW, (OrderEnded("o1", "main", "expired"),)))
        narrator.tell(Outcome(9, NOW, (OrderEnded("o1", "main", "expired"),)))
    assert [line["message"] for line in lines[1:]] == [
        "covered_call_btc's order to open BTC-2JUN26-66000-C ended, expired",
        "order o1 ended, expired",
    ]


def test_facts_are_told_in_order_with_the_marks_of_the_moment(engine: Engine) -> None:
    """Each fact is one line with time, sequence and what the feed had told against itself."""
    first = CommandTaken(PauseTrading(by="ana", reason="news"))
    second = AlertRaised(kind="command_refused", severity="warning", text="unknown")
    outcome = Outcome(7, NOW, (first, second), (), ("fault:gap", "suspended:2"))
    with capture_logs() as lines:
        Narrator(engine).tell(outcome)
    assert [line["event"] for line in lines] == ["command.taken", "alert"]
    for line in lines:
        assert (line["at"], line["sequence"]) == (NOW, 7)
        assert line["data_quality"] == "fault:gap,suspended:2"
