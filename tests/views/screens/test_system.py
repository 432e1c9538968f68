"""Does the page of the daemon say how it is, and what is wrong with it?"""

from __future__ import annotations

import math

import msgspec

from tests.storage.story import STORY
from tests.views.readings import PULSE, Told
from tests.views.shown import cells, tables, texts, titled
from trader.views.screens.system import system


def test_lags_memory_journal_and_versions_are_told() -> None:
    """Each with its unit."""
    pulse = msgspec.structs.replace(PULSE, journal_bytes=2_500_000)
    told = texts(system(Told(STORY, pulse), {}))
    for text in ("1.0 ms", "500.0 ms ago", "100 MB resident", "trader 0.1", "1 min", "2.50 MB"):
        assert text in told, text
    assert "facts 16 " in told
    assert "ChainEnded at 2026-06-02T08:00:05Z" in told


def test_epochs_are_listed_with_their_configuration() -> None:
    """Version, market, speed and hash of each start."""
    table = titled(system(Told(STORY), {}), "epoch", "opened")
    assert cells(table, "configuration") == ["c0ffee"]
    assert cells(table, "speed") == ["300x"]


def test_what_is_wrong_stands_above() -> None:
    """Problems are named, a dead feed is bad, a late loop is a warning, nan is no number."""
    sick = msgspec.structs.replace(
        PULSE, problems=("the feed is not alive",), feed_alive=False, loop_lag_s=2.0,
        progress_age_s=math.nan, scores={"BTC index": 0.2},
    )  # fmt: skip
    page = system(Told(STORY, sick), {})
    assert [one.text for one in page.notices] == ["the feed is not alive"]
    told = texts(page)
    assert "simulated: not alive" in told
    assert "2.0 s" in told
    assert cells(titled(page, "channel", "score"), "score") == ["0.200"]


def test_an_empty_journal_is_said_so() -> None:
    """Nothing is claimed before the first fact."""
    told = texts(system(Told(()), {}))
    assert "its first fact comes with the market" in told
    assert "first epoch opens" in told
    assert tables(system(Told(()), {}))
