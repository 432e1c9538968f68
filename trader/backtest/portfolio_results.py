"""What does a portfolio backtest give? Events, trades, curve, and what became of every signal."""

from __future__ import annotations

import math
from datetime import UTC
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import msgspec

from trader.backtest.portfolio_layout import CURVE, KINDS, REASONS, SLEEVES
from trader.domain.units import MICROSECOND, SECOND, moment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import tzinfo

    from trader.backtest.portfolio_layout import Records, Run
    from trader.backtest.portfolio_terms import PortfolioTerms
    from trader.domain.market import Floats, Ints

CLOSING: Final = ("stop", "time_exit", "final_exit")
_FIELDS: Final = (
    "trade", "symbol", "sleeve", "kind", "at", "price", "size", "fee", "equity", "bars", "pnl",
    "score", "unit_risk", "likeness", "scalar", "result",
)  # fmt: skip
"""The fields of EVENT in the order of those of `PortfolioEvent`."""


class PortfolioEvent(msgspec.Struct, frozen=True):
    """One event of a trade; money is in the currency of the prices, all positions are long.

    `kind` is entry, stop, partial, pyramid, time_exit (of pullbacks: also target and RSI) or
    final_exit; `at` the bar at whose prices it happened. `cash` is what is left after it. `pnl`
    of a sale is after its own fee, before those of the entry; `result` stands on the last event.
    """

    trade_id: int
    symbol: str
    strategy: str
    kind: str
    at: int
    price: float
    size: float
    fee: float
    cash: float
    bars_in_trade: int
    pnl: float | None
    entry_score: float
    risk_per_unit: float | None
    avg_book_corr: float | None
    risk_scalar: float | None
    result: float | None


class PortfolioTrade(msgspec.Struct, frozen=True):
    """One position from its entry to its end (`closed_at` None: left open, in parity mode only).

    `result` is what it changed the cash by, all fees and partial exits included; without
    `whole_results` the fees of entry and pyramid are left out of it.
    """

    trade_id: int
    symbol: str
    strategy: str
    opened_at: int
    closed_at: int | None
    entry_price: float
    exit_price: float | None
    exit: str
    partials: int
    pyramids: int
    fees: float
    result: float


class Pipeline(msgspec.Struct, frozen=True):
    """What became of the signals of a sleeve; `conversion_pct` is in percent."""

    strategy: str
    raw_signals: int
    entries: int
    blocked: int
    conversion_pct: float


class Rejection(msgspec.Struct, frozen=True):
    """How often one rule refused a signal of a sleeve."""

    strategy: str
    reason: str
    count: int


