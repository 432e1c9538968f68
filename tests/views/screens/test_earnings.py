"""Do the tables and curves of a result say what was earned, in USD and in BTC?"""

from __future__ import annotations

from tests.storage.story import STORY
from trader.domain.units import HOUR, to_atoms
from trader.engine.sources import Move
from trader.views.blocks import Block, Figure, Prose, Table
from trader.views.performance import Flows, Parts, Point, flows_of_chain
from trader.views.screens.earnings import (
    NO_END,
    NO_MARK,
    account_curves,
    account_result,
    amount_row,
    chain_result,
    money_text,
    strategy_result,
)

USD = [to_atoms(one) for one in (120.0, -20.0, -30.0, 10.0)]
POINTS = (
    Point(HOUR, Parts(), 50_000.0, 1_000_000.0),
    Point(2 * HOUR, Parts(*(2 * one for one in USD)), 50_000.0, 1_000_160.0),
    Point(3 * HOUR, Parts(*USD), 40_000.0, 900_080.0),
)


def cells(blocks: tuple[Block, ...], place: int) -> dict[str, list[str]]:
    """Read a table of the blocks: first cell to the others."""
    table = [one for one in blocks if isinstance(one, Table)][place]
    return {row[0].text: [one.text for one in row[1:]] for row in table.rows}


def test_the_account_is_told_in_both_units_and_the_parts_stand_apart() -> None:
    """80 USD are 0.002 BTC at 40,000: premium, market, fees and funding are rows of their own,
    what is open is what is not ended.
    """
    found = cells(account_result(POINTS, Parts(premium=to_atoms(50.0))), 0)
    assert list(found.values()) == [
        ["+120.00", "+0.003000"],
        ["-20.00", "-0.000500"],
        ["-30.00", "-0.000750"],
        ["+10.00", "+0.000250"],
        ["+80.00", "+0.002000"],
        ["+50.00", "+0.001250"],
        ["+30.00", "+0.000750"],
    ]


def test_holding_stands_beside_equity() -> None:
    """Holding is equity less what trading earned, each with its change since the first mark."""
    found = cells(account_result(POINTS, Parts()), 1)
    assert found["equity"] == ["900,080.00", "22.5020", "-9.99 %"]
    assert found["holding the starting balances"] == ["900,000.00", "22.5000", "-10.00 %"]


def test_curves_are_in_usd_and_btc_with_the_drawdown() -> None:
    """Five figures, each with a title that says its unit; a strategy has no equity of its own."""
    titles = [one.svg.split("<title>")[1].split("<")[0] for one in account_curves(POINTS)
              if isinstance(one, Figure)]  # fmt: skip
    assert len(titles) == 5
    assert sum("BTC" in one for one in titles) == 2
    assert "Drawdown of the result, USD" in titles
    assert sum(isinstance(one, Figure) for one in strategy_result(POINTS)) == 3


def test_a_chain_is_told_in_each_currency_and_in_usd() -> None:
    """The sold call of the story: .00252 of premium less .00018 of fees, to the atom."""
    flows = flows_of_chain("c1", STORY)
    table = chain_result(flows, {"BTC": 65_000.0})
    assert [[cell.text for cell in row[1:]] for row in getattr(table, "rows", ())] == [
        ["+0.002520", "+163.80"],
        ["0.000000", "0.00"],
        ["-0.000180", "-11.70"],
        ["0.000000", "0.00"],
        ["+0.002340", "+152.10"],
    ]
    unpriced = chain_result(flows, {})
    assert [one.title for one in getattr(unpriced, "columns", ())] == ["source", "BTC"]
    assert chain_result(flows_of_chain("c9", STORY), {}).__class__ is Prose


def test_a_chain_in_another_coin_is_told_in_btc_too() -> None:
    """0.1 ETH at 3,500 is 350 USD, .007 BTC at 50,000."""
    flows = Flows()
    flows.add(Move("c", "ETH", "premium", 10_000_000))
    table = chain_result(flows, {"ETH": 3_500.0, "BTC": 50_000.0})
    assert [one.title for one in getattr(table, "columns", ())] == ["source", "ETH", "USD", "BTC"]
    told = [[cell.text for cell in row] for row in getattr(table, "rows", ())]
    assert ["together", "+0.100000", "+350.00", "+0.007000"] in told
    assert money_text(-123_456_789, "USDC") == "-1.23"


def test_before_the_first_figure_it_says_when_it_comes() -> None:
    """An empty state names what begins it."""
    assert account_result((), Parts()) == (Prose(NO_MARK, "muted"),)
    assert account_curves(()) == ()
    assert strategy_result(()) == (Prose(NO_END, "muted"),)


def test_without_an_index_of_btc_only_usd_is_told() -> None:
    """An account without BTC has no amounts in it, and still a page."""
    bare = (Point(HOUR, Parts(*USD), 0.0, 100.0),)
    assert [one.text for one in amount_row("x", 10**8, 0.0)] == ["x", "+1.00", "n/a"]
    assert cells(account_result(bare, Parts()), 1)["equity"][1] == "n/a"
    assert len(account_curves(bare)) == 5


def test_only_results_are_colored() -> None:
    """A part is neither good nor bad; a result is."""
    assert [one.tone for one in amount_row("x", -5, 1.0)] == ["", "", ""]
    assert [one.tone for one in amount_row("x", -5, 1.0, is_result=True)] == ["", "bad", "bad"]
    assert [one.tone for one in amount_row("x", 5, 1.0, is_result=True)] == ["", "good", "good"]
