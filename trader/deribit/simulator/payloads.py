"""In which shape does Deribit send a contract, a ticker, a summary?

Keys and units are the wire's: percent, milliseconds, 0 for an empty side in tickers and null in
summaries and in what nobody traded.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from trader.deribit.simulator.activity import Traded
from trader.deribit.simulator.desks import PerpetualQuote
from trader.deribit.simulator.listing import Listing, state
from trader.deribit.simulator.order_books import OrderBook
from trader.deribit.simulator.quotes import Board
from trader.domain.units import MILLISECOND, moment

Payload = dict[str, Any]

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
    """Write a row of `public/get_instruments`; what has expired is inactive."""
    row: Payload = {
        "instrument_name": listing.name,
        "instrument_id": listing.instrument_id,
        "kind": wire_kind(listing),
        "instrument_type": "reversed" if listing.inverse else "linear",
        "state": state(listing, at),
        "is_active": at < listing.expires_at,
        "price_index": listing.price_index,
        "underlying_type": "crypto",
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


class OptionFigures(NamedTuple):
    """What an option's ticker shows of its quote: volatilities in percent, all rounded."""

    bid: float
    ask: float
    bid_amount: float
    ask_amount: float
    mark: float
    mark_iv: float
    bid_iv: float
    ask_iv: float
    underlying_price: float
    min_price: float
    max_price: float
    delta: float
    gamma: float
    vega: float
    theta: float
    rho: float


def option_figures(board: Board) -> list[tuple[float, ...]]:
    """Round a board as it is published: a row of `OptionFigures` for each option, as plain tuples.

    All at once, since this is most of what a ticker costs.
    """
    terms = board.listings[0]
    mark = np.round(board.mark, 6)
    band = _OPTION_BAND * (1.0 if terms.inverse else board.underlying_price)
    greeks = board.greeks
    published = (greeks.delta, greeks.gamma, greeks.vega, greeks.theta, greeks.rho)
    columns = (
        board.bid,
        board.ask,
        board.bid_amount,
        board.ask_amount,
        mark,
        np.round(100.0 * board.mark_iv, 2),
        np.round(100.0 * board.bid_iv, 2),
        np.round(100.0 * board.ask_iv, 2),
        board.underlying_price,
        np.maximum(np.round(mark - band, 4), terms.tick_size),
        np.round(mark + band, 4),
        *(np.round(one, 5) for one in published),
    )
    return list(zip(*(column.tolist() for column in columns), strict=True))


class Trading(NamedTuple):
    """What a ticker tells besides its quote."""

    traded: Traded
    settlement_price: float | None
    estimated_delivery_price: float


def option_ticker(
    listing: Listing,
    figures: OptionFigures,
    trading: Trading,
    at: int,
    *,
    index_price: float,
    underlying_index: str,
) -> Payload:
    """Write the ticker of an option."""
    traded = trading.traded
    stats = traded.stats
    return {
        "timestamp": at // MILLISECOND,
        "state": state(listing, at),
        "stats": {
            "high": stats.high,
            "low": stats.low,
            "price_change": stats.change,
            "volume": stats.volume,
            "volume_usd": stats.cost,
        },
        "index_price": index_price,
        "instrument_name": listing.name,
        "last_price": traded.last_price,
        "settlement_price": trading.settlement_price,
        "min_price": figures.min_price,
        "max_price": figures.max_price,
        "open_interest": traded.open_interest,
        "mark_price": figures.mark,
        "mark_iv": figures.mark_iv,
        "bid_iv": figures.bid_iv,
        "ask_iv": figures.ask_iv,
        "best_bid_price": figures.bid,
        "best_ask_price": figures.ask,
        "best_bid_amount": figures.bid_amount,
        "best_ask_amount": figures.ask_amount,
        "underlying_price": figures.underlying_price,
        "underlying_index": underlying_index,
        "interest_rate": 0.0,
        "estimated_delivery_price": trading.estimated_delivery_price,
        "greeks": {
            "delta": figures.delta,
            "gamma": figures.gamma,
            "vega": figures.vega,
            "theta": figures.theta,
            "rho": figures.rho,
        },
    }


def delta_one_ticker(
    listing: Listing,
    quote: PerpetualQuote,
    trading: Trading,
    at: int,
) -> Payload:
    """Write the ticker of a perpetual, a future or a spot pair, but for funding."""
    traded = trading.traded
    stats = traded.stats
    return {
        "timestamp": milliseconds(at),
        "state": state(listing, at),
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
        "last_price": traded.last_price,
        "settlement_price": trading.settlement_price,
        "min_price": round(quote.mark * (1.0 - _PERPETUAL_BAND), 4),
        "max_price": round(quote.mark * (1.0 + _PERPETUAL_BAND), 4),
        "open_interest": traded.open_interest,
        "mark_price": quote.mark,
        "best_bid_price": quote.bid,
        "best_ask_price": quote.ask,
        "best_bid_amount": quote.bid_amount,
        "best_ask_amount": quote.ask_amount,
        "estimated_delivery_price": trading.estimated_delivery_price,
    }


def funding_terms(quote: PerpetualQuote, *, funding_trailing_8h: float, premium: float) -> Payload:
    """Write what a perpetual's ticker says of funding; `interest_value` is the premium."""
    return {
        "interest_value": round(premium, 8),
        "current_funding": round(quote.funding_8h, 8),
        "funding_8h": round(funding_trailing_8h, 8),
    }


def quote(listing: Listing, touch: Sequence[float], at: int) -> Payload:
    """Write the touch alone (`quote.*`): bid, ask and their amounts."""
    return {
        "timestamp": milliseconds(at),
        "instrument_name": listing.name,
        "best_bid_price": touch[0],
        "best_bid_amount": touch[2],
        "best_ask_price": touch[1],
        "best_ask_amount": touch[3],
    }


def order_book(ticker: Payload, resting: OrderBook) -> Payload:
    """Write a book beside its ticker."""
    return ticker | {
        "change_id": ticker["timestamp"],
        "bids": list(resting.bids.items()),
        "asks": list(resting.asks.items()),
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
