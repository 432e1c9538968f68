"""How does a wish become a trade? Intent -> Approved | Refused -> Order -> Filled.

The order of trust is in the types: only the risk gate makes an `Approved`, and the paper broker
accepts nothing else.
"""

from __future__ import annotations

import math
from typing import Literal

import msgspec

Stage = Literal["RESEARCH", "PILOT", "PRODUCTION"]
Action = Literal["open", "close", "roll", "hedge", "add", "protect", "quote", "withdraw"]
Delivery = Literal["cash", "spot"]
FactorName = Literal["kelly", "agreement", "regime", "drawdown", "correlation", "behavior", "stage"]
Rule = Literal[
    "per_trade_risk",
    "underlying_risk",
    "daily_trades",
    "open_positions",
    "margin",
    "maintenance_margin",
    "daily_loss_halt",
    "drawdown_halt",
    "paused",
    "stale_quotes",
    "no_two_sided_quote",
    "below_minimum_size",
    "below_half_size",
    "coverage",
    "undefined_risk",
    "understated_risk",
    "roll_increases_risk",
    "hedge_increases_risk",
    "chain_unknown",
    "invalid_intent",
    "already_working",
    "demoted",
    "paused_by_behavior",
    "inventory",
    "no_value",
    "min_confidence",
    "position_size",
    "stop_distance",
    "regime",
    "universe",
    "delta_limit",
    "gamma_limit",
    "vega_limit",
    "ranking_or_filter",
    "score_floor",
    "max_positions",
    "existing_same_sleeve_symbol",
    "existing_symbol",
    "strategy_position_cap",
    "cooldown",
    "correlation_gate",
    "invalid_risk",
    "strategy_notional_budget",
    "strategy_risk_budget",
    "portfolio_risk_budget",
    "gross_exposure",
]
"""What refuses: rules of the gate, then those a strategy holds itself to."""


class Leg(msgspec.Struct, frozen=True):
    """One contract of a structure; `ratio` is signed: +1 buys, -1 sells one unit per amount."""

    instrument: str
    ratio: float

    def __post_init__(self) -> None:
        if self.ratio == 0 or not math.isfinite(self.ratio):
            raise ValueError(f"leg {self.instrument}: ratio {self.ratio!r} trades nothing")


class Pricing(msgspec.Struct, frozen=True):
    """How an order asks for its price.

    Net price = sum of ratio * price, per unit, in settlement currency: positive pays, negative
    receives. Until `patience` (nanoseconds) has passed the order rests at `limit_net`, then it
    accepts up to `worst_net`; after `lifetime` it ends. A limit of None means the touch at the
    moment of approval for an open, any displayed price for a close; a worst of None means that
    patience changes nothing. Prices are finite: a NaN would read back from the journal as None,
    which takes any price.
    """

    limit_net: float | None = None
    worst_net: float | None = None
    patience: int = 0
    lifetime: int = 3_600_000_000_000

    def __post_init__(self) -> None:
        for field, price in (("limit_net", self.limit_net), ("worst_net", self.worst_net)):
            if price is not None and not math.isfinite(price):
                raise ValueError(f"{field} {price!r} must be a finite number or None")
        for field, span in (("patience", self.patience), ("lifetime", self.lifetime)):
            if span < 0:
                raise ValueError(f"{field} {span!r} ns must not be negative")


class Stop(msgspec.Struct, frozen=True):
    """Where a position on a perpetual is given up: once the side it would leave at trades there.

    `price` in USD of the perpetual's price; `gap`, in USD, is how much further it may have moved
    before we are out: one average true range. Both stand in the journal, so they are finite.
    """

    price: float
    gap: float

    def __post_init__(self) -> None:
        if not 0 < self.price < math.inf:
            raise ValueError(f"stop price {self.price!r} must be a positive number")
        if not 0 <= self.gap < math.inf:
            raise ValueError(f"stop gap {self.gap!r} must be zero or a positive number")


