"""What must never be forgotten? The facts the journal keeps; folding them is recovery.

Each fact is recorded with the sequence and market time of the event that caused it. Money moves by
`postings` that sum to zero per currency, in whole atoms.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from trader.domain.events import Command, NightEvaluated, StageChanged
from trader.domain.instruments import Instrument
from trader.domain.models import EdgesWeighed, ModelCalibrated, RegimeChanged, WeightsAdopted
from trader.domain.trading import Approved, LegFill, Order, Refused

MAIN_ACCOUNT = "main"
SHADOW_PREFIX = "shadow:"

BookSide = Literal[
    "cash", "premium", "fees", "settlement", "spot", "funding", "realized", "equity"
]  # fmt: skip
OrderEnd = Literal["filled", "expired", "canceled", "flattened", "demoted", "leg_expired"]


class Posting(msgspec.Struct, frozen=True):
    """One side of a double entry: atoms added to a book of an account in one currency."""

    book: BookSide
    currency: str
    atoms: int


class EpochOpened(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """The daemon started: which market, clock, software and configuration hold from here on.

    A market of sparse recorded quotes states when they are stale (`staleness_s`, market seconds),
    and whether its displayed sizes are assumed: nobody ever showed them. `behavior` says whether
    the behavior layer holds risk back, `sizing` whether record, models, market and correlation
    shrink sizes and the book's Greeks are limited.
    """

    epoch: int
    feed: str
    speed: float
    market: str
    software: str
    configuration_hash: str
    staleness_s: float | None = None
    assumed_sizes: bool = False
    behavior: bool = False
    sizing: bool = False


class AccountOpened(msgspec.Struct, frozen=True, tag=True):
    """An account exists with these starting balances (atoms by currency)."""

    account: str
    balances: dict[str, int]


class OrderPlaced(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """The paper broker accepted an approval; the contracts stand here so recovery needs no feed."""

    order: Order
    instruments: tuple[Instrument, ...]
    equity_usd: float
    index: float


class OrderEnded(msgspec.Struct, frozen=True, tag=True):
    """An order works no longer; what it had not filled is released."""

    order_id: str
    account: str
    end: OrderEnd
    detail: str = ""


class Filled(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """An order (part) traded: all legs at once, `amount` units.

    With `assumed_size` the size it met was assumed by a replay, not displayed by anybody.
    """

    fill_id: str
    order_id: str
    account: str
    strategy: str
    chain_id: str
    amount: float
    legs: tuple[LegFill, ...]
    postings: tuple[Posting, ...]
    assumed_size: bool = False


class SessionOpened(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """A session of quotes began: one trade, whose fills are to come. The contract stands here so
    recovery needs no feed.
    """

    account: str
    strategy: str
    chain_id: str
    verdict_id: str
    instrument: Instrument
    equity_usd: float
    index: float


class SessionWithdrawn(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """A session quotes no more; what it holds is worked down, then it ends."""

    account: str
    strategy: str
    chain_id: str
    reason: str


class FillFollowed(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Where the market was some time after a quote had filled: what those knew who traded with us.

    `amount` is signed, `mid` the middle of the market `after` nanoseconds later, None where it
    showed none. Prices are in `currency` per unit.
    """

    account: str
    strategy: str
    chain_id: str
    fill_id: str
    instrument: str
    currency: str
    amount: float
    price: float
    mid: float | None
    after: int

    @property
    def drift(self) -> float:
        """What the market moved in our favor, in settlement currency; 0 where nobody saw it."""
        return 0.0 if self.mid is None else self.amount * (self.mid - self.price)


