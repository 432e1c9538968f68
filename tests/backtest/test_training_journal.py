"""Does every proposed call become a row that says what was done and what came of it?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from tests.storage.story import (
    APPROVED,
    ENDED,
    EVENING,
    EXPIRY,
    FILLED,
    MARKED,
    NAME,
    PLACED,
    REFUSED,
    STORY,
)
from trader.backtest.training import Quality
from trader.backtest.training_journal import KINDS, journal_examples, journal_table
from trader.domain.facts import OrderEnded, Recorded
from trader.domain.trading import Leg
from trader.domain.units import HOUR, SECOND, moment


def told(records: Sequence[Recorded]) -> list[dict[str, Any]]:
    """Lay out what a journal tells."""
    return journal_table(journal_examples(records, lambda _: EXPIRY).examples).rows()


def test_a_sale_has_the_result_of_its_chain() -> None:
    """Decided at the evening, filled .6 at .0042, worthless at the expiry: 152.10 USD."""
    row = told(STORY)[0]
    assert (row["action"], row["reward"], row["counterfactual_reward"]) == ("SELL_CALL", 152.1, 0.0)
    assert row["decision_time"] == moment(EVENING)
    assert row["close_time"] == moment(EXPIRY + 5 * SECOND)
    assert (row["filled"], row["open_price"]) == (0.6, pytest.approx(0.0042))
    assert (row["size"], row["ended"], row["reason"]) == (0.6, "settled", None)
    assert (row["spot"], row["spot_age_s"]) == (65_000.0, 0.0)
    assert row["dte_days"] == 14 / 24
    assert row["moneyness"] == math.log(66_000 / 65_000)
    assert (row["instrument_name"], row["config_hash"]) == (NAME, "c0ffee")
    assert row["quality"] == 0


def test_a_refusal_did_nothing_for_a_reason() -> None:
    """The rule is the reason; what it would have brought is not known; spot is the last mark's."""
    row = told(STORY)[1]
    assert (row["action"], row["reward"], row["reason"]) == ("DO_NOTHING", 0.0, REFUSED.rule)
    assert row["counterfactual_reward"] is None
    assert (row["spot"], row["spot_age_s"]) == (65_000.0, 0.0)
    assert row["quality"] == Quality.NO_OUTCOME
    later = [
        msgspec.structs.replace(one, at=one.at + 1_800 * SECOND) if one.fact is REFUSED else one
        for one in STORY
    ]
    assert told(later)[1]["spot_age_s"] == 1_800.0


def test_a_spot_that_was_not_yet_marked_is_not_known() -> None:
    """Nothing is taken from later marks."""
    (row,) = told([Recorded(1, EVENING, REFUSED), Recorded(2, EVENING + HOUR, MARKED)])
    assert (row["spot"], row["spot_age_s"], row["moneyness"]) == (None, None, None)
    wanted = Quality.NO_SPOT | Quality.NO_OUTCOME | Quality.FEATURES_MISSING
    assert row["quality"] == wanted


def test_what_is_not_over_has_no_reward() -> None:
    """An order at work and an open chain are sales without an outcome; an end without fill none."""
    begun = [Recorded(1, EVENING, APPROVED), Recorded(1, EVENING, PLACED)]
    filled = Recorded(2, EVENING + SECOND, FILLED)
    expired = Recorded(2, EVENING + HOUR, OrderEnded("o1", "main", "expired"))
    for records, action, reward, reason in (
        (begun[:1], "DO_NOTHING", 0.0, "order_not_placed"),
        (begun, "SELL_CALL", None, "order_works"),
        ([*begun, filled], "SELL_CALL", None, "chain_open"),
        ([*begun, expired], "DO_NOTHING", 0.0, "order_expired"),
    ):
        (row,) = told(records)
        assert (row["action"], row["reward"], row["reason"]) == (action, reward, reason)
        assert row["quality"] & Quality.NO_OUTCOME
    (row,) = told([*begun, filled, Recorded(3, EXPIRY, ENDED)])
    assert row["reward"] == ENDED.pnl_usd
    assert not row["quality"] & Quality.NO_OUTCOME


@pytest.mark.parametrize(
    "changed",
    [
        {"legs": (Leg(NAME, 1),)},
        {"legs": (Leg("BTC-2JUN26-66000-P", -1),)},
        {"legs": (Leg(NAME, -1), Leg("BTC-2JUN26-70000-C", 1))},
        {"action": "close", "chain_id": "c1"},
    ],
)
def test_other_decisions_are_counted_only(changed: dict[str, Any]) -> None:
    """Bought calls, puts, spreads and closes are no rows."""
    other = msgspec.structs.replace(
        REFUSED, intent=msgspec.structs.replace(REFUSED.intent, **changed)
    )
    rows, others = journal_examples([Recorded(1, EVENING, other), *STORY], lambda _: EXPIRY)
    assert (len(rows), others) == (2, 1)


def test_only_the_facts_named_are_needed() -> None:
    """`KINDS` is all a reader must fetch."""
    few = [one for one in STORY if type(one.fact).__name__ in KINDS]
    assert len(few) < len(STORY)
    assert told(few) == told(STORY)
    with pytest.raises(ValueError, match="features: 'iv' is unknown"):
        journal_table(journal_examples(few, lambda _: EXPIRY).examples, ("iv",))
