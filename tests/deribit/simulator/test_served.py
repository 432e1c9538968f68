"""Under which addresses the exchange is reached."""

from __future__ import annotations

import pytest

from trader.deribit.simulator.served import Served


@pytest.mark.parametrize(
    ("served", "url", "http_url"),
    [
        (Served("127.0.0.1", 80), "ws://127.0.0.1:80/ws/api/v2", "http://127.0.0.1:80"),
        (Served("::1", 81, tls=True), "wss://[::1]:81/ws/api/v2", "https://[::1]:81"),
    ],
)
def test_addresses_name_host_port_and_security(served: Served, url: str, http_url: str) -> None:
    """An IPv6 address stands in brackets."""
    assert (served.url, served.http_url) == (url, http_url)