class FundingPaid(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Funding of a perpetual leg over an interval, received (positive) or paid."""

    account: str
    chain_id: str
    instrument: str
    rate_8h: float
    from_at: int
    to_at: int
    postings: tuple[Posting, ...]


class SettlementPending(msgspec.Struct, frozen=True, tag=True):
    """Contracts we hold expired and no delivery price is known: nothing is booked on a guess."""

    account: str
    underlying: str
    expires_at: int
    instruments: tuple[str, ...]


class LegSettlement(msgspec.Struct, frozen=True):
    """One leg at its end: signed amount, payoff per unit, what it paid us and its fee in atoms."""

    chain_id: str
    instrument: str
    amount: float
    payoff: float
    paid_atoms: int
    fee_atoms: int
    currency: str


class SpotDelivery(msgspec.Struct, frozen=True):
    """Coin that an assignment moved at the delivery price: bought (positive amount) or sold.

    `paid_atoms` is what it paid us (negative: cost), before its fee, in `currency`.
    """

    chain_id: str
    instrument: Instrument
    amount: float
    price: float
    paid_atoms: int
    fee_atoms: int
    currency: str


class Settled(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Every leg of one expiry settled at one delivery price, with the coin that moved for it."""

    account: str
    underlying: str
    expires_at: int
    delivery_price: float
    legs: tuple[LegSettlement, ...]
    postings: tuple[Posting, ...]
    spot: tuple[SpotDelivery, ...] = ()


class ChainEnded(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """A chain is flat: its one result. `pnl_pct` = coin flows / (equity / index at first open)."""

    account: str
    strategy: str
    chain_id: str
    underlying: str
    opened_at: int
    pnl: dict[str, int]
    pnl_usd: float
    pnl_pct: float
    how: Literal["closed", "settled"]


class BehaviorAlert(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong with how trades were made; `reason` says why it is so severe.

    `fresh` tells what this judgment found from what stood before it.
    """

    type: str
    severity: Literal["INFO", "HIGH", "CRITICAL"]
    multiplier: float
    message: str
    recommendation: str
    reason: str
    fresh: bool = True


class BehaviorJudged(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """A chain that opened or ended showed something new in how a strategy behaves, or (`strategy`
    None) the account as a whole.

    New risk is scaled by `multiplier` from here on (until now it was by `before`); what is missing
    to 1 halves every `half_life` nanoseconds. `suppressed` are alerts that trades seen one by one
    would raise, and why they are none.
    """

    account: str
    strategy: str | None
    chain_id: str
    cause: Literal["opened", "ended"]
    status: Literal["normal", "warning", "critical"]
    alerts: tuple[BehaviorAlert, ...]
    before: float
    multiplier: float
    half_life: int
    paused_until: int | None = None
    suppressed: tuple[tuple[str, str], ...] = ()


class AccountMarked(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Equity and trading result of an account at the top of a market hour.

    `trading_pnl_usd` is against holding the starting balances; `stale` names marks not to trust;
    `data_quality` scores the channels of the market, 0 to 1.
    """

    account: str
    equity_usd: float
    trading_pnl_usd: float
    indices: dict[str, float]
    stale: tuple[str, ...] = ()
    data_quality: dict[str, float] = {}


class HaltChanged(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """A halt of opening began or ended."""

    account: str
    rule: Literal["daily_loss_halt", "drawdown_halt", "maintenance_margin"]
    active: bool
    limit: float
    used: float
    detail: str


class CommandTaken(msgspec.Struct, frozen=True, tag=True):
    """A person's command, as it was given."""

    command: Command


class AlertRaised(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Something a person should see; bounded text, never an exception."""

    kind: str
    severity: Literal["info", "warning", "critical"]
    text: str
    strategy: str | None = None
    instrument: str | None = None


Fact = (
    EpochOpened
    | AccountOpened
    | Approved
    | Refused
    | OrderPlaced
    | OrderEnded
    | Filled
    | SessionOpened
    | SessionWithdrawn
    | FillFollowed
    | FundingPaid
    | SettlementPending
    | Settled
    | ChainEnded
    | AccountMarked
    | HaltChanged
    | BehaviorJudged
    | StageChanged
    | NightEvaluated
    | RegimeChanged
    | ModelCalibrated
    | WeightsAdopted
    | EdgesWeighed
    | CommandTaken
    | AlertRaised
)


class Recorded(msgspec.Struct, frozen=True):
    """One fact with the sequence and market time of the event that caused it."""

    sequence: int
    at: int
    fact: Fact
