"""Parameters of calls: what is read, and what is refused with which reason."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from trader.deribit.server_session import ServerError
from trader.deribit.simulator.parameters import INVALID_PARAMS, Parameters


def test_values_are_read_by_type() -> None:
    """Texts, numbers and flags come out typed; numbers and flags also from text."""
    given = Parameters({"name": "A", "count": "10", "start": 5.0, "expired": "true", "no": None})
    assert given.text("name") == "A"
    assert given.optional_text("no") is None
    assert given.integer("count") == 10
    assert given.integer("start") == 5
    assert given.integer("missing", default=3) == 3
    assert given.number("missing") is None
    assert given.flag("expired")
    assert not given.flag("missing")
    assert given.whole("start", 5, 5, 9) == 5
    assert given.whole("missing", 1, 9, 9) == 9
    assert Parameters({"currency": "btc"}).choice("currency", ("BTC", "ETH")) == "BTC"


@pytest.mark.parametrize(
    ("read", "reason"),
    [
        (lambda given: given.text("missing"), "value is required"),
        (lambda given: given.integer("missing"), "value is required"),
        (lambda given: given.text("number"), "invalid format"),
        (lambda given: given.integer("word"), "invalid format"),
        (lambda given: given.integer("half"), "invalid format"),
        (lambda given: given.number("flag"), "invalid format"),
        (lambda given: given.number("nan"), "invalid format"),
        (lambda given: given.number("huge"), "invalid format"),
        (lambda given: given.flag("word"), "invalid format"),
        (lambda given: given.choice("currency", ("BTC",)), "invalid currency"),
        (lambda given: given.choice("word", ("option",)), "invalid format"),
        (lambda given: given.required_choice("missing", ("option",)), "value is required"),
        (lambda given: given.integer("large"), "invalid format"),
        (lambda given: given.whole("number", 6, 9, 7), "invalid format"),
        (lambda given: given.whole("number", 1, 4, 3), "invalid format"),
    ],
)
def test_unusable_values_are_refused(read: Callable[[Parameters], object], reason: str) -> None:
    """The refusal carries Deribit's code, the parameter and the reason."""
    values = {
        "number": 5,
        "word": "many",
        "half": 1.5,
        "flag": True,
        "nan": "nan",
        "huge": 10**400,
        "large": 2**53 + 2,
        "currency": "DOGE",
    }
    with pytest.raises(ServerError) as refused:
        read(Parameters(values))
    body = refused.value.body
    assert body.code == INVALID_PARAMS
    assert body.reason.startswith(reason)
