"""Does a night's report tell types, what is held back, and what the psychology score is not?"""

from __future__ import annotations

import msgspec

from tests.engine.test_conduct import judgment
from tests.evaluation.test_conduct import NOW, conduct, tape
from tests.views.nights import a_night
from trader.domain.units import DAY, HOUR
from trader.evaluation.conduct import JudgedAt, tell_traders
from trader.views.nightly_report import HTML, JSON, TEXT, first_screen, render
from trader.views.report_json import decode


def behaved() -> dict[str, str]:
    """Render a night in which alpha took revenge twelve hours ago."""
    held = tape(12)
    held.judged(judgment(paused_until=NOW + DAY), NOW - 12 * HOUR)
    found = (JudgedAt(NOW - 12 * HOUR, judgment()),)
    traders = tell_traders(conduct(alpha=held), ["alpha"], found, NOW)
    return dict(render(msgspec.structs.replace(a_night(), traders=traders)))


def test_the_section_is_in_every_format() -> None:
    """Type with its reason, multiplier, what was found, in HTML and Markdown; all of it as JSON."""
    files = behaved()
    for name in (HTML, TEXT):
        for part in (
            "Behavior", "Conservative", "the type is by rule", "x 0.65", "REVENGE_TRADING",
            "larger after a loss",
        ):  # fmt: skip
            assert part in files[name], (name, part)
    account, alpha = decode(files[JSON]).night.traders
    assert (account.strategy, alpha.strategy) == (None, "alpha")
    assert alpha.profile.type_name == "Conservative"
    assert alpha.judged[0].judged == judgment()


def test_score_and_behavior_are_told_apart() -> None:
    """Once, where behavior is told of; with trades and without."""
    files = render(a_night())
    assert "n/a: no chain has ended yet." in files[TEXT]
    for text in (files[TEXT], behaved()[TEXT]):
        assert "psychology score of a strategy's chapter is something else" in text
        assert "Neither number enters the other." in text


def test_the_section_comes_after_the_first_screen() -> None:
    """What changed and what needs a person come first."""
    assert "## Behavior" not in first_screen(behaved()[TEXT])


def test_ratios_to_nothing_are_left_out() -> None:
    """Who never lost has no profit factor, and not one of a hundred million."""
    winner = tape(2)
    (text,) = [
        one for one in render(
            msgspec.structs.replace(
                a_night(), traders=tell_traders(conduct(alpha=winner), ["alpha"], (), NOW)
            )
        )[TEXT].splitlines() if one.startswith("| alpha") and "100.0 %" in one
    ]  # fmt: skip
    assert "n/a" in text
