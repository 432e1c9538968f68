"""Funding: hourly interest is the integral of the rate, and its sums fit together."""

from datetime import UTC, datetime

import numpy as np
import pytest

from trader.deribit.simulator.funding import funding_history, trailing_8h
from trader.deribit.simulator.market import GENESIS, Market
from trader.deribit.simulator.skeleton import PERPETUAL_PRODUCTS
from trader.domain.units import DAY, HOUR, MINUTE, nanoseconds

NOON = nanoseconds(datetime(2026, 11, 20, 12, tzinfo=UTC))


@pytest.mark.parametrize("product", PERPETUAL_PRODUCTS)
def test_an_hours_interest_is_the_mean_rate(product: str) -> None:
    """Interest of an hour is an eighth of the funding rate, averaged over the hour's minutes."""
    market = Market(5)
    seen = []
    for end in range(NOON - 90 * DAY, NOON, 67 * HOUR):
        history = funding_history(market, product, end, end)
        rates = [market.funding_8h(product, end - HOUR + part * MINUTE) for part in range(60)]
        assert history.interest_1h[0] == pytest.approx(np.mean(rates) / 8.0, abs=2e-7)
        seen.append(history.interest_1h[0])
    assert np.ptp(seen) > 0.0


def test_eight_hours_are_the_sum_of_eight() -> None:
    """The trailing figure adds up the hours before, also at the start of the window."""
    history = funding_history(Market(5), "BTC", NOON - 30 * HOUR, NOON)
    assert len(history.at) == 31
    for row in range(7, 31):
        assert history.interest_8h[row] == pytest.approx(
            history.interest_1h[row - 7 : row + 1].sum()
        )
    alone = funding_history(Market(5), "BTC", NOON, NOON)
    assert alone.interest_8h[0] == pytest.approx(history.interest_8h[-1], abs=1e-18)
    assert trailing_8h(Market(5), "BTC", NOON + 59 * MINUTE) == alone.interest_8h[0]


def test_rows_carry_the_index_of_both_ends() -> None:
    """Each row has the index at its hour and at the hour before."""
    market = Market(5)
    history = funding_history(market, "SOL_USDC", NOON - 4 * HOUR, NOON + HOUR - 1)
    assert history.at.tolist() == [NOON - back * HOUR for back in (4, 3, 2, 1, 0)]
    assert history.index_price.tolist() == market.spots("SOL", history.at).tolist()
    assert history.prev_index_price.tolist() == market.spots("SOL", history.at - HOUR).tolist()


def test_history_begins_an_hour_after_the_genesis() -> None:
    """Before the first full hour nothing accrued; a window without a full hour is empty."""
    market = Market(5)
    first = funding_history(market, "ETH", GENESIS, GENESIS + 3 * HOUR)
    assert first.at[0] == GENESIS + HOUR
    assert first.interest_8h[0] == first.interest_1h[0]
    assert funding_history(market, "ETH", NOON + 1, NOON + MINUTE).at.size == 0
    assert trailing_8h(market, "ETH", GENESIS + MINUTE) == 0.0


def test_long_spans_have_every_hour() -> None:
    """The last one too, where the span in nanoseconds is more than a double counts exactly."""
    end = GENESIS + 150 * DAY
    told = funding_history(Market(2), "BTC", GENESIS, end)
    assert (len(told.at), int(told.at[-1])) == (150 * 24, end)
    assert {len(getattr(told, name)) for name in told._fields} == {150 * 24}
