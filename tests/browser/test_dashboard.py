"""Does the dashboard work where people look at it: in a browser, on live data, at every size?"""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from selenium.webdriver.common.keys import Keys

from tests.browser.driver import Viewer, open_browser
from tests.browser.site import read, running_site
from trader.web.pages import ADDRESSES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.browser.driver import Theme

SIZES: Final = ((360, 740), (1280, 800), (3840, 2160))
THEMES: Final[tuple[Theme, ...]] = ("light", "dark")
JUDGED: Final = ((360, "dark"), (1280, "light"))
"""Size and theme at which each page is judged for accessibility: both themes, two layouts."""
WEIGHT_MAX: Final = 300_000
FIGURE: Final = re.compile(r"<svg.*?</svg>", re.DOTALL)
OF_NIGHTS: Final = ("/nights/{date}",)
"""What only a night that was judged shows: `test_nights` looks at it."""
PICTURES: Final = os.environ.get("DASHBOARD_PICTURES", "")
"""A folder where every look is kept, for a person."""
STAYS: Final = "window.stayed = 1; document.querySelector('details').open = true;"


@pytest.fixture(scope="module")
def viewer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Viewer]:
    """One browser on one running demo, for every test of this module."""
    chrome = open_browser(tmp_path_factory.mktemp("profile"))
    try:
        with running_site(tmp_path_factory.mktemp("site")) as site:
            yield Viewer(chrome, site)
    finally:
        chrome.quit()


@pytest.fixture
def desk(viewer: Viewer) -> Viewer:
    """The browser as a laptop shows it, without what it complained of before."""
    viewer.wear(1280, 800, "light")
    viewer.complaints()
    viewer.requests()
    return viewer


def page_of(site: str, pattern: str) -> str | None:
    """Name a page of a kind, found by the links of the others; None where there is none yet."""
    if "{" not in pattern:
        return pattern
    whole = re.compile(re.sub(r"\{\w+\}", "[^/?]+", pattern))
    for path in (one for one in ADDRESSES if "{" not in one):
        for link in re.findall(r'href="(/[^"#]*)"', read(f"{site}{path}")):
            if whole.fullmatch(link) and link not in ADDRESSES:
                return str(link)
    return None


def needed(site: str, pattern: str) -> str:
    """Name a page that must be there."""
    found = page_of(site, pattern)
    assert found is not None, f"no page leads to one of {pattern}"
    return found


def until(check: Callable[[], bool], seconds: float, what: str) -> float:
    """Wait for something to come true; tell how long it took."""
    began = time.monotonic()
    while not check():
        assert time.monotonic() - began < seconds, f"not within {seconds} s: {what}"
        time.sleep(0.05)
    return time.monotonic() - began


@pytest.mark.parametrize("pattern", [one for one in ADDRESSES if one not in OF_NIGHTS])
def test_every_page_at_every_size_in_both_themes(desk: Viewer, pattern: str) -> None:
    """No complaint, no request elsewhere, no overflow, light, and axe finds nothing grave."""
    path = needed(desk.site, pattern)
    desk.visit(path)
    wrong: list[object] = []
    for width, height in SIZES:
        for theme in THEMES:
            desk.wear(width, height, theme)
            if desk.overflow() > 0:
                wrong.append((width, theme, "overflows by", desk.overflow()))
            if (width, theme) in JUDGED:
                wrong += [(width, theme, one) for one in desk.findings()]
            if PICTURES:
                name = path.strip("/").replace("/", "_") or "overview"
                desk.picture(Path(PICTURES) / f"{name}-{width}-{theme}.png")
    wrong += desk.complaints()
    own = (desk.site, "data:", "blob:")
    wrong += [("asked for", one) for one in desk.requests() if not one.startswith(own)]
    weight = len(FIGURE.sub("", read(f"{desk.site}{path}")).encode())
    if weight > WEIGHT_MAX:
        wrong.append(("weighs", weight))
    assert not wrong, "\n".join(map(str, wrong))


def test_the_first_page_is_usable_soon(desk: Viewer, capsys: pytest.CaptureFixture[str]) -> None:
    """It has a heading; how long that took is told, for machines differ."""
    desk.visit("/")
    took = desk.run(
        "const one = performance.getEntriesByType('navigation')[0];"
        "return [one.responseEnd, one.domContentLoadedEventEnd]"
    )
    with capsys.disabled():
        print(
            f"\nfirst page: answered {took[0]:.0f} ms, usable {took[1]:.0f} ms after it was asked"
        )
    assert desk.run("return document.querySelector('h1').textContent")


