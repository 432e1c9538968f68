"""Do the facts contradict each other or the rules? An auditor that recomputes everything.

It shares the arithmetic of contracts with the engine, not its bookkeeping: cash, positions, slots
and limits are counted a second way.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from trader.domain.errors import InvariantBroken
from trader.domain.facts import (
    AccountOpened,
    BehaviorJudged,
    ChainEnded,
    EpochOpened,
    Filled,
    FillFollowed,
    FundingPaid,
    OrderEnded,
    OrderPlaced,
    Recorded,
    SessionOpened,
    SessionWithdrawn,
    Settled,
    SettlementPending,
)
from trader.domain.instruments import spot_pair
from trader.domain.models import WeightsAdopted
from trader.domain.portfolio import Position
from trader.domain.trading import Approved
from trader.domain.units import fee_atoms, from_atoms, iso, tidy, utc_day
from trader.domain.valuation import trade_fee
from trader.engine.guard import traders
from trader.engine.ledger import Ledger
from trader.engine.posting import deliver_spot, settle_leg
from trader.pricing.ensemble import beliefs, fixed_share, floored
from trader.risk.sizing import beyond_factors

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trader.domain.facts import Fact, Posting, SpotDelivery
    from trader.domain.instruments import Instrument
    from trader.domain.trading import LegFill
    from trader.risk.limits import RiskSettings

VIOLATIONS_MAX: Final = 1_000
TOLERANCE: Final = 1e-9


class Audit:
    """Reads facts oldest first and collects what is wrong with them, in plain words."""

    def __init__(self, risk: RiskSettings) -> None:
        self._risk = risk
        self.violations: list[str] = []
        self.counted = 0
        self._ledger = Ledger()
        self._cash: dict[tuple[str, str], int] = {}
        self._held: dict[tuple[str, str], float] = {}
        self._instruments: dict[str, Instrument] = {}
        self._approved: dict[str, Approved] = {}
        self._orders: dict[str, list[float]] = {}
        self._live_at: dict[str, int] = {}
        self._ended: set[str] = set()
        self._fills: set[str] = set()
        self._sessions: dict[str, tuple[str, float]] = {}
        self._quotes: dict[str, tuple[int, float, float]] = {}
        self._openings: dict[str, tuple[str, str, int]] = {}
        self._delivering: dict[str, None] = {}
        self._taken: dict[tuple[str, str, int], set[str]] = {}
        self._beliefs: dict[tuple[str, str | None], dict[str, float]] = {}
        self._last: Recorded | None = None
        self._epoch = 0

    def read(self, records: Iterable[Recorded]) -> tuple[str, ...]:
        """Audit every fact; return the violations, first ones first."""
        for recorded in records:
            self.counted += 1
            self._order_of_time(recorded)
            self._fact(recorded)
            try:
                self._ledger.apply(recorded)
            except InvariantBroken as broken:
                self._wrong(recorded, f"the ledger refuses it: {broken}")
                break
            self._last = recorded
        self._balances()
        self._loose_ends()
        return tuple(self.violations)

    def _wrong(self, recorded: Recorded | None, what: str) -> None:
        where = f"fact of sequence {recorded.sequence} at {iso(recorded.at)}: " if recorded else ""
        if len(self.violations) < VIOLATIONS_MAX:
            self.violations.append(where + what)

    def _order_of_time(self, recorded: Recorded) -> None:
        last = self._last
        if last is not None and recorded.sequence < last.sequence:
            self._wrong(recorded, f"sequence runs backward after {last.sequence}")
        if last is not None and recorded.at < last.at:
            self._wrong(recorded, f"time runs backward after {iso(last.at)}")

    def _fact(self, recorded: Recorded) -> None:
        fact: Fact = recorded.fact
        if isinstance(fact, Approved):
            self._approval(recorded, fact)
        elif isinstance(fact, OrderPlaced):
            self._placed(recorded, fact)
        elif isinstance(fact, Filled):
            self._filled(recorded, fact)
        elif isinstance(fact, OrderEnded):
            self._order_ended(recorded, fact)
        elif isinstance(fact, Settled):
            self._settled(recorded, fact)
        elif isinstance(fact, FundingPaid):
            self._book(recorded, fact.account, fact.postings)
        elif isinstance(fact, SessionOpened | SessionWithdrawn):
            self._session(recorded, fact)
        elif isinstance(fact, FillFollowed):
            self._followed(recorded, fact)
        elif isinstance(fact, SettlementPending) and recorded.at < fact.expires_at:
            self._wrong(recorded, f"{fact.instruments} pending before they expire")
        elif isinstance(fact, ChainEnded):
            self._chain_ended(recorded, fact)
        elif isinstance(fact, BehaviorJudged):
            self._judged(recorded, fact)
        elif isinstance(fact, AccountOpened):
            for currency, atoms in fact.balances.items():
                self._cash[(fact.account, currency)] = atoms
        elif isinstance(fact, WeightsAdopted):
            self._weights(recorded, fact)
        elif isinstance(fact, EpochOpened):
            if fact.epoch != self._epoch + 1:
                self._wrong(recorded, f"epoch {fact.epoch} follows epoch {self._epoch}")
            self._epoch = fact.epoch

    def _approval(self, recorded: Recorded, approved: Approved) -> None:
        if approved.verdict_id in self._approved:
            self._wrong(recorded, f"verdict {approved.verdict_id} given twice")
        self._approved[approved.verdict_id] = approved
        if approved.intent.action == "close":
            return
        if approved.intent.action == "open" and approved.intent.delivery == "spot":
            self._delivering[approved.chain_id] = None
        for use in approved.limits:
            if use.used + use.requested > use.limit + TOLERANCE:
                self._wrong(
                    recorded,
                    f"{approved.verdict_id} passed {use.rule} with {use.used:.6f} used and "
                    f"{use.requested:.6f} requested of {use.limit:.6f}",
                )
        self._shares(recorded, approved)
        self._restrained(recorded, approved)
        if beyond := beyond_factors(approved):
            self._wrong(recorded, f"{approved.verdict_id} {beyond}")

    def _restrained(self, recorded: Recorded, approved: Approved) -> None:
        """Compare what an approval says of behavior with the tapes; none opens while one pauses."""
        asked, intent = approved.restraint, approved.intent
        if asked is None:
            return
        conduct = self._ledger.conduct
        tapes = [conduct.of(one) for one in traders(intent.strategy, approved.account)]
        due = math.prod(tape.scaled(recorded.at) for tape in tapes)
        if asked.multiplier < due - TOLERANCE or (due < 1 <= asked.multiplier):
            self._wrong(recorded, f"{approved.verdict_id} states x {asked.multiplier}, due {due}")
        if intent.action in ("open", "add") and any(one.paused(recorded.at) for one in tapes):
            self._wrong(recorded, f"{approved.verdict_id} opens while behavior pauses it")

    def _judged(self, recorded: Recorded, judged: BehaviorJudged) -> None:
        """Recount a multiplier: never above what was in force, nor above the product of alerts."""
        before = self._ledger.conduct.of(judged.strategy).scaled(recorded.at)
        product = math.prod(one.multiplier for one in judged.alerts)
        if judged.before != before or judged.multiplier > before:
            self._wrong(recorded, f"{judged.chain_id}: x {judged.multiplier} after x {before}")
        costs = any(one.fresh and one.multiplier < 1 for one in judged.alerts)
        if costs and judged.multiplier < min(before, product) - TOLERANCE:
            self._wrong(
                recorded, f"{judged.chain_id}: x {judged.multiplier}, alerts make {product}"
            )

    def _shares(self, recorded: Recorded, approved: Approved) -> None:
        """Recount what is at risk from our own books, at the shares the gate stated."""
        # a hedge and a moved stop state what the whole chain risks; what it adds is in the limits
        reduces = approved.intent.action in ("hedge", "protect")
        if not reduces and approved.max_loss.share > self._risk.max_risk_per_trade + TOLERANCE:
            self._wrong(recorded, f"{approved.verdict_id} risks {approved.max_loss.share:.4%}")
        if approved.intent.action == "open" and approved.reservation.slot:
            key = (approved.account, approved.intent.strategy, utc_day(recorded.at))
            used = self._taken.setdefault(key, set())
            used.add(approved.chain_id)
            self._openings[approved.chain_id] = key
            if len(used) > self._risk.max_new_trades_per_day:
                self._wrong(recorded, f"{key[1]} opened {len(used)} trades on one UTC day")

    def _session(self, recorded: Recorded, fact: SessionOpened | SessionWithdrawn) -> None:
        """Note what a session may hold; one that never filled gives its slot of the day back."""
        if isinstance(fact, SessionOpened):
            approval = self._approved.get(fact.verdict_id)
            if approval is None or approval.intent.quoting is None:
                self._wrong(recorded, f"session {fact.chain_id} was never approved")
                return
            self._sessions[fact.chain_id] = (fact.instrument.name, approval.amount)
            self._instruments[fact.instrument.name] = fact.instrument
        elif not any(chain_id == fact.chain_id for chain_id, _ in self._held):
            key = self._openings.get(fact.chain_id)
            if key is not None:
                self._taken[key].discard(fact.chain_id)

    def _followed(self, recorded: Recorded, seen: FillFollowed) -> None:
        """Compare what was looked at later with the fill, and with how long was to be waited."""
        filled_at, amount, price = self._quotes.pop(seen.fill_id, (0, 0.0, 0.0))
        asked = self._ledger.making.unfollowed.get(seen.fill_id)
        if (amount, price) != (seen.amount, seen.price):
            self._wrong(recorded, f"{seen.fill_id} followed at {seen.price}, filled at {price}")
        elif seen.after != recorded.at - filled_at or (asked and seen.after < asked.follow_after):
            self._wrong(recorded, f"{seen.fill_id} followed after {seen.after} ns, too soon")

    def _within_session(self, recorded: Recorded, fill: Filled, leg: LegFill) -> None:
        """Recount what a session holds against the most it may, and keep its quotes' fills."""
        name, most = self._sessions.get(fill.chain_id, ("", 0.0))
        held = self._held.get((fill.chain_id, leg.instrument), 0.0)
        if name and (leg.instrument != name or abs(held) > most + TOLERANCE):
            self._wrong(recorded, f"session {fill.chain_id} holds {held:g} of {most:g} {name}")
        book = self._ledger.orders.get(fill.order_id)
        if book is not None and book.order.action == "quote":
            self._quotes[fill.fill_id] = (recorded.at, leg.amount, leg.price)

    def _placed(self, recorded: Recorded, placed: OrderPlaced) -> None:
        order = placed.order
        approval = self._approved.get(order.verdict_id)
        if approval is None:
            self._wrong(recorded, f"order {order.order_id} was never approved")
        elif order.amount > approval.amount + TOLERANCE:
            self._wrong(recorded, f"order {order.order_id} is larger than approved")
        if order.order_id in self._orders:
            self._wrong(recorded, f"order {order.order_id} placed twice")
        self._orders[order.order_id] = [order.amount, 0.0]
        self._live_at[order.order_id] = order.live_at
        if order.live_at <= recorded.at:
            self._wrong(recorded, f"order {order.order_id} could trade at the moment it was made")
        self._instruments.update({one.name: one for one in placed.instruments})

    def _order_ended(self, recorded: Recorded, ended: OrderEnded) -> None:
        if ended.order_id in self._ended or ended.order_id not in self._orders:
            self._wrong(recorded, f"order {ended.order_id} ended, but it does not work")
        self._ended.add(ended.order_id)
        _, filled = self._orders.pop(ended.order_id, [0.0, 0.0])
        self._live_at.pop(ended.order_id, None)
        chain = self._ledger.orders.get(ended.order_id)
        if filled == 0 and chain is not None and chain.order.action == "open":
            key = self._openings.get(chain.order.chain_id)
            if key is not None:
                self._taken[key].discard(chain.order.chain_id)

    def _filled(self, recorded: Recorded, fill: Filled) -> None:
        if fill.fill_id in self._fills:
            self._wrong(recorded, f"fill {fill.fill_id} booked twice")
        self._fills.add(fill.fill_id)
        order = self._orders.get(fill.order_id)
        if order is None:
            self._wrong(recorded, f"fill {fill.fill_id} of order {fill.order_id}, not working")
            return
        if recorded.at < self._live_at[fill.order_id]:
            self._wrong(recorded, f"fill {fill.fill_id} came before its order could trade")
        order[1] = tidy(order[1] + fill.amount)
        if order[1] > order[0] + TOLERANCE:
            self._wrong(recorded, f"order {fill.order_id} filled {order[1]:g} of {order[0]:g}")
        for leg in fill.legs:
            self._leg(recorded, fill, leg)
        self._book(recorded, fill.account, fill.postings)

    def _leg(self, recorded: Recorded, fill: Filled, leg: LegFill) -> None:
        instrument = self._instruments[leg.instrument]
        key = (fill.chain_id, leg.instrument)
        self._held[key] = tidy(self._held.get(key, 0.0) + leg.amount)
        self._within_session(recorded, fill, leg)
        expires_at = instrument.expires_at
        if expires_at is not None and recorded.at >= expires_at:
            self._wrong(recorded, f"{leg.instrument} traded after its expiry")
        fee = fee_atoms(trade_fee(instrument, leg.amount, leg.price, leg.index, maker=leg.maker))
        if fee != leg.fee_atoms:
            self._wrong(recorded, f"{leg.instrument} paid a fee of {leg.fee_atoms}, due was {fee}")
        worse = leg.price - leg.touch if leg.amount > 0 else leg.touch - leg.price
        if worse < -TOLERANCE or not leg.touch > 0:
            self._wrong(recorded, f"{leg.instrument} filled better than what was displayed")

    def _settled(self, recorded: Recorded, settled: Settled) -> None:
        if recorded.at < settled.expires_at:
            self._wrong(recorded, f"{settled.underlying} settled before its expiry")
        pair = settled.spot[0].instrument if settled.spot else spot_pair(settled.underlying)
        due_coins: list[SpotDelivery] = []
        for leg in settled.legs:
            held = self._held.pop((leg.chain_id, leg.instrument), 0.0)
            if held != leg.amount:
                self._wrong(recorded, f"{leg.instrument}: {leg.amount:g} settled of {held:g} held")
            book = self._ledger.chains[leg.chain_id].legs.get(leg.instrument)
            entry = book.entry_price if book is not None else 0.0
            position = Position(leg.chain_id, self._instruments[leg.instrument], held, entry)
            due, _ = settle_leg(position, settled.delivery_price)
            if due != leg:
                self._wrong(recorded, f"{leg.instrument} settled as {leg}, due was {due}")
            if leg.chain_id in self._delivering:
                due_coins += self._assigned(position, settled.delivery_price, pair)
        if settled.spot != tuple(due_coins):
            self._wrong(recorded, f"{settled.spot} moved as coin, due was {tuple(due_coins)}")
        self._book(recorded, settled.account, settled.postings)

    def _assigned(
        self, position: Position, price: float, pair: Instrument
    ) -> tuple[SpotDelivery, ...]:
        """Recount the coin that one option of a chain is assigned."""
        key = (position.chain_id, pair.name)
        held = self._held.get(key, 0.0)
        assigned = deliver_spot(position, held, price, pair)
        if assigned is None:
            return ()
        self._held[key] = tidy(held + assigned[0].amount)
        self._instruments[pair.name] = pair
        return (assigned[0],)

    def _chain_ended(self, recorded: Recorded, ended: ChainEnded) -> None:
        left = {
            name: amount
            for (chain_id, name), amount in self._held.items()
            if chain_id == ended.chain_id and amount
        }
        if left:
            self._wrong(recorded, f"chain {ended.chain_id} ended while it holds {left}")
        self._held = {key: held for key, held in self._held.items() if key[0] != ended.chain_id}

    def _weights(self, recorded: Recorded, adopted: WeightsAdopted) -> None:
        """Recompute what forecasts cost: losses, then beliefs by the stated rate, then weights."""
        where, names = f"{adopted.underlying} weights", list(adopted.losses)
        wrong = [name for name, loss in adopted.losses.items() if not 0.0 <= loss <= 1.0]
        if wrong or list(adopted.belief) != names or list(adopted.weights) != names:
            self._wrong(recorded, f"{where}: losses {adopted.losses} of {list(adopted.weights)}")
            return
        key = (adopted.underlying, adopted.regime)
        belief = beliefs(self._beliefs.get(key, {}), names)
        if adopted.regime is not None:
            losses = np.array([adopted.losses[name] for name in names])
            belief = fixed_share(belief, losses, rate=adopted.rate, share=adopted.share)
            self._beliefs[key] = adopted.belief
        due = floored(belief, adopted.floor).tolist()
        stated = [adopted.weights[name] for name in names]
        if not np.allclose(due, stated, rtol=0.0, atol=TOLERANCE):
            self._wrong(recorded, f"{where} {stated} were adopted, due was {due}")

    def _book(self, recorded: Recorded, account: str, postings: Iterable[Posting]) -> None:
        totals: dict[str, int] = {}
        for posting in postings:
            totals[posting.currency] = totals.get(posting.currency, 0) + posting.atoms
            if posting.book == "cash":
                key = (account, posting.currency)
                self._cash[key] = self._cash.get(key, 0) + posting.atoms
        if any(totals.values()):
            self._wrong(recorded, f"postings do not sum to zero: {totals}")

    def _loose_ends(self) -> None:
        """Look for what should have ended: whole steps are journaled, or nothing of them."""
        for chain in self._ledger.flat_chains():
            self._wrong(None, f"chain {chain.id} is flat but never ended")
        for name, book in self._ledger.orders.items():
            if book.remaining <= 0:
                self._wrong(None, f"order {name} is filled but never ended")

    def _balances(self) -> None:
        """Compare our second count with what the ledger folded."""
        for name, account in self._ledger.accounts.items():
            for currency, atoms in account.cash.items():
                counted = self._cash.get((name, currency), 0)
                if counted != atoms:
                    self._wrong(
                        None,
                        f"{name} holds {from_atoms(atoms)} {currency}, facts add up to "
                        f"{from_atoms(counted)}",
                    )
        folded = {
            (chain.id, leg.instrument.name): leg.amount
            for chain in self._ledger.chains.values()
            for leg in chain.legs.values()
        }
        counted_legs = {key: amount for key, amount in self._held.items() if amount}
        if folded != counted_legs:
            self._wrong(None, f"positions differ: folded {folded}, counted {counted_legs}")
