"""A night shows what became of quotes, where any rest."""

from __future__ import annotations

import msgspec

from tests.views.nights import a_night
from trader.engine.quoting import Tally
from trader.views.nightly_report import JSON, TEXT, render
from trader.views.report_quotes import TITLE, quote_sections

TALLIES = {"maker": Tally(sessions=2, fills=3, units=0.9, followed=0.6, drift=-0.0006, paid=0.012,
                          currency="BTC")}  # fmt: skip


def test_no_quotes_no_chapter() -> None:
    """Most nights have none."""
    assert quote_sections({}) == ()


def test_the_report_says_where_the_market_went() -> None:
    """The table stands in the text, the numbers in the JSON."""
    night = msgspec.structs.replace(a_night(), quotes=TALLIES)
    files = render(night)
    assert f"## {TITLE}" in files[TEXT]
    assert "-5.00 %" in files[TEXT]
    told = msgspec.json.decode(files[JSON])["night"]["quotes"]["maker"]
    assert (told["fills"], told["drift"]) == (3, -0.0006)
