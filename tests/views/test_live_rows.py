"""Do the plain tables show what the rows hold?"""

from __future__ import annotations

import re

from tests.storage.story import STORY
from trader.views.live import LiveView, fold
from trader.views.live_rows import chains_text, positions_text, status_text, strategies_text


def said(text: str) -> str:
    """Bring a text onto one line with single blanks."""
    return re.sub(r"\s+", " ", text)


def test_the_status_page_of_an_evening() -> None:
    """Time, feed, opening, cash, equity, trading, budget, strategy: each with its number."""
    text = said(status_text(fold(STORY[:11]).status()))
    for part in (
        "market time 2026-06-01T19:00:00Z (last fact, sequence 7)",
        "feed simulated at 300x, epoch 1",
        "open chains 1",
        "halted on main by daily_loss_halt (lost 3.1 % of equity today)",
        "covered_call_btc paused by ann (news)",
        "cash 2.00234 BTC, 130,000 USDC",
        "equity 260,000 USD at 2026-06-01T19:00:00Z",
        "trading against holding +164 USD",
        "marks not to trust ETH-PERPETUAL",
        "main BTC 0.90 % 3.00 %",
        "covered_call_btc main PRODUCTION 1 0 1 of 2 0.90 % 0 0 0.00 USD x 1 - paused",
        "behavior holds nothing back",
    ):
        assert part in text


def test_tables_name_what_is_held() -> None:
    """Positions, chains and strategies in plain columns."""
    view = fold(STORY[:14])
    assert "BTC-2JUN26-66000-C -0.6 0.0042 c1 covered_call_btc main" in said(
        positions_text(view.positions())
    )
    assert "waits for its delivery price" in positions_text(view.positions())
    assert "c1 covered_call_btc pending settlement -0.6 BTC-2JUN26-66000-C" in said(
        chains_text(view.chains())
    )
    assert "2,340 USD = 0.90 %" in chains_text(view.chains())
    assert "+152 USD" in strategies_text(fold(STORY).strategies())


def test_nothing_is_said_in_words() -> None:
    """Empty lists and an empty journal answer with a sentence."""
    view = LiveView()
    assert status_text(view.status()) == "the journal is empty: nothing has happened yet"
    assert positions_text(view.positions()) == "(none)"


def test_before_the_first_mark_the_equity_is_not_invented() -> None:
    """Without a mark the page says when one will come."""
    assert "not marked yet" in status_text(fold(STORY[:7]).status())
