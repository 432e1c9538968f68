"""Does `trader report` find the night that is meant and show it as asked?"""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from tests.app.running import trader, within
from tests.views.nights import a_night, empty_card, full_card, subject
from trader.app.cli import command_parser
from trader.views.nightly_report import HTML, TEXT, first_screen, render


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state directory with two nights and one that was never finished."""
    folder = tmp_path_factory.mktemp("state")
    for date, card in (("2026-05-31", empty_card("old")), ("2026-06-01", full_card("new"))):
        night = folder / "nights" / date
        night.mkdir(parents=True)
        for name, text in render(a_night(subject(card))).items():
            (night / name).write_text(text, encoding="utf-8")
    (folder / "nights" / "2026-06-02.unfinished").mkdir()
    (folder / "nights" / "2026-06-02").mkdir()
    return folder


def test_the_newest_night_is_shown_first_screen_only(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What changed and what to do; the whole of it is a word away."""
    run = within("report", "--state", state, capsys=capsys)
    assert run.returncode == 0
    assert "new: PRODUCTION" in run.stdout
    assert "## Account" not in run.stdout
    assert "trader report --text" in run.stdout
    assert "## Account" in within("report", "--text", "--state", state, capsys=capsys).stdout


def test_a_date_names_a_night(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An older one is found, as JSON too; one that was not made exits 3 and says what there is."""
    run = within("report", "--date", "2026-05-31", "--json", "--state", state, capsys=capsys)
    assert json.loads(run.stdout)["strategies"][0]["strategy"] == "old"
    gone = within("report", "--date", "2026-06-02", "--state", state, capsys=capsys)
    assert gone.returncode == 3
    assert "there are 2026-05-31 to 2026-06-01" in gone.stderr


def test_what_a_person_is_told_to_type_can_be_typed() -> None:
    """Every command of the first screen parses as it stands."""
    fallen = subject(full_card("fallen"))
    earned = subject(full_card("earned"), "RESEARCH", "RESEARCH")
    screen = first_screen(render(a_night(fallen, earned))[TEXT])
    commands = re.findall(r"`trader ([^`]+)`", screen)
    assert [command.split()[0] for command in commands] == ["diff", "promote"]
    for command in commands:
        command_parser().parse_args(shlex.split(command))


def test_no_night_exits_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A state directory without nights says what to do."""
    run = within("report", "--state", tmp_path, capsys=capsys)
    assert run.returncode == 3
    assert "no report in" in run.stderr


def test_open_hands_the_page_to_the_browser(state: Path, tmp_path: Path) -> None:
    """The browser that the environment names is started with the page's address."""
    opened = tmp_path / "opened"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\nprintf "%s" "$1" > "{opened}"\n', encoding="utf-8")
    browser.chmod(0o700)
    run = trader("report", "--open", "--state", state, environment={"BROWSER": f"{browser} %s"})
    page = state / "nights" / "2026-06-01" / HTML
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == str(page)
    assert opened.read_text(encoding="utf-8") == page.as_uri()
