"""Do this journal and this market belong together? Asked before an epoch opens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trader.domain.errors import ConfigurationError
from trader.domain.units import SECOND, iso

if TYPE_CHECKING:
    from trader.app.market_clock import MarketClock
    from trader.engine.ledger import Ledger

BEHIND_WALL_S_MAX: Final = 60.0
"""An exchange whose clock is further behind the journal than this is another exchange."""


def check_epoch(ledger: Ledger, clock: MarketClock, market: str) -> None:
    """Refuse a journal of another market, or one that knows a later time than the market does.

    Raises:
        ConfigurationError: journal and exchange do not belong together.
    """
    known = ledger.epoch
    if known is not None and known.market != market:
        raise ConfigurationError(
            f"journal: it belongs to market {known.market!r}, the feed is market {market!r}: "
            "use --fresh for a new journal, or another state directory"
        )
    behind_s = (ledger.at - clock.told_at) / SECOND / clock.speed
    if behind_s <= BEHIND_WALL_S_MAX:
        return
    if clock.wall:
        raise ConfigurationError(
            f"journal: its last fact is of {iso(ledger.at)}, the system's clock says it is "
            f"{iso(clock.told_at)}: set the clock, or use --fresh"
        )
    raise ConfigurationError(
        f"journal: its last fact is of {iso(ledger.at)}, the exchange says it is "
        f"{iso(clock.told_at)}: another exchange? use --fresh, or the state it kept"
    )