def test_the_keyboard_reaches_everything(desk: Viewer) -> None:
    """First the way past the navigation, then the pages in their order; focus is always seen."""
    desk.visit("/chains")
    focus = "return document.activeElement.textContent"
    desk.press(Keys.TAB)
    assert desk.run(focus) == "Skip to the page"
    assert desk.run("return document.activeElement.getBoundingClientRect().left >= 0")
    desk.press(Keys.ENTER)
    assert desk.run("return document.activeElement.id") == "main"
    desk.visit("/chains")
    desk.press(Keys.TAB)
    names = []
    for _ in range(10):
        desk.press(Keys.TAB)
        names.append(desk.run(focus))
    assert names[:3] == ["Overview", "Strategies", "Chains"]
    assert desk.run("return getComputedStyle(document.activeElement).outlineStyle") != "none"
    assert not desk.run("return document.querySelectorAll('[tabindex]:not([tabindex=\"0\"])"
                        ":not([tabindex=\"-1\"])').length")  # fmt: skip


def test_an_open_page_follows_and_keeps_what_a_person_does(desk: Viewer) -> None:
    """Market time moves on; open details, typed words and the place on the page stay."""
    desk.visit(needed(desk.site, "/chains/{id}"))
    clock = "return document.querySelector('#pulse time').textContent"
    desk.run(f"{STAYS} document.querySelector('details input:not([type=hidden])').value = 'ann';")
    desk.run("window.scrollTo(0, 200)")
    before = desk.run(clock)
    until(lambda: desk.run(clock) != before, 15, "market time moved on")
    again = desk.run(clock)
    until(lambda: desk.run(clock) != again, 15, "market time moved on once more")
    assert desk.run("return window.stayed") == 1
    assert desk.run("return document.querySelector('details').open")
    words = "return document.querySelector('details input:not([type=hidden])').value"
    assert desk.run(words) == "ann"
    assert desk.run("return window.scrollY") == 200


def test_times_are_told_where_the_reader_is(desk: Viewer) -> None:
    """UTC stands on the page, local time comes with the focus or the mouse."""
    desk.visit("/system")
    desk.run("document.querySelector('#pulse time').focus()")
    title = "return document.querySelector('#pulse time').title"
    assert desk.run(title).endswith("where you are")


def test_the_log_follows_what_is_typed(desk: Viewer) -> None:
    """Lines are chosen while a person types, without a new page; the address can be kept."""
    desk.visit("/log")
    desk.run("window.stayed = 1; document.querySelector('input[name=text]').focus()")
    desk.press(*"epoch.opened")
    rows = "return [...document.querySelectorAll('tbody tr')].map(one => one.cells[3].textContent)"
    until(lambda: set(desk.run(rows)) == {"epoch.opened"}, 10, "only what was asked for is shown")
    asked = "return new URLSearchParams(location.search).get('text')"
    until(lambda: bool(desk.run(asked) == "epoch.opened"), 10, "the address says so")
    assert desk.run("return window.stayed") == 1
    assert desk.run("return document.activeElement.name") == "text"


def test_quotes_move_by_themselves(desk: Viewer) -> None:
    """The board is pushed: cells change many times between two askings for the page."""
    desk.visit("/board?expiry=all")
    desk.run(
        "window.moved = 0; new MutationObserver(all => { window.moved += all.length })"
        ".observe(document.querySelector('[data-stream]'), {subtree: true, characterData: true,"
        " childList: true})"
    )
    until(lambda: desk.run("return window.moved") >= 20, 15, "twenty cells changed")
    assert not desk.complaints()


def test_silence_is_seen_and_mended(desk: Viewer) -> None:
    """Without an answer the page says that it is stale, and takes it back once there is one."""
    desk.visit("/system")
    shown = "return !document.getElementById('banner').hidden"
    assert not desk.run(shown)
    desk.offline(cut=True)
    try:
        until(lambda: bool(desk.run(shown)), 15, "the banner came")
        assert "stale" in desk.run("return document.getElementById('banner').textContent")
        assert desk.run("return document.body.classList.contains('stale')")
    finally:
        desk.offline(cut=False)
    until(lambda: not desk.run(shown), 30, "the banner went")
    desk.complaints()


def test_pages_work_without_script(desk: Viewer) -> None:
    """Tables, links and filters are there; the page asks for itself again."""
    desk.scripting(allowed=False)
    try:
        desk.visit("/log?level=info&text=epoch")
        source = desk.chrome.page_source
        assert "epoch.opened" in source
        assert 'http-equiv="refresh"' in source
        desk.visit("/chains")
        assert 'href="/chains/' in desk.chrome.page_source
    finally:
        desk.scripting(allowed=True)
