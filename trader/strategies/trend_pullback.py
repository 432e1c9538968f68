"""When do we buy a perpetual with its trend, or a dip within one, and when do we leave it?

Decided at the close of each hourly bar of the perpetual; stops and targets are met by its quotes in
between. What is remembered stands in the ledger: the chain's course and the bars since its entry.
Volume is not read: quotes have none.

One instance trades one coin. What the portfolio backtest asks across coins (ranking, correlation,
number of positions, common budgets) several instances do not ask each other: between them stand the
limits of the gate, per trade, per underlying and per account.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, ClassVar

import pydantic
from msgspec.structs import replace

from trader.domain.trading import Intent, Leg, Pricing, Stop
from trader.domain.units import DAY, HOUR, MINUTE, tidy
from trader.strategies.sketch import fictitious_perpetual, hourly_range
from trader.strategies.strategy import SketchLeg, grid_around
from trader.strategies.trend_features import latest, may_signal
from trader.strategies.trend_held import (
    age_of,
    all_held,
    coins_of,
    held_of,
    known,
    units_of,
    whole_steps,
)
from trader.strategies.trend_sleeves import (
    PARTIAL_R,
    PARTIAL_SHARE,
    PULLBACK,
    PULLBACK_TARGET_ATR,
    RSI_EXIT,
    SLEEVES,
    TREND,
    Held,
    TrendPullbackSettings,
    added,
    signaled,
    wished,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trader.domain.market import Bars, Touch
    from trader.domain.portfolio import ChainView, Course, Position
    from trader.domain.situation import Perpetual, Situation
    from trader.domain.trading import Action
    from trader.strategies.strategy import Cadence
    from trader.strategies.trend_sleeves import Sleeve

BARS_MIN = 202
"""The portfolio enters on no bar before this one of a symbol, so neither do we."""
WAITING = 30 * DAY
SPREAD_MAX = 0.01
"""A quote wider than this is nobody's price of a perpetual: nothing is entered at it."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrendPullback:
    """Buys breakouts in a trend and dips above it; each position states where it is given up.

    A trend sells half at 2.2 times its risk, then never risks its entry again: its stop follows the
    highest price at some ATR, and it may be added to. A pullback is sold at its target, or once RSI
    has recovered. Both are left after a number of bars.
    """

    kind: ClassVar[str] = "trend_pullback"
    Settings: ClassVar[type[pydantic.BaseModel]] = TrendPullbackSettings

    name: str
    underlying: str
    settings: TrendPullbackSettings
    timetable: Cadence

    @property
    def linear(self) -> bool:
        """Whether what it trades is settled in USDC."""
        return self.settings.linear

    @property
    def perpetual(self) -> str:
        """The perpetual it trades."""
        return f"{self.underlying}{'_USDC' if self.settings.linear else ''}-PERPETUAL"

    def cadence(self) -> Cadence:
        """Say when to be asked."""
        return self.timetable

    def propose(self, situation: Situation) -> tuple[Intent, ...]:
        """Manage what is held; on the own cadence add to it, or enter."""
        shown = situation.perpetual
        if shown is None or shown.touch is None:
            return ()
        row, bars = None, None
        if situation.occasion == "open" or self._is_first_look(situation):
            bars = known(shown.history(), situation.at)
            is_new = bars.opened_at and bars.opened_at[-1] == situation.at // HOUR * HOUR - HOUR
            if is_new and (situation.chains or may_signal(bars)):
                row = latest(bars)
        managed = tuple(self._managed(situation, shown.touch, bars, row))
        left = {one.chain_id for one in managed if _at_any_price(one.action, one.pricing)}
        staying = tuple(one for one in situation.chains if one.chain_id not in left)
        return (*managed, *self._entered(situation, shown, bars, row, staying))

    def _is_first_look(self, situation: Situation) -> bool:
        """Whether this is the first review after a bar closed, with something to review."""
        return bool(situation.chains) and situation.at % HOUR < self.timetable.manage_every

    # ------------------------------------------------------------------ what is held

    def _managed(
        self,
        situation: Situation,
        touch: Touch,
        bars: Bars | None,
        row: Mapping[str, float] | None,
    ) -> Iterator[Intent]:
        for chain in situation.chains:
            course = chain.course
            position = held_of(chain)
            if course is None or position is None or position.instrument.name != self.perpetual:
                continue
            age = age_of(chain, bars) if bars is not None else 0
            if (reason := self._outlived(course, age, row)) is not None:
                if not self._leaving(situation, chain):
                    yield self._close(chain, reason, Pricing(lifetime=WAITING))
                continue
            if (exit_ := self._resting_exit(situation, chain, course, position)) is not None:
                yield exit_
            if course.tag == TREND:
                yield from self._trend(situation, touch, chain, course, position, bars, row)

    def _outlived(self, course: Course, age: int, row: Mapping[str, float] | None) -> str | None:
        """Say why a position is left at this close; None where it is kept."""
        sleeve: Sleeve = TREND if course.tag == TREND else PULLBACK
        if age > self.settings.time_stop_bars(sleeve):
            return f"{sleeve}: held for {age} bars"
        if sleeve == PULLBACK and age > 0 and row is not None and row["RSI"] >= RSI_EXIT:
            return f"{sleeve}: RSI recovered to {row['RSI']:.0f}"
        return None

    def _resting_exit(
        self, situation: Situation, chain: ChainView, course: Course, position: Position
    ) -> Intent | None:
        """Offer half of a trend, all of a pullback, at its target, once the entry is done."""
        if any(one.order.chain_id == chain.chain_id for one in situation.orders):
            return None
        if course.tag == TREND:
            if course.reduced > 0:
                return None
            goal = course.entry_price + PARTIAL_R * (course.entry_price - course.first_stop)
            amount: float | None = whole_steps(PARTIAL_SHARE * chain.units, position)
            what = f"trend_long: half at {PARTIAL_R:g} R, {goal:,.2f}"
        else:
            goal = course.entry_price + PULLBACK_TARGET_ATR * course.stop.gap
            amount, what = None, f"pullback_long: target {goal:,.2f}"
        if amount == 0:
            return None
        tick = position.instrument.tick_at(goal)
        offered = tidy(math.ceil(goal / tick - 1e-9) * tick)
        return self._close(
            chain, what, Pricing(limit_net=-offered, lifetime=WAITING), amount=amount
        )

    def _trend(
        self,
        situation: Situation,
        touch: Touch,
        chain: ChainView,
        course: Course,
        position: Position,
        bars: Bars | None,
        row: Mapping[str, float] | None,
    ) -> Iterator[Intent]:
        """Let the stop of a trend follow, then add to it where it pays."""
        stop, why = course.stop.price, ""
        if course.reduced > 0 and course.entry_price > stop:
            stop, why = course.entry_price, "half is sold: risk the entry no more"
        atr = row["ATR"] if row is not None else math.nan
        if bars is not None and math.isfinite(atr) and (age := age_of(chain, bars)) > 0:
            top = max(course.top_price, *bars.high[-age:])
            follows = top - self.settings.trailing_atr_multiple * atr
            if follows > stop:
                stop = follows
                why = f"{self.settings.trailing_atr_multiple:g} ATR below {top:,.2f}"
        if stop > course.stop.price:
            gap = atr if math.isfinite(atr) else course.stop.gap
            moved = Stop(stop, gap)
            yield self._intent(
                "protect", chain, f"trend_long: stop to {stop:,.2f}, {why}", stop=moved
            )
            course = replace(course, stop=moved)
        if situation.occasion == "open" and row is not None:
            yield from self._pyramid(situation, touch, chain, course, position, row)

    def _pyramid(
        self,
        situation: Situation,
        touch: Touch,
        chain: ChainView,
        course: Course,
        position: Position,
        row: Mapping[str, float],
    ) -> Iterator[Intent]:
        settings, entry = self.settings, course.entry_price
        trigger = entry + settings.pyramid_trigger_r * (entry - course.first_stop)
        if (
            not settings.pyramid_enabled
            or not _can_buy(touch)
            or not course.reduced > 0
            or course.adds >= settings.pyramid_max_adds
            or course.stop.price < entry
            or row["close"] < trigger
            or any(one.order.chain_id == chain.chain_id for one in situation.orders)
        ):
            return
        coins = added(
            coins_of(position, course.units, entry), touch.ask, course.stop.price, row["close"],
            settings, equity=situation.equity_usd,
            held=all_held(situation.chains, course, chain),
        )  # fmt: skip
        amount = whole_steps(units_of(position.instrument.inverse, coins, touch.ask), position)
        if amount > 0:
            yield self._intent(
                "add",
                chain,
                f"trend_long: closed at {row['close']:,.2f}, {settings.pyramid_trigger_r:g} R up",
                stop=Stop(course.stop.price, row["ATR"]),
                legs=(Leg(self.perpetual, 1),),
                amount=amount,
                pricing=Pricing(lifetime=settings.entry_minutes * MINUTE),
            )

    def _leaving(self, situation: Situation, chain: ChainView) -> bool:
        """Whether an order works already that closes at any price."""
        return any(
            one.order.chain_id == chain.chain_id
            and one.order.action == "close"
            and one.order.limit_net is None
            for one in situation.orders
        )

    def _close(
        self, chain: ChainView, reason: str, pricing: Pricing, amount: float | None = None
    ) -> Intent:
        return self._intent("close", chain, reason, pricing=pricing, amount=amount)

    def _intent(
        self,
        action: Action,
        chain: ChainView,
        reason: str,
        *,
        stop: Stop | None = None,
        legs: tuple[Leg, ...] | None = None,
        amount: float | None = None,
        pricing: Pricing | None = None,
    ) -> Intent:
        return Intent(
            strategy=self.name,
            action=action,
            underlying=self.underlying,
            legs=(Leg(self.perpetual, -1),) if legs is None else legs,
            confidence=chain.confidence,
            reason=reason,
            chain_id=chain.chain_id,
            amount=amount,
            pricing=Pricing() if pricing is None else pricing,
            stop=stop,
        )

    # ------------------------------------------------------------------ what is entered

    def _entered(
        self,
        situation: Situation,
        shown: Perpetual,
        bars: Bars | None,
        row: Mapping[str, float] | None,
        staying: tuple[ChainView, ...],
    ) -> Iterator[Intent]:
        """Enter what signals on the bar that just closed, pullbacks first, beside what stays."""
        touch = shown.touch
        if (
            situation.occasion != "open"
            or touch is None
            or not _can_buy(touch)
            or row is None
            or bars is None
            or len(bars.close) < BARS_MIN
            or not 0 < situation.equity_usd < math.inf
        ):
            return
        held = all_held(staying)
        for sleeve in SLEEVES:
            if not signaled(sleeve, row, self.settings):
                continue
            if self._kept_out(sleeve, situation, shown, bars, staying):
                continue
            wish = wished(
                sleeve, row, touch.ask, self.settings, equity=situation.equity_usd,
                drawdown=shown.drawdown, underlying=self.underlying, held=held,
            )  # fmt: skip
            if wish is None or touch.bid <= wish.stop:
                continue  # too wide a quote: it would be left at once
            risk = wish.price - wish.stop
            held = (*held, Held(sleeve, wish.coins, wish.price, wish.stop))
            yield Intent(
                strategy=self.name,
                action="open",
                underlying=self.underlying,
                legs=(Leg(self.perpetual, 1),),
                # of a price without drift: the chance to see the target before the stop
                confidence=risk / (risk + (wish.target - wish.price)),
                reason=(
                    f"{sleeve}: closed at {row['close']:,.2f}, score {wish.score:.2f}; stop "
                    f"{wish.stop:,.2f} ({risk / wish.price:.2%} away), target {wish.target:,.2f}"
                ),
                amount=units_of(touch.instrument.inverse, wish.coins, wish.price),
                pricing=Pricing(lifetime=self.settings.entry_minutes * MINUTE),
                stop=Stop(wish.stop, row["ATR"]),
                tag=sleeve,
            )

    def _kept_out(
        self,
        sleeve: Sleeve,
        situation: Situation,
        shown: Perpetual,
        bars: Bars,
        staying: tuple[ChainView, ...],
    ) -> bool:
        """Whether a sleeve is full, holds the coin, or left it too few bars ago."""
        tags = {one.course.tag for one in staying if one.course is not None}
        overlap = self.settings.allow_cross_sleeve_symbol_overlap
        if self.settings.strategy_max_positions.get(sleeve, 0) < 1:
            return True
        if sleeve in tags or (tags and not overlap):
            return True
        leaves = any(
            one.course is not None and one.course.tag == sleeve for one in situation.chains
        )
        left_at = situation.at if leaves else shown.left_at.get(sleeve)
        if left_at is None:
            return False
        left_in = (left_at - 1) // HOUR * HOUR
        since = sum(opened_at > left_in for opened_at in bars.opened_at)
        return since <= self.settings.cooldown_bars

    def parameter_space(self) -> Mapping[str, tuple[float, ...]]:
        """List the values a study may try, around the present ones."""
        settings = self.settings
        return {
            "trailing_atr_multiple": grid_around(settings.trailing_atr_multiple, 1.0, 1.0, 12.0),
            "trend_score_floor": grid_around(settings.trend_score_floor, 0.06, 0.0, 1.0),
            "pullback_score_floor": grid_around(settings.pullback_score_floor, 0.08, 0.0, 1.0),
        }

    def sketch(self, index: float, iv: float, at: int) -> tuple[SketchLeg, ...]:  # noqa: ARG002
        """Draw a trend's entry: stopped 2.5 hourly ranges below, as volatility would have them.

        Raises:
            ValueError: index or iv is not a positive number.
        """
        atr = hourly_range(index, iv)
        instrument = fictitious_perpetual(self.underlying, linear=self.settings.linear)
        return (SketchLeg(instrument, 1, index, iv, Stop(index - 2.5 * atr, atr)),)


def _at_any_price(action: Action, pricing: Pricing) -> bool:
    return action == "close" and pricing.limit_net is None


def _can_buy(touch: Touch) -> bool:
    """Whether a quote is fresh, has two sides in order, and is no wider than a sound one."""
    in_order = touch.bid <= touch.ask <= (1.0 + SPREAD_MAX) * touch.bid
    return touch.fresh and touch.two_sided and in_order
