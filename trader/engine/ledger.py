"""What is true? The fold of all facts: accounts, chains, orders, slots, stages, pauses.

Live trading and recovery take the same door, `apply`: a recovered ledger equals the one that was
lost. Ended chains and orders leave, so memory stays bounded over months.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from trader.domain.errors import InvariantBroken
from trader.domain.events import (
    ClosePosition,
    Demote,
    FlattenAll,
    NightEvaluated,
    PauseTrading,
    Promote,
    ResumeTrading,
    RunNightly,
    StageChanged,
)
from trader.domain.facts import (
    AccountMarked,
    AccountOpened,
    AlertRaised,
    BehaviorJudged,
    ChainEnded,
    CommandTaken,
    EpochOpened,
    Filled,
    FillFollowed,
    FundingPaid,
    HaltChanged,
    OrderEnded,
    OrderPlaced,
    SessionOpened,
    SessionWithdrawn,
    Settled,
    SettlementPending,
)
from trader.domain.models import ModelFact
from trader.domain.portfolio import ChainView
from trader.domain.trading import Approved, Refused
from trader.domain.units import tidy, utc_day
from trader.engine import quoting, settlement
from trader.engine.accounts import Account
from trader.engine.chains import Chain
from trader.engine.conduct import Conduct
from trader.engine.refusals import Refusals
from trader.engine.stages import Standing
from trader.engine.working_book import WorkingBook

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trader.domain.events import Command
    from trader.domain.facts import Fact, Recorded
    from trader.domain.instruments import Instrument

EVERYTHING = "*"


class Ledger:
    """The books. Only `apply` changes them; everything else reads.

    Invariants (each raises `InvariantBroken`): no order without its approval, no fill beyond its
    order, no fill or settlement on a chain that does not exist, money conserved per currency.
    """

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}
        self.chains: dict[str, Chain] = {}
        self.orders: dict[str, WorkingBook] = {}
        self.stages: dict[str, StageChanged] = {}
        self.standings: dict[str, Standing] = {}
        self.night_of = ""
        self.conduct = Conduct()
        self.making = quoting.Making()
        self.paused: dict[str, PauseTrading | FlattenAll] = {}
        self.slots: dict[tuple[str, str, int], dict[str, None]] = {}
        self.pending: dict[tuple[str, str, int], SettlementPending] = {}
        self.funded_at: dict[tuple[str, str], int] = {}
        self.left_at: dict[tuple[str, str], dict[str, int]] = {}
        self.epoch: EpochOpened | None = None
        self.began_at = 0
        self.sequence, self.at = -1, 0
        self.version = 0
        self.refusals = Refusals()
        self._approvals: dict[str, Approved] = {}
        self._views: dict[str, ChainView] = {}

    def sizes(self) -> dict[str, int]:
        """Count what is open or waits; nothing of it may outlive what it belongs to."""
        return {
            "chains": len(self.chains),
            "orders": len(self.orders),
            "approvals": len(self._approvals),
            "settlements": len(self.pending),
            "slots": len(self.slots),
            "funded": len(self.funded_at),
            "refusals": len(self.refusals),
            "unfollowed": len(self.making.unfollowed),
        }

    def apply(self, recorded: Recorded) -> None:
        """Fold one fact in.

        Raises:
            InvariantBroken: the fact contradicts the books.
        """
        self.sequence = recorded.sequence
        self.at = recorded.at
        if not isinstance(recorded.fact, Refused | AlertRaised | ModelFact):
            self.version += 1
            self._views.clear()
        self._fold(recorded.fact, recorded.at)

    def _fold(self, fact: Fact, at: int) -> None:
        if isinstance(fact, ModelFact):
            return  # the book of the models folds its own
        match fact:
            case Filled():
                self._filled(fact, at)
            case Approved() if fact.intent.action == "protect":
                self.chain(fact.chain_id).protect(fact)
            case Approved() if fact.intent.action != "withdraw":
                self._approvals[fact.verdict_id] = fact
            case OrderPlaced():
                self._placed(fact, at)
            case OrderEnded():
                self._order_ended(fact)
            case SessionOpened() | SessionWithdrawn() | FillFollowed():
                quoting.fold(self, fact, at)
            case Settled():
                settlement.fold_settled(self, fact)
            case SettlementPending():
                settlement.fold_pending(self, fact)
            case FundingPaid():
                self._funded(fact)
            case ChainEnded():
                self._chain_ended(fact, at)
            case AccountOpened():
                if fact.account in self.accounts:
                    raise InvariantBroken(f"account {fact.account!r} opened twice")
                self.accounts[fact.account] = Account(fact)
            case AccountMarked():
                self.account(fact.account).mark(fact, at)
            case HaltChanged():
                self._halted(fact)
            case BehaviorJudged():
                self.conduct.judged(fact, at)
            case StageChanged():
                before = self.stages.get(fact.strategy)
                self.standings[fact.strategy] = self.standing(fact.strategy).moved(before, fact, at)
                if before and before.configuration_hash != fact.configuration_hash:
                    self.conduct.reconfigured(fact.strategy, at)
                self.stages[fact.strategy] = fact
            case NightEvaluated():
                self._judged(fact)
            case CommandTaken():
                self._command(fact.command)
            case EpochOpened():
                self.began_at = self.began_at or at
                self.epoch = fact
            case Refused():
                if fact.intent.chain_id in self.chains:
                    self.refusals.take(fact, at)
            case Approved() | AlertRaised():
                pass
            case _:
                assert_never(fact)

    def standing(self, strategy: str) -> Standing:
        """Tell what is remembered of a strategy's nights."""
        return self.standings.get(strategy, Standing())

    def _judged(self, night: NightEvaluated) -> None:
        """Fold a night: what it says of another configuration than the one that lives counts not.

        Raises:
            InvariantBroken: that day, or a later one, was judged already.
        """
        if night.date <= self.night_of:
            raise InvariantBroken(f"the night of {night.date} comes after that of {self.night_of}")
        self.night_of = night.date
        self.conduct.profiled(night.traders)
        for verdict in night.verdicts:
            lives = self.stages.get(verdict.strategy)
            if lives is not None and lives.configuration_hash == verdict.configuration_hash:
                standing = self.standing(verdict.strategy)
                judged = standing.judged(lives.stage, verdict, night.date)
                self.standings[verdict.strategy] = judged

    def account(self, name: str) -> Account:
        """Find an account by name.

        Raises:
            InvariantBroken: there is none.
        """
        account = self.accounts.get(name)
        if account is None:
            raise InvariantBroken(f"account {name!r} was never opened")
        return account

    def chain(self, chain_id: str) -> Chain:
        """Find a living chain by id.

        Raises:
            InvariantBroken: there is none.
        """
        chain = self.chains.get(chain_id)
        if chain is None:
            raise InvariantBroken(f"chain {chain_id!r} does not exist")
        return chain

    def working(self, chain_id: str) -> tuple[WorkingBook, ...]:
        """List the working orders of a chain."""
        return tuple([book for book in self.orders.values() if book.order.chain_id == chain_id])

    def chains_of(self, account: str, strategy: str | None = None) -> tuple[Chain, ...]:
        """List the living chains of an account, of one strategy where named."""
        chains = [one for one in self.chains.values() if one.account == account]
        return tuple([one for one in chains if strategy in (None, one.strategy)])

    def chain_view(self, chain: Chain) -> ChainView:
        """Show a chain read-only: the view stands until the next fact that changes the books."""
        if chain.id not in self._views:
            self._views[chain.id] = chain.view(working=bool(self.working(chain.id)))
        return self._views[chain.id]

    def slots_used(self, account: str, strategy: str, at: int) -> tuple[str, ...]:
        """Name the chains that hold one of today's slots of a strategy."""
        return tuple(self.slots.get((account, strategy, utc_day(at)), ()))

    def held(self) -> Iterator[Instrument]:
        """List every instrument that is held or worked on (names may repeat)."""
        for chain in self.chains.values():
            for leg in chain.legs.values():
                yield leg.instrument
        for book in self.orders.values():
            yield from book.instruments.values()

    def flat_chains(self) -> tuple[Chain, ...]:
        """List chains that are over, with no order working."""
        return tuple(
            chain for chain in self.chains.values() if chain.over and not self.working(chain.id)
        )

    def _placed(self, placed: OrderPlaced, at: int) -> None:
        order = placed.order
        approval = self.approval(order.verdict_id, f"order {order.order_id}")
        if order.chain_id not in self.chains:
            if order.action != "open":
                raise InvariantBroken(f"order {order.order_id} acts on no chain {order.chain_id}")
            self.chains[order.chain_id] = Chain(approval, placed, at)
        if order.action == "quote" and not self.chain(order.chain_id).quotes:
            raise InvariantBroken(f"order {order.order_id}: {order.chain_id} quotes no more")
        self.orders[order.order_id] = WorkingBook(approval, placed)
        self.take_slot(approval, at)

    def approval(self, verdict_id: str, what: str) -> Approved:
        """Take the approval of what is made from it: it holds once.

        Raises:
            InvariantBroken: there is none.
        """
        approval = self._approvals.pop(verdict_id, None)
        if approval is None:
            raise InvariantBroken(f"{what} has no approval {verdict_id}")
        return approval

    def take_slot(self, approval: Approved, at: int) -> None:
        """Hold a slot of the day, where one was approved; those of days that are over leave."""
        if approval.reservation.slot:
            day = utc_day(at)
            for key in [key for key in self.slots if key[2] < day]:
                del self.slots[key]
            holders = self.slots.setdefault((approval.account, approval.intent.strategy, day), {})
            holders[approval.chain_id] = None

    def _filled(self, fill: Filled, at: int) -> None:
        book = self.orders.get(fill.order_id)
        if book is None:
            raise InvariantBroken(f"fill {fill.fill_id}: order {fill.order_id} is not working")
        if not 0 < fill.amount <= book.remaining + 1e-9:
            raise InvariantBroken(f"fill {fill.fill_id}: {fill.amount} of {book.remaining} left")
        chain = self.chain(fill.chain_id)
        if (fill.account, fill.chain_id) != (book.order.account, book.order.chain_id):
            raise InvariantBroken(f"fill {fill.fill_id} is for another chain than {fill.order_id}")
        before, book.filled = book.filled, tidy(book.filled + fill.amount)
        for leg in fill.legs:
            instrument = book.instruments.get(leg.instrument)
            if instrument is None:
                raise InvariantBroken(f"order {fill.order_id} trades no {leg.instrument}")
            if leg.instrument not in chain.legs and instrument.kind == "perpetual":
                # Funding counts from when it is held: not from before, nor across a pause.
                self.funded_at[(chain.id, instrument.name)] = at
            chain.fill(instrument, leg)
        chain.filled = True
        chain.settled = False  # what ends it is what happened last
        chain.opened_at = chain.opened_at or at
        chain.take(book.order, book.approval, before, fill.amount, fill.legs[0])
        if book.order.action == "quote":
            self.making.filled(chain, fill, at)
        if chain.flat and chain.course is not None:
            decided_at = book.order.placed_at if book.order.limit_net is None else at
            left = self.left_at.setdefault((chain.strategy, chain.underlying), {})
            left[chain.course.tag] = decided_at
        self.conduct.filled(chain, self.sequence)
        self._post(chain, fill)

    def _post(self, chain: Chain, fact: Filled | FundingPaid) -> None:
        self.account(fact.account).post(fact.postings)
        for posting in fact.postings:
            if posting.book == "cash":
                chain.flow(posting.currency, posting.atoms)

    def _order_ended(self, ended: OrderEnded) -> None:
        book = self.orders.pop(ended.order_id, None)
        if book is None:
            raise InvariantBroken(f"order {ended.order_id} ended twice")
        order = book.order
        if (chain := self.chains.get(order.chain_id)) is not None:
            self.drop_unfilled(chain)

    def drop_unfilled(self, chain: Chain) -> None:
        """Forget a chain that never traded and will not: it was no trade, its slot is free."""
        if chain.filled or chain.quotes or self.working(chain.id):
            return
        del self.chains[chain.id]
        self.refusals.forget(chain.id)
        for holders in self.slots.values():
            holders.pop(chain.id, None)

    def _chain_ended(self, ended: ChainEnded, at: int) -> None:
        chain_id, chain = ended.chain_id, self.chain(ended.chain_id)
        if not chain.flat:
            raise InvariantBroken(f"chain {chain_id} ended while it holds something")
        self.conduct.ended(chain, ended, self.sequence, at)
        del self.chains[chain_id]
        self.refusals.forget(chain_id)
        for key in [key for key in self.funded_at if key[0] == chain_id]:
            del self.funded_at[key]

    def _funded(self, paid: FundingPaid) -> None:
        self.funded_at[(paid.chain_id, paid.instrument)] = paid.to_at
        self._post(self.chain(paid.chain_id), paid)

    def _halted(self, halt: HaltChanged) -> None:
        halts = self.account(halt.account).halts
        if halt.active:
            halts[halt.rule] = halt
        else:
            halts.pop(halt.rule, None)

    def _command(self, command: Command) -> None:
        match command:
            case PauseTrading():
                self.paused[command.strategy or EVERYTHING] = command
            case FlattenAll():
                self.paused[EVERYTHING] = command
            case ResumeTrading():
                self.conduct.resumed(command.strategy)
                if command.strategy is not None:
                    self.paused.pop(command.strategy, None)
                    return
                self.paused.clear()
                for account in self.accounts.values():
                    account.forgive()
            case ClosePosition() | Promote() | Demote() | RunNightly():
                pass
            case _:
                assert_never(command)


def fold(records: Iterator[Recorded]) -> Ledger:
    """Rebuild a ledger from facts, oldest first: this is recovery."""
    ledger = Ledger()
    for recorded in records:
        ledger.apply(recorded)
    return ledger
