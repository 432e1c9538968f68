"""Nothing is lost, doubled or reset by SIGKILL: real processes, and a checker that is checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.engine.floor import Floor, wish
from tests.simulation.kill_campaign import Campaign, Figures, compare_with_log, recount
from tests.simulation.processes import check_nothing_is_lost
from trader.domain.events import ClosePosition
from trader.domain.facts import Filled, OrderPlaced, Recorded
from trader.risk.limits import RiskSettings
from trader.storage.journal import Journal
from trader.storage.payload import decode, encode

if TYPE_CHECKING:
    from pathlib import Path


def records_of(state: Path) -> list[Recorded]:
    """Read the journal of a campaign that is over."""
    with Journal.create_or_open(f"sqlite:///{state / 'journal.sqlite'}", writer=False) as journal:
        return [stored.recorded for stored in journal.read()]


def test_sigkill_with_open_positions_and_resting_orders_loses_nothing(tmp_path: Path) -> None:
    """Killed and restarted, exchange included, every fact stands once and every limit holds."""
    campaign = Campaign(tmp_path, seed=3, speed=300.0, say=print)
    figures = campaign.run(kills=3, exchange_kills=1)
    assert campaign.wrong == []
    assert (figures.kills, figures.exchange_kills) == (3, 1)
    assert min(figures.kills_with_positions, figures.kills_with_orders) >= 2, figures.line()
    assert figures.fills_logged > 0
    assert figures.epochs >= figures.kills + 1 - figures.startup_kills
    check_the_checker(records_of(tmp_path / "state"))


def check_the_checker(records: list[Recorded]) -> None:
    """A lost fill, a doubled fill and a trade too many on a day do not pass unseen."""
    fill, place = next((one, n) for n, one in enumerate(records) if isinstance(one.fact, Filled))
    assert isinstance(fill.fact, Filled)
    line = {"event": "order.filled", "sequence": fill.sequence, "fill_id": fill.fact.fill_id}
    assert compare_with_log(records, [line], Figures()) == []
    assert compare_with_log(records, [line, line], Figures()), "told twice"
    lost = [one for one in records if one is not fill]
    assert compare_with_log(lost, [line], Figures()), "told, but lost"
    doubled = [*records[: place + 1], fill, *records[place + 1 :]]
    assert compare_with_log(doubled, [], Figures()), "journaled twice"
    strict = RiskSettings().model_copy(update={"max_new_trades_per_day": 0})
    assert recount(records, strict, Figures()), "a trade where none was allowed"


def test_close_between_a_restart_and_the_first_index_is_journaled() -> None:
    """Nobody knows the equity yet: the order states what its chain was opened with, never NaN."""
    floor = Floor()
    chain = floor.trade(wish(amount=1.0))
    opened_with = chain.equity_at_open_usd, chain.index_at_open
    floor.spot = {}
    floor.restart()
    outcome = floor.send(ClosePosition(by="somebody", reason="nerves", chain_id=chain.id))
    (placed,) = [fact for fact in outcome.facts if isinstance(fact, OrderPlaced)]
    assert (placed.equity_usd, placed.index) == opened_with
    assert all(decode(encode(fact)) == fact for fact in outcome.facts)


@pytest.mark.long
@pytest.mark.timeout(1_200)
def test_fifty_sigkills_lose_nothing() -> None:
    """The whole campaign, as a person runs it: fifty kills, no violation, exit 0."""
    check_nothing_is_lost("kill_campaign", kills=50)
