"""Is a night's folder whole or not there, whatever was killed when, and only ours trusted?"""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from tests.app.nights import configured
from trader.app.night_folder import (
    DECISIONS,
    MADE,
    Made,
    NightUnusable,
    Origin,
    forget_old,
    judging_hash,
    read_decisions,
    read_made,
    sweep,
    write_folder,
)
from trader.domain.events import NightEvaluated

if TYPE_CHECKING:
    from pathlib import Path

DATE = "2026-06-01"
OURS = Origin(configuration="c0ffee", journal_began_at=7)
NIGHT = NightEvaluated(date=DATE, profile="quick", verdicts=())


def write(nights: Path, text: str = "one", date: str = DATE) -> Path:
    """Write a night whose report says something."""
    made = Made(date=date, origin=OURS, demoted=("alpha",), needs=("alpha falls",))
    night = NightEvaluated(date=date, profile="quick", verdicts=())
    write_folder(nights / date, made, night, {"report.md": text})
    return nights / date


def names(nights: Path) -> list[str]:
    """List what lies there."""
    return sorted(path.name for path in nights.iterdir())


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    """Decisions, how it came out, and the report; nothing else is left beside."""
    folder = write(tmp_path)
    assert read_decisions(folder, OURS) == NIGHT
    assert read_made(folder, OURS).demoted == ("alpha",)
    assert names(folder) == [DECISIONS, MADE, "report.md"]
    assert names(tmp_path) == [DATE]
    write(tmp_path, "two")
    assert (folder / "report.md").read_text(encoding="utf-8") == "two"
    assert names(tmp_path) == [DATE]


@pytest.mark.parametrize(
    ("origin", "why"),
    [
        (Origin(configuration="other", journal_began_at=7), "made from another configuration"),
        (Origin(configuration="c0ffee", journal_began_at=8), "made from another journal"),
    ],
)
def test_a_night_of_something_else_is_refused(tmp_path: Path, origin: Origin, why: str) -> None:
    """It says what it was made from instead."""
    with pytest.raises(NightUnusable, match=why):
        read_decisions(write(tmp_path), origin)


@pytest.mark.parametrize("name", [DECISIONS, MADE])
@pytest.mark.parametrize("text", ["", "{", "[]", '{"date": "2026-06-01"}', "\x00\xff"])
def test_a_corrupt_file_is_no_verdict(tmp_path: Path, name: str, text: str) -> None:
    """Cut off, of another shape, no text: unusable, never half believed."""
    folder = write(tmp_path)
    (folder / name).write_text(text, encoding="latin-1")
    with pytest.raises(NightUnusable, match="cannot be read"):
        read_decisions(folder, OURS)


def test_a_night_under_another_date_is_refused(tmp_path: Path) -> None:
    """A folder that somebody copied judges nothing."""
    moved = write(tmp_path).rename(tmp_path / "2026-06-02")
    with pytest.raises(NightUnusable, match=f"is of {DATE}"):
        read_decisions(moved, OURS)
    with pytest.raises(NightUnusable, match="is not there"):
        read_decisions(tmp_path / DATE, OURS)


class _Killed(BaseException):
    """What stops a write at a moment; nothing catches it."""


@pytest.mark.parametrize("calls", range(1, 12))
def test_wherever_a_kill_comes_a_whole_night_can_be_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, calls: int
) -> None:
    """The old one or the new one, after the sweep of every start; then it can be written."""
    write(tmp_path, "old")
    left = calls

    def dying(where: Any, name: str) -> None:
        real = getattr(where, name)

        def call(*given: Any, **more: Any) -> Any:
            nonlocal left
            left -= 1
            if not left:
                raise _Killed
            return real(*given, **more)

        monkeypatch.setattr(where, name, call)

    dying(os, "fsync")
    dying(shutil, "rmtree")
    dying(type(tmp_path), "rename")
    died = True
    try:
        write(tmp_path, "new")
        died = False
    except _Killed:
        pass
    monkeypatch.undo()
    assert died == (calls <= 9), "the calls above are all there are"
    sweep(tmp_path)
    assert names(tmp_path) == [DATE]
    assert read_decisions(tmp_path / DATE, OURS) == NIGHT
    assert (tmp_path / DATE / "report.md").read_text(encoding="utf-8") in {"old", "new"}
    write(tmp_path, "newer")


def test_the_oldest_nights_go_and_the_new_one_stays(tmp_path: Path) -> None:
    """Even where the new one is of a day before all others."""
    for day in (3, 4, 5, 6):
        write(tmp_path, date=f"2026-06-0{day}")
    write(tmp_path)
    (tmp_path / "configuration").mkdir()
    assert forget_old(tmp_path, 3, DATE) == ["2026-06-03", "2026-06-04"]
    assert names(tmp_path) == [DATE, "2026-06-05", "2026-06-06", "configuration"]
    assert forget_old(tmp_path, 3, DATE) == []


def test_the_hash_is_of_what_judges(tmp_path: Path) -> None:
    """Risk and years count; where state lies, what is logged, and who works do not."""
    ours = judging_hash(configured(tmp_path))
    for setting in ("log.level=debug", "nightly.workers=7", "web.port=9", "nightly.keep_days=3"):
        assert judging_hash(configured(tmp_path, setting)) == ours
    for setting in ("risk.max_risk_per_trade=0.02", "nightly.years=1", "stages.nights_to_demote=2"):
        assert judging_hash(configured(tmp_path, setting)) != ours
