"""In which shape does Deribit document its results and notifications? A compact schema.

A shape is a word, a list of one shape, a tuple of shapes, or the members of an object; a member
whose name ends in `?` may be missing. Words: `int`, `number`, `text`, `flag`, each with `?` where
null is allowed, `any`, or a literal text in quotes.
"""

from __future__ import annotations

from typing import Any

N, I, T, F = "number", "int", "text", "flag"  # noqa: E741
NULL, ANY = "null?", "any"

STATS = {"high": "number?", "low": "number?", "price_change": "number?", "volume": N,
         "volume_usd": N, "volume_notional?": N}  # fmt: skip
TICKER_COMMON = {
    "timestamp": I, "state": T, "stats": STATS, "index_price": N, "instrument_name": T,
    "last_price": "number?", "settlement_price?": "number?", "min_price": N, "max_price": N,
    "open_interest": N, "mark_price": N, "best_bid_price": N, "best_ask_price": N,
    "best_bid_amount": N, "best_ask_amount": N, "estimated_delivery_price": N,
}  # fmt: skip
GREEKS = {"delta": N, "gamma": N, "vega": N, "theta": N, "rho": N}
OPTION_TICKER = TICKER_COMMON | {
    "mark_iv": N, "bid_iv": N, "ask_iv": N, "underlying_price": N, "underlying_index": T,
    "interest_rate": N, "greeks": GREEKS,
}  # fmt: skip
PERPETUAL_TICKER = TICKER_COMMON | {"interest_value": N, "current_funding": N, "funding_8h": N}
BOOK_SIDES = {"change_id": I, "bids": [(N, N)], "asks": [(N, N)]}

INSTRUMENT_COMMON = {
    "price_index": T, "underlying_type": T, "rfq": F, "kind": T, "instrument_name": T,
    "instrument_id": I, "instrument_type": T, "state": T, "is_active": F, "expiration_timestamp": I,
    "creation_timestamp": I, "base_currency": T, "counter_currency": T, "quote_currency": T,
    "contract_size": N, "min_trade_amount": N, "tick_size": N,
    "tick_size_steps": [{"above_price": N, "tick_size": N}],
    "maker_commission": N, "taker_commission": N,
}  # fmt: skip
SETTLED = {"settlement_period": T, "settlement_currency": T, "block_trade_commission": N,
           "block_trade_min_trade_amount": N, "block_trade_tick_size": N}  # fmt: skip
OPTION = INSTRUMENT_COMMON | SETTLED | {"option_type": T, "strike": N}
FUTURE = INSTRUMENT_COMMON | SETTLED | {
    "future_type": T, "max_leverage": N, "max_liquidation_commission": N,
}  # fmt: skip
SPOT = INSTRUMENT_COMMON

SUMMARY_COMMON = {
    "instrument_name": T, "creation_timestamp": I, "base_currency": T, "quote_currency": T,
    "volume": N, "volume_usd": N, "volume_notional?": N, "high": "number?", "low": "number?",
    "last": "number?", "price_change": "number?", "bid_price": "number?", "ask_price": "number?",
    "mid_price": "number?", "mark_price": N, "open_interest": N, "estimated_delivery_price": N,
}  # fmt: skip
OPTION_SUMMARY = SUMMARY_COMMON | {"mark_iv": N, "underlying_price": N, "underlying_index": T,
                                   "interest_rate": N}  # fmt: skip
PERPETUAL_SUMMARY = SUMMARY_COMMON | {"current_funding": N, "funding_8h": N}

TRADE = {"trade_seq": I, "trade_id": T, "timestamp": I, "tick_direction": I, "price": N,
         "mark_price": N, "index_price": N, "instrument_name": T, "direction": T, "amount": N,
         "contracts": N, "iv?": N}  # fmt: skip
