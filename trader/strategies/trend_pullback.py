"""When do we buy a perpetual with its trend, or a dip within one, and when do we leave it?

Decided at the close of each hourly bar of the perpetual; stops and targets are met by its quotes in
between. What is remembered stands in the ledger: the chain's course and the bars since its entry.
Volume is not read: quotes have none.

One instance trades one coin, or several as one portfolio: then they are ranked, kept from being too
much alike, and share its budgets. Between instances stand the limits of the gate alone.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, ClassVar

import pydantic
from msgspec.structs import replace

from trader.domain.instruments import perpetual_name
from trader.domain.trading import Intent, Leg, Pricing, Stop, Withheld
from trader.domain.units import DAY, HOUR, MINUTE, on_step, price_text
from trader.strategies.sketch import fictitious_perpetual, hourly_range
from trader.strategies.strategy import SketchLeg, grid_around
from trader.strategies.structure import in_our_favor
from trader.strategies.trend_choice import choices
from trader.strategies.trend_held import (
    Tally,
    age_of,
    coins_of,
    held_of,
    units_of,
)
from trader.strategies.trend_looks import Seen, can_buy, looked_at, newest_closes, perpetuals_seen
from trader.strategies.trend_sleeves import (
    PARTIAL_R,
    PARTIAL_SHARE,
    PULLBACK,
    PULLBACK_TARGET_ATR,
    RSI_EXIT,
    TREND,
    TrendPullbackSettings,
    added,
    score_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trader.domain.portfolio import ChainView, Course, Position
    from trader.domain.situation import Situation
    from trader.domain.trading import Action
    from trader.strategies.strategy import Cadence
    from trader.strategies.trend_choice import Choice
    from trader.strategies.trend_sleeves import Sleeve

WAITING = 30 * DAY


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
        """Whether it trades perpetuals in USDC where there are some in coin too."""
        return self.settings.linear

    @property
    def perpetuals(self) -> Mapping[str, str]:
        """The perpetuals it trades, by coin."""
        coins = dict.fromkeys((self.underlying, *self.settings.others))
        return {coin: perpetual_name(coin, linear=self.settings.linear) for coin in coins}

    def cadence(self) -> Cadence:
        """Say when to be asked."""
        return self.timetable

    def propose(self, situation: Situation) -> tuple[Intent, ...]:
        """Manage what is held; on the own cadence add to it, or enter."""
        seen = perpetuals_seen(situation, self._looks_at_bars(situation))
        tally = Tally(situation.chains, newest_closes(seen), situation.equity_usd)
        intents: list[Intent] = []
        for chain in situation.chains:
            if (one := seen.get(chain.underlying)) is None:
                continue
            for intent in self._managed(situation, one, chain, tally):
                intents.append(intent)
                tally.take(intent, chain, one.touch)
            if self._leaving(situation, chain):
                tally.leave(chain, one.touch)
        if situation.occasion == "open" and 0 < tally.equity < math.inf:
            intents += self._entered(situation, seen, tally)
        return tuple(intents)

    def _looks_at_bars(self, situation: Situation) -> bool:
        """Whether a bar may have closed: on its own cadence, or at the first review since."""
        first = situation.at % HOUR < self.timetable.manage_every
        return situation.occasion == "open" or (bool(situation.chains) and first)

    # ------------------------------------------------------------------ what is held

    def _managed(
        self,
        situation: Situation,
        seen: Seen,
        chain: ChainView,
        tally: Tally,
    ) -> Iterator[Intent]:
        """Decide on one chain; whoever asks takes each decision into the tally before the next."""
        course, position = chain.course, held_of(chain)
        name = self.perpetuals.get(chain.underlying)
        if course is None or position is None or position.instrument.name != name:
            return
        age = age_of(chain, seen.bars) if seen.bars is not None else 0
        if (reason := self._outlived(course, age, seen.row)) is not None:
            if not self._leaving(situation, chain):
                yield self._close(chain, reason, Pricing(lifetime=WAITING))
            return
        if (exit_ := self._resting_exit(situation, chain, course, position)) is not None:
            yield exit_
        if course.tag != TREND:
            return
        moved = self._protected(seen, chain, course)
        if moved is not None:
            yield moved
            course = replace(course, stop=moved.stop)
        if situation.occasion == "open" and seen.row is not None:
            yield from self._pyramid(situation, seen, chain, course, position, tally)

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
        least = position.instrument.min_trade_amount
        if course.tag == TREND:
            if course.reduced > 0:
                return None
            goal = course.entry_price + PARTIAL_R * (course.entry_price - course.first_stop)
            amount: float | None = on_step(PARTIAL_SHARE * chain.units, least)
            what = f"trend_long: half at {PARTIAL_R:g} R, {price_text(goal)}"
        else:
            goal = course.entry_price + PULLBACK_TARGET_ATR * course.stop.gap
            amount, what = None, f"pullback_long: target {price_text(goal)}"
        if amount == 0:
            return None
        offered = in_our_favor(-goal, position.instrument.tick_at(goal))
        return self._close(chain, what, Pricing(limit_net=offered, lifetime=WAITING), amount=amount)

    def _protected(self, seen: Seen, chain: ChainView, course: Course) -> Intent | None:
        """Let the stop of a trend follow; None where it stands well."""
        stop, why = course.stop.price, ""
        if course.reduced > 0 and course.entry_price > stop:
            stop, why = course.entry_price, "half is sold: risk the entry no more"
        atr = seen.row["ATR"] if seen.row is not None else math.nan
        bars = seen.bars
        if bars is not None and math.isfinite(atr) and (age := age_of(chain, bars)) > 0:
            top = max(course.top_price, *bars.high[-age:])
            follows = top - self.settings.trailing_atr_multiple * atr
            if follows > stop:
                stop = follows
                why = f"{self.settings.trailing_atr_multiple:g} ATR below {price_text(top)}"
        if not stop > course.stop.price:
            return None
        moved = Stop(stop, atr if math.isfinite(atr) else course.stop.gap)
        reason = f"trend_long: stop to {price_text(stop)}, {why}"
        return self._intent("protect", chain, reason, stop=moved)

    def _pyramid(
        self,
        situation: Situation,
        seen: Seen,
        chain: ChainView,
        course: Course,
        position: Position,
        tally: Tally,
    ) -> Iterator[Intent]:
        settings, entry, touch, row = self.settings, course.entry_price, seen.touch, seen.row
        trigger = entry + settings.pyramid_trigger_r * (entry - course.first_stop)
        if (
            not settings.pyramid_enabled
            or row is None
            or not can_buy(touch)
            or not course.reduced > 0
            or course.adds >= settings.pyramid_max_adds
            or course.stop.price < entry
            or row["close"] < trigger
            or any(one.order.chain_id == chain.chain_id for one in situation.orders)
        ):
            return
        first = coins_of(position, course.units, entry)
        coins = added(
            first, touch.ask, course.stop.price, settings, equity=tally.equity,
            held=tuple(tally.held.values()),
        )  # fmt: skip
        least = position.instrument.min_trade_amount
        amount = on_step(units_of(position.instrument.inverse, coins, touch.ask), least)
        if amount > 0:
            yield self._intent(
                "add",
                chain,
                f"trend_long: closed at {price_text(row['close'])},"
                f" {settings.pyramid_trigger_r:g} R up",
                stop=Stop(course.stop.price, row["ATR"]),
                legs=(Leg(position.instrument.name, 1),),
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
            underlying=chain.underlying,
            legs=(Leg(self.perpetuals[chain.underlying], -1),) if legs is None else legs,
            confidence=chain.confidence,
            reason=reason,
            chain_id=chain.chain_id,
            amount=amount,
            pricing=Pricing() if pricing is None else pricing,
            stop=stop,
        )

    # ------------------------------------------------------------------ what is entered

    def _entered(
        self, situation: Situation, seen: Mapping[str, Seen], tally: Tally
    ) -> Iterator[Intent]:
        """Enter what signals on the bar that just closed, pullbacks first, beside what stays."""
        looks, book = looked_at(seen, situation.chains, tally)
        drawdown = max((one.drawdown for one in situation.perpetuals.values()), default=0.0)
        for one in choices(looks, book, self.settings, equity=tally.equity, drawdown=drawdown):
            yield self._chosen(one)

    def _chosen(self, one: Choice) -> Intent:
        """Phrase an entry, or why a signal is not traded."""
        coin, row, touch, sleeve = one.look.coin, one.look.row, one.look.touch, one.sleeve
        wish, legs = one.verdict, (Leg(self.perpetuals[coin], 1),)
        score = score_of(sleeve, row)
        reason = f"{sleeve}: closed at {price_text(row['close'])}, score {score:.2f}; "
        if isinstance(wish, Withheld):
            return Intent(
                strategy=self.name, action="open", underlying=coin, legs=legs, confidence=0.5,
                reason=f"{reason}{wish.rule}: {wish.used + wish.requested:.4g}, limit "
                f"{wish.limit:.4g}", tag=sleeve, withheld=wish,
            )  # fmt: skip
        risk = wish.price - wish.stop
        return Intent(
            strategy=self.name,
            action="open",
            underlying=coin,
            legs=legs,
            # of a price without drift: the chance to see the target before the stop
            confidence=risk / (risk + (wish.target - wish.price)),
            reason=(
                f"{reason}stop {price_text(wish.stop)} ({risk / wish.price:.2%} away), target "
                f"{price_text(wish.target)}"
            ),
            amount=units_of(touch.instrument.inverse, wish.coins, wish.price),
            pricing=Pricing(lifetime=self.settings.entry_minutes * MINUTE),
            stop=Stop(wish.stop, row["ATR"]),
            tag=sleeve,
        )

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
