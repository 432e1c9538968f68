"""Do rows of chains and verdicts say the same wherever they stand, and lead on?"""

from __future__ import annotations

import msgspec

from tests.storage.story import APPROVED, EVENING, EXPIRY, REFUSED, STORY
from trader.domain.units import HOUR
from trader.views.blocks import Prose, Table
from trader.views.desk import Desk
from trader.views.screens.rows import chain_table, clock, verdict_table


def test_a_verdict_leads_to_its_explanation_and_its_strategy() -> None:
    """Time to the second, what was asked, what was answered by which rule, what fits, why."""
    table = verdict_table([(EVENING, REFUSED), (EVENING + 1, APPROVED)], "none")
    assert isinstance(table, Table)
    refused, approved = table.rows
    assert [one.text for one in refused] == [
        "2026-06-01 18:00:00 UTC", "v2", "covered_call_btc", "open BTC",
        "refused: underlying_risk", "0.3 BTC", "the BTC budget is full",
    ]  # fmt: skip
    assert [one.href for one in refused][1:3] == ["/verdicts/v2", "/strategies/covered_call_btc"]
    assert (refused[4].tone, approved[4].tone) == ("warn", "good")
    assert approved[5].text == "0.6 BTC"
    nothing = msgspec.structs.replace(REFUSED, allowed=0.0)
    table = verdict_table([(EVENING, nothing)], "none")
    assert isinstance(table, Table)
    assert table.rows[0][5].text == "nothing"


def test_a_chain_tells_when_it_ends_in_wall_time_too() -> None:
    """At 300 market seconds a second 14 hours are not three minutes."""
    desk = Desk()
    for recorded in STORY[:8]:
        desk.apply(recorded)
    table = chain_table(desk.live.chains(), desk.ledger, 300.0, "none")
    assert isinstance(table, Table)
    (found,) = table.rows
    assert [one.text for one in found] == [
        "c1", "covered_call_btc", "open", "-0.6 BTC-2JUN26-66000-C", "2,340 USD", "0.90 %",
        "2026-06-02T08:00:00Z (in 13 h of market time, 2 min 36 s of yours)",
    ]  # fmt: skip
    assert found[0].href == "/chains/c1"
    assert desk.ledger.at == EVENING + HOUR


def test_what_waits_for_its_price_is_seen() -> None:
    """A chain that expired says that it is pending."""
    desk = Desk()
    for recorded in STORY[:14]:
        desk.apply(recorded)
    assert desk.ledger.at == EXPIRY
    table = chain_table(desk.live.chains(), desk.ledger, 1.0, "none")
    assert isinstance(table, Table)
    assert (table.rows[0][2].text, table.rows[0][2].tone) == ("pending settlement", "warn")


def test_empty_lists_say_so() -> None:
    """No rows is a sentence."""
    assert verdict_table([], "none yet") == Prose("none yet", "muted")
    assert chain_table([], Desk().ledger, 1.0, "none yet") == Prose("none yet", "muted")


def test_times_are_written_to_the_second() -> None:
    """Milliseconds are left out; the zone is named."""
    assert clock("2026-06-01T18:00:05.123Z") == clock("2026-06-01T18:00:05Z")
    assert clock("2026-06-01T18:00:05Z") == "2026-06-01 18:00:05 UTC"
