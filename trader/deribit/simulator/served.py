"""Where does the exchange listen, and under which addresses is it reached?"""

from __future__ import annotations

from typing import Final

import msgspec

WEBSOCKET_PATH: Final = "/ws/api/v2"


class Served(msgspec.Struct, frozen=True):
    """Where the exchange listens."""

    host: str
    port: int
    tls: bool = False

    @property
    def url(self) -> str:
        """The address a websocket client connects to."""
        return f"{'wss' if self.tls else 'ws'}://{self._authority}{WEBSOCKET_PATH}"

    @property
    def http_url(self) -> str:
        """What stands before `/api/v2` in the address of a request."""
        return f"{'https' if self.tls else 'http'}://{self._authority}"

    @property
    def _authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"
