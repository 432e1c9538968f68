"""When is a short option rolled, and into which? The rules of roll chains, each with its name.

A roll buys the held option back and sells a later one in one order. It is due on captured credit,
on the days left, on |delta| or on what little time value is left (decisions, 8); it is made only
for a net credit after fees, or for as much debit as is allowed.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, Literal

import msgspec
import numpy as np
import pydantic
from pydantic import Field

from trader.domain.trading import Leg
from trader.domain.units import DAY, HOUR, from_atoms
from trader.strategies.short_premium import SaleSettings, worth_selling
from trader.strategies.structure import (
    choose_by_delta,
    choose_expiry,
    net_quote,
    tradable,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trader.domain.instruments import Instrument, OptionType
    from trader.domain.market import Board, Ints
    from trader.domain.portfolio import ChainView
    from trader.strategies.structure import NetQuote

Trigger = Literal["delta", "time", "captured", "extrinsic"]
LegFault = Literal["leg_unlisted", "leg_stale", "leg_one_sided", "leg_no_delta"]
NoTarget = Literal["days_cap", "no_later_expiry", "target_unquoted", "target_no_delta", "no_credit"]

WAITED_FOR: Final = ("no_later_expiry", "target_unquoted", "target_no_delta")
"""What a later board may bring; the rest is known now."""


class RollChainSettings(SaleSettings):
    """Parameters of roll chains: what to sell, when to roll it, and how far a chain may go."""

    option_type: Literal["call", "put"] = Field(
        default="call", description="What is sold: call (covered by coins) or put."
    )
    min_hours_left: float = Field(
        default=48.0, ge=1, le=24 * 90, description="Expiries nearer than this are skipped."
    )
    roll_captured: float = Field(
        default=0.8, gt=0, lt=1, description="Roll once this share of the leg's credit is won."
    )
    roll_days: float = Field(
        default=1.0, ge=0, le=90, description="Roll with this many days or fewer left; 0 never."
    )
    roll_delta: float = Field(
        default=0.45,
        gt=0.02,
        le=1,
        description="Roll further out of the money at this |delta|; 1 never.",
    )
    roll_extrinsic_multiple: float = Field(
        default=2.0,
        ge=0,
        le=100,
        description="Roll once the time value is below this many round trips of cost; 0 never.",
    )
    roll_days_max: float = Field(
        default=21.0, gt=0, le=365, description="Furthest expiry to roll into, days from now."
    )
    debit_max: float = Field(
        default=0.0,
        ge=0,
        le=10,
        description="Most a roll may pay after fees, in credits of its leg; 0: net credit only.",
    )
    rolls_max: int = Field(
        default=6, ge=0, le=1000, description="Rolls of one chain; then it is closed instead."
    )
    total_days_max: float = Field(
        default=60.0, gt=0, le=3650, description="Days from first open to the last expiry."
    )
    total_risk_max: float = Field(
        default=0.03,
        gt=0,
        le=1,
        description="Largest sum of realized losses and max losses of its chains, of equity.",
    )
    chains_max: int = Field(default=1, ge=1, le=100, description="Chains held at once.")
    equity_share: float = Field(
        default=0.02,
        ge=0,
        le=1,
        description="Size in units over equity in coin, to leave room for rolls; 0: the gate's.",
    )

    @pydantic.model_validator(mode="after")
    def _rolls_make_sense(self) -> RollChainSettings:
        if self.roll_delta <= self.target_delta:
            raise ValueError(
                f"roll_delta {self.roll_delta:g} must be above target_delta "
                f"{self.target_delta:g}: a sale would be rolled at once"
            )
        if self.roll_days * 24 >= self.min_hours_left:
            raise ValueError(
                f"roll_days {self.roll_days:g} must be below min_hours_left "
                f"{self.min_hours_left:g} (hours): a sale would be rolled at once"
            )
        if self.roll_days_max < self.target_days:
            raise ValueError(
                f"roll_days_max {self.roll_days_max:g} must not be below target_days "
                f"{self.target_days:g}: no roll could reach its target"
            )
        if self.total_days_max < self.target_days:
            raise ValueError(
                f"total_days_max {self.total_days_max:g} must not be below target_days "
                f"{self.target_days:g}: no chain could hold its first leg"
            )
        return self


class HeldLeg(msgspec.Struct, frozen=True):
    """The one short option of a chain as the board shows it, per unit in settlement currency.

    `credit` is what it was sold for, `round_trip` what leaving it and coming back costs.
    """

    instrument: Instrument
    buy_back: Leg
    quote: NetQuote
    credit: float
    delta: float
    left: int
    time_value: float
    round_trip: float

    @property
    def captured(self) -> float:
        """The share of the credit that is won at the displayed ask; NaN without a credit."""
        return 1 - self.quote.touch_net / self.credit if self.credit > 0 else math.nan


class Target(msgspec.Struct, frozen=True):
    """What to roll into: the new leg, and what the whole order costs now, fees beside it."""

    leg: Leg
    quote: NetQuote
    delta: float
    expires_at: int

    @property
    def credit(self) -> float:
        """What is received after all fees (negative: paid), per unit."""
        return -self.quote.touch_net - self.quote.fee


def read_leg(
    board: Board, chain: ChainView, buy_back: Leg, credit: float | None = None
) -> HeldLeg | LegFault:
    """Read the held leg off the board, or name what its quote lacks.

    `credit` is what it was sold for where the chain holds more than this leg.
    """
    row = board.row(buy_back.instrument)
    if row is None:
        return "leg_unlisted"
    if not board.fresh[row]:
        return "leg_stale"
    delta, forward = board.delta_at(row), float(board.underlying_price[row])
    if not (abs(delta) <= 1 and 0 < forward < math.inf):
        return "leg_no_delta"
    quote = net_quote(board, (buy_back,))
    if quote is None:
        return "leg_one_sided"
    instrument = board.instruments[row]
    return HeldLeg(
        instrument=instrument,
        buy_back=buy_back,
        quote=quote,
        credit=-chain.entry_net if credit is None else credit,
        delta=delta,
        left=(instrument.expires_at or board.at) - board.at,
        time_value=quote.fair_net - _intrinsic(instrument, forward),
        round_trip=2 * (quote.fee + quote.touch_net - quote.mid_net),
    )


def _intrinsic(instrument: Instrument, forward: float) -> float:
    """Value an option as if it expired at its forward, in settlement currency."""
    moneyness = 1 - (instrument.strike or 0.0) / forward
    unit = 1.0 if instrument.inverse else forward
    return unit * max(moneyness if instrument.option_type == "call" else -moneyness, 0.0)


def roll_due(held: HeldLeg, settings: RollChainSettings) -> tuple[Trigger, str] | None:
    """Tell why the leg should be rolled now, the most pressing reason first; None where it rests.

    A |delta| is that of a call or a put alike; a share captured counts at the displayed ask.
    """
    days = held.left / DAY
    if abs(held.delta) >= settings.roll_delta and settings.roll_delta < 1:
        return "delta", f"|delta| {abs(held.delta):.2f} of at most {settings.roll_delta:g}"
    if settings.roll_days > 0 and days <= settings.roll_days:
        return "time", f"{days:.1f} days left of at least {settings.roll_days:g}"
    if held.captured >= settings.roll_captured:
        return "captured", f"{held.captured:.0%} of {held.credit:.4g} won"
    if held.time_value < settings.roll_extrinsic_multiple * held.round_trip:
        trips = f"{settings.roll_extrinsic_multiple:g} round trips of {held.round_trip:.2g}"
        return "extrinsic", f"time value {held.time_value:.2g} below {trips}"
    return None


def find_target(
    board: Board, held: HeldLeg, trigger: Trigger, opened_at: int, settings: RollChainSettings
) -> Target | NoTarget:
    """Find what to roll into, or name why there is nothing.

    The usual target is that of a first sale, from a later expiry: the one nearest to the target
    days, then the nearest delta. A leg in danger (on |delta|, and on time where the usual target
    does not pay) moves to the nearest later expiry whose furthest strike out of the money still
    pays: up and out for calls, down and out for puts.
    """
    kind: OptionType = held.instrument.option_type or settings.option_type
    ladder = board.listing.ladder(kind, inverse=held.instrument.inverse)
    nearest, furthest = settings.min_hours_left * HOUR, settings.roll_days_max * DAY
    held_until = held.instrument.expires_at or board.at
    later = [one for one in ladder if one > held_until and nearest <= one - board.at <= furthest]
    if not later:
        return "no_later_expiry"
    allowed = [one for one in later if one - opened_at <= settings.total_days_max * DAY]
    if not allowed:
        return "days_cap"
    quoted = {one: ladder[one][tradable(board, ladder[one])] for one in allowed}
    usable = {one: rows for one, rows in quoted.items() if len(rows)}
    if not usable:
        return "target_unquoted"
    usual = None if trigger == "delta" else _usual(board, usable, settings)
    found = None if usual is None else _offer(board, held, usual, settings)
    if found is None and trigger in ("delta", "time"):
        found = _further(board, held, usable, settings)
    elif usual is None:
        return "target_no_delta"
    return found or "no_credit"


def _usual(board: Board, usable: Mapping[int, Ints], settings: RollChainSettings) -> int | None:
    """Choose the row a first sale would take, of the later expiry nearest to the target days."""
    expiry = choose_expiry(
        board.at, usable, settings.target_days, settings.roll_days_max, settings.min_hours_left
    )
    if expiry is None:
        return None
    rows = usable[expiry]
    return choose_by_delta(board, rows, settings.target_delta, settings.delta_tolerance)


def _further(
    board: Board, held: HeldLeg, usable: Mapping[int, Ints], settings: RollChainSettings
) -> Target | None:
    """Choose the nearest expiry, and in it the smallest |delta|, that pays for the roll."""
    strike = held.instrument.strike or 0.0
    call = held.instrument.option_type == "call"
    bid_min = held.quote.touch_net - _debit_max(held, settings)
    for rows in usable.values():
        outside = board.strike[rows] > strike if call else board.strike[rows] < strike
        size = np.abs(board.delta_of(rows))
        fitting = outside & (size < settings.roll_delta) & (board.bid[rows] >= bid_min)
        for row in rows[fitting][np.argsort(size[fitting], kind="stable")].tolist():
            found = _offer(board, held, row, settings)
            if found is not None:
                return found
    return None


def _offer(board: Board, held: HeldLeg, row: int, settings: RollChainSettings) -> Target | None:
    """Price rolling into one row; None where it is not worth it, or costs more than allowed."""
    leg = Leg(board.instruments[row].name, -1)
    alone = net_quote(board, (leg,))
    whole = net_quote(board, (held.buy_back, leg))
    if alone is None or whole is None or not worth_selling(alone, settings):
        return None
    target = Target(leg, whole, board.delta_at(row), int(board.expires_at[row]))
    return target if target.credit >= -_debit_max(held, settings) - 1e-12 else None


def _debit_max(held: HeldLeg, settings: RollChainSettings) -> float:
    return settings.debit_max * max(held.credit, 0.0)


def total_risk(chain: ChainView, index: float) -> float:
    """Add what a chain lost on the legs it left to the max loss of what it holds, USD, >= 0.

    What it won on them counts against it. NaN where a number is missing.
    """
    currency = next((one.instrument.settlement_currency for one in chain.positions), "")
    flows = from_atoms(chain.flows.get(currency, 0))
    before = flows + chain.entry_net * chain.units  # without the credit of the leg it holds
    rate = index if currency == chain.underlying else 1.0
    risk = chain.max_loss_usd - before * rate
    return max(risk, 0.0) if math.isfinite(risk) else math.nan
