"""Which market is opened, and that each question gets one of its own."""

from __future__ import annotations

import pytest

from tests.deribit.simulator.recorded import small_recording
from trader.deribit.simulator.markets import open_venue
from trader.deribit.simulator.replay_venue import ReplayVenue
from trader.deribit.simulator.seeded_venue import SeededVenue
from trader.domain.errors import ConfigurationError


def test_a_seed_opens_an_invented_market_a_recording_its_own() -> None:
    """Both answer as venues."""
    assert isinstance(open_venue(7), SeededVenue)
    assert isinstance(open_venue(small_recording()), ReplayVenue)


def test_an_impossible_seed_is_refused() -> None:
    """With the remedy."""
    with pytest.raises(ConfigurationError, match="give --seed a whole number"):
        open_venue(-1)
