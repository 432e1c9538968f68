"""Is a night told whole, the same each time, whatever is missing from it?"""

from __future__ import annotations

import math
import re
from functools import cache
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.views.nights import NASTY, a_night, empty_card, full_card, subject
from tests.views.test_report_html import body
from trader.evaluation.approval import ApprovalConfig
from trader.evaluation.strategy_card import FailedStudy, Scorecard
from trader.views.nightly_report import HTML, JSON, TEXT, first_screen, render

ABSENT: dict[str, Any] = dict.fromkeys(
    ("approval", "quality", "monte_carlo", "stationary", "sensitivity", "rolling", "anchored",
     "stress", "overfitting", "look_ahead", "divergence")
) | dict.fromkeys(("phases", "marks", "results", "closed_at", "failures"), ()) | {
    "refused": {}, "parameters": {}, "trades": 0,
}  # fmt: skip
WHOLE = cache(full_card)


def poisoned(value: Any, number: float) -> Any:
    """Put a number in the place of every float."""
    match value:
        case float():
            return number
        case tuple():
            return tuple(poisoned(one, number) for one in value)
        case dict():
            return {key: poisoned(one, number) for key, one in value.items()}
        case ApprovalConfig():
            return value  # what a person configured is a number
        case msgspec.Struct():
            fields = value.__struct_fields__
            return type(value)(**{name: poisoned(getattr(value, name), number) for name in fields})
        case _:
            return value


def test_the_same_night_has_the_same_bytes() -> None:
    """Three files, written twice, do not differ in a byte."""
    night = a_night(subject(full_card()), subject(empty_card()))
    first, second = render(night), render(night)
    assert set(first) == {HTML, TEXT, JSON}
    assert first == second


@settings(max_examples=25)
@given(st.sets(st.sampled_from(sorted(ABSENT))), st.text(max_size=20))
def test_whatever_is_missing_the_rest_is_told(missing: set[str], name: str) -> None:
    """Any set of studies may be absent, and a strategy may be called anything."""
    gone = missing | ({"results", "closed_at"} if missing & {"results", "closed_at"} else set())
    card = msgspec.structs.replace(
        WHOLE(), strategy=name, **{field: ABSENT[field] for field in gone}
    )
    failures = (FailedStudy(NASTY, NASTY),)
    files = render(a_night(subject(msgspec.structs.replace(card, failures=failures))))
    body(files[HTML])
    assert "\n## Account" in files[TEXT]


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, 1e300, 0.0, -1.0])
def test_no_number_is_written_that_is_none(number: float) -> None:
    """With every figure of a card not finite, absurd or the same, the page is whole."""
    card = poisoned(WHOLE(), number)
    if number > 1e6:  # no simulation bears it
        card = msgspec.structs.replace(card, results=(), closed_at=())
    files = render(a_night(subject(card)))
    body(files[HTML])
    told = re.sub(r"<style>.*?</style>", "", files[HTML], flags=re.DOTALL)
    if not math.isfinite(number):
        assert not re.search(r"[^a-z](nan|inf)[^a-z]", told + files[TEXT])


@pytest.mark.parametrize("trades", [2, 3, 25])
def test_few_trades_are_enough_for_a_report(trades: int) -> None:
    """A card of a handful of trades has its figures."""
    files = render(a_night(subject(full_card(trades=trades))))
    body(files[HTML])
    assert f"{trades} closed trades" in files[TEXT]


def test_a_night_without_strategies_is_a_night() -> None:
    """Nobody to judge: the page says so little, but says it."""
    files = render(a_night())
    body(files[HTML])
    assert "No stage changed." in files[TEXT]


def test_the_first_screen_ends_before_the_account() -> None:
    """What changed, what needs a person, where each stands: and no more."""
    screen = first_screen(render(a_night(subject(one_trade())))[TEXT])
    assert "What needs a person" in screen
    assert "Strategies" in screen
    assert "Account" not in screen


def one_trade() -> Scorecard:
    """Make the card of a strategy with one closed trade: no statistic, but a path."""
    return msgspec.structs.replace(empty_card(), trades=1, results=(0.001,), closed_at=(1,))


def test_one_trade_draws_a_path() -> None:
    """One result is a line of two points, and no study breaks on it."""
    files = render(a_night(subject(one_trade())))
    body(files[HTML])
    assert "1 closed trade," in files[TEXT]
