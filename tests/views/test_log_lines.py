"""Does the log tell every fact in a sentence that a stranger understands?"""

from __future__ import annotations

from typing import Literal, get_args

import msgspec
import pytest
from hypothesis import given, settings

from tests.storage.facts import facts
from tests.storage.story import APPROVED, EVENING, STORY
from trader.domain.events import (
    ClosePosition,
    Command,
    Demote,
    FlattenAll,
    NightEvaluated,
    NightVerdict,
    PauseTrading,
    Promote,
    ResumeTrading,
    RunNightly,
)
from trader.domain.facts import AccountOpened, Fact, Recorded
from trader.domain.trading import Stage
from trader.views.log_lines import Known, command_text, judgment, log_line

TOLD = [log_line(recorded, Known(max_loss_share=0.009), speed=300.0) for recorded in STORY]


def test_the_story_reads_as_a_story() -> None:
    """Event names in order; the sentences carry sizes, prices, currencies and times."""
    assert [(name, fields["message"]) for name, fields in TOLD] == [
        ("epoch.opened", "epoch 1 opened on feed simulated (simulated:7:1) at 300 x real time"),
        ("account.opened", "account main opened with 2 BTC, 130,000 USDC"),
        ("stage.changed", "covered_call_btc lives at PRODUCTION now, by config: initial stage"),
        (
            "verdict.approved",
            (
                "covered_call_btc may open: sell 0.6 BTC-2JUN26-66000-C (delta 0.25 one day"
                " out); max loss 0.90 % of equity (2,340 USD)"
            ),
        ),
        (
            "order.placed",
            (
                "covered_call_btc works to open: sell 0.6 BTC-2JUN26-66000-C at a net credit of"
                " 0.0042 BTC per unit, credit of 0.004 BTC once patience ends"
            ),
        ),
        (
            "order.filled",
            (
                "sold 0.6 BTC-2JUN26-66000-C at 0.0042 BTC (credit 0.00252 BTC = 164 USD),"
                " max loss now 0.90 % of equity"
            ),
        ),
        ("order.ended", "order o1 ended, filled"),
        (
            "account.marked",
            (
                "account main: equity 260,000 USD, trading +164 USD against holding"
                " (marks not to trust: ETH-PERPETUAL)"
            ),
        ),
        (
            "verdict.refused",
            (
                "covered_call_btc may not open (underlying_risk): the BTC budget is full; frees at"
                " 2026-06-02T08:00:00Z (in 13 h of market time, 2 min 36 s of yours)"
            ),
        ),
        ("command.taken", "ann paused opening of covered_call_btc: news"),
        (
            "halt.raised",
            "opening is halted on account main (daily_loss_halt): lost 3.1 % of equity today",
        ),
        (
            "halt.lifted",
            (
                "opening is allowed again on account main (daily_loss_halt):"
                " lost 3.1 % of equity today"
            ),
        ),
        ("alert", "no heartbeat for 12 s"),
        (
            "settlement.pending",
            (
                "BTC-2JUN26-66000-C expired at 2026-06-02T08:00:00Z and no delivery price is known"
                " yet: nothing is booked on a guess, asking again"
            ),
        ),
        (
            "chain.settled",
            (
                "the BTC expiry of 2026-06-02T08:00:00Z settled at 65,100 USD:"
                " short 0.6 BTC-2JUN26-66000-C expired worthless"
            ),
        ),
        (
            "chain.ended",
            (
                "covered_call_btc gained 152 USD on c1 (0.00234 BTC, 0.06 % of equity),"
                " ended at expiry after 14 h"
            ),
        ),
    ]


def test_fields_let_a_person_search_by_strategy_instrument_and_chain() -> None:
    """A fill's line carries all its names and money, flat, with market time and sequence."""
    _, fields = TOLD[5]
    assert fields == fields | {
        "at": EVENING + 5_000_000_000,
        "sequence": 3,
        "strategy": "covered_call_btc",
        "instrument": "BTC-2JUN26-66000-C",
        "chain_id": "c1",
        "premium": "credit 0.00252 BTC = 164 USD",
        "fees": "0.00018 BTC",
    }


def test_a_refusal_names_its_numbers_and_consumers() -> None:
    """Limit, used, requested in their unit; who uses the budget; when it frees."""
    _, fields = TOLD[8]
    assert (fields["limit"], fields["used"], fields["requested"]) == ("3.00 %", "2.50 %", "0.90 %")
    assert fields["used_by"] == "c1 0.90 %, c7 1.60 %"


@given(facts())
@settings(max_examples=300, deadline=None)
def test_every_fact_has_a_name_and_flat_fields(fact: Fact) -> None:
    """Any fact becomes an event name and scalars that JSON can write; none raises."""
    name, fields = log_line(Recorded(3, EVENING, fact))
    assert "." in name or name == "alert"
    assert {"message", "at", "sequence"} <= set(fields)
    assert all(isinstance(value, str | int | float | bool) for value in fields.values())
    assert msgspec.json.encode(fields)


