"""What is quoted in these tests? A two-sided market in line with its index."""

from __future__ import annotations

import math

import msgspec

from tests.builders import NOW
from tests.engine.books import INDEX
from trader.domain.events import IndexPrice, Quote
from trader.domain.instruments import Instrument
from trader.engine.market_state import MarketState

AGE_S_MAX = 30.0


def quote_of(instrument: Instrument, at: int = NOW, /, **changes: float) -> Quote:
    """Quote a contract two-sided, in line with the index."""
    perpetual = instrument.kind != "option"
    bid, ask = (INDEX - 1, INDEX + 1) if perpetual else (0.010, 0.011)
    quote = Quote(
        instrument=instrument.name, exchange_at=at, bid=bid, bid_amount=5.0, ask=ask,
        ask_amount=7.0, mark=(bid + ask) / 2, mark_iv=math.nan if perpetual else 0.5,
        underlying_price=INDEX, index_price=INDEX,
    )  # fmt: skip
    return msgspec.structs.replace(quote, **changes)


def market_of(*instruments: Instrument, at: int = NOW, speed: float = 1.0) -> MarketState:
    """List contracts on a market whose index was just heard."""
    market = MarketState(AGE_S_MAX, speed)
    market.at = at
    market.list(instruments)
    market.index_price(IndexPrice("BTC", INDEX, at), at)
    return market
