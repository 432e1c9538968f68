"""Does a board of 1,500 options scroll smoothly while its quotes move?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np
import pytest

from tests.browser.driver import Viewer, open_browser
from tests.browser.site import served
from tests.builders import alter, board
from tests.views.readings import Told
from tests.views.test_board_rows import now
from tests.web.rooms import Room

if TYPE_CHECKING:
    from trader.views.reading import Reading

T = TypeVar("T")
DAYS: Final = (1, 2, 3, 7, 14, 28, 42, 56, 90, 120, 150, 180, 270)
MOVED: Final = 0.05
"""Share of the quotes that move between two looks."""
FRAME_MS_MAX: Final = 100.0
"""Half of the frames are shorter, on a machine that draws without a graphics card."""
SCROLLED: Final = """
const done = arguments[arguments.length - 1], frames = [], began = performance.now();
let last = began, moved = 0;
for (const one of document.querySelectorAll("[data-stream]"))
  new MutationObserver(all => { moved += all.length })
    .observe(one, {subtree: true, characterData: true, childList: true});
function step(at) {
  frames.push(at - last); last = at;
  window.scrollBy(0, 60);
  if (at - began < 4000) requestAnimationFrame(step);
  else done([frames.slice(2), moved, document.querySelectorAll("[data-key]").length, scrollY]);
}
requestAnimationFrame(step);
"""


class Restless(Room):
    """A window over a large board, some of whose quotes move between any two looks."""

    def __init__(self) -> None:
        super().__init__()
        self._chance = np.random.default_rng(7)
        self._board = board(days=DAYS)

    async def read(self, make: Callable[[Reading], T]) -> T:
        """Move some quotes, and show the board beside the loop."""
        moved = self._chance.random(len(self._board)) < MOVED
        self._board = alter(self._board, {"bid": self._chance.random(int(moved.sum()))}, moved)
        reading = Told((), boards={("BTC", True): now(self._board)})
        return await asyncio.to_thread(make, reading)


def test_a_large_board_scrolls_while_it_moves(
    tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    """Frames go on, hundreds of cells change beneath; how fast is told, for machines differ."""
    with served(Restless) as site:
        chrome = open_browser(tmp_path_factory.mktemp("profile"))
        try:
            viewer = Viewer(chrome, site)
            viewer.wear(1280, 800, "light")
            viewer.visit("/board?expiry=all")
            before = viewer.layouts()
            frames, moved, rows, depth = viewer.chrome.execute_async_script(SCROLLED)
            laid_out = viewer.layouts() - before
            complaints = viewer.complaints()
        finally:
            chrome.quit()
    middle, late = np.percentile(frames, (50, 95))
    with capsys.disabled():
        print(
            f"\n{2 * rows} options: {len(frames)} frames while scrolling {depth:.0f} px, median"
            f" {middle:.0f} ms, 95 % below {late:.0f} ms, {moved} cells changed in 4 s, laid out"
            f" {laid_out:.0f} times"
        )
    assert 2 * rows >= 1_500
    assert moved > 200
    assert middle < FRAME_MS_MAX
    assert laid_out <= len(frames) + 5, "no frame is laid out twice"
    assert not complaints
