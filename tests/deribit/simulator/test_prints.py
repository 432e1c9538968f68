"""The tape: gapless, inside the quotes, the same by time and by sequence, without the future."""

from datetime import UTC, datetime

import numpy as np
import pytest

from trader.deribit.simulator.instrument_series import option_prints_every
from trader.deribit.simulator.listing import PERPETUALS, SPOT_PAIRS, Listing, Listings
from trader.deribit.simulator.market import Market
from trader.deribit.simulator.prints import LOOK_BACK, NO_PRINTS, Prints, Tape
from trader.deribit.simulator.quotes import Quotes
from trader.domain.units import DAY, HOUR, nanoseconds

NOON = nanoseconds(datetime(2026, 11, 20, 12, 34, 26, tzinfo=UTC))


def _tape(seed: int = 9) -> Tape:
    market = Market(seed)
    return Tape(Quotes(market, Listings(market)))


@pytest.fixture(scope="module")
def tape() -> Tape:
    """Share one tape: its caches never change an answer."""
    return _tape()


def _some(tape: Tape) -> list[Listing]:
    listings = tape.quotes.listings
    return [
        PERPETUALS["BTC"],
        PERPETUALS["XRP_USDC"],
        SPOT_PAIRS["ETH_USDC"],
        listings.futures("BTC", NOON)[4],
        listings.futures("SOL_USDC", NOON)[1],
        *listings.options("BTC", NOON)[::113],
        *listings.options("ETH_USDC", NOON)[7::131],
        *listings.options("XRP_USDC", NOON)[::71],
    ]


def _rows(prints: Prints) -> list[list[float]]:
    return [column.tolist() for column in prints]


def test_sequence_has_no_gap_and_time_goes_on(tape: Tape) -> None:
    """Numbers step by one from the first print after the listing; times never go back."""
    for listing in _some(tape):
        prints = tape.by_time(listing, NOON - 6 * HOUR, NOON, NOON)
        assert (np.diff(prints.seq) == 1).all()
        assert (np.diff(prints.at) >= 0).all()
        assert prints.at[-1] <= NOON
        assert prints.seq[-1] == tape.latest_seq(listing, NOON)
        opening = tape.by_sequence(listing, -5, 3, NOON)
        assert opening.seq.tolist() == [1, 2, 3]
        assert opening.at[0] >= listing.listed_at


def test_time_and_sequence_agree(tape: Tape) -> None:
    """A window by time is the same rows as its numbers, whole or in pages of any size."""
    for listing in _some(tape):
        whole = tape.by_time(listing, NOON - 9 * HOUR, NOON - HOUR, NOON)
        assert ((whole.at >= NOON - 9 * HOUR) & (whole.at <= NOON - HOUR)).all()
        first, last = int(whole.seq[0]), int(whole.seq[-1])
        assert _rows(tape.by_sequence(listing, first, last, NOON)) == _rows(whole)
        middle = (first + last) // 2
        pages = [
            _rows(tape.by_sequence(listing, *page, NOON))
            for page in ((first, middle), (middle + 1, last))
        ]
        assert [low + high for low, high in zip(*pages, strict=True)] == _rows(whole)
        assert tape.span(listing, NOON - 9 * HOUR, NOON - HOUR) == (first, last)


