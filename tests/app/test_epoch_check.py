"""Is a journal of another market, or of a later time, refused with what to do about it?"""

from __future__ import annotations

import pytest

from trader.app.epoch_check import BEHIND_WALL_S_MAX, check_epoch
from trader.app.market_clock import MarketClock
from trader.domain.errors import ConfigurationError
from trader.domain.facts import EpochOpened, Recorded
from trader.domain.units import SECOND
from trader.engine.ledger import Ledger

NOON = 1_780_315_200 * SECOND


def ledger(at: int, market: str = "seed 1") -> Ledger:
    """Fold the opening of an epoch."""
    found = Ledger()
    epoch = EpochOpened(
        epoch=1, feed="simulated", speed=1.0, market=market, software="", configuration_hash=""
    )
    found.apply(Recorded(0, at, epoch))
    return found


def clock(at: int, *, wall: bool = False) -> MarketClock:
    """Tell a market's time."""
    made = MarketClock(wall=wall, floor_at=0)
    made.anchor(at, 1.0, 0.0)
    return made


def test_a_market_of_its_own_is_let_in() -> None:
    """The same market a little behind: a restart; and a new journal fits any."""
    check_epoch(ledger(NOON), clock(NOON - SECOND), "seed 1")
    check_epoch(Ledger(), clock(NOON), "seed 2")


def test_another_market_is_refused() -> None:
    """Both are named, and what to do."""
    with pytest.raises(ConfigurationError, match=r"market 'seed 1'.*'seed 2'.*--fresh"):
        check_epoch(ledger(NOON), clock(NOON), "seed 2")


@pytest.mark.parametrize(("wall", "says"), [(True, "system's clock"), (False, "the exchange says")])
def test_a_market_behind_the_journal_is_refused(wall: bool, says: str) -> None:
    """More than a minute behind what the journal knows: no restart looks like that."""
    late = ledger(NOON + 2 * int(BEHIND_WALL_S_MAX) * SECOND)
    with pytest.raises(ConfigurationError, match=says):
        check_epoch(late, clock(NOON, wall=wall), "seed 1")
