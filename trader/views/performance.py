"""What did trading earn, in USD and in coin, against holding, and from which source?

The account: what holding its starting balances would be worth is taken out, hour by hour. A
strategy, a chain: the money that it moved. Sums are whole atoms, so parts add up exactly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from trader.domain.facts import AccountMarked, AccountOpened, ChainEnded, Filled, OrderPlaced
from trader.domain.units import ATOMS_PER_UNIT, DOLLARS, from_atoms
from trader.engine.sources import SOURCES, Sources

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from trader.domain.facts import Recorded
    from trader.engine.sources import Move, Source

COIN: Final = "BTC"
"""The coin that results are told in beside USD."""
POINTS_MAX: Final = 20_000
"""Points kept of the account; of a longer life the older half grows coarser."""
STRATEGY_POINTS_MAX: Final = 4_000


class Parts(msgspec.Struct, frozen=True, gc=False):
    """A result and its sources, in atoms of one unit. Invariant: the parts add up to the total.

    `premium` is that of the options that were opened, `delta` what the market did (payoffs, what
    closing cost, results of perpetuals and coin, marks of what is open), `fees` and `funding` as
    they were paid.
    """

    premium: int = 0
    delta: int = 0
    fees: int = 0
    funding: int = 0

    @property
    def total(self) -> int:
        """The whole result."""
        return self.premium + self.delta + self.fees + self.funding

    def over(self, price: float) -> Parts:
        """Tell the same in a unit that costs `price`, a positive number, of this one."""
        total, premium, fees, funding = (
            round(one / price) for one in (self.total, self.premium, self.fees, self.funding)
        )
        return Parts(premium, total - premium - fees - funding, fees, funding)


class Point(msgspec.Struct, frozen=True, gc=False):
    """What had been earned by an instant. `parts` in USD; `coin_usd` is the index of BTC then, 0
    before it is known; `equity_usd` 0 where it is not of an account.
    """

    at: int
    parts: Parts
    coin_usd: float
    equity_usd: float = 0.0

    @property
    def trading_usd(self) -> float:
        """The result against holding."""
        return from_atoms(self.parts.total)

    @property
    def holding_usd(self) -> float:
        """What the starting balances would be worth."""
        return self.equity_usd - self.trading_usd


class Flows:
    """Money that was moved, by currency and source. Invariant: nothing but moves is in it."""

    __slots__ = ("atoms",)

    def __init__(self) -> None:
        self.atoms: dict[str, dict[Source, int]] = {}

    def add(self, move: Move) -> None:
        """Count one move."""
        sums = self.atoms.setdefault(move.currency, {})
        sums[move.source] = sums.get(move.source, 0) + move.atoms

    def take(self, other: Flows) -> None:
        """Count all of another's."""
        for currency, sums in other.atoms.items():
            own = self.atoms.setdefault(currency, {})
            for source, atoms in sums.items():
                own[source] = own.get(source, 0) + atoms

    def parts(self, currency: str) -> Parts:
        """Tell what was moved of one currency, in its atoms."""
        sums = self.atoms.get(currency, {})
        return Parts(*(sums.get(source, 0) for source in SOURCES))

    def priced_by(self, rates: Mapping[str, float]) -> bool:
        """Whether `rates` price every currency that was moved."""
        return all(currency in rates for currency in self.atoms)

    def valued(self, rates: Mapping[str, float], total_usd: float | None = None) -> Parts:
        """Value them at `rates` (USD per unit), in atoms of a USD.

        With a `total_usd` given, what is not explained by them is what the market did: positions
        that are held have a value that was not moved yet.

        Raises:
            KeyError: a currency has no rate.
        """
        of: dict[Source, float] = dict.fromkeys(SOURCES, 0.0)
        for currency, sums in self.atoms.items():
            for source, atoms in sums.items():
                of[source] += atoms * rates[currency]
        whole = {source: round(amount) for source, amount in of.items()}
        parts = Parts(*(whole[source] for source in SOURCES))
        if total_usd is None:
            return parts
        total = round(total_usd * ATOMS_PER_UNIT)
        return Parts(parts.premium, total - parts.total + parts.delta, parts.fees, parts.funding)


