"""Are answers dressed, and do pages keep a policy of their own?"""

from __future__ import annotations

from trader.web.headers import HEADERS, STRICT_TRANSPORT, dress


def test_what_is_missing_is_put_on() -> None:
    """Every header, no storing, no name of the server."""
    headers = {"Server": "Python/3.11 aiohttp/3"}
    dress(headers)
    assert headers == {**HEADERS, "Cache-Control": "no-store"}


def test_what_a_page_states_itself_stays() -> None:
    """A report has a policy for its one style block."""
    own = {"Content-Security-Policy": "default-src 'none'", "Cache-Control": "no-cache"}
    headers = dict(own)
    dress(headers, strict_transport=True)
    assert headers.items() >= own.items()
    assert headers["Strict-Transport-Security"] == STRICT_TRANSPORT
