"""Does a recorded past hide what was not known yet, and refuse what nobody recorded?"""

from __future__ import annotations

import numpy as np
import pytest

from tests.backtest.boards import recorded_market, recorded_rows
from tests.backtest.pasts import TERMS, day, seller
from trader.backtest.modelled import Costs
from trader.backtest.recorded_market import RecordedMarket, chosen, dearer
from trader.backtest.runner import run_backtest
from trader.backtest.trade_history import TradeHistory
from trader.domain.units import DAY, HOUR, MINUTE


@pytest.fixture(scope="module")
def market() -> RecordedMarket:
    """Ten days of boards, two a day."""
    return recorded_market()


def test_until_keeps_what_was_known(market: RecordedMarket) -> None:
    """Boards and closes up to the instant; a run may end at it though the last board is older."""
    at = day(3) + 13 * HOUR + MINUTE
    cut = market.until(at)
    assert cut.rows.at.max() == day(3) + 9 * HOUR
    assert cut.candles.span[1] == day(3) + 13 * HOUR
    assert cut.span[1] == at
    with pytest.raises(ValueError, match="there are"):
        market.until(day(0))


def _run(market: RecordedMarket, end: int) -> TradeHistory:
    strategy = seller(offset=9 * HOUR + MINUTE)
    return run_backtest(strategy, market.chains(), TERMS, day(1), end, fingerprint=True)


def test_decisions_do_not_change_with_the_future(market: RecordedMarket) -> None:
    """Cut off or poisoned after the end, the run is the same; poisoned before, it is not."""
    end = day(6) + 9 * HOUR + 2 * MINUTE
    whole = _run(market, end)
    assert whole.chains
    assert _run(market.until(end), end).digest == whole.digest
    assert _run(market.poisoned(end), end).digest == whole.digest
    assert _run(market.poisoned(day(3)), end).digest != whole.digest


def test_what_nobody_recorded_cannot_be_had(market: RecordedMarket) -> None:
    """Another volatility, a price that jumped: a model's business."""
    with pytest.raises(ValueError, match="model them"):
        market.chains(iv_factor=1.2)
    with pytest.raises(ValueError, match="model them"):
        market.chains(gap=0.1)
    with pytest.raises(ValueError, match="model linear ones"):
        market.chains(linear=True)


def test_costs_reach_fees_spreads_and_quotes(market: RecordedMarket) -> None:
    """Fees by the contract, spreads around their middle, the widest quotes hidden."""
    board = next(
        one for _, one in market.chains(costs=Costs(fee_factor=2.0)).events(day(1), day(2))
        if hasattr(one, "instruments")
    )  # fmt: skip
    assert board.instruments[0].taker_fee_rate == 0.0006
    rows = recorded_rows()
    wide = dearer(rows, Costs(spread_factor=3.0))
    both = np.isfinite(rows.bid) & np.isfinite(wide.bid)
    assert np.allclose((wide.ask - wide.bid)[both], 3.0 * (rows.ask - rows.bid)[both])
    assert np.allclose((wide.ask + wide.bid)[both], (rows.ask + rows.bid)[both])
    less = dearer(rows, Costs(missing_share=0.05))
    assert 0.04 < 1.0 - np.isfinite(less.ask).sum() / np.isfinite(rows.ask).sum() < 0.07
    assert dearer(rows, Costs()) is rows


def test_options_beyond_what_a_strategy_looks_at_are_left_out(market: RecordedMarket) -> None:
    """But for a market that has no others."""
    near = market.chains(days_max=3.0)
    board = next(one for _, one in near.events(day(1), day(2)) if hasattr(one, "instruments"))
    assert max(one.expires_at or 0 for one in board.instruments) <= day(1) + 9 * HOUR + 3 * DAY


def test_a_better_time_is_one_at_which_boards_are_there(market: RecordedMarket) -> None:
    """At nine they are, at half past eight never; an order that needs time needs more of them."""
    assert market.share_fresh(DAY, 8 * HOUR + 30 * MINUTE) == 0.0
    assert market.share_fresh(DAY, 9 * HOUR) == 1.0
    assert market.share_fresh(DAY, 9 * HOUR + 50 * MINUTE) == 1.0
    assert market.share_fresh(DAY, 9 * HOUR + 50 * MINUTE, 20 * MINUTE) == 0.0
    assert market.best_offset(DAY) == 9 * HOUR
    assert market.hours_apart == 12.0


def test_rows_are_chosen_in_every_column() -> None:
    """None left is no history."""
    rows = recorded_rows()
    assert len(chosen(rows, rows.is_call).bid) == rows.is_call.sum()
    with pytest.raises(ValueError, match="there are no rows"):
        chosen(rows, rows.at < 0)


def test_days_count_where_boards_stand_close(market: RecordedMarket) -> None:
    """Two boards a day are enough for spans of twelve hours, and for no shorter ones."""
    shown = len(np.unique(market.rows.at // DAY))
    assert market.days_shown(12 * HOUR) == shown
    assert market.days_shown(10 * MINUTE) == 0
