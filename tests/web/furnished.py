"""A room with something of everything: the story of an evening, a board, a night, a log."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from tests.engine.modelled import ModelFloor
from tests.storage.story import STORY
from tests.views.nights import a_night, full_card, subject
from tests.views.readings import Told
from tests.web.rooms import Room
from trader.app.last_night import REPORT
from trader.views.nightly_report import render
from trader.views.reading import BoardNow, LogLine
from trader.views.report_json import decode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trader.domain.facts import Recorded
    from trader.views.report_json import NightReport

DATE = "2026-06-01"
LOG = (
    LogLine("2026-06-01T18:00:02Z", "error", "halt.raised", "the day lost 3 %", {"at": "x"}),
    LogLine("2026-06-01T18:00:01Z", "info", "daemon.ready", "trading on paper", {}),
)


@cache
def a_board() -> BoardNow:
    """Copy a board that two models were fitted to."""
    floor = ModelFloor()
    floor.rounds(1)
    board = floor.engine.market.board("BTC")
    return BoardNow(board, True, *floor.engine.models.now(board))


@cache
def a_report() -> NightReport:
    """Read a night's report as the daemon would."""
    return decode(render(a_night(subject(full_card())))[REPORT])


def furnished(facts: Sequence[Recorded] = STORY) -> Room:
    """Lay everything out."""
    told = Told(facts, boards={("BTC", True): a_board()}, nights={DATE: a_report()}, log=LOG)
    return Room(told, takes_s=0.0)