class PortfolioResult:
    """A finished run. It unpacks as `trades, final_cash, equity_curve` (which needs pandas)."""

    def __init__(
        self, run: Run, symbols: tuple[str, ...], terms: PortfolioTerms, signals: Ints,
        events: Records,
    ) -> None:  # fmt: skip
        self.symbols = symbols
        self.terms = terms
        self.times: Ints = run.times
        """The instants of the curve, UTC nanoseconds."""
        self.curve: dict[str, Floats] = {
            name: run.curve[:, place] for place, name in enumerate(CURVE)
        }
        """By name of CURVE, at every instant, after the exits and before the entries there."""
        self.final_cash = float(run.account[0])
        self.pipeline = tuple(_pipelines(signals, run.entries))
        self.rejections = tuple(_rejections(run.rejected))
        self.zone: tzinfo = UTC
        self.unit = "ns"
        self._records = events

    def __iter__(self) -> Iterator[Any]:
        from trader.backtest.portfolio_frames import curve_frame

        yield self.trades
        yield self.final_cash
        yield curve_frame(self)

    @cached_property
    def events(self) -> tuple[PortfolioEvent, ...]:
        """Everything that happened, in order."""
        told = [self._records[name].tolist() for name in _FIELDS]
        return tuple(
            PortfolioEvent(
                trade, self.symbols[symbol], SLEEVES[sleeve], KINDS[kind], at, price, size, fee,
                cash, bars, _known(pnl), score, _known(unit_risk), _known(likeness),
                _known(scalar), _known(result) if self.terms.whole_results else None,
            )
            for trade, symbol, sleeve, kind, at, price, size, fee, cash, bars, pnl, score,
            unit_risk, likeness, scalar, result in zip(*told, strict=True)
        )  # fmt: skip

    @cached_property
    def trades(self) -> list[dict[str, Any]]:
        """The events as the seed's rows: times as text, in the zone of the bars."""
        return [self._row(event) for event in self.events]

    @cached_property
    def results(self) -> tuple[PortfolioTrade, ...]:
        """One row for each trade, in the order of their entries."""
        told: dict[int, list[PortfolioEvent]] = {}
        for event in self.events:
            told.setdefault(event.trade_id, []).append(event)
        return tuple(self._trade(one) for _, one in sorted(told.items()))

    def _trade(self, events: list[PortfolioEvent]) -> PortfolioTrade:
        entry, last = events[0], events[-1]
        is_closed = last.kind in CLOSING
        unpaid = sum(one.fee for one in events if one.pnl is None)
        gained = sum(one.pnl for one in events if one.pnl is not None)
        return PortfolioTrade(
            trade_id=entry.trade_id, symbol=entry.symbol, strategy=entry.strategy,
            opened_at=entry.at, closed_at=last.at if is_closed else None, entry_price=entry.price,
            exit_price=last.price if is_closed else None, exit=last.kind if is_closed else "open",
            partials=sum(one.kind == "partial" for one in events),
            pyramids=sum(one.kind == "pyramid" for one in events),
            fees=sum(one.fee for one in events),
            result=gained - unpaid if self.terms.whole_results else gained,
        )  # fmt: skip

    def _row(self, event: PortfolioEvent) -> dict[str, Any]:
        row: dict[str, Any] = {
            "trade_id": event.trade_id, "symbol": event.symbol, "strategy": event.strategy,
            "side": "long", "type": event.kind, "time": time_text(event.at, self.zone),
            "price": event.price, "size": event.size, "fee": event.fee, "equity": event.cash,
            "bars_in_trade": event.bars_in_trade,
        }  # fmt: skip
        for name in ("pnl", "risk_per_unit", "entry_score", "avg_book_corr", "risk_scalar",
                     "result"):  # fmt: skip
            value = getattr(event, name)
            if value is not None:
                row[name] = value
        return row


def time_text(at: int, zone: tzinfo) -> str:
    """Write an instant as pandas does.

    >>> time_text(1_700_000_000_000_000_000, UTC), time_text(1_500_000_000, UTC)
    ('2023-11-14 22:13:20+00:00', '1970-01-01 00:00:01.500000+00:00')
    """
    local = moment(at).astimezone(zone)
    if not at % MICROSECOND:
        return local.isoformat(sep=" ")
    text = local.replace(microsecond=0).isoformat(sep=" ")
    return f"{text[:19]}.{at % SECOND:09d}{text[19:]}"


def _pipelines(signals: Ints, entries: Ints) -> Iterator[Pipeline]:
    for sleeve, raw, entered in zip(SLEEVES, signals.tolist(), entries.tolist(), strict=True):
        conversion = round((entered / raw) * 100.0, 2) if raw else 0.0
        yield Pipeline(sleeve, raw, entered, max(raw - entered, 0), conversion)


def _rejections(counts: Ints) -> list[Rejection]:
    """List what was refused: by sleeve, most often first, then by name."""
    found = [
        Rejection(sleeve, reason, int(count))
        for sleeve, row in zip(SLEEVES, counts, strict=True)
        for reason, count in zip(REASONS, row, strict=True)
        if count
    ]
    return sorted(found, key=lambda one: (one.strategy, -one.count, one.reason))


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
