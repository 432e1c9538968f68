"""What if a call had been sold on the coins at this time, or at each time a policy chose?

`CoveredCallSimulator` is offline: nothing that trades knows of it. Coin premiums stay coin until
they are valued at the index; sales fill at the bid, pay fees, settle at the delivery price, and no
more calls are sold than there are coins. Every decision time is kept with its reason. Over a source
that holds whole arrays (`tape`) the same is computed for all decision times at once.
"""

from __future__ import annotations

import functools
import heapq
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from trader.backtest.call_account import curves, summed
from trader.backtest.call_arrays import Arrays
from trader.backtest.call_policies import (
    EdgePolicy,
    EnsemblePolicy,
    IvRankPolicy,
    ModelPolicy,
    PolicyFn,
    RegimePolicy,
    State,
    TrendPolicy,
    always_trade_policy,
    never_trade_policy,
    policy_named,
)
from trader.backtest.call_results import (
    REASONS,
    CallSimulationConfig,
    Decision,
    SimulatedTrade,
    SimulationResult,
    check_amount,
)
from trader.backtest.call_state import Looks, Seen
from trader.backtest.call_steps import Steps
from trader.backtest.option_data import DeribitDataSource, OptionSnapshot
from trader.domain.units import moment, nanoseconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trader.backtest.call_account import Ways
    from trader.backtest.call_tape import CallTape
    from trader.backtest.call_value import Settled
    from trader.domain.market import Closes
    from trader.strategies.call_features import Quote

__all__ = [
    "REASONS", "CallSimulationConfig", "CoveredCallSimulator", "Decision", "DeribitDataSource",
    "EdgePolicy", "EnsemblePolicy", "IvRankPolicy", "ModelPolicy", "OptionSnapshot", "PolicyFn",
    "RegimePolicy", "SimulatedTrade", "SimulationResult", "State", "TrendPolicy",
    "always_trade_policy", "never_trade_policy", "policy_named",
]  # fmt: skip

TINY = 1e-9
"""Coins that are none: what binary fractions leave."""


class Book(Seen, Protocol):
    """What a study can look up: what was known at each decision time, and what came of it."""

    def settled(self, k: int, quote: Quote) -> Settled | str:
        """Settle what was quoted at decision time number `k`, or say why that cannot be told."""

    def ways(self, sold: Sequence[Quote]) -> Ways:
        """Return each option's closes from its sale to its expiry."""

    def walked(self) -> Closes:
        """Return the coin's closes of the whole study."""


