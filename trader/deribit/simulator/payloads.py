"""In which shape does Deribit send a contract, a ticker, a summary?

Keys and units are the wire's: percent, milliseconds, 0 for an empty side in tickers and null in
summaries. Nobody trades on the bundled exchange but its clients on paper, so options have no last
price, no volume and no open interest; a perpetual's volume is that of its market's candles.
"""

from __future__ import annotations

from typing import Any, Final

from trader.deribit.simulator.books import Book
from trader.deribit.simulator.desks import PerpetualQuote
from trader.deribit.simulator.listing import Listing
from trader.deribit.simulator.quotes import OptionQuote
from trader.deribit.simulator.venue import DayStats
from trader.domain.units import MILLISECOND, moment

Payload = dict[str, Any]

_NO_STATS: Final = {
    "high": None,
    "low": None,
    "price_change": None,
    "volume": 0.0,
    "volume_usd": 0.0,
}
_OPTION_BAND: Final = 0.04
_PERPETUAL_BAND: Final = 0.015
_COINS: Final = {
    "BTC": ("Bitcoin", "BITCOIN", 8, 1, 0.00002),
    "ETH": ("Ethereum", "ETHER", 8, 12, 0.0003),
    "USDC": ("USD Coin", "ETHER", 6, 12, 5.0),
}


def milliseconds(at: int) -> int:
    """Turn nanoseconds into the wire's milliseconds."""
    return at // MILLISECOND


def currencies() -> list[Payload]:
    """List the currencies of `public/get_currencies`."""
    return [
        {
            "currency": currency,
            "currency_long": long_name,
            "coin_type": coin_type,
            "decimals": decimals,
            "min_confirmations": confirmations,
            "min_withdrawal_fee": fee,
            "withdrawal_fee": fee,
            "withdrawal_priorities": [],
            "in_cross_collateral_pool": True,
            "network_currency": "ETH" if coin_type == "ETHER" else currency,
            "network_fee": fee,
        }
        for currency, (long_name, coin_type, decimals, confirmations, fee) in _COINS.items()
    ]


def instrument(listing: Listing, at: int) -> Payload:
    """Write a row of `public/get_instruments`; what has expired is delivered and inactive."""
    active = at < listing.expires_at
    row: Payload = {
        "instrument_name": listing.name,
        "instrument_id": listing.instrument_id,
        "kind": wire_kind(listing),
        "instrument_type": "reversed" if listing.inverse else "linear",
        "state": "open" if active else "delivered",
        "is_active": active,
        "price_index": listing.price_index,
        "rfq": False,
        "base_currency": listing.underlying,
        "quote_currency": listing.quote_currency,
        "counter_currency": listing.counter_currency,
        "creation_timestamp": milliseconds(listing.listed_at),
        "expiration_timestamp": milliseconds(listing.expires_at),
        "tick_size": listing.tick_size,
        "tick_size_steps": [
            {"above_price": above_price, "tick_size": tick_size}
            for above_price, tick_size in listing.tick_size_steps
        ],
        "min_trade_amount": listing.min_trade_amount,
        "contract_size": listing.contract_size,
        "maker_commission": listing.maker_commission,
        "taker_commission": listing.taker_commission,
    }
    if listing.kind == "spot":
        return row
    row["settlement_currency"] = listing.settlement_currency
    row["settlement_period"] = listing.settlement_period
    return row | (_option_terms(listing) if listing.kind == "option" else _future_terms(listing))


def _option_terms(listing: Listing) -> Payload:
    return {
        "option_type": listing.option_type,
        "strike": listing.strike,
        "block_trade_commission": listing.taker_commission,
        "block_trade_min_trade_amount": 250 * listing.min_trade_amount,
        "block_trade_tick_size": listing.tick_size,
    }


def _future_terms(listing: Listing) -> Payload:
    return {
        "future_type": "reversed" if listing.inverse else "linear",
        "max_leverage": 50,
        "max_liquidation_commission": 0.01,
        "block_trade_commission": 0.00025,
        "block_trade_min_trade_amount": 200_000,
        "block_trade_tick_size": listing.tick_size,
    }


def wire_kind(listing: Listing) -> str:
    """Name the kind as Deribit does: a perpetual is a `future` there."""
    return "future" if listing.kind == "perpetual" else listing.kind


