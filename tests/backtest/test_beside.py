"""Boards with a perpetual beside their options: what is real, what is assumed, who sees it."""

from __future__ import annotations

import numpy as np
import pytest

from tests.backtest.pasts import chains, day, seller
from trader.backtest.beside import BesidePerpetual, quoted_for
from trader.backtest.modelled import Costs
from trader.domain.events import BoardSnapshot, FundingRate
from trader.domain.units import HOUR, MINUTE
from trader.strategies.gamma_scalping import GammaScalping
from trader.strategies.strategy import Cadence

SCALPER = GammaScalping(
    name="gamma",
    underlying="BTC",
    settings=GammaScalping.Settings(),  # type: ignore[arg-type]
    timetable=Cadence(HOUR, 0, 5 * MINUTE),
)


def test_every_board_shows_it_at_the_index() -> None:
    """The options stay as they are; the perpetual stands last, .05 % to either side."""
    boards = chains(days=6)
    with_it = list(BesidePerpetual(boards).events(day(2), day(3)))
    shown = [one for _, one in with_it if isinstance(one, BoardSnapshot)]
    plain = [one for _, one in boards.events(day(2), day(3)) if isinstance(one, BoardSnapshot)]
    assert len(shown) == len(plain) == 24
    for one, before in zip(shown, plain, strict=True):
        assert one.instruments[-1].name == "BTC-PERPETUAL"
        assert one.instruments[:-1] == before.instruments
        assert np.array_equal(one.bid[:-1], before.bid, equal_nan=True)
        assert one.bid[-1] == pytest.approx(one.index_price * 0.9995)
        assert one.ask[-1] == pytest.approx(one.index_price * 1.0005)
        assert one.mark[-1] == one.index_price
    assert shown[0].instruments is shown[1].instruments


def test_funding_is_told_once_and_time_never_falls() -> None:
    """Right after the first board, which lists it."""
    events = list(BesidePerpetual(chains(days=6)).events(day(2), day(3)))
    assert [at for at, _ in events] == sorted(at for at, _ in events)
    rates = [(at, one) for at, one in events if isinstance(one, FundingRate)]
    assert rates == [(day(2), FundingRate("BTC-PERPETUAL", 0.0001, day(2)))]


def test_stresses_reach_it() -> None:
    """Spread and fee times their factors."""
    dear = BesidePerpetual(chains(days=6), Costs(spread_factor=3.0, fee_factor=2.0))
    first = next(one for _, one in dear.events(day(2), day(3)) if isinstance(one, BoardSnapshot))
    assert first.bid[-1] == pytest.approx(first.index_price * 0.9985)
    assert first.instruments[-1].taker_fee_rate == 0.001
    assert any("0.150% to either side" in one for one in dear.provenance.caveats)


def test_only_who_trades_one_is_shown_one() -> None:
    """Sellers of calls go over boards alone."""
    boards = chains(days=6)
    assert quoted_for(seller(), boards) is boards
    assert isinstance(quoted_for(SCALPER, boards), BesidePerpetual)
