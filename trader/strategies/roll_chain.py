"""Roll chains: a short call or put that is rolled, leg after leg, until its chain ends.

Sources: a weekly sale that is defended "up and out" or "down and out" for a credit (McMillan,
Options as a Strategic Investment, ch. 2 on follow-up action); triggers and caps of decisions, 8.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, ClassVar, Final, Literal

import msgspec

from trader.domain.trading import Delivery, Intent, Leg
from trader.strategies.rolling import (
    WAITED_FOR,
    HeldLeg,
    LegFault,
    NoTarget,
    RollChainSettings,
    Target,
    Trigger,
    find_target,
    read_leg,
    roll_due,
    total_risk,
)
from trader.strategies.short_premium import closing_legs, may_open, worth_selling
from trader.strategies.sketch import sketch_legs
from trader.strategies.strategy import grid_around
from trader.strategies.structure import (
    choose_by_delta,
    choose_expiry,
    net_quote,
    patient,
    quoted,
    seller_confidence,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pydantic

    from trader.domain.market import Board, Ints
    from trader.domain.portfolio import ChainView
    from trader.domain.situation import Situation
    from trader.strategies.strategy import Cadence, SketchLeg
    from trader.strategies.structure import NetQuote

NoSale = Literal[
    "opened_this_slot", "chains_max", "equity_unknown", "total_risk_max", "board_empty",
    "no_expiry", "quotes_stale", "quotes_one_sided", "no_delta", "credit_too_small",
]  # fmt: skip
Cap = Literal["rolls_max", "total_risk_max"]
Finding = (
    Literal[
        "open", "roll", "close", "held", "order_working", "pending_settlement", "not_ours",
        "covered", "held_to_expiry", "below_floor", "roll_due",
    ]
    | NoSale | LegFault | NoTarget
)  # fmt: skip
"""What came of looking at one chain, or at opening one: the name that a study counts."""

WHY: Final[dict[NoTarget | Cap, str]] = {
    "days_cap": "later expiries are beyond total_days_max",
    "no_later_expiry": "no later expiry is listed",
    "target_unquoted": "no later option shows both sides",
    "target_no_delta": "no later option is near target_delta",
    "no_credit": "no roll pays its cost",
    "rolls_max": "rolled as often as allowed",
    "total_risk_max": "its risk would pass total_risk_max",
}


class Considered(msgspec.Struct, frozen=True):
    """What came of one look, by name, and what is proposed; `chain_id` None: at opening one."""

    finding: Finding
    chain_id: str | None = None
    intents: tuple[Intent, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class RollChain:
    """Holds few chains of one short option each; how often each was rolled stands in the ledger.

    A roll comes with the close that takes its place if the gate refuses it: a chain that cannot be
    rolled ends.
    """

    kind: ClassVar[str] = "roll_chain"
    Settings: ClassVar[type[pydantic.BaseModel]] = RollChainSettings
    linear: ClassVar[bool] = False
    """Whether it trades options settled in USDC."""
    delivery: ClassVar[Delivery] = "cash"

    name: str
    underlying: str
    settings: RollChainSettings
    timetable: Cadence

    def cadence(self) -> Cadence:
        """Say when to be asked."""
        return self.timetable

    def propose(self, situation: Situation) -> tuple[Intent, ...]:
        """Roll or close what is due; on the own cadence, open another chain if there is room."""
        return tuple(one for look in self.consider(situation) for one in look.intents)

    def consider(self, situation: Situation) -> tuple[Considered, ...]:
        """Look at every chain and, on the own cadence, at opening one: each look has a name."""
        looks = [self._manage(chain, situation) for chain in situation.chains]
        if situation.occasion == "open":
            looks.append(self._open(situation))
        return tuple(looks)

    def _manage(self, chain: ChainView, situation: Situation) -> Considered:
        """Look at one chain: leave it, roll it, or close it."""
        name = chain.chain_id
        if any(one.order.chain_id == name for one in situation.orders):
            return Considered("order_working", name)
        legs = closing_legs(chain)
        if not legs or (chain.expires_at or situation.at) <= situation.at:
            return Considered("pending_settlement", name)
        if len(legs) > 1 or legs[0].ratio != 1:
            return Considered("not_ours", name)
        held = read_leg(situation.board, chain, legs[0])
        if isinstance(held, str):
            return Considered(held, name)
        due = roll_due(held, self.settings)
        if due is None:
            return Considered("held", name)
        return self._roll(chain, held, due, situation)

    def _roll(
        self, chain: ChainView, held: HeldLeg, due: tuple[Trigger, str], situation: Situation
    ) -> Considered:
        """Roll a chain that is due, with a close to fall back on; or close it; or wait."""
        trigger, text = due
        found: Target | NoTarget | Cap | None = self._cap(chain, situation)
        if found is None:
            opened_at = chain.approved_at if chain.opened_at is None else chain.opened_at
            found = find_target(situation.board, held, trigger, opened_at, self.settings)
        if isinstance(found, Target):
            roll = self._change("roll", chain, (found.leg,), found.quote, found.delta, situation)
            roll = msgspec.structs.replace(
                roll,
                reason=f"{trigger}: {text}; roll {chain.rolls + 1} of {self.settings.rolls_max} "
                f"into {found.leg.instrument}, net credit {found.credit:.4g}",
            )
            refused = self._close(
                chain, held, f"{trigger}: {text}; its roll was refused", situation
            )
            return Considered("roll", chain.chain_id, (roll, refused))
        if found in WAITED_FOR and trigger != "time":
            return Considered(found, chain.chain_id)
        close = self._close(chain, held, f"{trigger}: {text}; {WHY[found]}", situation)
        return Considered("close", chain.chain_id, (close,))

    def _cap(self, chain: ChainView, situation: Situation) -> Cap | None:
        """Name the cap that forbids another roll of this chain."""
        if chain.rolls >= self.settings.rolls_max:
            return "rolls_max"
        return None if self._within_risk(situation) else "total_risk_max"

    def _within_risk(self, situation: Situation) -> bool:
        """Whether what its chains lost and can lose is within the share of equity; NaN is not."""
        used = math.fsum(total_risk(one, situation.index) for one in situation.chains)
        return used <= self.settings.total_risk_max * situation.equity_usd

    def _close(self, chain: ChainView, held: HeldLeg, reason: str, situation: Situation) -> Intent:
        close = self._change("close", chain, (held.buy_back,), held.quote, held.delta, situation)
        return msgspec.structs.replace(close, reason=reason)

    def _change(
        self,
        action: Literal["roll", "close"],
        chain: ChainView,
        legs: tuple[Leg, ...],
        quote: NetQuote,
        delta: float,
        situation: Situation,
    ) -> Intent:
        """Ask for the mid first, then the touch seen now; no longer than the held leg lives."""
        left = max((chain.expires_at or situation.at) - situation.at, 1)
        return Intent(
            strategy=self.name,
            action=action,
            underlying=self.underlying,
            legs=legs,
            confidence=seller_confidence(delta),
            reason=action,
            chain_id=chain.chain_id,
            pricing=patient(quote, self.settings.patience, min(self.settings.lifetime, left)),
        )

    def _open(self, situation: Situation) -> Considered:
        """Sell the first leg of a chain, or name why not."""
        settings, board = self.settings, situation.board
        if any(one.order.action == "open" for one in situation.orders):
            return Considered("order_working")
        if not may_open(situation, self.timetable):
            return Considered("opened_this_slot")
        if len(situation.chains) >= settings.chains_max:
            return Considered("chains_max")
        if not situation.equity_usd > 0:
            return Considered("equity_unknown")
        if not self._within_risk(situation):
            return Considered("total_risk_max")
        ladder = board.listing.ladder(settings.option_type, inverse=not self.linear)
        sale = self._offer(situation, ladder, settings.target_delta)
        if isinstance(sale, str):
            return Considered(sale)
        return Considered("open", None, (self._sale(*sale, situation),))

    def _offer(
        self,
        situation: Situation,
        ladder: Mapping[int, Ints],
        delta: float,
        strike_min: float = 0.0,
    ) -> tuple[Leg, NetQuote, float] | NoSale | Literal["below_floor"]:
        """Find what to sell of a ladder with its quote and delta, or name what is missing."""
        board = situation.board
        row = self._choose(board, ladder, delta, strike_min)
        if not isinstance(row, int):
            return row
        leg = Leg(board.instruments[row].name, -1)
        quote = net_quote(board, (leg,))
        if quote is None:
            return "quotes_one_sided"
        if not worth_selling(quote, self.settings):
            return "credit_too_small"
        return leg, quote, board.delta_at(row)

    def _sale(self, leg: Leg, quote: NetQuote, delta: float, situation: Situation) -> Intent:
        settings = self.settings
        coins = situation.equity_usd / situation.index if situation.index > 0 else math.nan
        amount = settings.equity_share * coins
        return Intent(
            strategy=self.name,
            action="open",
            underlying=self.underlying,
            legs=(leg,),
            confidence=seller_confidence(delta),
            reason=(
                f"sell {settings.option_type} at delta {delta:.2f}, credit {-quote.touch_net:.4g} "
                f"({-quote.touch_net / quote.fee:.3g}x its fee)"
            ),
            amount=amount if 0 < amount < math.inf else None,
            pricing=patient(quote, settings.patience, settings.lifetime),
            delivery=self.delivery,
        )

    def _choose(
        self, board: Board, ladder: Mapping[int, Ints], delta: float, strike_min: float
    ) -> int | NoSale | Literal["below_floor"]:
        """Choose the row of a first sale as every seller does, or name what the board lacks."""
        settings = self.settings
        if not ladder:
            return "board_empty"
        expiry = choose_expiry(
            board.at, ladder, settings.target_days, settings.days_tolerance, settings.min_hours_left
        )
        if expiry is None:
            return "no_expiry"
        rows = ladder[expiry]
        if not board.fresh[rows].any():
            return "quotes_stale"
        rows = rows[quoted(board, rows)]
        if not len(rows):
            return "quotes_one_sided"
        rows = rows[board.strike[rows] >= strike_min]
        if not len(rows):
            return "below_floor"
        row = choose_by_delta(board, rows, delta, settings.delta_tolerance)
        return "no_delta" if row is None else row

    def parameter_space(self) -> Mapping[str, tuple[float, ...]]:
        """List the values a study may try, around the present ones."""
        one = self.settings
        far = min(one.roll_days_max, one.total_days_max)
        return {
            "target_delta": grid_around(one.target_delta, 0.05, 0.05, one.roll_delta - 0.01),
            "target_days": grid_around(one.target_days, 1, 1, far),
            "roll_delta": grid_around(one.roll_delta, 0.05, one.target_delta + 0.01, 1),
            "roll_captured": grid_around(one.roll_captured, 0.1, 0.1, 0.95),
        }

    def sketch(self, index: float, iv: float, at: int) -> tuple[SketchLeg, ...]:
        """Draw the first leg it would typically sell."""
        return sketch_legs(
            self.underlying,
            self.settings.option_type,
            index=index,
            iv=iv,
            at=at,
            days=self.settings.target_days,
            delta=self.settings.target_delta,
            linear=self.linear,
        )
