"""What may a strategy see when it is asked? A read-only view of one instant, nothing later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from trader.domain.market import Bars, Board, Touch
from trader.domain.models import NO_MODELS, Models, Regime
from trader.domain.portfolio import ChainView, WorkingOrder
from trader.domain.trading import Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Perpetual(msgspec.Struct, frozen=True, kw_only=True):
    """What a strategy sees of a perpetual it trades, beside everything else.

    `touch` is None where it is not listed. `history` shows its closed hourly bars: its own candles
    as far back as history was loaded, since then the middle of its displayed quotes. `left_at`
    tells for each tag when its last chain was left. `drawdown` is how far the account's trading
    result lies below its peak, as a fraction of what the account was worth there.
    """

    touch: Touch | None
    history: Callable[[], Bars]
    left_at: Mapping[str, int]
    drawdown: float


class Situation(msgspec.Struct, frozen=True, kw_only=True):
    """One strategy's view at one decision time.

    `occasion` is "open" on the strategy's own cadence (new trades may be proposed) and "manage"
    between (exits only). `chains` and `orders` are its own, on its own account; `free_coins` is
    what of each currency is not yet promised to a short call, nor to the coin of a put.
    `equity_usd` is the account's. Chains that wait for a delivery price are shown, to be counted
    and left alone.
    `history` shows the bars that had closed at `at`, whenever it is called. `perpetuals` are those
    a strategy trades, by coin. `models` tells the regime, and what the pricing models hold options
    of the board to be worth, once it is asked.
    """

    at: int
    occasion: Literal["open", "manage"]
    stage: Stage
    equity_usd: float
    board: Board
    history: Callable[[], Bars]
    chains: tuple[ChainView, ...]
    orders: tuple[WorkingOrder, ...]
    free_coins: Mapping[str, float]
    data_quality: tuple[str, ...]
    perpetuals: Mapping[str, Perpetual] = {}
    models: Models = NO_MODELS

    @property
    def perpetual(self) -> Perpetual | None:
        """The perpetual of the underlying, where that is traded."""
        return self.perpetuals.get(self.board.underlying)

    @property
    def index(self) -> float:
        """The index of the underlying, as the board shows it."""
        return self.board.index

    @property
    def regime(self) -> Regime | None:
        """The market regime of the underlying; None where there is too little history."""
        return self.models.seen.regime

    @property
    def bars(self) -> Bars:
        """The closed hourly bars of the index: laid out when somebody looks."""
        return self.history()
