"""Is the lean of a book counted right, limited with reasons, and free to come down?"""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.risk.circumstanced import Told
from tests.risk.scenes import (
    EQUITY,
    FAR_CALL,
    LONG_CALL,
    NOW,
    SHORT_CALL,
    SPOT,
    VOL,
    chain,
    consumer,
    intent,
    option,
    perpetual,
    touch,
    view,
)
from trader.domain.instruments import Instrument, spot_pair
from trader.domain.trading import Approved, Leg, Refused, Verdict
from trader.domain.units import DAY, YEAR
from trader.pricing.black_scholes import price
from trader.pricing.exposures import NOTHING, Exposure
from trader.risk.case import Case
from trader.risk.gate import Gate
from trader.risk.greeks import (
    RULES,
    Book,
    Lean,
    exposure_of,
    greek_caps,
    greeks_allow,
    leaning,
    summed,
)
from trader.risk.limits import RiskSettings
from trader.risk.settings import GreekLimits
from trader.risk.structure import opening_legs

TIGHT = RiskSettings(greeks=GreekLimits(delta_max=0.0005))
LEANS = (
    Lean(consumer("C2-0", frees_at=NOW + DAY), Exposure(-900.0, -40.0, -10.0)),
    Lean(consumer("C1-0", frees_at=NOW + 9 * DAY), Exposure(-400.0, 20.0, 5.0)),
)


def leans(delta: float = 0.0, gamma: float = 0.0, vega: float = 0.0) -> Told:
    """A book that leans by shares of equity."""
    exposure = Exposure(*(EQUITY * one for one in (delta, gamma, vega)))
    return Told(leaning=Book((Lean(consumer(), exposure),)))


def judge(told: Told, wish: Any = None, risk: RiskSettings = TIGHT, **changes: Any) -> Verdict:
    """Ask a gate whose delta may be .05 % of equity."""
    return Gate(risk).judge(wish or intent(), view(circumstances=told, **changes), "V5-0")


def test_options_lean_as_their_price_does() -> None:
    """An inverse call gains in USD what a linear one does: differences of Black-76."""
    years = 7 * DAY / YEAR
    for inverse in (True, False):
        call = option("call", 70_000.0, inverse=inverse)
        found = exposure_of(call, touch(call), SPOT, NOW)
        assert found is not None
        up = price("call", SPOT * 1.0001, 70_000.0, years, VOL)
        down = price("call", SPOT * 0.9999, 70_000.0, years, VOL)
        assert found.delta == pytest.approx((up - down) * 50, rel=1e-5)


def test_what_has_no_curve_leans_by_its_amount() -> None:
    """A dollar of an inverse perpetual, a coin of a linear one, an assigned coin."""
    assert exposure_of(perpetual(), None, SPOT, NOW) == Exposure(0.01, 0.0, 0.0)
    for one in (perpetual(inverse=False), spot_pair("BTC_USDC")):
        assert exposure_of(one, None, SPOT, NOW) == Exposure(650.0, 0.0, 0.0)
    assert exposure_of(perpetual(inverse=False), None, math.nan, NOW) is None


@pytest.mark.parametrize("field", ["mark_iv", "underlying_price"])
def test_what_never_showed_a_volatility_is_unknown(field: str) -> None:
    """Stale it counts as it was last known; never shown it is unknown, expired it is nothing."""
    stale = touch(SHORT_CALL, fresh=False, age_s=1e6)
    assert exposure_of(SHORT_CALL, stale, SPOT, NOW) is not None
    broken = touch(SHORT_CALL, **{field: math.nan})
    assert exposure_of(SHORT_CALL, broken, SPOT, NOW) is None
    assert exposure_of(SHORT_CALL, None, SPOT, NOW) is None
    assert exposure_of(SHORT_CALL, None, SPOT, SHORT_CALL.expires_at or 0) == NOTHING