class Withheld(msgspec.Struct, frozen=True):
    """Why a strategy does not trade a signal it has: its own rule, in the unit that counts in."""

    rule: Rule
    limit: float = 0.0
    used: float = 0.0
    requested: float = 0.0

    def __post_init__(self) -> None:
        for field in ("limit", "used", "requested"):
            if not math.isfinite(getattr(self, field)):
                raise ValueError(f"{field} {getattr(self, field)!r} must be a finite number")


class Quoting(msgspec.Struct, frozen=True):
    """What a session of quotes is opened with: how long after each fill, in nanoseconds, the middle
    of the market is held against its price.
    """

    follow_after: int

    def __post_init__(self) -> None:
        if self.follow_after <= 0:
            raise ValueError(f"follow_after {self.follow_after!r} ns must be positive")


class Intent(msgspec.Struct, frozen=True, kw_only=True):
    """What a strategy wants. Opens name their legs; sizes are the gate's business.

    `amount` caps the size in units (None: as large as allowed); `confidence` is the estimated
    probability of profit; `stated_max_loss_usd` may exceed the gate's own number, never undercut.
    A roll gives the new legs in `legs` and the chain whose options it replaces in `chain_id`.
    `delivery` "spot" asks that what settles in the money against us moves coin at the delivery
    price: a short put buys it, a short call sells it. It holds for the whole chain.
    What opens or enlarges a perpetual states its `stop`; "protect" moves the stop of a chain nearer
    and trades nothing. A close with an `amount` gives up that part. `tag` is a strategy's own word
    for a chain, which is shown to it again. What is `withheld` is no wish but is kept with the
    verdicts: a signal that a rule of the strategy's own kept from being traded.
    An "open" that is `quoting` trades nothing itself: it opens a session on its one leg, whose
    `amount` is the most that may be held on either side. "quote" rests one order of that session,
    instead of what rests on the same side; "withdraw" ends the quoting for good.
    """

    strategy: str
    action: Action
    underlying: str
    legs: tuple[Leg, ...]
    confidence: float
    reason: str
    chain_id: str | None = None
    amount: float | None = None
    pricing: Pricing = Pricing()
    stated_max_loss_usd: float | None = None
    delivery: Delivery = "cash"
    stop: Stop | None = None
    tag: str = ""
    withheld: Withheld | None = None
    quoting: Quoting | None = None

    def __post_init__(self) -> None:
        if not 0.0 <= self.confidence <= 1.0:
            raise ValueError(f"confidence {self.confidence!r} must lie in [0, 1]")
        if self.amount is not None and not (math.isfinite(self.amount) and self.amount > 0):
            raise ValueError(f"amount {self.amount!r} must be a positive number or None")
        if self.action != "open" and self.chain_id is None:
            raise ValueError(f"action {self.action!r} needs the chain_id it acts on")
        if self.action == "protect" and self.stop is None:
            raise ValueError("action 'protect' needs the stop it moves to")
        priced = self.amount is not None and self.pricing.limit_net is not None
        if self.action == "quote" and not priced and self.withheld is None:
            raise ValueError("action 'quote' needs an amount and a limit_net to rest at")
        if self.quoting is not None and self.action != "open":
            raise ValueError(f"action {self.action!r} opens no session: quoting is for 'open'")


class MaxLoss(msgspec.Struct, frozen=True):
    """The worst result of a structure over the stressed range, per the whole amount.

    `usd` and `coin` are losses (positive) in USD and in the underlying; `share` is the worse of
    usd / equity and coin / (equity / index). `stress_low`/`stress_high` are the spots searched.
    """

    usd: float
    coin: float
    share: float
    stress_low: float
    stress_high: float


class Consumer(msgspec.Struct, frozen=True):
    """An open position or a working order that uses part of a limit.

    `id` is the chain's id; `share` a fraction of today's equity; `frees_at` when it ends at the
    latest (expiry, or the order's end), None where nobody knows.
    """

    id: str
    kind: Literal["position", "order"]
    strategy: str
    underlying: str
    share: float
    frees_at: int | None = None


