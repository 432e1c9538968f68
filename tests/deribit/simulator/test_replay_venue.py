"""What a recorded market shows at an instant: the latest quotes, never the next ones."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.deribit.simulator.recorded import small_recording
from tests.recorded_chain import EXPIRIES, MIDNIGHT, SIZE, SNAPSHOTS, VOL, chain, close_at
from trader.deribit.simulator.listing import Listing
from trader.deribit.simulator.quotes import rows
from trader.deribit.simulator.replay_venue import ReplayVenue
from trader.deribit.simulator.tickers import ticker
from trader.deribit.simulator.venue import Venue
from trader.domain.units import HOUR, MILLISECOND, MINUTE, YEAR
from trader.pricing.black_scholes import greeks

BETWEEN = SNAPSHOTS[1] + 2 * HOUR
NAME = "BTC-13JAN26-91000-C"


@pytest.fixture
def venue() -> ReplayVenue:
    """Replay the small recording."""
    return ReplayVenue(small_recording())


def found(venue: Venue, name: str, at: int) -> Listing:
    """Find what must be listed."""
    listing = venue.find(name, at)
    assert listing is not None
    return listing


def row_of(name: str, at: int) -> dict[str, float]:
    """Read what was recorded of a contract in one snapshot."""
    known = chain()
    place = next(
        place
        for place, (one, when) in enumerate(zip(known["name"], known["ts"], strict=True))
        if (one, when) == (name, at)
    )
    return {column: values[place] for column, values in known.items() if column != "name"}


def test_the_latest_snapshot_is_shown_with_its_own_time(venue: ReplayVenue) -> None:
    """A nanosecond before the next one too; asking for an earlier instant shows the earlier."""
    for at, shown in (
        (BETWEEN, SNAPSHOTS[1]), (SNAPSHOTS[2] - 1, SNAPSHOTS[1]), (SNAPSHOTS[2], SNAPSHOTS[2]),
        (SNAPSHOTS[0], SNAPSHOTS[0]),
    ):  # fmt: skip
        listing = found(venue, NAME, at)
        row, quote = row_of(NAME, shown), venue.option(listing, at)
        assert (quote.bid, quote.ask, quote.mark) == (row["bid"], row["ask"], row["mark"])
        assert (quote.underlying_price, quote.index_price) == (row["forward"], row["index"])
        assert (quote.bid_amount, quote.ask_amount) == (SIZE, SIZE)
        assert venue.quoted_at(listing, at) == shown
        assert ticker(venue, listing, at)["timestamp"] == shown // MILLISECOND


def test_an_option_s_quote_is_its_row_of_the_board(venue: ReplayVenue) -> None:
    """Greeks follow from the recorded volatility at the time of the quote."""
    listing = found(venue, NAME, BETWEEN)
    quotes = {one.name: quote for one, quote in rows(venue.board("BTC", BETWEEN))}
    assert quotes[NAME] == venue.option(listing, BETWEEN)
    row, years = row_of(NAME, SNAPSHOTS[1]), (EXPIRIES[2] - SNAPSHOTS[1]) / YEAR
    expected = greeks(1, row["forward"], 91_000.0, years, VOL)
    assert quotes[NAME].greeks == pytest.approx(expected)
    assert quotes[NAME].bid_iv < VOL < quotes[NAME].ask_iv


def test_marks_are_known_from_their_snapshot_on(venue: ReplayVenue) -> None:
    """Each instant shows the mark of the latest snapshot until then."""
    listing = found(venue, NAME, BETWEEN)
    asked = np.array([SNAPSHOTS[1] - 1, SNAPSHOTS[1], BETWEEN])
    expected = [row_of(NAME, SNAPSHOTS[place])["mark"] for place in (0, 1, 1)]
    assert venue.option_marks(listing, asked).tolist() == expected


def test_a_side_nobody_quoted_is_empty(venue: ReplayVenue) -> None:
    """Price and amount are 0, and the book has no level there."""
    empty = [quote for _, quote in rows(venue.board("BTC", SNAPSHOTS[2])) if quote.bid == 0.0]
    assert empty
    assert all((one.bid_amount, one.bid_iv) == (0.0, 0.0) for one in empty)
    listing = found(venue, NAME, SNAPSHOTS[2])
    book = venue.order_book(listing, empty[0], SNAPSHOTS[2], 5)
    assert (len(book.bids), book.asks) == (0, {empty[0].ask: SIZE})
    assert book in venue.order_books("BTC", SNAPSHOTS[2])


def test_the_index_is_stepwise_and_never_ahead(venue: ReplayVenue) -> None:
    """Hourly closes hold from the end of their hour."""
    at = MIDNIGHT + 18 * HOUR
    assert venue.index_price("BTC", at) == close_at(at)
    assert venue.index_price("BTC", at - 1) == close_at(at - HOUR)
    assert venue.hourly_index_prices("BTC", at - 2 * HOUR, at).tolist() == [
        close_at(at - 2 * HOUR), close_at(at - HOUR), close_at(at),
    ]  # fmt: skip
    assert venue.hourly_index_prices("BTC", 0, MIDNIGHT).size == 1
    assert venue.estimated_delivery_price("BTC", at) == close_at(at)


def test_delivery_prices_are_those_of_the_source(venue: ReplayVenue) -> None:
    """The close of the bar that ends at 08:00 UTC, known from then on; others are not known."""
    assert venue.delivery_price("BTC", EXPIRIES[0], EXPIRIES[0] - 1) is None
    assert venue.delivery_price("BTC", EXPIRIES[0], EXPIRIES[0]) == close_at(EXPIRIES[0])
    assert venue.delivery_price("BTC", EXPIRIES[0] + HOUR, EXPIRIES[1]) is None
    at = EXPIRIES[1] + HOUR
    listed = venue.delivery_prices("BTC", at, 2)
    assert listed == [(one, close_at(one)) for one in (EXPIRIES[1], EXPIRIES[0])]
    assert venue.delivery_prices("BTC", at, 9, 1)[0] == listed[1]
    assert venue.deliveries_count("BTC", at) == 3


def test_bars_are_made_of_closes(venue: ReplayVenue) -> None:
    """Whole hours only: a bar opens at the close before it; minutes and options have none."""
    perpetual, at = found(venue, "BTC-PERPETUAL", BETWEEN), MIDNIGHT + 18 * HOUR + 30 * MINUTE
    bars = venue.chart(perpetual, at - 4 * HOUR, at, 60, at)
    assert bars.close.tolist() == [close_at(MIDNIGHT + hour * HOUR) for hour in (16, 17, 18)]
    assert bars.open.tolist() == [close_at(MIDNIGHT + hour * HOUR) for hour in (15, 16, 17)]
    assert (bars.high >= np.maximum(bars.open, bars.close)).all()
    assert bars.ticks[0] == (MIDNIGHT + 15 * HOUR) // MILLISECOND
    longer = venue.chart(perpetual, MIDNIGHT, at, 360, at)
    assert longer.close.tolist() == [close_at(MIDNIGHT + hour * HOUR) for hour in (6, 12, 18)]
    assert not venue.chart(perpetual, MIDNIGHT, at, 1, at).ticks.size
    assert not venue.chart(found(venue, NAME, at), MIDNIGHT, at, 60, at).ticks.size


def test_what_was_not_recorded_is_empty(venue: ReplayVenue) -> None:
    """No trade, no funding, no settlement, no volatility index is made up."""
    perpetual = found(venue, "BTC-PERPETUAL", BETWEEN)
    quote = venue.delta_one(perpetual, BETWEEN)
    assert (quote.bid, quote.ask, quote.mark) == (0.0, 0.0, close_at(BETWEEN))
    assert math.isnan(quote.funding_8h)
    assert venue.last_price(perpetual, BETWEEN) is None
    assert venue.day_stats(perpetual, BETWEEN).volume == 0.0
    assert venue.settlement_price(perpetual, BETWEEN) is None
    assert venue.settlements("BTC", EXPIRIES[0], BETWEEN) == ()
    assert venue.settlement_of(perpetual, EXPIRIES[0], BETWEEN) is None
    assert venue.volatility_index("BTC", BETWEEN) is None
    assert not venue.volatility_bars("BTC", 0, BETWEEN, 60, BETWEEN).ticks.size
    assert venue.announcements(0, BETWEEN) == ()
    assert venue.yearly_yields("BTC", np.array([20_000])) is None
    assert not venue.funding("BTC", 0, BETWEEN).at.size
    assert math.isnan(venue.premium("BTC", BETWEEN) + venue.funding_trailing_8h("BTC", BETWEEN))
    assert math.isnan(venue.funding_8h("BTC", BETWEEN))
    tape = venue.tape
    assert tape.latest_seq(perpetual, BETWEEN) == 0
    first, last = tape.span(perpetual, 0, BETWEEN)
    assert last < first
    assert not tape.by_time(perpetual, 0, BETWEEN, BETWEEN).seq.size
    assert tape.counts((perpetual,), BETWEEN) == [0]
    assert tape.of_many([perpetual], 0, BETWEEN, BETWEEN) == []
    assert not tape.by_sequence(perpetual, 1, 9, BETWEEN).seq.size


def test_open_interest_and_what_an_option_is_priced_off_are_as_recorded(
    venue: ReplayVenue,
) -> None:
    """What the file does not tell of a contract is not a number."""
    assert venue.open_interest(found(venue, NAME, BETWEEN), BETWEEN) == 7.0
    assert venue.traded(found(venue, NAME, BETWEEN), BETWEEN).open_interest == 7.0
    assert venue.underlying_index(found(venue, NAME, BETWEEN), BETWEEN) == "SYN.X"
    perpetual = found(venue, "BTC-PERPETUAL", BETWEEN)
    assert math.isnan(venue.open_interest(perpetual, BETWEEN))


def test_changes_come_one_after_the_other(venue: ReplayVenue) -> None:
    """Quotes, closes and expiries, each once, until the end of the recording."""
    changes, at = [], venue.life.first_at
    while (following := venue.next_change(at)) is not None:
        assert following > at
        at = following
        changes.append(at)
    assert set(SNAPSHOTS[1:]) | set(EXPIRIES[:3]) <= set(changes)
    assert changes[0] == SNAPSHOTS[0] + HOUR
    assert changes[-1] == EXPIRIES[-1]
    assert venue.life.last_at in changes


def test_its_name_is_the_recording_s(venue: ReplayVenue) -> None:
    """Another recording is another market: journals of one do not go on with another."""
    assert (venue.seed, venue.version) == ("0", "replay-1-small")
    assert (venue.staleness_s, venue.assumed_sizes) == (8 * 3_600.0, True)
    assert venue.underlyings == ("BTC",)
    assert venue.begins_at == MIDNIGHT
    assert venue.expired("BTC", EXPIRIES[0])
