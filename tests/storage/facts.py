"""Which facts can there be? Hypothesis strategies for the whole union, read off its types."""

from __future__ import annotations

import types
import typing
from typing import Any, get_args, get_origin

import msgspec
from hypothesis import strategies as st

from trader.domain.facts import AlertRaised, EpochOpened, Fact, Recorded
from trader.domain.instruments import Instrument
from trader.domain.trading import Action, Intent, Leg, Pricing, Quoting, Stop

WHOLE = st.integers(-(2**63), 2**63 - 1)
SPAN = st.integers(0, 2**62)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
TEXT = st.text(st.characters(codec="utf-8"), max_size=8)


def of_type(kind: Any) -> st.SearchStrategy[Any]:
    """Draw any value of a field's type."""
    simple = {int: WHOLE, float: FINITE, str: TEXT, bool: st.booleans(), types.NoneType: st.none()}
    if kind in simple:
        return simple[kind]
    if kind is Intent:
        return intents()
    if kind is Instrument:
        return instruments()
    if kind is Pricing:
        return of_struct(Pricing, patience=SPAN, lifetime=SPAN)
    if kind is Stop:
        return of_struct(Stop, price=st.floats(1e-6, 1e9), gap=st.floats(0, 1e9))
    if kind is Quoting:
        return of_struct(Quoting, follow_after=st.integers(1, 2**62))
    if kind is Leg:
        return of_struct(Leg, ratio=st.floats(-1e6, 1e6).filter(bool))
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return of_struct(kind)
    origin, inner = get_origin(kind), get_args(kind)
    if origin is typing.Literal:
        return st.sampled_from(inner)
    if origin in (typing.Union, types.UnionType):
        return st.one_of([of_type(one) for one in inner])
    if origin is tuple and inner[-1] is Ellipsis:
        return st.lists(of_type(inner[0]), max_size=3).map(tuple)
    if origin is tuple:
        return st.tuples(*(of_type(one) for one in inner))
    if origin is dict:
        return st.dictionaries(of_type(inner[0]), of_type(inner[1]), max_size=3)
    raise TypeError(f"no strategy for {kind!r}: teach tests/storage/facts.py")


def of_struct(kind: type[msgspec.Struct], **given: Any) -> st.SearchStrategy[Any]:
    """Draw a struct field by field; `given` strategies replace the field's own."""
    fields = {field.name: field.type for field in msgspec.structs.fields(kind)}
    drawn = {
        name: given[name] if name in given else of_type(inner) for name, inner in fields.items()
    }
    return st.fixed_dictionaries(drawn).map(lambda values: kind(**values))


def intents() -> st.SearchStrategy[Intent]:
    """Draw intents that are valid: a confidence in [0, 1], a chain where the action needs one, a
    price where it rests, a session where it opens.
    """
    plain = set(get_args(Action)) - {"open", "quote"}
    amount, none = st.floats(1e-6, 1e9), st.none()
    resting = of_struct(Pricing, limit_net=FINITE, patience=SPAN, lifetime=SPAN)

    def drawn(actions: set[str], **given: Any) -> st.SearchStrategy[Intent]:
        shared = {"confidence": st.floats(0, 1), "chain_id": TEXT, "stop": of_type(Stop)}
        action = st.sampled_from(sorted(actions))
        return of_struct(Intent, **({"action": action, "amount": none | amount} | shared | given))

    return st.one_of(
        drawn(plain, quoting=none),
        drawn({"open"}),
        drawn({"quote"}, quoting=none, amount=amount, pricing=resting),
    )


def instruments() -> st.SearchStrategy[Instrument]:
    """Draw valid contracts: positive steps, an option with its type, strike and expiry."""
    positive = st.floats(1e-6, 1e9)
    return of_struct(
        Instrument,
        tick_size=positive,
        min_trade_amount=positive,
        contract_size=positive,
        option_type=st.sampled_from(("call", "put")),
        strike=positive,
        expires_at=st.integers(1, 2**63 - 1),
        tick_size_steps=st.sampled_from(((), ((0.005, 0.0005),), ((0.005, 0.0005), (0.1, 0.001)))),
    )


def facts() -> st.SearchStrategy[Fact]:
    """Draw any fact of the union."""
    return st.one_of([of_type(kind) for kind in get_args(Fact)])


def epoch(sequence: int, number: int = 1) -> Recorded:
    """Record the start of an epoch."""
    opened = EpochOpened(
        epoch=number,
        feed="simulated",
        speed=300.0,
        market="simulated:7:1",
        software="0.1.0",
        configuration_hash="c0ffee",
    )
    return Recorded(sequence, sequence * 1_000_000_000, opened)


def alert(sequence: int, text: str = "hello", strategy: str | None = None) -> Recorded:
    """Record an alert, the smallest fact with a text."""
    fact = AlertRaised(kind="test", severity="info", text=text, strategy=strategy)
    return Recorded(sequence, sequence * 1_000_000_000, fact)
