"""Tests of `trader.deribit.refusal`: what a refusal carries over the wire."""

from __future__ import annotations

from trader.deribit.messages import ErrorBody
from trader.deribit.refusal import ServerError


def test_a_refusal_is_its_body_on_the_wire() -> None:
    """Code, message and detail are kept as given; a person reads code and message."""
    refusal = ServerError(-32_602, "Invalid params", {"param": "depth"})
    assert refusal.body == ErrorBody(-32_602, "Invalid params", {"param": "depth"})
    assert str(refusal) == "-32602 Invalid params"


def test_a_refusal_without_detail_says_none() -> None:
    """Where there is nothing to add, `error.data` is null."""
    assert ServerError(13_020, "not_found").body.data is None
