"""What can be looked up about contracts, indexes and days gone by, beside quotes and bars?

Answers of methods that most clients ask once. Nothing is traded in combos, so their lists are
empty; nobody but paper clients holds a position, so settlements show none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from trader.deribit.refusal import ServerError
from trader.deribit.simulator.listing import Listing, currency, expiry_label
from trader.deribit.simulator.market import GENESIS
from trader.deribit.simulator.parameters import Parameters, invalid
from trader.deribit.simulator.payloads import Payload, milliseconds, wire_kind
from trader.deribit.simulator.venue import INDEX_UNDERLYINGS, Venue, last_settlement
from trader.domain.units import DAY, HOUR, MILLISECOND, MINUTE

CURRENCIES: Final = ("BTC", "ETH", "USDC", "USDT", "EURR")
COUNT_MAX: Final = 1_000
VOLATILITY_DAYS: Final = 16
VOLATILITY_WINDOW_HOURS: Final = 15 * 24
SETTLED_DAYS: Final = 3

_RANGES: Final = {
    "1h": (HOUR, MINUTE),
    "1d": (DAY, 5 * MINUTE),
    "2d": (2 * DAY, 10 * MINUTE),
    "1m": (30 * DAY, 2 * HOUR),
    "1y": (365 * DAY, DAY),
    "all": (3_650 * DAY, DAY),
}
_HOURS_PER_YEAR: Final = 24 * 365

Wanted = Callable[[Listing], bool]


class Reference:
    """The methods that look things up; every answer is a function of (seed, params, instant)."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue

    def expirations(self, params: Parameters, at: int) -> Payload:
        """Answer `public/get_expirations`: by currency, or of all (`any`)."""
        wanted = params.choice("currency", (*CURRENCIES, "any", "grouped"))
        if wanted is None:
            raise invalid("currency", "value is required")
        kind = params.choice("kind", ("future", "option", "any"))
        if kind is None:
            raise invalid("kind", "value is required")
        kinds = ("future", "option") if kind == "any" else (kind,)
        listed = self._venue.listed(at)
        if wanted == "any":
            return _labels(listed, kinds)
        names = [one.lower() for one in (CURRENCIES if wanted == "grouped" else (wanted,))]
        return {
            name: _labels([one for one in listed if currency(one) == name.upper()], kinds)
            for name in names
        }

    def contract_size(self, params: Parameters, at: int) -> Payload:
        """Answer `public/get_contract_size`."""
        name = params.text("instrument_name")
        listing = self._venue.find(name, at) or self._venue.find_expired(name, at)
        if listing is None:
            raise invalid("instrument_name", "instrument not found")
        return {"contract_size": listing.contract_size}

    def index_names(self, params: Parameters, _at: int) -> list[str] | list[Payload]:
        """Answer `public/get_index_price_names` and `public/get_supported_index_names`."""
        params.choice("type", ("all", "spot", "derivative"))
        if not params.flag("extended"):
            return list(INDEX_UNDERLYINGS)
        return [
            {
                "name": name,
                "future_combo_creation_enabled": False,
                "option_combo_creation_enabled": False,
            }
            for name in INDEX_UNDERLYINGS
        ]

    def index_chart(self, params: Parameters, at: int) -> list[list[float]]:
        """Answer `public/get_index_chart_data`: [ms, price], oldest first."""
        underlying = self._underlying(params)
        asked = params.choice("range", tuple(_RANGES))
        if asked is None:
            raise invalid("range", "value is required")
        span, step = _RANGES[asked]
        start = max(at - span, GENESIS)
        ticks = np.arange(-(-start // step) * step, at + 1, step, dtype=np.int64)
        prices = self._venue.market.spots(underlying, ticks)
        return [
            [tick // MILLISECOND, price]
            for tick, price in zip(ticks.tolist(), prices.tolist(), strict=True)
        ]

    def historical_volatility(self, params: Parameters, at: int) -> list[list[float]]:
        """Answer `public/get_historical_volatility`: [ms, percent a year], one an hour."""
        underlying = _coin(params)
        last = at - at % HOUR
        first = last - VOLATILITY_DAYS * DAY
        before = first - VOLATILITY_WINDOW_HOURS * HOUR
        if underlying not in self._venue.market.underlyings or before < GENESIS:
            return []
        moves = np.diff(np.log(self._venue.market.hourly_spots(underlying, before, last))) ** 2
        sums = np.concatenate(([0.0], np.cumsum(moves)))
        totals = sums[VOLATILITY_WINDOW_HOURS:] - sums[:-VOLATILITY_WINDOW_HOURS]
        percents = 100.0 * np.sqrt(totals / VOLATILITY_WINDOW_HOURS * _HOURS_PER_YEAR)
        return [
            [milliseconds(first + number * HOUR), round(percent, 4)]
            for number, percent in enumerate(percents.tolist())
        ]

    def settlements_of_currency(self, params: Parameters, at: int) -> Payload:
        """Answer `public/get_last_settlements_by_currency`."""
        wanted = _coin(params)
        return self._settled(params, at, lambda one: currency(one) == wanted)

    def settlements_of_instrument(self, params: Parameters, at: int) -> Payload:
        """Answer `public/get_last_settlements_by_instrument`."""
        name = params.text("instrument_name")
        if (self._venue.find(name, at) or self._venue.find_expired(name, at)) is None:
            raise invalid("instrument_name", "instrument not found")
        return self._settled(params, at, lambda one: one.name == name)

    def funding_chart(self, params: Parameters, at: int) -> Payload:
        """Answer `public/get_funding_chart_data`."""
        listing = self._venue.find(params.text("instrument_name"), at)
        if listing is None or listing.kind != "perpetual":
            raise invalid("instrument_name", "instrument not found")
        length = params.choice("length", ("8h", "24h", "1m"))
        if length is None:
            raise invalid("length", "value is required")
        hours = {"8h": 8, "24h": 24, "1m": 30 * 24}[length]
        last = at - at % HOUR
        venue, product = self._venue, listing.product
        return {
            "current_interest": round(venue.market.funding_8h(product, at), 8),
            "interest_8h": round(venue.funding_trailing_8h(product, at), 8),
            "data": [
                {
                    "timestamp": milliseconds(hour),
                    "index_price": venue.market.spot(listing.underlying, hour),
                    "interest_8h": round(venue.funding_trailing_8h(product, hour), 8),
                }
                for hour in range(last - (hours - 1) * HOUR, last + 1, HOUR)
            ],
        }

    def trade_volumes(self, _params: Parameters, at: int) -> list[Payload]:
        """Answer `public/get_trade_volumes`: of the last day, in coin."""
        return [
            {
                "currency": underlying,
                "calls_volume": 0.0,
                "puts_volume": 0.0,
                "futures_volume": self._volume(underlying, "future", at),
                "spot_volume": self._volume(underlying, "spot", at),
            }
            for underlying in self._venue.market.underlyings
        ]

    def _volume(self, underlying: str, kind: str, at: int) -> float:
        """Sum up a day's volume over the instruments of a coin, in coin."""
        stats = [
            self._venue.day_stats(one, at).volume
            for one in self._venue.listed(at)
            if one.underlying == underlying and wire_kind(one) == kind
        ]
        return round(sum(stats), 8)

    def nothing_of_currency(self, params: Parameters, _at: int) -> list[Payload]:
        """Answer `public/get_combos` and `public/get_combo_ids`: no combo is listed."""
        if params.choice("currency", (*CURRENCIES, "any")) is None:
            raise invalid("currency", "value is required")
        return []

    def combo(self, params: Parameters, _at: int) -> Payload:
        """Answer `public/get_combo_details`: there is none to be found."""
        params.text("combo_id")
        raise ServerError(13_020, "not_found")

    def mark_price_history(self, params: Parameters, at: int) -> list[list[float]]:
        """Answer `public/get_mark_price_history`: empty, as for what no volatility index uses."""
        if self._venue.find(params.text("instrument_name"), at) is None:
            raise invalid("instrument_name", "instrument not found")
        return []

    def announcements(self, _params: Parameters, _at: int) -> list[Payload]:
        """Answer `public/get_announcements`: nothing is announced."""
        return []

    def _underlying(self, params: Parameters) -> str:
        underlying = INDEX_UNDERLYINGS.get(params.text("index_name"))
        if underlying is None:
            raise invalid("index_name", "not found")
        return underlying

    def _settled(self, params: Parameters, at: int, wanted: Wanted) -> Payload:
        """Page through what was settled at the last days' 08:00, newest first."""
        kind = params.choice("type", ("settlement", "delivery", "bankruptcy"))
        count = params.integer("count", 20)
        if not 1 <= count <= COUNT_MAX:
            raise invalid("count", "invalid format")
        first = params.integer("continuation", 0)
        since = params.integer("search_start_timestamp", milliseconds(at))
        if first < 0:
            raise invalid("continuation", "invalid format")
        rows = [
            row
            for row in self._settlements(at, wanted)
            if kind in (None, row["type"]) and row["timestamp"] <= since
        ]
        more = len(rows) > first + count
        return {
            "settlements": rows[first : first + count],
            "continuation": str(first + count) if more else None,
        }

    def _settlements(self, at: int, wanted: Wanted) -> list[Payload]:
        rows: list[Payload] = []
        gone = [one for one in self._venue.expired(at) if wanted(one)]
        perpetuals = [
            one for one in self._venue.listed(at) if one.kind == "perpetual" and wanted(one)
        ]
        for back in range(SETTLED_DAYS):
            settled_at = last_settlement(at) - back * DAY
            for listing in [*gone, *perpetuals]:
                if listing.kind == "perpetual" or listing.expires_at == settled_at:
                    rows.append(self._settlement(listing, settled_at))  # noqa: PERF401
        return rows

    def _settlement(self, listing: Listing, settled_at: int) -> Payload:
        market = self._venue.market
        row: Payload = {
            "type": "settlement" if listing.kind == "perpetual" else "delivery",
            "timestamp": milliseconds(settled_at),
            "instrument_name": listing.name,
            "position": 0.0,
            "profit_loss": 0.0,
            "session_profit_loss": 0.0,
        }
        if listing.kind == "perpetual":
            mark = market.perpetual_mark(listing.product, settled_at)
            index_price = market.spot(listing.underlying, settled_at)
            return row | {"mark_price": mark, "index_price": index_price, "funding": 0.0}
        price = market.delivery_price(listing.underlying, settled_at, settled_at) or 0.0
        mark = price
        if listing.kind == "option":
            sign = 1.0 if listing.option_type == "call" else -1.0
            mark = max(sign * (price - (listing.strike or 0.0)), 0.0)
            mark = mark / price if listing.inverse else mark
        return row | {"mark_price": round(mark, 8), "index_price": price}


def _labels(listed: tuple[Listing, ...] | list[Listing], kinds: tuple[str, ...]) -> Payload:
    """List expiries by kind, nearest first; a perpetual comes last by its name."""
    expiries: dict[str, list[int]] = {}
    perpetual = any(one.kind == "perpetual" for one in listed)
    for one in listed:
        if one.kind not in ("perpetual", "spot"):
            expiries.setdefault(wire_kind(one), []).append(one.expires_at)
    named = {
        kind: [expiry_label(expires_at) for expires_at in sorted(set(expiries.get(kind, ())))]
        for kind in kinds
    }
    if perpetual and "future" in named:
        named["future"].append("PERPETUAL")
    return named


def _coin(params: Parameters) -> str:
    wanted = params.choice("currency", CURRENCIES)
    if wanted is None:
        raise invalid("currency", "value is required")
    return wanted