def test_a_book_is_the_sum_of_what_leans() -> None:
    """Signed."""
    assert Book(LEANS).total == Exposure(-1300.0, -20.0, -5.0)
    assert summed([(LEANS[0].exposure, 2.0)]) == Exposure(-1800.0, -80.0, -20.0)


def test_a_new_trade_is_capped_by_each_greek() -> None:
    """A bear call spread sells delta, gamma and vega: limits and uses are shares of equity."""
    asked = Case(TIGHT, intent(), view(circumstances=Told(leaning=Book(LEANS))), "V5-0")
    caps = greek_caps(asked, [opening_legs(asked.intent.legs, asked.view.touches)])
    assert isinstance(caps, tuple)
    assert [cap.rule for cap in caps] == list(RULES)
    assert [cap.limit for cap in caps] == [0.0005, 0.01, 0.005]
    assert [cap.used for cap in caps] == pytest.approx([one / EQUITY for one in (1300, 20, 5)])
    assert all(cap.per_unit > 0 for cap in caps)
    assert greek_caps(Case(TIGHT, intent(), view(), "V5-0"), []) == ()


def test_a_full_book_refuses_with_everything_a_person_needs() -> None:
    """Rule, limit, used, requested, who leans how far, when it frees, the equity it would take."""
    refusal = judge(Told(leaning=Book(LEANS)))
    assert isinstance(refusal, Refused)
    assert refusal.rule in ("delta_limit", "below_half_size")
    assert refusal.limit == 0.0005
    assert refusal.used == pytest.approx(1300 / EQUITY)
    assert refusal.requested > refusal.limit - refusal.used
    assert [one.id for one in refusal.consumers] == ["C1-0", "C2-0"]
    assert sum(one.share for one in refusal.consumers) == pytest.approx(refusal.used)
    assert "the book on BTC stands at 0.043% of equity for 1 % of the index" in refusal.explanation
    assert refusal.equity_needed_usd is not None


def test_it_frees_when_enough_of_it_expires() -> None:
    """The far end of the book ends first, which is enough for a small wish."""
    refusal = judge(Told(leaning=Book(LEANS)), intent(amount=6.0))
    assert isinstance(refusal, Refused)
    assert refusal.frees_at in (NOW + DAY, NOW + 9 * DAY)


def test_what_leans_against_a_full_book_passes() -> None:
    """The same spread on a book that leans far the other way has room; so has no book at all."""
    free = judge(Told())
    against = judge(leans(delta=0.2))
    assert isinstance(against, Approved)
    assert isinstance(free, Approved)
    assert against.amount >= free.amount


def test_an_unknown_book_opens_nothing() -> None:
    """By name."""
    refusal = judge(Told(leaning=Book((), ("BTC-1JUN26-70000-C",))))
    assert isinstance(refusal, Refused)
    assert refusal.rule == "undefined_risk"
    assert "BTC-1JUN26-70000-C is held and showed no volatility yet" in refusal.explanation


def hedge(strike: Instrument, amount: float = 1.0) -> Any:
    """Wish to buy calls against a short vertical."""
    return intent("hedge", (Leg(strike.name, 1),), amount=amount)


@pytest.mark.parametrize("delta", [-0.5, -0.0004, 0.0, 0.0003])
def test_a_hedge_that_brings_a_breached_greek_down_passes(delta: float) -> None:
    """Far beyond the limit, or within it: a bought call lifts delta toward nothing."""
    held: dict[str, Any] = {"chain": chain(), "touches": dict(view().touches)}
    assert isinstance(judge(leans(delta=delta), hedge(SHORT_CALL), **held), Approved)


