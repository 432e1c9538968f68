"""What does the portfolio backtest compute? The same rules once more: slow, plain, one row a time.

Nothing of `trader` is imported. Every figure is taken from a row of a frame when it is needed; how
rows are found is a `Symbol`'s affair, so that the benchmark can ask pandas for each of them.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np

SLEEVES = ("pullback_long", "trend_long")
PRESENT = {
    "symbol_score": 0.0, "trend_strength": 0.0, "signal": 0, "entry_score": 0.0,
    "risk_scalar": 1.1, "pullback_signal": 0, "pullback_entry_score": 0.0,
    "pullback_risk_scalar": 0.88, "RSI": 50,
}  # fmt: skip
DEFAULTS: dict[str, Any] = {
    "starting_equity": 10000, "risk_per_trade": 0.0105, "fee_rate": 0.0004,
    "entry_slippage_bps": 5.0, "exit_slippage_bps": 5.0, "cooldown_bars": 6,
    "trailing_atr_multiple": 5.0, "trend_time_stop_bars": 96, "pullback_time_stop_bars": 56,
    "max_portfolio_risk": 0.055, "max_positions": 8, "max_position_notional_fraction": 0.55,
    "max_gross_exposure": 1.40, "correlation_lookback": 90, "trend_correlation_threshold": 0.82,
    "pullback_correlation_threshold": 0.92, "pyramid_enabled": True, "pyramid_trigger_r": 2.0,
    "pyramid_risk_fraction": 0.25, "pyramid_size_fraction": 0.18, "pyramid_max_adds": 1,
    "enable_symbol_ranking": True, "symbol_rank_top_n_long": 6, "enable_symbol_filtering": False,
    "strategy_notional_budget": {"trend_long": 0.95, "pullback_long": 0.45},
    "strategy_risk_budget": {"trend_long": 0.72, "pullback_long": 0.28},
    "strategy_max_positions": {"trend_long": 5, "pullback_long": 3},
    "strategy_min_positions": {"trend_long": 0, "pullback_long": 1},
    "enable_score_based_sizing": True, "score_sizing_floor": 0.90, "score_sizing_ceiling": 1.25,
    "score_sizing_center": 0.26, "score_sizing_width": 0.16,
    "allow_cross_sleeve_symbol_overlap": True, "trend_rank_bias": 0.28,
    "pullback_rank_bias": 0.22, "candidate_corr_penalty_trend": 0.20,
    "candidate_corr_penalty_pullback": 0.05, "pullback_score_floor": 0.48,
    "trend_score_floor": 0.12,
}  # fmt: skip


class Symbol:
    """The rows of one frame, taken out of it once."""

    def __init__(self, frame: Any) -> None:
        names = list(frame.columns)
        columns = [frame[name].tolist() for name in names]
        self.times = list(frame.index)
        self._rows = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
        self._places = {time: place for place, time in enumerate(self.times)}

    def __contains__(self, time: Any) -> bool:
        return time in self._places

    def place(self, time: Any) -> int:
        """Return the number of the row of an instant."""
        return self._places[time]

    def row(self, time: Any) -> Mapping[str, Any]:
        """Return the row of an instant."""
        return self._rows[self._places[time]]

    def row_at(self, place: int) -> Mapping[str, Any]:
        """Return the row of a number."""
        return self._rows[place]

    def returns(self, place: int, lookback: int) -> dict[Any, float]:
        """Return the changes of the bars before a row, by time."""
        found = {}
        for one in range(max(place - lookback, 1), place):
            close, before = self._rows[one]["close"], self._rows[one - 1]["close"]
            found[self.times[one]] = close / before - 1.0
        return found


@dataclass
class Position:
    """What is held of one symbol in one sleeve."""

    trade_id: int
    symbol: str
    sleeve: str
    entry: float
    base: float
    stop: float
    target: float
    size: float
    first_size: float
    unit_risk: float
    top: float
    score: float
    mark: float
    partial: bool = False
    adds: int = 0
    bars: int = 0
    result: float = 0.0


@dataclass
class Outcome:
    """What came of it, in plain rows."""

    trades: list[dict[str, Any]] = field(default_factory=list)
    cash: float = 0.0
    curve: list[dict[str, Any]] = field(default_factory=list)
    diagnostics: list[dict[str, Any]] = field(default_factory=list)
    rejections: list[dict[str, Any]] = field(default_factory=list)


def run_oracle(
    market_data: Mapping[str, Any],
    *,
    mark_at_last_close: bool = True,
    exit_at_last_close: bool = True,
    whole_results: bool = True,
    symbol: Callable[[Any], Symbol] = Symbol,
    **terms: Any,
) -> Outcome:
    """Run the rules; the three flags are the corrections, all off is the seed."""
    flags = (mark_at_last_close, exit_at_last_close, whole_results)
    symbols = {name: symbol(frame) for name, frame in market_data.items()}
    return Oracle(symbols, SimpleNamespace(**{**DEFAULTS, **terms}), flags).run()


class Oracle:
    """One run."""

    def __init__(
        self, symbols: dict[str, Symbol], terms: SimpleNamespace, flags: tuple[bool, bool, bool]
    ) -> None:
        self.symbols, self.terms = symbols, terms
        self.carries, self.exits_all, self.whole = flags
        self.cash = self.peak = float(terms.starting_equity)
        self.book: list[Position] = []
        self.blocked: dict[tuple[str, str], int] = {}
        self.rejected: Counter[tuple[str, str]] = Counter()
        self.signals: Counter[str] = Counter()
        self.entered: Counter[str] = Counter()
        self.out = Outcome()
        self.number = 0

    def run(self) -> Outcome:
        """Walk through all instants, then close what is open."""
        times = sorted({time for one in self.symbols.values() for time in one.times})
        for time in times:
            ranked = self._ranked(time)
            for position in list(self.book):
                if time in self.symbols[position.symbol]:
                    self._manage(position, time)
            self._record(time)
            wanted = self._candidates(time, ranked)
            for sleeve in SLEEVES:
                self._enter(sleeve, wanted[sleeve], time)
        if times:
            self._finish(times[-1])
        self._summarize()
        return self.out

    def _ranked(self, time: Any) -> set[str]:
        if not self.terms.enable_symbol_ranking:
            return set(self.symbols)
        present = [name for name, one in self.symbols.items() if time in one]
        present.sort(
            key=lambda name: _get(self.symbols[name].row(time), "symbol_score"), reverse=True
        )
        return set(present[: max(int(self.terms.symbol_rank_top_n_long), 0)])

    def _manage(self, held: Position, time: Any) -> None:
        terms, row = self.terms, self.symbols[held.symbol].row(time)
        high, low, close = float(row["high"]), float(row["low"]), float(row["close"])
        held.bars += 1
        held.mark = close
        held.top = max(held.top, high)
        if low <= held.stop:
            self._close(held, min(held.stop, float(row["open"])), "stop", time)
        elif held.sleeve == "pullback_long":
            if high >= held.target:
                self._close(held, held.target, "time_exit", time)
            elif held.bars > int(terms.pullback_time_stop_bars) or _get(row, "RSI") >= 62:
                self._close(held, close, "time_exit", time)
        else:
            self._manage_trend(held, row, time)

    def _manage_trend(self, held: Position, row: Mapping[str, Any], time: Any) -> None:
        terms, close, atr = self.terms, float(row["close"]), float(row["ATR"])
        goal = held.base + 2.2 * held.unit_risk
        if not held.partial and float(row["high"]) >= goal:
            price, size = self._sold(goal), held.size * 0.5
            fee, pnl = self._book_exit(held, price, size)
            held.size -= size
            held.partial = True
            held.stop = max(held.stop, held.base)
            self._log(held, "partial", time, price, size, fee, pnl)
        if not math.isnan(atr):
            held.stop = max(held.stop, held.top - float(terms.trailing_atr_multiple) * atr)
        if (
            terms.pyramid_enabled and held.partial and held.adds < terms.pyramid_max_adds
            and held.stop >= held.base
            and close >= held.base + terms.pyramid_trigger_r * held.unit_risk
        ):  # fmt: skip
            self._pyramid(held, close, time)
        if held.bars > int(terms.trend_time_stop_bars):
            self._close(held, close, "time_exit", time)

    def _pyramid(self, held: Position, close: float, time: Any) -> None:
        terms, price = self.terms, self._bought(close)
        unit_risk = max(price - held.stop, 0.0)
        if unit_risk <= 0:
            return
        equity = self._equity(time)
        by_risk = (equity * terms.risk_per_trade * terms.pyramid_risk_fraction) / unit_risk
        size = min(by_risk, held.first_size * terms.pyramid_size_fraction)
        notional = size * price
        if (
            size <= 0
            or self._risk(self.book) + size * unit_risk > equity * terms.max_portfolio_risk
            or self._notional(self.book, time) + notional > equity * terms.max_gross_exposure
        ):
            return
        fee = notional * terms.fee_rate
        self.cash -= fee
        held.result -= fee
        held.entry = (held.entry * held.size + price * size) / (held.size + size)
        held.size += size
        held.adds += 1
        held.top = max(held.top, price)
        self._log(held, "pyramid", time, price, size, fee, None)

    def _record(self, time: Any) -> None:
        equity = self._equity(time)
        self.peak = max(self.peak, equity)
        self.out.curve.append(
            {
                "time": time, "equity": equity, "cash": self.cash, "open_positions": len(self.book),
                "open_risk": self._risk(self.book),
                "drawdown_pct": (equity / self.peak - 1.0) * 100.0 if self.peak > 0 else 0.0,
                "risk_scalar": self._shrunk(equity),
            }
        )  # fmt: skip

    def _candidates(self, time: Any, ranked: set[str]) -> dict[str, list[dict[str, Any]]]:
        wanted: dict[str, list[dict[str, Any]]] = {sleeve: [] for sleeve in SLEEVES}
        for name, one in self.symbols.items():
            place = one.place(time) if time in one else -1
            if not 200 < place < len(one.times) - 1:
                continue
            row = one.row_at(place)
            likeness = self._likeness(name, time)
            if int(_get(row, "signal")) == 1:
                self.signals["trend_long"] += 1
                if name not in ranked:
                    self.rejected["trend_long", "ranking_or_filter"] += 1
                elif _get(row, "entry_score") < float(self.terms.trend_score_floor):
                    self.rejected["trend_long", "score_floor"] += 1
                else:
                    wanted["trend_long"].append(
                        {"name": name, "place": place, "likeness": likeness,
                         "score": _get(row, "entry_score"), "scalar": _get(row, "risk_scalar")}
                    )  # fmt: skip
            if int(_get(row, "pullback_signal")) == 1:
                self.signals["pullback_long"] += 1
                if _get(row, "pullback_entry_score") < float(self.terms.pullback_score_floor):
                    self.rejected["pullback_long", "score_floor"] += 1
                else:
                    wanted["pullback_long"].append(
                        {"name": name, "place": place, "likeness": likeness,
                         "score": _get(row, "pullback_entry_score"),
                         "scalar": _get(row, "pullback_risk_scalar")}
                    )  # fmt: skip
        return wanted

    def _likeness(self, name: str, time: Any) -> float:
        lookback, mine = self.terms.correlation_lookback, self.symbols[name]
        if not self.book or mine.place(time) < lookback:
            return 0.0
        own = mine.returns(mine.place(time), lookback)
        found = []
        for held in self.book:
            other = self.symbols[held.symbol]
            if time not in other or other.place(time) < lookback:
                continue
            theirs = other.returns(other.place(time), lookback)
            shared = [one for one in own if one in theirs]
            if len(shared) < max(lookback // 3, 20):
                continue
            with np.errstate(all="ignore"):
                both = np.corrcoef([own[one] for one in shared], [theirs[one] for one in shared])
            if not math.isnan(both[0, 1]):
                found.append(float(both[0, 1]))
        return float(np.mean(found)) if found else 0.0

    def _rank(self, sleeve: str, wish: dict[str, Any], time: Any) -> float:
        terms = self.terms
        score = _get(self.symbols[wish["name"]].row(time), "symbol_score")
        likeness = max(wish["likeness"], 0.0)
        if sleeve == "trend_long":
            worth = wish["score"] + terms.trend_rank_bias + 0.25 * score
            return float(worth - terms.candidate_corr_penalty_trend * likeness)
        worth = wish["score"] + terms.pullback_rank_bias + 0.20 * score
        return float(worth - terms.candidate_corr_penalty_pullback * likeness)

    def _enter(self, sleeve: str, wishes: list[dict[str, Any]], time: Any) -> None:
        if not wishes:
            return
        terms = self.terms
        mine = [one for one in self.book if one.sleeve == sleeve]
        equity = self._equity(time)
        state = SimpleNamespace(
            equity=equity, risk=self._risk(self.book), notional=self._notional(self.book, time),
            sleeve_risk=self._risk(mine), sleeve_notional=self._notional(mine, time),
            count=len(mine),
            risk_max=equity * terms.max_portfolio_risk * terms.strategy_risk_budget.get(sleeve, 0),
            notional_max=equity * terms.strategy_notional_budget.get(sleeve, 0),
        )  # fmt: skip
        for wish in sorted(wishes, key=lambda one: self._rank(sleeve, one, time), reverse=True):
            reason = self._try(sleeve, wish, time, state)
            if reason:
                self.rejected[sleeve, reason] += 1

    def _try(self, sleeve: str, wish: dict[str, Any], time: Any, state: SimpleNamespace) -> str:
        terms, name = self.terms, wish["name"]
        if len(self.book) >= terms.max_positions:
            return "max_positions"
        if any(one.symbol == name and one.sleeve == sleeve for one in self.book):
            return "existing_same_sleeve_symbol"
        if not terms.allow_cross_sleeve_symbol_overlap and any(
            one.symbol == name for one in self.book
        ):
            return "existing_symbol"
        if state.count >= int(terms.strategy_max_positions.get(sleeve, 0)):
            return "strategy_position_cap"
        if wish["place"] <= self.blocked.get((name, sleeve), -1):
            return "cooldown"
        limit = terms.trend_correlation_threshold
        if sleeve == "pullback_long":
            hungry = state.count < int(terms.strategy_min_positions.get(sleeve, 0))
            limit = 0.97 if hungry else terms.pullback_correlation_threshold
        if wish["likeness"] > limit:
            return "correlation_gate"
        following = self.symbols[name].row_at(wish["place"] + 1)
        price = self._bought(float(following["open"]))
        stop, target = self._levels(sleeve, self.symbols[name].row_at(wish["place"]), price)
        unit_risk = price - stop
        if math.isnan(unit_risk) or unit_risk <= 0 or unit_risk / price < 0.0015:
            return "invalid_risk"
        size = self._size(wish, state.equity, price, unit_risk)
        reason = self._over_budget(size * price, size * unit_risk, state)
        if size <= 0 or reason:
            return "size_zero" if size <= 0 else reason
        fee = size * price * terms.fee_rate
        self.cash -= fee
        self.number += 1
        held = Position(
            self.number, name, sleeve, price, price, stop, target, size, size, unit_risk, price,
            wish["score"], mark=price, result=-fee,
        )  # fmt: skip
        self.book.append(held)
        self.entered[sleeve] += 1
        when = self.symbols[name].times[wish["place"] + 1]
        self._log(held, "entry", when, price, size, fee, None)
        extra = {"risk_per_unit": unit_risk, "entry_score": wish["score"],
                 "avg_book_corr": wish["likeness"], "risk_scalar": wish["scalar"]}  # fmt: skip
        self.out.trades[-1].update(extra)
        state.count += 1
        state.risk += size * unit_risk
        state.sleeve_risk += size * unit_risk
        state.notional += size * price
        state.sleeve_notional += size * price
        return ""

    @staticmethod
    def _levels(sleeve: str, row: Mapping[str, Any], price: float) -> tuple[float, float]:
        atr = float(row["ATR"])
        if sleeve == "trend_long":
            return min(float(row["SMA20"]) - 1.1 * atr, float(row["low"])), math.nan
        return min(float(row["SMA50"]) - 0.8 * atr, price - 1.0 * atr), price + 1.8 * atr

    def _size(self, wish: dict[str, Any], equity: float, price: float, unit_risk: float) -> float:
        terms, factor = self.terms, 1.0
        if terms.enable_score_based_sizing and terms.score_sizing_width > 0:
            z = (wish["score"] - terms.score_sizing_center) / terms.score_sizing_width
            share = 1.0 / (1.0 + math.exp(-z))
            span = terms.score_sizing_ceiling - terms.score_sizing_floor
            factor = terms.score_sizing_floor + span * share
        scalar = 0.45 if wish["name"] in ("BTCUSDT", "ETHUSDT") else 1.0
        share = terms.risk_per_trade * wish["scalar"] * self._shrunk(equity) * scalar * factor
        return float(
            min(equity * share / unit_risk, equity * terms.max_position_notional_fraction / price)
        )

    def _over_budget(self, notional: float, risk: float, state: SimpleNamespace) -> str:
        terms = self.terms
        if state.sleeve_notional + notional > state.notional_max:
            return "strategy_notional_budget"
        if state.sleeve_risk + risk > state.risk_max:
            return "strategy_risk_budget"
        if state.risk + risk > state.equity * terms.max_portfolio_risk:
            return "portfolio_risk_budget"
        if state.notional + notional > state.equity * terms.max_gross_exposure:
            return "gross_exposure"
        return ""

    def _finish(self, time: Any) -> None:
        for held in list(self.book):
            if time in self.symbols[held.symbol] or self.exits_all:
                self._close(held, held.mark, "final_exit", time, cools=False)

    def _summarize(self) -> None:
        self.out.cash = self.cash
        for sleeve in SLEEVES:
            raw, entries = self.signals[sleeve], self.entered[sleeve]
            self.out.diagnostics.append(
                {"strategy": sleeve, "raw_signals": raw, "entries": entries,
                 "blocked": raw - entries,
                 "conversion_pct": round(entries / raw * 100.0, 2) if raw else 0.0}
            )  # fmt: skip
        order = sorted(self.rejected.items(), key=lambda one: (one[0][0], -one[1], one[0][1]))
        self.out.rejections = [
            {"strategy": sleeve, "reason": reason, "count": count}
            for (sleeve, reason), count in order
        ]

    def _bought(self, price: float) -> float:
        return price * (1.0 + float(self.terms.entry_slippage_bps) / 10000.0)

    def _sold(self, price: float) -> float:
        return price * (1.0 - float(self.terms.exit_slippage_bps) / 10000.0)

    def _book_exit(self, held: Position, price: float, size: float) -> tuple[float, float]:
        fee = size * price * self.terms.fee_rate
        pnl = (price - held.entry) * size - fee
        self.cash += pnl
        held.result += pnl
        return fee, pnl

    def _close(
        self, held: Position, raw: float, kind: str, time: Any, *, cools: bool = True
    ) -> None:
        price = self._sold(raw)
        fee, pnl = self._book_exit(held, price, held.size)
        self._log(held, kind, time, price, held.size, fee, pnl)
        if self.whole:
            self.out.trades[-1]["result"] = held.result
        self.book.remove(held)
        if cools:
            place = self.symbols[held.symbol].place(time)
            self.blocked[held.symbol, held.sleeve] = place + self.terms.cooldown_bars

    def _log(
        self, held: Position, kind: str, time: Any, price: float, size: float, fee: float,
        pnl: float | None,
    ) -> None:  # fmt: skip
        event = {
            "trade_id": held.trade_id, "symbol": held.symbol, "strategy": held.sleeve,
            "side": "long", "type": kind, "time": str(time), "price": price, "size": size,
            "fee": fee, "equity": self.cash, "bars_in_trade": held.bars,
        }  # fmt: skip
        if pnl is not None:
            event["pnl"] = pnl
        self.out.trades.append({**event, "entry_score": held.score})

    def _equity(self, time: Any) -> float:
        equity = self.cash
        for held in self.book:
            mark = self._mark(held, time)
            equity += 0.0 if mark is None else (mark - held.entry) * held.size
        return equity

    def _notional(self, positions: Iterable[Position], time: Any) -> float:
        total = 0.0
        for held in positions:
            mark = self._mark(held, time)
            total += 0.0 if mark is None else held.size * mark
        return total

    def _mark(self, held: Position, time: Any) -> float | None:
        """Find the close of an instant; without a bar the last one since the entry, or none."""
        one = self.symbols[held.symbol]
        if time in one:
            return float(one.row(time)["close"])
        return held.mark if self.carries else None

    @staticmethod
    def _risk(positions: Iterable[Position]) -> float:
        return sum(abs(one.entry - one.stop) * one.size for one in positions)

    def _shrunk(self, equity: float) -> float:
        if self.peak <= 0:
            return 1.0
        fall = 1.0 - equity / self.peak
        return 0.50 if fall >= 0.18 else 0.75 if fall >= 0.12 else 1.0


def _get(row: Mapping[str, Any], name: str) -> float:
    """Read a column that may be absent."""
    return float(row.get(name, PRESENT[name]))
