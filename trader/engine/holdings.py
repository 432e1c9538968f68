"""What do an account's books say, whatever the market shows? Read off the ledger alone.

A view of it stands until a fact changes the books; prices come and go without it.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from trader.domain.units import from_atoms, tidy

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from trader.domain.instruments import Instrument
    from trader.engine.chains import LegBook
    from trader.engine.ledger import Ledger, WorkingBook


class Holdings:
    """One account's cash, chains and working orders: it does not outlive a change of the books."""

    def __init__(self, ledger: Ledger, name: str) -> None:
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
        return [leg for leg in legs if leg.instrument.kind != "option"]

    @functools.cached_property
    def free_coins(self) -> dict[str, float]:
        """What of each currency is not promised to a short call."""
        free = dict(self.cash)
        for chain in self.chains:
            _promise(free, [(leg.instrument, leg.amount) for leg in chain.legs.values()])
        for book in self.orders:
            if book.order.action in ("open", "add", "roll"):
                _promise(free, wanted(book))
        return free


def wanted(book: WorkingBook) -> Iterator[tuple[Instrument, float]]:
    """List what a working order would still trade, leg by leg."""
    for leg in book.order.legs:
        yield book.instruments[leg.instrument], leg.ratio * book.remaining


def _promise(free: dict[str, float], legs: Iterable[tuple[Instrument, float]]) -> None:
    """Take what the short calls of one structure, less its long ones, need as cover."""
    short: dict[str, float] = {}
    for instrument, amount in legs:
        if instrument.option_type == "call" and instrument.inverse:
            currency = instrument.settlement_currency
            short[currency] = short.get(currency, 0.0) - amount
    for currency, amount in short.items():
        free[currency] = tidy(free.get(currency, 0.0) - max(amount, 0.0))
