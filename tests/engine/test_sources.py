"""Is every atom of a chain's flows told by its source?"""

from __future__ import annotations

from tests.engine.floor import TODAY, VERTICAL, Floor, perpetual, wish
from tests.engine.test_housekeeping import hedged
from trader.domain.events import DeliveryPrice, FundingRate
from trader.domain.facts import ChainEnded
from trader.domain.units import HOUR, SECOND
from trader.engine.sources import Sources


def sums(floor: Floor, chain_id: str) -> dict[str, int]:
    """Add up the moves of a chain by their source; it moved coin only."""
    found: dict[str, int] = {}
    sources = Sources()
    for recorded in floor.records:
        for move in sources.moves(recorded.fact):
            if move.chain_id == chain_id:
                assert move.currency == "BTC"
                found[move.source] = found.get(move.source, 0) + move.atoms
    return found


def ended(floor: Floor) -> ChainEnded:
    """Find the one chain that ended."""
    (fact,) = [one.fact for one in floor.records if isinstance(one.fact, ChainEnded)]
    return fact


def test_a_sold_spread_is_premium_less_payoff_and_fees() -> None:
    """Both legs' premium, what the settlement cost, all fees; their sum is the chain's result."""
    floor = Floor()
    chain = floor.trade(wish(VERTICAL))
    floor.at = TODAY
    floor.send(DeliveryPrice("BTC", TODAY, 60_000.0))
    found = sums(floor, chain.id)
    assert set(found) == {"premium", "delta", "fees"}
    assert found["premium"] > 0 > found["delta"]
    assert found["fees"] < 0
    assert {"BTC": sum(found.values())} == ended(floor).pnl == chain.flows


def test_what_closing_costs_is_the_markets_and_no_premium() -> None:
    """A result does not depend on how a chain ended: premium is what opening brought, in parts
    as in whole, and buying back is what the market did.
    """
    floor = Floor()
    chain = floor.trade(wish(amount=2.0))
    opened = sums(floor, chain.id)["premium"]
    for amount in (0.5, None):
        floor.ask(wish(action="close", chain_id=chain.id, amount=amount), occasion="manage")
        floor.pass_time(SECOND)
    found = sums(floor, chain.id)
    assert found["premium"] == opened > 0 > found["delta"]
    assert {"BTC": sum(found.values())} == ended(floor).pnl == chain.flows


def test_nothing_is_kept_of_chains_that_ended() -> None:
    """What settled, and what was closed, leaves no trace."""
    floor = Floor()
    closed = floor.trade(wish())
    floor.ask(wish(action="close", chain_id=closed.id), occasion="manage")
    floor.pass_time(SECOND)
    floor.trade(wish(VERTICAL))
    floor.at = TODAY
    floor.send(DeliveryPrice("BTC", TODAY, 60_000.0))
    sources = Sources()
    for recorded in floor.records:
        list(sources.moves(recorded.fact))
    assert sources._held == {}


def test_a_hedge_is_what_the_market_did_and_funding_stands_apart() -> None:
    """A perpetual's result is no premium; longs pay a positive rate."""
    floor = hedged()
    floor.send(FundingRate(perpetual().name, 0.0008, floor.at))
    floor.go_to(floor.at - floor.at % HOUR + HOUR)
    chain = floor.chains()[0]
    floor.ask(wish(action="close", chain_id=chain.id), occasion="manage")
    floor.pass_time(SECOND)
    found = sums(floor, chain.id)
    assert found["funding"] < 0
    assert found["delta"] < 0, "bought at the ask, sold at the bid"
    assert {"BTC": sum(found.values())} == ended(floor).pnl
