"""Prints of perpetuals, futures and pairs: one in each stretch, sharing out the minute."""

from datetime import UTC, datetime

import numpy as np
import pytest

from trader.deribit.simulator.instrument_series import series, turnover
from trader.deribit.simulator.listing import PERPETUALS, SPOT_PAIRS
from trader.deribit.simulator.market import GENESIS, Market
from trader.deribit.simulator.turnover import print_length, printed
from trader.domain.units import DAY, HOUR, MINUTE, SECOND, nanoseconds

NOON = nanoseconds(datetime(2026, 11, 20, 12, tzinfo=UTC))


@pytest.mark.parametrize("listing", [*PERPETUALS.values(), *SPOT_PAIRS.values()])
def test_prints_share_out_the_minute(listing: object) -> None:
    """Contracts of a minute's prints add up to what the minute trades; each has its stretch."""
    market = Market(8)
    one = next(x for x in (*PERPETUALS.values(), *SPOT_PAIRS.values()) if x is listing)
    length = print_length(one)
    first = (NOON - one.listed_at) // length
    numbers = first + np.arange(HOUR // length)
    prints = printed(market, one, numbers)
    assert (prints.contracts >= 1).all()
    opens = one.listed_at + numbers * length
    assert ((opens <= prints.at) & (prints.at < opens + length)).all()
    by_minute = prints.contracts.reshape(60, -1).sum(axis=1)
    day, into = divmod(NOON - GENESIS, DAY)
    of_day = market.charts.contracts(series(one), turnover(one), int(day))
    begin = into // MINUTE
    assert by_minute.tolist() == of_day[begin : begin + 60].tolist()


def test_a_print_alone_is_the_print_among_others() -> None:
    """Any number can be asked for alone, in any order, from a fresh market."""
    listing = PERPETUALS["ETH_USDC"]
    number = (NOON - listing.listed_at) // print_length(listing)
    many = printed(Market(8), listing, np.arange(number - 300, number + 1))
    alone = printed(Market(8), listing, np.array([number - 123]))
    assert (many.at[177], many.contracts[177]) == (alone.at[0], alone.contracts[0])


def test_perpetuals_print_each_step_others_each_minute() -> None:
    """The stretch of a perpetual is five seconds, that of a pair a minute."""
    assert print_length(PERPETUALS["BTC"]) == 5 * SECOND
    assert print_length(SPOT_PAIRS["BTC_USDC"]) == MINUTE
