"""Do the limits hold whatever is wished, whatever the market does, however often we restart?

The machine keeps its own books of risk, slots and cash from the facts alone: by another route than
the ledger's, so that both would have to be wrong in the same way.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from random import Random
from typing import TYPE_CHECKING

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.builders import NOW, at_eight, option
from tests.engine.floor import Floor, wish
from tests.simulation.harness import ledger_state, recovered
from trader.domain import facts
from trader.domain.events import (
    ClosePosition,
    DeliveryPrice,
    Demote,
    FeedLost,
    FeedRestored,
    FlattenAll,
    FundingRate,
    InstrumentExpired,
    PauseTrading,
    Promote,
    ResumeTrading,
)
from trader.domain.trading import Approved, Intent, Leg, Pricing, Refused
from trader.domain.units import DAY, HOUR, MINUTE, SECOND, utc_day

if TYPE_CHECKING:
    from trader.domain.facts import Recorded
    from trader.domain.trading import Stage
    from trader.engine.chains import Chain

PER_TRADE = 0.01
PER_UNDERLYING = 0.03
TRADES_PER_DAY = 2
EXACT = 1e-9
STAGES: dict[str, Stage] = {
    "alpha": "PRODUCTION", "beta": "PILOT", "gamma": "PRODUCTION", "delta": "PRODUCTION",
    "shade": "RESEARCH",
}  # fmt: skip
NAMES = tuple(STAGES)
STRIKES = {"BTC": (80_000, 85_000, 87_500, 90_000, 92_500, 95_000, 100_000),
           "ETH": (2_700, 2_900, 3_000, 3_100, 3_300)}  # fmt: skip
DAYS = (1, 2, 3)


def contract(underlying: str, day: int, strike: int, kind: str) -> str:
    """Name a contract of the floor, or one beside it that is not listed."""
    return option("call" if kind == "C" else "put", float(strike), at_eight(day), underlying).name


@st.composite
def structures(draw: st.DrawFn) -> tuple[str, tuple[Leg, ...]]:
    """Draw an underlying and legs: verticals, naked ones, condors, calendars, nonsense."""
    underlying = draw(st.sampled_from(("BTC", "BTC", "ETH")))
    day = draw(st.sampled_from(DAYS))
    low, near, far = sorted(
        draw(st.lists(st.sampled_from(STRIKES[underlying]), min_size=3, max_size=3, unique=True))
    )
    kind = draw(st.sampled_from("CP"))
    one = contract(underlying, day, near, kind)
    legs = draw(
        st.sampled_from(
            (
                (Leg(one, -1),),
                (Leg(one, 1),),
                (Leg(one, -1), Leg(contract(underlying, day, low, kind), 1)),
                (Leg(one, -1), Leg(contract(underlying, day, far, kind), 1)),
                (Leg(one, -2), Leg(contract(underlying, day, far, kind), 1)),
                (
                    Leg(contract(underlying, day, low, "P"), -1),
                    Leg(contract(underlying, day, far, "C"), -1),
                ),
                (Leg(one, -1), Leg(contract(underlying, min(day + 1, 3), near, kind), 1)),
                (Leg(one, -1), Leg(f"{underlying}-PERPETUAL", 10)),
            )
        )
    )
    return underlying, legs


AMOUNTS = st.one_of(st.none(), st.sampled_from((0.1, 0.3, 0.7, 1.0, 2.0, 30.0)))
PRICINGS = st.sampled_from(
    (
        Pricing(),
        Pricing(lifetime=5 * MINUTE),
        Pricing(limit_net=-0.002, lifetime=2 * HOUR),
        Pricing(limit_net=0.001, lifetime=2 * HOUR),
        Pricing(limit_net=-0.01, worst_net=0.05, patience=10 * MINUTE, lifetime=HOUR),
    )
)


ANY_PRICE = Pricing(limit_net=1.0, lifetime=HOUR)


class Books:
    """The machine's own count of risk, slots and cash, and what it finds against the limits."""

    def __init__(self) -> None:
        self.read = 0
        self.wrong: list[str] = []
        self.cash: dict[tuple[str, str], int] = {}
        self.approved: dict[str, Approved] = {}
        self.orders: dict[str, tuple[facts.OrderPlaced, float]] = {}
        self.chains: dict[str, list[float]] = {}
        self.where: dict[str, tuple[str, str]] = {}
        self.slots: dict[tuple[str, str, int], set[str]] = defaultdict(set)
        self.held: dict[tuple[str, str], float] = defaultdict(float)

    def take(self, records: list[Recorded]) -> None:
        """Count every fact not counted yet."""
        for recorded in records[self.read :]:
            self._count(recorded)
        self.read = len(records)

    def _count(self, recorded: Recorded) -> None:
        match recorded.fact:
            case facts.AccountOpened(account=account, balances=balances):
                self.cash.update({(account, one): atoms for one, atoms in balances.items()})
            case Approved() as approved:
                self.approved[approved.verdict_id] = approved
            case facts.OrderPlaced() as placed:
                self._placed(placed, recorded.at)
            case facts.Filled() as fill:
                self._filled(fill)
                self._pay(fill.account, fill.postings)
            case facts.OrderEnded(order_id=order_id):
                placed, filled = self.orders.pop(order_id)
                if not filled and placed.order.action == "open":
                    for holders in self.slots.values():
                        holders.discard(placed.order.chain_id)
            case facts.Settled() | facts.FundingPaid() as paid:
                self._pay(paid.account, paid.postings)
            case facts.ChainEnded(chain_id=chain_id):
                self.chains.pop(chain_id)
            case _:
                pass

    def _pay(self, account: str, postings: tuple[facts.Posting, ...]) -> None:
        for posting in postings:
            if posting.book == "cash":
                self.cash[(account, posting.currency)] += posting.atoms

    def _placed(self, placed: facts.OrderPlaced, at: int) -> None:
        order, approval = placed.order, self.approved[placed.order.verdict_id]
        self.orders[order.order_id] = (placed, 0.0)
        self.where[order.chain_id] = (order.account, order.underlying)
        if order.action != "close":
            self._judge(placed, approval, at)

    def _judge(self, placed: facts.OrderPlaced, approval: Approved, at: int) -> None:
        """Hold one approval against the three limits, at the equity of its moment."""
        order, equity, index = placed.order, placed.equity_usd, placed.index
        worst, before = approval.max_loss, self.chains.get(order.chain_id, [0.0, 0.0, 0.0])
        usd, coin = worst.usd, worst.coin
        if order.action == "add":
            usd, coin = usd + before[1], coin + before[2]
        share = max(usd, coin * index) / equity
        grows = order.action in ("open", "add") or share > self._share(before, index, equity)
        if grows and share > PER_TRADE + EXACT:
            self.wrong.append(f"{order.action} {order.order_id} brings its chain to {share:.4%}")
        used = self.used(order.account, order.underlying, index, equity)
        if order.action in ("open", "add") and used > PER_UNDERLYING + EXACT:
            self.wrong.append(f"{order.order_id} brings {order.underlying} to {used:.4%}")
        if order.action == "open":
            holders = self.slots[(order.account, order.strategy, utc_day(at))]
            holders.add(order.chain_id)
            if len(holders) > TRADES_PER_DAY:
                self.wrong.append(f"{order.strategy} opens {len(holders)} on one day")

    @staticmethod
    def _share(chain: list[float], index: float, equity: float) -> float:
        return max(chain[1], chain[2] * index) / equity

    def used(self, account: str, underlying: str, index: float, equity: float) -> float:
        """Add up what positions and working orders of one underlying may lose."""
        mine = (account, underlying)
        held = sum(
            self._share(chain, index, equity)
            for name, chain in self.chains.items()
            if self.where[name] == mine
        )
        working = 0.0
        for placed, filled in self.orders.values():
            order = placed.order
            if (order.account, order.underlying) == mine and order.action in ("open", "add"):
                worst = self.approved[order.verdict_id].max_loss
                part = (order.amount - filled) / order.amount
                working += part * max(worst.usd, worst.coin * index) / equity
        return held + working

    def _filled(self, fill: facts.Filled) -> None:
        placed, filled = self.orders[fill.order_id]
        order, worst = placed.order, self.approved[placed.order.verdict_id].max_loss
        self.orders[fill.order_id] = (placed, filled + fill.amount)
        for leg in fill.legs:
            before = self.held[(fill.chain_id, leg.instrument)]
            after = round(before + leg.amount, 8)
            self.held[(fill.chain_id, leg.instrument)] = after
            if order.action == "close" and not 0 <= after / before < 1:
                self.wrong.append(f"{fill.fill_id} closes {before} of {leg.instrument} to {after}")
        units, usd, coin = self.chains.get(fill.chain_id, [0.0, 0.0, 0.0])
        part = fill.amount / order.amount
        if order.action in ("open", "add"):
            now = [units + fill.amount, usd + part * worst.usd, coin + part * worst.coin]
        elif order.action == "close":
            left = max(units - fill.amount, 0.0) / units
            now = [units * left, usd * left, coin * left]
        else:
            now = [units, worst.usd, worst.coin]
        self.chains[fill.chain_id] = now


