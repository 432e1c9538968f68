"""Does every verdict explain itself with every number it rests on?"""

from __future__ import annotations

import re
from typing import get_args

import msgspec
import pytest
from hypothesis import given, settings

from tests.storage.facts import of_struct
from tests.storage.story import APPROVED, EVENING, EXPIRY, REFUSED
from trader.domain.facts import Recorded
from trader.domain.trading import Approved, LimitUse, MaxLoss, Refused, Reservation, Rule
from trader.domain.units import HOUR
from trader.views.decisions import (
    MEANINGS,
    binding_rule,
    explain,
    in_unit,
    verdict_row,
    verdict_table,
)
from trader.views.live import fold


def said(text: str) -> str:
    """Bring a text onto one line with single blanks."""
    return re.sub(r"\s+", " ", text)


def test_a_refusal_says_which_rule_how_much_who_and_when() -> None:
    """Rule, limit, used, requested, allowed, consumers, freeing time, intent, quality are there."""
    text = said(explain(REFUSED, EVENING + HOUR))
    for part in (
        "REFUSED v2 at 2026-06-01T19:00:00Z: covered_call_btc (PRODUCTION) asked to open on BTC",
        "decided by underlying_risk: the max losses of all that is open on one underlying",
        "because the BTC budget is full",
        "limit 3.00 % used 2.50 % requested 0.90 %",
        "would have fitted 0.3 BTC",
        "equity needed 1,234,567 USD for the smallest order there is",
        "frees at 2026-06-02T08:00:00Z (in 13 h)",
        "c1 position covered_call_btc BTC 0.90 % 2026-06-02T08:00:00Z (in 13 h)",
        "c7 order directional_btc BTC 1.60 % -",
        "open: sell 1 BTC-2JUN26-66000-C, per unit",
        "confidence 75.00 %",
        "reason delta 0.25 one day out",
        "data quality stale quotes: BTC-PERPETUAL",
        "underlying_risk 3.00 % 2.50 % 0.90 % too much",
    ):
        assert part in text


def test_an_approval_says_size_max_loss_stress_and_what_it_reserves() -> None:
    """Amount, legs in full size, max loss three ways, stressed range, limits asked: all there."""
    text = said(explain(APPROVED, EVENING))
    for part in (
        "APPROVED v1 at 2026-06-01T18:00:00Z: covered_call_btc (PRODUCTION)",
        "approved amount 0.6 BTC",
        "sell 0.6 BTC-2JUN26-66000-C",
        "max loss 2,340 USD, 0.0312 BTC, 0.90 % of equity",
        "stress tested BTC index from 52,000 to 81,250 USD",
        "one of today's trades",
        "data quality good",
        "daily_trades 2 0 1 fits",
    ):
        assert part in text


def test_on_a_fast_market_waiting_is_told_in_seconds_of_the_reader() -> None:
    """At 300x thirteen hours are under three minutes."""
    assert "2 min 36 s of yours" in explain(REFUSED, EVENING + HOUR, speed=300.0)


def test_what_nobody_knows_is_said() -> None:
    """Without a freeing time, consumers or a fitting size the text says so instead of silence."""
    bare = msgspec.structs.replace(REFUSED, frees_at=None, consumers=(), allowed=0.0)
    text = said(explain(bare, EVENING))
    assert "frees at no known time" in text
    assert "would have fitted nothing" in text
    assert "used by" not in text


@given(of_struct(Refused))
@settings(max_examples=150, deadline=None)
def test_every_number_of_any_refusal_is_in_its_explanation(refused: Refused) -> None:
    """Whatever the numbers, limit, used, requested and each consumer's id and share are written."""
    text = explain(refused, EVENING)
    rule = binding_rule(refused)
    if refused.limit or refused.used or refused.requested:
        for value in (refused.limit, refused.used, refused.requested):
            assert in_unit(rule, value) in text
    assert refused.rule in text
    assert refused.explanation in text
    for consumer in refused.consumers:
        assert consumer.id in text


def test_a_refusal_for_its_size_counts_in_the_unit_of_the_limit_that_shrank_it() -> None:
    """below_half_size carries the numbers of the binding limit and names it."""
    halved = msgspec.structs.replace(REFUSED, rule="below_half_size")
    assert binding_rule(halved) == "underlying_risk"
    text = said(explain(halved, EVENING))
    assert "decided by below_half_size" in text
    assert "counted by underlying_risk" in text
    assert "limit 3.00 %" in text


