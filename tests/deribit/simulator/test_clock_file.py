"""The clock's file: what is written is read back, what cannot be used is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from trader.deribit.simulator.clock import DEMO_START_AT, ClockState
from trader.deribit.simulator.clock_file import resumed_state, write_state
from trader.deribit.simulator.market import Market
from trader.deribit.simulator.seeded_venue import SeededVenue
from trader.domain.errors import ConfigurationError
from trader.domain.units import HOUR

MARKET = SeededVenue(Market(7))
STOOD = ClockState("7", MARKET.version, DEMO_START_AT, DEMO_START_AT + HOUR)


def test_a_new_market_begins_at_its_start(tmp_path: Path) -> None:
    """Without a file, or with none yet, nothing has passed."""
    for path in (None, tmp_path / "clock.json"):
        state = resumed_state(path, MARKET, DEMO_START_AT)
        assert (state.epoch_at, state.ceiling_at) == (DEMO_START_AT, DEMO_START_AT)


def test_a_written_state_is_resumed(tmp_path: Path) -> None:
    """The last state written is read back, whatever start is asked for; nothing else is left."""
    path = tmp_path / "clock.json"
    write_state(path, ClockState("7", MARKET.version, DEMO_START_AT, DEMO_START_AT))
    write_state(path, STOOD)
    assert resumed_state(path, MARKET, DEMO_START_AT + 5 * HOUR) == STOOD
    assert [one.name for one in tmp_path.iterdir()] == ["clock.json"]


def test_another_markets_state_is_refused(tmp_path: Path) -> None:
    """A seed's clock is no other seed's."""
    path = tmp_path / "clock.json"
    write_state(path, STOOD)
    with pytest.raises(ConfigurationError, match="--fresh"):
        resumed_state(path, SeededVenue(Market(8)), DEMO_START_AT)


def test_a_folder_in_the_way_is_refused(tmp_path: Path) -> None:
    """What cannot be read or replaced is named."""
    with pytest.raises(ConfigurationError, match="make it readable"):
        resumed_state(tmp_path, MARKET, DEMO_START_AT)
    with pytest.raises(ConfigurationError, match="must be writable"):
        write_state(tmp_path / "missing" / "clock.json", STOOD)
