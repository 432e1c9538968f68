"""Is a new trade multiplied by every factor, once, with reasons, and never enlarged?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.risk.circumstanced import Told
from tests.risk.scenes import EQUITY, GATE, consumer, intent, view
from tests.risk.test_correlation import bars, walks
from trader.domain.models import REGIMES, Observation, Worth
from trader.domain.trading import Approved, Refused, Restraint, SizeFactor, Verdict
from trader.domain.units import HOUR
from trader.risk.appetite import circumstantial_factors, shrinking_text, standing_factors
from trader.risk.case import Case
from trader.risk.gate import Gate
from trader.risk.limits import RiskSettings
from trader.risk.settings import SizingSettings

if TYPE_CHECKING:
    from trader.domain.trading import FactorName, Stage

ANY = st.floats(allow_nan=True, allow_infinity=True)
CRISIS = Told(regime=Observation("Crisis", "a day moved -14 deviations"))
ALL = ["kelly", "agreement", "regime", "drawdown", "correlation"]


def judge(told: Told | None, gate: Gate = GATE, **changes: Any) -> Verdict:
    """Ask the whole gate for a vertical."""
    return gate.judge(intent(), view(circumstances=told, **changes), "V5-0")


def amount(verdict: Verdict) -> float:
    """What was granted; nothing where it was refused."""
    return verdict.amount if isinstance(verdict, Approved) else 0.0


def test_every_factor_stands_in_the_verdict_in_order() -> None:
    """What is not known takes nothing away and says so."""
    verdict = judge(Told(), restraint=Restraint(reason="no alert stands"))
    assert isinstance(verdict, Approved)
    assert [one.name for one in verdict.sizing] == [*ALL, "behavior", "stage"]
    assert {one.factor for one in verdict.sizing} == {1.0}
    assert all(one.reason for one in verdict.sizing)
    assert verdict.amount == amount(judge(None))


def test_factors_multiply_once() -> None:
    """A crisis halves, a drawdown of 13 % leaves three quarters, behavior half again, PILOT a
    quarter of that.
    """
    loose = Gate(RiskSettings(drawdown_halt=0.5))
    full = amount(judge(None, loose))
    changes: dict[str, Any] = {
        "peak_pnl_usd": 0.13 * EQUITY, "restraint": Restraint(multiplier=0.5, reason="streak"),
    }  # fmt: skip
    verdict = judge(CRISIS, loose, **changes)
    assert amount(verdict) == pytest.approx(full * 0.5 * 0.75 * 0.5, abs=0.1)
    pilot = judge(CRISIS, loose, stage="PILOT", **changes)
    assert amount(pilot) == pytest.approx(amount(verdict) / 4, abs=0.1)


def test_correlated_risk_elsewhere_shrinks_and_its_own_coin_does_not() -> None:
    """2 % on ETH that moves along takes two thirds of the 3 % here; 2 % on BTC is the budget's."""
    one, other = walks(1.0)
    told = Told(hours={"BTC": bars(one), "ETH": bars(other)})
    alone = amount(judge(told))
    moving = judge(told, consumers=(consumer("C1-0", 0.02, underlying="eth"),))
    assert isinstance(moving, Approved)
    assert moving.amount == pytest.approx(alone / 3, abs=0.1)
    (factor,) = (one for one in moving.sizing if one.name == "correlation")
    assert factor.reason == "ETH 2.00% at correlation 1.00"
    assert amount(judge(told, consumers=(consumer("C1-0", 0.02),))) == alone


def test_switched_off_only_stage_and_behavior_are_left() -> None:
    """`risk.sizing.enabled = false`."""
    off = Gate(RiskSettings(sizing=SizingSettings(enabled=False)))
    verdict = judge(CRISIS, off, restraint=Restraint())
    assert [one.name for one in verdict.sizing] == ["behavior", "stage"]
    assert amount(verdict) == amount(judge(None))


