"""Does the shell of a page lead everywhere, keep to its policy, and let nothing in?"""

from __future__ import annotations

import re
from xml.etree import ElementTree

import msgspec

from tests.views.readings import PULSE
from trader.views.blocks import Cell, Control, Field, Page, Pairs, Prose, Section
from trader.views.screen_html import NAVIGATION, STYLE, Site, screen_html

HOSTILE = '<script>alert("1")</script>'


def shown(page: Page, path: str = "/chains/C1-0") -> str:
    """Write a page."""
    return screen_html(page, Site(path, PULSE, "v1"))


def page(*blocks: object) -> Page:
    """Make a page of blocks."""
    return Page("Title", "subtitle", (), (Section("Part", blocks, level=2),))  # type: ignore[arg-type]


def test_every_page_leads_to_every_other_and_marks_where_it_is() -> None:
    """A chain's page marks Chains; the first page marks nothing but itself."""
    text = shown(page())
    for target, name in NAVIGATION:
        assert f'href="{target}"' in text
        assert f">{name}</a>" in text
    assert re.findall(r'href="([^"]+)" aria-current="page"', text) == ["/chains"]
    assert re.findall(r'href="([^"]+)" aria-current="page"', shown(page(), "/")) == ["/"]


def test_nothing_runs_or_is_styled_inline() -> None:
    """The policy forbids inline styles and scripts, so the page has none, and needs none."""
    text = shown(page(Prose("x"), Pairs((("a", Cell("b")),))))
    assert " style=" not in text
    assert not re.search(r"<script(?![^>]* src=)", text)
    assert " on" not in re.sub(r">[^<]*<", "><", text).replace(" on=", "")
    assert "https:" not in text


def test_what_a_journal_says_is_text() -> None:
    """Titles, cells, controls and pulses are escaped, whatever they hold."""
    control = Control(
        action="close", button=HOSTILE, typed=HOSTILE, warning=HOSTILE,
        fields=(Field("chain_id", value=HOSTILE, hidden=True),),
    )  # fmt: skip
    hostile = Page(
        HOSTILE,
        HOSTILE,
        (Prose(HOSTILE),),
        (Section(HOSTILE, (control, Pairs(((HOSTILE, Cell(HOSTILE, href=HOSTILE)),)))),),
    )
    pulse = msgspec.structs.replace(PULSE, problems=(HOSTILE,), software=HOSTILE)
    text = screen_html(hostile, Site("/", pulse, "v1"))
    assert "<script>alert" not in text
    assert text.count("&lt;script&gt;") >= 8


def test_a_control_asks_who_and_why_and_names_what_can_be_typed() -> None:
    """Name and reason are required fields; what is set goes hidden."""
    control = Control(
        action="pause", button="Pause", typed="trader pause x",
        fields=(Field("strategy", value="x", hidden=True),),
    )  # fmt: skip
    form = re.search(r"<form.*?</form>", shown(page(control)), re.DOTALL)
    assert form is not None
    tree = ElementTree.fromstring(re.sub(r"<input([^>]*)>", r"<input\1/>", form.group())
                                  .replace(" required", ' required="1"'))  # fmt: skip
    fields = {one.get("name"): one for one in tree.iter("input")}
    assert set(fields) >= {"strategy", "by", "reason"}
    assert fields["strategy"].get("type") == "hidden"
    assert all(fields[name].get("required") for name in ("by", "reason"))
    assert "<code>trader pause x</code>" in shown(page(control))


def test_the_stylesheet_knows_both_themes_and_fetches_nothing() -> None:
    """Light and dark share one set of names; no address is in it."""
    assert STYLE.count("--paper:") == 2
    assert "url(" not in STYLE
    assert "@import" not in STYLE


def test_an_open_page_is_told_where_to_listen_and_a_still_one_is_not() -> None:
    """The script hears from the stream that something happened; what stands still asks nothing."""
    assert ' data-events="/api/v1/stream"' in screen_html(page(), Site("/", PULSE, "t"))
    still = screen_html(page(), Site("/", PULSE, "t", still=True))
    assert "data-events" not in still