def test_a_hedge_that_leans_further_beyond_is_refused() -> None:
    """The same call on a book that is long already; and a breached vega that comes down excuses."""
    held: dict[str, Any] = {"chain": chain(), "touches": dict(view().touches)}
    refusal = judge(leans(delta=0.01), hedge(SHORT_CALL), **held)
    assert isinstance(refusal, Refused)
    assert refusal.rule == "delta_limit"
    assert refusal.consumers
    assert isinstance(judge(leans(delta=0.01, vega=-0.1), hedge(SHORT_CALL), **held), Approved)


def test_a_close_passes_whatever_leans() -> None:
    """Beyond every limit, with an unknown leg."""
    odd = Told(leaning=Book(leans(9.0, 9.0, 9.0).leaning.leans, ("somewhere",)))
    assert isinstance(judge(odd, intent("close", ()), chain=chain()), Approved)


def test_a_roll_is_judged_by_what_it_changes() -> None:
    """To a strike further out it sells less delta: it passes a full book; to a nearer one not."""
    nearer = option("call", 66_000.0)
    wing = option("call", 68_000.0)
    touches = dict(view().touches) | {one.name: touch(one) for one in (nearer, wing)}
    out = intent("roll", (Leg(LONG_CALL.name, -1), Leg(FAR_CALL.name, 1)))
    held: dict[str, Any] = {"chain": chain(), "touches": touches}
    assert isinstance(judge(leans(delta=-0.01), out, **held), Approved)
    near = intent("roll", (Leg(nearer.name, -1), Leg(wing.name, 1)))
    free, full = judge(Told(), near, RiskSettings(), **held), judge(leans(-0.01), near, **held)
    assert isinstance(free, Approved)
    assert isinstance(full, Refused)
    assert full.rule == "delta_limit"


@given(
    st.tuples(*[st.floats(-0.1, 0.1)] * 3),
    st.lists(st.tuples(st.sampled_from([SHORT_CALL, LONG_CALL, FAR_CALL]), st.integers(-9, 9)),
             min_size=1, max_size=3),
)  # fmt: skip
def test_no_hedge_that_passes_worsens_a_breach_alone(
    book: tuple[float, float, float], legs: list[tuple[Instrument, int]]
) -> None:
    """What is let through keeps every Greek within its limit or no further out, or brings a
    breached one down.
    """
    limits = RiskSettings(greeks=GreekLimits(delta_max=0.01, gamma_max=0.01, vega_max=0.01))
    asked = Case(limits, intent(), view(circumstances=leans(*book)), "V5-0")
    kept = [(one, ratio) for one, ratio in legs if ratio]
    change = opening_legs([Leg(one.name, ratio) for one, ratio in kept], asked.view.touches)
    units = [(exposure_of(one, touch(one), SPOT, NOW) or NOTHING, ratio) for one, ratio in kept]
    after = [was + more / EQUITY for was, more in zip(book, summed(units), strict=True)]
    worse = [abs(new) > max(0.01, abs(old)) + 1e-9 for old, new in zip(book, after, strict=True)]
    better = [
        abs(old) > 0.01 + 1e-9 and abs(new) < abs(old) for old, new in zip(book, after, strict=True)
    ]
    refusal = greeks_allow(asked, change)
    if refusal is None:
        assert any(better) or not any(worse)
    else:
        assert refusal.rule in RULES
        assert not any(better)
        assert sum(one.share for one in refusal.consumers) == pytest.approx(refusal.used)


def test_who_leans_is_told_from_the_side_of_the_request() -> None:
    """What leans with it is positive, what leans against it negative."""
    asked = Case(TIGHT, intent(), view(circumstances=Told(leaning=Book(LEANS))), "V5-0")
    caps = greek_caps(asked, [opening_legs(asked.intent.legs, asked.view.touches)])
    assert isinstance(caps, tuple)
    shares = [one.share * EQUITY for one in leaning(asked, "gamma_limit", caps[1].use(1.0))]
    assert shares == pytest.approx([-20.0, 40.0])
    assert leaning(Case(TIGHT, intent(), view(), "V5-0"), "gamma_limit", caps[1].use(1.0)) == ()