class LimitsHold(RuleBasedStateMachine):
    """Random wishes on a random market; the invariants are asked after every step."""

    def __init__(self) -> None:
        super().__init__()
        self.floor = Floor(
            stages=STAGES,
            underlyings=("BTC", "ETH"),
            days=DAYS,
        )
        self.books = Books()

    def chain(self, number: int) -> Chain | None:
        """Pick a living chain that holds something."""
        held = [one for one in self.floor.chains() if one.legs]
        return held[number % len(held)] if held else None

    def propose(self, *intents: Intent, by: str) -> tuple[Approved | Refused, ...]:
        """Let a strategy wish."""
        return self.floor.ask(*intents, by=by, occasion="manage").verdicts

    @initialize(size=st.sampled_from((0.3, 5.0, 500.0)))
    def liquidity(self, size: float) -> None:
        """Start thin or deep."""
        self.floor.size = size
        self.floor.show()

    @rule(name=st.sampled_from(NAMES), one=structures(), other=structures(), amount=AMOUNTS,
          pricing=PRICINGS)  # fmt: skip
    def open(
        self,
        name: str,
        one: tuple[str, tuple[Leg, ...]],
        other: tuple[str, tuple[Leg, ...]],
        amount: float | None,
        pricing: Pricing,
    ) -> None:
        """Wish for two new trades in one instant."""
        self.propose(
            *(
                wish(legs, strategy=name, underlying=underlying, amount=amount, pricing=pricing)
                for underlying, legs in (one, other)
            ),
            by=name,
        )

    @rule(number=st.integers(0, 9), action=st.sampled_from(("add", "roll", "hedge")),
          structure=structures(), amount=AMOUNTS, pricing=PRICINGS)  # fmt: skip
    def change(
        self,
        number: int,
        action: str,
        structure: tuple[str, tuple[Leg, ...]],
        amount: float | None,
        pricing: Pricing,
    ) -> None:
        """Wish to enlarge, roll or hedge what is held."""
        chain = self.chain(number)
        if chain is not None:
            underlying, legs = structure
            intent = wish(
                legs,
                strategy=chain.strategy,
                action="add" if action == "add" else "roll" if action == "roll" else "hedge",
                chain_id=chain.id,
                underlying=underlying,
                amount=amount,
                pricing=pricing,
            )
            self.propose(intent, by=chain.strategy)

    @rule(number=st.integers(0, 9), amount=AMOUNTS, patient=st.booleans())
    def close(self, number: int, amount: float | None, patient: bool) -> None:
        """Wish to close: approved whatever else holds, unless a close of it works already."""
        chain = self.chain(number)
        if chain is None or chain.pending or chain.spent:  # what nobody bids for is left
            return
        closing = [
            book
            for book in self.floor.engine.ledger.working(chain.id)
            if book.order.action == "close" and (patient or book.order.limit_net is None)
        ]
        pricing = Pricing(limit_net=0.002, lifetime=HOUR) if patient else Pricing(lifetime=DAY)
        intent = wish(
            (), strategy=chain.strategy, action="close", chain_id=chain.id, amount=amount,
            pricing=pricing, underlying=chain.underlying,
        )  # fmt: skip
        (verdict,) = self.propose(intent, by=chain.strategy)
        if isinstance(verdict, Refused):
            assert verdict.rule == "already_working", verdict
            assert closing

    @rule(
        factor=st.sampled_from((0.7, 0.93, 0.99, 1.0, 1.002, 1.01, 1.08, 1.4)),
        underlying=st.sampled_from(("BTC", "ETH")),
        seconds=st.sampled_from((1, 45, 600, 3600)),
    )
    def move(self, factor: float, underlying: str, seconds: int) -> None:
        """Move the market and let orders meet it."""
        self.floor.spot[underlying] *= factor
        self.floor.pass_time(seconds * SECOND)

    @rule(
        name=st.sampled_from(NAMES), one=structures(), other=structures(), amount=AMOUNTS,
        factor=st.sampled_from((0.995, 1.0, 1.004)),
    )  # fmt: skip
    def trade(
        self,
        name: str,
        one: tuple[str, tuple[Leg, ...]],
        other: tuple[str, tuple[Leg, ...]],
        amount: float | None,
        factor: float,
    ) -> None:
        """Wish for two new trades and give them a minute to fill."""
        self.open(name, one, other, amount, ANY_PRICE)
        self.move(factor, one[0], 60)

    @rule(
        number=st.integers(0, 9), action=st.sampled_from(("add", "roll", "hedge")),
        structure=structures(), amount=AMOUNTS,
    )  # fmt: skip
    def change_at_once(
        self,
        number: int,
        action: str,
        structure: tuple[str, tuple[Leg, ...]],
        amount: float | None,
    ) -> None:
        """Wish to change what is held, at any price, and give it a minute to fill."""
        self.change(number, action, structure, amount, ANY_PRICE)
        self.move(1.0, "BTC", 60)

    @rule(number=st.integers(0, 9))
    def hedge_what_is_sold(self, number: int) -> None:
        """Buy the next strike out beside what the chain sold first, same expiry."""
        chain = self.chain(number)
        sold = [leg.instrument for leg in chain.legs.values() if leg.amount < 0] if chain else []
        if chain is None or not sold or sold[0].strike is None:
            return
        strikes = STRIKES[chain.underlying]
        place = strikes.index(int(sold[0].strike)) + (1 if sold[0].option_type == "call" else -1)
        if 0 <= place < len(strikes):
            day = ((sold[0].expires_at or 0) - at_eight(0)) // DAY
            kind = "C" if sold[0].option_type == "call" else "P"
            legs = (Leg(contract(chain.underlying, day, strikes[place], kind), 1),)
            self.change_at_once(number, "hedge", (chain.underlying, legs), chain.units)

    @rule(number=st.integers(0, 9), share=st.sampled_from((0.25, 0.5, 1.0)))
    def add_the_same(self, number: int, share: float) -> None:
        """Sell more of what a chain of one leg sold."""
        chain = self.chain(number)
        if chain is not None and len(chain.legs) == 1:
            (leg,) = chain.legs.values()
            legs = (Leg(leg.instrument.name, -1.0 if leg.amount < 0 else 1.0),)
            amount = round(chain.units * share, 1) or 0.1
            self.change_at_once(number, "add", (chain.underlying, legs), amount)

    @rule(number=st.integers(0, 9), place=st.integers(0, 6), day=st.sampled_from(DAYS))
    def roll_one_leg(self, number: int, place: int, day: int) -> None:
        """Roll a chain of one leg to another strike and expiry."""
        chain = self.chain(number)
        if chain is not None and len(chain.legs) == 1:
            (leg,) = chain.legs.values()
            strikes = STRIKES[chain.underlying]
            kind = "P" if leg.instrument.option_type == "put" else "C"
            name = contract(chain.underlying, day, strikes[place % len(strikes)], kind)
            legs = (Leg(name, -1.0 if leg.amount < 0 else 1.0),)
            self.change_at_once(number, "roll", (chain.underlying, legs), None)

    @rule(size=st.sampled_from((0.0, 0.1, 0.5, 20.0, 500.0)))
    def sizes(self, size: float) -> None:
        """Change what is displayed."""
        self.floor.size = size
        self.floor.pass_time(SECOND)

    @rule(rate=st.sampled_from((-0.001, 0.0001)))
    def funding(self, rate: float) -> None:
        """Change the funding rate."""
        self.floor.send(FundingRate("BTC-PERPETUAL", rate, self.floor.at))

    @rule()
    def midnight(self) -> None:
        """Cross into the next UTC day."""
        self.floor.go_to((utc_day(self.floor.at) + 1) * DAY)

    @rule(told=st.booleans(), gone=st.booleans())
    def morning(self, told: bool, gone: bool) -> None:
        """Reach the next expiry; its delivery price may be known, its contracts may be gone."""
        at = next((at_eight(day) for day in DAYS if at_eight(day) > self.floor.at), None)
        if at is None:
            return
        self.floor.go_to(at)
        if gone:
            expired = [
                one.name
                for instruments in self.floor.listed.values()
                for one in instruments
                if one.expires_at is not None and one.expires_at <= at
            ]
            self.floor.send(InstrumentExpired(tuple(expired)))
        if told:
            self.deliver()

    @rule()
    def deliver(self) -> None:
        """Let every missing delivery price become known."""
        for _, underlying, expires_at in sorted(self.floor.engine.ledger.pending):
            price = self.floor.spot[underlying] * 1.01
            self.floor.send(DeliveryPrice(underlying, expires_at, price))

    @rule(name=st.sampled_from(NAMES), structure=structures(), seconds=st.sampled_from((1, 50)))
    def feed(self, name: str, structure: tuple[str, tuple[Leg, ...]], seconds: int) -> None:
        """Lose the feed: whatever is wished then is not opened, whatever works does not fill."""
        floor = self.floor
        floor.send(FeedLost("server_gone", ("*",), "gone"))
        underlying, legs = structure
        intent = wish(legs, strategy=name, underlying=underlying)
        verdicts = self.propose(intent, by=name)
        assert not any(isinstance(one, Approved) for one in verdicts)
        before = len(floor.records)
        floor.pass_time(seconds * SECOND)
        assert not any(isinstance(one.fact, facts.Filled) for one in floor.records[before:])
        floor.send(FeedRestored(("*",), "again"))
        floor.show()

    @rule(what=st.integers(0, 5), name=st.sampled_from(NAMES), number=st.integers(0, 9))
    def command(self, what: int, name: str, number: int) -> None:
        """Give a command."""
        chain = self.chain(number)
        by = {"by": "ann", "reason": "why not"}
        self.floor.send(
            (
                PauseTrading(**by, strategy=name),
                ResumeTrading(**by),
                FlattenAll(**by) if number == 0 else ResumeTrading(**by, strategy=name),
                Demote(**by, strategy=name, stage="RESEARCH"),
                Promote(**by, strategy=name, stage="PRODUCTION", override=True),
                ClosePosition(**by, chain_id=chain.id if chain else "C0-0"),
            )[what]
        )

    @rule()
    def restart(self) -> None:
        """Die and recover from the facts: the ledger is the one that was lost."""
        before = ledger_state(self.floor.engine.ledger)
        assert ledger_state(recovered(self.floor.records)) == before
        self.floor.restart()

    @invariant()
    def limits_hold(self) -> None:
        """No approval broke 1 % a trade, 3 % an underlying, 2 new trades a strategy and day."""
        self.books.take(self.floor.records)
        assert not self.books.wrong

    @invariant()
    def money_is_conserved(self) -> None:
        """Cash is what the facts moved, and every currency's books sum to zero."""
        for name, account in self.floor.engine.ledger.accounts.items():
            for currency, atoms in account.cash.items():
                assert self.books.cash[(name, currency)] == atoms
                books = sum(held for (_, one), held in account.books.items() if one == currency)
                assert books == 0

    @invariant()
    def risk_is_counted_alike(self) -> None:
        """What the ledger says its chains may lose is what our own count says."""
        for chain in self.floor.chains():
            _, usd, coin = self.books.chains.get(chain.id, [0.0, 0.0, 0.0])
            assert chain.settled or chain.risk_usd == pytest.approx(usd, abs=1e-6)
            assert chain.settled or chain.risk_coin == pytest.approx(coin, abs=1e-9)

    def teardown(self) -> None:
        """Read the whole story once more, as an auditor and as a recovery would."""
        assert self.floor.audit() == ()
        assert ledger_state(recovered(self.floor.records)) == ledger_state(self.floor.engine.ledger)
        super().teardown()


