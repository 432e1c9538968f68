"""What do the sections accept, and what follows from them?"""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from trader.app.settings import AccountSettings, FeedSettings, Settings, websocket_url


def test_the_defaults_are_a_whole_configuration() -> None:
    """Without a file the daemon trades the demo account on the bundled exchange."""
    settings = Settings()
    assert settings.feed.endpoint == "ws://127.0.0.1:8765/ws/api/v2"
    assert settings.account.balances == {"BTC": 20.0, "ETH": 300.0, "USDC": 1_000_000.0}
    assert settings.risk.enabled
    assert settings.stage_floor is None


@pytest.mark.parametrize(
    ("source", "endpoint"),
    [
        ("simulated", "ws://127.0.0.1:8765/ws/api/v2"),
        ("deribit", "wss://www.deribit.com/ws/api/v2"),
        ("deribit-test", "wss://test.deribit.com/ws/api/v2"),
        ("ws://host:1/x", "ws://host:1/x"),
    ],
)
def test_a_source_names_its_endpoint(source: str, endpoint: str) -> None:
    """The four ways to say where ticks come from."""
    assert FeedSettings(source=source).endpoint == endpoint


@pytest.mark.parametrize(
    "url",
    ["", "localhost", "http://x", "ws://", "ws:///x", "ws://h:0/", "ws://h:99999/", "ws://[x"],
)
def test_what_is_no_websocket_url_is_refused(url: str) -> None:
    """No scheme, another scheme, no host, no possible port."""
    with pytest.raises(ValueError, match="is no websocket URL; write ws://host:port/path"):
        websocket_url(url)


def test_underlyings_are_normalized_and_distinct() -> None:
    """`btc` is BTC, and BTC twice is a mistake."""
    assert FeedSettings(underlyings=("btc", "Eth")).underlyings == ("BTC", "ETH")
    with pytest.raises(ValidationError, match="one twice"):
        FeedSettings(underlyings=("BTC", "btc"))


@pytest.mark.parametrize("amount", [0.0, -1.0, float("nan"), float("inf"), 1e13])
def test_an_account_starts_with_positive_finite_money(amount: float) -> None:
    """Zero, negative, NaN, infinite and absurd balances are refused."""
    with pytest.raises(ValidationError):
        AccountSettings(balances={"BTC": amount})


def test_coins_are_those_the_source_lists() -> None:
    """The bundled exchange lists six, Deribit more; balances are held in none of the others."""
    assert FeedSettings(underlyings=("SOL_USDC", "xrp")).underlyings == ("SOL", "XRP")
    with pytest.raises(ValidationError, match="choose from BTC, ETH, SOL, XRP, ADA, AVAX, each"):
        FeedSettings(underlyings=("DOGE",))
    assert FeedSettings(source="deribit", underlyings=("DOGE",)).underlyings == ("DOGE",)
    with pytest.raises(ValidationError, match="unknown coin"):
        FeedSettings(source="deribit", underlyings=("PEPE",))
    with pytest.raises(ValidationError, match="unknown currency SOL; choose from BTC, ETH, USDC"):
        AccountSettings(balances={"SOL": 1.0})