class LimitUse(msgspec.Struct, frozen=True):
    """One limit as the gate saw it, in the unit the rule counts in."""

    rule: Rule
    limit: float
    used: float
    requested: float


class Reservation(msgspec.Struct, frozen=True):
    """What an approval holds until it became a position or was released.

    `usd`/`coin` are the max loss of the whole approved amount; `slot` whether a daily slot is held.
    """

    id: str
    usd: float
    coin: float
    slot: bool


class TypeLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What suits a type of trader: a position as a fraction of equity, a confidence, new trades a
    day, and the distances of a stop and of a target in average true ranges."""

    position_max: float
    confidence_min: float
    trades_per_day_max: int
    stop_atr_max: float
    target_atr_max: float


class Restraint(msgspec.Struct, frozen=True, kw_only=True):
    """How far the behavior of a strategy, and of its account, holds its new risk back, and why.

    `multiplier` in (0, 1] scales what opens or adds; nothing is opened while `paused_until` (None:
    no alert paused it) lies ahead. `profile` tells the type of trader, `limits` what is asked of
    it, None where nothing is. What closes, hedges or rolls without adding risk shows all this and
    is not held back.
    """

    multiplier: float = 1.0
    reason: str = ""
    paused_until: int | None = None
    paused: str = ""
    profile: str = ""
    limits: TypeLimits | None = None


class SizeFactor(msgspec.Struct, frozen=True):
    """One reason to trade less than the limits allow: a factor in [0, 1], and why it is that."""

    name: FactorName
    factor: float
    reason: str


class Approved(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The gate let it pass: `amount` units, no more. Only `trader.risk` may construct one.

    `restraint` is what the behavior layer said, None where it is off.
    `regime` is that of the market when it was asked, with its reason; "" where none was told.
    `selection` tells of an opening which families the market regime allowed; "" where none asked.
    `sizing` lists what the size was multiplied by; nothing where no size was asked for.
    """

    verdict_id: str
    account: str
    intent: Intent
    stage: Stage
    amount: float
    chain_id: str
    max_loss: MaxLoss
    reservation: Reservation
    limits: tuple[LimitUse, ...] = ()
    data_quality: tuple[str, ...] = ()
    restraint: Restraint | None = None
    regime: str = ""
    selection: str = ""
    sizing: tuple[SizeFactor, ...] = ()


class Refused(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The gate said no, and why: rule, limit, used, requested, who consumes it, when it frees.

    `allowed` is the amount that would have fitted (0 where none), `equity_needed_usd` what one lot
    would need where size was the problem. `regime`, `selection` and `sizing` are as in `Approved`.
    """

    verdict_id: str
    account: str
    intent: Intent
    stage: Stage
    rule: Rule
    limit: float
    used: float
    requested: float
    explanation: str
    allowed: float = 0.0
    consumers: tuple[Consumer, ...] = ()
    frees_at: int | None = None
    equity_needed_usd: float | None = None
    limits: tuple[LimitUse, ...] = ()
    data_quality: tuple[str, ...] = ()
    restraint: Restraint | None = None
    regime: str = ""
    selection: str = ""
    sizing: tuple[SizeFactor, ...] = ()


Verdict = Approved | Refused


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What the paper broker works on: made from one `Approved`, never from anything else.

    `limit_net` None takes any displayed price (a market order: closes only); after `patient_until`
    the order accepts `worst_net`, where there is one. `live_at` is approval plus latency: no fill
    before.
    """

    order_id: str
    account: str
    verdict_id: str
    strategy: str
    underlying: str
    chain_id: str
    action: Action
    legs: tuple[Leg, ...]
    amount: float
    limit_net: float | None
    worst_net: float | None
    live_at: int
    patient_until: int
    expires_at: int
    placed_at: int


class LegFill(msgspec.Struct, frozen=True):
    """One leg of a fill: signed amount, price per unit, fee in atoms of `currency`.

    `touch` is the displayed price it met: a resting order fills at its own limit instead.
    """

    instrument: str
    amount: float
    price: float
    touch: float
    index: float
    fee_atoms: int
    currency: str
    maker: bool
