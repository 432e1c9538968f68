"""How do tests record a market? Snapshots of a small option chain and hourly closes, by formula."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np

from trader.domain.expiries import expiry_label
from trader.domain.units import DAY, HOUR, YEAR, nanoseconds
from trader.pricing.black_scholes import price

MIDNIGHT: Final = nanoseconds(datetime(2026, 1, 10, tzinfo=UTC))
SNAPSHOTS: Final = tuple(MIDNIGHT + hour * HOUR for hour in (10, 16, 21, 28, 33, 40, 45, 52, 57))
EXPIRIES: Final = tuple(MIDNIGHT + days * DAY + 8 * HOUR for days in (1, 2, 3, 6))
STRIKES: Final = range(84_000, 97_000, 1_000)
CLOSES: Final = 80
VOL: Final = 0.5
SIZE: Final = 5.0


def close_at(ends_at: int) -> float:
    """Tell the close of the hour that ends then: a slow wave around 90,000."""
    return round(90_000.0 + 400.0 * float(np.sin((ends_at - MIDNIGHT) / HOUR / 7.0)), 1)


def chain(snapshots: Sequence[int] = SNAPSHOTS) -> dict[str, list[Any]]:
    """Write every snapshot row by row, in columns named as some stranger would.

    A contract without a bid shows null, volatilities are percent; the call of 96,000 that expires
    last is listed from the second snapshot on.
    """
    columns: dict[str, list[Any]] = {
        name: [] for name in ("ts", "name", "bid", "ask", "mark", "iv", "forward", "index", "oi")
    }
    for at in snapshots:
        forward = close_at(at - at % HOUR) + 10.0
        for expires_at in (one for one in EXPIRIES if one > at):
            years = (expires_at - at) / YEAR
            for strike in STRIKES:
                for letter in "CP":
                    late = strike == 96_000 and letter == "C" and expires_at == EXPIRIES[-1]
                    if late and at == snapshots[0]:
                        continue
                    sign = 1 if letter == "C" else -1
                    mark = float(price(sign, forward, float(strike), years, VOL)) / forward
                    bid = round(mark * 0.97 - 0.00005, 4)
                    name = f"BTC-{expiry_label(expires_at)}-{strike}-{letter}"
                    row = (at, name, bid if bid > 0 else None, round(mark * 1.03 + 0.00015, 4),
                           round(mark, 6), 100.0 * VOL, forward, forward - 10.0, 7.0)  # fmt: skip
                    for column, value in zip(columns.values(), row, strict=True):
                        column.append(value)
    return columns


def closes() -> dict[str, list[Any]]:
    """Write the hourly closes, by the opening time of their bars, from midnight on."""
    opens_at = [MIDNIGHT + hour * HOUR for hour in range(CLOSES)]
    return {
        "ts": opens_at,
        "symbol": ["BTC-PERPETUAL"] * CLOSES,
        "close": [close_at(one + HOUR) for one in opens_at],
    }
