"""Does the page of chains list what lives and what ended, and lead to each?"""

from __future__ import annotations

import msgspec
import pytest

from tests.storage.story import ENDED, STORY
from tests.views.readings import Stored, Told
from tests.views.shown import cells, links, texts, titled
from trader.domain.facts import Recorded
from trader.storage.payload import row
from trader.views.reading import NotUnderstood
from trader.views.screens.chains import ENDED_A_PAGE, chains

FILLED = 7


class ManyEnded(Told):
    """The story, and more chains that ended than a page holds."""

    def __init__(self, count: int) -> None:
        super().__init__(STORY)
        for place in range(count):
            fact = msgspec.structs.replace(ENDED, chain_id=f"more{place}")
            recorded = Recorded(100 + place, STORY[-1].at + place, fact)
            number = len(self._rows) + 1
            self._rows.append((Stored(number, recorded), row(number, recorded)))


def test_an_open_chain_shows_legs_cash_and_risk() -> None:
    """0.6 calls sold for 0.00234 after the fee, at most 2,340 USD to lose."""
    page = chains(Told(STORY[:FILLED]), {})
    table = titled(page, "chain", "strategy", "state")
    assert cells(table, "chain") == ["c1"]
    assert cells(table, "legs") == ["-0.6 BTC-2JUN26-66000-C"]
    assert cells(table, "cash so far") == ["0.00234 BTC"]
    assert cells(table, "max loss") == ["2,340 USD"]
    assert cells(table, "expires") == ["2026-06-02 08:00 UTC"]
    assert {"/chains/c1", "/strategies/covered_call_btc"} <= links(page)


def test_an_order_that_works_is_told() -> None:
    """Before its fill a chain is an order."""
    table = titled(chains(Told(STORY[:5]), {}), "chain", "strategy", "state")
    assert cells(table, "orders working") == ["open 0.6 of 0.6"]
    assert cells(table, "opened") == ["not filled yet"]


def test_an_ended_chain_shows_its_result() -> None:
    """With its sign, in USD, in coin and of equity."""
    page = chains(Told(STORY), {})
    table = titled(page, "chain", "strategy", "on")
    assert cells(table, "result") == ["+152 USD"]
    assert cells(table, "in coin") == ["0.00234 BTC"]
    assert cells(table, "how") == ["at expiry"]
    assert "No chain lives now" in texts(page)


def test_pages_follow_without_gap_or_repetition() -> None:
    """Newest first, each chain once, down to the oldest."""
    reading, seen = ManyEnded(2 * ENDED_A_PAGE), list[str]()
    asked: dict[str, str] = {}
    while True:
        page = chains(reading, asked)
        seen += cells(titled(page, "chain", "strategy", "on"), "chain")
        older = [one for one in links(page) if "before=" in one]
        if not older:
            break
        asked = {"before": older[0].partition("before=")[2]}
    assert seen == [f"more{place}" for place in reversed(range(2 * ENDED_A_PAGE))] + ["c1"]


def test_one_strategy_can_be_asked_for() -> None:
    """Only its chains are listed, and pages keep the question."""
    page = chains(ManyEnded(ENDED_A_PAGE), {"strategy": "covered_call_btc"})
    assert any("strategy=covered_call_btc&before=" in one for one in links(page))
    with pytest.raises(NotUnderstood, match="strategy = 'nobody': choose from covered_call_btc"):
        chains(Told(STORY), {"strategy": "nobody"})
    with pytest.raises(NotUnderstood, match="before = 'x'"):
        chains(Told(STORY), {"before": "x"})


def test_before_anything_the_page_says_what_will_come() -> None:
    """An empty journal is no error."""
    told = texts(chains(Told(()), {}))
    assert "One appears when the gate approves" in told
    assert "No chain has ended yet" in told
