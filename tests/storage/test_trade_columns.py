"""Are columns of common exports recognized, and what cannot be found named?"""

from __future__ import annotations

import pytest

from trader.domain.errors import ConfigurationError, StorageError
from trader.storage.trade_columns import MEANINGS, SPELLINGS, plain, recognized

BYBIT = "Contracts,Closing Direction,Qty,Entry Price,Exit Price,Closed P&L,Exit Type,Trade Time"
EXPORTS = {
    "Bybit": (BYBIT, {"pnl": "Closed P&L", "closed_at": "Trade Time", "quantity": "Qty"}),
    "Binance": (
        "Date(UTC),Symbol,Side,Price,Quantity,Amount,Fee,Realized Profit",
        {"pnl": "Realized Profit", "closed_at": "Date(UTC)", "quantity": "Quantity"},
    ),
    "freqtrade": (
        "pair,stake_amount,amount,open_date,close_date,open_rate,close_rate,profit_abs,is_short",
        {"pnl": "profit_abs", "opened_at": "open_date", "notional": "stake_amount",
         "quantity": "amount", "side": "is_short"},
    ),
    "BitMEX": (
        "transactTime,transactType,amount,fee,walletBalance",
        {"pnl": "amount", "kind": "transactType", "balance": "walletBalance"},
    ),
    "MetaTrader": (
        "Ticket,Open Time,Type,Size,Item,Price,S/L,T/P,Close Time,Price,Swap,Profit",
        {"pnl": "Profit", "opened_at": "Open Time", "closed_at": "Close Time", "symbol": "Item"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("broker", EXPORTS)
def test_exports_are_recognized(broker: str) -> None:
    """Each meaning is found under the broker's name for it."""
    header, expected = EXPORTS[broker]
    columns = recognized(broker, header.split(","), {})
    assert {meaning: columns.name(meaning) for meaning in expected} == expected


def test_no_column_has_two_meanings() -> None:
    """What is taken as a result is no size; every spelling is written as it is compared."""
    for header, _ in EXPORTS.values():
        places = list(recognized("x", header.split(","), {}).places.values())
        assert len(places) == len(set(places))
    assert all(plain(one) == one for ones in SPELLINGS.values() for one in ones)


def test_of_two_prices_or_times_the_first_is_the_opening() -> None:
    """MetaTrader calls both alike."""
    header = "Time,Position,Symbol,Type,Volume,Price,S / L,T / P,Time,Price,Profit"
    columns = recognized("mt5", header.split(","), {})
    assert [columns.places[one] for one in ("opened_at", "closed_at")] == [0, 8]
    assert [columns.places[one] for one in ("entry_price", "exit_price")] == [5, 9]


def test_what_is_named_comes_first() -> None:
    """A person knows better than a spelling."""
    names = ["time", "pnl", "gain", "who"]
    columns = recognized("x", names, {"pnl": "gain", "trader": "who"})
    assert (columns.name("pnl"), columns.name("trader")) == ("gain", "who")
    assert "trader" not in recognized("x", names, {}).places


def test_lists_of_fills_and_headers_of_utc_are_known() -> None:
    """A realized profit without entries is of fills; `Date(UTC)` names its zone."""
    binance = recognized("x", EXPORTS["Binance"][0].split(","), {})
    assert binance.lists_fills
    assert binance.is_utc("closed_at")
    bybit = recognized("x", BYBIT.split(","), {})
    assert not bybit.lists_fills
    assert not bybit.is_utc("closed_at")


def test_mistakes_name_column_and_remedy() -> None:
    """A meaning nobody knows, a header that is not there, a result that is missing."""
    with pytest.raises(ConfigurationError, match="no such meaning; did you mean pnl"):
        recognized("x", ["time"], {"pnll": "time"})
    with pytest.raises(ConfigurationError, match="has no column 'gain'; it has time"):
        recognized("x", ["time"], {"pnl": "gain"})
    with pytest.raises(StorageError, match=r"no column for pnl; it has time.*--column pnl='time'"):
        recognized("x", ["time"], {})
    with pytest.raises(StorageError, match="closed_at and pnl"):
        recognized("x", [], {})
    assert "trader" in MEANINGS
