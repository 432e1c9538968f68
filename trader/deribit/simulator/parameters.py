"""Are the parameters of a call usable, and what is said where they are not?

Unknown parameters are ignored, as Deribit does (clients still send `include_old` or `scope`);
numbers may arrive as text, since a query string carries nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from trader.deribit.server_session import ServerError

INVALID_PARAMS: Final = -32_602
CURRENCIES: Final = ("BTC", "ETH", "USDC", "USDT", "EURR")
KINDS: Final = ("any", "option", "future", "spot", "future_combo", "option_combo", "combo")
INTEGER_MAX: Final = 2**53
"""Above it a JSON number is none that can be told from its neighbors."""


def invalid(param: str, reason: str) -> ServerError:
    """Make the refusal of one parameter."""
    return ServerError(INVALID_PARAMS, "Invalid params", {"reason": reason, "param": param})


class Parameters:
    """The named parameters of one call, read by type; every reader raises `ServerError`."""

    def __init__(self, values: Mapping[str, object]) -> None:
        self._values = values

    def text(self, param: str) -> str:
        """Read a text that must be there."""
        value = self.optional_text(param)
        if value is None:
            raise invalid(param, "value is required")
        return value

    def optional_text(self, param: str) -> str | None:
        """Read a text; None where it is absent or null."""
        value = self._values.get(param)
        if value is None or isinstance(value, str):
            return value
        raise invalid(param, "invalid format")

    def choice(self, param: str, choices: tuple[str, ...]) -> str | None:
        """Read one of some words, in any case; None where it is absent."""
        value = self.optional_text(param)
        if value is None:
            return None
        for choice in choices:
            if choice.lower() == value.lower():
                return choice
        raise invalid(param, "invalid currency" if param == "currency" else "invalid format")

    def required_choice(self, param: str, choices: tuple[str, ...]) -> str:
        """Read one of some words that must be there."""
        value = self.choice(param, choices)
        if value is None:
            raise invalid(param, "value is required")
        return value

    def flag(self, param: str) -> bool:
        """Read a truth value, false where it is absent."""
        match self._values.get(param):
            case None | False | "false":
                return False
            case True | "true":
                return True
            case _:
                raise invalid(param, "invalid format")

    def number(self, param: str) -> float | None:
        """Read a finite number, also from text; None where it is absent."""
        value = self._values.get(param)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise invalid(param, "invalid format")
        try:
            number = float(value)
        except (ValueError, OverflowError):
            raise invalid(param, "invalid format") from None
        if not math.isfinite(number):
            raise invalid(param, "invalid format")
        return number

    def integer(self, param: str, default: int | None = None) -> int:
        """Read a whole number (a float without a fraction counts); without a default it must be."""
        number = self.number(param)
        if number is None:
            if default is None:
                raise invalid(param, "value is required")
            return default
        if abs(number) > INTEGER_MAX or number != int(number):
            raise invalid(param, "invalid format")
        return int(number)

    def whole(self, param: str, least: int, most: int, default: int) -> int:
        """Read a whole number within bounds, the default where it is absent."""
        number = self.integer(param, default)
        if not least <= number <= most:
            raise invalid(param, "invalid format")
        return number
