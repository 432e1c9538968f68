"""One invented market for all tests of the exchange: making its path costs a tenth of a second."""

from __future__ import annotations

import pytest

from trader.deribit.simulator.market import Market
from trader.deribit.simulator.seeded_venue import SeededVenue

SEED = 7


@pytest.fixture(scope="session")
def venue() -> SeededVenue:
    """Make the venue of one seed; its caches never change an answer, so tests may share it."""
    return SeededVenue(Market(SEED))
