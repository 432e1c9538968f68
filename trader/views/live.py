"""What do people see of a running account? Status, positions, chains, strategies: folded facts.

The books are the engine's own `Ledger`; this adds only what people ask beyond it (latest marks,
limits last seen, verdicts counted, results of ended chains), so a journal alone shows everything.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from trader.domain.events import StageChanged
from trader.domain.facts import (
    MAIN_ACCOUNT,
    SHADOW_PREFIX,
    AccountMarked,
    ChainEnded,
    OrderPlaced,
    Recorded,
    Settled,
)
from trader.domain.trading import Approved, Refused
from trader.domain.units import DAY, from_atoms, iso, tidy
from trader.engine.guard import held_back, pause_text, trader_name, traders
from trader.engine.ledger import EVERYTHING, Ledger
from trader.risk.sizing import scalar_of
from trader.views.decisions import BindingCount
from trader.views.live_rows import (
    AccountRow,
    BudgetRow,
    ChainRow,
    HaltRow,
    HeldRow,
    PauseRow,
    PositionRow,
    SizeRow,
    Status,
    StrategyRow,
)
from trader.views.session_lines import session_text
from trader.views.sizing_lines import sizing_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trader.domain.trading import Rule, SizeFactor
    from trader.engine.accounts import Account
    from trader.engine.chains import Chain
    from trader.engine.working_book import WorkingBook


class Record:
    """What one strategy's ended chains earned on one account."""

    __slots__ = ("ended", "pnl_usd", "won")

    def __init__(self) -> None:
        self.ended = 0
        self.won = 0
        self.pnl_usd = 0.0

    def add(self, fact: ChainEnded) -> None:
        """Count one more result; a scratch is no win."""
        self.ended += 1
        self.won += fact.pnl_usd > 0
        self.pnl_usd += fact.pnl_usd