TRADES = {"trades": [TRADE], "has_more": F}
SETTLEMENTS = {
    "continuation": "text?",
    "settlements": [{"type": T, "timestamp": I, "instrument_name": T, "index_price": N,
                     "mark_price": N, "position": N, "profit_loss": N, "session_profit_loss": N,
                     "funding?": N}],
}  # fmt: skip
BARS = {"status": T, "ticks": [I]} | {
    name: [N] for name in ("open", "high", "low", "close", "volume", "cost")
}
CURRENCY = {
    "coin_type": T, "currency": T, "currency_long": T, "decimals": I, "in_cross_collateral_pool": F,
    "min_confirmations": I, "min_withdrawal_fee": N, "withdrawal_fee": N,
    "withdrawal_priorities": [{"name": T, "value": N}], "network_currency": T, "network_fee": N,
}  # fmt: skip
CHANGES = [(T, N, N)]

Shape = Any


def misfits(value: object, shape: Shape, where: str = "") -> list[str]:
    """List how a value differs from its shape: missing, unknown, of another type, null."""
    match shape:
        case dict():
            return _object_misfits(value, shape, where)
        case list():
            if not isinstance(value, list):
                return [f"{where}: {value!r} is no list"]
            return [
                m for n, one in enumerate(value) for m in misfits(one, shape[0], f"{where}[{n}]")
            ]
        case tuple():
            if not isinstance(value, list) or len(value) != len(shape):
                return [f"{where}: {value!r} is no row of {len(shape)}"]
            pairs = zip(value, shape, strict=True)
            return [
                m
                for n, (one, kind) in enumerate(pairs)
                for m in misfits(one, kind, f"{where}[{n}]")
            ]
        case _:
            return [] if _fits(value, shape) else [f"{where}: {value!r} is no {shape}"]


def _object_misfits(value: object, shape: dict[str, Shape], where: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{where}: {value!r} is no object"]
    known = {name.removesuffix("?"): kind for name, kind in shape.items()}
    found = [f"{where}.{name}: unknown" for name in value if name not in known]
    found += [
        f"{where}.{name}: missing" for name in shape if not name.endswith("?") and name not in value
    ]
    for name, kind in known.items():
        if name in value:
            found += misfits(value[name], kind, f"{where}.{name}")
    return found


def _fits(value: object, word: str) -> bool:
    if value is None:
        return word.endswith("?")
    match word.removesuffix("?"):
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "int":
            return isinstance(value, int) and not isinstance(value, bool)
        case "text":
            return isinstance(value, str)
        case "any":
            return True
        case "flag":
            return isinstance(value, bool)
        case literal:
            return value == literal.strip('"')


def shape_of(sample: object) -> Shape:
    """Read the shape off a sample: a list has the shape that all its items have together."""
    match sample:
        case None:
            return NULL
        case bool():
            return F
        case int() | float():
            return N
        case str():
            return T
        case dict():
            return {name: shape_of(value) for name, value in sample.items()}
        case list():
            words = [shape_of(one) for one in sample]
            if all(isinstance(word, str) for word in words) and len(set(words)) > 1:
                return tuple(words)
            return [merged(words)] if words else [ANY]
        case _:
            raise TypeError(f"{sample!r} comes from no JSON")


def merged(shapes: list[Shape]) -> Shape:
    """Make the shape that fits what any of some shapes fits: what one lacks may be missing."""
    whole, *others = shapes
    for other in others:
        whole = _either(whole, other)
    return whole


def _either(one: Shape, other: Shape) -> Shape:
    if one == other or other == ANY:
        return one
    if one == ANY:
        return other
    if NULL in (one, other):
        word = other if one == NULL else one
        return f"{word.removesuffix('?')}?"
    if isinstance(one, dict) and isinstance(other, dict):
        return _either_object(one, other)
    if isinstance(one, list) and isinstance(other, list):
        return [_either(one[0], other[0])]
    if isinstance(one, str) and isinstance(other, str):
        word = one.removesuffix("?")
        if word == other.removesuffix("?"):
            return f"{word}?"
    raise TypeError(f"{one!r} and {other!r} are two things")


def _either_object(one: dict[str, Shape], other: dict[str, Shape]) -> dict[str, Shape]:
    known = [
        {name.removesuffix("?"): kind for name, kind in shape.items()} for shape in (one, other)
    ]
    whole: dict[str, Shape] = {}
    for name in known[0] | known[1]:
        everywhere = name in one and name in other
        kinds = [kinds[name] for kinds in known if name in kinds]
        whole[name if everywhere else f"{name}?"] = merged(kinds)
    return whole
