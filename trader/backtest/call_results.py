"""What does a study of covered calls take, and what does it give?

`max_drawdown_pct` is in percent, here and in `SimulationResult.metrics`; every other share is a
fraction. Money is USD unless a field says coin.
"""

from __future__ import annotations

import math
from datetime import datetime
from typing import Final, Literal

import msgspec

from trader.backtest.option_data import timeframe_ns
from trader.domain.units import DAY, nanoseconds

Action = Literal["SELL_CALL", "DO_NOTHING"]

REASONS: Final = {
    "no_spot": "no price of the coin had closed lately",
    "policy_declined": "the policy did not want to sell",
    "no_chain": "no chain was shown",
    "no_calls": "the chain held no call that was alive",
    "no_expiry_in_tolerance": "no expiry within dte_tolerance of target_dte",
    "no_delta": "no delta was known at those expiries",
    "no_delta_in_tolerance": "no call within delta_tolerance of target_delta",
    "no_mark_price": "the call had no mark",
    "no_bid": "nobody bid for the call",
    "expiry_beyond_end": "the call expires after the study ends",
    "no_free_coins": "calls already sold use up the coins",
    "no_delivery_price": "sold, but the price at its expiry is not known",
    "no_option_prices": "sold, but neither strike nor prices tell what it paid",
}
"""Why a decision time has no trade."""


class CallSimulationConfig(msgspec.Struct, frozen=True):
    """What is sold, when, and at what cost.

    Every `decision_interval_bars` bars of `timeframe` from `start` on, as long as `target_dte` days
    remain until `end`, the call nearest to `target_delta` is looked for, days to expiry within
    `dte_tolerance` of `target_dte`. `initial_spot_position` counts coins.

    `fill` "bid" sells at the bid, or at the mark less `slippage` (a share of it) where a source
    tells of marks only; "mark" always sells at the mark less `slippage`. Fees are Deribit's:
    `fee_rate` of the coin at the sale, `delivery_fee_rate` at an assignment (none for dailies),
    each at most 12.5 % of the option. `premium_currency` "auto" takes dollars where the name says
    so (BTC_USDC-...), else the coin. Where running calls leave less than `min_size_share` of a
    size, nothing is sold instead of dust.
    """

    underlying: str
    start: datetime
    end: datetime
    timeframe: str = "1h"
    decision_interval_bars: int = 24
    target_dte: float = 7.0
    dte_tolerance: float = 1.0
    target_delta: float = 0.25
    delta_tolerance: float = 0.05
    initial_spot_position: float = 1.0
    fill: Literal["bid", "mark"] = "bid"
    slippage: float = 0.05
    fee_rate: float = 0.0003
    delivery_fee_rate: float = 0.00015
    premium_currency: Literal["auto", "coin", "usd"] = "auto"
    min_size_share: float = 0.5

    def __post_init__(self) -> None:
        if not self.underlying:
            raise ValueError("underlying '' is empty: name the coin, e.g. BTC")
        timeframe_ns(self.timeframe)
        if nanoseconds(self.start) >= nanoseconds(self.end):
            raise ValueError(f"start {self.start} must come before end {self.end}")
        if self.decision_interval_bars < 1:
            raise ValueError(
                f"decision_interval_bars {self.decision_interval_bars!r} must be at least 1"
            )
        for field, low, high in (
            ("target_dte", 0.0, math.inf),
            ("dte_tolerance", 0.0, math.inf),
            ("target_delta", 0.0, 1.0),
            ("delta_tolerance", 0.0, 1.0),
            ("slippage", 0.0, 1.0),
            ("fee_rate", 0.0, 1.0),
            ("delivery_fee_rate", 0.0, 1.0),
            ("min_size_share", 0.0, 1.0),
        ):
            value = getattr(self, field)
            if not (low <= value <= high and math.isfinite(value)):
                raise ValueError(f"{field} {value!r} must lie between {low:g} and {high:g}")
        check_amount("initial_spot_position", self.initial_spot_position)
        for field, allowed in (("fill", ("bid", "mark")),
                               ("premium_currency", ("auto", "coin", "usd"))):  # fmt: skip
            if getattr(self, field) not in allowed:
                raise ValueError(
                    f"{field} {getattr(self, field)!r}: choose one of {', '.join(allowed)}"
                )

    @property
    def step(self) -> int:
        """Nanoseconds of one bar."""
        return timeframe_ns(self.timeframe)

    def decision_times(self) -> list[int]:
        """Name the instants at which is decided, as nanoseconds."""
        until = nanoseconds(self.end) - round(self.target_dte * DAY)
        start = nanoseconds(self.start)
        return list(range(start, until + 1, self.step * self.decision_interval_bars))


def check_amount(field: str, amount: float) -> None:
    """Refuse an amount that cannot be held.

    Raises:
        ValueError: it is no positive number.
    """
    if not 0.0 < amount < math.inf:
        raise ValueError(f"{field} {amount!r} must be a positive number of coins")


class SimulatedTrade(msgspec.Struct, frozen=True, kw_only=True):
    """One call sold on coins held and kept until its expiry.

    `open_price` and `close_price` are in the premium's currency per coin. `pnl` is that of coins
    and call together, `pnl_vs_hodl` that of the call alone: premium less assignment less fees, all
    at `close_spot` where the premium is paid in coin. `max_drawdown_pct` is the drawdown of coins
    and call, in percent; `worst_vs_hodl` the lowest mark of the call's result on its way.
    `marked_share` of the bars on its way had a mark of the option: below 1 marks were carried on.
    """

    instrument_name: str
    underlying: str
    side: Literal["SHORT_CALL"] = "SHORT_CALL"
    size: float
    open_time: datetime
    close_time: datetime
    open_price: float
    close_price: float
    pnl: float
    pnl_vs_hodl: float
    max_drawdown_pct: float
    notes: str
    strike: float | None
    delta: float
    open_spot: float
    close_spot: float
    premium: float
    assignment: float
    fees: float
    worst_vs_hodl: float
    marked_share: float
    linear: bool

    @property
    def assigned(self) -> bool:
        """Whether it ended in the money."""
        return self.close_price > 0.0


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What was decided at one time, known then: nothing in it depends on what came later.

    `reason` says why nothing was sold, "" where it was. `iv` and the like are the policy's to ask.
    """

    time: datetime
    action: Action
    reason: str
    spot: float | None = None
    instrument_name: str | None = None
    open_price: float | None = None
    size: float = 0.0


class SimulationResult(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a policy.

    `equity_curve` and `equity_vs_hodl` sum results at the closes of trades, from 0, as the seed
    counts. `account_curve` is what coins and calls were worth at each bar, from the capital on, and
    `hodl_curve` what the coins alone were: drawdowns are theirs. `decisions` holds every decision
    time; `reasons` counts why there is no trade (see `REASONS`).
    """

    trades: tuple[SimulatedTrade, ...]
    equity_curve: dict[datetime, float]
    equity_vs_hodl: dict[datetime, float]
    metrics: dict[str, float]
    decisions: tuple[Decision, ...]
    reasons: dict[str, int]
    account_curve: dict[datetime, float]
    hodl_curve: dict[datetime, float]
