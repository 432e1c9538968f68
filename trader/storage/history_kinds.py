"""Which kinds of history are kept? Names, columns, and what must be true of a row."""

from __future__ import annotations

from typing import Final

import msgspec

from trader.domain.units import DAY, HOUR


class Dataset(msgspec.Struct, frozen=True):
    """What a dataset's rows are: a row is known by `key`, and one comes at least every `step`.

    `positive` names prices that must be above 0 where there is one; `ordered` pairs that must not
    cross.
    """

    name: str
    types: dict[str, str]
    key: tuple[str, ...] = ("at",)
    step: int | None = None
    positive: tuple[str, ...] = ()
    ordered: tuple[tuple[str, str], ...] = ()


_PRICES: Final = dict.fromkeys(("open", "high", "low", "close"), "float64")
_ENDS: Final = (("low", "high"), ("low", "open"), ("low", "close"), ("open", "high"))
_TOUCH: Final = dict.fromkeys(("bid", "bid_amount", "ask", "ask_amount"), "float64")

DATASETS: Final = {
    one.name: one
    for one in (
        Dataset(
            "candles",
            {"at": "int64"} | _PRICES | {"volume": "float64", "cost": "float64"},
            step=HOUR,
            positive=("open", "high", "low", "close"),
            ordered=_ENDS,
        ),
        Dataset(
            "dvol", {"at": "int64"} | _PRICES, step=HOUR, positive=("close",), ordered=_ENDS
        ),
        Dataset(
            "funding",
            {"at": "int64"} | dict.fromkeys(("index_price", "rate_1h", "rate_8h"), "float64"),
            step=HOUR,
            positive=("index_price",),
        ),
        Dataset("deliveries", {"at": "int64", "price": "float64"}, step=DAY, positive=("price",)),
        Dataset(
            "settlements",
            {"at": "int64", "instrument": "string", "type": "string"}
            | dict.fromkeys(
                ("index_price", "mark_price", "position", "profit_loss", "session_profit_loss",
                 "funding"),
                "float64",
            ),
            key=("at", "instrument", "type"),
            positive=("index_price",),
        ),
        Dataset(
            "trades",
            {
                "at": "int64", "instrument": "string", "trade_seq": "int64", "trade_id": "string",
                "direction": "string", "price": "float64", "amount": "float64", "mark": "float64",
                "index_price": "float64", "iv": "float64",
            },
            key=("at", "instrument", "trade_seq", "trade_id"),
            positive=("price", "amount"),
        ),
        Dataset(
            "instruments",
            {
                "at": "int64", "instrument": "string", "kind": "string", "expires_at": "int64",
                "option_type": "string", "strike": "float64", "settlement_currency": "string",
                "tick_size": "float64", "min_trade_amount": "float64", "contract_size": "float64",
                "active": "bool",
            },
            key=("instrument",),
            positive=("tick_size", "min_trade_amount", "contract_size"),
        ),
        Dataset(
            "quotes",
            {"at": "int64", "exchange_at": "int64", "instrument": "string"}
            | _TOUCH
            | dict.fromkeys(("mark", "mark_iv", "underlying_price", "index_price"), "float64"),
            key=(),
            step=HOUR,
            ordered=(("bid", "ask"),),
        ),
        Dataset(
            "index",
            {"at": "int64", "exchange_at": "int64", "price": "float64"},
            key=(),
            step=HOUR,
            positive=("price",),
        ),
        Dataset(
            "feed_health",
            {"at": "int64"} | dict.fromkeys(("event", "kind", "scope", "detail"), "string"),
            key=(),
        ),
        Dataset(
            "option_chain",
            {"at": "int64", "exchange_at": "int64", "instrument": "string"}
            | _TOUCH
            | dict.fromkeys(
                ("bid_iv", "ask_iv", "mark", "mark_iv", "underlying_price", "open_interest",
                 "last_price", "delta", "gamma", "vega", "theta", "rho"),
                "float64",
            )
            | {"underlying_index": "string"},
            key=(),
            step=HOUR,
            ordered=(("bid", "ask"),),
        ),
        Dataset(
            "derivative_ticker",
            {"at": "int64", "exchange_at": "int64", "instrument": "string"}
            | dict.fromkeys(
                ("funding_rate", "predicted_funding_rate", "open_interest", "last_price",
                 "index_price", "mark"),
                "float64",
            ),
            key=(),
            step=HOUR,
            positive=("index_price", "mark"),
        ),
    )
}  # fmt: skip
