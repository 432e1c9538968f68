"""What does every answer tell a browser to refuse? The same headers on pages, errors and files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import MutableMapping

HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
        "img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not `no-referrer`: under it a browser calls the origin of our own forms `null`.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
"""What stands on every answer; a page may state a policy of its own."""
STRICT_TRANSPORT: Final = "max-age=31536000"
"""Said beyond loopback under TLS: a browser that came once never asks in the clear again."""


def dress(headers: MutableMapping[str, str], *, strict_transport: bool = False) -> None:
    """Put on what is missing, and take off the name and version of the server."""
    for name, value in HEADERS.items():
        headers.setdefault(name, value)
    headers.setdefault("Cache-Control", "no-store")
    if strict_transport:
        headers.setdefault("Strict-Transport-Security", STRICT_TRANSPORT)
    headers.pop("Server", None)
