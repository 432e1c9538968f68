"""Does a person see what a command would do, before it is done?"""

from __future__ import annotations

import pytest

from tests.views.readings import Told
from trader.domain.events import NightEvaluated, NightVerdict, StageChanged
from trader.domain.facts import Recorded
from trader.domain.units import DAY
from trader.views.blocks import Control, Page, Pairs
from trader.views.screens.consent import DOES, TITLES, consent, sign_in_page
from trader.web.orders import COMMANDS

START = 20_000 * DAY
SECRET = {"csrf": "mark", "back": "/"}


def told() -> Told:
    """Tell of one strategy at PILOT, judged once."""
    verdict = NightVerdict(
        strategy="alpha", configuration_hash="v1", stage="PILOT", standing="judged",
        reason="earned it", figures={"expectancy": 0.01},
    )  # fmt: skip
    night = NightEvaluated(date="2024-10-04", profile="full", verdicts=(verdict,))
    changed = StageChanged("alpha", "PILOT", "config", "first", "v1")
    return Told([Recorded(1, START, changed), Recorded(2, START + DAY, night)])


def control(page: Page) -> Control:
    """Find the form of a page."""
    (found,) = [one for part in page.sections for one in part.blocks if isinstance(one, Control)]
    return found


def test_every_command_is_put_in_words() -> None:
    """A new command cannot be forgotten here."""
    assert set(COMMANDS) == set(DOES) == set(TITLES)


@pytest.mark.parametrize("action", list(COMMANDS))
def test_the_form_that_comes_back_is_whole(action: str) -> None:
    """What was sent goes along, with the mark; who and why can be mended."""
    form = {"strategy": "{0} alpha", "by": "ana", "reason": "news"}
    page = consent(told(), action, form, SECRET)
    fields = {one.name: one for one in control(page).fields}
    assert fields["csrf"].hidden
    assert fields["strategy"].value == "{0} alpha"
    assert (fields["by"].value, fields["by"].hidden) == ("ana", False)
    assert not control(page).signed, "who and why stand there once"


def test_a_promotion_shows_where_it_stands_and_what_speaks_against_it() -> None:
    """Days, night, figures; an objection asks for a tick, as the terminal asks for a word."""
    form = {"strategy": "alpha", "stage": "PRODUCTION"}
    page = consent(told(), "promote", form, SECRET)
    pairs = next(one for part in page.sections for one in part.blocks if isinstance(one, Pairs))
    shown = {name: cell.text for name, cell in pairs.rows}
    assert shown["stage"].startswith("PILOT since")
    assert shown["figures"] == "expectancy 0.01"
    assert "only 1 of 60 days at its present stage" in control(page).warning
    assert "--override" not in control(page).warning
    assert control(page).fields[-1].name == "override"
    assert page.subtitle.startswith("alpha lives at PRODUCTION from now on")


@pytest.mark.parametrize(
    "form", [{"strategy": "unknown", "stage": "PILOT"}, {"strategy": "alpha", "stage": "x"}, {}]
)
def test_what_is_not_known_is_not_judged(form: dict[str, str]) -> None:
    """The daemon refuses it in its own words: the page only asks."""
    page = consent(told(), "promote", form, SECRET)
    assert control(page).warning == ""


def test_flattening_shows_what_would_be_closed() -> None:
    """Nothing, where nothing is open."""
    page = consent(told(), "flatten", {}, SECRET)
    assert page.sections[0].title == "What would be closed"


def test_the_way_in_tells_where_the_token_lies_to_those_who_may_know() -> None:
    """And keeps what was begun; a wrong one is said."""
    page = sign_in_page("/state/web.token", {"then": "pause", "by": "ana"}, action="pause")
    assert "/state/web.token" in str(page)
    assert control(page).target == "/sign-in"
    assert [one.kind for one in control(page).fields][-1] == "secret"
    assert "Pause opening?" in page.subtitle
    stranger = sign_in_page("", {}, wrong=True)
    assert [one.text for one in stranger.notices] == ["That is not the token."]
    assert "lies" not in str(stranger)
