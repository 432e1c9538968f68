"""Is no night lost, doubled or half written by SIGKILL? Real processes, and a checked checker."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.simulation.night_campaign import NightCampaign, taken_once, whole_folders
from tests.simulation.processes import check_nothing_is_lost
from trader.app.night_folder import DECISIONS, Origin
from trader.domain.events import NightEvaluated, StageChanged
from trader.domain.facts import Recorded

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.timeout(300)  # the machine may be busy
@pytest.mark.parametrize("kills", [1, pytest.param(3, marks=pytest.mark.long)])
def test_killed_nights_are_caught_up(kills: int, tmp_path: Path) -> None:
    """Daemon or nightly process, at random moments: the night is taken once, its folder whole."""
    campaign = NightCampaign(tmp_path / "campaign", seed=5, say=print)
    figures = campaign.run(kills=kills)
    assert campaign.wrong == []
    assert figures.kills == kills
    assert figures.nights >= 1
    assert figures.workers_orphaned == 0


def night(sequence: int, date: str) -> Recorded:
    """Take a night."""
    return Recorded(sequence, sequence, NightEvaluated(date=date, profile="quick", verdicts=()))


def fall(sequence: int, by: str = "night") -> Recorded:
    """Demote."""
    return Recorded(sequence, sequence, StageChanged("alpha", "PILOT", by, "why", "h"))


def test_the_checker_sees_what_it_is_there_for(tmp_path: Path) -> None:
    """A night twice, a demotion without a night or a second one of it, half a folder."""
    good = [night(1, "2026-06-01"), fall(1), fall(2, "ana"), night(3, "2026-06-02"), fall(3)]
    assert taken_once(good) == []
    assert taken_once([*good, night(4, "2026-06-02")]), "taken twice"
    assert taken_once([*good, fall(3)]), "fallen twice"
    assert taken_once([*good, fall(5)]), "fallen without a night"
    (tmp_path / "2026-06-01").mkdir()
    (tmp_path / "2026-06-01" / DECISIONS).write_text("{", encoding="utf-8")
    assert whole_folders(tmp_path, Origin(configuration="c", journal_began_at=1))


@pytest.mark.long
@pytest.mark.timeout(3_600)
def test_fifty_sigkills_at_night_lose_nothing() -> None:
    """The whole campaign, as a person runs it: fifty kills, no violation, exit 0."""
    check_nothing_is_lost("night_campaign", kills=50)
