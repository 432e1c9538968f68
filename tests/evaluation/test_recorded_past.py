"""Is a strategy fitted to what was recorded, and is every change told?"""

from __future__ import annotations

import msgspec
import pytest

from tests.app.histories import seller
from tests.backtest.boards import recorded_market
from tests.backtest.test_perpetual import FILE
from tests.evaluation.played import Inline, request
from trader.domain.units import DAY, HOUR
from trader.evaluation.evaluate import Evaluation
from trader.evaluation.recorded_past import moved, prepared
from trader.evaluation.runs import Subject
from trader.evaluation.strategy_card import FULL, QUICK
from trader.strategies.trend_pullback import TrendPullback


def test_it_decides_when_boards_are_there() -> None:
    """As often as before; the note names both times. One that meets boards is left alone."""
    market = recorded_market()
    found, (note,) = moved(seller(minute=510), market)
    assert found.strategy().cadence().every == DAY
    assert found.strategy().cadence().offset == 9 * HOUR
    assert note.startswith("it decides at 09:00 UTC instead of 08:30")
    assert "at its own at 0%" in note
    own = seller(minute=550)
    same, (note,) = moved(own, market)
    assert same is own
    assert note.endswith("is there at 100% of its decisions")


def test_who_decides_every_hour_is_left_alone() -> None:
    """Another minute of the hour meets the same few boards."""
    subject = seller(minute=10)
    hourly = subject.file.cadence.model_copy(update={"hours": 1})
    often = msgspec.structs.replace(
        subject, file=subject.file.model_copy(update={"cadence": hourly})
    )
    same, (note,) = moved(often, recorded_market())
    assert same is often
    assert note.endswith("is there at 8% of its decisions")


@pytest.mark.parametrize("plan", [FULL, QUICK], ids=["full", "quick"])
def test_stresses_that_need_a_model_are_left_out(plan: object) -> None:
    """And once a day stays once a day, at the better time."""
    assert plan in (FULL, QUICK)
    chosen = FULL if plan is FULL else QUICK
    subject, fitted, market = prepared(seller(), chosen, recorded_market())
    names = {one.name for one in fitted.stresses}
    assert names <= {"fees_x2", "slippage_x3", "delay_1h", "delay_3h", "quotes_missing"}
    assert {"fees_x2", "delay_1h"} <= names
    assert fitted.once_a_day_at is None
    assert subject.strategy().cadence().every == DAY
    told = " ".join(market.notes)
    assert ("need modelled boards" in told) == (len(fitted.stresses) < len(chosen.stresses))
    assert "an order an hour late finds no board here" in told


def test_who_trades_a_perpetual_is_judged_on_its_candles_as_they_are() -> None:
    """Volatility and gaps are as easily made of candles as ever, and no board is waited for."""
    subject = Subject(kind=TrendPullback, file=FILE, configuration_hash="test")
    market = recorded_market()
    assert prepared(subject, FULL, market) == (subject, FULL, market)


def test_a_few_days_of_boards_are_too_little_to_judge() -> None:
    """Every run is made for real; the verdict names what is missing and demotes nobody."""
    subject, plan, market = prepared(seller(), QUICK, recorded_market(16))
    start = -(-market.span[0] // DAY) * DAY
    asked = msgspec.structs.replace(
        request(), subject=subject, plan=plan, market=market, start=start,
        end=market.span[1] // DAY * DAY,
    )  # fmt: skip
    card = Evaluation(asked, Inline()).finish()
    assert card.provenance.kind == "recorded"
    assert card.trades > 2
    assert card.verdict.standing == "insufficient"
    assert card.verdict.demote_to is None
    assert "Insufficient sample size" in card.verdict.reason
    assert "Insufficient history" in card.verdict.reason
    assert card.look_ahead is not None
    assert card.look_ahead.ok is True
    assert any("09:00 UTC instead" in one for one in card.provenance.caveats)