WALKS = {"ci": (24, 80), "thorough": (300, 150)}.get(
    os.environ.get("HYPOTHESIS_PROFILE", ""), (40, 100)
)
DEPTH = {"ci": (40, 25), "thorough": (1500, 60)}.get(
    os.environ.get("HYPOTHESIS_PROFILE", ""), (80, 30)
)
TestLimitsHold = LimitsHold.TestCase
TestLimitsHold.settings = settings(
    max_examples=DEPTH[0], stateful_step_count=DEPTH[1], deadline=None
)


def walk(seed: int, steps: int) -> LimitsHold:
    """Take the machine's own steps at random, denser in trades than short examples are."""
    random = Random(seed)
    machine = LimitsHold()
    machine.liquidity(random.choice((0.3, 5.0, 500.0)))
    for _ in range(steps):
        take_one_step(machine, random)
        machine.limits_hold()
        machine.money_is_conserved()
        machine.risk_is_counted_alike()
    return machine


def some_structure(random: Random) -> tuple[str, tuple[Leg, ...]]:
    """Draw a short option, a vertical, or a strangle."""
    underlying = random.choice(("BTC", "BTC", "BTC", "ETH"))
    strikes = STRIKES[underlying]
    day, kind = random.choice(DAYS), random.choice("CP")
    low, high = sorted(random.sample(range(len(strikes)), 2))
    near, far = (low, high) if kind == "C" else (high, low)
    short = Leg(contract(underlying, day, strikes[near], kind), -1)
    long = Leg(contract(underlying, day, strikes[far], kind), 1)
    other = Leg(contract(underlying, day, strikes[low], "P" if kind == "C" else "C"), -1)
    return underlying, random.choice(((short,), (short, long), (long,), (short, other)))


