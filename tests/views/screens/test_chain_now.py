"""Are legs, Greeks and payoff of a chain those of the board that is shown?"""

from __future__ import annotations

from tests.builders import INDEX, board
from tests.storage.story import STORY
from tests.views.readings import Told
from tests.views.test_board_rows import now
from trader.views.blocks import Figure, Prose, Table
from trader.views.screens.chain_now import now_blocks

FILLED = 7


def test_without_a_board_the_payoff_is_drawn_and_greeks_are_not_known() -> None:
    """The index of the open serves; nothing is guessed of today."""
    reading = Told(STORY[:FILLED])
    told, table, figure = now_blocks(reading, reading.desk.ledger.chains["c1"])
    assert isinstance(told, Prose)
    assert "No board shows its legs" in told.text
    assert isinstance(table, Table)
    assert [cell.text for cell in table.rows[0][5:]] == ["n/a"] * 4
    assert isinstance(figure, Figure)
    assert "Breaks even at expiry at" in figure.caption
    assert "Result now" not in figure.caption


def test_a_board_that_shows_other_options_changes_nothing() -> None:
    """Its index is today's; the legs it does not show keep unknown Greeks."""
    reading = Told(STORY[:FILLED], boards={("BTC", True): now(board())})
    told, table, _ = now_blocks(reading, reading.desk.ledger.chains["c1"])
    assert isinstance(told, Prose)
    assert f"{INDEX['BTC']:,.0f}" in told.text
    assert isinstance(table, Table)
    assert table.rows[0][5].text == "n/a"


def test_the_sum_of_the_legs_stands_below_them() -> None:
    """With one leg there is nothing to add."""
    reading = Told(STORY[:FILLED], boards={("BTC", True): now(board())})
    _, table, _ = now_blocks(reading, reading.desk.ledger.chains["c1"])
    assert isinstance(table, Table)
    assert len(table.rows) == 1


def test_what_holds_nothing_says_so() -> None:
    """An order that has not filled holds no leg."""
    reading = Told(STORY[:5])
    (told,) = now_blocks(reading, reading.desk.ledger.chains["c1"])
    assert isinstance(told, Prose)
    assert "Nothing is held yet" in told.text