class CoveredCallSimulator:
    """Sells calls on coins held, on paper, over a past.

    `arrays` False takes the step-by-step path over a source that has a tape: the results are equal.
    """

    def __init__(
        self, data_source: DeribitDataSource, config: CallSimulationConfig, *, arrays: bool = True
    ) -> None:
        self.ds = data_source
        self.cfg = config
        tape: CallTape | None = getattr(data_source, "tape", None)
        self._tape = tape if arrays else None
        self._worth = {} if tape is None else {"beyond_worth": tape.beyond_worth}
        if self._tape is not None and self._tape.underlying != config.underlying:
            raise ValueError(
                f"underlying {config.underlying!r}: the source is {self._tape.underlying}'s"
            )

    def simulate_single_call(self, decision_time: datetime, size: float) -> SimulatedTrade | None:
        """Sell one call at a time and keep it; None where that could not be (`explain` tells why).

        Raises:
            ValueError: the size is no positive number, the time has no timezone.
        """
        found = self._single(decision_time, size)
        return None if isinstance(found, str) else found

    def explain(self, decision_time: datetime) -> str:
        """Name the reason why a time gives no trade; "" where it gives one (see `REASONS`)."""
        found = self._single(decision_time, self.cfg.initial_spot_position)
        return found if isinstance(found, str) else ""

    def _single(self, decision_time: datetime, size: float) -> SimulatedTrade | str:
        check_amount("size", size)
        return self.outcome(self.book([nanoseconds(decision_time)]), 0, size)

    def outcome(self, book: Book, k: int, size: float) -> SimulatedTrade | str:
        """Tell what a sale at decision time number `k` of a book came to, or why there is none."""
        quote = book.quote(k)
        if isinstance(quote, str):
            return quote
        settled = book.settled(k, quote)
        return settled if isinstance(settled, str) else self._trade(quote, settled, size)

    def simulate_policy(self, policy: PolicyFn, size: float | None = None) -> SimulationResult:
        """Ask a policy at every decision time; sell `size` coins' worth (None: the position).

        What running calls cover is not sold again: less is sold, or nothing.

        Raises:
            ValueError: the size is no positive number.
        """
        size = self.cfg.initial_spot_position if size is None else size
        check_amount("size", size)
        times = self.cfg.decision_times()
        book = self.book(times)
        looks = Looks(book, self.cfg.underlying, self.cfg.target_dte, **self._worth)
        coins = _Coins(self.cfg.initial_spot_position)
        decisions: list[Decision] = []
        reasons: dict[str, int] = {}
        sold: list[tuple[SimulatedTrade, Quote]] = []
        for k, at in enumerate(times):
            decision, trade = self._decide(book, looks, policy, coins, k, at, size)
            decisions.append(decision)
            if trade is None or isinstance(trade, str):
                reason = trade or decision.reason
                reasons[reason] = reasons.get(reason, 0) + 1
            else:
                sold.append(trade)
        return self._result(book, decisions, sold, dict(sorted(reasons.items())))

    def book(self, times: Sequence[int]) -> Book:
        """Look up what a study over some decision times can know: whole, where there are arrays."""
        if self._tape is not None:
            return Arrays(self._tape, self.cfg, times)
        return Steps(self.ds, self.cfg, times)

    def _decide(
        self, book: Book, looks: Looks, policy: PolicyFn, coins: _Coins, k: int, at: int,
        size: float,
    ) -> tuple[Decision, tuple[SimulatedTrade, Quote] | str | None]:  # fmt: skip
        """Decide at one time, and tell what came of it: a trade, why none, or nothing was sold."""
        spot = book.spot(k)
        time = moment(at)
        if spot is None:
            return Decision(time=time, action="DO_NOTHING", reason="no_spot"), None
        if not policy(looks.state(k)):
            return Decision(
                time=time, action="DO_NOTHING", reason="policy_declined", spot=spot
            ), None
        quote = book.quote(k)
        reason = quote if isinstance(quote, str) else ""
        free = coins.free(at)
        amount = size if free > size - TINY else free
        if not reason and amount <= max(self.cfg.min_size_share * size, TINY) - TINY:
            reason = "no_free_coins"
        if reason or isinstance(quote, str):
            return Decision(time=time, action="DO_NOTHING", reason=reason, spot=spot), None
        decision = Decision(
            time=time, action="SELL_CALL", reason="", spot=spot,
            instrument_name=quote.instrument_name, open_price=quote.price, size=amount,
        )  # fmt: skip
        settled = book.settled(k, quote)
        coins.sell(quote, settled, amount)
        if isinstance(settled, str):
            return decision, settled
        return decision, (self._trade(quote, settled, amount), quote)

    def _trade(self, quote: Quote, settled: Settled, size: float) -> SimulatedTrade:
        cfg = self.cfg
        rate = 1.0 if quote.linear else settled.spot
        close_time, told = _expiry(quote.expires_at)
        return SimulatedTrade(
            instrument_name=quote.instrument_name,
            underlying=cfg.underlying,
            size=size,
            open_time=moment(quote.at),
            close_time=close_time,
            open_price=quote.price,
            close_price=settled.payoff,
            pnl=size * (settled.final - quote.spot),
            pnl_vs_hodl=size * settled.vs_hodl,
            max_drawdown_pct=settled.drawdown * 100.0,
            notes=(
                f"target_dte={cfg.target_dte}, target_delta={cfg.target_delta}, "
                f"actual_delta={quote.delta}, expiry={told}"
            ),
            strike=quote.strike,
            delta=quote.delta,
            open_spot=quote.spot,
            close_spot=settled.spot,
            premium=size * quote.price * rate,
            assignment=size * settled.payoff * rate,
            fees=size * settled.fees * rate,
            worst_vs_hodl=size * settled.worst_vs_hodl,
            marked_share=settled.marked_share,
            linear=quote.linear,
        )

    def _result(
        self,
        book: Book,
        decisions: list[Decision],
        sold: list[tuple[SimulatedTrade, Quote]],
        reasons: dict[str, int],
    ) -> SimulationResult:
        trades = tuple(trade for trade, _ in sold)
        ways = book.ways([quote for _, quote in sold])
        account, hodl = curves(self.cfg, book.walked(), sold, ways)
        equity, vs_hodl, metrics = summed(trades, account, hodl)
        return SimulationResult(
            trades=trades,
            equity_curve=equity,
            equity_vs_hodl=vs_hodl,
            metrics={**metrics, "decisions": float(len(decisions))},
            decisions=tuple(decisions),
            reasons=reasons,
            account_curve=account,
            hodl_curve=hodl,
        )


@functools.lru_cache(4096)
def _expiry(expires_at: int) -> tuple[datetime, str]:
    """Return an expiry as a moment and as a text: many trades share theirs."""
    time = moment(expires_at)
    return time, time.isoformat()


class _Coins:
    """The coins that no running call is written on; call with instants that rise."""

    def __init__(self, held: float) -> None:
        self._held = held
        self._running: list[tuple[int, float, float]] = []
        self._covered = 0.0

    def free(self, at: int) -> float:
        """Return the coins that can be sold against; what expired by then has been settled."""
        while self._running and self._running[0][0] <= at:
            _, size, change = heapq.heappop(self._running)
            self._held += change
            self._covered -= size
        return self._held - self._covered

    def sell(self, quote: Quote, settled: Settled | str, size: float) -> None:
        """Write a call on some of them; a coin premium or assignment changes them at its expiry.

        A call whose settlement is not known changes nothing.
        """
        change = 0.0
        if not quote.linear and not isinstance(settled, str):
            change = size * (quote.price - settled.payoff - settled.fees)
        heapq.heappush(self._running, (quote.expires_at, size, change))
        self._covered += size
