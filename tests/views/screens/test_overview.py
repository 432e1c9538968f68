"""Does the first page say what a person must know, and lead on to why in a few clicks?"""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec
import pytest

from tests.storage.story import EVENING, EXPIRY, STORY
from tests.views.readings import PULSE, Told
from tests.views.screens.test_strategies import report
from trader.domain.events import NightEvaluated, NightVerdict, StageChanged
from trader.domain.facts import AlertRaised, Recorded
from trader.domain.trading import Stage
from trader.domain.units import DAY, HOUR
from trader.views.blocks import Control
from trader.views.report_text import markdown
from trader.views.screen_html import Site, screen_html
from trader.views.screens.earnings import NO_MARK
from trader.views.screens.nights import night, night_diff, nights
from trader.views.screens.overview import overview
from trader.views.screens.strategies import strategies
from trader.views.screens.strategy import strategy
from trader.views.screens.verdicts import verdict, verdicts

NAME = "covered_call_btc"
SCREENS = {
    "/": overview,
    "/strategies": strategies,
    "/strategies/(?P<name>[^/]+)": strategy,
    "/verdicts": verdicts,
    "/verdicts/(?P<id>[^/]+)": verdict,
    "/nights": nights,
    "/nights/diff": night_diff,
    r"/nights/(?P<date>\d[^/]+)": night,
}
NOT_OURS = ("/chains", "/behavior", "/system", "/board", "/models", "/log")
AS_WRITTEN = re.compile(r"/nights/[^/]+/report\.html")


def open_page(told: Told, href: str) -> tuple[str, list[str]]:
    """Make the page at an address as the server would; give its words and its links."""
    parts = urlsplit(href)
    for pattern, screen in SCREENS.items():
        if found := re.fullmatch(pattern, parts.path):
            named = {name: unquote(value) for name, value in found.groupdict().items()}
            page = screen(told, {**dict(parse_qsl(parts.query)), **named})
            html = screen_html(page, Site(parts.path, told.pulse, "t"))
            main = html[html.index("<main") : html.index("</main>")]
            return re.sub(r"<[^>]+>", "", main), re.findall(r'href="([^"]+)"', main)
    raise AssertionError(f"no page at {href}")


def clicks_to(told: Told, told_there: str, least: int = 3) -> int:
    """Follow links from the first page, breadth first, until a page says something."""
    seen, edge = {"/"}, ["/"]
    for click in range(least + 1):
        following: list[str] = []
        for href in edge:
            words, links = open_page(told, href)
            if told_there in words:
                return click
            following += [one.replace("&amp;", "&") for one in links]
        edge = [
            one for one in dict.fromkeys(following)
            if one.startswith("/") and one not in seen and not one.startswith(NOT_OURS)
            and not AS_WRITTEN.fullmatch(one)
        ]  # fmt: skip
        seen |= set(edge)
    raise AssertionError(f"{told_there!r} is further than {least} clicks away")


def judged(stage: Stage, told: str = "because") -> Recorded:
    """Let a night judge the strategy of the story."""
    one = NightVerdict(
        strategy=NAME, configuration_hash="c0ffee", stage=stage, standing="judged", reason=told
    )
    fact = NightEvaluated(date="2026-06-01", profile="full", verdicts=(one,))
    return Recorded(20, EXPIRY + HOUR, fact)


def test_an_empty_journal_says_what_will_appear() -> None:
    """No curve, no budgets: the page says so in words, and what begins them."""
    text = markdown(overview(Told(), {}))
    assert NO_MARK in text
    assert "Nothing does." in text
    assert "Shown once a strategy has its stage." in text
    assert "Nothing has happened yet." in text


def test_halts_budgets_and_the_result_of_a_story() -> None:
    """After an evening the halt and the pause need a person, and budgets stand with their limits:
    one trade of 1 %, an underlying of 3 %, two trades a day.
    """
    told = Told(STORY[:11], msgspec.structs.replace(PULSE, status="trading +2 USD"))
    page = overview(told, {})
    text = markdown(page)
    assert "daily_loss_halt" in text
    assert "Opening of covered_call_btc is paused by ann: news" in text
    assert "0.90 % of 1.0 %" in text
    assert "0.90 % of 3.0 %" in text
    assert "1 of 2" in text
    assert "+164.00" in text
    assert page.subtitle == "trading +2 USD"
    assert text.count("c1") > 0
    commands = [one for part in page.sections for one in part.blocks if isinstance(one, Control)]
    assert [one.action for one in commands] == ["resume", "pause", "flatten", "nightly"]


