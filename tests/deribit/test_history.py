"""What is asked for and put together from before we listened, against the bundled exchange."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from trader.deribit import history
from trader.deribit.simulator.archive import Archive
from trader.deribit.simulator.clock import DEMO_START_AT
from trader.deribit.simulator.exchange import Exchange
from trader.deribit.simulator.listing import PERPETUALS
from trader.deribit.simulator.market import Market
from trader.deribit.simulator.seeded_venue import SeededVenue
from trader.deribit.simulator.venue import last_settlement
from trader.domain.errors import FeedError
from trader.domain.units import DAY, HOUR, MINUTE

AT = DEMO_START_AT
EIGHT = last_settlement(AT)


class Answers:
    """A `call` that the bundled exchange answers at one instant; remembers what was asked."""

    def __init__(self, at: int = AT) -> None:
        venue = SeededVenue(Market(7))
        self.market = venue.market
        self._exchange = Exchange(venue, Archive(venue), epoch_at=AT, speed=1.0)
        self._at = at
        self.asked: list[dict[str, Any]] = []

    async def __call__(self, method: str, params: dict[str, Any]) -> msgspec.Raw:
        """Answer as the wire would."""
        self.asked.append(params)
        return msgspec.Raw(msgspec.json.encode(self._exchange.handle(method, params, self._at)))


def fixed(result: object) -> history.Call:
    """Make a `call` that always answers the same."""

    async def call(_method: str, _params: dict[str, Any]) -> msgspec.Raw:
        return msgspec.Raw(msgspec.json.encode(result))

    return call


async def test_the_catalog_holds_every_contract_once() -> None:
    """Two currencies are two calls; naming one twice asks once; nothing is skipped."""
    answers = Answers()
    catalog = await history.load_instruments(answers, ["BTC", "ETH", "BTC"])
    assert [params["currency"] for params in answers.asked] == ["BTC", "ETH"]
    names = [one.name for one in catalog.instruments]
    assert len(names) == len(set(names)) > 1_000
    assert {"BTC-PERPETUAL", "ETH-PERPETUAL"} <= set(names)
    assert catalog.skipped == ()


async def test_a_bad_row_costs_only_itself() -> None:
    """A row of an unknown shape and one that cannot be traded are named; the rest is kept."""
    answers = Answers()
    rows = msgspec.json.decode(await answers("public/get_instruments", {"currency": "BTC"}))
    bad = [{"instrument_name": "X"}, rows[0] | {"instrument_name": "Y", "tick_size": 0.0}]
    combo = rows[1] | {"instrument_name": "Z", "kind": "option_combo"}
    catalog = await history.load_instruments(fixed([*bad, combo, *rows]), ["BTC"])
    assert len(catalog.instruments) == len(rows)
    assert len(catalog.skipped) == 2
    assert "Y" in catalog.skipped[1]


async def test_no_catalog_is_a_feed_error() -> None:
    """What is no list of instruments is refused as a whole."""
    with pytest.raises(FeedError, match="list of instruments"):
        await history.load_instruments(fixed({"oops": 1}), ["BTC"])


async def test_bars_are_the_closed_hours_before_now() -> None:
    """Hours asked for without the running one; they open at the perpetual's mark on the tick."""
    answers = Answers(AT + 17 * MINUTE)
    loaded = await history.load_bars(answers, "btc", 48, AT + 17 * MINUTE)
    assert loaded.underlying == "BTC"
    assert loaded.bars.opened_at == tuple(AT - hours * HOUR for hours in range(48, 0, -1))
    marks = [answers.market.perpetual_mark("BTC", at) for at in loaded.bars.opened_at]
    tick = PERPETUALS["BTC"].tick_size
    assert list(loaded.bars.open) == pytest.approx(marks, rel=0, abs=tick / 2 + 1e-6)
    assert all(price % tick == 0 for price in loaded.bars.open)


async def test_bars_are_asked_in_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than a page is several calls without a hole or an overlap."""
    monkeypatch.setattr(history, "BARS_PER_CALL", 20)
    answers = Answers()
    loaded = await history.load_bars(answers, "ETH", 50, AT)
    assert len(answers.asked) == 3
    assert len(loaded.bars.opened_at) == 50


async def test_asking_for_no_bars_is_refused() -> None:
    """The refusal names the field."""
    with pytest.raises(ValueError, match="hours 0"):
        await history.load_bars(Answers(), "BTC", 0, AT)


async def test_a_delivery_price_is_known_from_8_utc() -> None:
    """Before the expiry there is none; from then on it is the market's."""
    assert await history.load_delivery_price(Answers(EIGHT - 1), "BTC", EIGHT) is None
    answers = Answers(EIGHT)
    price = await history.load_delivery_price(answers, "BTC", EIGHT)
    assert price is not None
    assert (price.underlying, price.expires_at) == ("BTC", EIGHT)
    assert price.price == answers.market.delivery_price("BTC", EIGHT, EIGHT)


async def test_an_old_delivery_price_is_found_by_paging() -> None:
    """What is not among the latest is looked for further back, and no further than needed."""
    answers = Answers()
    price = await history.load_delivery_price(answers, "ETH", EIGHT - 40 * DAY)
    assert price is not None
    assert price.expires_at == EIGHT - 40 * DAY
    assert [params["offset"] for params in answers.asked] == [0, history.DELIVERIES_FIRST]


async def test_a_future_delivery_price_costs_one_call() -> None:
    """The newest rows are older than what is asked for: nothing to look for behind them."""
    answers = Answers()
    assert await history.load_delivery_price(answers, "BTC", EIGHT + DAY) is None
    assert len(answers.asked) == 1


async def test_no_delivery_prices_at_all_is_none() -> None:
    """A venue without a past knows no price."""
    call = fixed({"data": [], "records_total": 0})
    assert await history.load_delivery_price(call, "BTC", EIGHT) is None


async def test_a_date_that_is_no_expiry_is_refused() -> None:
    """Deliveries are at 08:00 UTC; anything else is a mistake of the caller."""
    with pytest.raises(ValueError, match="08:00 UTC"):
        await history.load_delivery_price(Answers(), "BTC", AT)
