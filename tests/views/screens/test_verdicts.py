"""Can any verdict be found, and does its page hold all that it rests on?"""

from __future__ import annotations

import msgspec
import pytest

from tests.storage.story import APPROVED, EVENING, EXPIRY, REFUSED, STORY
from tests.views.readings import PULSE, Told
from trader.domain.facts import Recorded
from trader.domain.trading import Approved, Refused, Restraint, SizeFactor
from trader.domain.units import HOUR
from trader.views.blocks import Filter, Page, Prose, Table
from trader.views.decisions import MEANINGS
from trader.views.reading import NotThere, NotUnderstood
from trader.views.report_text import markdown
from trader.views.screens import verdicts as screen
from trader.views.screens.verdicts import NOTHING, Search, look_up, verdict, verdicts


def many(count: int) -> Told:
    """Let the gate refuse often, by turns for two rules and two strategies."""
    records = [*STORY[:3]]
    for place in range(count):
        strategy = ("one", "two")[place % 2]
        intent = msgspec.structs.replace(REFUSED.intent, strategy=strategy)
        rule = ("daily_trades", "underlying_risk")[place // 2 % 2]
        fact = msgspec.structs.replace(REFUSED, verdict_id=f"r{place}", intent=intent, rule=rule)
        records.append(Recorded(2 + place, EVENING + place, fact))
    return Told(records)


def listed(page: Page) -> list[str]:
    """List the ids on a page of verdicts."""
    table = page.sections[0].blocks[1]
    return [row[1].text for row in table.rows] if isinstance(table, Table) else []


def earlier(page: Page) -> str:
    """Find where earlier ones are."""
    links = [one for one in page.sections[0].blocks if isinstance(one, Prose)]
    return next((one.href for one in links if one.text == "Earlier ones"), "")


def test_the_newest_come_first_and_pages_go_on_without_gap_or_repeat() -> None:
    """By cursor: what comes in meanwhile moves nothing."""
    told = many(95)
    ids: list[str] = []
    asked: dict[str, str] = {}
    while True:
        page = verdicts(told, asked)
        ids += listed(page)
        href = earlier(page)
        if not href:
            break
        asked = {"before": href.rpartition("before=")[2]}
    assert ids == [f"r{place}" for place in reversed(range(95))]


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ({"strategy": "one"}, lambda place: place % 2 == 0),
        ({"rule": "daily_trades"}, lambda place: place // 2 % 2 == 0),
        ({"strategy": "two", "rule": "underlying_risk"}, lambda place: place % 4 == 3),
        ({"verdict": "approved"}, lambda place: False),
        ({"verdict": "refused"}, lambda place: True),
    ],
)
def test_filters_hold_together(asked: dict[str, str], wanted: object) -> None:
    """What is shown is all of what was asked for, and the form shows what was asked."""
    page = verdicts(many(20), asked)
    assert callable(wanted)
    assert listed(page) == [f"r{place}" for place in reversed(range(20)) if wanted(place)]
    form = page.sections[0].blocks[0]
    assert isinstance(form, Filter)
    assert {one.name: one.value for one in form.choices if one.value} == asked


