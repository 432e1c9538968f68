"""Which families may open in which regime, and what is said of it."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from trader.domain.models import REGIMES, Observation, Regime
from trader.strategies.registry import BUILT_IN
from trader.strategies.selector import EXPLANATION_MAX, SelectorSettings, choose

ON = SelectorSettings(enabled=True)


def test_nothing_is_selected_by_default() -> None:
    """Without a wish for it no regime is asked."""
    assert choose(SelectorSettings(), "neutral", Observation("Crisis", "it fell")) is None


@pytest.mark.parametrize(
    ("regime", "allowed", "barred"),
    [
        ("Calm", "neutral", "gamma_scalping"),
        ("Volatile", "gamma_scalping", "neutral"),
        ("Trending", "directional", "neutral"),
        ("Crisis", "gamma_scalping", "covered_call"),
    ],
)
def test_each_regime_has_its_families(regime: Regime, allowed: str, barred: str) -> None:
    """The words name regime, reason, families, and whether this one is among them."""
    seen = Observation(regime, "because it is so")
    yes, no = choose(ON, allowed, seen), choose(ON, barred, seen)
    assert yes is not None
    assert no is not None
    assert (yes.allowed, no.allowed) == (True, False)
    assert yes.explanation.startswith(f"{regime} market (because it is so) lets open ")
    assert yes.explanation.endswith(f"; {allowed} is among them")
    assert no.explanation.endswith(f"; {barred} is not among them")


def test_too_little_history_lets_every_family_open() -> None:
    """Unless a list says otherwise; strangers are every family too."""
    seen = Observation(None, "3.0 days of closes, 60 are needed")
    told = choose(ON, "stranger", seen)
    assert told is not None
    assert told.allowed
    assert told.explanation == (
        "unknown market (3.0 days of closes, 60 are needed) lets open every family; stranger is "
        "among them"
    )
    none = choose(SelectorSettings(enabled=True, unknown=()), "neutral", seen)
    assert none is not None
    assert not none.allowed
    assert "lets open no family" in none.explanation


def test_every_built_in_family_may_open_somewhere() -> None:
    """No kind is shut out of every regime by the defaults."""
    for kind in BUILT_IN:
        choices = [choose(ON, kind.kind, Observation(one, "so")) for one in REGIMES]
        assert any(one is not None and one.allowed for one in choices), kind.kind


def test_words_are_bounded() -> None:
    """A reason of any length leaves room for the answer."""
    told = choose(ON, "neutral", Observation("Calm", "so" * 10_000))
    assert told is not None
    assert len(told.explanation) <= EXPLANATION_MAX + 40
    assert told.explanation.endswith("neutral is among them")


def test_lists_are_checked() -> None:
    """A kind twice, or "*" beside others, is a mistake."""
    with pytest.raises(ValidationError, match="twice"):
        SelectorSettings(calm=("neutral", "neutral"))
    with pytest.raises(ValidationError, match="name it alone"):
        SelectorSettings(crisis=("*", "neutral"))
