"""Is a decision skipped where the market shows too little for it, and only there?"""

from __future__ import annotations

import pytest

from tests.engine.floor import Floor, wish
from trader.domain.units import SECOND
from trader.engine.lacking import lacking
from trader.risk.limits import RiskSettings
from trader.risk.settings import UniverseSettings


def told(quotes_min: int, *, age_s: int = 0) -> str | None:
    """Look at a sound board, some seconds after it was shown."""
    floor = Floor()
    floor.at += age_s * SECOND
    floor.engine.market.at = floor.at
    slot = floor.engine.slots["alpha"]
    situation = floor.engine.review.situation(slot, "open")
    return lacking(situation, quotes_min, board_read=True)


@pytest.mark.parametrize("quotes_min", [1, 2, 40])
def test_a_sound_board_lacks_nothing(quotes_min: int) -> None:
    """One quote is enough by default, or as many as are asked."""
    assert told(quotes_min) is None


def test_too_few_quotes_are_counted_and_the_key_is_named() -> None:
    """With how many are asked for."""
    words = told(1_000)
    assert words is not None
    assert "of 1000 quotes with two sides (risk.universe.quotes_min) on the BTC board" in words


def test_an_old_board_is_called_old_whatever_is_asked() -> None:
    """Nothing on it is recent."""
    for quotes_min in (1, 1_000):
        words = told(quotes_min, age_s=31)
        assert words is not None
        assert words.startswith("no recent quotes on the BTC board, quality 0.")


def test_the_engine_skips_what_lacks_quotes_and_decides_else() -> None:
    """An alert says so; with enough of them there is none."""
    many = Floor(risk=RiskSettings(universe=UniverseSettings(quotes_min=1_000)))
    outcome = many.ask(wish())
    assert "risk.universe.quotes_min" in outcome.alerts[0].text
    few = Floor(risk=RiskSettings(universe=UniverseSettings(quotes_min=10)))
    assert few.ask(wish()).alerts == ()