@pytest.mark.parametrize(
    ("stage", "needed"),
    [("PILOT", "fails its stage PRODUCTION"), ("PRODUCTION", "Nothing does.")],
)
def test_failing_nights_need_a_person(stage: Stage, needed: str) -> None:
    """A strategy that a night finds below its stage is named; one that holds it is not."""
    told = Told((*STORY[:3], judged(stage)))
    assert needed in markdown(overview(told, {}))


def test_earned_promotions_and_missing_prices_need_a_person() -> None:
    """A pilot that has earned PRODUCTION, and an expiry that waits for its price."""
    pilot = msgspec.structs.replace(STORY[2].fact, stage="PILOT")
    told = Told((*STORY[:2], Recorded(1, EVENING, pilot), judged("PRODUCTION")))
    assert f"{NAME} has earned PRODUCTION" in markdown(overview(told, {}))
    assert "Waiting for a delivery price: 1 settlement" in markdown(overview(Told(STORY[:14]), {}))


def test_what_broke_today_and_missing_nights_need_a_person() -> None:
    """A strategy that failed within a market day, once; a night that never came to an end."""
    broken = AlertRaised(kind="strategy_failed", severity="critical", text="bug", strategy=NAME)
    facts = (*STORY, *(Recorded(12, EXPIRY + HOUR, broken) for _ in range(3)))
    for days, failed, missing in ((0, 1, 0), (2, 0, 1)):
        at = EXPIRY + 2 * HOUR + days * DAY
        pulse = msgspec.structs.replace(PULSE, at=at, due={"": at + HOUR})
        text = markdown(overview(Told(facts, pulse), {}))
        assert text.count("covered_call_btc: bug") == failed
        assert text.count("No night has come to an end yet") == missing
    pulse = msgspec.structs.replace(PULSE, at=EXPIRY + 3 * DAY, due={"": EXPIRY + 4 * DAY})
    nobody = msgspec.structs.replace(pulse, due={})
    assert "No night has come" not in markdown(overview(Told(facts, nobody), {}))
    told = Told((*facts, judged("PRODUCTION")), pulse)
    assert "No night has come to an end since that of 2026-06-01" in markdown(overview(told, {}))


def test_what_comes_next_is_told_in_wall_time_too() -> None:
    """At 300 market seconds a second an hour is twelve seconds of ours."""
    at = STORY[5].at
    pulse = msgspec.structs.replace(
        PULSE, at=at, speed=300.0, due={NAME: at + HOUR, "": at + 2 * HOUR}
    )
    text = markdown(overview(Told(STORY[:7], pulse), {}))
    assert "covered_call_btc decides: 2026-06-01T19:00:05Z (in 1 h of market time, 12 s of" in text
    assert "next night: 2026-06-01T20:00:05Z (in 2 h of market time, 24 s of yours)" in text
    assert "next expiry: 2026-06-02T08:00:00Z" in text


def test_a_lost_feed_is_seen_at_once() -> None:
    """It stands in the notices and in the feed's own part; stale marks are named."""
    pulse = msgspec.structs.replace(PULSE, feed_alive=False, problems=("the feed is not alive",))
    page = overview(Told(STORY[:8], pulse), {})
    assert page.notices[0].text == "the feed is not alive"
    assert "lost: trying again" in markdown(page)
    assert "ETH-PERPETUAL" in markdown(page)


def test_a_newcomer_finds_why_a_trade_was_refused() -> None:
    """From the first page: rule, limit, used and requested, in at most three clicks."""
    told = Told(STORY, nights={"2026-06-01": report()})
    assert clicks_to(told, "underlying_risk: the max losses of all that is open on one") <= 3


def test_a_newcomer_finds_why_a_strategy_stands_where_it_stands() -> None:
    """From the first page: who gave the stage and why, and every gate, in at most three clicks."""
    pilot = msgspec.structs.replace(STORY[2].fact, stage="PILOT", reason="suits a pilot")
    told = Told(
        (*STORY[:2], Recorded(1, EVENING, pilot), *STORY[3:]), nights={"2026-06-01": report()}
    )
    assert clicks_to(told, "suits a pilot (by config)") <= 1
    assert clicks_to(told, "no gate stands in its way") <= 3


def test_every_link_of_these_pages_leads_somewhere() -> None:
    """Three clicks deep no link is dead, and anchors are there."""
    others = (
        Recorded(1, EVENING, StageChanged(name, "PILOT", "config", "first seen", "0"))
        for name in ("directional_btc", "empty")
    )
    told = Told(
        (*STORY[:3], *others, *STORY[3:]), nights={"2026-05-31": report(), "2026-06-01": report()}
    )
    with pytest.raises(AssertionError, match="further than 3 clicks"):
        clicks_to(told, "this stands nowhere")
    _, links = open_page(told, f"/strategies/{NAME}")
    assert "#stages" in links
