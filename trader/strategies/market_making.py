"""How do we make a market in one option? Two resting quotes, anew every few minutes, for a session.

A session is one trade: its risk, that of the most it may hold, is reserved while it lasts; fills
move what it holds. A quote that fills is one that somebody was glad to meet: how the market moved
afterwards is journaled with each fill (Glosten and Milgrom 1985 on adverse selection).
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, ClassVar, Final, Literal

import numpy as np
import pydantic
from pydantic import Field

from trader.domain.models import Regime
from trader.domain.trading import Intent, Leg, Pricing, Quoting, Withheld
from trader.domain.units import HOUR, MINUTE, from_atoms, on_step
from trader.strategies.quotes import QuoteSettings, Value, prices, value_of
from trader.strategies.short_premium import TermSettings, closing_legs, may_open
from trader.strategies.sketch import sketch_legs
from trader.strategies.strategy import grid_around
from trader.strategies.structure import (
    choose_by_delta,
    choose_expiry,
    leave_quote,
    patient,
    quoted,
    tradable,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trader.domain.market import Board, Ints
    from trader.domain.portfolio import ChainView, Session, WorkingOrder
    from trader.domain.situation import Situation
    from trader.strategies.strategy import Cadence, SketchLeg

EVEN: Final = 0.5
"""Confidence of a session: nobody knows which side fills, so as much may be won as lost."""
REASON_MAX: Final = 200


class MarketMakingSettings(QuoteSettings, TermSettings):
    """Parameters of market making: which option, how much of it, for how long."""

    option_type: Literal["call", "put"] = Field(default="call", description="What is quoted.")
    target_delta: float = Field(
        default=0.35, ge=0.05, le=0.6, description="|delta| of the option to quote, the nearest."
    )
    delta_tolerance: float = Field(
        default=0.1, gt=0, le=0.3, description="Largest distance from target_delta."
    )
    inventory_max: float = Field(
        default=1.0,
        gt=0,
        le=10_000,
        description="Most contracts to hold on either side; the risk gate may allow fewer.",
    )
    size_share: float = Field(
        default=0.34, gt=0, le=1, description="Size of one quote as a share of that most."
    )
    quote_minutes: float = Field(
        default=10.0, gt=0, le=240, description="Minutes a quote lives that nobody renews."
    )
    follow_minutes: float = Field(
        default=5.0,
        gt=0,
        le=240,
        description="Minutes after a fill at which its price is held against the market.",
    )
    session_hours: float = Field(
        default=6.0, gt=0, le=24 * 7, description="Hours after which a session quotes no more."
    )
    exit_hours: float = Field(
        default=12.0, ge=0.5, le=24 * 30, description="Nor nearer to expiry than this."
    )
    loss_limit: float = Field(
        default=0.25,
        gt=0,
        le=1,
        description="Nor once it has lost this share of what is reserved for it.",
    )
    avoid_regimes: tuple[Regime, ...] = Field(
        default=("Crisis",), description="Market regimes in which nothing is quoted."
    )
    boards_days_min: int = Field(
        default=20,
        ge=1,
        le=3650,
        description="Days of recorded quotes a night needs before it judges.",
    )

    @pydantic.model_validator(mode="after")
    def _session_before_expiry(self) -> MarketMakingSettings:
        if self.exit_hours >= self.min_hours_left:
            raise ValueError(
                f"exit_hours {self.exit_hours:g} must be below min_hours_left "
                f"{self.min_hours_left:g}: a session that ends as it begins quotes nothing"
            )
        if len(set(self.avoid_regimes)) < len(self.avoid_regimes):
            raise ValueError("avoid_regimes names a regime twice; name each once")
        return self

    @property
    def quote_life(self) -> int:
        """Nanoseconds a quote lives."""
        return round(self.quote_minutes * MINUTE)


@dataclasses.dataclass(frozen=True, kw_only=True)
class MarketMaking:
    """Quotes one option at a time on both sides, and works down what is left at the end.

    Only recorded quotes can tell what that earns: hourly modelled ones show no fill of a quote.
    """

    kind: ClassVar[str] = "market_making"
    Settings: ClassVar[type[pydantic.BaseModel]] = MarketMakingSettings
    asks_models: ClassVar[bool] = True

    name: str
    underlying: str
    settings: MarketMakingSettings
    timetable: Cadence

    @property
    def boards_apart(self) -> int:
        """How often a board must show what met a quote: once in its life at least."""
        return self.settings.quote_life

    def cadence(self) -> Cadence:
        """Say when to be asked."""
        return self.timetable

    def propose(self, situation: Situation) -> tuple[Intent, ...]:
        """Quote, end or clear up what is there; on the own cadence, open a session if none is."""
        managed = [one for chain in situation.chains for one in self._manage(chain, situation)]
        opening = self._open(situation) if self._may_begin(situation) else None
        return (*managed, *(() if opening is None else (opening,)))

    def _may_begin(self, situation: Situation) -> bool:
        """Allow one session at a time, and none in a regime that is avoided."""
        living = [one for one in situation.chains if one.state != "pending_settlement"]
        avoided = situation.regime in self.settings.avoid_regimes
        return not living and not avoided and may_open(situation, self.timetable)

    # ------------------------------------------------------------------ the session

    def _open(self, situation: Situation) -> Intent | None:
        """Ask for a session on the option nearest to the wanted delta."""
        board = situation.board
        row = self._choose(board)
        if row is None:
            return None
        value = value_of(situation, row, self.settings)
        if isinstance(value, str):
            return self._session(board, row, Pricing(limit_net=board.bid.item(row)), value, True)
        chosen = prices(board, row, value, 0.0, self.settings)
        if chosen is None:
            return None
        bid, ask = chosen
        reason = f"quote {bid:g} to {ask:g} around {value.price:.4g} of {value.source}"
        return self._session(board, row, Pricing(bid, lifetime=self.settings.quote_life), reason)

    def _choose(self, board: Board) -> int | None:
        """Choose the row to quote: the expiry nearest to the target days, then the delta."""
        ladder, terms = board.listing.ladder(self.settings.option_type), self.settings
        expiry = choose_expiry(
            board.at, ladder, terms.target_days, terms.days_tolerance, terms.min_hours_left
        )
        if expiry is None:
            return None
        rows = ladder[expiry]
        rows = rows[tradable(board, rows)]
        return choose_by_delta(board, rows, terms.target_delta, terms.delta_tolerance)

    def _session(
        self, board: Board, row: int, pricing: Pricing, reason: str, withheld: bool = False
    ) -> Intent:
        """Wish for a session, or say why not; its price is the first bid."""
        return Intent(
            strategy=self.name,
            action="open",
            underlying=self.underlying,
            legs=(Leg(board.instruments[row].name, 1),),
            confidence=EVEN,
            reason=reason[:REASON_MAX],
            amount=self.settings.inventory_max,
            pricing=pricing,
            withheld=Withheld("no_value") if withheld else None,
            quoting=Quoting(follow_after=round(self.settings.follow_minutes * MINUTE)),
        )

    def _manage(self, chain: ChainView, situation: Situation) -> tuple[Intent, ...]:
        """Go on quoting, or end that; close what a session has left."""
        if chain.state == "pending_settlement":
            return ()
        session = chain.session
        if session is None or not session.quotes:
            return self._clear_up(chain, situation, "what its session left is closed")
        reason = self._over(chain, session, situation)
        if reason is None:
            return self._quote(chain, session, situation)
        leg = Leg(session.instrument.name, 1)
        ending = self._intent("withdraw", chain, (leg,), reason)
        return (ending, *self._clear_up(chain, situation, reason))

    def _over(self, chain: ChainView, session: Session, situation: Situation) -> str | None:
        """Say why a session should end now: time, expiry, regime, loss."""
        settings, at = self.settings, situation.at
        if at - chain.approved_at >= settings.session_hours * HOUR:
            return f"the session ends after {settings.session_hours:g} hours"
        left = (session.instrument.expires_at or at) - at
        if left <= settings.exit_hours * HOUR:
            return f"{left / HOUR:.1f} hours to expiry"
        if situation.regime in settings.avoid_regimes:
            return f"market is {situation.regime}: {situation.models.seen.reason}"[:REASON_MAX]
        lost = -_result(chain, session, situation.board)
        reserved = chain.max_loss_coin if session.instrument.inverse else chain.max_loss_usd
        if lost >= settings.loss_limit * reserved > 0:
            return f"lost {lost:.4g} of the {reserved:.4g} reserved"
        return None

    def _clear_up(self, chain: ChainView, situation: Situation, reason: str) -> tuple[Intent, ...]:
        """Close what is held: patiently first, at the touch then."""
        legs = closing_legs(chain)
        working = [one for one in situation.orders if one.order.chain_id == chain.chain_id]
        leaving = leave_quote(situation.board, legs) if legs else None
        if leaving is None or any(one.order.action == "close" for one in working):
            return ()
        pricing = patient(leaving.quote, self.settings.patience, self.settings.lifetime)
        if not leaving.two_sided:
            pricing = leaving.at_once(self.settings.lifetime)
        return (self._intent("close", chain, leaving.legs, reason, pricing=pricing),)

    # ------------------------------------------------------------------ the quotes

    def _quote(
        self, chain: ChainView, session: Session, situation: Situation
    ) -> tuple[Intent, ...]:
        """Rest a bid and an offer; those that stand where they should stay."""
        board = situation.board
        row = board.row(session.instrument.name)
        if row is None or not quoted(board, _rows(row)).all():
            return ()
        resting = [one for one in situation.orders if one.order.chain_id == chain.chain_id]
        value = value_of(situation, row, self.settings)
        if isinstance(value, str):
            return self._stand_aside(chain, session, value) if resting else ()
        held = _held(chain, session)
        chosen = prices(board, row, value, held / session.inventory_max, self.settings)
        if chosen is None:
            return ()
        bid, ask = chosen
        wanted = (
            self._side(chain, session, 1, bid, held, value),
            self._side(chain, session, -1, ask, held, value),
        )
        return tuple(
            one
            for one in wanted
            if one is not None and not self._stands(one, resting, situation.at)
        )

    def _side(
        self,
        chain: ChainView,
        session: Session,
        ratio: int,
        price: float,
        held: float,
        value: Value,
    ) -> Intent | None:
        """Quote one side as far as inventory has room; nothing below one lot or a tick."""
        step = session.instrument.min_trade_amount
        room = on_step(session.inventory_max - ratio * held + 1e-9, step)
        size = max(on_step(self.settings.size_share * session.inventory_max, step), step)
        amount = min(size, room)
        if amount < step or not price > 0:
            return None
        return self._intent(
            "quote",
            chain,
            (Leg(session.instrument.name, ratio),),
            f"{'bid' if ratio > 0 else 'offer'} {amount:g} at {price:g}: {value.price:.4g} by "
            f"{value.source}, {held:+g} of {session.inventory_max:g} held",
            amount=amount,
            pricing=Pricing(limit_net=ratio * price, lifetime=self.settings.quote_life),
        )

    def _stands(self, wish: Intent, resting: list[WorkingOrder], at: int) -> bool:
        """Whether that quote rests already and lives until it is looked at again."""
        until = at + self.timetable.manage_every
        return any(
            one.order.action == "quote"
            and one.order.legs == wish.legs
            and one.order.limit_net == wish.pricing.limit_net
            and one.remaining == wish.amount
            and one.order.expires_at > until
            for one in resting
        )

    def _stand_aside(self, chain: ChainView, session: Session, why: str) -> tuple[Intent, ...]:
        """Say once, while quotes of it still rest, why they are not renewed."""
        leg = Leg(session.instrument.name, 1)
        aside = self._intent("quote", chain, (leg,), why, withheld=Withheld("no_value"))
        return (aside,)

    def _intent(
        self,
        action: Literal["quote", "withdraw", "close"],
        chain: ChainView,
        legs: tuple[Leg, ...],
        reason: str,
        *,
        amount: float | None = None,
        pricing: Pricing | None = None,
        withheld: Withheld | None = None,
    ) -> Intent:
        return Intent(
            strategy=self.name,
            action=action,
            underlying=self.underlying,
            legs=legs,
            confidence=EVEN,
            reason=reason[:REASON_MAX],
            chain_id=chain.chain_id,
            amount=amount,
            pricing=pricing or Pricing(lifetime=self.settings.lifetime),
            withheld=withheld,
        )

    # ------------------------------------------------------------------ studies

    def parameter_space(self) -> Mapping[str, tuple[float, ...]]:
        """List the values a study may try, around the present ones."""
        one = self.settings
        return {
            "width_share": grid_around(one.width_share, 0.2, 0.0, 5.0),
            "skew_share": grid_around(one.skew_share, 0.4, 0.0, 3.0),
        }

    def sketch(self, index: float, iv: float, at: int) -> tuple[SketchLeg, ...]:
        """Draw one lot of what it may come to be short: the side that risks more."""
        settings = self.settings
        return sketch_legs(
            self.underlying, settings.option_type, index=index, iv=iv, at=at,
            days=settings.target_days, delta=settings.target_delta,
        )  # fmt: skip


def _rows(row: int) -> Ints:
    return np.array([row])


def _held(chain: ChainView, session: Session) -> float:
    """Tell what is held of the quoted contract, signed."""
    name = session.instrument.name
    return math.fsum(one.amount for one in chain.positions if one.instrument.name == name)


def _result(chain: ChainView, session: Session, board: Board) -> float:
    """Tell what a session has made so far, in settlement currency, with what is held at its mark.

    Without a mark what is held counts at its entry.
    """
    row = board.row(session.instrument.name)
    made = from_atoms(chain.flows.get(session.instrument.settlement_currency, 0))
    for one in chain.positions:
        mark = board.mark.item(row) if row is not None else math.nan
        made += one.amount * (mark if 0 <= mark < math.inf else one.entry_price)
    return made
