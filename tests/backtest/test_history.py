"""Does whatever claims to be a history keep the contract?"""

from __future__ import annotations

from tests.backtest.pasts import chains, day
from trader.backtest.history import History, Provenance
from trader.domain.events import BoardSnapshot, DeliveryPrice, HistoryLoaded


def test_modelled_chains_are_a_history() -> None:
    """Instants never fall, the past comes first, nothing lies outside the span asked for."""
    history: History = chains(10)
    events = list(history.events(day(2), day(4)))
    instants = [at for at, _ in events]
    assert instants == sorted(instants)
    assert instants[0] == day(2)
    assert instants[-1] < day(4)
    assert isinstance(events[0][1], HistoryLoaded)


def test_a_delivery_comes_before_the_board_without_what_it_settled() -> None:
    """At eight the price is known first; no later board shows what expired."""
    settled = 0
    for _, event in chains(10).events(day(2), day(5)):
        if isinstance(event, DeliveryPrice):
            settled = event.expires_at
        elif isinstance(event, BoardSnapshot):
            assert all((one.expires_at or 0) > settled for one in event.instruments)
            assert all((one.expires_at or 0) > event.exchange_at for one in event.instruments)


def test_provenance_says_what_was_modelled() -> None:
    """A result can tell a reader that no board was recorded."""
    provenance = chains(10).provenance
    assert isinstance(provenance, Provenance)
    assert provenance.kind == "modelled"
    assert "option boards are modelled, not recorded" in provenance.caveats
