"""Are past nights found, and nothing else of the disk?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.views.nights import a_night, full_card, subject
from trader.app.last_night import REPORT
from trader.app.night_archive import NightArchive
from trader.views.nightly_report import render
from trader.views.reading import NotThere

if TYPE_CHECKING:
    from pathlib import Path

DATES = ("2026-06-01", "2026-06-03")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two nights, one unfinished, and a secret beside them."""
    files = render(a_night(subject(full_card())))
    for date in (*DATES, "2026-06-04.unfinished"):
        (tmp_path / "nights" / date).mkdir(parents=True)
        for name, text in files.items():
            (tmp_path / "nights" / date / name).write_text(text, encoding="utf-8")
    (tmp_path / "nights" / "2026-06-05").mkdir()
    (tmp_path / REPORT).write_text("secret")
    return tmp_path / "nights"


def test_whole_nights_are_listed_newest_first(folder: Path) -> None:
    """What is unfinished or empty is no night; without a folder there is none."""
    assert NightArchive(folder).dates() == DATES[::-1]
    assert NightArchive(folder / "none").dates() == ()


def test_a_report_is_read_whole_and_made_anew_is_read_anew(folder: Path) -> None:
    """The same headline as was written; a night made again is not shown as it was."""
    archive = NightArchive(folder)
    report = archive.report(DATES[0])
    assert report.strategies[0].strategy == full_card().strategy
    assert archive.report(DATES[0]) is report
    (folder / DATES[0] / REPORT).write_text("{}")
    with pytest.raises(NotThere, match="cannot be read"):
        archive.report(DATES[0])


def test_files_are_given_as_they_were_written(folder: Path) -> None:
    """The page byte for byte."""
    written = (folder / DATES[1] / "report.html").read_bytes()
    assert NightArchive(folder).file(DATES[1], "report.html") == written


@pytest.mark.parametrize(
    ("date", "name"),
    [
        ("..", REPORT), (".", REPORT), ("2026-06-01/..", REPORT), ("2026-06-05", REPORT),
        ("2026-06-04.unfinished", REPORT), ("2026-06-01", "../../report.json"),
        ("2026-06-01", "made.json"), ("", REPORT), ("2026-06-01\n", REPORT),
    ],
)  # fmt: skip
def test_nothing_else_of_the_disk_is_shown(folder: Path, date: str, name: str) -> None:
    """Whatever is asked for: only files of a night, by their names."""
    with pytest.raises(NotThere):
        NightArchive(folder).file(date, name)
