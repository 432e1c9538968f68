"""What do an account's books say, whatever the market shows? Read off the ledger alone.

A view of it stands until a fact changes the books; prices come and go without it.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from trader.domain.units import DOLLARS, from_atoms, tidy
from trader.domain.valuation import paid_in_full
from trader.risk.structure import coin_cost, uncovered_calls

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trader.domain.instruments import Instrument
    from trader.domain.trading import Delivery
    from trader.engine.chains import Chain, LegBook
    from trader.engine.ledger import Ledger
    from trader.engine.working_book import WorkingBook


class Holdings:
    """One account's cash, chains and working orders: it does not outlive a change of the books."""

    def __init__(self, ledger: Ledger, name: str) -> None:
        self._ledger = ledger
        self.account = ledger.account(name)
        self.chains = ledger.chains_of(name)
        self.orders = [book for book in ledger.orders.values() if book.order.account == name]
        self.cash = {currency: from_atoms(atoms) for currency, atoms in self.account.cash.items()}
        self.owned = {currency for currency, atoms in self.account.cash.items() if atoms}

    @functools.cached_property
    def net(self) -> Mapping[str, tuple[Instrument, float]]:
        """What is held of each instrument, over all chains."""
        net: dict[str, tuple[Instrument, float]] = {}
        for chain in self.chains:
            for leg in chain.legs.values():
                _, held = net.get(leg.instrument.name, (leg.instrument, 0.0))
                net[leg.instrument.name] = (leg.instrument, tidy(held + leg.amount))
        return net

    @functools.cached_property
    def futures(self) -> list[LegBook]:
        """Legs whose result counts as margin balance before they are closed."""
        legs = [leg for chain in self.chains for leg in chain.legs.values()]
        return [leg for leg in legs if not paid_in_full(leg.instrument)]

    @functools.cached_property
    def free_coins(self) -> dict[str, float]:
        """What of each currency is promised neither to a short call nor to a put's coin."""
        free = dict(self.cash)
        for chain in self.chains:
            _promise(free, _at_most(chain), chain.delivery)
        for book in self.orders:
            if book.order.action in ("open", "add", "roll"):
                _promise(free, wanted(book), self._ledger.chain(book.order.chain_id).delivery)
        return free


def _at_most(chain: Chain) -> list[tuple[Instrument, float]]:
    """List what a chain holds, leg by leg; of a session that quotes the most it may have sold."""
    if chain.session is not None and chain.quotes:
        return [(chain.session.instrument, -chain.session.inventory_max)]
    return [(leg.instrument, leg.amount) for leg in chain.legs.values()]


def wanted(book: WorkingBook) -> list[tuple[Instrument, float]]:
    """List what a working order would still trade, leg by leg."""
    left = book.remaining
    return [(book.instruments[leg.instrument], leg.ratio * left) for leg in book.order.legs]


def _promise(
    free: dict[str, float], legs: Sequence[tuple[Instrument, float]], delivery: Delivery
) -> None:
    """Take what the gate counted as cover: coins of short calls that no long one covers, and what
    short puts may have to pay for coin where that is delivered.
    """
    promised = uncovered_calls(legs)
    if delivery == "spot":
        promised[DOLLARS] = promised.get(DOLLARS, 0.0) + max(coin_cost(legs), 0.0)
    for currency, amount in promised.items():
        free[currency] = tidy(free.get(currency, 0.0) - amount)
