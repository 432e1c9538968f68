"""Do the pages about nights read well, in a browser, with all that a night can find?"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import pytest

from tests.browser.driver import Viewer, open_browser
from tests.browser.site import served
from tests.storage.story import STORY
from tests.views.nights import NASTY, a_night, empty_card, full_card, subject
from tests.views.readings import Told
from tests.web.rooms import Room
from trader.views.report_json import decode, encode

if TYPE_CHECKING:
    from trader.views.reading import Reading

T = TypeVar("T")
STRATEGY = "covered_call_btc"
DATES = ("2026-05-30", "2026-05-31")
PAGES = ("/nights", "/nights/2026-05-31", "/nights/diff", f"/strategies/{STRATEGY}")


class Judged(Room):
    """A window over the story, with two nights that judged its strategy and one of a hard name."""

    def __init__(self) -> None:
        super().__init__()
        night = a_night(subject(full_card(STRATEGY)), subject(empty_card(NASTY)))
        report = decode(encode(night, {}))
        self._reading = Told(STORY, nights=dict.fromkeys(DATES, report))

    async def read(self, make: Callable[[Reading], T]) -> T:
        """Read the same always."""
        return make(self._reading)


def test_pages_about_nights_read_well(tmp_path_factory: pytest.TempPathFactory) -> None:
    """On a phone in the dark, on a laptop in the light: nothing overflows, nothing is grave."""
    wrong: list[object] = []
    with served(Judged) as site:
        chrome = open_browser(tmp_path_factory.mktemp("profile"))
        try:
            viewer = Viewer(chrome, site)
            for path in PAGES:
                viewer.visit(path)
                for width, height, theme in ((360, 740, "dark"), (1280, 800, "light")):
                    viewer.wear(width, height, "dark" if theme == "dark" else "light")
                    if viewer.overflow() > 0:
                        wrong.append((path, width, "overflows by", viewer.overflow()))
                    wrong += [(path, width, one) for one in viewer.findings()]
                wrong += [(path, one) for one in viewer.complaints()]
        finally:
            chrome.quit()
    assert not wrong, "\n".join(map(str, wrong))
