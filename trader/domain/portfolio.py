"""What do we hold? Chains and their legs, as strategies, the gate and people see them."""

from __future__ import annotations

from typing import Literal

import msgspec

from trader.domain.instruments import Instrument
from trader.domain.trading import Delivery, Order, Stop

ChainState = Literal["working", "open", "pending_settlement", "ended"]


class Position(msgspec.Struct, frozen=True):
    """A signed holding of one instrument within one chain, with its average entry price."""

    chain_id: str
    instrument: Instrument
    amount: float
    entry_price: float
    pending: bool = False


class Course(msgspec.Struct, frozen=True, kw_only=True):
    """How a chain on a perpetual went so far: what its rules of stop, target and size count from.

    `stop` is where it stands now, `first_stop` the price it had at the open; `entry_price` and
    `units` are of the fills that opened it, `top_price` the dearest price it ever bought at.
    `adds` counts orders that enlarged it, `reduced` what was given up since, in units.
    """

    tag: str
    stop: Stop
    first_stop: float
    entry_price: float = 0.0
    units: float = 0.0
    top_price: float = 0.0
    adds: int = 0
    reduced: float = 0.0


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A session of quotes on one instrument: how much it may hold, and how it went so far.

    `inventory_max` is the most it may hold on either side, `follow_after` how long after a fill
    its price is held against the market (ns). `withdrawn` says why it quotes no more, "" while it
    does. `bought` and `sold` count units, `fills` the trades; of these `followed` units were
    looked at later: the market had moved by `drift` in our favor then, in settlement currency
    (what is adverse is negative).
    """

    instrument: Instrument
    inventory_max: float
    follow_after: int
    withdrawn: str = ""
    fills: int = 0
    bought: float = 0.0
    sold: float = 0.0
    followed: float = 0.0
    drift: float = 0.0

    @property
    def quotes(self) -> bool:
        """Whether it may still quote."""
        return not self.withdrawn


class ChainView(msgspec.Struct, frozen=True, kw_only=True):
    """One structure from its first approval to its end.

    `units` is the filled size still open, in units of the opening legs. `entry_net` is the average
    net price per unit at which it was opened (negative: a credit), perpetuals that hedge options
    left out. `max_loss_usd`/`max_loss_coin`
    are for what is open now; `flows` every atom that moved so far, by currency; `rolls` how often
    it was rolled. `delivery` says whether a settlement in the money moves coin ("spot"). `course`
    is that of a chain with a stop, `session` that of one which quotes: its units are what it holds,
    its max loss that of the most it may hold, until it has ended.
    """

    chain_id: str
    account: str
    strategy: str
    underlying: str
    state: ChainState
    approved_at: int
    opened_at: int | None
    units: float
    entry_net: float
    index_at_open: float
    equity_at_open_usd: float
    positions: tuple[Position, ...]
    flows: dict[str, int]
    max_loss_usd: float
    max_loss_coin: float
    expires_at: int | None
    confidence: float
    reason: str
    rolls: int = 0
    delivery: Delivery = "cash"
    course: Course | None = None
    session: Session | None = None


class WorkingOrder(msgspec.Struct, frozen=True):
    """An order that can still trade: what it asked for and how much of it is done."""

    order: Order
    filled: float

    @property
    def remaining(self) -> float:
        """Units not yet filled."""
        return max(round(self.order.amount - self.filled, 8), 0.0)
