"""deribit-wrapper, unmodified but for its address: asks over HTTP, again and again.

Run:  python -m tests.interoperability.client_deribit_wrapper HTTP_URL SECONDS
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

PERPETUAL = "BTC-PERPETUAL"


def read(client: Any) -> dict[str, int]:
    """Read everything once; count what came."""
    instruments = client.get_instruments("BTC")
    options = instruments[(instruments["kind"] == "option") & instruments["is_active"]]
    option = options["instrument_name"].iloc[0]
    ticker = client.get_ticker(PERPETUAL)
    now = datetime.fromtimestamp(ticker["timestamp"] / 1_000, UTC).replace(tzinfo=None)
    start = now - timedelta(days=1)
    candles = client.get_market_data_history(PERPETUAL, start, now, resolution="60")
    return {
        "currencies": len(client.currencies),
        "instruments": len(instruments),
        "futures": len(client.get_future_instruments("ETH", as_list=True)),
        "ticker": len(ticker),
        "option ticker": len(client.get_ticker(option)),
        "middle": int(client.mid_price(PERPETUAL) > 0),
        "book": len(client.get_market_book(currency="BTC")),
        "candles": len(candles),
        "contract size": int(client.get_contract_size(PERPETUAL) > 0),
    }


def main(http: str, seconds: float) -> None:
    """Read once, then go on asking for prices; report."""
    from deribit_wrapper import DeribitClient
    from deribit_wrapper.base import DeribitBase

    DeribitBase._DeribitBase__ENVS["test"] = http
    warnings.simplefilter("ignore")  # it says that it has no key
    client = DeribitClient(env="test")
    found = read(client)
    asked: Counter[str] = Counter()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        asked["ticker"] += int(client.get_ticker(PERPETUAL)["mark_price"] > 0)
        asked["book"] += int(len(client.get_market_book(instrument="ETH-PERPETUAL")) > 0)
        time.sleep(0.2)
    print(json.dumps({"read": found, "streamed": asked}))


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