class Performance:
    """The fold of what was earned: of each account hour by hour, and of each strategy's ended
    chains at the same hours, valued at the same indices.

    Facts come in the journal's order.
    """

    def __init__(self) -> None:
        self._sources = Sources()
        self._accounts: dict[str, Flows] = {}
        self._strategies: dict[tuple[str, str], Flows] = {}
        self._chains: dict[str, Flows] = {}
        self._whose: dict[str, str] = {}
        self._points: dict[str, list[Point]] = {}
        self._strategy_points: dict[tuple[str, str], list[Point]] = {}
        self._rates: dict[str, float] = {DOLLARS: 1.0}

    def apply(self, recorded: Recorded) -> None:
        """Fold one fact in."""
        fact = recorded.fact
        match fact:
            case AccountOpened():
                self._accounts[fact.account] = Flows()
            case OrderPlaced():
                self._rates[fact.order.underlying] = fact.index
            case Filled():
                self._whose[fact.chain_id] = fact.account
            case ChainEnded():
                self._ended(fact)
            case AccountMarked():
                self._mark(recorded.at, fact)
            case _:
                pass
        for move in self._sources.moves(fact):
            self._chains.setdefault(move.chain_id, Flows()).add(move)
            self._accounts[self._whose[move.chain_id]].add(move)

    def account(self, name: str) -> tuple[Point, ...]:
        """List what an account had earned, hour by hour; empty before its first mark."""
        return tuple(self._points.get(name, ()))

    def strategy(self, account: str, strategy: str) -> tuple[Point, ...]:
        """List what the ended chains of a strategy had earned, from the hour before the first."""
        return tuple(self._strategy_points.get((account, strategy), ()))

    def strategies(self, account: str) -> tuple[str, ...]:
        """Name the strategies with ended chains on an account."""
        return tuple(sorted(name for where, name in self._strategies if where == account))

    def rates(self) -> dict[str, float]:
        """Tell the last known USD per unit of each currency."""
        return dict(self._rates)

    def ended_usd(self, account: str) -> Parts:
        """Add up what all ended chains of an account earned, at the last indices."""
        flows = Flows()
        for (where, _), one in self._strategies.items():
            if where == account:
                flows.take(one)
        return flows.valued(self._rates)

    def _ended(self, fact: ChainEnded) -> None:
        flows = self._chains.pop(fact.chain_id, Flows())
        self._whose.pop(fact.chain_id, None)
        self._strategies.setdefault((fact.account, fact.strategy), Flows()).take(flows)

    def _mark(self, at: int, fact: AccountMarked) -> None:
        self._rates.update(fact.indices)
        flows, rates = self._accounts[fact.account], self._rates
        if not flows.priced_by(rates):
            return
        coin = rates.get(COIN, 0.0)
        parts = flows.valued(rates, fact.trading_pnl_usd)
        points = self._points.setdefault(fact.account, [])
        zero = [Point(one.at, Parts(), one.coin_usd) for one in points[-1:]]
        _keep(points, Point(at, parts, coin, fact.equity_usd), POINTS_MAX)
        for key, ended in self._strategies.items():
            if key[0] == fact.account:
                mine = self._strategy_points.setdefault(key, zero.copy())
                _keep(mine, Point(at, ended.valued(rates), coin), STRATEGY_POINTS_MAX)


def flows_of_chain(chain_id: str, records: Iterable[Recorded]) -> Flows:
    """Add up what one chain moved, from facts among which are all of its own."""
    flows, sources = Flows(), Sources()
    for recorded in records:
        for move in sources.moves(recorded.fact):
            if move.chain_id == chain_id:
                flows.add(move)
    return flows


def _keep(points: list[Point], point: Point, most: int) -> None:
    """Append a point; beyond `most` of the older half every second one goes."""
    points.append(point)
    if len(points) > most:
        older = len(points) // 2
        points[:older] = points[:older:2]