def test_a_size_that_is_shrunk_to_nothing_names_every_reason() -> None:
    """The refusal says what shrank it, the strongest first, and lists all factors."""
    refusal = judge(
        Told(earned=[-1.0] * 60, regime=CRISIS.regime), equity_usd=EQUITY / 10,
        restraint=Restraint(multiplier=0.5, reason="alpha x 0.5"),
    )  # fmt: skip
    assert isinstance(refusal, Refused)
    assert refusal.rule == "below_minimum_size"
    words = [refusal.explanation.index(f"{one} x ") for one in ("kelly", "regime", "behavior")]
    assert words == sorted(words)
    assert len(refusal.sizing) == 7


def test_circumstances_are_looked_up_only_where_a_lot_would_fit() -> None:
    """A budget that is used up refuses without them: hours and boards are not read for nothing."""

    class Unasked(Told, frozen=True):
        def seen(self) -> Observation:
            raise AssertionError("asked")

    refusal = judge(Unasked(), consumers=(consumer("C1-0", 0.03),))
    assert isinstance(refusal, Refused)
    assert refusal.rule == "underlying_risk"
    assert [one.name for one in refusal.sizing] == ["stage"]


def test_what_closes_is_not_sized() -> None:
    """Neither a close nor a hedge lists a factor."""
    asked = Case(RiskSettings(), intent("close", ()), view(circumstances=CRISIS), "V5-0")
    assert asked.approve(1.0, "C9-0").sizing == ()
    assert standing_factors(asked)[-1].name == "stage"
    assert [one.name for one in circumstantial_factors(asked)] == ALL


def test_words_leave_out_what_takes_nothing() -> None:
    """Strongest first."""
    shares: dict[FactorName, float] = {"kelly": 1.0, "regime": 0.75, "drawdown": 0.5}
    factors = tuple(SizeFactor(name, share, name[0]) for name, share in shares.items())
    assert shrinking_text(factors) == "drawdown x 0.5: d; regime x 0.75: r"


WORTHS = st.builds(
    Worth,
    value=ANY,
    uncertainty=st.just(0.0),
    alone=st.dictionaries(st.sampled_from("ab"), ANY),
    weights=st.dictionaries(st.sampled_from("ab"), ANY),
)
HOURS = {"BTC": bars(walks(0.9)[0]), "ETH": bars(walks(0.9)[1])}
TOLD = st.tuples(
    st.lists(ANY, max_size=60),
    st.none() | WORTHS,
    st.sampled_from([*REGIMES, None]).map(lambda one: Observation(one, "drawn")),
    st.sampled_from([{}, HOURS]),
).map(lambda part: Told(earned=part[0], valued=part[1], regime=part[2], hours=part[3]))


@settings(max_examples=200, deadline=None)
@given(
    TOLD,
    st.sampled_from(["RESEARCH", "PILOT", "PRODUCTION"]),
    st.none() | st.builds(Restraint, multiplier=ANY),
    st.floats(0.0, 0.02),
    st.floats(0.0, 0.09),
    st.floats(1e5, 1e8),
)
def test_nothing_whatever_makes_a_size_larger_than_the_gates_own(
    told: Told, stage: Stage, restraint: Restraint | None, open_risk: float, fall: float,
    equity: float,
) -> None:  # fmt: skip
    """Any record, values, regime, hours, behavior: at most what the gate grants without them."""
    changes: dict[str, Any] = {
        "equity_usd": equity, "peak_pnl_usd": fall * equity, "account": "shadow:a",
        "consumers": (consumer("C1-0", open_risk, underlying="ETH"),),
    }  # fmt: skip
    own = judge(None, **changes)
    verdict = judge(told, stage=stage, restraint=restraint, **changes)
    assert amount(verdict) <= amount(own)
    assert all(0.0 <= one.factor <= 1.0 for one in verdict.sizing)
    assert all(math.isfinite(one.factor) for one in verdict.sizing)


def test_hours_of_another_time_are_no_correlation() -> None:
    """Hours that do not meet: unknown, and said."""
    one, other = walks(1.0, 300)
    late = bars(other, first=10_000)
    assert late.opened_at[0] == 10_000 * HOUR
    told = Told(hours={"BTC": bars(one), "ETH": late})
    verdict = judge(told, consumers=(consumer("C1-0", 0.02, underlying="ETH"),))
    (factor,) = (one for one in verdict.sizing if one.name == "correlation")
    assert (factor.factor, "unknown" in factor.reason) == (1.0, True)