def option_ticker(
    listing: Listing,
    quote: OptionQuote,
    at: int,
    *,
    settlement_price: float | None,
    estimated_delivery_price: float,
    underlying_index: str,
) -> Payload:
    """Write the ticker of an option."""
    greeks = quote.greeks
    mark = round(quote.mark, 6)
    band = _OPTION_BAND * (1.0 if listing.inverse else quote.underlying_price)
    return {
        "timestamp": milliseconds(at),
        "state": "open",
        "stats": _NO_STATS,
        "index_price": quote.index_price,
        "instrument_name": listing.name,
        "last_price": None,
        "settlement_price": settlement_price,
        "min_price": max(round(mark - band, 4), listing.tick_size),
        "max_price": round(mark + band, 4),
        "open_interest": 0.0,
        "mark_price": mark,
        "mark_iv": round(100.0 * quote.mark_iv, 2),
        "bid_iv": round(100.0 * quote.bid_iv, 2),
        "ask_iv": round(100.0 * quote.ask_iv, 2),
        "best_bid_price": quote.bid,
        "best_ask_price": quote.ask,
        "best_bid_amount": quote.bid_amount,
        "best_ask_amount": quote.ask_amount,
        "underlying_price": quote.underlying_price,
        "underlying_index": underlying_index,
        "interest_rate": 0.0,
        "estimated_delivery_price": estimated_delivery_price,
        "greeks": {
            "delta": round(greeks.delta, 5),
            "gamma": round(greeks.gamma, 5),
            "vega": round(greeks.vega, 5),
            "theta": round(greeks.theta, 5),
            "rho": round(greeks.rho, 5),
        },
    }


def delta_one_ticker(
    listing: Listing,
    quote: PerpetualQuote,
    at: int,
    *,
    stats: DayStats,
    settlement_price: float | None,
    estimated_delivery_price: float,
) -> Payload:
    """Write the ticker of a perpetual, a future or a spot pair, but for funding."""
    return {
        "timestamp": milliseconds(at),
        "state": "open",
        "stats": {
            "high": stats.high,
            "low": stats.low,
            "price_change": stats.change,
            "volume": stats.volume,
            "volume_usd": stats.cost,
            "volume_notional": stats.cost,
        },
        "index_price": quote.index_price,
        "instrument_name": listing.name,
        "last_price": quote.bid,
        "settlement_price": settlement_price,
        "min_price": round(quote.mark * (1.0 - _PERPETUAL_BAND), 4),
        "max_price": round(quote.mark * (1.0 + _PERPETUAL_BAND), 4),
        "open_interest": 0.0,
        "mark_price": quote.mark,
        "best_bid_price": quote.bid,
        "best_ask_price": quote.ask,
        "best_bid_amount": quote.bid_amount,
        "best_ask_amount": quote.ask_amount,
        "estimated_delivery_price": estimated_delivery_price,
    }


def funding_terms(quote: PerpetualQuote, *, funding_trailing_8h: float, premium: float) -> Payload:
    """Write what a perpetual's ticker says of funding; `interest_value` is the premium."""
    return {
        "interest_value": round(premium, 8),
        "current_funding": round(quote.funding_8h, 8),
        "funding_8h": round(funding_trailing_8h, 8),
    }


def quote(listing: Listing, quoted: OptionQuote | PerpetualQuote, at: int) -> Payload:
    """Write the touch alone (`quote.*`)."""
    return {
        "timestamp": milliseconds(at),
        "instrument_name": listing.name,
        "best_bid_price": quoted.bid,
        "best_bid_amount": quoted.bid_amount,
        "best_ask_price": quoted.ask,
        "best_ask_amount": quoted.ask_amount,
    }


def order_book(ticker: Payload, resting: Book, depth: int) -> Payload:
    """Write a book, so many levels a side at most, beside its ticker."""
    return ticker | {
        "change_id": ticker["timestamp"],
        "bids": [list(level) for level in resting.bids[:depth]],
        "asks": [list(level) for level in resting.asks[:depth]],
    }


_SUMMED_UP: Final = (
    "open_interest",
    "mark_price",
    "mark_iv",
    "underlying_price",
    "underlying_index",
    "interest_rate",
    "current_funding",
    "funding_8h",
    "estimated_delivery_price",
)


def summary(listing: Listing, ticker: Payload) -> Payload:
    """Write a row of the book summary; here an empty side is null, unlike in the ticker."""
    bid = ticker["best_bid_price"] or None
    ask = ticker["best_ask_price"] or None
    stats = ticker["stats"]
    row: Payload = {
        "instrument_name": listing.name,
        "creation_timestamp": ticker["timestamp"],
        "base_currency": listing.underlying,
        "quote_currency": listing.quote_currency,
        "bid_price": bid,
        "ask_price": ask,
        "mid_price": round((bid + ask) / 2.0, 6) if bid and ask else None,
        "last": ticker["last_price"],
    }
    row.update(stats)
    row.update((key, ticker[key]) for key in _SUMMED_UP if key in ticker)
    return row


def index_tick(index_name: str, price: float, at: int) -> Payload:
    """Write an index notification."""
    return {"timestamp": milliseconds(at), "price": price, "index_name": index_name}


def state_change(listing: Listing, state: str, at: int) -> Payload:
    """Write a notification of `instrument.state.*`."""
    return {"timestamp": milliseconds(at), "state": state, "instrument_name": listing.name}


def date_of(at: int) -> str:
    """Write the UTC date of an instant, as delivery prices name it."""
    return moment(at).date().isoformat()
