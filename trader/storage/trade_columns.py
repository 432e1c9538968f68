"""Which column of somebody's export is what? Names that brokers give, recognized by spelling."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec

from trader.domain.errors import ConfigurationError, StorageError, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SPELLINGS: Final = {
    "closed_at": (
        "closedat", "closetime", "closedate", "closedateutc", "exittime", "exitdate", "timeclosed",
        "dateclosed", "closed", "closetimeutc", "tradetime", "updatedtime", "transacttime",
        "timestamp", "ts", "time", "datetime", "datetimeutc", "dateutc", "timeutc", "dateutc0",
        "tradetimeutc0", "dateandtime", "date",
    ),
    "opened_at": (
        "openedat", "opentime", "opendate", "opendateutc", "entrytime", "entrydate", "timeopened",
        "dateopened", "opened", "opentimeutc",
    ),
    "pnl": (
        "pnl", "closedpnl", "closedpl", "profitabs", "realizedpnl", "realizedprofit", "realizedpl",
        "realisedpnl", "closingpnl", "netprofit", "netpnl", "profitloss", "pl", "profit", "result",
        "netplusdt", "netplusd", "profitusdt", "profitusd", "amountxbt", "amount",
    ),
    "holding_minutes": ("holdingtime", "holdingminutes", "tradeduration", "durationminutes"),
    "size": ("sizefraction", "sizeofequity", "riskpct"),
    "notional": ("notional", "stakeamount", "cumentryvalue", "positionvalue", "notionalvalue"),
    "quantity": (
        "quantity", "qty", "closedsize", "volume", "lots", "closedvol", "contracts",
        "positionsizeqty", "size", "amount",
    ),
    "entry_price": (
        "entryprice", "openprice", "openrate", "avgentryprice", "priceopen", "avgopenprice",
    ),
    "exit_price": (
        "exitprice", "closeprice", "closerate", "avgexitprice", "priceclose", "avgcloseprice",
    ),
    "side": ("side", "direction", "positionside", "isshort"),
    "closing_side": ("closingdirection",),
    "symbol": ("symbol", "pair", "instrument", "market", "instrumentname", "ticker", "item"),
    "chain": ("chainid", "structureid", "comboid", "strategyid"),
    "scheduled_roll": ("scheduledroll",),
    "balance": ("balance", "walletbalance", "walletbalancexbt", "equity", "accountbalance"),
    "kind": ("transacttype", "type"),
}  # fmt: skip
"""What a column may be called, letters and digits only, the likeliest first."""
MEANINGS: Final = (*SPELLINGS, "trader")
"""`trader` must be named: it makes several traders of one file."""
NEEDED: Final = ("closed_at", "pnl")
OF_FILLS: Final = ("realizedprofit", "realizedpnl", "realizedpl")
"""Exports that call it so list fills, and openings as such that realized nothing."""
UTC_NAMES: Final = re.compile(r"utc(0)?$")


class Columns(msgspec.Struct, frozen=True):
    """Where each meaning stands in a row; `names` are the headers."""

    places: dict[str, int]
    names: tuple[str, ...]

    def name(self, meaning: str) -> str:
        """Return the header of a meaning."""
        return self.names[self.places[meaning]]

    @property
    def lists_fills(self) -> bool:
        """Whether a result of nothing is an opening, not a trade."""
        told = {"opened_at", "entry_price", "holding_minutes"} & set(self.places)
        return not told and plain(self.name("pnl")) in OF_FILLS

    def is_utc(self, meaning: str) -> bool:
        """Whether the header says that times are UTC."""
        return bool(UTC_NAMES.search(plain(self.name(meaning))))


def plain(name: str) -> str:
    """Keep the letters and digits of a header.

    >>> plain("Closed P&L"), plain("Date(UTC)")
    ('closedpl', 'dateutc')
    """
    return re.sub(r"[^a-z0-9]", "", name.lower())


def recognized(origin: str, names: Sequence[str], given: Mapping[str, str]) -> Columns:
    """Find which column is what; what is `given` (meaning to header) comes before any spelling.

    MetaTrader calls both prices `Price` and, in some versions, both times `Time`: of two the first
    is the opening.

    Raises:
        ConfigurationError: a given meaning or header does not exist.
        StorageError: there is no column for a result or the time of its close.
    """
    wrong = [one for one in given if one not in MEANINGS]
    if wrong:
        raise ConfigurationError(
            f"--column {wrong[0]}=...: no such meaning; {nearest(wrong[0], MEANINGS)}"
        )
    absent = [header for header in given.values() if header not in names]
    if absent:
        raise ConfigurationError(
            f"--column: {origin} has no column {absent[0]!r}; it has {', '.join(names)}"
        )
    places = {meaning: names.index(header) for meaning, header in given.items()}
    spelled = [plain(name) for name in names]
    places |= {meaning: place for meaning, place in _twins(spelled).items() if meaning not in given}
    for meaning, spellings in SPELLINGS.items():
        free = [one for one in spellings if one in spelled]
        found = [place for one in free if (place := spelled.index(one)) not in places.values()]
        if found:
            places.setdefault(meaning, found[0])
    missing = [one for one in NEEDED if one not in places]
    if missing:
        raise StorageError(
            f"{origin}: no column for {' and '.join(missing)}; it has {', '.join(names)}; name it,"
            f" e.g. --column {missing[0]}={names[0] if names else 'NAME'!r}"
        )
    return Columns(places, tuple(names))


def _twins(spelled: Sequence[str]) -> dict[str, int]:
    """Find prices and times that are called alike: the opening stands first."""
    found: dict[str, int] = {}
    for name, begin, end in (
        ("price", "entry_price", "exit_price"), ("time", "opened_at", "closed_at"),
    ):  # fmt: skip
        places = [place for place, one in enumerate(spelled) if one == name]
        if len(places) == 2:
            found |= {begin: places[0], end: places[1]}
    return found