def test_a_search_for_a_rare_rule_ends_and_can_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page looks through so many verdicts; then it says from where to look on."""
    monkeypatch.setattr(screen, "LOOKED_AT_MAX", 10)
    told = many(25)
    found = look_up(told, Search("", "", "underlying_risk", 0))
    assert len(found.decided) < 10
    assert found.looked_until
    again = look_up(told, Search("", "", "underlying_risk", found.looked_until))
    ids = {one.verdict_id for _, one in (*found.decided, *again.decided)}
    assert len(ids) == len(found.decided) + len(again.decided)


@pytest.mark.parametrize(
    "asked", [{"strategy": "x"}, {"verdict": "maybe"}, {"rule": "luck"}, {"before": "-1"}]
)
def test_what_nobody_knows_is_refused_by_name(asked: dict[str, str]) -> None:
    """The message names the field, the value and what it may be."""
    ((name, value),) = asked.items()
    with pytest.raises(NotUnderstood, match=f"{name} = '{value}'"):
        verdicts(many(4), asked)


def test_before_the_first_verdict_it_says_when_one_comes() -> None:
    """An empty list and a search without a result are told apart."""
    assert NOTHING in markdown(verdicts(Told(), {}))
    assert "None of these." in markdown(verdicts(many(2), {"verdict": "approved"}))


def test_a_refusal_stands_with_every_number_it_rests_on() -> None:
    """Rule, limit, used, requested, who uses the budget with links, when it frees in wall time."""
    pulse = msgspec.structs.replace(PULSE, at=EVENING + 2 * HOUR, speed=300.0)
    page = verdict(Told(STORY, pulse), {"id": "v2"})
    text = markdown(page)
    assert page.title == "Verdict v2: refused by underlying_risk"
    for wanted in (
        "the BTC budget is full", "limit: 3.00 %", "used: 2.50 %", "requested: 0.90 %",
        "would have fitted: 0.3 BTC", "1,234,567 USD for the smallest order",
        "2026-06-02T08:00:00Z (in 13 h of market time, 2 min 36 s of yours)",
        "Seen from now: 2026-06-02T08:00:00Z (in 12 h of market time, 2 min 24 s of yours)",
        "directional_btc", "too much", "stale quotes: BTC-PERPETUAL", "BTC-2JUN26-66000-C",
    ):  # fmt: skip
        assert wanted in text, wanted
    (users,) = [one for one in page.sections if one.title == "Who uses the budget"]
    (table,) = users.blocks
    assert isinstance(table, Table)
    assert [row[0].href for row in table.rows] == ["/chains/c1", "/chains/c7"]
    assert table.rows[1][5].text == "nobody knows"


def test_what_has_freed_since_says_so() -> None:
    """After the expiry the budget is free again; without a clock nothing is claimed."""
    pulse = msgspec.structs.replace(PULSE, at=EXPIRY + HOUR)
    assert "It has freed by now" in markdown(verdict(Told(STORY, pulse), {"id": "v2"}))
    assert "When it frees" not in markdown(verdict(Told(STORY), {"id": "v2"}))


def test_an_approval_leads_to_its_chain() -> None:
    """Amount, legs with sizes, max loss, what is reserved; the chain is a link."""
    page = verdict(Told(STORY), {"id": "v1"})
    text = markdown(page)
    assert "sell 0.6 BTC-2JUN26-66000-C" in text
    assert "2,340 USD, 0.0312 BTC, 0.90 % of equity" in text
    answer = page.sections[0].blocks[0]
    assert ("chain", "/chains/c1") in [
        (name, cell.href) for name, cell in getattr(answer, "rows", ())
    ]


def test_behavior_that_held_back_is_told() -> None:
    """What behavior asked stands beside the limits."""
    held = Restraint(multiplier=0.5, reason="a streak", paused_until=EXPIRY, paused="too many")
    fact = msgspec.structs.replace(REFUSED, restraint=held, limits=(), consumers=())
    text = markdown(verdict(Told((*STORY[:3], Recorded(2, EVENING, fact))), {"id": "v2"}))
    assert "x 0.5: a streak" in text
    assert "paused until 2026-06-02T08:00:00Z" in text
    assert "None was asked" in text


def test_what_shrank_the_size_is_told() -> None:
    """Each factor with its reason, and the product; nothing where no size was asked for."""
    factors = (SizeFactor("kelly", 0.25, "60 chains lost"), SizeFactor("regime", 0.5, "Crisis: -"))
    fact = msgspec.structs.replace(REFUSED, verdict_id="r1", sizing=factors)
    page = markdown(verdict(Told([*STORY[:3], Recorded(9, EVENING, fact)]), {"id": "r1"}))
    for part in ("What shrank the size", "x 0.25", "60 chains lost", "together", "x 0.125"):
        assert part in page
    bare = msgspec.structs.replace(REFUSED, verdict_id="r2")
    assert "What shrank" not in markdown(
        verdict(Told([*STORY[:3], Recorded(9, EVENING, bare)]), {"id": "r2"})
    )


def test_an_unknown_verdict_is_not_there() -> None:
    """The message says where to look."""
    with pytest.raises(NotThere, match=r"no verdict 'v9'.*/verdicts lists"):
        verdict(Told(STORY), {"id": "v9"})


@pytest.mark.parametrize("rule", sorted(MEANINGS))
def test_every_rule_has_a_page(rule: str) -> None:
    """Whatever refused, its page can be made."""
    fact = msgspec.structs.replace(REFUSED, rule=rule)
    assert isinstance(fact, Refused)
    page = verdict(Told((*STORY[:3], Recorded(2, EVENING, fact))), {"id": "v2"})
    assert rule in page.title
    assert isinstance(APPROVED, Approved)
