"""Do pages offer what a person may do, where it stands, and as the terminal would?"""

from __future__ import annotations

import argparse
import shlex

import pytest

from trader.app.cli import command_parser
from trader.domain.units import DAY
from trader.views.blocks import Control, Page, Section
from trader.views.report_html import page_html
from trader.views.screens import controls

NASTY = 'a"b <i>; rm -rf'


def every(strategy: str = "alpha") -> tuple[Control, ...]:
    """Make every control there is."""
    return (
        *controls.account_controls(20_000 * DAY, paused=True),
        *controls.strategy_controls(strategy, "PILOT", paused=False),
        *controls.strategy_controls(strategy, "PILOT", paused=True),
        controls.close("C1"),
    )


def test_a_strategy_is_offered_the_way_up_and_down_from_where_it_stands() -> None:
    """At PILOT: one step up, one down; at a floor none below it."""
    offered = [one.button for one in controls.strategy_controls("x", "PILOT", paused=False)]
    assert offered == [
        "Pause opening of x", "Promote x to PRODUCTION", "Demote x to RESEARCH"
    ]  # fmt: skip
    held = controls.strategy_controls("x", "PRODUCTION", paused=True, floor="PILOT")
    assert [one.button for one in held] == ["Resume opening of x", "Demote x to PILOT"]


def test_resuming_is_offered_only_where_something_stands_still() -> None:
    """Nobody needs to resume what runs."""
    actions = [one.action for one in controls.account_controls(DAY, paused=False)]
    assert actions == ["pause", "flatten", "nightly"]
    assert controls.account_controls(DAY, paused=True)[0].action == "resume"


def test_the_night_offered_is_of_the_last_day_that_is_over() -> None:
    """At noon of a day it is the day before; before the market's time is known, none."""
    assert controls.run_night(20_000 * DAY + DAY // 2).fields[0].value == "2024-10-03"
    assert controls.run_night(0).fields[0].value == ""


@pytest.mark.parametrize("name", ["alpha", NASTY])
def test_what_could_be_typed_is_understood_by_the_terminal(name: str) -> None:
    """Every command shown parses, names and all."""
    typed = [one.typed for one in every(name) if one.typed]
    assert len(typed) == len(every(name)) - 1, "only the night has no command of its own"
    for line in typed:
        program, *words = shlex.split(line)
        assert program == "trader"
        parsed: argparse.Namespace = command_parser().parse_args(words)
        assert (parsed.by, parsed.reason) == ("NAME", "WHY")


def test_names_stay_text_in_a_form() -> None:
    """A strategy's name cannot leave its attribute."""
    page = page_html(Page("t", "s", (), (Section("x", every(NASTY)),)))
    assert "<i>" not in page
    assert 'value="a&quot;b &lt;i&gt;; rm -rf"' in page
