"""Does the page of behavior tell who is held back, by how much, and why?"""

from __future__ import annotations

import msgspec
import pytest

from tests.engine.test_conduct import judgment
from tests.storage.story import EVENING, STORY
from tests.views.readings import PULSE, Told
from tests.views.shown import cells, figures, links, texts, titled
from trader.domain.facts import BehaviorJudged, Recorded
from trader.domain.units import DAY, HOUR
from trader.views.reading import NotUnderstood
from trader.views.screens.behavior import behavior

AT = EVENING + 20 * HOUR
STRATEGY = "covered_call_btc"


def judged(*facts: BehaviorJudged, hours: float = 0) -> Told:
    """Read the story, judged after it, some hours later."""
    later = [Recorded(20 + place, AT, fact) for place, fact in enumerate(facts)]
    pulse = msgspec.structs.replace(PULSE, at=AT + round(hours * HOUR))
    return Told((*STORY, *later), pulse)


def test_a_multiplier_comes_back_with_time() -> None:
    """Half of what is missing every twelve hours, on the table and on the curve."""
    reading = judged(judgment(STRATEGY), hours=12)
    page = behavior(reading, {})
    table = titled(page, "trader", "type")
    place = cells(table, "trader").index(STRATEGY)
    assert cells(table, "new risk")[place] == "x 0.65"
    assert cells(table, "alerts that count")[place] == "REVENGE TRADING"
    assert len(figures(page)) == 1
    assert "covered_call_btc x 0.65" in texts(page)


def test_alerts_lead_to_their_chain() -> None:
    """Severity, multiplier and reason stand beside."""
    page = behavior(judged(judgment(STRATEGY, paused_until=AT + DAY)), {})
    table = titled(page, "at", "trader", "severity")
    assert cells(table, "severity") == ["critical"]
    assert cells(table, "new risk") == ["x 1 to x 0.3"]
    assert "critical: twice the size" in cells(table, "what was found")[0]
    assert "/chains/C1" in links(page)
    assert "paused" in texts(page)


def test_one_trader_can_be_asked_for() -> None:
    """The account is one of them."""
    reading = judged(judgment(STRATEGY), judgment(None))
    for asked, expected in (({}, 2), ({"trader": STRATEGY}, 1), ({"trader": "account"}, 1)):
        assert len(titled(behavior(reading, asked), "at", "trader", "severity").rows) == expected
    with pytest.raises(NotUnderstood, match="trader = 'x': choose from account"):
        behavior(reading, {"trader": "x"})


def test_nobody_held_back_is_said() -> None:
    """After the story nothing was judged: its trader may take its full risk."""
    told = texts(behavior(judged(), {}))
    assert "every trader may take its full new risk" in told
    assert "No alert about behavior so far" in told


def test_before_a_chain_ends_the_page_says_what_will_come() -> None:
    """An empty journal is no error."""
    assert "behavior is told from closed chains" in texts(behavior(Told(()), {}))
