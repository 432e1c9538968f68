"""What do a strategy and the gate get to see? Views of one instant of ledger and market."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from trader.domain.facts import MAIN_ACCOUNT, SHADOW_PREFIX
from trader.domain.situation import Situation
from trader.domain.trading import Stage
from trader.domain.units import SECOND
from trader.engine.account_view import AccountView
from trader.engine.circumstances import Surroundings
from trader.engine.families import Families
from trader.engine.holdings import Holdings
from trader.engine.ledger import EVERYTHING
from trader.engine.perpetuals import Perpetuals
from trader.engine.quality import LOW
from trader.risk.gate import GateView
from trader.strategies.strategy import Strategy, trades_linear

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trader.domain.market import Touch
    from trader.domain.models import Worth
    from trader.domain.trading import Intent, Restraint
    from trader.engine.guard import Guard
    from trader.engine.ledger import Ledger
    from trader.engine.market_state import MarketState
    from trader.engine.model_desk import ModelDesk

Occasion = Literal["open", "manage"]


class Slot(msgspec.Struct, frozen=True):
    """One configured strategy: the rule, what its stage belongs to, where it starts."""

    strategy: Strategy
    configuration_hash: str
    initial_stage: Stage
    cap_on_change: Stage = "RESEARCH"

    @property
    def name(self) -> str:
        """The strategy's name."""
        return self.strategy.name


