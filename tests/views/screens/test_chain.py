"""Does the page of a chain tell its whole story, from approval to result?"""

from __future__ import annotations

import pytest

from tests.storage.story import STORY
from tests.views.readings import Told
from tests.views.shown import cells, figures, links, tables, texts, titled
from tests.views.test_session_lines import story as session
from trader.domain.facts import SessionOpened
from trader.views.reading import NotThere
from trader.views.screens.chain import chain

WORKING, FILLED = 5, 7
ASKED = {"id": "c1"}


def test_steps_tell_legs_flows_and_reasons() -> None:
    """Sold for 0.00234 BTC after the fee; expired worthless; the sum stands below."""
    page = chain(Told(STORY), ASKED)
    table = titled(page, "at", "what", "legs")
    assert cells(table, "what") == ["open", "settled", "together"]
    assert cells(table, "flow") == ["+0.00234 BTC", "0 BTC", "0.00234 BTC"]
    assert cells(table, "because")[0] == "delta 0.25 one day out"
    assert "expired out of the money at 65,100.00" in cells(table, "because")[1]
    assert len(figures(page)) == 1


def test_its_cash_is_told_by_source() -> None:
    """0.00252 of premium less 0.00018 of fees are the 0.00234 that moved."""
    table = titled(chain(Told(STORY), ASKED), "source", "BTC", "USD")
    assert [row[1].text for row in table.rows] == [
        "+0.002520", "0.000000", "-0.000180", "0.000000", "+0.002340",
    ]  # fmt: skip
    assert "No cash has moved" in texts(chain(Told(STORY[:WORKING]), ASKED))


def test_what_the_gate_allowed_is_shown_as_it_was() -> None:
    """Max loss in USD, in coin, of equity, and the range it was searched over."""
    table = titled(chain(Told(STORY), ASKED), "verdict", "at", "to")
    assert cells(table, "max loss") == ["2,340 USD"]
    assert cells(table, "in coin") == ["0.0312 BTC"]
    assert cells(table, "of equity") == ["0.90 %"]
    assert cells(table, "index searched") == ["52,000 to 81,250 USD"]


def test_the_timeline_leads_to_verdicts() -> None:
    """Every fact in the words of the log."""
    page = chain(Told(STORY), ASKED)
    table = titled(page, "at", "what", "told")
    assert cells(table, "what") == [
        "verdict.approved", "order.placed", "order.filled", "chain.settled", "chain.ended",
    ]  # fmt: skip
    assert {"/verdicts/v1", "/strategies/covered_call_btc"} <= links(page)


def test_a_living_chain_can_be_closed() -> None:
    """What it holds is shown, with the command; an ended one has neither."""
    living = texts(chain(Told(STORY[:FILLED]), ASKED))
    assert "Close this chain" in living
    assert "trader close c1" in living
    assert "BTC-2JUN26-66000-C" in living
    assert "Close this chain" not in texts(chain(Told(STORY), ASKED))


def test_an_order_that_works_is_shown_with_its_limits() -> None:
    """Before the first fill nothing is held, and the page says so."""
    page = chain(Told(STORY[:WORKING]), ASKED)
    table = titled(page, "to", "legs per unit")
    assert cells(table, "net limit") == ["-0.0042"]
    assert cells(table, "left") == ["0.6 of 0.6"]
    assert "nothing has filled yet" in page.subtitle
    assert "Nothing is held yet" in texts(page)
    assert "steps appear with the first fill" in texts(page)


def test_its_strategy_stands_above() -> None:
    """Stage now; what a night found where there was one."""
    page = chain(Told(STORY), ASKED)
    table = tables(page)[0]
    assert cells(table, "stage") == ["PRODUCTION"]
    assert "No night has judged it yet" in texts(page)


def test_a_long_life_shows_its_newest_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sums stay those of all; the page says what it leaves out, and where all of it is."""
    monkeypatch.setattr("trader.views.screens.chain.ROWS_MAX", 1)
    page = chain(Told(STORY), ASKED)
    assert cells(titled(page, "at", "what", "legs"), "what") == ["settled", "together"]
    assert cells(titled(page, "at", "what", "legs"), "flow")[-1] == "0.00234 BTC"
    assert cells(titled(page, "at", "what", "told"), "what") == ["chain.ended"]
    assert "The last 1 of 5 are shown; trader explain c1 tells all." in texts(page)


def test_what_is_not_there_is_not_shown() -> None:
    """Neither a chain of another name nor none."""
    for name in ("c9", ""):
        with pytest.raises(NotThere):
            chain(Told(STORY), {"id": name})


def test_a_session_of_quotes_is_summed_up_with_what_came_after_its_fills() -> None:
    """How much it might hold, its fills, where the market went; other chains have no such part."""
    records = session()
    chain_id = next(one.fact.chain_id for one in records if isinstance(one.fact, SessionOpened))
    page = chain(Told(tuple(records)), {"id": chain_id})
    summary = titled(page, "what", "told")
    assert cells(summary, "what")[0] == "session of quotes"
    fills = titled(page, "fill at", "amount")
    assert cells(fills, "amount") == ["0.4"]
    assert "BTC" in cells(fills, "moved for us")[0]
    allowed = titled(page, "verdict", "at", "to")
    assert "quote" not in cells(allowed, "to")
    assert "Session of quotes" not in [one.title for one in chain(Told(STORY), ASKED).sections]
