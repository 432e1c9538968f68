"""Which market does the exchange open: an invented one, or a recorded one?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trader.deribit.simulator.market import Market
from trader.deribit.simulator.replay_venue import ReplayVenue
from trader.deribit.simulator.seeded_venue import SeededVenue
from trader.domain.errors import ConfigurationError

if TYPE_CHECKING:
    from trader.deribit.simulator.recording import Recording
    from trader.deribit.simulator.venue import Venue


def open_venue(market: int | Recording) -> Venue:
    """Open a market of its own, to be used by one thread: of a seed, or of a recording.

    Raises:
        ConfigurationError: there is no market of that seed.
    """
    if not isinstance(market, int):
        return ReplayVenue(market)
    try:
        return SeededVenue(Market(market))
    except ValueError as error:
        raise ConfigurationError(f"{error}; give --seed a whole number") from error
