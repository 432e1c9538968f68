"""A venue with a past, on loopback: the history methods, in the shapes and pages of Deribit."""

from __future__ import annotations

import time
from typing import Any

from tests.deribit.loopback import Line
from trader.deribit.server_session import Call, ServerError
from trader.domain.units import DAY, HOUR, MILLISECOND

NOW = 20_605 * DAY + 12 * HOUR + 5 * 60_000_000_000
NOW_MS = NOW // MILLISECOND
HOUR_MS = HOUR // MILLISECOND
DAY_MS = DAY // MILLISECOND


class VenueHistory:
    """Answers every call and keeps what was asked. Every hour a trade, a bar, a rate, a point.

    `trades_reach_ms` is how far back trades go; older windows answer empty, without an error.
    """

    def __init__(self, *, page: int = 40, trades_reach_ms: int = DAY_MS) -> None:
        self.page = page
        self.trades_reach_ms = trades_reach_ms
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.fail_after = 10**9
        self.lacking: tuple[str, ...] = ()

    async def script(self, line: Line) -> None:
        """Serve one connection."""
        async for frame in line.socket:
            now = time.monotonic()
            for event in line.session.receive(frame, now):
                if isinstance(event, Call):
                    try:
                        line.session.answer(event, self.answer(event.method, event.params), now)
                    except ServerError as error:
                        line.session.refuse(event, error, now)
            await line.send(*line.session.data_to_send())

    def asked(self, method: str) -> int:
        """Count the calls of a method."""
        return sum(1 for name, _ in self.calls if name.endswith(method))

    def answer(self, method: str, params: dict[str, Any]) -> object:
        """Answer one call."""
        self.calls.append((method, params))
        name = method.removeprefix("public/")
        if method in self.lacking:
            raise ServerError(-32_601, "Method not found")
        if len(self.calls) > self.fail_after:
            raise ServerError(13_009, "unauthorized")
        if name == "get_time":
            return NOW_MS
        answer = getattr(self, f"_{name}", None)
        if answer is None:
            raise ServerError(-32_601, "Method not found")
        return answer(params)

    def _hours(self, params: dict[str, Any]) -> list[int]:
        start, end = params["start_timestamp"], min(params["end_timestamp"], NOW_MS)
        return list(range(-(-start // HOUR_MS) * HOUR_MS, end + 1, HOUR_MS))

    def _get_tradingview_chart_data(self, params: dict[str, Any]) -> object:
        ticks = self._hours(params)[-5_000:]
        column = [100.0 + tick // HOUR_MS % 7 for tick in ticks]
        return {
            "status": "ok" if ticks else "no_data", "ticks": ticks, "open": column,
            "high": [one + 1 for one in column], "low": [one - 1 for one in column],
            "close": column, "volume": column, "cost": column,
        }  # fmt: skip

    def _get_volatility_index_data(self, params: dict[str, Any]) -> object:
        hours = self._hours(params)
        page = hours[-self.page :]
        more = page[0] if len(hours) > len(page) else None
        return {"data": [[hour, 46.0, 47.0, 45.0, 46.5] for hour in page], "continuation": more}

    def _get_funding_rate_history(self, params: dict[str, Any]) -> object:
        return [
            {"timestamp": hour, "index_price": 100.0, "prev_index_price": 99.0,
             "interest_1h": 1e-6, "interest_8h": 8e-6}
            for hour in self._hours(params)
        ]  # fmt: skip

    def _get_delivery_prices(self, params: dict[str, Any]) -> object:
        from trader.domain.units import day_date

        offset, count = params["offset"], min(params["count"], self.page)
        days = [20_605 - n for n in range(100)][offset : offset + count]
        data = [{"date": day_date(day).isoformat(), "delivery_price": 100.0 + day} for day in days]
        return {"data": data, "records_total": 100}

    def _get_last_settlements_by_currency(self, params: dict[str, Any]) -> object:
        """Two rows at 08:00 of each of a hundred days, and a bankruptcy now and then."""
        newest = min(params.get("search_start_timestamp", NOW_MS), NOW_MS)
        rows: list[dict[str, Any]] = []
        for day in range(20_605, 20_505, -1):
            at = day * DAY_MS + 8 * HOUR_MS + 23
            common = {"timestamp": at, "index_price": 90_871.22, "mark_price": 90_870.0,
                      "position": 1.0, "profit_loss": 0.0, "session_profit_loss": 3.5}  # fmt: skip
            rows += [
                common | {"type": "delivery", "instrument_name": "BTC-20NOV26-90000-C"},
                common | {"type": "settlement", "instrument_name": "BTC-PERPETUAL", "funding": -1},
            ]
            if day % 10 == 0:
                rows.append({"type": "bankruptcy", "timestamp": at, "socialized": 0.0})
        rows = [row for row in rows if row["timestamp"] <= newest]
        first = int(params.get("continuation", 0))
        last = first + min(params["count"], self.page)
        more = str(last) if last < len(rows) else None
        return {"settlements": rows[first:last], "continuation": more}

    def _get_last_trades_by_currency_and_time(self, params: dict[str, Any]) -> object:
        reach = NOW_MS - self.trades_reach_ms
        hours = [hour for hour in self._hours(params) if hour >= reach]
        rows = [
            {"trade_seq": hour // HOUR_MS * 2 + n, "trade_id": f"{hour // HOUR_MS}-{n}",
             "timestamp": hour, "tick_direction": 0, "price": 0.0275, "mark_price": 0.028,
             "iv": 48.02, "index_price": 91_236.4, "direction": "sell", "amount": 2.5,
             "instrument_name": "BTC-25DEC26-100000-C"}
            for hour in hours
            for n in (0, 1)
        ]  # fmt: skip
        page = rows[: min(params["count"], 7)]
        return {"trades": page, "has_more": len(rows) > len(page)}

    def _get_instruments(self, params: dict[str, Any]) -> object:
        day = "1JUN26" if params["expired"] else "25DEC26"
        return [
            {"instrument_name": f"BTC-{day}-100000-C", "kind": "option", "base_currency": "BTC",
             "quote_currency": "BTC", "settlement_currency": "BTC", "price_index": "btc_usd",
             "tick_size": 0.0001, "tick_size_steps": [], "min_trade_amount": 0.1,
             "contract_size": 1.0, "maker_commission": 0.0003, "taker_commission": 0.0003,
             "settlement_period": "month", "expiration_timestamp": NOW_MS + DAY_MS,
             "instrument_type": "reversed", "option_type": "call", "strike": 100_000.0,
             "instrument_id": 1, "is_active": True, "creation_timestamp": 1}
        ]  # fmt: skip
