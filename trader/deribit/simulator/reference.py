"""What can be looked up about contracts, indexes and days gone by, beside quotes and bars?

Answers of methods that most clients ask once. Nothing is traded in combos or in blocks, so their
lists are empty.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from trader.deribit.refusal import ServerError
from trader.deribit.simulator import volatility_index
from trader.deribit.simulator.announcements import YIELDS_PERCENT
from trader.deribit.simulator.listing import Listing, currency
from trader.deribit.simulator.parameters import CURRENCIES, Parameters, invalid
from trader.deribit.simulator.payloads import Payload, milliseconds, wire_kind
from trader.deribit.simulator.venue import INDEX_UNDERLYINGS, Venue
from trader.domain.expiries import expiry_label
from trader.domain.units import DAY, HOUR, MILLISECOND, MINUTE

COUNT_MAX: Final = 1_000
VOLATILITY_DAYS: Final = 16
VOLATILITY_WINDOW_HOURS: Final = 15 * 24
APR_DAYS_MAX: Final = 365
ANNOUNCEMENTS_MAX: Final = 50
ANNOUNCED_FOR: Final = 180 * DAY
MARK_EVERY: Final = 5 * MINUTE
MARKS_MAX: Final = 5_000

_RANGES: Final = {
    "1h": (HOUR, MINUTE),
    "1d": (DAY, 5 * MINUTE),
    "2d": (2 * DAY, 10 * MINUTE),
    "1m": (30 * DAY, 2 * HOUR),
    "1y": (365 * DAY, DAY),
    "all": (3_650 * DAY, DAY),
}
_HOURS_PER_YEAR: Final = 24 * 365

_VOLUME_OF: Final = {
    "call": "calls_volume",
    "put": "puts_volume",
    "future": "futures_volume",
    "spot": "spot_volume",
}
_VOLUMES: Final = tuple(_VOLUME_OF.values())


class Reference:
    """The methods that look things up; every answer is a function of (seed, params, instant)."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue

    def expirations(self, params: Parameters, at: int) -> Payload:
        """Answer `public/get_expirations`: by currency, or of all (`any`)."""
        wanted = params.required_choice("currency", (*CURRENCIES, "any", "grouped"))
        kind = params.required_choice("kind", ("future", "option", "any"))
        kinds = ("future", "option") if kind == "any" else (kind,)
        pair = params.choice("currency_pair", tuple(INDEX_UNDERLYINGS))
        listed = [one for one in self._venue.listed(at) if pair in (None, one.price_index)]
        if wanted == "any":
            return _labels(listed, kinds)
        names = [one.lower() for one in (CURRENCIES if wanted == "grouped" else (wanted,))]
        return {
            name: _labels([one for one in listed if currency(one) == name.upper()], kinds)
            for name in names
        }

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
        asked = params.required_choice("range", tuple(_RANGES))
        span, step = _RANGES[asked]
        start = max(at - span, self._venue.begins_at)
        ticks = step * np.arange(-(-start // step), at // step + 1, dtype=np.int64)
        if step % HOUR:
            prices = self._venue.index_prices(underlying, ticks)
        else:
            hourly = self._venue.hourly_index_prices(underlying, int(ticks[0]), at)
            prices = hourly[:: step // HOUR]
        return [
            [tick // MILLISECOND, price]
            for tick, price in zip(ticks.tolist(), prices.tolist(), strict=True)
        ]

    def historical_volatility(self, params: Parameters, at: int) -> list[list[float]]:
        """Answer `public/get_historical_volatility`: [ms, percent a year], one an hour."""
        underlying = params.required_choice("currency", CURRENCIES)
        last = at - at % HOUR
        first = last - VOLATILITY_DAYS * DAY
        before = first - VOLATILITY_WINDOW_HOURS * HOUR
        if underlying not in self._venue.underlyings or before < self._venue.begins_at:
            return []
        moves = np.diff(np.log(self._venue.hourly_index_prices(underlying, before, last))) ** 2
        sums = np.concatenate(([0.0], np.cumsum(moves)))
        totals = sums[VOLATILITY_WINDOW_HOURS:] - sums[:-VOLATILITY_WINDOW_HOURS]
        percents = 100.0 * np.sqrt(totals / VOLATILITY_WINDOW_HOURS * _HOURS_PER_YEAR)
        return [
            [milliseconds(first + number * HOUR), round(percent, 4)]
            for number, percent in enumerate(percents.tolist())
        ]

    def funding_chart(self, params: Parameters, at: int) -> Payload:
        """Answer `public/get_funding_chart_data`."""
        listing = self._venue.find(params.text("instrument_name"), at)
        if listing is None or listing.kind != "perpetual":
            raise invalid("instrument_name", "instrument not found")
        length = params.required_choice("length", ("8h", "24h", "1m"))
        hours = {"8h": 8, "24h": 24, "1m": 30 * 24}[length]
        last = at - at % HOUR
        venue, product = self._venue, listing.product
        paid = venue.funding(product, max(last - (hours - 1) * HOUR, venue.begins_at), last)
        rows = zip(paid.at.tolist(), paid.index_price.tolist(), paid.interest_8h.tolist(),
                   strict=True)  # fmt: skip
        return {
            "current_interest": round(venue.funding_8h(product, at), 8),
            "interest_8h": round(venue.funding_trailing_8h(product, at), 8),
            "data": [
                {
                    "timestamp": milliseconds(hour),
                    "index_price": price,
                    "interest_8h": round(interest, 8),
                }
                for hour, price, interest in rows
            ],
        }

    def trade_volumes(self, params: Parameters, at: int) -> list[Payload]:
        """Answer `public/get_trade_volumes`: of the last 24 hours, in coin.

        `extended` adds 7 and 30 days, as if each had been like the last one.
        """
        spans = {"": 1, "_7d": 7, "_30d": 30} if params.flag("extended") else {"": 1}
        volumes = {name: dict.fromkeys(_VOLUMES, 0.0) for name in self._venue.underlyings}
        for one in self._venue.listed(at):
            traded = _VOLUME_OF[one.option_type or wire_kind(one)]
            volumes[one.underlying][traded] += self._venue.day_stats(one, at).volume
        return [
            {"currency": name}
            | {
                f"{traded}{span}": round(days * volume, 8)
                for span, days in spans.items()
                for traded, volume in summed.items()
            }
            for name, summed in volumes.items()
        ]

    def apr_history(self, params: Parameters, at: int) -> Payload:
        """Answer `public/get_apr_history`: the newest day first; days count from 1970."""
        wanted = params.required_choice("currency", tuple(YIELDS_PERCENT))
        limit = params.whole("limit", 1, APR_DAYS_MAX, APR_DAYS_MAX)
        before = min(params.integer("before", at // DAY + 1), at // DAY + 1)
        begins = self._venue.begins_at // DAY
        days = np.arange(before - 1, max(before - limit, begins) - 1, -1)
        earned = self._venue.yearly_yields(wanted, days)
        if earned is None or not days.size:
            return {"data": []}
        rows = zip(days.tolist(), earned.tolist(), strict=True)
        page: Payload = {"data": [{"day": day, "apr": percent} for day, percent in rows]}
        return page | ({"continuation": int(days[-1])} if days[-1] > begins else {})

    def nothing_of_currency(self, params: Parameters, _at: int) -> list[Payload]:
        """Answer `public/get_combos` and `public/get_combo_ids`: no combo is listed."""
        params.required_choice("currency", (*CURRENCIES, "any"))
        params.choice("state", ("rfq", "active", "inactive"))
        return []

    def combo(self, params: Parameters, _at: int) -> Payload:
        """Answer `public/get_combo_details`: there is none to be found."""
        params.text("combo_id")
        raise ServerError(13_020, "not_found")

    def block_rfq_trades(self, params: Parameters, _at: int) -> Payload:
        """Answer `public/get_block_rfq_trades`: nobody trades blocks on the bundled exchange."""
        params.required_choice("currency", (*CURRENCIES, "any"))
        params.whole("count", 1, COUNT_MAX, 20)
        params.optional_text("continuation")
        return {"block_rfqs": [], "continuation": None}

    def mark_price_history(self, params: Parameters, at: int) -> list[list[float]]:
        """Answer `public/get_mark_price_history`: one every 5 minutes, the last ones of a window.

        Empty but for options that the volatility index is made of.
        """
        option = self._venue.find(params.text("instrument_name"), at)
        if option is None:
            raise invalid("instrument_name", "instrument not found")
        start = params.integer("start_timestamp") * MILLISECOND
        end = min(params.integer("end_timestamp") * MILLISECOND, at) // MARK_EVERY * MARK_EVERY
        if option.kind != "option" or not self._makes_volatility_index(option, at):
            return []
        start = max(start, option.listed_at, end - (MARKS_MAX - 1) * MARK_EVERY)
        instants = MARK_EVERY * np.arange(-(-start // MARK_EVERY), end // MARK_EVERY + 1)
        if not instants.size:
            return []
        marks = np.round(self._venue.option_marks(option, instants), 8).tolist()
        ticks = (instants // MILLISECOND).tolist()
        return [[tick, mark] for tick, mark in zip(ticks, marks, strict=True)]

    def _makes_volatility_index(self, option: Listing, at: int) -> bool:
        """Tell whether an option is of one of the two expiries around the index's 30 days."""
        if option.product not in volatility_index.COINS:
            return False
        horizon = at + volatility_index.TENOR
        dated = {one.expires_at for one in self._venue.dated(option.product, at)}
        near = max((one for one in dated if one <= horizon), default=None)
        far = min((one for one in dated if one > horizon), default=None)
        return option.expires_at in (near, far)

    def announcements(self, params: Parameters, at: int) -> list[Payload]:
        """Answer `public/get_announcements`: the newest first."""
        count = params.whole("count", 1, ANNOUNCEMENTS_MAX, 5)
        newest = params.integer("start_timestamp", milliseconds(at)) * MILLISECOND
        newest = min(newest + MILLISECOND - 1, at)
        since = max(newest - ANNOUNCED_FOR, self._venue.begins_at)
        if since >= newest:
            return []
        found = self._venue.announcements(since, newest)
        return [
            {
                "id": one.id,
                "title": one.title,
                "body": one.body,
                "publication_timestamp": milliseconds(one.at),
                "important": one.important,
                "confirmation": False,
            }
            for one in found[::-1][:count]
        ]

    def _underlying(self, params: Parameters) -> str:
        underlying = INDEX_UNDERLYINGS.get(params.text("index_name"))
        if underlying not in self._venue.underlyings:
            raise invalid("index_name", "not found")
        return underlying


def _labels(listed: list[Listing], kinds: tuple[str, ...]) -> Payload:
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
