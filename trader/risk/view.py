"""What does the gate look at? One account at one instant, as the engine hands it over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

from trader.domain.portfolio import ChainView, WorkingOrder
from trader.domain.trading import Consumer, Restraint, Stage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trader.domain.market import Bars, Touch
    from trader.domain.models import Observation, Worth
    from trader.risk.greeks import Book


class Circumstances(Protocol):
    """What a size and the book's Greeks rest on, beside the account: looked up when it is asked."""

    def results(self) -> Sequence[float]:
        """List what closed chains of the strategy earned, in multiples of what each could lose."""

    def worth(self) -> Worth | None:
        """Tell what the models make of the structure; None where nobody asked them."""

    def seen(self) -> Observation:
        """Tell the market regime of the underlying."""

    def bars(self, underlying: str) -> Bars:
        """Show the closed hours of an index."""

    def book(self) -> Book:
        """Show what leans on the underlying, positions and working orders."""


class GateView(msgspec.Struct, frozen=True, kw_only=True):
    """All numbers one judgement needs, derived from ledger and market at `at`.

    `index` is that of the intent's underlying; `touches` holds every instrument of the intent's
    legs and of the chain's open legs. `consumers` are all open positions and working orders of the
    account with shares of *today's* equity; `slots_used` today's trades of this strategy that hold
    a slot; `open_chains` its chains, working opens included. `free_coins` are coins and dollars not
    promised to short calls, nor to the coin that puts may deliver. Margins are by currency, before
    the order, open orders included; `margin_balance` is cash and futures PnL, without the value of
    long options. PnL is trading PnL against holding. `restraint` says what behavior leaves of new
    risk and asks besides (None: nothing), `circumstances` what else sizes rest on (None: stage and
    behavior alone shrink them, and nothing limits the book's Greeks).
    `regime` is that of the market with its reason, which a verdict states.
    `selected` says whether the market regime lets this kind of strategy open, `selection` why.
    """

    at: int
    account: str
    stage: Stage
    equity_usd: float
    index: float
    touches: Mapping[str, Touch]
    consumers: tuple[Consumer, ...]
    slots_used: tuple[Consumer, ...]
    open_chains: int
    chain: ChainView | None
    free_coins: Mapping[str, float]
    margin_balance: Mapping[str, float]
    initial_margin: Mapping[str, float]
    maintenance_margin: Mapping[str, float]
    trading_pnl_usd: float
    day_open_pnl_usd: float
    peak_pnl_usd: float
    paused: str | None
    working: tuple[WorkingOrder, ...]
    data_quality: tuple[str, ...] = ()
    restraint: Restraint | None = None
    regime: str = ""
    selected: bool = True
    selection: str = ""
    circumstances: Circumstances | None = None
