"""How does the exchange say no?"""

from __future__ import annotations

from trader.deribit.messages import ErrorBody


class ServerError(Exception):
    """A refusal of the exchange, as it goes over the wire; `detail` is `error.data`."""

    def __init__(self, code: int, message: str, detail: object = None) -> None:
        self.body = ErrorBody(code, message, detail)
        super().__init__(f"{code} {message}")