def test_perpetuals_are_told_in_dollars_and_vertical_spreads_leg_by_leg() -> None:
    """An inverse perpetual trades USD at a USD price and has no premium; both legs are named."""
    fill = STORY[5].fact
    assert hasattr(fill, "legs")
    leg = fill.legs[0]
    perpetual = msgspec.structs.replace(
        leg, instrument="BTC-PERPETUAL", amount=10_000.0, price=65_000.0
    )
    long_leg = msgspec.structs.replace(
        leg, instrument="BTC-2JUN26-68000-C", amount=0.6, price=0.0015
    )

    def message(*legs: object) -> object:
        changed = msgspec.structs.replace(fill, legs=legs)
        return log_line(Recorded(1, EVENING, changed))[1]["message"]

    assert message(perpetual) == "bought 10,000 USD of BTC-PERPETUAL at 65,000 USD"
    assert message(leg, long_leg) == (
        "sold 0.6 BTC-2JUN26-66000-C at 0.0042 BTC and"
        " bought 0.6 BTC-2JUN26-68000-C at 0.0015 BTC (credit 0.00162 BTC = 105 USD)"
    )
    assert "(debit 0.0009 BTC = 58.50 USD)" in str(message(long_leg))


def test_shadow_trades_cannot_be_mistaken_for_the_account() -> None:
    """A verdict on a shadow ledger says so in its first word."""
    shadow = msgspec.structs.replace(APPROVED, account="shadow:covered_call_btc")
    assert str(log_line(Recorded(1, EVENING, shadow))[1]["message"]).startswith("shadow: ")
    opened = AccountOpened(account="shadow:covered_call_btc", balances={})
    assert log_line(Recorded(1, EVENING, opened))[1]["message"] == (
        "shadow: the account of covered_call_btc opened with nothing"
    )


@pytest.mark.parametrize(
    ("command", "text"),
    [
        (PauseTrading("ann", "x"), "paused opening of everything"),
        (ResumeTrading("ann", "x", "s"), "resumed opening of s"),
        (ClosePosition("ann", "x", "c1"), "asked to close c1"),
        (FlattenAll("ann", "x"), "asked to cancel every order, close everything and pause"),
        (Promote("ann", "x", "s", "PILOT"), "asked to promote s to PILOT"),
        (Demote("ann", "x", "s", "RESEARCH"), "asked to demote s to RESEARCH"),
        (RunNightly("ann", "x", "2026-06-01"), "asked for the nightly evaluation of 2026-06-01"),
    ],
)
def test_commands_are_told_as_deeds(command: Command, text: str) -> None:
    """Each command reads as what the person did."""
    assert command_text(command) == text


def test_every_kind_of_fact_is_in_the_story_or_fuzzed() -> None:
    """The story covers all kinds but those that have lines of their own elsewhere."""
    kinds = {type(recorded.fact) for recorded in STORY}
    assert {kind.__name__ for kind in set(get_args(Fact)) - kinds} == {
        "BehaviorJudged",
        "RegimeChanged",
        "ModelCalibrated",
        "WeightsAdopted",
        "EdgesWeighed",
        "FundingPaid",
        "SessionOpened",
        "SessionWithdrawn",
        "FillFollowed",
        "NightEvaluated",
    }


def test_a_night_is_summed_up_however_many_strategies_there_are() -> None:
    """How many earned what; why is told by strategy, in the words of `judgment`."""
    found: tuple[tuple[Stage, Literal["judged", "insufficient", "failed"]], ...] = (
        ("PILOT", "judged"), ("PILOT", "judged"), ("RESEARCH", "insufficient"),
        ("RESEARCH", "failed"),
    )  # fmt: skip
    verdicts = tuple(
        NightVerdict(
            strategy=f"s{number}", configuration_hash="h", stage=stage, standing=standing,
            reason="worst streak 9", live_divergence="below the band" if number == 1 else "",
        )
        for number, (stage, standing) in enumerate(found)
    )  # fmt: skip
    night = NightEvaluated(date="2026-06-01", profile="quick", verdicts=verdicts, detail="late")
    event, fields = log_line(Recorded(1, EVENING, night))
    assert event == "night.evaluated"
    assert fields["message"] == (
        "night of 2026-06-01, quick profile: 2 earned PILOT, 1 with too little to judge by, "
        "1 not evaluated (late)"
    )
    assert [judgment(one) for one in verdicts] == [
        "PILOT, worst streak 9",
        "PILOT, worst streak 9 (live_divergence: below the band)",
        "no verdict, thin evidence: worst streak 9",
        "no verdict, not evaluated: worst streak 9",
    ]
    quick = msgspec.structs.replace(
        verdicts[0], stage="RESEARCH", demote_to="PILOT", reason="quick"
    )
    assert judgment(quick) == "no promotion, it may stay up to PILOT, quick"
    told = log_line(Recorded(1, EVENING, msgspec.structs.replace(night, verdicts=(quick,))))[1]
    assert "1 earned no promotion, it may stay up to PILOT (late)" in str(told["message"])
