"""Catalogs and boards: what is listed, what was, and the chain in one call."""

from __future__ import annotations

import pytest

from trader.deribit.refusal import ServerError
from trader.deribit.simulator.boards import EXPIRED_DAYS, EXPIRED_DAYS_OF_HISTORY, Boards
from trader.deribit.simulator.clock import DEMO_START_AT
from trader.deribit.simulator.parameters import Parameters
from trader.deribit.simulator.seeded_venue import SeededVenue
from trader.deribit.simulator.venue import last_settlement
from trader.domain.units import DAY, MILLISECOND, SECOND

AT = DEMO_START_AT
EIGHT = last_settlement(AT)


@pytest.fixture(scope="module")
def boards(venue: SeededVenue) -> Boards:
    """Make the boards of the shared venue."""
    return Boards(venue)


def asked(**values: object) -> Parameters:
    """Name parameters."""
    return Parameters(values)


def test_the_history_host_lists_more_that_expired(boards: Boards) -> None:
    """A month of them instead of days, latest first."""
    for days, more in ((EXPIRED_DAYS, {}), (EXPIRED_DAYS_OF_HISTORY, {"historical": True})):
        rows = boards.instruments(asked(currency="BTC", expired=True, **more), AT)
        stamps = list(dict.fromkeys(row["expiration_timestamp"] * MILLISECOND for row in rows))
        assert stamps == [EIGHT - back * DAY for back in range(days)]


def test_states_follow_the_life_of_a_contract(boards: Boards, venue: SeededVenue) -> None:
    """Open, seconds of settlement at 08:00, delivered, and after a month in the archive."""
    gone = next(
        one for one in venue.listings.options("ETH", EIGHT - DAY) if one.expires_at == EIGHT
    )
    instants = (EIGHT - SECOND, EIGHT - DAY + SECOND, EIGHT + SECOND, EIGHT + 31 * DAY)
    rows = [boards.instrument(asked(instrument_name=gone.name), at) for at in instants]
    assert [row["state"] for row in rows] == ["open", "settlement", "delivered", "archivized"]
    assert [row["is_active"] for row in rows] == [True, True, False, False]


def test_a_contract_s_size_outlives_it(boards: Boards, venue: SeededVenue) -> None:
    """Perpetuals, options, and what expired years ago."""
    long_gone = venue.listings.options("BTC", EIGHT - 900 * DAY)[0]
    sizes = [
        boards.contract_size(asked(instrument_name=name), AT)["contract_size"]
        for name in ("BTC-PERPETUAL", long_gone.name)
    ]
    assert sizes == [10.0, 1.0]


@pytest.mark.parametrize("method", ["instrument", "contract_size"])
def test_what_never_was_is_not_found(boards: Boards, method: str) -> None:
    """By its name."""
    with pytest.raises(ServerError) as caught:
        getattr(boards, method)(asked(instrument_name="BTC-NOPE"), AT)
    assert caught.value.body.reason.startswith("instrument not found")


def test_summaries_cover_a_currency(boards: Boards, venue: SeededVenue) -> None:
    """One row for each contract that is filed under it, with what its ticker says."""
    rows = boards.summaries(asked(currency="USDC", kind="option"), AT)
    listed = [one.name for one in venue.listed(AT) if one.kind == "option" and not one.inverse]
    assert sorted(row["instrument_name"] for row in rows) == sorted(listed)
