"""Is the page whole, harmless and sober in every browser, on a phone too?"""

from __future__ import annotations

import html
import os
import re
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.views.nights import NASTY, a_night, empty_card, full_card, subject
from trader.views.blocks import Cell, Page, Prose, Section, Table, columns, row
from trader.views.nightly_report import HTML, render
from trader.views.report_html import page_html, rich

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def body(page: str) -> ET.Element:
    """Parse what a page shows; it is well-formed, or this fails."""
    inner = page[page.index("<body>") : page.index("</body>") + len("</body>")]
    return ET.fromstring(inner)


def test_names_cannot_become_markup() -> None:
    """A name full of tags and quotes is the text of a cell, a link and a title, nothing else."""
    table = Table(columns("a", NASTY), (row(Cell(NASTY, anchor="x"), NASTY),), stacked=True)
    found = body(page_html(Page(NASTY, NASTY, (Prose(NASTY),), (Section(NASTY, (table,)),))))
    assert not list(found.iter("b"))
    assert [one.text for one in found.iter("a")] == [NASTY]
    assert [one.attrib["data-label"] for one in found.iter("td")] == ["a", NASTY]


def test_code_is_set_as_code() -> None:
    """What a person types stands out; a lone backtick does not."""
    assert rich("do `trader <x>` now") == "do <code>trader &lt;x&gt;</code> now"
    assert rich("a ` b") == "a ` b"


def test_nothing_is_fetched_or_run() -> None:
    """No script, no event handler, no address but those within the page, and a policy says so."""
    page = render(a_night(subject(full_card()), subject(empty_card(NASTY))))[HTML]
    names = {one.tag for one in body(page).iter()}
    assert not names & {"script", "img", "iframe", "link", "object", "form", "style"}
    attributes = {key for one in body(page).iter() for key in one.attrib}
    assert not [key for key in attributes if key.startswith("on") or key in ("src", "style")]
    assert all(one.startswith("#") for one in re.findall(r'href="([^"]*)"', page))
    assert "url(" not in page
    assert "default-src 'none'" in page


def test_links_arrive() -> None:
    """Every strategy of the first table leads to its chapter."""
    found = body(render(a_night(subject(full_card()), subject(empty_card(NASTY))))[HTML])
    targets = {one.attrib["id"] for one in found.iter() if "id" in one.attrib}
    links = {one.attrib["href"][1:] for one in found.iter("a")}
    assert links == targets == {"strategy-1", "strategy-2"}


def test_it_shows_on_a_phone_without_complaint(tmp_path: Path) -> None:
    """In Chromium at 360 and 1280 pixels nothing overflows, and the console stays silent."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        assert os.environ.get("CI") != "true", f"none of {BROWSERS} is installed"
        pytest.skip(f"none of {BROWSERS} is installed")
    page = render(a_night(subject(full_card()), subject(empty_card(NASTY))))[HTML]
    frames = "".join(
        f'<iframe style="width:{width}px;border:0" srcdoc="{html.escape(page)}"></iframe>'
        for width in (360, 1280)
    )
    measure = (
        "onload=()=>{document.title=[...document.querySelectorAll('iframe')]"
        ".map(one=>one.contentDocument.documentElement)"
        ".map(one=>one.scrollWidth-one.clientWidth).join(' ')}"
    )
    wrapped = tmp_path / "wrapped.html"
    wrapped.write_text(f"<title></title>{frames}<script>{measure}</script>", encoding="utf-8")
    run = subprocess.run(
        [
            browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            "--disable-background-networking", "--enable-logging=stderr",
            f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", wrapped.as_uri(),
        ],
        capture_output=True, text=True, timeout=90, check=True,
    )  # fmt: skip
    assert "<title>0 0</title>" in run.stdout
    assert "CONSOLE" not in run.stderr
