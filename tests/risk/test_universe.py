"""Is what lies outside of the universe refused by name, and everything within it let through?"""

from __future__ import annotations

from typing import Any

import pytest

from tests.risk.scenes import (
    COVERED,
    SHORT_CALL,
    chain,
    consumer,
    intent,
    perpetual,
    touch,
    view,
)
from trader.domain.trading import Approved, Leg, Refused, Stop, Verdict
from trader.risk.case import Case
from trader.risk.gate import Gate
from trader.risk.limits import RiskSettings
from trader.risk.settings import UniverseSettings
from trader.risk.universe import in_universe


def judge(wish: Any = None, shown: dict[str, Any] | None = None, **fence: Any) -> Verdict:
    """Ask a gate with one bound set."""
    settings = RiskSettings(universe=UniverseSettings(**fence))
    return Gate(settings).judge(wish or intent(), view(**(shown or {})), "V5-0")


@pytest.mark.parametrize(
    ("fence", "limit", "words"),
    [
        ({"hours_min": 169.0}, 169.0, "168 hours to its expiry; at least 169 is asked"),
        ({"days_max": 6.0}, 6.0, "7 days to its expiry; at most 6 is asked"),
        ({"strike_distance_max": 0.1}, 0.1, "0.1385 from the forward to its strike"),
        ({"spread_max": 0.01}, 0.01, "between bid and ask, a share of their middle"),
    ],
)
def test_what_lies_outside_is_refused_by_leg_and_key(
    fence: dict[str, Any], limit: float, words: str
) -> None:
    """With limit and value in the unit of the key."""
    refusal = judge(**fence)
    assert isinstance(refusal, Refused)
    assert (refusal.rule, refusal.limit) == ("universe", limit)
    assert words in refusal.explanation
    assert f"risk.universe.{next(iter(fence))}" in refusal.explanation


@pytest.mark.parametrize(
    "fence",
    [{}, {"hours_min": 168.0}, {"days_max": 7.0}, {"strike_distance_max": 0.139},
     {"underlyings": ("btc_usdc", "ETH")}],
)  # fmt: skip
def test_what_lies_within_passes(fence: dict[str, Any]) -> None:
    """At the bounds too; a coin by any of its names."""
    assert isinstance(judge(**fence), Approved)


def test_a_coin_that_is_not_named_is_not_opened() -> None:
    """The refusal names those that are."""
    refusal = judge(underlyings=("ETH", "SOL"))
    assert isinstance(refusal, Refused)
    assert refusal.explanation == (
        "BTC may not be opened: risk.universe.underlyings names ETH, SOL"
    )


def test_a_perpetual_has_neither_expiry_nor_strike() -> None:
    """No bound but the coin concerns it."""
    one = perpetual()
    shown: dict[str, Any] = {"touches": {one.name: touch(one)}}
    wish = intent(legs=(Leg(one.name, 1.0),), stop=Stop(touch(one).ask - 600.0, 300.0))
    narrow: dict[str, Any] = {"hours_min": 24.0, "days_max": 2.0, "strike_distance_max": 0.01}
    assert isinstance(judge(wish, shown, **narrow), Approved)


def test_additions_are_asked_and_what_is_held_is_not() -> None:
    """An add stays out; the chain that holds the same contract can be closed and rolled."""
    held: dict[str, Any] = {"chain": chain(), "consumers": (consumer("C9-0", 0.002),)}
    added = judge(intent("add"), held, days_max=6.0)
    assert isinstance(added, Refused)
    assert added.rule == "universe"
    assert isinstance(judge(intent("close", ()), held, days_max=6.0), Approved)


def test_the_question_alone_answers_nothing_by_default() -> None:
    """Everything that is watched may be opened."""
    asked = Case(RiskSettings(), intent(legs=COVERED), view(), "V5-0")
    assert SHORT_CALL.name in asked.view.touches
    assert in_universe(asked) is None