class LiveView:
    """The fold people look at. Invariant: it shows nothing that is not in the journal.

    With the running engine's `ledger` given, `apply` leaves the books to the engine and takes only
    what the ledger does not keep; without one it folds its own.
    """

    def __init__(self, ledger: Ledger | None = None) -> None:
        self._own = ledger is None
        self._ledger = Ledger() if ledger is None else ledger
        self._indices: dict[str, float] = {}
        self._equity: dict[str, float] = {}
        self._limits: dict[Rule, float] = {}
        self._trades_a_day: dict[str, int] = {}
        self._verdicts: dict[tuple[str, Rule | None], int] = {}
        self._records: dict[tuple[str, str], Record] = {}
        self._known: dict[tuple[str, str], None] = {}
        self._sizes: dict[str, tuple[SizeFactor, ...]] = {}

    def apply(self, recorded: Recorded) -> None:
        """Fold one fact in; facts come in the journal's order.

        Raises:
            InvariantBroken: the fact contradicts the books.
        """
        if self._own:
            self._ledger.apply(recorded)
        self._notice(recorded.fact)

    def status(self) -> Status:
        """Sum everything up as of the last fact."""
        books = self._ledger
        epoch = books.epoch
        chains = tuple(books.chains.values())
        return Status(
            at=books.at,
            last_fact_at=iso(books.at) if books.sequence >= 0 else "",
            sequence=books.sequence,
            epoch=epoch.epoch if epoch else 0,
            feed=epoch.feed if epoch else "",
            speed=epoch.speed if epoch else 1.0,
            market=epoch.market if epoch else "",
            software=epoch.software if epoch else "",
            accounts=tuple(self._account_row(account) for account in books.accounts.values()),
            budgets=self._budgets(),
            open_chains=sum(not chain.flat for chain in chains),
            working_orders=len(books.orders),
            pending_settlements=len(books.pending),
            halts=tuple(row for account in books.accounts.values() for row in _halts(account)),
            pauses=(
                *(
                    PauseRow("all strategies" if scope == EVERYTHING else scope, one.by, one.reason)
                    for scope, one in books.paused.items()
                ),
                *self._behavior_pauses(),
            ),
            held_back=tuple(
                HeldRow(trader_name(name), tape.scaled(books.at), held_back(name, tape, books.at))
                for name, tape in books.conduct.tapes()
                if tape.scaled(books.at) < 1
            ),
            sizes=tuple(
                SizeRow(strategy, scalar_of(factors), sizing_text(factors))
                for strategy, factors in sorted(self._sizes.items())
                if sizing_text(factors)
            ),
            strategies=self.strategies(),
        )

    def positions(self) -> tuple[PositionRow, ...]:
        """List every leg that is held."""
        return tuple(
            PositionRow(
                account=chain.account,
                strategy=chain.strategy,
                chain_id=chain.id,
                instrument=name,
                amount=leg.amount,
                entry_price=leg.entry_price,
                currency=leg.instrument.settlement_currency,
                expires_at=iso(leg.instrument.expires_at) if leg.instrument.expires_at else None,
                pending=chain.pending,
            )
            for chain in self._ledger.chains.values()
            for name, leg in chain.legs.items()
        )

    def chains(self) -> tuple[ChainRow, ...]:
        """List every structure that lives, also one that is only an order so far."""
        return tuple(self._chain_row(chain) for chain in self._ledger.chains.values())

    def strategies(self) -> tuple[StrategyRow, ...]:
        """List every strategy the journal knows, per account it trades on."""
        return tuple(self._strategy_row(*key) for key in sorted(self._known))

    def limits(self) -> dict[Rule, float]:
        """Tell each limit as the gate last judged by it; none before the first verdict."""
        return dict(self._limits)

    def verdicts(self) -> tuple[BindingCount, ...]:
        """Tell per strategy how often each rule refused (None: approved), most often first.

        `share` is of that strategy's verdicts: a rule at 1.0 is a gate it can never pass.
        """
        totals: dict[str, int] = {}
        for (strategy, _), count in self._verdicts.items():
            totals[strategy] = totals.get(strategy, 0) + count
        rows = (
            BindingCount(strategy, rule, count, count / totals[strategy])
            for (strategy, rule), count in self._verdicts.items()
        )
        return tuple(sorted(rows, key=lambda row: (row.strategy, -row.count, row.rule or "")))

    def _notice(self, fact: object) -> None:
        match fact:
            case Approved() | Refused():
                self._count(fact)
            case StageChanged(strategy=strategy, stage=stage):
                shadow = stage == "RESEARCH"
                account = f"{SHADOW_PREFIX}{strategy}" if shadow else MAIN_ACCOUNT
                self._known[account, strategy] = None
            case OrderPlaced():
                self._equity[fact.order.account] = fact.equity_usd
                self._indices[fact.order.underlying] = fact.index
            case AccountMarked():
                self._equity[fact.account] = fact.equity_usd
                self._indices.update(fact.indices)
            case Settled():
                self._indices[fact.underlying] = fact.delivery_price
            case ChainEnded():
                key = (fact.account, fact.strategy)
                self._records.setdefault(key, Record()).add(fact)
            case _:
                return

    def _count(self, verdict: Approved | Refused) -> None:
        strategy = verdict.intent.strategy
        rule = verdict.rule if isinstance(verdict, Refused) else None
        self._verdicts[strategy, rule] = self._verdicts.get((strategy, rule), 0) + 1
        self._known[verdict.account, strategy] = None
        if any(one.name not in ("behavior", "stage") for one in verdict.sizing):
            self._sizes[strategy] = verdict.sizing
        for use in verdict.limits:
            self._limits[use.rule] = use.limit
            if use.rule == "daily_trades":
                self._trades_a_day[strategy] = int(use.limit)

    def _behavior_pauses(self) -> tuple[PauseRow, ...]:
        at = self._ledger.at
        return tuple(
            PauseRow(name or "all strategies", "behavior", pause_text(name, tape))
            for name, tape in self._ledger.conduct.tapes()
            if tape.paused(at)
        )

    def _account_row(self, account: Account) -> AccountRow:
        marked = account.marked
        return AccountRow(
            account=account.name,
            balances={name: from_atoms(count) for name, count in account.cash.items()},
            equity_usd=marked.equity_usd if marked else None,
            trading_pnl_usd=marked.trading_pnl_usd if marked else None,
            day_pnl_usd=marked.trading_pnl_usd - account.day_open_pnl_usd if marked else None,
            drawdown_usd=account.peak_pnl_usd - marked.trading_pnl_usd if marked else None,
            marked_at=iso(account.marked_at) if account.marked_at is not None else None,
            stale=marked.stale if marked else (),
            data_quality=marked.data_quality if marked else {},
        )

    def _budgets(self) -> tuple[BudgetRow, ...]:
        """Add the max losses of all that is open or working, per account and underlying."""
        used: dict[tuple[str, str], float] = {}
        for chain in self._ledger.chains.values():
            key = (chain.account, chain.underlying)
            share = self._share(chain) + self._reserved(self._ledger.working(chain.id))
            used[key] = used.get(key, 0.0) + share
        limit = self._limits.get("underlying_risk")
        return tuple(
            BudgetRow(account, underlying, share, limit)
            for (account, underlying), share in sorted(used.items())
        )

    def _share(self, chain: Chain) -> float:
        index = self._indices.get(chain.underlying, chain.index_at_open)
        equity = self._equity.get(chain.account, chain.equity_at_open_usd)
        return max(chain.risk_usd, chain.risk_coin * index) / equity if equity > 0 else 0.0

    def _reserved(self, working: Iterable[WorkingBook]) -> float:
        total = 0.0
        for book in working:
            order, held = book.order, book.approval.reservation
            if order.action in ("open", "add"):
                index = self._indices.get(order.underlying, 0.0)
                equity = self._equity.get(order.account, 0.0)
                worst = max(held.usd, held.coin * index) * book.remaining / order.amount
                total += worst / equity if equity > 0 else 0.0
        return total

    def _chain_row(self, chain: Chain) -> ChainRow:
        view = self._ledger.chain_view(chain)
        working = self._ledger.working(chain.id)
        return ChainRow(
            chain_id=chain.id,
            account=chain.account,
            strategy=chain.strategy,
            underlying=chain.underlying,
            state=view.state,
            opened_at=iso(chain.opened_at) if chain.opened_at is not None else None,
            units=view.units,
            entry_net=view.entry_net,
            legs=tuple(f"{tidy(leg.amount):+g} {name}" for name, leg in chain.legs.items()),
            flows={name: from_atoms(count) for name, count in chain.flows.items()},
            max_loss_usd=view.max_loss_usd,
            max_loss_share=self._share(chain),
            working=tuple(
                f"{book.order.action} {book.remaining:g} of {book.order.amount:g}"
                for book in working
            ),
            expires_at=iso(view.expires_at) if view.expires_at is not None else None,
            confidence=view.confidence,
            reason=session_text(view.session) if view.session is not None else view.reason,
        )

    def _strategy_row(self, account: str, strategy: str) -> StrategyRow:
        books = self._ledger
        stage = books.stages.get(strategy)
        chains = books.chains_of(account, strategy)
        record = self._records.get((account, strategy), Record())
        tapes = [books.conduct.of(name) for name in traders(strategy, account)]
        profile = tapes[0].profile
        return StrategyRow(
            strategy=strategy,
            account=account,
            stage=stage.stage if stage else None,
            paused=strategy in books.paused
            or EVERYTHING in books.paused
            or any(tape.paused(books.at) for tape in tapes),
            open_chains=sum(not chain.flat for chain in chains),
            working_orders=sum(len(books.working(chain.id)) for chain in chains),
            slots_used=len(books.slots_used(account, strategy, books.at)),
            slots_limit=self._trades_a_day.get(strategy),
            slots_free_at=iso(books.at - books.at % DAY + DAY),
            risk_share=sum(
                self._share(chain) + self._reserved(books.working(chain.id)) for chain in chains
            ),
            ended=record.ended,
            won=record.won,
            pnl_usd=record.pnl_usd,
            multiplier=math.prod(tape.scaled(books.at) for tape in tapes),
            trader_type=profile.type_name if profile is not None else "",
        )


def fold(records: Iterable[Recorded]) -> LiveView:
    """Build the view of a whole journal, oldest fact first."""
    view = LiveView()
    for recorded in records:
        view.apply(recorded)
    return view


def _halts(account: Account) -> tuple[HaltRow, ...]:
    return tuple(
        HaltRow(account.name, halt.rule, halt.limit, halt.used, halt.detail)
        for halt in account.halts.values()
    )
