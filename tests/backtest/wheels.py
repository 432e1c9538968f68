"""Which wheels do the tests turn? A past of USDC-settled boards made by hand, and who trades it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tests.backtest.pasts import START
from trader.backtest.history import Provenance
from trader.backtest.ladder import option
from trader.backtest.roll_chains import RollChainStudy, study_roll_chains
from trader.backtest.runner import Terms, run_backtest
from trader.domain.events import BoardSnapshot, DeliveryPrice, HistoryLoaded, InstrumentExpired
from trader.domain.expiries import expiry_label, strike_label
from trader.domain.instruments import spot_pair
from trader.domain.market import Bars
from trader.domain.units import DAY, HOUR, MINUTE
from trader.strategies.strategy import Cadence
from trader.strategies.wheel import Wheel, WheelSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trader.domain.events import Event
    from trader.domain.facts import Recorded
    from trader.domain.instruments import Instrument, OptionType

Row = tuple["OptionType", float, int, float, float]
"""Type, strike, days from the start to its expiry, bid and ask in USDC."""

Shown = tuple[int, float, tuple[Row, ...]]
"""An instant, the index, and what is quoted."""

RICH = Terms(balances={"USDC": 10_000_000.0})
"""With an `equity_share` of .0062 and an index of 62,000 the size is one coin."""


def at(days: int, hours: float = 9.0) -> int:
    """Name an instant of the hand-made past."""
    return START + days * DAY + round(hours * HOUR)


def linear(kind: OptionType, strike: float, days: int) -> Instrument:
    """List a weekly option settled in USDC."""
    expires_at = START + days * DAY + 8 * HOUR
    letter = "C" if kind == "call" else "P"
    name = f"BTC_USDC-{expiry_label(expires_at)}-{strike_label(strike)}-{letter}"
    return option("BTC", name, expires_at, "week", strike, kind, linear=True)


class HandMade:
    """Shows boards at some instants and settles at some prices; the coin stands beside them."""

    underlying = "BTC"
    step = HOUR
    span = (START, START + 400 * DAY)
    provenance = Provenance(kind="recorded", source="by hand")

    def __init__(self, boards: tuple[Shown, ...], prices: dict[int, float]) -> None:
        """Take (instant, index, rows), and delivery prices by days from the start."""
        self._boards = boards
        self._prices = prices

    def events(self, start: int, end: int) -> Iterator[tuple[int, Event]]:
        """Walk them in order."""
        bars = Bars((START - HOUR,), (62_000.0,), (62_000.0,), (62_000.0,), (62_000.0,))
        yield start, HistoryLoaded("BTC", bars)
        told: list[tuple[int, int, Event]] = []
        listed: dict[str, Instrument] = {}
        for shown_at, index, rows in self._boards:
            board = self._board(shown_at, index, rows)
            listed |= {one.name: one for one in board.instruments if one.kind == "option"}
            told.append((shown_at, 1, board))
        for days, price in self._prices.items():
            due = START + days * DAY + 8 * HOUR
            gone = tuple(name for name, one in listed.items() if one.expires_at == due)
            told.append((due, 0, DeliveryPrice("BTC", due, price)))
            told.append((due, 1, InstrumentExpired(gone)))
        for when, _, event in sorted(told, key=lambda one: one[:2]):
            if start <= when < end:
                yield when, event

    @staticmethod
    def _board(shown_at: int, index: float, rows: tuple[Row, ...]) -> BoardSnapshot:
        instruments = [linear(kind, strike, days) for kind, strike, days, _, _ in rows]
        bid = [bid for *_, bid, _ in rows] + [index - 5.0]
        ask = [ask for *_, ask in rows] + [index + 5.0]
        count = len(bid)
        return BoardSnapshot(
            "BTC", shown_at, index, (*instruments, spot_pair("BTC")),
            np.array(bid), np.full(count, 10.0), np.array(ask), np.full(count, 10.0),
            (np.array(bid) + np.array(ask)) / 2, np.array([0.6] * (count - 1) + [np.nan]),
            np.full(count, index),
        )  # fmt: skip


def turner(**parameters: Any) -> Wheel:
    """Decide each hour at ten past; take the touch at once, so that prices are what boards show."""
    chosen = {
        "patience_minutes": 0.0, "target_delta": 0.3, "delta_tolerance": 0.1,
        "equity_share": 0.0062,
    }  # fmt: skip
    return Wheel(
        name="wheel",
        underlying="BTC",
        settings=WheelSettings.model_validate(chosen | parameters),
        timetable=Cadence(HOUR, 10 * MINUTE, HOUR),
    )


PUT: Shown = (at(4), 62_000.0, (("put", 60_000.0, 11, 1_000.0, 1_005.0),))
CALL: Shown = (at(11), 55_200.0, (("call", 58_000.0, 18, 900.0, 905.0),))
AFTER: Shown = (at(18), 61_000.0, (("call", 90_000.0, 60, 5.0, 6.0),))
ASSIGNED, CALLED = {11: 55_000.0}, {18: 61_000.0}


def turned(
    *shown: Shown,
    prices: dict[int, float],
    days: int = 20,
    **changes: Any,
) -> RollChainStudy:
    """Study a hand-made past; one unit is one coin."""
    history = HandMade(shown, prices)
    return study_roll_chains(turner(**changes), history, RICH, at(4, 0), at(days, 0))


def facts_of_a_turn() -> list[Recorded]:
    """Tell every fact of the wheel made by hand, from its account to its end."""
    heard: list[Recorded] = []
    history = HandMade((PUT, CALL, AFTER), ASSIGNED | CALLED)
    run_backtest(
        turner(), history, RICH, at(4, 0), at(20, 0), hear=lambda one: heard.extend(one.records)
    )
    return heard
