"""When do we buy a straddle, and how do we hedge it? Long gamma against the perpetual, on a band.

A straddle at the money gains from moves of either sign. Once its delta leaves the band the
perpetual brings it back to zero: sold higher and bought back lower, that is paid for by the decay
of the options (Natenberg, Option Volatility and Pricing, ch. 11; Zakamouline 2006 on bands). One
chain holds both; it ends when the options are sold and the hedge is flat.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, ClassVar

import msgspec
import pydantic
from pydantic import Field

from trader.domain.instruments import perpetual_name
from trader.domain.trading import Intent, Leg, Pricing
from trader.domain.units import MINUTE, from_atoms
from trader.domain.valuation import result
from trader.strategies.edge import EdgeSettings, edge_seen
from trader.strategies.long_premium import (
    DebitExitSettings,
    OutlookSettings,
    exit_due,
    forecast_vol,
)
from trader.strategies.shapes import Shape, at_the_money, profit_chance
from trader.strategies.short_premium import closing_legs, may_open
from trader.strategies.sketch import sketch_sides
from trader.strategies.strategy import grid_around
from trader.strategies.structure import choose_expiry, leave_quote, net_quote, patient

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trader.domain.market import Board, Touch
    from trader.domain.portfolio import ChainView
    from trader.domain.situation import Situation
    from trader.strategies.strategy import Cadence, SketchLeg
    from trader.strategies.structure import NetQuote


class GammaScalpingSettings(EdgeSettings, OutlookSettings, DebitExitSettings):
    """Parameters of gamma scalping: which straddle, when to hedge, what hedging may cost."""

    delta_band: float = Field(
        default=0.15,
        ge=0.02,
        le=1,
        description="Hedge once the delta of one unit, hedge included, is this far from zero.",
    )
    hedge_cost_share: float = Field(
        default=0.1,
        ge=0.01,
        le=1,
        description="Share of the debit set aside for what hedges lose, pay in fees and funding.",
    )
    hedge_minutes: float = Field(
        default=5.0, gt=0, le=60, description="Minutes that the order of a hedge lives."
    )
    exit_slippage_max: float = Field(
        default=0.1,
        ge=0,
        le=1,
        description="An exit waits while the touch is this share below the mark.",
    )
    vol_edge_min: float = Field(
        default=0.05,
        ge=-5,
        le=0.9,
        description="Implied volatility must be below the forecast by this share of it.",
    )
    debit_exit_hours: float = Field(
        default=24.0,
        ge=2,
        le=24 * 90,
        description="Sell what was bought this long before expiry: no hedge is left alone.",
    )
    min_hours_left: float = Field(
        default=48.0, ge=1, le=24 * 90, description="Expiries nearer than this are skipped."
    )


class Held(msgspec.Struct, frozen=True):
    """One chain as the market shows it, in units of the coin: its options, and what hedges them.

    `quote` prices selling one unit of the options, `delta` is theirs, `hedge` that of the
    `contracts` of the perpetual, `gained` what these would bring in settlement currency; `strike`
    is the straddle's.
    """

    quote: NetQuote
    delta: float
    contracts: float
    hedge: float
    gained: float
    strike: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class GammaScalping:
    """Buys straddles where implied volatility is below what it expects, and hedges their delta.

    A hedge is enlarged only where that locks in a gain, so it can only lower the max loss; to give
    it back adds to that again, and where the gate allows it no more the chain is closed.
    """

    kind: ClassVar[str] = "gamma_scalping"
    Settings: ClassVar[type[pydantic.BaseModel]] = GammaScalpingSettings
    options: ClassVar[bool] = True

    name: str
    underlying: str
    settings: GammaScalpingSettings
    timetable: Cadence

    @property
    def perpetual(self) -> str:
        """The perpetual it hedges with."""
        return perpetual_name(self.underlying)

    def cadence(self) -> Cadence:
        """Say when to be asked."""
        return self.timetable

    def propose(self, situation: Situation) -> tuple[Intent, ...]:
        """Leave or hedge what is held; on the own cadence, buy one more straddle."""
        touch = situation.perpetual.touch if situation.perpetual is not None else None
        if touch is None or not (touch.fresh and touch.two_sided and touch.bid <= touch.ask):
            return ()
        if not touch.ask < math.inf:
            return ()
        managed = [
            intent for chain in situation.chains for intent in self._manage(chain, situation, touch)
        ]
        buying = self._buy(situation) if may_open(situation, self.timetable) else None
        return (*managed, *(() if buying is None else (buying,)))

    # ------------------------------------------------------------------ what is held

    def _manage(self, chain: ChainView, situation: Situation, touch: Touch) -> tuple[Intent, ...]:
        """Close one chain or hedge it; nothing while an order of it works, or it cannot be seen."""
        legs = closing_legs(chain)
        if not legs or any(one.order.chain_id == chain.chain_id for one in situation.orders):
            return ()
        if all(one.instrument.name == self.perpetual for one in chain.positions):
            return (self._close(chain, legs, "its options are gone: the hedge is closed"),)
        held = self._held(chain, legs, situation.board, touch)
        if held is None:
            return ()
        reason = self._due(chain, held, situation.at)
        return (self._close(chain, legs, reason),) if reason else self._hedge(chain, held, touch)

    def _held(
        self, chain: ChainView, legs: tuple[Leg, ...], board: Board, touch: Touch
    ) -> Held | None:
        """Read a chain off board and perpetual; None where a quote or a delta is missing."""
        sold = tuple(leg for leg in legs if leg.instrument != self.perpetual)
        leaving = leave_quote(board, sold)
        if leaving is None:
            return None
        delta, strike = 0.0, 0.0
        for leg in sold:
            row = board.row(leg.instrument)
            if row is None:
                return None
            delta -= leg.ratio * board.delta_at(row)
            strike = float(board.strike[row])
        contracts = hedge = gained = 0.0
        for one in chain.positions:
            if one.instrument.name == self.perpetual:
                price = touch.bid if one.amount > 0 else touch.ask
                contracts, inverse = one.amount, touch.instrument.inverse
                # What an inverse one wins is coin: its value in USD moves by amount / entry.
                hedge = contracts / one.entry_price if inverse else contracts
                gained = result(touch.instrument, one.amount, one.entry_price, price)
        if not math.isfinite(delta + hedge + gained):
            return None
        return Held(leaving.quote, delta * chain.units, contracts, hedge, gained, strike)

    def _due(self, chain: ChainView, held: Held, at: int) -> str | None:
        """Say why the chain should end now: time, gain, loss, or what its hedges have cost."""
        settings, debit = self.settings, chain.entry_net
        worth, fair = -held.quote.touch_net, -held.quote.fair_net
        spent = self._spent(chain)
        left = (chain.expires_at or at) - at
        if left <= 0 or worth < fair * (1 - settings.exit_slippage_max):
            return None
        aside = settings.hedge_cost_share * debit * chain.units
        if spent > aside > 0:
            return f"costs: hedges have cost {spent:.4g} of the {aside:.4g} set aside for them"
        hedged = (held.gained - spent) / chain.units
        return exit_due(worth + hedged, fair + hedged, debit, left, settings)

    def _spent(self, chain: ChainView) -> float:
        """Add up what hedges have realized against us, fees and funding, in settlement currency.

        The fees of the opening are among them, and what a part that was closed lost on its options.
        """
        currency = next(
            one.instrument.settlement_currency
            for one in chain.positions
            if one.instrument.name != self.perpetual
        )
        return -from_atoms(chain.flows.get(currency, 0)) - chain.entry_net * chain.units

    def _hedge(self, chain: ChainView, held: Held, touch: Touch) -> tuple[Intent, ...]:
        """Bring the delta back to zero where it has left the band and that makes sense."""
        delta = held.delta + held.hedge
        if abs(delta) < self.settings.delta_band * chain.units:
            return ()
        sells = delta > 0
        price = touch.bid if sells else touch.ask
        wanted = abs(delta) * _contracts(touch)
        returns = held.hedge * delta > 0
        if returns:
            wanted = min(wanted, abs(held.contracts))
        elif not _locks_in(held.strike, price, touch, sells=sells):
            return ()
        displayed = touch.bid_amount if sells else touch.ask_amount
        amount = _on_lots(min(wanted, displayed), chain, touch)
        if not amount > 0:
            return ()
        hedge = Intent(
            strategy=self.name,
            action="hedge",
            underlying=self.underlying,
            legs=(Leg(self.perpetual, -1 if sells else 1),),
            confidence=_sound(chain.confidence),
            reason=(
                f"delta {delta / chain.units:+.2f} a unit beyond {self.settings.delta_band:g}: "
                f"{'give back' if returns else 'sell' if sells else 'buy'} {amount:g} at {price:g}"
            ),
            chain_id=chain.chain_id,
            amount=amount,
            pricing=Pricing(lifetime=round(self.settings.hedge_minutes * MINUTE)),
        )
        if not returns:
            return (hedge,)
        refused = "the hedge cannot be given back: the chain is closed"
        return hedge, self._close(chain, closing_legs(chain), refused)

    def _close(self, chain: ChainView, legs: tuple[Leg, ...], reason: str) -> Intent:
        """Sell options and hedge in one order, at what is displayed: their prices do not add up."""
        return Intent(
            strategy=self.name,
            action="close",
            underlying=self.underlying,
            legs=legs,
            confidence=_sound(chain.confidence),
            reason=reason,
            chain_id=chain.chain_id,
            pricing=Pricing(lifetime=self.settings.lifetime),
        )

    # ------------------------------------------------------------------ what is bought

    def _buy(self, situation: Situation) -> Intent | None:
        """Buy the straddle where it is cheap against the forecast."""
        settings, board = self.settings, situation.board
        ladder, terms = board.listing.ladder("call"), settings
        expiry = choose_expiry(
            board.at, ladder, terms.target_days, terms.days_tolerance, terms.min_hours_left
        )
        middle = None if expiry is None else at_the_money(board, expiry)
        forecast = forecast_vol(situation.bars, situation.at, settings)
        if middle is None or forecast is None:
            return None
        implied = float(board.mark_iv[list(middle)].mean())
        shape = Shape(middle, (1, 1))
        quote = net_quote(board, shape.legs(board))
        if quote is None or not 0 < implied <= forecast * (1 - settings.vol_edge_min):
            return None
        edge = edge_seen(situation, shape.legs(board), quote, settings)
        if edge is None:
            return None
        return Intent(
            strategy=self.name,
            action="open",
            underlying=self.underlying,
            legs=shape.legs(board),
            confidence=profit_chance(board, shape, quote.touch_net + quote.fee),
            reason=(
                f"implied {implied:.1%} against {forecast:.1%} forecast: buy straddle "
                f"{board.strike[middle[0]]:g}, pay {quote.touch_net:.4g}{edge}"
            ),
            pricing=patient(quote, settings.patience, settings.lifetime),
            stated_max_loss_usd=self.max_loss_usd(quote, board.index),
        )

    def max_loss_usd(self, quote: NetQuote, index: float) -> float:
        """State what one unit can lose: all that is paid, and what is set aside for hedges.

        The gate finds the first part: premium, fees, and the spread once more.
        """
        spread = 2 * (quote.touch_net - quote.mid_net)
        aside = self.settings.hedge_cost_share * quote.touch_net
        return (quote.touch_net + quote.fee + spread + aside) * index

    def parameter_space(self) -> Mapping[str, tuple[float, ...]]:
        """List the values a study may try, around the present ones."""
        one = self.settings
        return {
            "delta_band": grid_around(one.delta_band, 0.05, 0.02, 1.0),
            "vol_edge_min": grid_around(one.vol_edge_min, 0.05, -0.5, 0.9),
            "target_days": grid_around(one.target_days, 1, one.min_hours_left / 24, 60),
        }

    def sketch(self, index: float, iv: float, at: int) -> tuple[SketchLeg, ...]:
        """Draw the straddle it would typically buy."""
        days = self.settings.target_days
        return sketch_sides(self.underlying, 1, index=index, iv=iv, at=at, days=days)


def _contracts(touch: Touch) -> float:
    """Tell how much of the perpetual hedges one coin: USD of it where it is inverse."""
    return (touch.bid + touch.ask) / 2 if touch.instrument.inverse else 1.0


def _on_lots(amount: float, chain: ChainView, touch: Touch) -> float:
    """Round a hedge down to as many contracts for each lot of the options: then chain and hedge can
    be closed together in parts, as far as what is displayed reaches.
    """
    options = [one.instrument for one in chain.positions if one.instrument.kind == "option"]
    lots = round(chain.units / options[0].min_trade_amount)
    step = max(lots, 1) * touch.instrument.min_trade_amount
    return round(math.floor(amount / step + 1e-6) * step, 8)


def _locks_in(strike: float, price: float, touch: Touch, *, sells: bool) -> bool:
    """Whether a hedge at a price lies further from the strike than its fees and spread take."""
    gained = price - strike if sells else strike - price
    return gained > 2 * touch.instrument.taker_fee_rate * price + touch.ask - touch.bid


def _sound(confidence: float) -> float:
    return min(max(confidence, 0.0), 1.0) if math.isfinite(confidence) else 0.0