def test_every_rule_has_a_meaning() -> None:
    """A new rule cannot be added without words for it."""
    assert set(MEANINGS) == set(get_args(Rule))


@pytest.mark.parametrize(
    ("rule", "value", "written"),
    [
        ("underlying_risk", 0.025, "2.50 %"),
        ("daily_trades", 2.0, "2"),
        ("stale_quotes", 31.0, "31 s"),
        ("margin", 0.125, "0.125"),
    ],
)
def test_numbers_are_written_in_the_unit_of_their_rule(
    rule: Rule, value: float, written: str
) -> None:
    """Shares as percent, counts as counts, ages as seconds, coins as coins."""
    assert in_unit(rule, value) == written


def test_rows_sum_verdicts_up() -> None:
    """One row per verdict: the size allowed or that would have been, the rule, the words."""
    rows = [verdict_row(APPROVED, EVENING), verdict_row(REFUSED, EVENING + HOUR)]
    assert [(row.verdict, row.amount, row.rule) for row in rows] == [
        ("approved", 0.6, None),
        ("refused", 0.3, "underlying_risk"),
    ]
    listed = said(verdict_table(rows))
    assert "v1 2026-06-01T18:00:00Z covered_call_btc open approved 0.6 BTC - 0.90 %" in listed
    assert "v2 2026-06-01T19:00:00Z covered_call_btc open refused 0.3 BTC underlying_risk" in listed
    assert msgspec.json.decode(msgspec.json.encode(rows[0]))["max_loss_share"] == 0.009


def test_a_close_says_that_it_takes_risk_away() -> None:
    """No zeros to puzzle over: nothing can be lost by it, nothing is reserved for it."""
    close: Approved = msgspec.structs.replace(
        APPROVED,
        max_loss=MaxLoss(0.0, 0.0, 0.0, 0.0, 0.0),
        reservation=Reservation("v1", 0.0, 0.0, slot=False),
    )
    text = said(explain(close, EVENING))
    assert "max loss nothing new: it takes risk away and reserves none" in text
    assert "stress tested" not in text
    assert "approved 0.6 BTC - - delta" in said(verdict_table([verdict_row(close, EVENING)]))


def test_binding_counts_show_a_gate_that_is_never_passed() -> None:
    """go-trader#1211: telemetry tells per strategy how often each rule binds, as a share."""
    blocked: Refused = msgspec.structs.replace(
        REFUSED,
        rule="margin",
        intent=msgspec.structs.replace(REFUSED.intent, strategy="never"),
    )
    decided: tuple[Approved | Refused, ...] = (APPROVED, REFUSED, REFUSED, blocked)
    facts = [Recorded(place, EVENING, one) for place, one in enumerate(decided)]
    counts = fold(facts).verdicts()
    assert [(row.strategy, row.rule, row.count) for row in counts] == [
        ("covered_call_btc", "underlying_risk", 2),
        ("covered_call_btc", None, 1),
        ("never", "margin", 1),
    ]
    assert counts[0].share == pytest.approx(2 / 3)
    assert counts[2].share == 1.0
    assert fold([]).verdicts() == ()


def test_a_roll_names_the_chain_it_acts_on() -> None:
    """What an intent acts on and what it states are part of the explanation."""
    intent = msgspec.structs.replace(
        APPROVED.intent, action="roll", chain_id="c1", amount=0.4, stated_max_loss_usd=900.0
    )
    rolled: Approved = msgspec.structs.replace(APPROVED, intent=intent)
    text = said(explain(rolled, EXPIRY))
    for part in ("acts on chain c1", "size wanted 0.4", "stated max loss 900 USD"):
        assert part in text


def test_a_limit_met_exactly_fits() -> None:
    """Three times one percent is three percent, also in words."""
    exact = LimitUse("underlying_risk", 0.03, 0.02, 0.01)
    text = said(explain(msgspec.structs.replace(APPROVED, limits=(exact,)), EVENING))
    assert "underlying_risk 3.00 % 2.00 % 1.00 % fits" in text


def test_the_families_of_a_regime_are_told_once() -> None:
    """Of an approval beside its numbers; of a refusal by the regime they are the reason."""
    told = "Calm market (it is quiet) lets open directional; directional is among them"
    allowed = msgspec.structs.replace(APPROVED, selection=told)
    assert said(explain(allowed, EVENING)).count(told) == 1
    barred = msgspec.structs.replace(REFUSED, rule="regime", explanation=told, selection=told)
    assert said(explain(barred, EVENING)).count(told) == 1