def take_one_step(machine: LimitsHold, random: Random) -> None:
    """Take one of the machine's rules, trades far more often than restarts."""
    number, name = random.randrange(10), random.choice(NAMES)
    amount = random.choice((None, None, None, 0.1, 0.3, 0.7, 2.0))
    match random.choices(range(13), (8, 4, 5, 8, 2, 4, 6, 2, 1, 1, 2, 2, 2))[0]:
        case 0:
            one, other = some_structure(random), some_structure(random)
            machine.trade(name, one, other, amount, random.choice((0.997, 1.0, 1.002)))
        case 1:
            machine.add_the_same(number, random.choice((0.25, 0.5, 1.0)))
        case 2:
            machine.roll_one_leg(number, random.randrange(7), random.choice(DAYS))
        case 3:
            machine.hedge_what_is_sold(number)
        case 4:
            machine.change(number, "add", some_structure(random), amount, Pricing(lifetime=HOUR))
        case 5:
            machine.close(number, amount, random.random() < 0.5)
        case 6:
            factor = random.choice((0.7, 0.95, 0.99, 1.0, 1.01, 1.05, 1.4))
            machine.move(factor, random.choice(("BTC", "ETH")), random.choice((1, 60, 900)))
            machine.floor.spot["BTC"] = min(max(machine.floor.spot["BTC"], 7e4), 1.15e5)
            machine.floor.spot["ETH"] = min(max(machine.floor.spot["ETH"], 2.5e3), 3.5e3)
        case 7:
            machine.sizes(random.choice((0.0, 0.1, 0.5, 20.0, 500.0)))
        case 8:
            machine.midnight()
        case 9:
            machine.morning(random.random() < 0.5, random.random() < 0.5)
            machine.deliver()
        case 10:
            machine.feed(name, some_structure(random), random.choice((1, 50)))
        case 11:
            machine.command(random.randrange(6), name, number)
        case _:
            machine.restart()


def test_random_walks_keep_every_limit() -> None:
    """Walks of a hundred steps, each named by its seed: limits, money and risk after every step.

    What the walks did is counted, so that they cannot become idle without notice.
    """
    walks, steps = WALKS
    done: Counter[str] = Counter()
    for seed in range(walks):
        try:
            machine = walk(seed, steps)
            machine.teardown()
        except Exception as error:
            error.add_note(f"walk of seed {seed}")
            raise
        for recorded in machine.floor.records:
            fact = recorded.fact
            done[type(fact).__name__] += 1
            if isinstance(fact, Approved | Refused):
                done[f"{type(fact).__name__} {fact.intent.action}"] += 1
    for what in ("open", "close", "add", "roll", "hedge"):
        assert done[f"Approved {what}"] > 0, done
        assert done[f"Refused {what}"] > 0, done
    assert done["Filled"] > 5 * walks, done
    assert done["Settled"] > walks / 4, done
    assert done["ChainEnded"] > walks, done


def test_the_machine_starts_before_its_first_expiry() -> None:
    """The story begins at 18:00 UTC, 14 hours before the first contracts expire."""
    assert at_eight(DAYS[0]) - NOW == 14 * HOUR