class Review:
    """Builds read-only views; holds where to look, and the views of what has not changed since."""

    def __init__(
        self,
        ledger: Ledger,
        market: MarketState,
        perpetuals: Perpetuals,
        guard: Guard,
        models: ModelDesk,
        families: Families,
    ) -> None:
        self._ledger = ledger
        self._market = market
        self._perpetuals = perpetuals
        self._guard = guard
        self._models = models
        self._families = families
        self._holdings: dict[str, Holdings] = {}
        self._views: dict[str, AccountView] = {}
        self._read_at = -1
        self._viewed_at = -1

    def stage(self, strategy: str) -> Stage:
        """Tell a strategy's stage; unknown ones are RESEARCH."""
        changed = self._ledger.stages.get(strategy)
        return changed.stage if changed is not None else "RESEARCH"

    def account_of(self, strategy: str) -> str:
        """Name the account a strategy opens on: the shadow one while it is in RESEARCH."""
        return SHADOW_PREFIX + strategy if self.stage(strategy) == "RESEARCH" else MAIN_ACCOUNT

    def view(self, account: str) -> AccountView:
        """Read one account: the view stands until a fact or the market changes what it reads."""
        if self._ledger.version != self._read_at:
            self._holdings.clear()
            self._views.clear()
            self._read_at = self._ledger.version
        if self._market.version != self._viewed_at:
            self._views.clear()
            self._viewed_at = self._market.version
        view = self._views.get(account)
        if view is None:
            holdings = self._holdings.get(account)
            if holdings is None:
                holdings = self._holdings[account] = Holdings(self._ledger, account)
            view = self._views[account] = AccountView(self._ledger, self._market, holdings)
        return view

    def rates(self) -> dict[str, float]:
        """Tell USD per unit of every currency that can be valued now."""
        return self._market.rates()

    def data_quality(self) -> tuple[str, ...]:
        """Mark what the feed told us against itself lately."""
        window = self._market.quote_age_s_max * self._market.speed * SECOND
        return self._market.trust.marks(self._market.at, int(window))

    def scores(self) -> dict[str, float]:
        """Score every channel of the market now."""
        return self._market.scores()

    def situation(self, slot: Slot, occasion: Occasion) -> Situation:
        """Show a strategy its market, its own chains and orders, and what is free."""
        ledger, market = self._ledger, self._market
        name = slot.name
        account = self.view(self.account_of(name))
        underlying = slot.strategy.underlying
        worth = account.worth()
        fall = max(ledger.account(self.account_of(name)).peak_pnl_usd - worth.trading_pnl_usd, 0.0)
        drawdown = fall / (worth.equity_usd + fall) if fall > 0 else 0.0
        board = market.board(underlying, inverse=not trades_linear(slot.strategy))
        return Situation(
            at=market.at,
            occasion=occasion,
            stage=self.stage(name),
            equity_usd=worth.equity_usd,
            board=board,
            history=market.bars.history(underlying),
            chains=tuple(
                [
                    ledger.chain_view(chain)
                    for chain in ledger.chains.values()
                    if chain.strategy == name
                ]
            ),
            orders=tuple(
                [book.view() for book in ledger.orders.values() if book.order.strategy == name]
            ),
            free_coins=dict(account.free_coins()),
            data_quality=self.data_quality(),
            perpetuals=self._perpetuals.view(slot.strategy, ledger.left_at, drawdown),
            models=self._models.view(board),
        )

    def restraint(self, strategy: str, account: str) -> Restraint | None:
        """Say what behavior asks of a strategy on an account now; None while nothing does."""
        return self._guard.restraint(strategy, account, self._market.at)

    def gate_view(self, intent: Intent, models_worth: Worth | None = None) -> GateView:
        """Show the gate everything one intent is judged by; `models_worth` is what the models made
        of it, where they were asked.
        """
        ledger, market = self._ledger, self._market
        chain = ledger.chains.get(intent.chain_id) if intent.chain_id else None
        name = chain.account if chain is not None else self.account_of(intent.strategy)
        account = self.view(name)
        margins = account.margins()
        worth = account.worth()
        books = ledger.account(name)
        restraint = self.restraint(intent.strategy, name)
        touches = self._touches(intent)
        choice = self._families.choice(intent, self._models.seen)
        told = Surroundings(intent, models_worth, ledger, market, self._models, account)
        return GateView(
            at=market.at,
            account=name,
            stage=self.stage(intent.strategy),
            equity_usd=worth.equity_usd,
            index=market.index(intent.underlying),
            touches=touches,
            consumers=account.consumers(worth.equity_usd),
            slots_used=account.slots(intent.strategy, market.at, worth.equity_usd),
            open_chains=sum(not one.spent for one in ledger.chains_of(name, intent.strategy)),
            chain=ledger.chain_view(chain) if chain is not None else None,
            free_coins=account.free_coins(),
            margin_balance=margins.balance,
            initial_margin=margins.initial,
            maintenance_margin=margins.maintenance,
            trading_pnl_usd=worth.trading_pnl_usd,
            day_open_pnl_usd=books.day_opening(market.at),
            peak_pnl_usd=books.peak_pnl_usd,
            paused=self._paused(intent.strategy),
            working=tuple(
                book.view()
                for book in ledger.orders.values()
                if book.order.strategy == intent.strategy
            ),
            data_quality=(*self.data_quality(), *_low(touches)),
            restraint=restraint,
            regime=self._models.stated(intent.underlying),
            selected=choice is None or choice.allowed,
            selection="" if choice is None else choice.explanation,
            circumstances=told if ledger.epoch is not None and ledger.epoch.sizing else None,
        )

    def _touches(self, intent: Intent) -> dict[str, Touch]:
        names = dict.fromkeys(leg.instrument for leg in intent.legs)
        chain = self._ledger.chains.get(intent.chain_id) if intent.chain_id else None
        if chain is not None:
            names |= dict.fromkeys(chain.legs)
        found = {name: self._market.touch(name) for name in names}
        return {name: touch for name, touch in found.items() if touch is not None}

    def _paused(self, strategy: str) -> str | None:
        paused = self._ledger.paused.get(EVERYTHING) or self._ledger.paused.get(strategy)
        return f"{paused.by}: {paused.reason}" if paused is not None else None


def _low(touches: Mapping[str, Touch]) -> tuple[str, ...]:
    """Name the worst score a decision is made on, where it is low."""
    worst = min(touches.values(), key=lambda touch: touch.quality, default=None)
    if worst is None or worst.quality >= LOW:
        return ()
    return (f"quality:{worst.quality:.2f} {worst.instrument.name}",)