def test_prices_lie_inside_that_instants_quotes(tape: Tape) -> None:
    """Every print is between the bid and the ask that its instrument shows at its time."""
    quotes = tape.quotes
    for listing in _some(tape):
        prints = tape.by_time(listing, NOON - DAY, NOON, NOON)
        for row in range(0, len(prints.seq), max(len(prints.seq) // 12, 1)):
            at, price = int(prints.at[row]), float(prints.price[row])
            if listing.kind == "option":
                option = quotes.option(listing, at)
                assert price == (option.ask if prints.buy[row] else option.bid)
                iv = option.ask_iv if prints.buy[row] else option.bid_iv
                assert prints.iv[row] == pytest.approx(iv, rel=1e-9)
                assert prints.mark[row] == pytest.approx(option.mark, rel=1e-12)
                assert prints.index_price[row] == option.index_price
            else:
                quote = quotes.delta_one(listing, at)
                assert quote.bid <= price <= quote.ask
                assert (prints.mark[row], prints.index_price[row]) == (
                    quote.mark, quote.index_price,
                )  # fmt: skip


def test_amounts_are_whole_contracts(tape: Tape) -> None:
    """Amounts are positive multiples of the minimum, contracts count them."""
    for listing in _some(tape):
        prints = tape.by_time(listing, NOON - 8 * HOUR, NOON, NOON)
        steps = prints.amount / listing.min_trade_amount
        assert steps.min() > 0.999
        assert np.abs(steps - np.round(steps)).max() < 1e-5
        assert prints.contracts * listing.contract_size == pytest.approx(prints.amount)


def test_tick_directions_follow_the_prices(tape: Tape) -> None:
    """Up is 0, down 2; a price that stood takes 1 or 3 after the last that moved."""
    for listing in _some(tape):
        prints = tape.by_time(listing, NOON - 8 * HOUR, NOON, NOON)
        for row in range(1, len(prints.seq)):
            move = prints.price[row] - prints.price[row - 1]
            before, now = int(prints.tick_direction[row - 1]), int(prints.tick_direction[row])
            if move:
                assert now == (0 if move > 0.0 else 2)
            elif row > LOOK_BACK or before % 2 == 0:
                assert now in (1, 3)
                if before % 2 == 0:
                    assert now == before + 1


def test_nothing_of_the_future_prints(tape: Tape) -> None:
    """An instant's tape is a beginning of every later one."""
    for listing in _some(tape):
        early = tape.by_time(listing, NOON - HOUR, NOON + DAY, NOON)
        late = tape.by_time(listing, NOON - HOUR, NOON, NOON + 3 * HOUR)
        assert _rows(early) == _rows(late)
        assert tape.by_time(listing, NOON + 1, NOON + DAY, NOON) is NO_PRINTS


def test_two_tapes_agree_in_any_order() -> None:
    """Prints are a function of seed and instrument, whoever asks for what first."""
    one, other = _tape(3), _tape(3)
    listings = _some(one)
    forward = [_rows(one.by_time(each, NOON - HOUR, NOON, NOON)) for each in listings]
    backward = [_rows(other.by_time(each, NOON - HOUR, NOON, NOON)) for each in reversed(listings)]
    assert forward == backward[::-1]
    assert forward != [_rows(_tape(4).by_time(each, NOON - HOUR, NOON, NOON)) for each in listings]


def test_options_print_until_their_expiry(tape: Tape) -> None:
    """The last print of an expired option lies before its expiry; the count stands from then on."""
    daily = next(
        one for one in tape.quotes.listings.options("BTC", NOON) if one.settlement_period == "day"
    )
    later = daily.expires_at + 40 * DAY
    prints = tape.by_time(daily, daily.listed_at, later, later)
    lived = (daily.expires_at - daily.listed_at) // option_prints_every(daily)
    assert prints.at[-1] < daily.expires_at
    assert lived - 1 <= len(prints.seq) <= lived
    assert tape.latest_seq(daily, later) == tape.latest_seq(daily, daily.expires_at)
    assert tape.latest_seq(daily, daily.listed_at - 1) == 0


def test_many_at_once_print_what_each_prints(tape: Tape) -> None:
    """Columns and tick directions equal those of each tape; who printed nothing is not there."""
    listings = tape.quotes.listings
    asked = (*listings.options("BTC", NOON)[::7], *listings.options("SOL_USDC", NOON)[::9],
             *listings.futures("BTC", NOON)[:1])  # fmt: skip
    for start, end in ((NOON - HOUR, NOON + HOUR), (NOON - 9 * HOUR, NOON - 8 * HOUR)):
        found = dict(tape.of_many(asked, start, end, NOON))
        for listing in asked:
            alone = tape.by_time(listing, start, end, NOON)
            if not alone.seq.size:
                assert listing not in found
                continue
            for column, expected in zip(found[listing], alone, strict=True):
                np.testing.assert_array_equal(column, expected)
    assert tape.of_many((), NOON - HOUR, NOON, NOON) == []
