"""Is the past that a strategy is tried on the one that was asked for?"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.app.histories import import_chains, maker, seller
from tests.app.pasts import write_past
from tests.app.running import write_configuration
from trader.app.configuration import load_configuration
from trader.app.evaluation_request import WARM_UP
from trader.app.study_past import Boards, market_for, market_of_subject, past_of, store_of
from trader.backtest.recorded_market import RecordedMarket
from trader.domain.errors import ConfigurationError
from trader.domain.units import DAY, HOUR, MINUTE

SETTINGS = "[journal]\nstate_dir = 'state'\n"


def test_a_past_comes_from_the_datasets_of_the_state(tmp_path: Path) -> None:
    """Without a journal it is the datasets that no bundled market owns."""
    configuration = load_configuration([write_configuration(tmp_path, SETTINGS)])
    write_past(tmp_path, days=10)
    market = market_for(configuration, "BTC", Boards())
    past = past_of(seller(), market)
    assert past.history.span == market.span
    assert past.history.provenance.kind == "modelled"
    assert (len(past.close), past.warm_up) == (240, WARM_UP)


def test_imported_boards_are_used_where_asked_for(tmp_path: Path) -> None:
    """The strategy decides when boards are there, and the history says so."""
    configuration = load_configuration([write_configuration(tmp_path, SETTINGS)])
    store = store_of(configuration)
    boards = import_chains(store, tmp_path)
    market = market_for(configuration, "BTC", Boards(recorded=True))
    assert isinstance(market, RecordedMarket)
    assert len(set(market.rows.at.tolist())) == boards
    past = past_of(seller(minute=510), market)
    assert (past.history.provenance.kind, past.warm_up) == ("recorded", 0)
    assert past.subject.strategy().cadence().offset == 9 * HOUR + 5 * MINUTE
    assert any("instead of 08:30" in one for one in past.history.provenance.caveats)
    early = market_for(configuration, "BTC", Boards(recorded=True), market.span[0] + 2 * DAY)
    assert early.span[1] <= market.span[0] + 2 * DAY < market.span[1]


def test_without_imported_boards_the_remedy_is_named(tmp_path: Path) -> None:
    """Candles alone are no boards."""
    configuration = load_configuration([write_configuration(tmp_path, SETTINGS)])
    write_past(tmp_path, days=10)
    with pytest.raises(ConfigurationError, match="trader data import"):
        market_for(configuration, "BTC", Boards(recorded=True))


def test_quotes_that_rest_go_over_recorded_boards_only(tmp_path: Path) -> None:
    """Modelled boards are refused before anything is read, recorded ones are walked."""
    configuration = load_configuration([write_configuration(tmp_path, SETTINGS)])
    with pytest.raises(ConfigurationError, match="maker: it rests quotes, and only recorded"):
        market_of_subject(configuration, maker(), Boards())
    import_chains(store_of(configuration), tmp_path)
    market = market_of_subject(configuration, maker(), Boards(recorded=True))
    assert isinstance(market, RecordedMarket)
    past = past_of(maker(), market)
    assert past.history.provenance.kind == "recorded"
