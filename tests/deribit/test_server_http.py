"""Tests of `trader.deribit.server_http`: what a request asks, without a socket."""

from __future__ import annotations

import json

import pytest

from trader.deribit.messages import CLIENT_FRAME_BYTES_MAX
from trader.deribit.refusal import ServerError
from trader.deribit.server_http import answered, is_http_path, read_request, refused
from trader.deribit.server_session import Call

BODY = b'{"jsonrpc":"2.0","id":"7","method":"public/ticker","params":{"depth":5}}'


def test_a_query_is_a_call_without_an_id() -> None:
    """Values stay text; what repeats or stands in brackets becomes a list."""
    query = [("a", "1"), ("b", "x"), ("b", "y"), ("c", '["p","q"]'), ("d", "[broken")]
    call = read_request("/api/v2/public/ticker", query, b"")
    assert (call.method, call.id) == ("public/ticker", None)
    assert call.params == {"a": "1", "b": ["x", "y"], "c": ["p", "q"], "d": "[broken"}


@pytest.mark.parametrize(
    "path", ["/api/v2", "/api/v2/", "/api/v2/public/ticker", "/api/v2/public/x"]
)
def test_a_body_names_its_method_wherever_it_goes(path: str) -> None:
    """The bare path serves too; the body goes before the path."""
    call = read_request(path, [], BODY)
    assert (call.method, call.id, call.params) == ("public/ticker", "7", {"depth": 5})


def test_a_body_without_a_method_takes_the_path() -> None:
    """Some clients write the method in the address alone."""
    call = read_request("/api/v2/public/ticker", [], b'{"id":1,"params":{"x":1}}')
    assert (call.method, call.id, call.params) == ("public/ticker", 1, {"x": 1})


@pytest.mark.parametrize(
    ("path", "host"),
    [("/history/api/v2/public/ticker", "localhost"), ("/api/v2/public/ticker", "history.local:80")],
)
def test_the_history_host_is_told_by_path_or_name(path: str, host: str) -> None:
    """A call to it says so, whether in a query or in a body, and the body's method still goes."""
    assert is_http_path(path)
    by_query = read_request(path, [("depth", "1")], b"", host)
    assert by_query.params == {"depth": "1", "historical": True}
    by_body = read_request(path, [], BODY, host)
    assert (by_body.method, by_body.params) == ("public/ticker", {"depth": 5, "historical": True})
    assert "historical" not in read_request("/api/v2/public/ticker", [], BODY, "local").params


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("/api/v2", b"", 11_050),
        ("/api/v2/public/ticker", b"{", 11_050),
        ("/api/v2/public/ticker", b"[1]", 11_050),
        ("/api/v2", b"[" + BODY + b"]", 11_050),
        ("/api/v2", b" " * (CLIENT_FRAME_BYTES_MAX + 1), -32_600),
    ],
)
def test_what_is_no_call_is_refused(path: str, body: bytes, code: int) -> None:
    """No method, no JSON, a batch, or too much."""
    with pytest.raises(ServerError) as caught:
        read_request(path, [], body)
    assert caught.value.body.code == code


def test_answers_carry_their_times_and_refusals_are_400() -> None:
    """A result is 200; the id is echoed with its type, and left out where there was none."""
    good = answered(Call("7", "public/test", {}, 10), {"x": 1}, 15)
    assert good.status == 200
    assert json.loads(good.body) == {
        "jsonrpc": "2.0", "id": "7", "result": {"x": 1},
        "usIn": 10, "usOut": 15, "usDiff": 5, "testnet": False,
    }  # fmt: skip
    bad = refused(None, ServerError(10_030, "must_be_websocket_request"), 10, 15)
    assert bad.status == 400
    assert json.loads(bad.body)["error"] == {"code": 10_030, "message": "must_be_websocket_request"}
    assert "id" not in json.loads(bad.body)


def test_the_paths_of_the_door() -> None:
    """The prefix must end at a slash."""
    assert is_http_path("/api/v2")
    assert is_http_path("/api/v2/public/test")
    assert not is_http_path("/api/v20/public/test")
    assert not is_http_path("/ws/api/v2")
